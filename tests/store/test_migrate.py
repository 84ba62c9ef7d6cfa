"""Migrations lead from an empty file to what the tables say, and refuse what is not ours."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine

from store.log import LogDamaged, LogMissing
from store.migrate import APPLICATION_ID, FOLDER, revision, revisions, upgrade
from store.sqlite import SqliteLog

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meet 100%.db"


def set_revision(path: Path, number: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (number,))


def test_an_empty_file_becomes_what_the_tables_say(path: Path) -> None:
    path.touch()
    assert revision(path) is None
    assert upgrade(path) == revision(path) == revisions()[-1]
    config = Config(str(ROOT / "alembic.ini"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)
        connection.exec_driver_sql("CREATE TABLE stray (a INTEGER)")
        with pytest.raises(Exception, match="stray"):
            command.check(config)
    engine.dispose()


def test_the_file_says_whose_it_is_and_its_types_are_strict(path: Path) -> None:
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with pytest.raises(sqlite3.IntegrityError, match="cannot store"):
            connection.execute(
                "INSERT INTO events VALUES (1, 'soon', 'mat', 'statement', 1, x'', x'', x'')"
            )


def test_upgrading_twice_changes_nothing(path: Path) -> None:
    upgrade(path)
    before = path.read_bytes()
    upgrade(path)
    assert path.read_bytes() == before


def test_revisions_are_those_alembic_sees() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert [s.revision for s in scripts.walk_revisions()][::-1] == list(revisions())
    assert scripts.get_heads() == [revisions()[-1]]


def test_logging_is_left_alone(path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("meetlog").disabled)
    upgrade(path)
    assert (root.level, list(root.handlers), logging.getLogger("meetlog").disabled) == before


def test_a_newer_log_is_refused_and_left_alone(path: Path) -> None:
    SqliteLog(path).close()
    set_revision(path, "r9999")
    before = path.read_bytes()
    for read_only in (True, False):
        with pytest.raises(LogDamaged, match=r"newer meetlog .*r9999.* install that version"):
            SqliteLog(path, read_only=read_only)
    assert path.read_bytes() == before


def test_other_databases_are_refused(path: Path) -> None:
    with pytest.raises(LogMissing):
        revision(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE events (position INTEGER)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (revisions()[-1],))
    with pytest.raises(LogDamaged, match="not a meetlog log"):
        upgrade(path)


def test_a_log_of_no_or_two_revisions_is_refused(path: Path) -> None:
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO alembic_version VALUES ('r0000')")
    with pytest.raises(LogDamaged, match="names 2 revisions"):
        upgrade(path)


def test_events_cannot_be_migrated_away(path: Path) -> None:
    upgrade(path)
    config = Config(str(ROOT / "alembic.ini"))
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        with pytest.raises((NotImplementedError, CommandError), match="never dropped"):
            command.downgrade(config, "base")
    engine.dispose()
    assert revision(path) is not None
