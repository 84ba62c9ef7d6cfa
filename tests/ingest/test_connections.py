import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.connections import (
    CLOSE_TIME,
    ENDED,
    SEND_TIME,
    STOPPED,
    Connection,
    Hangup,
    attend,
    listen,
)
from ingest.desk import Desk, seconds
from store.event import SOCKET_CLOSED, SOCKET_OPENED, SOCKET_READ, SOCKET_SENT
from tests.kit.around import around_a_time
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import memory_pair
from tests.kit.recorders import HeldRecorder, desk_on
from wire.settings import SourceSettings
from wire.stamps import DAY, NS

SOURCE = SourceSettings("finish", "tsv2", "server", 9000)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": JumpingLoop}


@pytest.fixture
def recorder() -> HeldRecorder:
    return HeldRecorder()


@pytest.fixture
def desk(recorder: HeldRecorder) -> Desk:
    return desk_on(recorder)[0]


async def record_pieces(pieces: list[bytes]) -> HeldRecorder:
    recorder = HeldRecorder()
    near, far = memory_pair()
    for piece in pieces:
        await far.send(piece)
    far.close()
    await attend(near, SOURCE, desk_on(recorder)[0], listen)
    return recorder


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
@settings(max_examples=50, deadline=None)
def test_bodies_are_what_each_receive_returned(pieces: list[bytes]) -> None:
    recorder = anyio.run(record_pieces, pieces)

    assert [event.body for event in recorder.of(SOCKET_READ)] == pieces
    assert [e.kind for e in recorder.events[:1] + recorder.events[-1:]] == [
        SOCKET_OPENED,
        SOCKET_CLOSED,
    ]


@pytest.mark.anyio
async def test_a_connection_says_who_and_why_it_ended(recorder: HeldRecorder, desk: Desk) -> None:
    near, far = memory_pair(near="10.0.0.1:9000", far="10.0.0.2:51000")
    far.close()
    await attend(near, SOURCE, desk, listen)

    assert recorder.metas(SOCKET_OPENED) == [
        {
            "c": 1,
            "protocol": "tsv2",
            "role": "server",
            "peer": "10.0.0.2:51000",
            "local": "10.0.0.1:9000",
        }
    ]
    assert recorder.metas(SOCKET_CLOSED) == [{"c": 1, "reason": ENDED}]
    assert near.closed


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionResetError(), "the peer reset the connection"),
        (TimeoutError(), "the peer no longer answers"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
async def test_bytes_before_a_failure_are_kept(
    recorder: HeldRecorder, desk: Desk, error: OSError, reason: str
) -> None:
    near, far = memory_pair()
    await far.send(b"half a li")
    await far.fail(error)

    assert await attend(near, SOURCE, desk, listen) == reason
    assert recorder.received(1) == b"half a li"
    assert recorder.metas(SOCKET_CLOSED) == [{"c": 1, "reason": reason}]


@around_a_time
@pytest.mark.anyio
async def test_a_silent_peer_is_closed_after_the_idle_time(
    recorder: HeldRecorder, desk: Desk, late: float
) -> None:
    near, far = memory_pair()
    await far.send(b"once")
    source = SourceSettings("finish", "tsv2", "server", 9000, idle=90 * NS)
    async with anyio.create_task_group() as group:
        group.start_soon(attend, near, source, desk, listen)
        await anyio.sleep(90 + late)
        assert near.closed == (late > 0)
        if not near.closed:
            await far.send(b", and again")

    assert recorder.metas(SOCKET_CLOSED)[0]["reason"] == "the peer was silent for 90 s"
    assert anyio.current_time() == pytest.approx(90 + (late if late > 0 else 90 + late))
    assert recorder.received(1) == b"once" + b", and again" * (late < 0)


@pytest.mark.anyio
async def test_a_peer_may_be_silent_for_ever(desk: Desk) -> None:
    near, _ = memory_pair()
    async with anyio.create_task_group() as group:
        group.start_soon(attend, near, SOURCE, desk, listen)
        await anyio.sleep(seconds(DAY))
        assert not near.closed
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_nothing_is_sent_before_it_is_durable(recorder: HeldRecorder, desk: Desk) -> None:
    near, far = memory_pair()
    connection = Connection(near, SOURCE, desk)
    recorder.hold()
    async with anyio.create_task_group() as group:
        group.start_soon(connection.send, b"start\r\n")
        await recorder.until(lambda: len(recorder.waiting) == 1)
        with anyio.move_on_after(1000):
            pytest.fail(f"sent before it was durable: {await far.receive()!r}")
        recorder.release()
        assert await far.receive() == b"start\r\n"
    assert recorder.sent(1) == b"start\r\n"


@pytest.mark.anyio
async def test_a_held_log_stops_the_reading_until_it_is_free(
    recorder: HeldRecorder, desk: Desk
) -> None:
    near, far = memory_pair(window=2)
    pieces = [bytes([n]) * 10 for n in range(20)]
    written = 0

    async def write() -> None:
        nonlocal written
        for piece in pieces:
            await far.send(piece)
            written += 1
        far.close()

    recorder.hold()
    async with anyio.create_task_group() as group:
        group.start_soon(attend, near, SOURCE, desk, listen)
        group.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        # Not even the beginning is durable, so nothing has been read.
        assert (len(recorder.waiting), written) == (1, 2)
        recorder.release()
        recorder.hold()
        await anyio.wait_all_tasks_blocked()
        assert (len(recorder.waiting), written) == (1, 3)
        assert recorder.of(SOCKET_READ) == []
        recorder.release()
    assert recorder.received(1) == b"".join(pieces)


@pytest.mark.anyio
async def test_a_shutdown_records_the_end(recorder: HeldRecorder, desk: Desk) -> None:
    near, far = memory_pair()
    await far.send(b"read")
    async with anyio.create_task_group() as group:
        group.start_soon(attend, near, SOURCE, desk, listen)
        await recorder.until_count(SOCKET_READ, 1)
        group.cancel_scope.cancel()

    assert recorder.metas(SOCKET_CLOSED) == [{"c": 1, "reason": STOPPED}]
    assert near.closed


@pytest.mark.anyio
@around_a_time
async def test_a_shutdown_waits_for_a_full_disk_but_not_for_ever(
    recorder: HeldRecorder, desk: Desk, late: float
) -> None:
    near, far = memory_pair()
    freed = seconds(CLOSE_TIME) + late
    ended = 0.0

    async def meet() -> None:
        nonlocal ended
        async with anyio.create_task_group() as group:
            group.start_soon(attend, near, SOURCE, desk, listen)
            await recorder.until_count(SOCKET_OPENED, 1)
            recorder.hold()
            await far.send(b"the last read")
            await recorder.until(lambda: len(recorder.waiting) == 1)
            group.cancel_scope.cancel()
        ended = anyio.current_time()

    async with anyio.create_task_group() as outer:
        outer.start_soon(meet)
        await anyio.sleep(freed)
        recorder.release()
    assert ended == pytest.approx(min(freed, seconds(CLOSE_TIME)))
    assert recorder.received(1) == b"the last read", "what was received is appended all the same"
    assert len(recorder.of(SOCKET_CLOSED)) == 1


@pytest.mark.anyio
@around_a_time
async def test_a_peer_that_reads_nothing_is_left(
    recorder: HeldRecorder, desk: Desk, late: float
) -> None:
    near, far = memory_pair(window=1)

    async def talk(connection: Connection) -> None:
        await connection.send(b"greeting")
        await connection.send(b"settings")
        raise Hangup("all is said")

    async with anyio.create_task_group() as group:
        group.start_soon(attend, near, SOURCE, desk, talk)
        await anyio.sleep(seconds(SEND_TIME) + late)
        assert near.closed == (late > 0)
        await far.receive()
    (closed,) = recorder.metas(SOCKET_CLOSED)
    left = "the peer did not read what we sent for 30 s"
    assert closed["reason"] == (left if late > 0 else "all is said")
    assert [event.body for event in recorder.of(SOCKET_SENT)] == [b"greeting", b"settings"]
    assert not far.closed


@pytest.mark.anyio
async def test_a_pause_in_the_bytes_ends_only_the_wait(recorder: HeldRecorder, desk: Desk) -> None:
    near, far = memory_pair()
    connection = Connection(near, SOURCE, desk)

    assert await connection.receive(5 * NS) is None
    await far.send(b"late")
    assert await connection.receive(5 * NS) == b"late"
    assert recorder.received(1) == b"late"
