"""Who may read what meetlog makes: its owner, until somebody says otherwise."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from meetlog.doctor.rights import FileFact, judge_rights
from store.sqlite import SqliteLog
from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet
from tests.store.contract import read_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has rights of another kind")


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """A user who leaves everything open."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_log_and_what_is_beside_it_are_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "meet.db"
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"")])
        assert {each.name: mode(each) for each in tmp_path.iterdir()} == {
            "meet.db": 0o600,
            "meet.db-wal": 0o600,
            "meet.db-shm": 0o600,
        }


def test_rights_that_somebody_gave_stay(tmp_path: Path) -> None:
    path = tmp_path / "meet.db"
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"")])
    path.chmod(0o640)
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"")])
        assert {mode(each) for each in tmp_path.iterdir()} == {0o640}


def test_backups_capsules_and_restored_logs_are_the_owners(
    ended: RecordedMeet, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    assert call("backup", made / "copy.db", "-m", ended.folder).exit_code == 0
    assert call("capsule", ended.folder, "--out", made / "all.zip").exit_code == 0
    assert call("restore", made / "copy.db", "--into", made / "back").exit_code == 0
    for each in (made / "copy.db", made / "all.zip", made / "back" / "meet.db"):
        assert mode(each) == 0o600, each


@pytest.mark.parametrize(
    ("bits", "words"),
    [(0o600, None), (0o640, None), (0o604, "may read"), (0o606, "may change")],
)
def test_the_doctor_points_out_what_everybody_may(bits: int, words: str | None) -> None:
    lock = FileFact("its lock", "meet.db.lock", mode=0o644, bare=True)
    (found,) = judge_rights([FileFact("the log", "meet.db", mode=bits), lock])
    assert found.verdict == ("ok" if words is None else "look")
    assert words is None or words in found.text
