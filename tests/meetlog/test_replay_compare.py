"""Replay beside a folder, at a pace, of damaged logs; and past logs under this version."""

import sqlite3
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from meetlog.output import Envelope
from meetlog.pace import paced, parse_speed
from meetlog.reports import ComparedFile, PreviewReport, ReplayReport
from store.event import Draft
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet, read, swum
from tests.meetlog.replays import RESULT, corrected
from wire.stamps import NS
from wire.timedrops import PROGRAM_FILE, STATUS_FILE, ResultFile, ResultLane, encode_result

CONSOLE = "Session67_Event_4A_Heat2_Race2_1.json"


@pytest.fixture
def folder(recorded: RecordedMeet, tmp_path: Path) -> Path:
    """A copy of what was published, as a meet manager may hold it."""
    copy = tmp_path / "held"
    copy.mkdir()
    for path in recorded.timedrops.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def compared(
    meet: RecordedMeet, folder: Path, into: Path, code: int = 1
) -> dict[str, ComparedFile]:
    """The files of the comparison by name."""
    result = call("replay", meet.path, "--into", into, "--compare", folder, "--json")
    assert result.exit_code == code, result.output
    (report,) = msgspec.json.decode(result.stdout, type=Envelope[ReplayReport]).items
    assert report.identical == (code == 0)
    return {each.name: each for each in report.compared}


def test_a_folder_that_holds_what_was_published(
    recorded: RecordedMeet, folder: Path, tmp_path: Path
) -> None:
    (folder / PROGRAM_FILE).write_bytes(b"{}")
    (folder / "holiday.jpg").write_bytes(b"")
    found = compared(recorded, folder, tmp_path / "into", code=0)
    assert {f.name: f.state for f in found.values()} == {
        RESULT: "identical", STATUS_FILE: "identical",
    }  # fmt: skip


def test_a_changed_file_is_told_lane_by_lane(
    recorded: RecordedMeet, folder: Path, tmp_path: Path
) -> None:
    path = folder / RESULT
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"finalTime": 3145', b'"finalTime": 3001', 1))
    assert path.read_bytes() != data
    found = compared(recorded, folder, tmp_path / "into")[RESULT]
    assert found.state == "changed"
    assert "in the folder '\"finalTime\": 3001,', replayed '\"finalTime\": 3145,'" in (
        found.difference
    )
    ((race),) = found.races
    told = {lane.lane: {f.field: (f.before, f.after) for f in lane.fields} for lane in race.lanes}
    assert told == {1: {"place": (2, 1)}, 2: {"time_cs": (3001, 3145), "place": (1, 2)}}
    assert [lane.name for lane in race.lanes] == ["Zoë Ångström", "Győző [bold]Kovács"]
    result = call("replay", recorded.path, "--into", tmp_path / "2", "--compare", folder)
    assert "CHANGED" in result.stdout
    assert "30.01 -> 31.45" in result.stdout
    assert "1 identical, 1 changed" in result.stdout
    assert path.read_bytes() != data


def test_a_missing_and_an_extra_file(recorded: RecordedMeet, folder: Path, tmp_path: Path) -> None:
    (folder / RESULT).rename(folder / "Session67_Event_4A_Heat1_Race1_2.json")
    found = compared(recorded, folder, tmp_path / "into")
    assert {f.name: f.state for f in found.values()} == {
        RESULT: "missing",
        STATUS_FILE: "identical",
        "Session67_Event_4A_Heat1_Race1_2.json": "extra",
    }


def test_a_file_that_is_no_result_any_more_is_changed(
    recorded: RecordedMeet, folder: Path, tmp_path: Path
) -> None:
    (folder / RESULT).write_bytes(b"\xff not JSON")
    found = compared(recorded, folder, tmp_path / "into")[RESULT]
    assert found.state == "changed"
    assert found.difference.startswith("line 1: in the folder")


def test_the_files_of_a_console_are_not_extra(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    console = ResultFile("67", "4A", 2, 2, lanes=(ResultLane(1, final_cs=2911),))
    body = encode_result(console)
    meet.file(CONSOLE, body)
    meet.publish()
    (meet.timedrops / CONSOLE).write_bytes(body)
    found = compared(meet, meet.timedrops, tmp_path / "into", code=0)
    assert found[CONSOLE].state == "foreign"
    (meet.timedrops / CONSOLE).write_bytes(body.replace(b"2911", b"2912"))
    found = compared(meet, meet.timedrops, tmp_path / "into2")
    assert found[CONSOLE].state == "extra"
    assert "another content" in found[CONSOLE].difference


def test_what_a_console_took_over_is_not_pending(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    console = ResultFile("67", "4A", 1, 1, lanes=(ResultLane(1, final_cs=2911),))
    meet.file("Session67_Event_4A_Heat1_Race1_7.json", encode_result(console))
    meet.publish()
    (report,) = ask(ReplayReport, "replay", meet.path, "--into", tmp_path / "into").items
    assert (report.pending, report.identical) == ((), True)


def test_a_file_of_another_meet_and_one_that_cannot_be_read(
    recorded: RecordedMeet, folder: Path, tmp_path: Path
) -> None:
    (folder / "Session9_Event_1_Heat1_Race1_1.json").write_bytes(b"{}")
    (folder / "Session9_Event_1_Heat2_Race2_1.json").mkdir()
    found = compared(recorded, folder, tmp_path / "into")
    assert [f.state for f in found.values()].count("extra") == 2


@pytest.mark.parametrize("make", ["nothing", "a file"])
def test_a_folder_that_is_none(recorded: RecordedMeet, tmp_path: Path, make: str) -> None:
    where, into = tmp_path / "held", tmp_path / "into"
    if make == "a file":
        where.write_bytes(b"")
    result = call("replay", recorded.path, "--into", into, "--compare", where)
    assert result.exit_code == 7
    assert str(where) in result.stderr
    assert not into.exists()


def test_a_folder_that_is_not_empty_is_refused(recorded: RecordedMeet, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    (into / "holiday.jpg").write_bytes(b"")
    for where in (into, into / "holiday.jpg"):
        result = call("replay", recorded.path, "--into", where)
        assert result.exit_code == 8
    assert [p.name for p in into.iterdir()] == ["holiday.jpg"]


# -- damaged logs ----------------------------------------------------------


def truncate(path: Path) -> None:
    """Cut the file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 8192 * 4096])


def alter(sql: str) -> Callable[[Path], None]:
    """Change events, past the database's refusal."""

    def spoil(path: Path) -> None:
        connection = sqlite3.connect(path)
        for trigger in ("events_refuse_update", "events_refuse_delete"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(sql)
        connection.commit()
        connection.close()

    return spoil


SPOILED: dict[str, Callable[[Path], None]] = {
    "cut": truncate,
    "altered": alter("UPDATE events SET body = x'00' WHERE position = 9"),
    "a row gone": alter("DELETE FROM events WHERE position = 9"),
    "a stamp": alter("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 9"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_damaged_log_is_refused_and_nothing_written(
    ended: RecordedMeet, tmp_path: Path, how: str
) -> None:
    SPOILED[how](ended.path)
    into = tmp_path / "into"
    result = call("replay", ended.path, "--into", into)
    assert result.exit_code == 4, result.output
    assert str(ended.path) in result.stderr
    assert not into.exists()
    if how != "cut":
        assert "event 9 does not hold" in result.stderr
        assert "--until 8" in result.stderr
        assert call("replay", ended.path, "--into", into, "--until", "8").exit_code == 0


# -- the pace --------------------------------------------------------------


class Hours:
    """A clock that only waits move, and what was waited for."""

    def __init__(self) -> None:
        self.now = 0
        self.waits: list[int] = []

    def sleep(self, ns: int) -> None:
        self.waits.append(ns)
        self.now += ns


@pytest.mark.parametrize(
    ("speed", "waits"), [("1x", [5, 3]), ("0.5", [10, 6]), ("4x", [1, 1]), ("max", [])]
)
def test_the_pace_of_then(speed: str, waits: list[int]) -> None:
    hours = Hours()
    moments = [100, 105, 105, 108]
    seen = [
        (item, hours.now)
        for item in paced(
            moments, lambda m: m, parse_speed(speed), clock=lambda: hours.now, sleep=hours.sleep
        )
    ]
    assert [item for item, _ in seen] == moments
    assert hours.waits == waits
    assert seen[0][1] == 0


def test_work_between_the_waits_is_not_added_to_them() -> None:
    hours = Hours()
    seen = []
    for item in paced([0, 10, 20, 21], lambda m: m, Fraction(1), clock=lambda: hours.now,
                      sleep=hours.sleep):  # fmt: skip
        seen.append((item, hours.now))
        hours.now += 4  # writing it took a while
    assert seen == [(0, 0), (10, 10), (20, 20), (21, 24)]


@pytest.mark.parametrize("text", ["", "0", "0x", "-1x", "fast", "1e3", "x", "1/2", "٣x", "9" * 9])
def test_a_wrong_speed_is_refused(recorded: RecordedMeet, tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="is no speed"):
        parse_speed(text)
    into = tmp_path / "into"
    result = call("replay", recorded.path, "--into", into, f"--speed={text}")
    assert result.exit_code == 2
    assert not into.exists()


def test_each_revision_appears_in_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meet, moments = corrected(tmp_path / "meet")
    hours = Hours()
    into = tmp_path / "into"
    seen: dict[int, dict[str, bytes]] = {}

    def sleep(seconds: float) -> None:
        seen[hours.now] = {p.name: p.read_bytes() for p in into.iterdir()}
        hours.sleep(round(seconds * NS))

    monkeypatch.setattr("time.monotonic_ns", lambda: hours.now)
    monkeypatch.setattr("time.sleep", sleep)
    result = call("replay", meet.path, "--into", into, "--speed", "2x")
    assert result.exit_code == 0
    written = {p.name: p.read_bytes() for p in into.iterdir()}
    assert written == moments[-1].folder
    for name in written:
        assert name in result.stdout
    folders = [*seen.values(), written]
    assert all(moment.folder in folders for moment in moments)
    assert len(folders) > 20


# -- past logs under this version ------------------------------------------


def altered_past(meet: RecordedMeet, folder: Path) -> RecordedMeet:
    """The same meet, but its log says that another time was published."""
    other = RecordedMeet(folder)
    for event in meet.log.read(2, 1000):
        body = event.body.replace(b": 3012", b": 3011")
        fields = msgspec.msgpack.decode(event.meta)
        if "sha256" in fields:
            fields["sha256"] = sha256(body).hexdigest()
        meta = msgspec.msgpack.encode(fields)
        other.log.append([Draft(event.source, event.kind, meta, body)])
    other.log.close()
    return other


def test_past_logs_that_stay_as_they_are(ended: RecordedMeet, tmp_path: Path) -> None:
    meet, _ = corrected(tmp_path / "other")
    reports = ask(PreviewReport, "upgrade-preview", ended.path, meet.folder).items
    assert [r.differing for r in reports] == [(), ()]
    assert [r.log for r in reports] == [str(ended.path), str(meet.path)]
    assert reports[1].identical > 20
    assert "0 would change" in call("upgrade-preview", ended.path).stdout


def test_each_result_that_would_change_is_listed(recorded: RecordedMeet, tmp_path: Path) -> None:
    other = altered_past(recorded, tmp_path / "other")
    result = call("upgrade-preview", recorded.path, other.path, "--json")
    assert result.exit_code == 1
    reports = msgspec.json.decode(result.stdout, type=Envelope[PreviewReport]).items
    assert [len(r.differing) for r in reports] == [0, 1]
    (file,) = reports[1].differing
    assert file.name == RESULT
    ((lane),) = file.races[0].lanes
    assert (lane.lane, [(f.field, f.before, f.after) for f in lane.fields]) == (
        1, [("time_cs", 3011, 3012)],
    )  # fmt: skip
    result = call("upgrade-preview", other.path)
    assert result.exit_code == 1
    assert "30.11 -> 30.12" in result.stdout
    assert "1 would change" in result.stdout


def test_a_log_of_an_older_version_is_not_altered(ended: RecordedMeet) -> None:
    connection = sqlite3.connect(ended.path)
    connection.execute("DROP TABLE snapshot")
    connection.execute("UPDATE alembic_version SET version_num = 'r0001'")
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = ended.path.read_bytes()
    (report,) = ask(PreviewReport, "upgrade-preview", ended.path).items
    assert report.identical
    assert not report.differing
    assert ended.path.read_bytes() == before


def test_a_log_that_cannot_be_replayed_does_not_keep_the_others(
    ended: RecordedMeet, recorded: RecordedMeet, tmp_path: Path
) -> None:
    alter("UPDATE events SET body = x'00' WHERE position = 9")(ended.path)
    missing = tmp_path / "none.db"
    result = call("upgrade-preview", ended.path, missing, recorded.path, "--json")
    assert result.exit_code == 5
    reports = msgspec.json.decode(result.stdout, type=Envelope[PreviewReport]).items
    assert "event 9 does not hold" in reports[0].problem
    assert "no log at" in reports[1].problem
    assert reports[2].problem == ""
    assert reports[2].identical
    assert call("upgrade-preview", ended.path, recorded.path).exit_code == 4


def test_what_is_pending_changes_no_exit_code(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    meet.receive([read(31_000, "456", "Finish")])
    (report,) = ask(PreviewReport, "upgrade-preview", meet.path).items
    assert [p.state for p in report.pending] == ["differs"]
    (replayed,) = ask(ReplayReport, "replay", meet.path, "--into", tmp_path / "into").items
    assert replayed.pending == report.pending
    assert replayed.identical
