"""The log in an SQLite file: one writer at a time, readers that never wait for it.

Three kinds of connections share the file. The appending one syncs the disk
at each commit. Readers are opened read-only, each in its own snapshot. The
views' one writes what can be derived again, so it leaves the syncing to the
next append; after a power cut it may have lost its last transactions, each
of them whole and with its checkpoint, and folding goes on from there.

Within the process, appends and views take turns at a lock of ours. SQLite's
own busy handler would make the later one sleep in steps of up to 100 ms,
and serves no order; it is left for other processes only. The turn holds until
a commit has also folded the write-ahead log into the file, where that is due:
SQLite before 3.51.3 may lose pages when one connection does that while another
commits (https://sqlite.org/wal.html#walresetbug).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import starmap
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from store import sql
from store.chain import extend, refuse_empty
from store.connect import BUSY_MS, connect, grow_wal
from store.event import EMPTY_HEAD, SOCKET_READ, Draft, Event, Head
from store.faults import explain
from store.log import BATCH, StoreError
from store.memory import conflict
from store.migrate import revision, upgrade

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_IDLE_READERS = 4  # kept open for the next read


class SqliteLog:
    """A `Log` in the file at `path`, made or migrated as needed.

    `clock` gives ns since the epoch, UTC. With `read_only` the file must exist
    and is never changed; another process may be writing it. `busy_ms` is how
    long an append waits for another process's. A `guest` appends a little beside
    a process that records, and leaves folding the write-ahead log to that one,
    whose commits it could meet. Raises `LogMissing`,
    `LogDamaged` for a file that is no log or of a newer meetlog, and
    `StoreUnavailable`.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        clock: Callable[[], int] = time.time_ns,
        read_only: bool = False,
        busy_ms: int = BUSY_MS,
        guest: bool = False,
    ) -> None:
        self.path = Path(path)
        self._clock = clock
        self._read_only = read_only
        self._turn = _Turn()
        self._closed = False
        if read_only:
            if revision(self.path) is None:
                raise StoreError(f"{self.path} is empty: meetlog has not written to it yet")
        else:
            upgrade(self.path)
        self._busy_ms = busy_ms
        self._tidies = not guest
        self._writer: sqlite3.Connection | None = None
        self._viewing: Engine | None = None
        self._readers: list[sqlite3.Connection] = []  # those that nobody uses now
        self._known: Head | None = None

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
        page = sql.PAGE
        named: dict[str, int | str] = {"after": after, "limit": limit}
        if kinds:
            wanted = tuple(dict.fromkeys(kinds))
            page = sql.page_of_kinds(len(wanted), with_reads=SOCKET_READ in wanted)
            named |= {f"kind{i}": kind for i, kind in enumerate(wanted)}
        with self._reader() as connection:
            rows = connection.execute(page, named)
            if most_bytes is None:
                return list(starmap(Event, rows))
            found: list[Event] = []
            size = 0
            while size <= most_bytes and (some := rows.fetchmany(BATCH)):
                events = list(starmap(Event, some))
                size += sum([len(event.body) for event in events])
                found += events
            return found

    def head(self) -> Head:
        with self._reader() as connection:
            return _head(connection)

    @contextmanager
    def views(self) -> "Iterator[Connection]":
        """A transaction for read tables, in turn with appends; keep it to a few milliseconds.

        Committed on exit, rolled back on an error. Not synced to the disk by
        itself: keep a checkpoint in the same transaction and fold on from it.
        Appending within the block would wait for itself; do not. Raises
        `StoreUnavailable` and `LogDamaged`; the caller's own SQL errors pass through.
        """
        # Loading it takes longer than most commands, which only read, take to run.
        from store.engine import make_engine, writing_tables

        self._check_writable()
        with self._turn:
            if self._viewing is None:
                self._viewing = make_engine(
                    self.path, synchronous="NORMAL", busy_ms=self._busy_ms, tidies=self._tidies
                )
            with writing_tables(self._viewing, self.path) as connection:
                yield connection

    def close(self) -> None:
        with self._turn:
            self._closed = True
            # A writing connection goes last: it folds the write-ahead log into
            # the file and removes it, which a reader may not.
            self._drop_readers()
            if self._viewing is not None:
                self._viewing.dispose()
            self._drop_writer()

    def _append(self, groups: Sequence[Sequence[Draft]], after: int | None) -> list[Head]:
        refuse_empty(groups)
        with self._turn:
            self._check_writable()
            known, self._known = self._known, None
            try:
                connection = self._open_writer()
                try:
                    heads = None
                    if known is not None and after is None:
                        heads = self._follow(connection, groups, known)
                    if heads is None:
                        heads = self._look_and_follow(connection, groups, after)
                finally:
                    if connection.in_transaction:
                        self._undo(connection)
            except sqlite3.Error as error:
                raise explain(error, self.path, "appending to") from error
            self._known = heads[-1]
            return heads

    def _follow(
        self, connection: sqlite3.Connection, groups: Sequence[Sequence[Draft]], known: Head
    ) -> list[Head] | None:
        """Append after the head that our last append left; None if that is no longer the head.

        If another process has appended since, our first position is taken and
        the database refuses the row. Looking first each time would be no
        safer, and slower.
        """
        rows, heads = extend(known, groups, self._clock())
        try:
            if len(rows) == 1:
                connection.execute(sql.INSERT, rows[0])  # by itself it is its own transaction
            else:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(sql.INSERT, rows)
                connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return None
        return heads

    def _look_and_follow(
        self,
        connection: sqlite3.Connection,
        groups: Sequence[Sequence[Draft]],
        after: int | None,
    ) -> list[Head]:
        """Append after the head that is in the file, which nobody can move meanwhile."""
        connection.execute("BEGIN IMMEDIATE")
        head = _head(connection)
        if after is not None and after != head.position:
            raise conflict(str(self.path), after, head)
        rows, heads = extend(head, groups, self._clock())
        connection.executemany(sql.INSERT, rows)
        connection.execute("COMMIT")
        return heads

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = connect(self.path, busy_ms=self._busy_ms, tidies=self._tidies)
            grow_wal(self._writer, self.path)
        return self._writer

    def _undo(self, connection: sqlite3.Connection) -> None:
        """Leave the transaction; a connection that cannot even do that is replaced."""
        try:
            connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop_writer()

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise StoreError(f"{self.path} is closed; open it again")
        try:
            connection = self._idle_reader()
            try:
                yield connection
            finally:
                self._put_back(connection)
        except sqlite3.Error as error:
            raise explain(error, self.path, "reading") from error

    def _idle_reader(self) -> sqlite3.Connection:
        try:
            return self._readers.pop()
        except IndexError:
            return connect(self.path, read_only=True, busy_ms=self._busy_ms)

    def _put_back(self, connection: sqlite3.Connection) -> None:
        if len(self._readers) < _IDLE_READERS:
            self._readers.append(connection)
        else:
            connection.close()
        if self._closed:
            self._drop_readers()

    def _drop_readers(self) -> None:
        with suppress(IndexError):  # another thread may be reading just now
            while True:
                self._readers.pop().close()

    def _check_writable(self) -> None:
        if self._closed:
            raise StoreError(f"{self.path} is closed; open it again")
        if self._read_only:
            raise StoreError(f"{self.path} was opened for reading only")


class _Turn:
    """A lock that is passed on: who waits at it gets it before who comes again.

    A plain lock may be won by the same thread over and over; folding a long
    log would then keep an append waiting.
    """

    def __init__(self) -> None:
        self._door = Lock()
        self._room = Lock()

    def __enter__(self) -> None:
        with self._door:
            self._room.acquire()

    def __exit__(self, *_: object) -> None:
        self._room.release()


def _head(connection: sqlite3.Connection) -> Head:
    rows = connection.execute(sql.HEAD).fetchall()
    return Head(*rows[0]) if rows else EMPTY_HEAD
