"""Statements while another process records and publishes, and reads stream in."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meetlog.statement_reports import StatementReport
from projections.views import Race
from tests.kit.ports import free_port
from tests.meetlog.calls import ROOT, ask
from tests.meetlog.meets import MORNING, PROGRAM
from wire.reads import RawRead
from wire.stamps import NS, format_iso
from wire.timedrops import PROGRAM_FILE, encode_program
from wire.tsv2 import encode

SETTINGS = """
[meet]
zone = "Europe/Berlin"
[folder]
quiet = "100ms"
settle = "50ms"
rescan = "500ms"
[[source]]
name = "finish-mat"
protocol = "tsv2"
role = "server"
port = {port}
"""
RACE = "67/4A/1"


class Running:
    """`meetlog run` in another process: its lines, and what they say."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port

    def wait_for(self, words: str) -> str:
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if words in line:
                return line
        pytest.fail(f"no line with {words!r} in {''.join(seen)}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A meet with a program of two heats, and a chip table."""
    timedrops = tmp_path / "timedrops"
    timedrops.mkdir()
    (timedrops / PROGRAM_FILE).write_bytes(encode_program(PROGRAM))
    (timedrops / "chips.csv").write_text("chip,swimmer\n123,101\n456,102\n")
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    """`meetlog run`, listening; killed at the end."""
    port = free_port()
    (folder / "meet.toml").write_text(SETTINGS.format(port=port))
    with subprocess.Popen(
        [sys.executable, "-m", "meetlog", "run", "--plain", "-m", str(folder)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        house = Running(process, port)
        house.wait_for("listens on")
        yield house
        process.kill()


def read(ms: int, chip: str, kind: int = 2) -> bytes:
    stamp = format_iso(MORNING + ms * (NS // 1000))
    return encode([RawRead(chip or 0, stamp, "Finish", kind)])


@pytest.fixture
def streaming(running: Running) -> Iterator[Callable[[bytes], None]]:
    """A mat that never stops reading a chip which lies beside it; it sends more when asked to."""
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", running.port)) as mat:

        def lie() -> None:
            ms = 0
            while not stop.wait(0.002):
                ms += 2
                mat.sendall(read(ms, "999"))

        thread = threading.Thread(target=lie)
        thread.start()
        try:
            yield mat.sendall
        finally:
            stop.set()
            thread.join()


def test_a_correction_while_reads_stream_in_is_published_by_the_running_program(
    folder: Path, running: Running, streaming: Callable[[bytes], None]
) -> None:
    streaming(read(0, "", 0) + read(30_120, "123") + read(31_450, "456"))
    running.wait_for("published Session67_Event_4A_Heat1_Race1_1.json")

    (made,) = ask(StatementReport, "dq", RACE, "1", "--code", "6.2", "-m", folder).items
    (planned,) = made.revisions
    running.wait_for(f"published {planned.name} revision 2")
    written = (folder / "timedrops" / planned.name).read_text(encoding="utf-8")
    assert '"isDq":true' in written.replace(" ", "")

    ask(StatementReport, "withdraw", str(made.position), "-m", folder)
    running.wait_for("published Session67_Event_4A_Heat1_Race1_3.json revision 3")
    race = ask(Race, "results", "--race", RACE, "-m", folder).items[0]
    assert [lane.status for lane in race.lanes] == ["", "", "EMPTY"]
