"""The statements that are written out are those that SQLAlchemy composes from the tables."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Text, bindparam, insert, select, text, union_all
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.sql import ClauseElement

from store import sql
from store.event import Event
from store.tables import events

ROOT = Path(__file__).parents[2]
FIELDS = [events.c[name] for name in Event.__struct_fields__]
LATER = events.c.position > bindparam("after")


def composed(statement: ClauseElement, paramstyle: str = "named") -> str:
    told = str(statement.compile(dialect=dialect(paramstyle=paramstyle)))
    return " ".join(told.replace("events.", "").split())


def kind(number: int) -> ColumnElement[str]:
    return bindparam(f"kind{number}", type_=Text)


def test_an_append_and_a_page() -> None:
    assert composed(insert(events), "qmark") == sql.INSERT
    newest = select(events.c.position, events.c.hash, events.c.recorded_at)
    assert f"{composed(newest.order_by(events.c.position.desc()))} LIMIT 1" == sql.HEAD
    page = select(*FIELDS).where(LATER).order_by(events.c.position)
    assert f"{composed(page)} LIMIT :limit" == sql.PAGE


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_page_of_kinds(count: int) -> None:
    kinds = [kind(n) for n in range(count)]
    walked = select(*FIELDS).where(LATER, events.c.kind.in_(kinds)).order_by(events.c.position)
    page = sql.page_of_kinds(count, with_reads=True)
    assert f"{composed(walked)} LIMIT :limit" == page
    ranges = [select(*FIELDS).where(LATER, events.c.kind == k, text(sql.RARE)) for k in kinds]
    merged = (union_all(*ranges) if count > 1 else ranges[0]).order_by(text("position"))
    page = sql.page_of_kinds(count, with_reads=False)
    assert f"{composed(merged)} LIMIT :limit" == page


def test_who_only_appends_and_reads_does_not_load_sqlalchemy(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from store.sqlite import SqliteLog\n"
        "SqliteLog(Path(sys.argv[1])).close()\n"  # a new log is migrated, which loads it
    )
    again = (
        "from store.event import Draft; log = SqliteLog(Path(sys.argv[1]))\n"
        "log.append([Draft('mat', 'socket.read', body=b'7')]); log.read(); log.close()\n"
        "assert 'sqlalchemy' not in sys.modules\n"
    )
    path = str(tmp_path / "meet.db")
    for each in (script, script.splitlines()[0] + "\n" + again):
        subprocess.run([sys.executable, "-c", each, path], cwd=ROOT, check=True)
