"""`meetlog replay --to`: over real sockets, in every protocol and role."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from meetlog.output import Envelope
from meetlog.play.telling import PlayReport
from store.sqlite import SqliteLog
from tests.kit.ports import free_port
from tests.meetlog.calls import ROOT, call
from tests.meetlog.meets import RecordedMeet, read
from tests.meetlog.relayed import RelayedMeet, relayed
from tests.meetlog.test_evidence import tampered
from wire import tsv1, tsv2
from wire.ctp01_messages import DataLine
from wire.ctp01_server import ServerOptions, ServerSession
from wire.reads import RawRead


@pytest.fixture(scope="module")
def meet(tmp_path_factory: pytest.TempPathFactory) -> RelayedMeet:
    made = relayed(tmp_path_factory.mktemp("relayed"))
    made.end()
    return made


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)
        assert not thread.is_alive()


class Scoring:
    """A scoring program that listens for CTP01, in a thread; each entry of `cuts` ends one early.

    A cut is how many lines it takes before it hangs up.
    """

    def __init__(self, *cuts: int, options: ServerOptions | None = None) -> None:
        self.lines: list[DataLine] = []
        self.conversations = 0
        self._cuts = list(cuts)
        self._options = options or ServerOptions()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.address = f"ctp01://127.0.0.1:{self._listener.getsockname()[1]}"

    def __call__(self) -> None:
        marks: dict[str, dict[str, int]] = {}
        with self._listener:
            while True:
                connection, _ = self._listener.accept()
                self.conversations += 1
                session = ServerSession(self._options, marks)
                if self._converse(connection, session):
                    return
                marks = session.marks

    def _converse(self, connection: socket.socket, session: ServerSession) -> bool:
        """Whether it was heard to its end."""
        cut = self._cuts.pop(0) if self._cuts else None
        heard = 0
        with connection:
            connection.settimeout(20)
            while data := connection.recv(65536):
                reply = session.receive(data)
                lines = [m for m in reply.messages if isinstance(m, DataLine)]
                self.lines += lines
                heard += len(lines)
                if cut is not None and heard >= cut:
                    return False
                connection.sendall(reply.send)
        return True


class Receiver:
    """A program that takes TsV1 or TsV2, in a thread: calls a port, or listens on one."""

    def __init__(self, protocol: str, *, listens: bool = False) -> None:
        self.data = b""
        self._listener = socket.create_server(("127.0.0.1", 0)) if listens else None
        self.port = self._listener.getsockname()[1] if self._listener else free_port()
        role = "client" if listens else "server"
        self.address = f"{protocol}+{role}://127.0.0.1:{self.port}"
        self._decoder = tsv1.Decoder if protocol == "tsv1" else tsv2.Decoder

    def __call__(self) -> None:
        if self._listener:
            with self._listener:
                peer, _ = self._listener.accept()
        else:
            peer = self._call()
        with peer:
            while piece := peer.recv(65536):
                self.data += piece

    def _call(self) -> socket.socket:
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 20)
            except ConnectionRefusedError:
                threading.Event().wait(0.01)  # it does not listen yet

    @property
    def reads(self) -> list[RawRead]:
        return [r for r in self._decoder().feed(self.data) if isinstance(r, RawRead)]


def played(*args: str | Path) -> PlayReport:
    result = call("replay", *args, "--json")
    assert result.exit_code == 0, result.output
    envelope = msgspec.json.decode(result.stdout, type=Envelope[PlayReport])
    assert envelope.command == "replay"
    return envelope.items[0]


def test_into_a_scoring_program_that_listens(meet: RelayedMeet) -> None:
    before = meet.path.read_bytes()
    scoring = Scoring()
    with meanwhile(scoring):
        report = played(meet.folder, "--to", scoring.address)
    assert (report.items, report.sent, report.complete, report.ended) == (5, 5, True, "")
    assert report.locations == {"Finish": 3, "Turn": 2}
    assert {(x.location, x.tag, x.time) for x in scoring.lines} == {
        ("Finish", "guntime", "2026-06-14T09:00:00.00"),
        ("Turn", "123", "2026-06-14T09:00:14.50"),
        ("Turn", "456", "2026-06-14T09:00:15.25"),
        ("Finish", "123", "2026-06-14T09:00:30.12"),
        ("Finish", "456", "2026-06-14T09:00:31.45"),
    }
    assert len(scoring.lines) == 5
    assert meet.path.read_bytes() == before


def test_a_program_that_hangs_up_gets_the_rest(meet: RelayedMeet) -> None:
    # In pull mode the second location is not asked for before all of the first is there.
    scoring = Scoring(3, options=ServerOptions(stream_mode="pull"))
    with meanwhile(scoring):
        report = played(meet.folder, "--to", scoring.address)
    assert scoring.conversations == report.connections == 2
    assert {(x.location, x.seq) for x in scoring.lines} == {
        *(("Finish", n) for n in range(1, 4)), ("Turn", 1), ("Turn", 2),
    }  # fmt: skip
    assert report.complete
    assert report.sent >= 6
    assert report.again >= 1


def test_crossings_by_bib_of_a_relay_in_the_settings(meet: RelayedMeet) -> None:
    scoring = Scoring(options=ServerOptions(stream_mode="pull", guntimes=False))
    with meanwhile(scoring):
        report = played(
            meet.folder, "--to", scoring.address, "--like", "scoring", "--point", "Finish",
            "--kind", "best-seen",
        )  # fmt: skip
    assert report.send == "crossings"
    # The last line comes again with each look for more.
    found = dict.fromkeys((x.location, x.tag) for x in scoring.lines)
    assert list(found) == [("Finish", "101"), ("Finish", "102")]


@pytest.mark.parametrize(
    ("protocol", "listens"), [("tsv1", False), ("tsv2", False), ("tsv2", True)]
)
def test_tsv_in_every_role(meet: RelayedMeet, protocol: str, listens: bool) -> None:
    receiver = Receiver(protocol, listens=listens)
    with meanwhile(receiver):
        report = played(meet.folder, "--to", receiver.address)
    assert report.complete
    assert report.to == receiver.address.replace("tsv1+server", "tsv1")
    assert [str(r.chip) for r in receiver.reads if r.type] == ["123", "456", "123", "456", "456"]
    assert next(r.moment[:22] for r in receiver.reads) == "2026-06-14T09:00:00.00"


def test_a_span_at_a_pace_and_what_is_said(meet: RelayedMeet) -> None:
    with closing(SqliteLog(meet.path, read_only=True)) as log:
        positions = [e.position for e in log.read(0, 100, kinds=("socket.read",))]
    scoring = Scoring()
    with meanwhile(scoring):
        result = call(
            "replay", meet.folder, "--to", scoring.address, "--from", str(positions[1]),
            "--until", str(positions[3]), "--speed", "100x", "--chip", "100-200",
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [(x.location, x.tag) for x in scoring.lines] == [("Turn", "123"), ("Finish", "123")]
    assert f"2 items of events {positions[1]} to {positions[3]} go to ctp01://127" in result.stdout
    assert "Connected with 127.0.0.1:" in result.stdout
    assert "(reads): 2 items (Turn 1, Finish 1). 2 sent to 127.0.0.1. It has everything." in (
        result.stdout.replace("\n", " ")
    )


def test_nobody_there_is_given_up_in_the_end(meet: RelayedMeet) -> None:
    address = f"ctp01://127.0.0.1:{free_port()}"
    result = call("replay", meet.folder, "--to", address, "--wait", "300ms")
    assert result.exit_code == 6, result.output
    assert "nothing listens there. Trying again by itself; Ctrl-C ends it." in result.stdout
    assert "0 sent to nobody. NOT everything: nobody was there for 0.3 s." in result.stdout


def test_a_password_comes_from_its_file(meet: RelayedMeet, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\nsomething else\n")
    options = ServerOptions(authentication="plaintext", user="timer", password="open sesame")
    scoring = Scoring(options=options)
    with meanwhile(scoring):
        report = played(
            meet.folder, "--to", scoring.address, "--user", "timer",
            "--password-file", tmp_path / "secret",
        )  # fmt: skip
    assert report.complete


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C cannot be sent to one process")
def test_ctrl_c_ends_with_a_summary(meet: RelayedMeet) -> None:
    address = f"tsv1://127.0.0.1:{free_port()}"
    code = "from meetlog.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, "replay", str(meet.folder), "--to", address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Listening on" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "0 sent to nobody. NOT everything: stopped by Ctrl-C." in out.replace("\n", " ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("code", "words", "args"),
    [
        (2, "either a folder with --into or a program with --to", ""),
        (2, "either a folder with --into", "--into NEW --to ctp01://a"),
        (2, "it needs --to", "--into NEW --from 3"),
        (2, "it needs --to", "--into NEW --chip 7"),
        (2, "it needs --into", "--to ctp01://a --compare NEW"),
        (2, "is no address", "--to 10.0.0.7"),
        (2, "is no speed", "--to ctp01://a --speed fast"),
        (2, "is no duration", "--to ctp01://a --wait long"),
        (2, "more than nothing", "--to ctp01://a --wait 0s"),
        (2, "there is no relay 'x' in the settings (there are: scoring", "--to ctp01://a --like x"),
        (2, "no point 'Finsh'", "--to ctp01://a --point Finsh"),
        (2, "no source 'mat'", "--to ctp01://a --source mat"),
        (2, "ends before it begins", "--to ctp01://a --chip 9-7"),
        (2, "names no heat", "--to ctp01://a --heat 4A"),
        (2, "nothing to play", "--to ctp01://a --from 9 --until 8"),
        (2, "Nothing to send: in events 1 to 3", "--to ctp01://a --until 3"),
        (
            2,
            "there is no crossing that was asked for",
            "--to ctp01://a --send crossings --kind best-seen --chip X",
        ),
        (6, "password file", "--to ctp01://a --password-file NEW"),
        (6, "this machine has no such address", "--to tsv1://192.0.2.1:9"),
        (8, "is not an empty folder", "--into FULL"),
    ],
)
def test_mistakes_end_with_a_message_and_a_code(
    meet: RelayedMeet, tmp_path: Path, code: int, words: str, args: str
) -> None:
    places = {"NEW": tmp_path / "new", "FULL": meet.folder}
    result = call("replay", meet.folder, *(str(places.get(w, w)) for w in args.split()))
    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.replace("│", "").split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "new").exists()


def test_a_damaged_log_is_not_played(tmp_path: Path) -> None:
    meet = RecordedMeet(tmp_path / "meet")
    meet.connect()
    position = meet.receive([read(0, "7", "Finish")])
    meet.end()
    tampered(meet.path, f"UPDATE events SET body = x'00' WHERE position = {position}")
    result = call("replay", meet.path, "--to", "ctp01://127.0.0.1:9")
    assert result.exit_code == 4, result.output
