"""`meetlog doctor` on meets in folders: what it says, and that it leaves everything as it was."""

from pathlib import Path

import pytest

from meetlog.commands.examining import summary
from meetlog.doctor.findings import Finding, look, ok, wrong
from meetlog.lock import alone, is_taken
from tests.doctor.answers import ask_doctor
from tests.kit.ports import free_port
from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet, swum

TOML = """
[meet]
zone = "Asia/Kolkata"
[[source]]
name = "mat"
protocol = "ctp01"
role = "server"
host = "0.0.0.0"
port = {server}
authentication = "hmac-sha1"
user = "mat"
password_file = "timedrops/password.txt"
[[source]]
name = "turn"
protocol = "tsv1"
role = "client"
port = {client}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A meet that is not recorded yet, with its password where it should not be."""
    (tmp_path / "timedrops").mkdir()
    (tmp_path / "timedrops" / "password.txt").write_text("secret\n")
    toml = TOML.format(server=free_port(), client=free_port())
    (tmp_path / "meet.toml").write_text(toml, encoding="utf-8")
    return tmp_path


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        # What SQLite makes beside a log for every reader, and leaves for the next one.
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def found(findings: list[Finding], check: str) -> list[str]:
    return [each.verdict for each in findings if each.check == check]


def test_a_meet_before_its_first_run(folder: Path) -> None:
    before = contents(folder)
    code, position, findings = ask_doctor("--meet", folder)
    assert contents(folder) == before
    assert (code, position) == (1, 0)
    assert found(findings, "settings") == ["ok"]
    assert found(findings, "log") == ["ok"]
    assert found(findings, "port") == ["ok"]
    assert found(findings, "peer") == ["look"]
    assert found(findings, "zone") == ["look"]
    assert found(findings, "meet folder") in (["ok"], ["look"])  # a busy computer tells late
    assert "wrong" in found(findings, "rights")  # the password would be recorded
    assert all(each.remedy for each in findings if each.verdict != "ok")


def test_a_recorded_meet_and_a_run_at_work(tmp_path: Path) -> None:
    meet = swum(tmp_path / "meet")
    meet.end()
    before = contents(meet.folder)
    _, position, findings = ask_doctor("--meet", meet.folder / "meet.toml")
    assert contents(meet.folder) == before
    assert position == meet_head(findings)
    assert found(findings, "run") == ["ok"]
    with alone(meet.path, "Wait."):
        assert is_taken(meet.path)
        _, _, findings = ask_doctor("--meet", meet.folder)
    assert "at work" in next(each.text for each in findings if each.check == "run")
    assert found(findings, "peer") == ["ok"]  # not called: it is the run's
    assert is_taken(meet.path) is False
    assert is_taken(tmp_path / "none.db") is False
    assert not (tmp_path / "none.db.lock").exists()


def meet_head(findings: list[Finding]) -> int:
    text = next(each.text for each in findings if each.check == "log")
    return int(text.partition(" has ")[2].partition(" ")[0])


def test_settings_with_mistakes_are_one_finding_among_others(tmp_path: Path) -> None:
    code, _, findings = ask_doctor("--meet", tmp_path)
    assert code == 1
    assert found(findings, "settings") == ["wrong"]
    assert "meetlog init" in next(e.text for e in findings if e.check == "settings")
    assert found(findings, "disk")
    assert found(findings, "versions")
    (tmp_path / "meet.toml").write_text("[meet]\nzone = 'Mars'\n")
    _, _, findings = ask_doctor("--meet", tmp_path)
    assert "line 2" in next(e.text for e in findings if e.check == "settings")


def test_password_files_that_cannot_be_used(folder: Path) -> None:
    password = folder / "timedrops" / "password.txt"
    told = []
    for content in (b"caf\xe9\n", b"\n", None):
        if content is None:
            password.unlink()
        else:
            password.write_bytes(content)
        _, _, findings = ask_doctor("--meet", folder)
        told.append(" ".join(each.text for each in findings if each.check == "rights"))
    assert "not UTF-8" in told[0]
    assert "nothing in its first line" in told[1]
    assert "is not there" in told[2]


def test_a_log_that_is_none_is_wrong(folder: Path) -> None:
    (folder / "meet.db").write_bytes(b"not a database at all" * 100)
    _, _, findings = ask_doctor("--meet", folder)
    assert found(findings, "log") == ["wrong"]


def test_expected_reads_make_a_forecast(folder: Path) -> None:
    _, _, findings = ask_doctor("--meet", folder, "--reads", "2000000")
    (disk,) = (each for each in findings if each.check == "disk")
    assert "1.0 GB an hour as stated" in disk.text


def test_a_log_alone_is_no_meet(recorded_log: Path) -> None:
    result = call_main("doctor", "--meet", recorded_log)
    assert result == 3


@pytest.fixture
def recorded_log(tmp_path: Path) -> Path:
    meet = RecordedMeet(tmp_path / "meet")
    meet.end()
    return meet.path


def call_main(*args: str | Path) -> int:
    return call(*args).exit_code


def test_people_read_tables_and_a_summary(folder: Path) -> None:
    told = call("doctor", "--meet", folder)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert lines[-1].startswith("Not ready: ")
    assert any(line.startswith("WRONG") for line in lines)
    assert "->" in told.stdout
    assert summary([ok("a", "")]) == "Ready: 1 ok."
    assert summary([ok("a", ""), look("b", "", "")]) == "Ready: 1 to look at, 1 ok."
    assert summary([wrong("a", "", ""), look("b", "", "")]) == "Not ready: 1 wrong, 1 to look at."
