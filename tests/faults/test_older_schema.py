"""Logs whose tables are of an earlier meetlog: read as they are, brought up to date by `run`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from meetlog.house import open_house
from store.chain import extend
from store.event import EMPTY_HEAD, Draft, Event
from store.migrate import FOLDER, revision, revisions
from store.sqlite import SqliteLog
from tests.faults.stage import Stage
from tests.meetlog.calls import call
from wire.settings import Settings
from wire.settings_file import parse

pytestmark = pytest.mark.anyio


def make_at(path: Path, number: str, events: list[Event]) -> None:
    """A log as the meetlog of that revision left it, with these events and its tables empty."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, number)
    engine.dispose()
    head = EMPTY_HEAD
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        for e in events:
            rows, heads = extend(head, [[Draft(e.source, e.kind, e.meta, e.body)]], e.recorded_at)
            database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            head = heads[-1]


async def record(stage: Stage, *, swim: bool) -> None:
    settings: Settings = parse((stage.folder / "meet.toml").read_bytes())
    body = (stage.folder / "meet.toml").read_bytes()
    async with open_house(stage.folder, settings, body) as house:
        if swim:
            await stage.swim()
        assert house.failure is None


@pytest.mark.parametrize("number", revisions()[:-1])
async def test_a_log_of_an_older_meetlog(tmp_path: Path, number: str) -> None:
    stage = Stage(tmp_path / "meet")
    await record(stage, swim=True)
    events = stage.events()
    results = call("results", "-m", stage.folder).stdout
    stage.log.unlink()
    make_at(stage.log, number, events)

    # Commands that read leave the file as it is, and say what brings it up to date.
    before = stage.log.read_bytes()
    assert call("results", "-m", stage.folder).stdout == results
    told = call("status", "-m", stage.folder)
    assert told.exit_code == 0
    assert f"has the tables of an older meetlog ({number})" in told.output.replace("\n", " ")
    assert "`meetlog run` or `meetlog rebuild` brings it up to date" in told.output
    assert call("verify", stage.folder).exit_code == 0
    assert stage.log.read_bytes() == before
    assert revision(stage.log) == number

    await record(stage, swim=False)
    assert revision(stage.log) == revisions()[-1]
    assert stage.events()[: len(events)] == events
    assert call("results", "-m", stage.folder).stdout == results
    assert call("verify", stage.folder).exit_code == 0
    with closing(sqlite3.connect(stage.log)) as database:
        assert database.execute("SELECT count(*) FROM crossings").fetchone() == (2,)


def test_a_log_of_a_newer_meetlog_is_refused_by_every_command(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "meet")
    SqliteLog(stage.log).close()
    with closing(sqlite3.connect(stage.log)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'r9999'")
    before = stage.log.read_bytes()
    for args in (("run", "--plain", "-m"), ("status", "-m"), ("verify",), ("rebuild", "-m")):
        told = call(*args, stage.folder)
        assert told.exit_code == 4, told.output
        assert "newer meetlog" in told.stderr
        assert "install that version" in told.stderr
    assert stage.log.read_bytes() == before
