"""The desk: what every adapter is handed, and the words in which all of them report."""

import itertools
import random
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import anyio.to_thread

from ingest.notices import Notice, Notices, Severity
from ingest.recorder import Recorder
from ingest.streams import Network, Sockets
from wire.stamps import NS

T = TypeVar("T")


class Work(Protocol):
    """How what blocks is done while the event loop goes on."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """What `work` returns, or raises."""


async def in_a_thread(work: Callable[[], T], /) -> T:
    """See `Work`; it is waited for even when the caller is cancelled."""
    return await anyio.to_thread.run_sync(work)


def connection_numbers() -> Callable[[], int]:
    """1, 2, 3...: how the connections of one run of the process are told apart in the log."""
    return itertools.count(1).__next__


class Desk:
    """What one process has one of: recorder, notices, connection numbers, wall clock, network.

    `now` is in ns since the epoch, `chance` gives 0 to 1, for pauses that differ.
    """

    def __init__(
        self,
        recorder: Recorder,
        notices: Notices,
        numbers: Callable[[], int] | None = None,
        *,
        now: Callable[[], int] = time.time_ns,
        network: Network | None = None,
        chance: Callable[[], float] = random.random,
        work: Work = in_a_thread,
    ) -> None:
        self.recorder = recorder
        self.numbers = numbers or connection_numbers()
        self._notices = notices
        self.network = network or Sockets()
        self.chance = chance
        self.work = work
        self._now = now

    def report(self, source: str, severity: Severity, key: str, text: str, hint: str = "") -> None:
        """Raise the notice of the condition `key` of `source`, in words."""
        self._notices.raise_(Notice(self._now(), source, severity, f"{source}:{key}", text, hint))

    def settle(self, source: str, key: str) -> None:
        """The condition `key` of `source` is over."""
        self._notices.clear(f"{source}:{key}")


def seconds(ns: int) -> float:
    """A duration for a timeout. Only waiting is measured in floats, never a moment."""
    return ns / NS


def spell_duration(ns: int) -> str:
    """`90 s` or `250 ms`, for messages."""
    return f"{ns // NS} s" if ns % NS == 0 else f"{ns // 1_000_000} ms"
