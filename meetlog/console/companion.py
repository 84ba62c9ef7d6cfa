"""The companion: the process of its own that serves the console of a `run`. See `beside`."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import anyio
import msgspec
import uvicorn

from meetlog.console.beside import Told
from meetlog.console.errors import CannotServe
from meetlog.console.serving import bind, serve, url_of
from meetlog.console.signs import MOST_LINE, Signs
from meetlog.exits import explain
from meetlog.settings import MeetError, load
from store.log import StoreError
from wire.errors import WireError

NICE = 10  # who receives and appends goes first, however many pages are open


def main(path: Path, heard: IO[bytes], say: Callable[[Told], None]) -> None:
    """Serve the console of the meet at `path` until `heard` ends."""
    if sys.platform != "win32":
        os.nice(NICE)
    signs = Signs()
    try:
        settings, _ = load(path)
        listener = bind(settings.console)
        url = url_of(settings.console, listener)
        ready = partial(_ready, heard, signs, say, url)
        anyio.run(serve, path, settings.console, listener, signs, ready)
    except CannotServe as error:
        say(Told(problem=str(error)))
    except (MeetError, StoreError, WireError, OSError, ExceptionGroup) as error:
        told = explain(error)
        if told is None:
            raise
        say(Told(problem=told[1]))


def _ready(
    heard: IO[bytes], signs: Signs, say: Callable[[Told], None], url: str, server: uvicorn.Server
) -> None:
    """Listen for signs in a thread, whose end is the server's."""

    def listen() -> None:
        while line := heard.readline(MOST_LINE):
            with suppress(msgspec.DecodeError):  # the next one comes in half a second
                signs.give(line)
        server.should_exit = True

    threading.Thread(target=listen, name="signs", daemon=True).start()
    say(Told(url=url))


def _say(told: Told) -> None:
    print(msgspec.json.encode(told).decode(), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(Path(sys.argv[1]), sys.stdin.buffer, _say)
