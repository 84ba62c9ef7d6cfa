"""The edges: what the house has of the machine it stands on, as one value.

`Edges()` is the machine itself. The simulation in `tests/simulation` gives
the same house another one, whose clock, network, disk and folder fail from a seed.
"""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import Connection

from exporters.sink import FolderSink, Sink
from ingest.desk import Work, in_a_thread
from ingest.disk import Disk, FolderDisk
from ingest.folder import Watch, notifications
from ingest.recorder import Submitter
from ingest.streams import Network, Sockets
from meetlog.lock import alone
from meetlog.projector import Projector, ProjectorThread
from meetlog.steadiness import steady
from store.event import Head
from store.log import BatchLog, StoreError
from store.sqlite import SqliteLog
from store.writer import GroupCommit


class MeetLog(BatchLog, Protocol):
    """A log with read tables beside it."""

    def views(self) -> AbstractContextManager[Connection]:
        """See `SqliteLog.views`."""


class Writer(Submitter, Protocol):
    """See `GroupCommit`."""

    def subscribe(self, callback: Callable[[Head], object]) -> Callable[[], None]:
        """Call `callback(head)` after each commit."""

    @property
    def failure(self) -> StoreError | None:
        """Why submissions were not written and never will be; None while none was given up."""

    def close(self) -> None:
        """Write what was submitted, then stop."""


class Projecting(Protocol):
    """Whoever steps the projector; see `ProjectorThread`."""

    def start(self) -> None:
        """Begin."""

    def wake(self, head: object = None, /) -> None:
        """There is something new. Callable from any thread."""

    def stop(self) -> None:
        """Finish, and return when done."""


class MeetFolder(msgspec.Struct, frozen=True):
    """The Time Drops folder as it is read, as it is written, and what tells of changes in it."""

    disk: Disk
    sink: Sink
    watch: Watch


OpenWriter = Callable[[BatchLog, Callable[[str], object], Callable[[int, int], object]], Writer]
OpenProjecting = Callable[[Projector, Callable[[BaseException], None]], Projecting]


def open_folder(root: Path) -> MeetFolder:
    """The folder at `root`, made if need be."""
    root.mkdir(parents=True, exist_ok=True)
    return MeetFolder(FolderDisk(root), FolderSink(root), partial(notifications, root))


def open_log(path: Path, clock: Callable[[], int]) -> MeetLog:
    """The log in the file at `path`, which goes by this clock (ns UTC)."""
    return SqliteLog(path, clock=clock)


def open_writer(
    log: BatchLog, on_stall: Callable[[str], object], on_recover: Callable[[int, int], object]
) -> Writer:
    """A writer with a thread of its own."""
    return GroupCommit(log, on_stall=on_stall, on_recover=on_recover)


class Edges(msgspec.Struct, frozen=True, kw_only=True):
    """Both clocks are in ns: `wall` since the epoch, UTC; `monotonic` never goes back.

    `chance` gives 0 to 1. `work` does what blocks. `alone(log, advice)` is held as long
    as the log is recorded into, and raises `Refused` while another process holds it;
    `steady()` as long as the meet goes on.
    """

    wall: Callable[[], int] = time.time_ns
    monotonic: Callable[[], int] = time.monotonic_ns
    chance: Callable[[], float] = random.random
    work: Work = in_a_thread
    network: Network = Sockets()
    alone: Callable[[Path, str], AbstractContextManager[None]] = alone
    steady: Callable[[], AbstractContextManager[None]] = steady
    log: Callable[[Path, Callable[[], int]], MeetLog] = open_log
    writer: OpenWriter = open_writer
    folder: Callable[[Path], MeetFolder] = open_folder
    projecting: OpenProjecting = ProjectorThread


MACHINE = Edges()
