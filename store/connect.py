"""Connections to a log's file: how each is set up, whatever it is for."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Literal

Synchronous = Literal["FULL", "NORMAL"]
BUSY_MS = 5_000  # another process's append takes milliseconds; a checkpoint on a slow disk, seconds
# SQLite folds the write-ahead log into the file at 1000 pages of 4 kB, and from
# then on writes over it from its beginning.
_WAL_BYTES = 4_096_000
_FILLER_BYTES = 6 * 1024 * 1024  # what overflows SQLite's cache of 2 MB into the write-ahead log
_WAL_ATTEMPTS = 100
_WAL_PAUSE = 0.02


def connect(
    path: Path,
    *,
    read_only: bool = False,
    synchronous: Synchronous = "FULL",
    busy_ms: int = BUSY_MS,
    tidies: bool = True,
) -> sqlite3.Connection:
    """The driver's connection, in autocommit: transactions begin where we say so.

    It may be handed from thread to thread, by one owner at a time. One that
    `tidies` folds a long write-ahead log into the file when it commits.
    """
    mode = "ro" if read_only else "rwc"
    if read_only and _is_sealed(path):
        mode = "ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=busy_ms / 1000,
    )
    try:
        if not read_only:
            _enter_wal(connection)
            connection.execute(f"PRAGMA synchronous={synchronous}")
            # On macOS fsync leaves the bytes in the drive's cache; elsewhere these do nothing.
            connection.execute("PRAGMA fullfsync=ON")
            connection.execute("PRAGMA checkpoint_fullfsync=ON")
            if not tidies:
                connection.execute("PRAGMA wal_autocheckpoint=0")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def grow_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Give the write-ahead log its full length before the first append.

    Syncing a file that grew also syncs the file system's own journal, which
    takes two to three times as long as writing over bytes already there. The
    growth is a large transaction that is rolled back: it leaves the file's
    length and nothing else. Where it cannot be done, appends are only slower.
    """
    wal = path.with_name(path.name + "-wal")
    try:
        if wal.exists() and wal.stat().st_size >= _WAL_BYTES:
            return
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE filler (bytes BLOB)")
        connection.execute("INSERT INTO filler VALUES (zeroblob(?))", (_FILLER_BYTES,))
    except (sqlite3.OperationalError, OSError):
        pass  # the append that follows meets the same trouble, and tells it
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _is_sealed(path: Path) -> bool:
    """Whether the file stands alone in a folder where nothing can be written.

    SQLite reads a write-ahead log only with the file of its locks beside it, which
    it makes where there is none: on a read-only disk it would refuse a log that
    was stopped in good order, while nobody can be writing it.
    """
    wal = path.with_name(path.name + "-wal")
    return path.exists() and not wal.exists() and not os.access(path.parent, os.W_OK)


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; a file that already has it is not touched.

    SQLite does not wait for others when it switches, so two processes that
    make the same log at the same moment must ask again.
    """
    for attempt in range(_WAL_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            return
