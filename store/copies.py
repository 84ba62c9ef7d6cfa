"""Copies: a log's file taken whole beside its writer, and a log made of events with their times."""

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path

from store.chain import extend
from store.connect import connect
from store.event import EMPTY_HEAD, Draft, Head
from store.faults import code, explain
from store.log import LogDamaged
from store.migrate import revision, upgrade
from store.sql import INSERT

Progress = Callable[[int, int], object]  # done, total

_PAGES = 1000  # copied at once; 4 MB, so that progress can be told
_ROWS = 2000  # inserted at once


def copy_log(source: Path, target: Path, progress: Progress | None = None) -> None:
    """Copy the log at `source` to the new file `target`, as it is at one moment.

    A `run` may go on appending: it waits for nothing, and what it appends
    meanwhile is not in the copy. The copy is one file, durable on return;
    whether its chain holds is not looked at. `progress` is told in pages.
    Raises `LogMissing`, `LogDamaged` for what is no log, is of a newer meetlog
    or damaged as a file, and `StoreUnavailable`; `target` may then be there in part.
    """
    if revision(source) is None:
        raise LogDamaged(f"{source} is empty: there is no log in it; check the path")
    try:
        with closing(connect(source, read_only=True)) as reading:
            # A read transaction keeps one moment's view of the log; the copy
            # would begin anew at each append without it.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM alembic_version").fetchone()
            _refuse_cut(reading, source)
            with closing(sqlite3.connect(target, isolation_level=None)) as writing:
                reading.backup(
                    writing,
                    pages=_PAGES,
                    progress=lambda _status, left, total: _tell(progress, total - left, total),
                )
                # Else it would need a second file beside it to be opened.
                writing.execute("PRAGMA journal_mode=DELETE")
                problems = [row[0] for row in writing.execute("PRAGMA quick_check(1)")]
    except sqlite3.Error as error:
        if code(error) == sqlite3.SQLITE_FULL:  # only what is written can fill a disk
            raise explain(error, target, f"copying {source} to") from error
        raise explain(error, source, "copying") from error
    if problems != ["ok"]:
        raise LogDamaged(
            f"copying {source}: {problems[0]}: the file is damaged or was cut off; "
            "keep it, and continue from another copy"
        )
    _sync(target)


def write_log(target: Path, drafts: Iterable[tuple[int, Draft]]) -> Head:
    """Make a log at the new file `target` of drafts, each with its `recorded_at` (ns UTC).

    The times must not decrease. The log is one file, durable on return; its
    head is returned. Raises `StoreUnavailable`.
    """
    upgrade(target)
    head = EMPTY_HEAD
    following = iter(drafts)
    try:
        with closing(connect(target, synchronous="NORMAL")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            while some := list(islice(following, _ROWS)):
                rows = []
                for recorded_at, draft in some:
                    found, heads = extend(head, ((draft,),), recorded_at)
                    rows += found
                    head = heads[-1]
                connection.executemany(INSERT, rows)
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise explain(error, target, "writing") from error
    _sync(target)
    return head


def _refuse_cut(connection: sqlite3.Connection, path: Path) -> None:
    """SQLite reads zeros where its last page was cut off."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        return  # its newest pages are there, not yet in the file
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    size = path.stat().st_size
    if size < pages * page:
        raise LogDamaged(
            f"{path} was cut off: it has {size} of {pages * page} bytes; copy it again from where "
            "it came"
        )


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
