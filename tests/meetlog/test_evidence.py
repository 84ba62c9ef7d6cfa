"""`verify` and `seal`: what a log, a folder and a code prove about each other."""

import sqlite3
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from meetlog.output import Envelope
from meetlog.reports import SealReport, VerifyReport
from projections.clock import iso_local
from store.event import RESULT_PUBLISHED, meta_of
from store.seal import read_seal, seal_of
from store.sqlite import SqliteLog
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet, swum

RESULT = "Session67_Event_4A_Heat1_Race1_1.json"


def tampered(path: Path, *statements: str) -> None:
    """Change a log as nobody may."""
    connection = sqlite3.connect(path)
    for trigger in ("update", "delete"):
        connection.execute(f"DROP TRIGGER IF EXISTS events_refuse_{trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_code_of_the_head_holds(recorded: RecordedMeet) -> None:
    head = recorded.log.head()
    (report,) = ask(SealReport, "seal", recorded.folder).items
    assert report.code == seal_of(head)
    assert (report.position, report.head) == (head.position, head.hash.hex())
    printed = call("seal", recorded.folder).stdout.splitlines()
    assert printed[0] == report.code
    assert f"the first {head.position} events" in printed[1]
    for typed in (report.code, report.code.lower(), report.code.replace("-", " ")):
        result = call("verify", recorded.path, "--code", typed)
        assert result.exit_code == 0, result.output
        assert f"{report.code}: HOLDS. The first {head.position} events" in result.stdout


def test_codes_of_the_past_hold_when_the_log_has_grown(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    codes = [call("seal", meet.path).stdout.splitlines()[0]]
    meet.lost()
    codes.append(call("seal", meet.path, "--at", "5").stdout.splitlines()[0])
    event = meet.log.read(5, 1)[0]
    instant = iso_local(event.recorded_at, "Europe/Berlin")
    codes.append(call("seal", meet.folder, "--at", instant).stdout.splitlines()[0])
    assert [read_seal(code).position for code in codes[1:]] == [5, 6]
    (report,) = ask(
        VerifyReport, "verify", meet.path, *(word for code in codes for word in ("--code", code))
    ).items
    assert [check.state for check in report.codes] == ["holds"] * 3
    assert [check.code for check in report.codes] == codes
    assert report.seal == seal_of(meet.log.head())


def test_a_code_of_another_log_differs(recorded: RecordedMeet, tmp_path: Path) -> None:
    other = swum(tmp_path / "other")
    other.file("meet.toml", b"# another\n", "settings")
    for position, state in ((2, "HOLDS"), (other.log.head().position, "DIFFERS")):
        code = call("seal", other.path, "--at", str(position)).stdout.splitlines()[0]
        result = call("verify", recorded.path, "--code", code)
        assert (result.exit_code, state in result.stdout) == (1 if state == "DIFFERS" else 0, True)
    assert "are others than those that it was made of" in result.stdout


def test_a_mistyped_code_says_nothing_about_the_log(recorded: RecordedMeet) -> None:
    code = seal_of(recorded.log.head())
    for at, typed in ((5, "Z"), (-1, "Z"), (0, "9")):
        wrong = list(code)
        wrong[at] = typed if wrong[at] != typed else "Y"
        result = call("verify", recorded.path, "--code", "".join(wrong))
        assert result.exit_code == 2
        assert "is no seal code: at least one character is wrong" in result.stderr
        assert "This says nothing about the log" in result.stderr


def test_a_log_cut_off_at_its_end_is_found_by_a_code(ended: RecordedMeet) -> None:
    code = call("seal", ended.path).stdout.splitlines()[0]
    tampered(ended.path, "DELETE FROM events WHERE position > 12")
    assert call("verify", ended.path).exit_code == 0
    result = call("verify", ended.path, "--code", code)
    assert result.exit_code == 1
    assert "the log has only 12: it is another log, a copy of earlier, or was cut off" in (
        result.stdout
    )


def test_a_code_before_the_damage_still_holds(ended: RecordedMeet) -> None:
    codes = [call("seal", ended.path, "--at", at).stdout.splitlines()[0] for at in ("8", "9")]
    tampered(ended.path, "UPDATE events SET body = x'00' WHERE position = 9")
    result = call("verify", ended.path, "--code", codes[0], "--code", codes[1])
    assert result.exit_code == 4
    assert f"{codes[0]}: HOLDS" in result.stdout
    assert f"{codes[1]}: NOT KNOWN" in result.stdout
    assert "event 9 does not hold" in result.stdout


def test_there_must_be_something_to_seal(tmp_path: Path) -> None:
    SqliteLog(tmp_path / "new.db").close()
    result = call("seal", tmp_path / "new.db")
    assert result.exit_code == 8
    assert "nothing is recorded yet" in result.stderr
    assert call("seal", tmp_path / "none.db").exit_code == 5


@pytest.mark.parametrize("at", ["0", "99999", "yesterday", "08:00"])
def test_a_wrong_place_to_seal_is_told(recorded: RecordedMeet, at: str) -> None:
    result = call("seal", recorded.path, "--at", at)
    assert (result.exit_code, result.stdout) == (2, "")


# -- folders -------------------------------------------------------------


def test_any_folder_can_be_checked(ended: RecordedMeet, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / RESULT).write_bytes((ended.timedrops / RESULT).read_bytes())
    (copy / "notes.txt").write_text("not a result")
    (report,) = ask(VerifyReport, "verify", ended.path, "--folder", copy).items
    assert [(f.name, f.state, f.newest) for f in report.files] == [(RESULT, "as published", True)]
    (copy / RESULT).write_bytes(b"{}")
    before = sorted(copy.iterdir())
    result = call("verify", ended.path, "--folder", copy)
    assert result.exit_code == 1
    assert f"{RESULT} is changed (the newest revision of its race) in {copy}" in result.stdout
    assert "writes a missing file again, and a changed one once it is moved away" in result.stdout
    assert sorted(copy.iterdir()) == before


def test_a_result_that_nobody_published_is_found(ended: RecordedMeet) -> None:
    forged = RESULT.replace("_1.json", "_2.json")
    (ended.timedrops / forged).write_bytes((ended.timedrops / RESULT).read_bytes())
    result = call("verify", ended.folder)
    assert result.exit_code == 1
    assert f"{forged} is not in the log in {ended.timedrops}" in result.stdout
    assert "1 of 2 result files as published" in result.stdout


def test_a_console_s_file_that_was_recorded_is_known(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    name = "Session67_Event_9_Heat1_Race9_1.json"
    (meet.timedrops / name).write_bytes(b'{"lanes": []}')
    meet.file(name, b'{"lanes": []}')
    assert call("verify", meet.folder).exit_code == 0


def test_another_meet_s_folder_is_recognised(ended: RecordedMeet, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "Session9_Event_1_Heat1_Race1_1.json").write_bytes(b"{}")
    result = call("verify", ended.path, "--folder", other)
    assert result.exit_code == 1
    assert f"Not one published file is in {other}: is it the folder of another meet?" in (
        result.stdout
    )
    result = call("verify", ended.path, "--folder", other / "nowhere")
    assert result.exit_code == 8
    assert "is not a folder" in result.stderr


def publish(
    meet: RecordedMeet, revision: int, heat: int = 1, event: str = "4A", **meta: object
) -> None:
    """A decision as it stands in the log, by whoever wrote it."""
    body = b'{"revision": %d}\n' % revision
    fields = {
        "session": "67", "event": event, "heat": heat, "race_number": heat, "revision": revision,
        "name": f"Session67_Event_{event}_Heat{heat}_Race{heat}_{revision}.json",
        "sha256": sha256(body).hexdigest(), "as_of": 5, "cause": "", "author": "", "reason": "",
    } | meta  # fmt: skip
    meet.add("meetlog", RESULT_PUBLISHED, body, **fields)
    (meet.timedrops / str(fields["name"])).write_bytes(body)


def test_a_revision_that_is_nowhere_is_found(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    publish(meet, 3)
    result = call("verify", meet.folder)
    assert result.exit_code == 1
    assert "event 4A, heat 1: revision 2 is nowhere in the log" in result.stdout
    (report,) = ask_failing(meet.folder).missing
    assert (report.session, report.event, report.heat, report.revision) == ("67", "4A", 1, 2)


def ask_failing(folder: Path) -> VerifyReport:
    result = call("verify", folder, "--json")
    assert result.exit_code == 1
    (report,) = msgspec.json.decode(result.stdout, type=Envelope[VerifyReport]).items
    return report


def test_numbers_that_others_took_are_not_missing(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    # A console's file, recorded; and the other document of a combined heat.
    meet.file("Session67_Event_4A_Heat1_Race1_2.json", b"{}")
    publish(meet, 3, event="4B", race_number=1)
    publish(meet, 4)
    result = call("verify", meet.path)
    assert result.exit_code == 0, result.output
    publish(meet, 6)
    result = call("verify", meet.path)
    assert "event 4A, heat 1: revision 5 is nowhere" in result.stdout
    assert "event 4B" not in result.stdout


def test_a_recorded_hash_that_is_not_its_body_s_is_found(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    publish(meet, 2, sha256="0" * 64)
    (wrong,) = [f for f in ask_failing(meet.folder).files if f.state != "as published"]
    assert (wrong.name[-6:], wrong.state) == ("2.json", "not of the recorded hash")


def test_of_an_older_revision_it_is_not_said_that_it_is_the_newest(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    publish(meet, 2)
    (meet.timedrops / RESULT).unlink()
    result = call("verify", meet.folder)
    assert f"{RESULT} is missing in" in result.stdout
    events = meet.log.read(0, 1000, kinds=(RESULT_PUBLISHED,))
    assert [meta_of(e)["revision"] for e in events] == [1, 2]
