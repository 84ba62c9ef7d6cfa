"""The players: what arrives over all connections is the script, whatever goes wrong on the way."""

from collections.abc import Callable, Coroutine, Sequence
from fractions import Fraction
from typing import Any, Literal

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream, TaskStatus
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlog.simulate.ctp01_player import Behaviour
from meetlog.simulate.faults import Faults, disturb
from meetlog.simulate.players import Options, tsconnector_ctp01, tsconnector_tsv1, tsconnector_tsv2
from meetlog.simulate.playing import messages, plain_errors, port_of
from meetlog.simulate.race import Plan, make_rehearsal, make_stream
from meetlog.simulate.report import Report
from meetlog.simulate.script import (
    Act,
    Cut,
    Detection,
    SimulateError,
    only,
    without_first_seen,
)
from tests.kit.rehearsal_clock import timing
from wire import tsv1, tsv2
from wire.ctp01_client import ClientOptions
from wire.ctp01_lines import render_time
from wire.ctp01_messages import DataLine
from wire.ctp01_server import ServerOptions, ServerSession
from wire.errors import Malformed
from wire.reads import RawRead, ReadKind
from wire.stamps import NS

pytestmark = pytest.mark.anyio
Identity = tuple[str, str, str, int]


class MemoryStream(ByteStream):
    """One side of a connection in memory: what is sent is received in the same pieces."""

    def __init__(self) -> None:
        self.other: MemoryStream = self
        self.pieces: list[bytes] = []
        self.ended = False  # the other side sends no more
        self.closed = False
        self.changed = anyio.Event()

    def change(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        while not self.pieces:
            if self.closed:
                raise anyio.ClosedResourceError
            if self.ended:
                raise anyio.EndOfStream
            await self.changed.wait()
        piece, self.pieces[0] = self.pieces[0][:max_bytes], self.pieces[0][max_bytes:]
        if not self.pieces[0]:
            del self.pieces[0]
        return piece

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        if self.closed:
            raise anyio.ClosedResourceError
        if self.other.closed:
            raise anyio.BrokenResourceError
        self.other.pieces.append(item)
        self.other.change()

    async def send_eof(self) -> None:
        self.other.ended = True
        self.other.change()

    async def aclose(self) -> None:
        self.closed = self.other.ended = True
        self.change()
        self.other.change()
        await anyio.lowlevel.checkpoint()


Talk = Callable[[ByteStream], Coroutine[Any, Any, None]]


class Network:
    """What a client dials: each connection is held by a new `talk`. The first dials may fail."""

    def __init__(self, talk: Talk, failures: int = 0) -> None:
        self.talk = talk
        self.failures = failures
        self.group = anyio.create_task_group()

    async def dial(self) -> ByteStream:
        if self.failures:
            self.failures -= 1
            raise ConnectionRefusedError
        near, far = MemoryStream(), MemoryStream()
        near.other, far.other = far, near
        self.group.start_soon(self.talk, far)
        return near


class Listener:
    """A peer that only listens: the bytes of each of its connections."""

    def __init__(self) -> None:
        self.received: list[bytearray] = []

    async def __call__(self, stream: ByteStream) -> None:
        got = bytearray()
        self.received.append(got)
        async with stream:
            try:
                while True:
                    got += await stream.receive()
            except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
                pass

    def reads(self, new: type[tsv1.Decoder | tsv2.Decoder]) -> list[RawRead]:
        found: list[RawRead] = []
        for got in self.received:
            decoder = new()
            items = decoder.feed(bytes(got)) + decoder.close()
            found += [item for item in items if isinstance(item, RawRead)]
        return found


class ScoringProgram:
    """A scoring program: it resumes where its lines ended, as `ServerSession` does."""

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.marks: dict[str, dict[str, int]] = {}
        self.lines: list[DataLine] = []
        self.connection_ids: list[str] = []
        self.announced: list[str] = []

    async def __call__(self, stream: ByteStream) -> None:
        session = ServerSession(self.options, self.marks)
        async with stream:
            try:
                while True:
                    reply = session.receive(await stream.receive())
                    self._take(reply.messages)
                    if sending := reply.send + session.poll():
                        await stream.send(sending)
                    if reply.close:
                        break
            except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
                pass
        self.marks = session.marks
        self.connection_ids.append(session.connection_id)

    def _take(self, said: Sequence[object]) -> None:
        for line in said:
            if isinstance(line, DataLine) and line.is_newlocation:
                self.announced.append(line.location)
            elif isinstance(line, DataLine):
                self.lines.append(line)

    def identities(self) -> set[Identity]:
        return {(ln.location, ln.tag, ln.time, ln.gator) for ln in self.lines}


def identity(read: RawRead) -> Identity:
    return (read.timing_point, str(read.chip), read.moment, read.antenna)


def line_identity(read: RawRead) -> Identity:
    tag = "guntime" if read.type == ReadKind.GUN else str(read.chip)
    return (read.timing_point, tag, render_time(read.moment, "iso"), read.antenna)


def reads_of(acts: Sequence[Act]) -> list[RawRead]:
    clock = timing()
    return [clock.read(act.what) for act in acts if isinstance(act.what, Detection | RawRead)]


async def play_ctp01(
    acts: Sequence[Act],
    program: ScoringProgram,
    behaviour: Behaviour,
    *,
    speed: Fraction | None = None,
    failures: int = 0,
    report: Report | None = None,
) -> Report:
    report = report or Report(keep_bytes=True)
    network = Network(program, failures)
    with plain_errors():
        async with network.group:
            await tsconnector_ctp01(acts, timing(speed), report, behaviour, dial=network.dial)
    return report


async def play_tsv2(
    acts: Sequence[Act],
    listener: Listener,
    options: Options,
    speed: Fraction | None = None,
    failures: int = 0,
) -> Report:
    report = Report(keep_bytes=True)
    network = Network(listener, failures)
    async with network.group:
        await tsconnector_tsv2(
            acts, timing(speed), report, options, role="client", dial=network.dial
        )
    return report


FAULTS = st.builds(
    Faults,
    duplicates=st.sampled_from([0, 0.2, 1]),
    late=st.sampled_from([0, 0.5]),
    cuts=st.sampled_from([0, 0.02, 0.2]),
    cut_after=st.lists(st.integers(0, 70), max_size=3).map(tuple),
)
SPEEDS = st.sampled_from([None, Fraction(1), Fraction(50)])
FEW = settings(max_examples=40, deadline=None)


@FEW
@given(
    seed=st.integers(0, 1000),
    faults=FAULTS,
    inclusive=st.booleans(),
    resume=st.sampled_from(["place", "number"]),
    mode=st.sampled_from(["push", "pull"]),
    new_id=st.booleans(),
    announced=st.sampled_from([None, (), ("A",)]),
    speed=SPEEDS,
)
def test_ctp01_delivers_the_whole_script_whatever_is_cut(  # noqa: PLR0917 - Hypothesis gives them by name
    seed: int,
    faults: Faults,
    inclusive: bool,
    resume: Literal["place", "number"],
    mode: Literal["push", "pull"],
    new_id: bool,
    announced: tuple[str, ...] | None,
    speed: Fraction | None,
) -> None:
    acts = disturb(make_stream(seed, ("A", "B"), 7, 20, 70), faults, seed)
    program = ScoringProgram(ServerOptions(stream_mode=mode))
    client = ClientOptions(connection_id="id", inclusive=inclusive, resume=resume)
    behaviour = Behaviour(client, announced, new_id)
    report = anyio.run(
        lambda: play_ctp01(acts, program, behaviour, speed=speed, report=Report(keep_bytes=True))
    )
    assert program.identities() == {line_identity(read) for read in reads_of(acts)}
    assert report.cuts == sum(isinstance(act.what, Cut) for act in acts)
    if not new_id:
        assert set(program.connection_ids) <= {"id", ""}


@FEW
@given(
    seed=st.integers(0, 1000),
    faults=FAULTS,
    batch=st.sampled_from([1, 4]),
    speed=SPEEDS,
)
def test_tsv2_with_resend_delivers_the_whole_script(
    seed: int, faults: Faults, batch: int, speed: Fraction | None
) -> None:
    acts = disturb(make_stream(seed, ("A", "B"), 7, 20, 70), faults, seed)
    listener = Listener()
    report = anyio.run(lambda: play_tsv2(acts, listener, Options(batch, resend=1000), speed))
    got = {identity(read) for read in listener.reads(tsv2.Decoder)}
    assert got == {identity(read) for read in reads_of(acts)}
    assert report.cuts == sum(isinstance(act.what, Cut) for act in acts)
    assert [bytes(s.data or b"") for s in report.connections] == listener.received


async def test_without_resend_a_cut_loses_what_it_broke() -> None:
    acts = disturb(make_stream(1, ("A",), 7, 20, 20), Faults(cut_after=(5,)), 1)
    listener = Listener()
    report = await play_tsv2(acts, listener, Options())
    got = [identity(read) for read in listener.reads(tsv2.Decoder)]
    wanted = [identity(read) for read in reads_of(acts)]
    assert got == wanted[:5] + wanted[6:]
    assert [sent.cut for sent in report.connections] == [True, False]
    broken = tsv2.encode([reads_of(acts)[5]])
    assert listener.received[0].rpartition(b"\r")[2] == broken[: len(broken) // 2]


async def test_what_is_played_while_nobody_listens_is_counted() -> None:
    # At the speed of life the script goes on while the client reconnects.
    acts = disturb(make_stream(1, ("A",), 7, 1000, 500), Faults(cut_after=(5,)), 1)
    listener = Listener()
    report = await play_tsv2(acts, listener, Options(), Fraction(1))
    assert report.unheard > 0
    assert len(listener.reads(tsv2.Decoder)) == 500 - 1 - report.unheard


async def test_tsv1_is_a_server_for_several_clients_on_a_real_port() -> None:
    acts = make_stream(1, ("A",), 7, 20, 30)
    listener = Listener()
    report = Report(keep_bytes=True)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            start = _starter(tsconnector_tsv1, acts, report, Options(resend=100))
            port = await group.start(start)
            for _ in range(2):
                group.start_soon(listener, await anyio.connect_tcp("127.0.0.1", port))
    # Whoever comes second gets first again what the other has got already.
    wanted = [identity(read) for read in reads_of(acts)]
    for got in listener.received:
        assert got.endswith(b"\r")
        assert [identity(r) for r in tsv1.Decoder().feed(bytes(got)) if isinstance(r, RawRead)] == (
            wanted
        )
    assert sorted(bytes(s.data or b"") for s in report.connections) == sorted(
        bytes(got) for got in listener.received
    )


async def test_tsv2_is_a_server_on_a_real_port_and_cuts_for_real() -> None:
    acts = disturb(make_stream(1, ("A",), 7, 20, 30), Faults(cut_after=(9,)), 1)
    listener = Listener()
    report = Report(keep_bytes=True)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            port = await group.start(_starter(tsconnector_tsv2, acts, report, Options(resend=100)))
            for _ in range(2):  # the second time after the cut
                await listener(await anyio.connect_tcp("127.0.0.1", port))
    assert [bytes(s.data or b"") for s in report.connections] == listener.received
    assert [sent.cut for sent in report.connections] == [True, False]
    assert {identity(r) for r in listener.reads(tsv2.Decoder)} == set(map(identity, reads_of(acts)))
    assert report.again == 10


def _starter(
    player: Callable[..., Coroutine[Any, Any, None]],
    acts: Sequence[Act],
    report: Report,
    options: Options,
) -> Callable[..., Coroutine[Any, Any, None]]:
    async def start(*, task_status: TaskStatus[int]) -> None:
        await player(acts, timing(), report, options, task_status=task_status)

    return start


async def test_ctp01_calls_a_real_port_and_resumes_there() -> None:
    rehearsal = make_rehearsal(Plan(faults=Faults(0.1, 0.1, cut_after=(20, 60))))
    acts = without_first_seen(only(rehearsal.acts, ["Start", "Finish"]))
    program = ScoringProgram(ServerOptions())
    report = Report(keep_bytes=True)
    with anyio.fail_after(20):
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as group,
        ):
            group.start_soon(listener.serve, program)
            port = port_of(listener)
            await tsconnector_ctp01(acts, timing(), report, port=port)
            group.cancel_scope.cancel()
    assert program.identities() == {line_identity(read) for read in reads_of(acts)}
    assert program.connection_ids == ["simulated"] * len(report.connections)
    assert all((sent.data or b"").startswith(b"SimpleClient~") for sent in report.connections)
    # Not more than the window of lines comes twice: it resumes, and does not begin anew.
    seqs = [(line.location, line.seq) for line in program.lines]
    assert len(set(seqs)) < len(seqs) < 2 * len(set(seqs))


async def test_ctp01_duplicates_bear_the_seq_of_the_original() -> None:
    acts = disturb(make_stream(1, ("A",), 7, 20, 30), Faults(duplicates=1), 1)
    program = ScoringProgram(ServerOptions())
    report = await play_ctp01(acts, program, Behaviour())
    assert len(program.lines) == 60
    assert {line.seq for line in program.lines} == set(range(1, 31))
    assert report.copies == 30


async def test_ctp01_announces_a_new_location_before_its_first_line() -> None:
    program = ScoringProgram(ServerOptions())
    acts = make_stream(1, ("A", "B"), 3, 20, 12)
    await play_ctp01(acts, program, Behaviour(announced=("A",)))
    # Once by itself, and once more since a start without a seq begins with the first line.
    assert program.announced == ["B", "B"]
    assert [line.seq for line in program.lines if line.location == "B"] == list(range(2, 8))


async def test_ctp01_gives_a_new_id_to_each_connection_when_told() -> None:
    acts = disturb(make_stream(1, ("A",), 7, 20, 30), Faults(cut_after=(5, 9)), 1)
    program = ScoringProgram(ServerOptions())
    await play_ctp01(acts, program, Behaviour(new_connection_id=True))
    assert len(set(program.connection_ids)) == len(program.connection_ids) > 1


async def test_a_refused_password_ends_the_rehearsal_with_words() -> None:
    options = ServerOptions(authentication="plaintext", user="timer", password="right")
    client = ClientOptions(user="timer", password="wrong", connection_id="id")
    with pytest.raises(SimulateError, match="refused our authorization"):
        await play_ctp01(
            make_stream(1, ("A",), 7, 20, 5), ScoringProgram(options), Behaviour(client)
        )


async def test_the_right_password_is_let_in() -> None:
    options = ServerOptions(authentication="hmac-sha1", user="timer", password="right", seed="a1b2")
    client = ClientOptions(user="timer", password="right", connection_id="id")
    program = ScoringProgram(options)
    await play_ctp01(make_stream(1, ("A",), 7, 20, 5), program, Behaviour(client))
    assert len(program.lines) == 5


async def test_a_read_that_ctp01_cannot_carry_is_named() -> None:
    acts = make_stream(1, ("A~B",), 7, 20, 5)
    with pytest.raises(SimulateError, match="cannot be sent by CTP01"):
        await play_ctp01(acts, ScoringProgram(ServerOptions()), Behaviour(announced=()))


@pytest.mark.parametrize("player", ["tsv2", "ctp01"])
async def test_a_client_tries_until_somebody_listens_and_says_so_once(player: str) -> None:
    said: list[str] = []
    acts = make_stream(1, ("A",), 7, 20, 5)
    report = Report(say=said.append)
    talk: Talk = Listener() if player == "tsv2" else ScoringProgram(ServerOptions())
    network = Network(talk, failures=20)
    async with network.group:
        if player == "tsv2":
            await tsconnector_tsv2(acts, timing(), report, role="client", dial=network.dial)
        else:
            await tsconnector_ctp01(acts, timing(), report, dial=network.dial)
    assert sum("Cannot connect" in text for text in said) == 1
    assert report.reads == 5


async def test_a_port_in_use_is_told_with_a_remedy() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as taken:
        port = port_of(taken)
        with pytest.raises(SimulateError, match="another program has the port"):
            await tsconnector_tsv1([], timing(), Report(), port=port)


@pytest.mark.parametrize("player", ["tsv2", "ctp01"])
async def test_staying_ends_by_cancellation_only(player: str) -> None:
    stayed = anyio.Event()

    def hear(text: str) -> None:
        if "Staying" in text:
            stayed.set()

    acts = make_stream(1, ("A",), 7, 20, 5)
    report = Report(say=hear)
    talk: Talk = Listener() if player == "tsv2" else ScoringProgram(ServerOptions())
    network = Network(talk)

    async def play() -> None:
        if player == "tsv2":
            await tsconnector_tsv2(
                acts, timing(), report, Options(stay=True), role="client", dial=network.dial
            )
        else:
            await tsconnector_ctp01(acts, timing(), report, Behaviour(stay=True), dial=network.dial)

    with anyio.fail_after(20):
        async with network.group, anyio.create_task_group() as group:
            group.start_soon(play)
            await stayed.wait()
            group.cancel_scope.cancel()
    assert report.reads == 5


def test_reads_that_come_together_make_one_message_up_to_the_most() -> None:
    def act(at_ms: int) -> Act:
        return Act(at_ms * 1_000_000, Detection("A", str(at_ms), at_ms * 1_000_000))

    acts = [act(0), act(10), act(20), act(30), act(500), Act(510_000_000, Cut()), act(510)]
    found = [(m.at // 1_000_000, len(m.reads), m.cut) for m in messages([*acts, Act(NS, Cut())], 3)]
    assert found == [
        (20, 3, False),
        (30, 1, False),
        (500, 1, False),
        (510, 1, True),
        (1000, 0, True),
    ]
    assert [len(m.reads) for m in messages(acts)] == [1] * 6


def test_nothing_in_the_recorded_bytes_is_malformed() -> None:
    acts = list(make_rehearsal(Plan()).acts)
    for module in (tsv1, tsv2):
        decoder = module.Decoder()
        items = [i for read in reads_of(acts) for i in decoder.feed(module.encode([read]))]
        assert not any(isinstance(item, Malformed) for item in items)
        assert len(items) == sum(act.is_read for act in acts)
