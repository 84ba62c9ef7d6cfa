"""What the reading commands say beside their tables, to whoever looks for the wrong thing."""

from pathlib import Path

from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet, swum


def test_a_point_that_is_not_there_is_said_to_be_none(recorded: RecordedMeet) -> None:
    told = call("crossings", "-m", recorded.folder, "--point", "Finnish")
    assert told.exit_code == 0
    assert "There is no timing point 'Finnish'. There are Finish, " in told.stdout
    assert "no timing point" not in call("crossings", "-m", recorded.folder, "-p", "Turn").stdout


def test_a_source_that_a_run_does_not_hear_needs_attention(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    told = call("status", "-m", meet.folder).stdout
    assert "goes on without it" not in told
    assert "1 thing to look at." in told
    meet.disconnect()
    told = call("status", "-m", meet.folder).stdout
    assert "WARNING finish-mat is disconnected" in told
    assert "2 things to look at." in told
    meet.end()
    assert "goes on without it" not in call("status", "-m", meet.folder).stdout
