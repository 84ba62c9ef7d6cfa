"""`meetlog simulate`: each command once, in a process's own words."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from meetlog.simulate.options import Wanted
from meetlog.simulate.program import make_program
from meetlog.simulate.recordings import load_reads
from meetlog.simulate.script import Cut
from tests.meetlog.calls import call
from wire import tsv2
from wire.ctp01_messages import DataLine
from wire.ctp01_server import ServerOptions, ServerSession
from wire.reads import RawRead
from wire.timedrops import parse_program, parse_result


def wanted(**changes: object) -> Wanted:
    plain: dict[str, object] = {
        "file": None, "now": False, "seed": 1, "heats": 2, "lanes": 4, "false_start": 0,
        "chips": 0, "reads": 0, "rate": 0, "points": (), "duplicates": 0, "late": 0,
        "cuts": 0, "cut_after": (),
    }  # fmt: skip
    return Wanted(**(plain | changes))  # type: ignore[arg-type]  # by name, as the options are


class Server:
    """A program that a client connects to, in a thread; it holds one conversation."""

    def __init__(self, *, scoring: bool) -> None:
        self.got = bytearray()
        self.lines: list[DataLine] = []
        self._scoring = scoring
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.port = self._listener.getsockname()[1]

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            thread.join(20)
            self._listener.close()
            assert not thread.is_alive()

    def _run(self) -> None:
        session = ServerSession(ServerOptions(), {})
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(20)
            while data := connection.recv(65536):
                self.got += data
                if self._scoring:
                    reply = session.receive(data)
                    self.lines += [m for m in reply.messages if isinstance(m, DataLine)]
                    connection.sendall(reply.send)


def test_tsv2_as_a_client_sends_a_meet_and_says_what_must_come_out() -> None:
    server = Server(scoring=False)
    with server.running():
        result = call(
            "simulate", "tsv2", "--role", "client", "--port", str(server.port), "--speed", "max",
            "--false-start", "2", "--zone", "Europe/Berlin", "--heats", "2",
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    reads = tsv2.Decoder().feed(bytes(server.got))
    count = len([r for r in reads if isinstance(r, RawRead)])
    assert f"Sent {count} reads (0 of them duplicates)" in result.stdout
    assert re.search(r"Event 1 heat 2, started \S+\+0[12]:00: lane 1 \d\d\.\d\d", result.stdout)
    assert result.stdout.count("was a false start") == 1
    assert f"sending: {count} of {count}" in result.stderr


def test_ctp01_sends_a_recording_with_its_own_stamps(tmp_path: Path) -> None:
    path = tmp_path / "some.ctp01"
    path.write_text(
        "CT01_33~1~19K~801~2021-05-08T09:09:44.76~1~12009E~8\r\n"
        "CT01_33~2~19K~392~2021-05-08T09:12:27.30~1~12009E~8\r\n"
    )
    server = Server(scoring=True)
    with server.running():
        result = call(
            "simulate", "ctp01", "--port", str(server.port), "--file", path, "--speed", "max",
            "--exclusive", "--announce",
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = {(ln.tag, ln.time) for ln in server.lines if not ln.is_newlocation}
    assert found == {("801", "2021-05-08T09:09:44.76"), ("392", "2021-05-08T09:12:27.30")}


def test_a_program_and_a_console_fill_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "meet"
    made = call("simulate", "program", "--folder", folder, "--heats", "3", "--seed", "4")
    assert made.exit_code == 0, made.output
    program = parse_program((folder / "meet_program.json").read_bytes())
    assert program.sessions == make_program(4, 3, 6).sessions
    assert (folder / "chips.csv").exists()
    halves = call(
        "simulate", "program", "--folder", folder, "--heats", "3", "--manner", "halves",
        "--pause", "0", "--dialect", "scm", "--no-chips",
    )  # fmt: skip
    assert "Half of meet_program.json is written" in halves.stdout
    result = call(
        "simulate", "console", "--folder", folder, "--heat", "1/2", "--revisions", "2",
        "--pause", "0",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    files = sorted(p.name for p in folder.glob("Session*"))
    assert files == ["Session1_Event_1_Heat2_Race2_1.json", "Session1_Event_1_Heat2_Race2_2.json"]
    assert parse_result(files[0], (folder / files[0]).read_bytes()).warnings == ()


@pytest.mark.parametrize(
    ("code", "words", "line"),
    [
        (7, "meetlog simulate program --folder", "console --folder NOWHERE"),
        (7, "no heat 9/9", "console --folder FOLDER --heat 9/9"),
        (7, "no program", "console --folder BROKEN"),
        (7, "Check --file", "tsv1 --file NOWHERE"),
        (7, "Check --folder", "program --folder LETTER"),
        (6, "Cannot listen", "tsv1 --port TAKEN"),
        (2, "--speed", "tsv1 --speed 0"),
        (2, "--speed", "tsv1 --speed fast"),
        (2, "--zone", "tsv1 --zone Atlantis"),
        (2, "leave one out", "tsv1 --file LETTER --chips 3"),
        (2, "name a file", "tsv2 --now"),
        (2, "check --point", "ctp01 --point Nowhere"),
        (2, "password file", "ctp01 --password-file NOWHERE"),
    ],
)
def test_mistakes_end_with_a_message_and_a_code(
    tmp_path: Path, code: int, words: str, line: str
) -> None:
    folder, broken, letter = tmp_path / "folder", tmp_path / "broken", tmp_path / "letter"
    call("simulate", "program", "--folder", folder)
    broken.mkdir()
    (broken / "meet_program.json").write_text("{")
    letter.write_text("Dear Sir")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {
            "FOLDER": folder, "BROKEN": broken, "LETTER": letter, "NOWHERE": tmp_path / "no",
            "TAKEN": taken.getsockname()[1],
        }  # fmt: skip
        result = call("simulate", *(str(places.get(word, word)) for word in line.split()))
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_the_script_is_what_the_options_say(tmp_path: Path) -> None:
    acts, heats = wanted(heats=3).script()
    assert len(heats) == 3
    everything = {act.what for act in acts}
    some, no_heats = wanted(heats=3, points=["Finish"]).script(first_seen=False)
    assert {act.what for act in some} < everything
    assert no_heats == ()
    stream, _ = wanted(chips=5, points=["A", "B"], rate=100, cut_after=[3]).script()
    assert [isinstance(act.what, Cut) for act in stream].index(True) == 3
    assert len(stream) == 51
    even, _ = wanted(rate=2).script()
    assert [act.at for act in even[:3]] == [0, 500_000_000, 1_000_000_000]
    path = tmp_path / "some.tsv2"
    path.write_bytes(tsv2.encode([RawRead("7", "2026-04-22T10:00:00", "A")]))
    (act,), _ = wanted(file=path).script()
    assert act.what == load_reads(path)[0]
    (now,), _ = wanted(file=path, now=True).script()
    assert now.what != act.what
    with pytest.raises(typer.BadParameter):
        wanted(file=path, points=["B"]).script()
