"""What others write is shown as it is: it steers no terminal, makes up no line, runs nothing."""

import io
import re
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from ingest.notices import Notice
from meetlog.display import PlainLines, page
from meetlog.loglines import LogLine, json_form, plain_form
from meetlog.output import Rows, visible
from meetlog.projector import Overview
from projections.views import Alarm
from store.event import Draft
from store.sqlite import SqliteLog
from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet
from wire.chips import encode_csv, parse

ROOT = Path(__file__).parents[2]
ROOMS = ("wire", "store", "ingest", "projections", "exporters", "meetlog")
# An escape that clears the screen, its one-byte form, a title, a bell, a bidirectional override,
# a line of its own, markup of the library that draws.
NASTY = "\x1b[2J\x9b31m\x1b]0;owned\x07\u202e\r\n12:00:00 ALARM made up[/bold][red]x[link=http://x]"
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("kind", ["program", "crossing", "condition", "over"])
def test_a_line_stays_one_line(kind: str) -> None:
    line = msgspec.convert(
        {"at": 1, "severity": "alarm", "kind": kind, "source": NASTY, "text": NASTY, "hint": NASTY},
        LogLine,
    )
    for told in (plain_form(line), json_form(line)):
        assert "\n" not in told
        assert not STEERING.search(told)
    assert msgspec.json.decode(json_form(line), type=dict[str, str])["text"] == NASTY


def test_what_a_run_writes_is_one_line_for_each_thing() -> None:
    lines: list[str] = []
    plain = PlainLines(write=lines.append, now=lambda: 1)
    plain.notice(Notice(1, NASTY, "alarm", "key", NASTY, NASTY), over=False)
    plain.overview(Overview(alarms=(Alarm("key", NASTY, NASTY, 1),)))
    assert len(lines) == 2
    assert not any(STEERING.search(line) or "\n" in line for line in lines)


def test_the_live_page_is_not_steered() -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, color_system=None, width=400)
    notice = Notice(1, "mat", "alarm", "key", NASTY, NASTY)
    console.print(page(NASTY, Overview(alarms=(Alarm("key", NASTY, NASTY, 1),)), [notice], 1))
    text = re.sub(r"\x1b\[[0-9;]*m", "", drawn.getvalue())  # what the library itself styles
    assert not STEERING.search(text)
    assert "made up[/bold][red]x[link=http://x]" in text


def test_tables_and_sentences_are_not_steered() -> None:
    rows = Rows("name")
    rows.add(NASTY)
    assert all(not STEERING.search(line) and "\n" not in line for line in rows.plain())
    assert not STEERING.search(visible(NASTY).plain)


@pytest.mark.parametrize(
    "command", ["status", "sources", "crossings", "results", "quarantine", "events"]
)
def test_commands_show_what_came_as_text(ended: RecordedMeet, command: str) -> None:
    log = SqliteLog(ended.folder / "meet.db")
    log.append([Draft(NASTY, "socket.opened", msgspec.msgpack.encode({"c": 9, "peer": NASTY}))])
    body = msgspec.json.encode([{"Chip": NASTY, "Moment": "x", "TimingPoint": NASTY, "Type": 2}])
    opened = {"c": 10, "protocol": "tsv2", "role": "server", "peer": NASTY, "local": ""}
    log.append(
        [
            Draft("mat", "socket.opened", msgspec.msgpack.encode(opened)),
            Draft(
                "mat", "socket.read", msgspec.msgpack.encode({"c": 10}), body + b"\n" + b"\x1b[2J"
            ),
        ]
    )
    log.close()
    told = call(command, "-m", ended.folder)
    assert told.exit_code == 0, told.output
    assert not STEERING.search(told.output)
    assert "\n12:00:00 ALARM made up" not in told.output


def test_a_query_is_no_sql(ended: RecordedMeet) -> None:
    log = SqliteLog(ended.folder / "meet.db")
    count = log.head().position
    assert log.read(kinds=("x' OR '1'='1", "x'); DROP TABLE events; --")) == []
    told = call("events", "-m", ended.folder, "--kind", "x' OR 1=1 --", "--source", "'; --")
    assert told.exit_code == 0
    assert log.head().position == count
    log.close()


def test_sql_is_never_made_of_what_others_wrote() -> None:
    """Every statement that is put together at all is put together of our own tables' names."""
    made = re.compile(r"""execute(?:many)?\(\s*(?:f["']|["'][^"']*["']\s*[%+]|\w+\s*\+)""")
    found = []
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if "migrations" not in path.parts:
                text = path.read_text(encoding="utf-8")
                told = (text[m.start() : m.end() + 20] for m in made.finditer(text))
                found += [f"{path.relative_to(ROOT)}: {each}" for each in told]
    # What a connection is set up with takes no parameters, and is a word of ours.
    assert [each for each in found if "PRAGMA synchronous=" not in each] == []


CELLS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", '"=1"', "=cmd|' /C calc'!A0", "a,b", "a;b"]


@pytest.mark.parametrize("cell", CELLS)
def test_a_chip_table_says_what_it_says(cell: str) -> None:
    """It is read by meetlog again, so nothing is put before a cell that a spreadsheet would run."""
    ((chip, swimmer),) = parse("chips.csv", encode_csv({cell: cell})).chips.items()
    assert chip == swimmer == cell.strip()


def test_no_other_csv_is_written() -> None:
    """Whoever adds one decides what becomes of cells that a spreadsheet would run."""
    writers = [
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "csv.writer" in path.read_text(encoding="utf-8")
    ]
    assert writers == ["wire/chips.py"]
