"""CTP01 over streams: what is sent when, and that cuts lose nothing."""

from collections.abc import Callable
from functools import partial

import anyio
import pytest

from ingest.connections import Connection, attend
from ingest.ctp01 import (
    UNANSWERED_PINGS,
    Peers,
    converse,
    run_ctp01_server,
    server_options,
    with_seed,
)
from ingest.desk import Desk
from ingest.errors import IngestError
from store.event import SOCKET_CLOSED, SOCKET_OPENED, SOCKET_READ, SOCKET_SENT, meta_of
from tests.kit.around import around
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import MemoryStream, memory_pair
from tests.kit.recorders import HeldRecorder, desk_on
from wire.ctp01 import ClientDecoder, DataLine
from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_marks import Marks
from wire.settings import SourceSettings
from wire.stamps import NS

SOURCE = SourceSettings("mats", "ctp01", "server", 61611)
JUMPING = pytest.param(("asyncio", {"loop_factory": JumpingLoop}), id="jumping")


def line(seq: int, location: str, tag: str) -> DataLine:
    return DataLine("CT01_33", seq, location, tag, f"2026-05-01T10:00:{seq:02d}.00", 1, "A1", 1)


LINES = [
    line(1, "start", "guntime"),
    line(1, "finish", "101"),
    line(2, "finish", "102"),
    line(2, "start", "103"),
    line(3, "finish", "103"),
]


def full_buffer(lines: list[DataLine] = LINES) -> LineBuffer:
    buffer = LineBuffer(locations=("start", "finish"))
    for each in lines:
        buffer.add(each)
    return buffer


def answer(session: ClientSession, data: bytes) -> bytes:
    """What the client's side says to `data`, lines included."""
    assert isinstance(session.shelf, LineBuffer)
    return session.receive(data).send + b"".join(due_lines(session, session.shelf))


async def be_timing_system(
    far: MemoryStream, session: ClientSession, budget: int = 1_000_000
) -> int:
    """Hold the client's side until the end, or hang up after `budget` bytes; how many were sent."""
    sent = 0

    async def say(data: bytes) -> None:
        nonlocal sent
        piece = data[: budget - sent]
        if piece:
            await far.send(piece)
            sent += len(piece)
        if sent >= budget:
            far.close()

    try:
        await say(session.greeting())
        while not far.closed and (data := await far.receive()):
            if said := answer(session, data):
                await say(said)
    except BrokenPipeError:
        pass
    return sent


class Server:
    """Our side, without a socket."""

    def __init__(self, recorder: HeldRecorder, source: SourceSettings = SOURCE) -> None:
        self.recorder = recorder
        self.source = source
        self.desk, self.board = desk_on(recorder)
        self.restart()

    def restart(self) -> None:
        """Forget everything and take the marks from the log."""
        self.peers = Peers(self.source, self.desk, marks_in(self.recorder))

    async def meet(self, near: MemoryStream) -> str:
        async def talk(connection: Connection) -> None:
            await converse(connection, self.peers, with_seed(server_options(SOURCE, ""), "s"))

        return await attend(near, self.source, self.desk, talk)

    async def talk_with(self, session: ClientSession, budget: int = 1_000_000) -> int:
        """A whole connection, until both sides wait or the client hangs up."""
        near, far = memory_pair()
        sent = 0

        async def client() -> None:
            nonlocal sent
            sent = await be_timing_system(far, session, budget)

        async with anyio.create_task_group() as group:
            group.start_soon(self.meet, near)
            group.start_soon(client)
            await anyio.wait_all_tasks_blocked()
            far.close()
        return sent


def marks_in(recorder: HeldRecorder) -> dict[str, dict[str, int]]:
    marks = Marks()
    decoders: dict[int, ClientDecoder] = {}
    ids: dict[int, str] = {}
    for event in recorder.of(SOCKET_READ):
        c = meta_of(event)["c"]
        messages = decoders.setdefault(c, ClientDecoder()).feed(event.body)
        ids[c], _ = marks.observe(ids.get(c, ""), messages)
    return marks.table()


def lines_in(recorder: HeldRecorder) -> list[list[tuple[str, int, str]]]:
    """The lines that each connection brought: (location, seq, tag)."""
    connections = []
    for number in range(1, len(recorder.of(SOCKET_OPENED)) + 1):
        messages = ClientDecoder().feed(recorder.received(number))
        connections.append([(m.location, m.seq, m.tag) for m in messages if type(m) is DataLine])
    return connections


ALL = {(each.location, each.seq, each.tag) for each in LINES}


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_a_timing_system_is_greeted_asked_and_started() -> None:
    server = Server(HeldRecorder())
    await server.talk_with(ClientSession(ClientOptions(connection_id="X"), full_buffer()))

    sent = server.recorder.sent(1)
    for part in (
        b"stream-mode=push\r\n",
        b"time-format=iso\r\n",
        b"getconnectionid\r\n",
        b"start~start\r\n",
        b"start~finish\r\n",
    ):
        assert part in sent
    assert set(lines_in(server.recorder)[0]) == ALL


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
@pytest.mark.parametrize("restart", [False, True], ids=["reconnect", "restart"])
@pytest.mark.parametrize("inclusive", [False, True], ids=["after", "from"])
async def test_a_cut_at_any_byte_loses_nothing(inclusive: bool, restart: bool) -> None:
    options = ClientOptions(connection_id="X", inclusive=inclusive)
    whole = await Server(HeldRecorder()).talk_with(ClientSession(options, full_buffer()))
    assert whole > 300
    for cut in range(1, whole + 1):
        server = Server(HeldRecorder())
        buffer = full_buffer()
        assert await server.talk_with(ClientSession(options, buffer), cut) == cut
        if restart:
            server.restart()
        before = lines_in(server.recorder)[0]
        buffer.add(line(4, "finish", "104"))
        await server.talk_with(ClientSession(options, buffer))

        first, second = lines_in(server.recorder)
        assert first == before
        assert {*first, *second} == {*ALL, ("finish", 4, "104")}, f"cut after {cut} bytes"
        # At most the last line of each of the two locations comes twice.
        assert len(first) + len(second) <= len(ALL) + 1 + 2


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_a_cut_peer_that_is_still_there_does_not_hold_back_the_resume() -> None:
    server = Server(HeldRecorder())
    options = ClientOptions(connection_id="X")
    buffer = full_buffer()
    near, far = memory_pair(far="10.0.0.2:1")
    again_near, again_far = memory_pair(far="10.0.0.2:2")
    async with anyio.create_task_group() as group:
        group.start_soon(server.meet, near)
        group.start_soon(be_timing_system, far, ClientSession(options, buffer))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(server.meet, again_near)
        group.start_soon(be_timing_system, again_far, ClientSession(options, buffer))
        (notice,) = await server.board.until(lambda texts: len(texts) == 1)
        await anyio.wait_all_tasks_blocked()
        assert "two peers send the connection id X: 10.0.0.2:1 and 10.0.0.2:2" in notice.text
        assert b"start~finish~3\r\n" in server.recorder.sent(2)
        far.close()
        await server.recorder.until_count(SOCKET_CLOSED, 1)
        assert server.board.standing() == ()
        again_far.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_two_peers_with_one_location_are_both_recorded_and_named() -> None:
    server = Server(HeldRecorder())
    async with anyio.create_task_group() as group:
        fars = []
        for id_, host in (("X", "10.0.0.2:1"), ("Y", "10.0.0.3:1")):
            near, far = memory_pair(far=host)
            fars.append(far)
            session = ClientSession(ClientOptions(connection_id=id_), full_buffer())
            group.start_soon(server.meet, near)
            group.start_soon(be_timing_system, far, session)
            await anyio.wait_all_tasks_blocked()
        (notice,) = server.board.standing()
        assert notice.text == "mats: two peers send start, finish: 10.0.0.2:1 and 10.0.0.3:1"
        for far in fars:
            far.close()
    assert [set(lines) for lines in lines_in(server.recorder)] == [ALL, ALL]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_nothing_is_answered_before_it_is_durable() -> None:
    server = Server(HeldRecorder())
    near, far = memory_pair()
    recorder = server.recorder
    async with anyio.create_task_group() as group:
        group.start_soon(server.meet, near)
        await recorder.until_count(SOCKET_OPENED, 1)
        recorder.hold()
        await far.send(b"SimpleClient~0.5.0~CTP01\r\n")
        for kind in (SOCKET_READ, SOCKET_SENT):
            await recorder.until(lambda: len(recorder.waiting) == 1)
            assert recorder.waiting[0][0][0].kind == kind
            with anyio.move_on_after(1):
                pytest.fail(f"sent too early: {await far.receive()!r}")
            recorder.release()
            recorder.hold()
        assert (await far.receive()).startswith(b"meetlog~")
        recorder.release()
        far.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
@around
async def test_a_silent_peer_is_pinged_three_times_and_then_left(more: int) -> None:
    """It answers so many pings after a while, and then no more."""
    server = Server(HeldRecorder())
    near, far = memory_pair()
    await far.send(b"SimpleClient~0.5.0~CTP01\r\n")
    pings = UNANSWERED_PINGS + more
    async with anyio.create_task_group() as group:
        group.start_soon(server.meet, near)
        await anyio.sleep(10 * pings + 5)
        assert near.closed == (more > 0)
        if not near.closed:
            await far.send(b"ack~ping\r\n" * pings)
    assert server.recorder.metas(SOCKET_CLOSED)[0]["reason"] == "no answer to 3 pings"
    assert server.recorder.sent(1).count(b"ping\r\n") == 3 + (pings if more <= 0 else 0)
    assert anyio.current_time() == pytest.approx(45 if more > 0 else 10 * pings + 5 + 40)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_a_peer_that_answers_pings_stays() -> None:
    server = Server(HeldRecorder())
    near, far = memory_pair()
    session = ClientSession(ClientOptions(connection_id="X"), full_buffer())
    async with anyio.create_task_group() as group:
        group.start_soon(server.meet, near)
        group.start_soon(be_timing_system, far, session)
        await server.recorder.until(lambda: server.recorder.sent(1).count(b"ping\r\n") == 20)
        assert server.recorder.of(SOCKET_CLOSED) == []
        far.close()
    assert anyio.current_time() == pytest.approx(200)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_the_idle_time_ends_a_connection_that_only_opened() -> None:
    idle = SourceSettings("mats", "ctp01", "server", 61611, idle=20 * NS)
    near, _far = memory_pair()

    assert await Server(HeldRecorder(), idle).meet(near) == "the peer was silent for 20 s"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
@pytest.mark.parametrize(
    ("first", "reason"),
    [(b"GET / HTTP/1.1\r\n", "HTTP"), (b'[{"Chip":1}]\r', "TsV1"), (b"", "sent no greeting")],
)
async def test_a_stranger_is_recorded_and_told_apart(first: bytes, reason: str) -> None:
    server = Server(HeldRecorder())
    near, far = memory_pair()
    if first:
        await far.send(first)

    assert reason in await server.meet(near)
    assert server.recorder.received(1) == first


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_remarks_stand_while_their_peer_is_connected() -> None:
    server = Server(HeldRecorder())
    near, far = memory_pair()
    session = ClientSession(ClientOptions(connection_id=None), full_buffer())
    async with anyio.create_task_group() as group:
        group.start_soon(server.meet, near)
        group.start_soon(be_timing_system, far, session)
        (notice,) = await server.board.until(lambda texts: len(texts) == 1)
        assert notice.text.startswith("mats: 10.0.0.2:2: ")
        far.close()
    assert server.board.standing() == ()


def secured(method: str) -> SourceSettings:
    return SourceSettings("mats", "ctp01", "server", 0, authentication=method, user="mat")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "password", "words"),
    [("hmac-sha1", "", "needs a password"), ("rot13", "secret", "no authentication 'rot13'")],
)
async def test_an_authentication_that_cannot_work_stops_the_start(
    method: str, password: str, words: str
) -> None:
    desk = desk_on(HeldRecorder())[0]
    with pytest.raises(IngestError, match=f"source mats: .*{words}"):
        await run_ctp01_server(secured(method), desk, {}, password=password)


async def authorize(desk: Desk, password: str, seeds: Callable[[], str]) -> bytes:
    """What a client with `password` receives over a real socket until it is told."""
    async with anyio.create_task_group() as group:
        source = secured("hmac-sha1")
        serve = partial(run_ctp01_server, source, desk, {}, password="secret", seeds=seeds)
        (address,) = await group.start(serve)
        host, _, port = address.rpartition(":")
        options = ClientOptions(connection_id="X", user="mat", password=password)
        session = ClientSession(options, full_buffer())
        heard = b""
        async with await anyio.connect_tcp(host, int(port)) as peer:
            await peer.send(session.greeting())
            while b"~authorize" not in heard:
                data = await peer.receive()
                heard += data
                if said := answer(session, data):
                    await peer.send(said)
        group.cancel_scope.cancel()
    return heard


@pytest.mark.anyio
async def test_over_a_real_socket_each_connection_has_its_own_seed() -> None:
    recorder = HeldRecorder()
    desk = desk_on(recorder)[0]
    seeds = iter(("seed-1", "seed-2"))

    def next_seed() -> str:
        return next(seeds)

    assert b"authentication-seed=seed-1\r\n" in await authorize(desk, "secret", next_seed)
    heard = await authorize(desk, "guessed", next_seed)
    assert b"authentication-seed=seed-2\r\n" in heard
    assert b"err~authorize" in heard
    assert b"ack~authorize\r\n" in recorder.sent(1)
