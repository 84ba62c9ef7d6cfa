"""`verify`, `rebuild` and `replay`, and logs whose tables do not fit."""

import json
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from meetlog.lock import alone
from meetlog.replay import replay
from meetlog.reports import RebuildReport, ReplayReport, StatusReport, VerifyReport
from projections.views import Crossing, QuarantineEntry, Race
from store.event import Draft, Event
from store.sqlite import SqliteLog
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import TOML, RecordedMeet, swum

RESULT = "Session67_Event_4A_Heat1_Race1_1.json"


def change(path: Path, *statements: str) -> None:
    """Change what can be derived again, in one transaction."""
    log = SqliteLog(path)
    with log.views() as connection:
        for each in statements:
            connection.execute(text(each))
    log.close()


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE snapshot SET hash = zeroblob(32)",
        "UPDATE snapshot SET state = zeroblob(9)",
        "UPDATE snapshot SET state = substr(state, 1, length(state) - 1)",
        "UPDATE snapshot SET version = version - 1",
        "DELETE FROM snapshot",
    ],
)
def test_a_saved_state_that_does_not_fit_is_not_used(ended: RecordedMeet, spoil: str) -> None:
    before = ask(Race, "results", "-m", ended.folder)
    change(ended.path, spoil)
    assert ask(Race, "results", "-m", ended.folder) == before


@pytest.mark.parametrize("more", [False, True], ids=["at the head", "behind the head"])
def test_reads_that_are_damaged_in_a_saved_state_are_not_used(
    ended: RecordedMeet, more: bool
) -> None:
    if more:
        log = SqliteLog(ended.path)
        log.append([Draft(e.source, e.kind, e.meta, e.body) for e in log.read()])
        log.close()
    commands = (("results", Race), ("crossings", Crossing), ("quarantine", QuarantineEntry))
    before = [ask(kind, command, "-m", ended.folder) for command, kind in commands]
    change(ended.path, "UPDATE snapshot SET state = substr(state, 1, length(state) - 1) || x'2a'")
    assert [ask(kind, command, "-m", ended.folder) for command, kind in commands] == before


def test_a_log_without_read_tables_is_read(ended: RecordedMeet) -> None:
    before = ask(Race, "results", "-m", ended.folder)
    change(ended.path, "DROP TABLE snapshot", "UPDATE alembic_version SET version_num = 'r0001'")
    assert ask(Race, "results", "-m", ended.folder) == before
    result = call("results", "-m", ended.folder)
    assert "older meetlog (r0001)" in result.stderr
    assert ask(StatusReport, "status", "-m", ended.folder).items[0].note in result.stderr


def test_verify_holds(recorded: RecordedMeet) -> None:
    head = recorded.log.head()
    for where in (recorded.folder, recorded.path):
        result = call("verify", where)
        assert result.exit_code == 0
        assert f"verified {head.position} events, head {head.hash.hex()[:12]}" in result.stdout
    (report,) = ask(VerifyReport, "verify", recorded.path).items
    assert (report.ok, report.verified, report.head) == (True, head.position, head.hash.hex())


def test_verify_names_the_first_bad_event(ended: RecordedMeet) -> None:
    connection = sqlite3.connect(ended.path)
    connection.execute("DROP TRIGGER events_refuse_update")
    connection.execute("UPDATE events SET body = x'00' WHERE position = 9")
    connection.commit()
    connection.close()
    result = call("verify", ended.folder)
    assert result.exit_code == 4
    assert "event 9 does not hold" in result.stdout
    report = json.loads(call("verify", ended.folder, "--json").stdout)["items"][0]
    assert (report["ok"], report["first_bad"], report["verified"]) == (False, 9, 8)


def test_verify_compares_the_published_files(ended: RecordedMeet) -> None:
    path = ended.timedrops / RESULT
    body = path.read_bytes()
    (report,) = ask(VerifyReport, "verify", ended.folder).items
    assert [(f.name, f.state) for f in report.files] == [(RESULT, "as published")]
    path.write_bytes(body + b" ")
    result = call("verify", ended.folder)
    assert result.exit_code == 1
    assert f"{RESULT} is changed" in result.stdout
    path.unlink()
    result = call("verify", ended.folder)
    assert result.exit_code == 1
    assert f"{RESULT} is missing" in result.stdout
    assert call("verify", ended.path).exit_code == 0


def test_rebuild_gives_the_same_again(ended: RecordedMeet) -> None:
    (report,) = ask(RebuildReport, "rebuild", "-m", ended.folder).items
    assert report.shown == report.position
    assert not report.corrected
    assert all(t.same for t in report.tables)
    assert {t.table: t.rows for t in report.tables} == {
        "crossings": 4,
        "results": 2,
        "lanes": 5,
        "splits": 4,
        "revisions": 1,
        "sources": 1,
        "relays": 0,
    }


def test_rebuild_corrects_what_was_changed(ended: RecordedMeet) -> None:
    change(ended.path, "UPDATE lanes SET time_cs = 1 WHERE lane = 1", "DELETE FROM crossings")
    result = call("rebuild", "-m", ended.folder)
    assert result.exit_code == 0, result.output
    assert "now they do" in result.stdout
    (report,) = ask(RebuildReport, "rebuild", "-m", ended.folder).items
    assert all(t.same for t in report.tables)
    assert next(t.rows for t in report.tables if t.table == "crossings") == 4


def test_rebuild_waits_for_nobody(ended: RecordedMeet) -> None:
    with alone(ended.path, ""):
        result = call("rebuild", "-m", ended.folder)
    assert result.exit_code == 8
    assert "recording into" in result.stderr
    assert call("rebuild", "-m", ended.folder).exit_code == 0


def test_replay_gives_identical_files(recorded: RecordedMeet, tmp_path: Path) -> None:
    into = tmp_path / "again"
    (report,) = ask(ReplayReport, "replay", recorded.path, "--into", into).items
    assert [f.name for f in report.files].count(RESULT) == 1
    assert all(f.identical and f.recorded == f.replayed for f in report.files)
    written = {p.name: p.read_bytes() for p in into.iterdir()}
    assert written == {p.name: p.read_bytes() for p in recorded.timedrops.iterdir()}
    result = call("replay", recorded.folder, "--into", into)
    assert result.exit_code == 8
    assert "not an empty folder" in result.stderr


def test_replay_names_what_differs(recorded: RecordedMeet, tmp_path: Path) -> None:
    # The same meet, but its log says that something else was published.
    other = RecordedMeet(tmp_path / "other")
    for event in recorded.log.read(2, 1000):
        body = event.body.replace(b": 3012", b": 3011")
        other.log.append([Draft(event.source, event.kind, _meta(event.meta, body), body)])
    into = tmp_path / "again"
    result = call("replay", other.folder, "--into", into)
    assert result.exit_code == 1
    assert "DIFFERS" in result.stdout
    assert "3011" in result.stdout
    assert b"3012" in (into / RESULT).read_bytes()


def test_replay_reads_each_moment_by_the_settings_of_then(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    toml = TOML.replace("Europe/Berlin", "Europe/London").replace("Sommerfest", "Summer Fair")
    meet.file("meet.toml", toml.encode(), "settings")
    meet.publish()
    (report,) = ask(ReplayReport, "replay", meet.path, "--into", tmp_path / "again").items
    files = report.files
    results = [f for f in files if f.name.startswith("Session")]
    assert len(results) == 2
    assert all(f.identical for f in files), [f.difference for f in files]
    assert results[0].recorded != results[1].recorded


def test_replay_goes_through_the_log_once(recorded: RecordedMeet) -> None:
    class Counting:
        def __init__(self) -> None:
            self.fed: list[int] = []

        def read(self, after: int = 0, limit: int = 1000, **more: Any) -> list[Event]:
            events = recorded.log.read(after, limit, **more)
            if not more.get("kinds"):
                self.fed += [e.position for e in events]
            return events

        def __getattr__(self, name: str) -> Any:
            return getattr(recorded.log, name)

    log: Any = Counting()
    found = list(replay(log))
    assert len(found) >= 3
    assert log.fed == list(range(1, found[-1].publication.as_of + 1))


def _meta(meta: bytes, body: bytes) -> bytes:
    fields = msgspec.msgpack.decode(meta)
    if "sha256" in fields:
        fields["sha256"] = sha256(body).hexdigest()
    return msgspec.msgpack.encode(fields)
