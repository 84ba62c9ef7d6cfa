"""SQLAlchemy's connections to a log's file: for the read tables and for migrations.

Apart from `connect`, so that whoever only appends and reads does not load it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from store.connect import BUSY_MS, Synchronous, connect
from store.faults import explain, is_ours


def make_engine(
    path: Path,
    *,
    synchronous: Synchronous = "FULL",
    busy_ms: int = BUSY_MS,
    tidies: bool = True,
) -> Engine:
    """An Engine whose transactions begin IMMEDIATE, so that a writer never fails half-way."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=lambda: connect(path, synchronous=synchronous, busy_ms=busy_ms, tidies=tidies),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=-1,
        pool_reset_on_return=None,  # every user leaves its connection outside a transaction
    )
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def writing_tables(engine: Engine, path: Path) -> Iterator[Connection]:
    """A transaction for read tables; what is the file's or the disk's fault is explained."""
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error) and is_ours(error.orig):
            raise explain(error.orig, path, "writing the read tables of") from error
        raise


@contextmanager
def migrating(engine: Engine, path: Path) -> Iterator[Connection]:
    """A transaction for a migration; whatever fails is explained."""
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise explain(error.orig, path, "migrating") from error
        raise


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
