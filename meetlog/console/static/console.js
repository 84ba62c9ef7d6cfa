// What pages do by themselves: keep their parts up to date, let clocks run, obey keys.
// Everything else works without it.
"use strict";
{
  const body = document.body;
  const MICRO = 1000;
  const QUIET_MS = 4000; // the server sends a beat every second
  let ahead = Number(body.dataset.now) / MICRO - Date.now(); // the server's clock before ours, ms
  const now = () => Date.now() + ahead;

  // -- clocks ----------------------------------------------------------------
  const age = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 120) return `${s} s ago`;
    if (s < 7200) return `${Math.floor(s / 60)} min ago`;
    return s < 172800 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} days ago`;
  };
  const two = (n) => String(n).padStart(2, "0");
  const gun = (ms, digits) => {
    const s = Math.max(0, ms) / 1000;
    const whole = Math.floor(s);
    const rest = digits ? `.${Math.floor((s - whole) * 10)}` : "";
    const minutes = Math.floor(whole / 60);
    const hours = Math.floor(minutes / 60);
    const head = hours ? `${hours}:${two(minutes % 60)}` : `${minutes}`;
    return `${head}:${two(whole % 60)}${rest}`;
  };
  const set = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const still = body.classList.contains("past");
  const tick = () => {
    if (still) return;
    for (const e of document.querySelectorAll("[data-ago]"))
      set(e, age(now() - Number(e.dataset.ago) / MICRO));
    for (const e of document.querySelectorAll("[data-clock]"))
      set(e, new Date(now() + Number(e.dataset.clock) * 1000).toISOString().slice(11, 19));
  };
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const race = () => {
    for (const e of document.querySelectorAll("[data-gun]"))
      set(e, gun(now() - Number(e.dataset.gun) / MICRO, !calm));
  };
  setInterval(tick, 500);
  setInterval(race, calm ? 1000 : 100);

  // -- live parts -------------------------------------------------------------
  const lost = document.getElementById("lost");
  let heard = Date.now();
  let source = null;
  const hear = () => {
    heard = Date.now();
    if (!lost.hidden) {
      lost.hidden = true;
      body.classList.remove("stale");
    }
  };
  const put = (part, markup) => {
    const element = document.getElementById(part);
    if (!element) return;
    Idiomorph.morph(element, markup, { morphStyle: "innerHTML", ignoreActiveValue: true });
    tick();
    race();
    if (part === "strip") announce();
  };
  let told = "";
  const announce = () => {
    const state = document.getElementById("state");
    if (!state || state.dataset.key === told) return;
    told = state.dataset.key;
    document.getElementById("announce").textContent = state.textContent.trim();
  };
  const open = () => {
    if (source || !body.dataset.live) return;
    const parts = new URLSearchParams(body.dataset.live.split("?")[1] || "").get("parts");
    source = new EventSource(body.dataset.live);
    for (const part of parts ? parts.split(",") : ["board"])
      source.addEventListener(part, (e) => {
        hear();
        put(part, e.data);
      });
    source.addEventListener("beat", (e) => {
      hear();
      const beat = JSON.parse(e.data);
      ahead = beat.now / MICRO - Date.now();
      if (beat.position === undefined) return;
      body.dataset.position = beat.position;
      const slide = document.getElementById("slide");
      if (slide && document.activeElement !== slide) {
        slide.max = beat.position;
        slide.value = beat.position;
        set(document.getElementById("slide-told"), `event ${beat.position} of ${beat.position}`);
      }
    });
  };
  const close = () => {
    if (source) source.close();
    source = null;
  };
  // A browser has six connections to one server: pages that nobody sees give theirs up.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else {
      heard = Date.now();
      open();
    }
  });
  setInterval(() => {
    if (!body.dataset.live || document.hidden || Date.now() - heard < QUIET_MS) return;
    if (lost.hidden) {
      document.getElementById("lost-at").textContent = new Date(heard).toTimeString().slice(0, 8);
      lost.hidden = false;
      body.classList.add("stale");
    }
    if (source && source.readyState === EventSource.CLOSED) {
      close(); // refused, not only broken: asked again from the start
      open();
    }
  }, 1000);
  open();

  // -- saying something of what was seen ----------------------------------------
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[data-say]");
    if (!link) return;
    const url = new URL(link.href);
    url.searchParams.set("seen", body.dataset.position);
    link.href = url;
  });

  // -- the time slider -----------------------------------------------------------
  const slide = document.getElementById("slide");
  if (slide) {
    const at = document.getElementById("at");
    slide.addEventListener("input", () => {
      at.value = slide.value;
      set(document.getElementById("slide-told"), `event ${slide.value} of ${slide.max}`);
    });
    let keyed = 0;
    slide.addEventListener("change", () => {
      // Each press of an arrow is a change; the page follows when the last one is done.
      clearTimeout(keyed);
      keyed = setTimeout(() => slide.form.requestSubmit(), 600);
    });
  }

  // -- theme and keys ---------------------------------------------------------------
  const button = document.getElementById("theme");
  if (button)
    button.addEventListener("click", () => {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const has = document.documentElement.dataset.theme || (dark ? "dark" : "light");
      const next = has === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      localStorage.setItem("theme", next);
    });
  const keys = document.getElementById("keys");
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    if (e.target.closest("input:not([type=range]), select, textarea, dialog")) return;
    const tab = [...document.querySelectorAll("a[data-key]")].find((a) => a.dataset.key === e.key);
    if (tab) tab.click();
    else if (e.key === "?" && keys) keys.showModal();
    else if (e.key === "/") document.querySelector("main input:not([type=hidden])")?.focus();
    else if (e.key === "t") slide?.focus();
    else if (e.key === "n" && body.classList.contains("past"))
      document.querySelector(".past-bar a").click();
    else if (e.key === "s") location.href = "/say";
    else return;
    e.preventDefault();
  });
  tick();
  race();
  announce();
}
