"""The reading commands on recorded meets: what people read, and what programs read."""

import json
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from meetlog.output import Envelope
from meetlog.reports import EventReport, PausesReport, StatusReport
from projections.views import Crossing, QuarantineEntry, Race, Revision, SourceHealth
from tests.meetlog.calls import ask, call, program
from tests.meetlog.meets import RecordedMeet, read
from wire.stamps import HOUR, NS, parse_iso

RESULT = "Session67_Event_4A_Heat1_Race1_1.json"
READING = ("status", "sources", "events", "crossings", "results", "revisions", "quarantine")


def test_crossings_json_is_exact(recorded: RecordedMeet) -> None:
    envelope = ask(Crossing, "crossings", "--meet", recorded.folder)
    assert envelope.position == recorded.log.head().position
    found = {(c.chip, c.point): c for c in envelope.items}
    finish = found["456", "Finish"]
    assert finish.moment == "2026-06-14T09:00:31.455+02:00"
    assert finish.moment_ns == parse_iso("2026-06-14T09:00:31.455").wall - 2 * HOUR
    assert not finish.provisional
    assert finish.reads == 2
    assert (finish.swimmer, finish.source, finish.antenna) == ("102", "finish-mat", 2)
    body = recorded.log.read(finish.position - 1, 1)[0].body
    assert b'"Chip":456' in body
    assert b"09:00:31.4550000Z" in body


def test_the_documented_fields_are_there_by_name(recorded: RecordedMeet) -> None:
    document = json.loads(call("crossings", "-m", recorded.folder, "--json").stdout)
    assert set(document) == {"meetlog", "command", "position", "items"}
    named = {"chip", "point", "moment", "moment_ns", "provisional", "reads", "position"}
    assert all(named <= set(item) for item in document["items"])


def test_a_chosen_point_and_chip(recorded: RecordedMeet) -> None:
    everything = ask(Crossing, "crossings", "-m", recorded.folder).items
    turn = ask(Crossing, "crossings", "-m", recorded.folder, "--point", "Turn").items
    assert turn == [c for c in everything if c.point == "Turn"]
    two = ask(Crossing, "crossings", "-m", recorded.folder, "-c", "0123", "-c", "999").items
    assert two == [c for c in everything if c.chip in ("123", "999")]
    assert len(two) == 3


def test_results_json(recorded: RecordedMeet) -> None:
    races = ask(Race, "results", "-m", recorded.folder).items
    assert [(r.event, r.heat, r.state) for r in races] == [
        ("4A", 1, "complete"),
        ("4A", 2, "scheduled"),
    ]
    lanes = races[0].lanes
    assert [(x.lane, x.time_cs, x.place, x.status) for x in lanes] == [
        (1, 3012, 1, ""),
        (2, 3145, 2, ""),
        (3, None, None, "EMPTY"),
    ]
    assert [s.time_cs for s in lanes[0].splits] == [1450, 3012]
    assert lanes[0].name == "Zoë Ångström"
    for name in ("67/4A/1", "4a/1"):
        assert ask(Race, "results", "-m", recorded.folder, "--race", name).items == [races[0]]
    assert ask(Race, "results", "-m", recorded.folder, "--race", "66/4A/1").items == []


def test_revisions_json(recorded: RecordedMeet) -> None:
    (revision,) = ask(Revision, "revisions", "-m", recorded.folder).items
    published = (recorded.timedrops / RESULT).read_bytes()
    assert (revision.name, revision.revision, revision.origin) == (RESULT, 1, "meetlog")
    assert revision.sha256 == sha256(published).hexdigest()


def test_sources_json(recorded: RecordedMeet) -> None:
    (source,) = ask(SourceHealth, "sources", "-m", recorded.folder).items
    assert (source.source, source.state) == ("finish-mat", "connected")
    assert (source.received, source.new, source.known, source.quarantined) == (8, 7, 1, 1)
    (gap,) = source.gaps
    assert gap.until_ns is not None
    assert gap.since_ns < gap.until_ns


def test_quarantine_json(recorded: RecordedMeet) -> None:
    found = ask(QuarantineEntry, "quarantine", "-m", recorded.folder).items
    bad = next(e for e in found if "JSON" in e.reason)
    assert recorded.log.read(bad.position - 1, 1)[0].body == b"[{oops\r"
    assert any("999" in e.reason for e in found)


def test_status_json(recorded: RecordedMeet) -> None:
    envelope = ask(StatusReport, "status", "-m", recorded.folder)
    (report,) = envelope.items
    head = recorded.log.head()
    assert (report.head, report.head_at_ns) == (head.position, head.recorded_at)
    assert envelope.position == head.position
    assert (report.meet, report.zone) == ("Sommerfest", "Europe/Berlin")
    assert report.races == {"complete": 1, "scheduled": 1}
    assert (report.next.event, report.next.heat) == ("4A", 2)
    assert report.published == 1
    assert report.program.startswith("running since 2026-06-14")
    assert report.bytes >= recorded.path.stat().st_size
    assert report.age_ns > 0
    assert report.note == ""
    assert report.growth is None  # half a minute of a meet says nothing about an hour


def test_events_json(recorded: RecordedMeet) -> None:
    head = recorded.log.head().position
    events = ask(EventReport, "events", "-m", recorded.folder, "--raw").items
    assert [e.position for e in events] == list(range(1, head + 1))
    for told, event in zip(events, recorded.log.read(0, head), strict=True):
        assert told.hash == event.hash.hex()
        assert told.size == len(event.body)
        assert told.text is not None
        assert told.text.encode() == event.body
    assert events[0].recorded_at == "2026-06-14T09:00:00+02:00"
    assert events[4].meta["peer"] == "10.0.0.9:10000"


def test_events_are_chosen(recorded: RecordedMeet) -> None:
    where = ("events", "-m", recorded.folder)
    head = recorded.log.head().position

    def positions(*args: str) -> list[int]:
        return [e.position for e in ask(EventReport, *where, *args).items]

    assert positions("--limit", "3") == [head - 2, head - 1, head]
    assert positions("--after", "2", "--limit", "2") == [3, 4]
    assert positions("--after", str(head)) == []
    assert positions("--source", "folder") == [3, 4]
    assert positions("--kind", "file.changed", "--kind", "app.started") == [1, 2, 3, 4]
    assert positions("--kind", "file.changed", "--source", "settings") == [2]
    assert (
        positions("--kind", "socket.read", "--limit", "1")
        == [e.position for e in recorded.log.read(0, head, kinds=("socket.read",))][-1:]
    )


def test_bytes_that_are_no_text_are_hex(tmp_path: Path) -> None:
    meet = RecordedMeet(tmp_path / "other")
    meet.connect()
    meet.add("finish-mat", "socket.read", b"\xff\x00", c=1)
    (event,) = ask(EventReport, "events", "-m", meet.path, "--raw", "--limit", "1").items
    assert (event.text, event.hex) == (None, "ff00")
    assert "ff00" in call("events", "-m", meet.path, "--raw").stdout
    (event,) = ask(EventReport, "events", "-m", meet.path, "--limit", "1").items
    assert (event.text, event.hex) == (None, None)


def test_pauses_suggest_a_gap(tmp_path: Path) -> None:
    meet = RecordedMeet(tmp_path / "meet")
    meet.connect()
    # Twelve chips linger, read every 5.5 s, and come back after 70 s.
    for chip in range(12):
        moments = (0, 5_500, 11_000, 81_000, 86_500)
        meet.receive(read(m + 100 * chip, str(500 + chip), "Finish") for m in moments)
    result = call("crossings", "-m", meet.folder, "--pauses", "--json")
    envelope = msgspec.json.decode(result.stdout, type=Envelope[PausesReport])
    report = next(r for r in envelope.items if r.point == "Finish")
    assert report.pauses == 48
    assert sum(b.count for b in report.buckets) == 48
    assert {(b.from_ns, b.count) for b in report.buckets} == {(5 * NS, 36), (60 * NS, 12)}
    assert report.above_ns == 70 * NS
    assert report.suggested_ns is not None
    assert 5_500_000_000 < report.suggested_ns < 70 * NS
    assert report.advice in call("crossings", "-m", meet.folder, "--pauses").stdout


@pytest.mark.parametrize("command", READING)
def test_a_pipe_gets_whole_cells_without_colours(recorded: RecordedMeet, command: str) -> None:
    result = call(command, "-m", recorded.folder)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    assert result.stderr == ""
    assert result.stdout.rstrip().splitlines()[-1].rstrip().endswith((".", "--limit 1"))


def test_tables_say_what_is_what(recorded: RecordedMeet) -> None:
    def told(*args: str) -> str:
        return call(*args, "-m", recorded.folder).stdout

    results = told("results")
    for words in ("Zoë Ångström", "[bold]Kovács", "30.12", "25: 14.50", "empty lane", "revision 1"):
        assert words in results
    crossings = told("crossings")
    assert "2026-06-14 09:00:31.455" in crossings
    assert "5 crossings of 3 chips, 0 provisional" in crossings
    assert "unknown chip 999" in told("quarantine")
    assert "was not listened to from 2026-06-14" in told("sources")
    assert RESULT in told("revisions")
    status = told("status")
    assert "event 4A, heat 2" in status
    assert "in the future" in status


def test_nobody_steers_the_terminal(tmp_path: Path) -> None:
    meet = RecordedMeet(tmp_path / "meet")
    meet.connect()
    meet.receive([read(0, "a\x1b[2Jb", "Fin\x9bish")])
    meet.publish()
    for command in READING:
        told = call(command, "-m", meet.folder).stdout
        assert not [c for c in told if not c.isprintable() and c != "\n"]
    assert "a\\x1b[2Jb" in call("crossings", "-m", meet.folder).stdout
    assert ask(Crossing, "crossings", "-m", meet.folder).items[0].chip == "a\x1b[2Jb"


def test_the_log_alone_is_enough(recorded: RecordedMeet) -> None:
    by_log = ask(Crossing, "crossings", "--meet", recorded.path)
    assert by_log == ask(Crossing, "crossings", "--meet", recorded.folder / "meet.toml")
    assert "2026-06-14 09:00:31.455" in call("crossings", "-m", recorded.path).stdout


def test_reading_does_not_write(recorded: RecordedMeet) -> None:
    before = recorded.path.read_bytes(), recorded.log.head()
    for command in READING:
        call(command, "-m", recorded.folder)
    assert (recorded.path.read_bytes(), recorded.log.head()) == before


def test_a_narrow_code_page_is_no_reason_to_crash(recorded: RecordedMeet) -> None:
    told = program("results", "-m", recorded.folder, PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert told.returncode == 0, told.stderr
    text = told.stdout.decode("cp1252")
    assert "Zoë Ångström" in text
    assert "Gy\\u0151z\\u0151" in text
    as_json = program("results", "-m", recorded.folder, "--json", PYTHONIOENCODING="cp1252")
    races = msgspec.json.decode(as_json.stdout, type=Envelope[Race]).items
    assert races[0].lanes[1].name == "Győző [bold]Kovács"
