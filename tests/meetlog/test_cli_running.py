"""Reading beside a `run` that records in another process, and what `run` says when it cannot."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meetlog.reports import StatusReport, VerifyReport
from projections.views import Crossing
from tests.meetlog.calls import ROOT, ask, call, program
from wire.reads import RawRead
from wire.tsv2 import encode


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found: int = taken.getsockname()[1]
        return found


@pytest.fixture
def folder(tmp_path: Path, port: int) -> Path:
    """A meet with one TsV2 server, not recorded yet."""
    (tmp_path / "meet.toml").write_text(
        f"""
        [meet]
        zone = "Europe/Berlin"
        [[source]]
        name = "finish-mat"
        protocol = "tsv2"
        role = "server"
        port = {port}
        """
    )
    return tmp_path


@pytest.fixture
def running(folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """`meetlog run` in another process, killed at the end."""
    code = "from meetlog.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "run", "--plain", "-m", str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        yield process
        process.kill()


def wait_for(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return
    pytest.fail(f"no line with {words!r} in {''.join(seen)}")


def test_reading_while_another_process_records(
    folder: Path, port: int, running: "subprocess.Popen[str]"
) -> None:
    wait_for(running, "listens on")
    with socket.create_connection(("127.0.0.1", port)) as mat:
        for chip in ("77", "78"):
            mat.sendall(encode([RawRead(chip, "2026-06-14T09:00:30.1200000", "Finish")]))
            wait_for(running, f"chip {chip}")
            found = ask(Crossing, "crossings", "-m", folder).items
            assert found[-1].chip == chip
            assert found[-1].moment == "2026-06-14T09:00:30.12+02:00"
    (report,) = ask(StatusReport, "status", "-m", folder).items
    assert report.program.startswith("running since")
    (verdict,) = ask(VerifyReport, "verify", folder).items
    assert verdict.ok
    refused = call("rebuild", "-m", folder)
    assert (refused.exit_code, "Stop it first" in refused.stderr) == (8, True)
    second = program("run", "--plain", "-m", folder)
    assert second.returncode == 8
    assert b"Traceback" not in second.stderr
    assert b"meet.db" in second.stderr


def test_a_taken_port_is_named(folder: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        told = program("run", "--plain", "-m", folder)
    assert told.returncode == 6, told.stderr
    text = told.stderr.decode()
    assert "Traceback" not in text
    assert "finish-mat" in text
    assert str(port) in text
