"""meetlog in a process of its own, and what can be seen of it from outside: lines, files, log."""

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream
from watchfiles import awatch

from projections.folding import follow
from projections.meet import Meet
from store.event import Event
from store.log import LogDamaged, StoreError
from store.sqlite import SqliteLog
from tests.kit.conditions import Conditions

ROOT = Path(__file__).parents[2]
LISTENS = "listens on"
# Loading the program takes a second, so a spare one waits loaded for its turn:
# a killed one is then replaced at once.
_SPARE = """
import sys
import meetlog.__main__, meetlog.cli, meetlog.run
sys.stdin.readline()
meetlog.__main__.main()
"""
_LONGEST_LINE = 1 << 20
_LOOK_ANYWAY = 500  # ms; what a notification is missing for is seen then


Starter = Callable[..., Awaitable[anyio.abc.Process]]


async def _start(*args: str) -> anyio.abc.Process:
    return await anyio.open_process(
        [sys.executable, *args], stdin=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT
    )


class Program:
    """A process, the lines it has written, and whether its output has ended."""

    def __init__(self, process: anyio.abc.Process, conditions: Conditions) -> None:
        self.process = process
        self.lines: list[str] = []
        self.ended = False
        self._conditions = conditions

    async def read(self) -> None:
        """Collect the lines until the process closes its output."""
        assert self.process.stdout is not None
        received = BufferedByteReceiveStream(self.process.stdout)
        try:
            while True:
                line = await received.receive_until(b"\n", _LONGEST_LINE)
                self.lines.append(line.decode().rstrip("\r"))
                self._conditions.look()
        except (anyio.IncompleteRead, anyio.EndOfStream):
            pass
        finally:  # also when nobody listens any more
            self.ended = True
            self._conditions.look()

    def says(self, words: str) -> bool:
        """Whether a line has these words."""
        return any(words in line for line in self.lines)

    async def until(self, words: str) -> str:
        """Wait for a line with these words; the line."""
        await self._conditions.until(lambda: self.ended or self.says(words))
        assert self.says(words), f"it ended without saying {words!r}: {self.text}"
        return next(line for line in self.lines if words in line)

    async def until_up(self) -> None:
        """Wait until its servers listen."""
        await self.until(LISTENS)

    @property
    def text(self) -> str:
        """Everything it has said."""
        return "\n".join(self.lines)

    async def go(self) -> None:
        """Let a spare one begin."""
        assert self.process.stdin is not None
        await self.process.stdin.send(b"go\n")

    async def kill(self) -> None:
        """Kill it, and wait until it is gone and its last line was read."""
        self.process.kill()
        await self.gone()

    async def gone(self) -> int:
        """Wait for its end; its exit code."""
        code = await self.process.wait()
        await self._conditions.until(lambda: self.ended)
        return code


class Programs:
    """Starts programs on one meet folder. Whatever still runs at the end is killed.

    `starter` starts a process as `python` with the arguments would be.
    """

    def __init__(
        self,
        folder: Path,
        group: anyio.abc.TaskGroup,
        conditions: Conditions,
        starter: Starter | None = None,
    ) -> None:
        self._starter = starter or _start
        self.folder = folder
        self.conditions = conditions
        self.started: list[Program] = []
        self._group = group

    async def spare(self) -> Program:
        """`meetlog run` on the folder, loaded, that begins on `go`."""
        return await self.start("-c", _SPARE, "run", "--plain", "-m", str(self.folder))

    async def run(self) -> Program:
        """`python -m meetlog run` on the folder, listening."""
        program = await self.start("-m", "meetlog", "run", "--plain", "-m", str(self.folder))
        await program.until_up()
        return program

    async def call(self, *args: str) -> Program:
        """`python -m meetlog` with these arguments, ended."""
        program = await self.start("-m", "meetlog", *args)
        await program.gone()
        return program

    async def start(self, *args: str) -> Program:
        """Python with these arguments."""
        program = Program(await self._starter(*args), self.conditions)
        self.started.append(program)
        self._group.start_soon(program.read)
        return program


class Tail:
    """The log that another process writes: its events and the meet they make, as of `refresh`."""

    def __init__(self, path: Path) -> None:
        self.events: list[Event] = []
        self.meet = Meet()
        self._path = path
        self._log: SqliteLog | None = None

    def refresh(self) -> Meet:
        """Read and fold what is new; the meet."""
        try:
            if self._log is None:
                self._log = SqliteLog(self._path, read_only=True)
            fresh = self._log.read(len(self.events), 1_000_000)
            if fresh:
                self.events += fresh
                while self.meet.position < len(self.events):
                    self.meet = follow(self.meet, self._log)
                self.meet.settle()
        except LogDamaged:
            raise
        except StoreError:
            pass  # not there yet, or busy: at the next look
        return self.meet

    def of(self, kind: str) -> list[Event]:
        """The events of this kind."""
        return [event for event in self.events if event.kind == kind]

    def from_file(self) -> list[Event]:
        """All that is in the file, read anew. There may be no file while there are no `events`."""
        if not self.events:
            return []
        log = SqliteLog(self._path, read_only=True)
        try:
            return log.read(0, 1_000_000)
        finally:
            log.close()

    def close(self) -> None:
        """Let go of the file; it is opened again when needed."""
        if self._log is not None:
            self._log.close()
            self._log = None


@asynccontextmanager
async def looking_at(*folders: Path) -> AsyncIterator[Conditions]:
    """Conditions that are looked at whenever a file in one of the folders, or below, changes."""
    conditions = Conditions()
    stop = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(_watch, folders, conditions, stop)
        try:
            yield conditions
        finally:
            # Its thread cannot be cancelled, only asked.
            stop.set()


@asynccontextmanager
async def programs_on(folder: Path, starter: Starter | None = None) -> AsyncIterator[Programs]:
    """Programs on a meet folder, whose conditions are looked at whenever a file in it changes."""
    async with looking_at(folder) as conditions, anyio.create_task_group() as group:
        programs = Programs(folder, group, conditions, starter)
        try:
            yield programs
        finally:
            with anyio.CancelScope(shield=True):
                for program in programs.started:
                    if program.process.returncode is None:
                        program.process.kill()
                    await program.gone()
                    await program.process.aclose()
            group.cancel_scope.cancel()


async def _watch(folders: Sequence[Path], conditions: Conditions, stop: anyio.Event) -> None:
    conditions.look()
    async for _ in awatch(
        *folders,
        watch_filter=None,
        debounce=20,
        step=5,
        stop_event=stop,
        rust_timeout=_LOOK_ANYWAY,
        yield_on_timeout=True,
        recursive=True,
    ):
        conditions.look()
