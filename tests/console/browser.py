"""A real browser for the tests: Debian's Chromium, driven by Playwright, and a console to visit.

The console runs in a thread of the test, by the meet's own clock, so that a
test decides how long ago something was.
"""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from meetlog.console.serving import Server
from meetlog.console.signs import Signs
from meetlog.console.state import Console
from meetlog.opening import open_meet
from tests.console.visits import LOGIN
from wire.settings import ConsoleSettings

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
PHONE: ViewportSize = {"width": 390, "height": 844}
LAPTOP: ViewportSize = {"width": 1366, "height": 768}
WALL: ViewportSize = {"width": 2560, "height": 1440}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. Without one a test is skipped, except where all tests must be run."""
    if CHROMIUM is None:
        told = "Debian's chromium is not installed: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Served:
    """A console on a port. `now` is its clock (ns UTC); `stop` takes it away."""

    def __init__(self, folder: Path, now: int, settings: ConsoleSettings) -> None:
        self.now = now
        self._folder = folder
        self._settings = settings
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._run, name="console")
        self._thread.start()

    def _run(self) -> None:
        with open_meet(self._folder) as opened:
            console = Console(opened, self._settings, Signs(), login=LOGIN, now=lambda: self.now)
            self._server = Server(console)
            self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """End it, if it has not ended."""
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()
        self._listener.close()


@contextmanager
def served(folder: Path, now: int, settings: ConsoleSettings | None = None) -> Iterator[Served]:
    """The console of a meet, for the length of the block."""
    console = Served(folder, now, settings or ConsoleSettings())
    try:
        yield console
    finally:
        console.stop()


def shut_out(page: Any) -> list[str]:
    """What axe finds on a page that shuts somebody out, gravely: a line each."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{v['id']} ({v['impact']}): {node['html'][:160]}: {node['failureSummary']}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]
