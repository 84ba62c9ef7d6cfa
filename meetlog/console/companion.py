"""The companion: the console of a `run`, in a process of its own beside it.

It shares no interpreter and no memory with those who receive and append, so
no number of open pages makes a read wait. The `run` tells it on its standard
input what is not in the log (see `signs`), and it ends when that ends, however
the `run` ended. What it says on its standard output is one line of JSON.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

import anyio
import anyio.abc
import msgspec
import uvicorn

from ingest.notices import Notice, NoticeBoard
from meetlog.console.errors import CannotServe
from meetlog.console.serving import bind, serve, url_of
from meetlog.console.signs import MOST_LINE, Sign, Signs, encode
from meetlog.exits import explain
from meetlog.house import House
from meetlog.settings import MeetError, load
from store.log import StoreError
from wire.errors import WireError

KEY = "console"
EVERY = 0.5  # seconds between two signs
AGAIN = 5.0  # seconds until a console that could not begin, or ended, is begun anew
STOP_SECONDS = 3.0
NICE = 10  # who receives and appends goes first, however many pages are open
US = "meetlog"


class Told(msgspec.Struct, frozen=True):
    """What the companion says of itself: the address where it is, or the problem that it has."""

    url: str = ""
    problem: str = ""


@asynccontextmanager
async def beside(
    house: House, settings_path: Path, say: Callable[[str], None]
) -> AsyncIterator[None]:
    """Offer the console of a house for the length of the block, if its settings say so.

    `say` is told the address. Whatever keeps the console from its work is a
    notice of the house, and it is tried again; nothing is raised.
    """
    if not house.settings.console.enabled:
        yield
        return
    async with anyio.create_task_group() as group:
        group.start_soon(_keep, house, settings_path, say)
        try:
            yield
        finally:
            group.cancel_scope.cancel()


async def _keep(house: House, path: Path, say: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", __name__, str(path)]
    while True:
        try:
            # On Windows a process of its own group hears no Ctrl-C; here it ends with its input.
            process = await anyio.open_process(command, stderr=subprocess.DEVNULL)
        except OSError as error:
            _notice(house.board, f"The console cannot be started: {error.strerror or error}.")
        else:
            await _accompany(house, process, say)
        await anyio.sleep(AGAIN)


async def _accompany(house: House, process: anyio.abc.Process, say: Callable[[str], None]) -> None:
    """Give signs to a companion until it ends; end it when cancelled."""
    try:
        told = await _told(process)
        if told.problem:
            _notice(house.board, told.problem)
            return
        house.board.clear(KEY)
        say(f"console at {told.url}")
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while process.returncode is None and process.stdin is not None:
                await process.stdin.send(encode(sign_of(house)))
                await anyio.sleep(EVERY)
        _notice(house.board, "The console has ended by itself. It is started again.")
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _told(process: anyio.abc.Process) -> Told:
    heard = b""
    if process.stdout is not None:
        with suppress(anyio.EndOfStream):
            while b"\n" not in heard and len(heard) < MOST_LINE:
                heard += await process.stdout.receive()
    try:
        return msgspec.json.decode(heard, type=Told)
    except msgspec.DecodeError:
        return Told(problem="The console ended before it began.")


async def _end(process: anyio.abc.Process) -> None:
    if process.stdin is not None:
        with suppress(anyio.BrokenResourceError):
            await process.stdin.aclose()
    with anyio.move_on_after(STOP_SECONDS):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    await process.aclose()


def sign_of(house: House) -> Sign:
    """What the run knows now that is not in the log."""
    overview = house.overview
    return Sign(
        at=time.time_ns(),
        projected=overview.position,
        notices=house.board.standing(),
        alarms=overview.publishing,
    )


def _notice(board: NoticeBoard, words: str) -> None:
    hint = "Recording is not touched by it. It is tried again by itself."
    board.raise_(Notice(time.time_ns(), US, "warning", KEY, words, hint))


# -- in the process of its own ------------------------------------------------------


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
