"""The disk under the log: what is durable, what is not, and what a process sees of it.

Appends are all or nothing, as SQLite's are; what may fail is whether and when
they become durable, and whether anybody lives to hear of it. The read tables
are written without a sync: a power cut may take back what was written into
them since the log was last synced.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection, Engine, create_engine, select
from sqlalchemy.pool import NullPool

from projections import readtables
from projections import tables as t
from projections.meet import Meet
from store.event import Draft, Event, Head
from store.log import StoreUnavailable
from store.memory import MemoryLog
from tests.simulation.life import Life

Rows = list[list[tuple[object, ...]]]  # of each table
TABLES = (t.crossings, t.results, t.lanes, t.splits, t.revisions, t.sources, t.relays)


class Tables(sqlite3.Connection):
    """A database in memory, which stays when whoever used it closes it."""

    def close(self) -> None:
        """Not yet."""

    def release(self) -> None:
        """Now."""
        super().close()


class Store:
    """What is durable, whatever process wrote it, and the faults of the disk.

    `full`, and `failing`, `trouble` and `unreadable` (how often an append fails
    to be synced, a transaction of the tables fails, and a read), are set from outside. `appended`
    hears of each durable event. `between` is called where another process, or
    another thread, may come in between.
    """

    def __init__(self, chance: random.Random, clock: Callable[[], int]) -> None:
        self.chance = chance
        self.log = MemoryLog(clock=clock)
        self.full = False
        self.failing = 0.0
        self.trouble = 0.0
        self.unreadable = 0.0
        self.slow = 1.0
        self.appended: Callable[[list[Event]], None] = lambda _events: None
        self.between: Callable[[], None] = lambda: None
        self._tables = _memory(_template())
        self._synced = _template()
        self._dirty = False

    def append(self, groups: Sequence[Sequence[Draft]], after: int | None = None) -> list[Head]:
        """Write and sync, or raise with nothing written."""
        if self.full:
            raise StoreUnavailable("appending to meet.db: the disk is full; free some space")
        if self.failing and self.chance.random() < self.failing:
            raise StoreUnavailable("appending to meet.db: disk I/O error: check the disk")
        before = self.log.head().position
        if after is None:
            heads = self.log.append_each(groups)
        else:
            heads = [self.log.append(groups[0], after=after)]
        if self._dirty:
            # Both are in one write-ahead log, which is synced up to its end.
            self._synced, self._dirty = self._tables.serialize(), False
        self.appended(self.log.read(before, heads[-1].position - before))
        return heads

    def sync_time(self) -> float:
        """Seconds that a sync takes now."""
        return self.slow * self.chance.choice((0.0005, 0.002, 0.004, 0.03))

    @property
    def tables(self) -> Tables:
        """The read tables."""
        return self._tables

    def touched(self) -> None:
        """The tables were written to."""
        self._dirty = True

    def lose_power(self) -> None:
        """What was not synced is gone, or a part of it."""
        if self._dirty and self.chance.random() < 0.7:
            self._tables = _memory(self._synced)
            self._dirty = False

    def rows(self) -> tuple[int, Rows]:
        """The read tables as they are, and the position that they are of."""
        with begin(self._tables) as connection:
            return readtables.checkpoint(connection).position, rows_of(connection)

    def close(self) -> None:
        """Release the memory."""
        self._tables.release()


def rows_of(connection: Connection) -> Rows:
    """The rows of all read tables, in an order of their own."""
    return [
        sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in TABLES
    ]


def rows_for(meet: Meet) -> Rows:
    """The rows that this settled meet writes into empty tables."""
    fresh = _memory(_template())
    with begin(fresh) as connection:
        readtables.write(connection, meet, meet.everything(), bytes(32))
        found = rows_of(connection)
    fresh.release()
    return found


class StoreLog:
    """The log as one process has it open. It ends with the process's life."""

    def __init__(self, store: Store, life: Life) -> None:
        self.store = store
        self.life = life

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:
        return self._append([drafts], after)[-1]

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
        self._look()
        found = self.store.log.read(after, limit, kinds=kinds, most_bytes=most_bytes)
        self.store.between()
        return found

    def head(self) -> Head:
        self._look()
        return self.store.log.head()

    @contextmanager
    def views(self) -> Iterator[Connection]:
        self.life.point("before the tables")
        with begin(self.store.tables) as connection:
            yield connection
            if self.store.trouble and self.store.chance.random() < self.store.trouble:
                raise StoreUnavailable("writing the read tables of meet.db: the disk is full")
            self.life.point("in the tables")
            self.store.touched()
        self.life.point("after the tables")

    def _look(self) -> None:
        self.life.point("reading the log")
        if self.store.unreadable and self.store.chance.random() < self.store.unreadable:
            raise StoreUnavailable("reading meet.db: disk I/O error: check the disk")

    def close(self) -> None:
        """The memory is the store's."""

    def _append(self, groups: Sequence[Sequence[Draft]], after: int | None) -> list[Head]:
        self.store.between()
        self.life.point("before an append")
        heads = self.store.append(groups, after)
        self.life.point("after an append")
        return heads


@cache
def _template() -> bytes:
    """Empty read tables."""
    made = _memory(b"")
    with begin(made) as connection:
        t.metadata.create_all(connection)
    return made.serialize()


def _memory(content: bytes) -> Tables:
    made: Tables = sqlite3.connect(":memory:", check_same_thread=False, factory=Tables)
    if content:
        made.deserialize(content)
    return made


@contextmanager
def begin(tables: Tables) -> Iterator[Connection]:
    """A transaction. One engine serves all databases: it remembers the compiled statements."""
    _in_use.append(tables)
    try:
        with _engine().begin() as connection:
            yield connection
    finally:
        _in_use.pop()


_in_use: list[Tables] = []


@cache
def _engine() -> Engine:
    return create_engine("sqlite://", creator=lambda: _in_use[-1], poolclass=NullPool)
