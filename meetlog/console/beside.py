"""Keeping a console beside a `run`, in a process of its own: its companion.

It shares no interpreter and no memory with those who receive and append, so
no number of open pages makes a read wait, and a `run` starts without loading
what serves pages. The `run` tells it on its standard input what is not in the
log (see `signs`), and it ends when that ends, however the `run` ended. What
it says on its standard output is one line of JSON.
"""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.abc
import msgspec

from ingest.notices import Notice, NoticeBoard
from meetlog.console.signs import MOST_LINE, Sign, encode
from meetlog.house import House

COMPANION = "meetlog.console.companion"
KEY = "console"
EVERY = 0.5  # seconds between two signs
AGAIN = 5.0  # seconds until a console that could not begin, or ended, is begun anew
STOP_SECONDS = 3.0
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
    command = [sys.executable, "-m", COMPANION, str(path)]
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
