"""The examples: settings that are right, and queries that run on a log's own tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store.sqlite import SqliteLog
from wire.settings_file import parse

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["pool.toml", "road.toml"])
def test_the_settings_have_no_mistake(name: str) -> None:
    settings = parse((EXAMPLES / name).read_bytes())
    assert settings.sources
    assert settings.courses[0].legs[-1].point == "Finish"


def test_the_queries_run_on_an_empty_log(tmp_path: Path) -> None:
    SqliteLog(tmp_path / "meet.db").close()
    with closing(sqlite3.connect(tmp_path / "meet.db")) as connection:
        queries = (EXAMPLES / "queries.sql").read_text(encoding="utf-8").split(";")
        ran = [connection.execute(query).fetchall() for query in queries if query.strip()]
    assert ran == [[]] * 4
