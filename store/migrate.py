"""Migrations: bring a log's file to this program's form, and refuse what is none of ours.

They change tables, never events. The packaged folder is used wherever the
program is installed, and a migration's file name carries its revision, so
that opening a log that needs nothing does not load Alembic and SQLAlchemy.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

from store.connect import connect
from store.faults import explain
from store.log import LogDamaged, LogMissing

FOLDER = Path(__file__).parent / "migrations"
PRIVATE = 0o600  # where the system has such rights
APPLICATION_ID = int.from_bytes(b"mlog", "big")  # set by the first migration


@cache
def revisions() -> tuple[str, ...]:
    """All revisions this program knows, oldest first; the last is the head."""
    return tuple(sorted(p.name.partition("_")[0] for p in (FOLDER / "versions").glob("r*.py")))


def revision(path: Path) -> str | None:
    """The revision of the log at `path`; None for an empty file. Nothing is written.

    Raises `LogMissing`, or `LogDamaged` for a file that is not a meetlog log
    or that a newer meetlog made.
    """
    if not path.exists():
        raise LogMissing(f"there is no log at {path}; check the path, or start meetlog to make it")
    if not path.is_file():
        raise LogDamaged(f"{path} is not a file; a log is one file, check the path")
    with _explained(path), closing(connect(path, read_only=True)) as connection:
        return _revision(connection, path)


def upgrade(path: Path) -> str:
    """Bring the log at `path` to the head, making it if need be; returns the head.

    Several processes may do so at once: one migrates, the others find it done.
    Only its owner may read a log that is made here, for it has names, and
    passwords that hardware sends; of one that is there, the rights stay.
    """
    head = revisions()[-1]
    if path.exists() and revision(path) == head:
        return head
    _touch(path)
    from alembic import command
    from alembic.config import Config

    from store.engine import make_engine, migrating

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = make_engine(path)
    try:
        with _explained(path), migrating(engine, path) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
    return head


def _touch(path: Path) -> None:
    """An empty file for SQLite to begin with, which gives its rights to those beside it."""
    # Where even that cannot be, opening it fails too, and says why.
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))


def _revision(connection: sqlite3.Connection, path: Path) -> str | None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    tables = {
        name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    if not tables and application_id == 0:
        return None
    if application_id != APPLICATION_ID or not {"events", "alembic_version"} <= tables:
        raise LogDamaged(f"{path} is a database, but not a meetlog log; check the path")
    found = [number for (number,) in connection.execute("SELECT version_num FROM alembic_version")]
    if len(found) != 1:
        raise LogDamaged(f"{path} names {len(found)} revisions instead of one; use a copy of it")
    if found[0] not in revisions():
        raise LogDamaged(
            f"{path} was made by a newer meetlog (its tables are at {found[0]!r}, this program "
            f"knows up to {revisions()[-1]!r}); install that version"
        )
    return str(found[0])


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path, "opening") from error
    except UnicodeDecodeError as error:  # the driver's, from a table's name that is no text
        raise LogDamaged(
            f"opening {path}: {error.reason}: the file is damaged; keep it, and continue from a "
            "copy or a new log"
        ) from error
