"""The pictures of the docs, made again: `make screenshots`.

The demo meet is played on this computer, and its console is photographed in
Debian's Chromium: while a heat is in the water, and after. The pictures are
looked at by people; no test compares them.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.console.browser import LAPTOP, PHONE, WALL, chromium
from tests.meetlog.calls import ROOT

IMAGES = ROOT / "docs" / "images"
PATIENCE = 40_000  # ms until something of the demo must have come


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """The demo meet, played until the block ends; the address of its console."""
    code = "from meetlog.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code, "demo", "--stay", "--into", str(folder)],
        stdout=subprocess.PIPE, cwd=ROOT, text=True,
    ) as process:  # fmt: skip
        try:
            yield _address(process)
        finally:
            process.kill()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if "console at " in line:
            return line.split()[-1].rstrip("/")
    raise AssertionError("the demo offered no console")


def take(browser: Browser, url: str) -> None:
    """All pictures."""
    context = browser.new_context(viewport=LAPTOP, base_url=url, color_scheme="light")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/")
    # In the second heat, with some of its times.
    swimming = page.locator("#heat .final a")
    expect(page.locator("#heat")).to_contain_text("heat 2", timeout=PATIENCE)
    expect(swimming.nth(1)).to_be_visible(timeout=PATIENCE)
    picture(page, "now")
    for name, size in (("phone", PHONE), ("wall", WALL)):
        other = browser.new_context(viewport=size, base_url=url, color_scheme="dark")
        shown = other.new_page()
        shown.goto("/")
        expect(shown.locator("#heat tbody tr").first).to_be_visible(timeout=PATIENCE)
        picture(shown, name)
        if name == "wall":
            shown.goto("/board")
            picture(shown, "board")
            shown.goto("/overlay")
            picture(shown, "overlay")
        other.close()
    expect(page.locator("#files li")).to_have_count(6, timeout=PATIENCE)
    for name, path in (
        ("crossings", "/crossings"), ("results", "/results"), ("race", "/race?race=1/1/1"),
        ("explain", "/explain?race=1/1/1&lane=1"), ("sources", "/sources"),
        ("past", "/?at=150"), ("api", "/api"), ("sign-in", "/sign-in"),
    ):  # fmt: skip
        page.goto(path)
        picture(page, name)
    page.goto("/crossings")
    page.locator("#crossings tbody tr").first.get_by_role("link").first.click()
    picture(page, "crossing")
    _state(page)
    context.close()


def _state(page: Page) -> None:
    """A correction: what it would do, what was said, and what changed meanwhile."""
    page.goto("/sign-in")
    page.get_by_label("Operator").fill("Ada")
    page.get_by_role("button", name="Sign in").click()
    fields = {"Rule": "6.2", "What was done": "left early", "Why": "seen by the starter"}
    for name in ("tried", "stale"):
        page.goto(f"/say/dq?race=1/1/1&lane=3{'&seen=200' if name == 'stale' else ''}")
        for label, text in fields.items():
            page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Show what it would do").click()
        picture(page, name)
        if name == "tried":
            page.get_by_role("button", name="State it as Ada").click()
            page.goto("/history")
            picture(page, "said")


def picture(page: Page, name: str) -> None:
    """One picture, of what fits the screen."""
    page.wait_for_load_state("load")
    page.screenshot(path=IMAGES / f"{name}.png")
    print(IMAGES / f"{name}.png")


def main() -> None:
    """Make them all."""
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        demo(Path(folder) / "demo") as url,
    ):
        take(browser, url)


if __name__ == "__main__":
    main()
