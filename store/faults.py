"""Faults: what SQLite's errors mean to us, in words: which file, what failed, what to do."""

import shutil
import sqlite3
from pathlib import Path

from store.log import LogDamaged, StoreError, StoreUnavailable

_ROOM = 32 * 1024  # bytes of the file by which SQLite's connections find each other's pages
_PRIMARY = 0xFF  # extended result codes carry the primary one in their low byte

_PASSING = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_BUSY: "another program is writing to it; close that program or wait",
    sqlite3.SQLITE_LOCKED: "another part of the program is using it; wait",
    sqlite3.SQLITE_IOERR: "the disk reported an error; check the disk, its cable and its mount",
    sqlite3.SQLITE_READONLY: "it may not be written; check its permissions and the disk's",
    sqlite3.SQLITE_CANTOPEN: "it could not be opened; check that its folder exists and is writable",
    sqlite3.SQLITE_PROTOCOL: "its lock could not be taken; close other programs that use it",
    sqlite3.SQLITE_NOMEM: "there is no memory left; close other programs",
    sqlite3.SQLITE_INTERRUPT: "the work was interrupted; try again",
    sqlite3.SQLITE_PERM: "access was refused; check its permissions",
}
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT: "the file is damaged; keep it, and continue from a copy or a new log",
    sqlite3.SQLITE_NOTADB: "the file is not a database; check the path",
    sqlite3.SQLITE_CONSTRAINT: (
        "the database refused the rows as not continuing the log; keep the file and verify it"
    ),
    sqlite3.SQLITE_MISMATCH: "a row has a value of the wrong type; keep the file and verify it",
}


def code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code; None for an error that the driver itself raised."""
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    return None if extended is None else extended & _PRIMARY


def explain(error: sqlite3.Error, path: Path, doing: str) -> StoreError:
    """The `StoreError` to raise from `error`, which came while `doing` (`appending to`)."""
    primary = code(error)
    if primary == sqlite3.SQLITE_IOERR and _is_full(path):
        primary = sqlite3.SQLITE_FULL  # as SQLite calls it where a side file could not be made
    passing, damage = _PASSING.get(primary or 0), _DAMAGE.get(primary or 0)
    if passing:
        return StoreUnavailable(f"{doing} {path}: {error}: {passing}")
    if damage:
        return LogDamaged(f"{doing} {path}: {error}: {damage}")
    if primary is None and "decode" in str(error):
        return LogDamaged(f"{doing} {path}: {error}: a row's text is damaged; verify the log")
    if primary == sqlite3.SQLITE_ERROR:
        return LogDamaged(f"{doing} {path}: {error}: this is not a meetlog log; check the path")
    return StoreError(f"{doing} {path}: {error}")


def is_ours(error: sqlite3.Error) -> bool:
    """Whether `error` tells of the file or the disk rather than of the caller's own SQL."""
    primary = code(error)
    return primary in _PASSING or primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _ROOM
    except OSError:
        return False
