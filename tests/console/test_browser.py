"""The console in a real Chromium, on a meet that goes on while one looks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.console.browser import LAPTOP, PHONE, WALL, Served, chromium, served, shut_out
from tests.console.lively import LivelyMeet, lively
from tests.console.visits import SECRET, register
from tests.meetlog.calls import call
from tests.meetlog.meets import read
from wire.settings import ConsoleSettings
from wire.stamps import NS

RACE = "67/4A/1"
PATHS = [
    "/", "/crossings", "/results", "/race?race=67/4A/1", "/explain?race=67/4A/1&lane=1", "/sources",
    "/quarantine", "/alarms", "/history", "/events", "/compare?a=9&b=20", "/api",
]  # fmt: skip
SPOKEN = ["/say", "/say/dq?race=67/4A/1&lane=1", "/say/operator-add", "/say/adopt"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def meet(tmp_path: Path) -> LivelyMeet:
    return lively(tmp_path / "meet")


@pytest.fixture
def console(meet: LivelyMeet) -> Iterator[Served]:
    now = meet.log.head().recorded_at + 5 * NS
    with served(meet.folder, now, ConsoleSettings(public_board=True)) as found:
        yield found
    meet.log.close()


@pytest.fixture
def troubles() -> list[str]:
    """What the browser complains about."""
    return []


@pytest.fixture
def context(browser: Browser, console: Served, troubles: list[str]) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=LAPTOP, base_url=console.url)
    context.set_default_timeout(15_000)
    context.on(
        "console", lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None
    )
    context.on("weberror", lambda e: troubles.append(str(e.error)))
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def sign_in(page: Page, name: str = "Ada", secret: str = "") -> None:
    page.goto("/sign-in")
    page.get_by_label("Operator").fill(name)
    page.get_by_label("Secret").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text(f"{name}, ")).to_be_visible()


def test_the_heat_comes_in_while_one_looks(
    page: Page, meet: LivelyMeet, troubles: list[str]
) -> None:
    page.goto("/")
    expect(page.locator("#heat")).to_contain_text("Event 4A heat 2")
    expect(page.locator("#state")).to_contain_text("Nothing needs attention")
    chips = b"chip,swimmer\n123,101\n456,102\n777,103\n"
    meet.file("chips.csv", chips)
    meet.receive([read(600_000, "", "Finish", 0)])
    expect(page.locator("#heat")).to_contain_text("in the water")
    expect(page.locator(".race-clock")).to_have_text(re.compile(r"^\d+:\d\d(:\d\d)?\.\d$"))
    meet.receive([read(614_000, "777", "Turn")])
    expect(page.locator("#heat tr", has_text="Cora Cole")).to_contain_text("14.00")
    meet.receive([read(629_500, "777", "Finish", 1)])
    expect(page.locator("#heat .provisional")).to_contain_text("29.50 provisional")
    meet.receive([read(629_800, "777", "Finish")])
    expect(page.locator("#heat .provisional")).to_have_count(0)
    expect(page.locator("#heat .final").first).to_have_text("29.80")
    expect(page.locator("#crossings tbody tr").first).to_contain_text("Cora Cole")
    assert troubles == []


def test_a_source_falls_silent_and_returns(page: Page, meet: LivelyMeet, console: Served) -> None:
    page.goto("/")
    card = page.locator(".card", has_text="finish-mat")
    expect(card).to_contain_text("connected")
    console.now += 90 * NS
    expect(page.locator("#state")).to_contain_text("No bytes from finish-mat for 95 s.")
    expect(page.locator("#troubles")).to_contain_text("nothing already received is lost")
    expect(card).to_contain_text("Last byte95 s ago")
    meet.disconnect()
    expect(card).to_contain_text("disconnected: the peer reset the connection")
    meet.connect(2)
    meet.receive([read(100_000, "123", "Turn")], 2)
    console.now = meet.log.head().recorded_at + NS
    expect(page.locator("#state")).to_contain_text("Nothing needs attention")
    expect(card).to_contain_text("1 gap in its coverage")


def test_a_correction_and_its_undo(page: Page, meet: LivelyMeet, troubles: list[str]) -> None:
    sign_in(page)
    page.goto(f"/race?race={RACE}")
    page.get_by_role("link", name="Correct lane 1").click()
    page.get_by_role("link", name="Disqualify").click()
    page.get_by_label("Rule").fill("6.2")
    page.get_by_label("Why").fill("seen by the starter")
    page.get_by_role("button", name="Show what it would do").click()
    changes = page.get_by_role("table", name="Before and after")
    expect(changes).to_contain_text("none -> DQ")
    expect(page.get_by_text("To be published: revision 2")).to_be_visible()
    page.get_by_role("button", name="State it as Ada").click()
    expect(page.get_by_role("heading", name="Stated")).to_be_visible()
    page.goto(f"/race?race={RACE}")
    expect(page.locator("#lane-1")).to_contain_text("disqualified (DQ)")
    meet.publish()
    page.reload()
    expect(page.locator(".timeline li")).to_have_count(2)
    expect(page.locator("table.changes")).to_contain_text("status")
    page.get_by_role("link", name="Undo").click()
    page.get_by_label("Why").fill("the starter was wrong")
    page.get_by_role("button", name="Show what it would do").click()
    page.get_by_role("button", name="State it as Ada").click()
    page.goto(f"/race?race={RACE}")
    expect(page.locator("#lane-1")).not_to_contain_text("DQ")
    assert troubles == []


def test_what_changed_meanwhile_is_refused_with_both_versions(page: Page, meet: LivelyMeet) -> None:
    sign_in(page)
    page.goto(f"/say/set-time?race={RACE}&lane=1")
    call("set-time", RACE, "1", "30.00", "-r", "watch", "-m", meet.folder)
    page.get_by_label("Final time").fill("31.00")
    page.get_by_label("Why").fill("video")
    page.get_by_role("button", name="Show what it would do").click()
    refusal = page.get_by_role("alert").filter(has_text="Refused")
    expect(refusal).to_contain_text("it has changed since you looked")
    expect(refusal.get_by_role("row", name="time")).to_contain_text("30.1230.00")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    for key, heading in (("2", "Crossings"), ("3", "Results"), ("7", "What was said")):
        page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", level=1, name="Crossings")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("456")
    page.keyboard.press("Enter")
    expect(page.locator("#crossings tbody tr")).to_have_count(2)
    page.keyboard.press("s")
    expect(page.get_by_label("Operator")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Say something")).to_be_visible()
    page.get_by_role("link", name="Close a heat").press("Enter")
    page.get_by_label("Race").press("ArrowDown")
    page.get_by_label("Why").press("Enter")
    expect(page.get_by_role("button", name="State it as Ada")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Stated")).to_be_visible()


def test_the_past_is_dressed_and_cannot_be_edited(page: Page) -> None:
    sign_in(page)
    page.goto(f"/race?race={RACE}")
    expect(page.get_by_role("link", name="Correct lane 1")).to_be_visible()
    page.keyboard.press("t")
    expect(page.get_by_label("Time", exact=True)).to_be_focused()
    page.get_by_label("As known at").fill("11")
    page.get_by_role("button", name="Look back").click()
    expect(page.get_by_role("status")).to_contain_text("The past. Everything here is as it was")
    expect(page.locator("body")).to_have_class("past")
    expect(page.locator("#heat")).to_contain_text("Event 4A heat 1")
    expect(page.locator("a[data-say], main form[method=post]")).to_have_count(0)
    frame = page.evaluate("getComputedStyle(document.body).borderTopWidth")
    assert frame == "10px"
    page.get_by_role("link", name="Compare with now").click()
    expect(page.get_by_role("table", name="What differs")).to_contain_text("31.45")
    page.goto(f"/race?race={RACE}&at=11")
    page.keyboard.press("n")
    expect(page.locator("body")).not_to_have_class("past")
    slider = page.get_by_label("Time", exact=True)
    slider.focus()
    slider.press("ArrowLeft")
    expect(page.get_by_role("status")).to_contain_text("The past.")


def test_an_unknown_chip_is_assigned_and_an_alarm_acknowledged(
    page: Page, meet: LivelyMeet
) -> None:
    sign_in(page)
    page.goto("/quarantine")
    page.locator("tr", has_text="unknown chip 999").get_by_role("link", name="Assign").click()
    page.get_by_label("Swimmer").fill("103")
    page.get_by_label("Why").fill("new chip")
    page.get_by_role("button", name="Show what it would do").click()
    page.get_by_role("button", name="State it as Ada").click()
    page.goto("/crossings?chip=999")
    expect(page.locator("#crossings")).to_contain_text("Cora Cole")
    for n in range(3):
        meet.receive([read(600_000 + n * 100_000, "", "Finish", 0)])
    page.goto("/alarms")
    page.get_by_role("link", name="I have seen it").first.click()
    page.get_by_role("button", name="Show what it would do").click()
    page.get_by_role("button", name="State it as Ada").click()
    page.goto("/alarms")
    expect(page.locator(".troubles li.seen")).to_contain_text("seen by Ada")


def test_a_crossing_shows_its_reads_and_a_time_its_bytes(page: Page) -> None:
    page.goto("/crossings?chip=456")
    page.locator("#crossings tbody tr", has_text="Finish").get_by_role("link").first.click()
    reads = page.get_by_role("table", name="The reads of the crossing")
    expect(reads).to_contain_text("suppressed")
    expect(reads).to_contain_text("superseded by a best-seen read")
    expect(page.get_by_role("img", name="2 reads by signal over time")).to_be_visible()
    page.goto(f"/race?race={RACE}")
    page.get_by_role("link", name="30.12").click()
    expect(page.locator(".chain")).to_contain_text('"Chip":123')


def test_a_page_whose_console_is_gone_says_so(page: Page, console: Served) -> None:
    page.clock.install()
    page.goto("/")
    expect(page.locator("#lost")).to_be_hidden()
    console.stop()
    page.clock.fast_forward("00:10")  # far longer than the server is ever silent
    expect(page.get_by_role("alert")).to_contain_text("Not live")


def test_without_scripts_everything_is_said(browser: Browser, console: Served) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=console.url)
    page = context.new_page()
    sign_in(page)
    page.goto("/")
    expect(page.locator("#strip")).to_contain_text("durable 5 s ago")
    page.goto(f"/say/no-show?race={RACE}&lane=1")
    page.get_by_label("Why").fill("nobody came")
    page.get_by_role("button", name="Show what it would do").click()
    page.get_by_role("button", name="State it as Ada").click()
    expect(page.get_by_role("heading", name="Stated")).to_be_visible()
    context.close()


def test_the_board_shows_the_heat_and_nothing_else(
    page: Page, meet: LivelyMeet, troubles: list[str]
) -> None:
    for path in ("/board", "/overlay"):
        page.goto(path)
        expect(page.locator("#board")).to_contain_text("Dina Dunn")
        meet.receive([read(600_000, "", "Finish", 0)])
        expect(page.locator("#board [data-gun]")).to_have_text(re.compile(r"\d:\d\d\.\d"))
        assert page.locator("nav, form, input").count() == 0
    assert troubles == []


@pytest.mark.parametrize("size", [PHONE, LAPTOP, WALL], ids=["phone", "laptop", "wall"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(
    browser: Browser,
    console: Served,
    meet: LivelyMeet,
    size: ViewportSize,
    scheme: Literal["light", "dark"],
) -> None:
    meet.disconnect()
    context = browser.new_context(
        viewport=size,
        color_scheme=scheme,
        base_url=console.url,
    )
    page = context.new_page()
    sign_in(page)
    for path in (*PATHS, *SPOKEN, "/?at=15", "/sign-in", "/board"):
        page.goto(path)
        assert shut_out(page) == [], path
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{path} is {wide} px wider than the screen"
    context.close()


def test_on_a_phone_fingers_find_what_they_press(browser: Browser, console: Served) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, base_url=console.url)
    page = context.new_page()
    sign_in(page)
    page.goto(f"/race?race={RACE}")
    for control in page.locator("button:visible, .act:visible, .tabs a:visible").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 38, control.inner_text()
    context.close()


def test_from_elsewhere_one_signs_in_by_secret(page: Page, meet: LivelyMeet) -> None:
    register(meet.folder)
    page.goto("/sign-in")
    page.get_by_label("Operator").fill("Ref")
    page.get_by_label("Secret").fill("wrong secret")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the secret of Ref")
    page.get_by_label("Secret").fill(SECRET)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Ref, referee")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
