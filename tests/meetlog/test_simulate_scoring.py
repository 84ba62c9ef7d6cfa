"""The simulated scoring program: what it asks, what it shows, and that it resumes after a cut."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import AnyByteStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.streams.stapled import StapledObjectStream

from meetlog.simulate.hearing import MOST_KNOWN, Hearing
from meetlog.simulate.scoring import Asking, Ctp01Scoring, TsvScoring
from tests.kit.jumping import JumpingLoop
from tests.meetlog.calls import call
from wire import tsv1, tsv2
from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_messages import Ack, DataLine, Err, Noise, RawController
from wire.ctp01_options import ServerOptions
from wire.reads import RawRead
from wire.stamps import NS

ON_JUMPING_TIME = pytest.mark.parametrize(
    "anyio_backend", [pytest.param(("asyncio", {"loop_factory": JumpingLoop}), id="jumping")]
)


def line(seq: int, tag: str = "101", location: str = "Finish") -> DataLine:
    return DataLine("CT01_33", seq, location, tag, f"2026-06-14T09:00:{seq:02d}.12", 1, "AB", 2)


def buffer(*lines: DataLine) -> LineBuffer:
    made = LineBuffer(1000, dict.fromkeys(each.location for each in lines))
    for each in lines:
        made.add(each)
    return made


class Bytes(StapledObjectStream[bytes]):
    """One side of a connection in memory."""

    async def receive(self, max_bytes: int = 65536) -> bytes:  # noqa: ARG002 - as of bytes
        return await super().receive()


def pair() -> tuple[Bytes, Bytes]:
    def pipe() -> tuple[MemoryObjectSendStream[bytes], MemoryObjectReceiveStream[bytes]]:
        return anyio.create_memory_object_stream[bytes](1000)

    (to_there, from_here), (to_here, from_there) = pipe(), pipe()
    return Bytes(to_there, from_there), Bytes(to_here, from_here)


async def be_timing(
    stream: Bytes, options: ClientOptions, shelf: LineBuffer, *, pieces: int
) -> list[bytes]:
    """Answer `pieces` pieces as a timing system does, and close after five seconds."""
    session = ClientSession(options, shelf)
    await stream.send(session.greeting())
    got: list[bytes] = []
    async with stream:
        # The other side may close first.
        with anyio.move_on_after(5), suppress(anyio.EndOfStream):
            while True:
                got.append(await stream.receive())
                if len(got) > pieces:
                    continue
                reply = session.receive(got[-1])
                data = reply.send + b"".join(due_lines(session, shelf))
                if data:
                    await stream.send(data)
    return got


async def hold(
    scoring: Ctp01Scoring, options: ClientOptions, shelf: LineBuffer, pieces: int = 5
) -> list[bytes]:
    """One conversation between it and a timing system."""
    here, there = pair()
    got: list[bytes] = []
    async with anyio.create_task_group() as group:

        async def timing() -> None:
            got.extend(await be_timing(there, options, shelf, pieces=pieces))

        group.start_soon(timing)
        stream: AnyByteStream = here
        group.start_soon(scoring.attend, stream)
    return got


def asking(**settings: object) -> Asking:
    return Asking(ServerOptions(**settings))  # type: ignore[arg-type]  # by name, as they are


@pytest.mark.anyio
@ON_JUMPING_TIME
async def test_it_asks_and_shows_what_it_gets() -> None:
    said: list[str] = []
    hearing = Hearing(said.append)
    shelf = buffer(line(1), line(2, "guntime"), line(3, "102", "Turn"))
    got = await hold(Ctp01Scoring(asking(), hearing), ClientOptions(connection_id="b6"), shelf)
    text = b"".join(got).decode()
    assert "getconnectionid" in text
    assert "start~Finish" in text
    assert [s for s in said if "Finish  101" in s] == [
        "Finish  101  2026-06-14T09:00:01.12  lap 1  antenna 2  reader AB  seq 1"
    ]
    assert any(s.startswith("Finish  GUN  2026-06-14T09:00:02.12") for s in said)
    assert any(
        "it tells of meetlog; locations, which are asked for from the first" in s for s in said
    )
    assert (hearing.reads, hearing.guns, dict(hearing.points)) == (3, 1, {"Finish": 2, "Turn": 1})
    assert hearing.summary() == (
        "Heard 3 reads (Finish 2, Turn 1), 1 of them guns, in 1 connection(s)."
    )


@pytest.mark.anyio
@ON_JUMPING_TIME
async def test_after_a_cut_it_goes_on_where_it_was() -> None:
    said: list[str] = []
    hearing = Hearing(said.append)
    scoring = Ctp01Scoring(asking(), hearing)
    options = ClientOptions(connection_id="b6")
    shelf = buffer(line(1), line(2))
    await hold(scoring, options, shelf)
    shelf.add(line(3))
    got = await hold(scoring, options, shelf)
    assert b"start~Finish~2\r\n" in b"".join(got)
    # The line that was asked from comes again.
    assert (hearing.reads, hearing.again) == (4, 1)
    assert any("which go on where they were" in s for s in said)
    await hold(scoring, ClientOptions(connection_id="other"), shelf)
    assert (hearing.reads, hearing.again) == (7, 4)


@pytest.mark.anyio
@ON_JUMPING_TIME
async def test_in_pull_mode_it_asks_again_and_again() -> None:
    hearing = Hearing(lambda _: None)
    shelf = buffer(line(1))
    scoring = Ctp01Scoring(Asking(ServerOptions(stream_mode="pull"), 10 * NS), hearing)
    got = await hold(scoring, ClientOptions(connection_id="b6"), shelf, pieces=12)
    assert b"".join(got).count(b"getlocations") >= 3
    assert hearing.points["Finish"] >= 1


@pytest.mark.anyio
@ON_JUMPING_TIME
async def test_a_silent_peer_is_asked_and_given_up() -> None:
    said: list[str] = []
    here, there = pair()
    scoring = Ctp01Scoring(asking(), Hearing(said.append))
    async with anyio.create_task_group() as group:
        group.start_soon(scoring.attend, here)
        await there.send(ClientSession(ClientOptions(), buffer(line(1))).greeting())
    await there.aclose()
    assert said[-1].endswith("is gone: no answer to 3 pings.")


@pytest.mark.anyio
@ON_JUMPING_TIME
@pytest.mark.parametrize("password", ["right", "wrong"])
async def test_a_password_is_asked_for(password: str) -> None:
    said: list[str] = []
    hearing = Hearing(said.append)
    scoring = Ctp01Scoring(
        asking(authentication="hmac-sha1", user="timer", password="right", seed="x"), hearing
    )
    options = ClientOptions(user="timer", password=password, connection_id="b6")
    await hold(scoring, options, buffer(line(1)), pieces=6)
    assert hearing.reads == (1 if password == "right" else 0)
    if password == "wrong":
        assert any("did not authorize" in s for s in said)


@pytest.mark.anyio
@ON_JUMPING_TIME
@pytest.mark.parametrize("utc", [False, True])
async def test_tsv_is_taken_as_it_comes(utc: bool) -> None:
    said: list[str] = []
    hearing = Hearing(said.append, wire=True)
    reads = [
        RawRead(0, "2026-06-14T09:00:00.0000000Z", "Start", 0, 1, "R1"),
        RawRead("7", "2026-06-14T09:00:01.5000000Z", "Finish", 1, 2, "R1"),
        RawRead("7", "2026-06-14T09:00:02.5000000Z", "Finish", 2, 2, "R1"),
    ]
    here, there = pair()
    async with anyio.create_task_group() as group:
        group.start_soon(TsvScoring(hearing, utc=utc).attend, here)
        async with there:
            data = (tsv2 if utc else tsv1).encode([*reads, reads[2]])
            await there.send(data[:100])
            await there.send(data[100:] + b"[{oops\r")
    assert (hearing.reads, hearing.guns, hearing.again, hearing.bad) == (4, 1, 1, 1)
    assert any(s.startswith("Start  GUN  2026-06-14T09:00:00") for s in said)
    assert any("Finish  7  2026-06-14T09:00:01.5000000Z  first-seen  antenna 2" in s for s in said)
    assert sum(s.endswith("again") for s in said) == 1
    assert any("NOT UNDERSTOOD" in s for s in said)
    assert any(" < [{" in s for s in said)


def test_what_is_no_read_is_said_and_counted() -> None:
    said: list[str] = []
    hearing = Hearing(said.append, quiet=True)
    hearing.message("p", line(1))
    hearing.message("p", line(2, "newlocation"))
    hearing.message("p", RawController(1, "7", "1", "2", "3", "AB", 1, -60, 1, "P"))
    hearing.message("p", Err("start", "no such"))
    hearing.message("p", Noise("8"))
    hearing.message("p", Ack("ping"))
    assert [s.partition(":")[2] for s in said] == [
        " it sends a controller's own lines (TO~), which are no CTP01.",
        " it refuses start: no such.",
    ]
    assert "1 not understood" in hearing.summary()


def test_old_reads_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meetlog.simulate.hearing.MOST_KNOWN", 2)
    assert MOST_KNOWN > 2
    hearing = Hearing(lambda _: None, most=4)
    for seq in (1, 2, 3, 1):
        assert not hearing.enough.is_set()
        hearing.message("p", line(seq))
    assert hearing.again == 0
    assert hearing.enough.is_set()


# -- the command, over a real socket -------------------------------------------


@contextmanager
def in_thread(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(20)
    assert not thread.is_alive()


def test_the_command_takes_tsv1_as_a_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def send() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(tsv1.encode([RawRead(7, "2026-06-14T09:00:01Z", "Finish")]))
                peer.recv(1)

        with in_thread(send):
            port = str(listener.getsockname()[1])
            result = call(
                "simulate", "scoring", "--protocol", "tsv1", "--port", port, "--reads", "1"
            )
    assert result.exit_code == 0, result.output
    assert "Finish  7  2026-06-14T09:00:01Z  best-seen" in result.stdout
    assert "Heard 1 reads (Finish 1), in 1 connection(s)." in result.stdout


@pytest.mark.parametrize(
    ("code", "words", "args"),
    [
        (2, "a program that takes ctp01 is a server", "--role client"),
        (2, "a program that takes tsv1 is a client", "--protocol tsv1 --role server"),
        (2, "needs a password", "--authentication seed-md5"),
        (2, "CT01_13", "--format CT01_38"),
        (2, "password file", "--password-file NOWHERE"),
        (6, "Cannot listen", "--port TAKEN"),
    ],
)
def test_mistakes_end_with_a_message_and_a_code(
    tmp_path: Path, code: int, words: str, args: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"NOWHERE": tmp_path / "no", "TAKEN": taken.getsockname()[1]}
        result = call("simulate", "scoring", *(str(places.get(w, w)) for w in args.split()))
    assert result.exit_code == code, result.output
    assert words in result.stderr
