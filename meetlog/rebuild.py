"""Rebuilding: the read tables emptied and filled again from the whole log, in one transaction."""

from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import Connection, Table, select

from meetlog.reports import RebuildReport, TableReport
from projections import readtables
from projections import tables as t
from projections.folding import fold
from store.log import hash_at
from store.sqlite import SqliteLog

Progress = Callable[[int, int], None]  # done, total
TABLES = (t.crossings, t.results, t.lanes, t.splits, t.revisions, t.sources, t.relays)
_ROWS = 10_000  # rows held at once while a table is summed up

Sum = tuple[int, bytes]


def rebuild(log: SqliteLog, progress: Progress | None = None) -> RebuildReport:
    """Fold the whole log anew and replace the read tables, their checkpoint and the saved state.

    Whoever calls holds the lock against a `run`, which keeps the tables from
    memory. Raises `StoreError`; the tables are then as they were.
    """
    head = log.head().position
    told = None if progress is None else lambda done: progress(done, head)
    meet = fold(log, head, progress=told)
    changes = meet.settle()
    hash_ = hash_at(log, meet.position)
    with log.views() as connection:
        shown = readtables.checkpoint(connection)
        before = {str(table.name): _sum(connection, table) for table in TABLES}
        readtables.empty(connection)
        readtables.write(connection, meet, changes, hash_)
        readtables.save_snapshot(connection, meet.position, hash_, meet.save())
        after = {str(table.name): _sum(connection, table) for table in TABLES}
    return RebuildReport(
        log=str(log.path),
        shown=shown.position,
        position=meet.position,
        corrected=(shown.position, shown.hash) == (meet.position, hash_) and before != after,
        tables=tuple(
            TableReport(name, before[name][0], after[name][0], before[name] == after[name])
            for name in before
        ),
    )


def _sum(connection: Connection, table: Table) -> Sum:
    """The number of rows, and a hash over them in the order of the primary key."""
    digest = sha256()
    number = 0
    rows = connection.execute(select(table).order_by(*table.primary_key.columns))
    while some := rows.fetchmany(_ROWS):
        number += len(some)
        for row in some:
            digest.update(repr(tuple(row)).encode())
    return number, digest.digest()
