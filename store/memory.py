"""The log in memory: the contract without a disk, for tests and simulations."""

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from threading import Lock

from store.chain import extend, refuse_empty
from store.event import EMPTY_HEAD, Draft, Event, Head
from store.log import Conflict, StoreError

_position = attrgetter("position")


class MemoryLog:
    """A `Log` that forgets everything when it is closed.

    `clock` gives ns since the epoch, UTC.
    """

    def __init__(self, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._lock = Lock()
        self._events: list[Event] = []
        self._head = EMPTY_HEAD
        self._closed = False

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:
        return self._append((drafts,), after)[-1]

    def append_each(self, groups: Sequence[Sequence[Draft]]) -> list[Head]:
        return self._append(groups, None)

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        kinds: Sequence[str] = (),
        most_bytes: int | None = None,
    ) -> list[Event]:
        with self._lock:
            self._check_open()
            start = bisect_right(self._events, after, key=_position)
            if not kinds and most_bytes is None:
                return self._events[start : start + limit]
            found: list[Event] = []
            size = 0
            for at in range(start, len(self._events)):
                if len(found) == limit or (most_bytes is not None and size > most_bytes):
                    break
                if not kinds or self._events[at].kind in kinds:
                    found.append(self._events[at])
                    size += len(self._events[at].body)
            return found

    def head(self) -> Head:
        with self._lock:
            self._check_open()
            return self._head

    def close(self) -> None:
        self._closed = True

    def _append(self, groups: Sequence[Sequence[Draft]], after: int | None) -> list[Head]:
        refuse_empty(groups)
        with self._lock:
            self._check_open()
            if after is not None and after != self._head.position:
                raise conflict("the log in memory", after, self._head)
            rows, heads = extend(self._head, groups, self._clock())
            self._events += [
                Event(position, recorded_at, source, kind, meta, body, digest, form)
                for position, recorded_at, source, kind, form, digest, meta, body in rows
            ]
            self._head = heads[-1]
            return heads

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the log in memory is closed; make another")


def conflict(where: str, after: int, head: Head) -> Conflict:
    """The refusal of an append that was meant to follow `after`."""
    return Conflict(
        head,
        f"{where}: the append was to follow position {after}, but the log is at "
        f"{head.position}; read what was added, and decide again",
    )
