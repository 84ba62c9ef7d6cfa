import socket
from itertools import pairwise

import anyio
import pytest

from ingest.clients import (
    FIRST_PAUSE,
    HEALTHY,
    LONGEST_PAUSE,
    SHORTEST_PAUSE,
    pause,
    run_client,
)
from ingest.desk import seconds
from store.event import SOCKET_CLOSED, SOCKET_OPENED, SOCKET_READ
from tests.kit.around import around
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import Dialer, MemoryStream, memory_pair
from tests.kit.recorders import HeldRecorder, desk_on
from wire.settings import SourceSettings
from wire.stamps import NS

SOURCE = SourceSettings("finish", "tsv1", "client", 10500, "10.0.0.9")
JUMPING = pytest.param(("asyncio", {"loop_factory": JumpingLoop}), id="jumping")


def refused() -> OSError:
    return ConnectionRefusedError(111, "refused")


async def dial_through(dialer: Dialer, recorder: HeldRecorder, chance: float = 1.0) -> list[float]:
    """Run the client until its dialer is used up; the pauses between its dials."""
    async with anyio.create_task_group() as group:
        group.start_soon(run_client, SOURCE, desk_on(recorder, dialer, chance)[0])
        await dialer.used_up.wait()
        group.cancel_scope.cancel()
    return [round(b - a, 6) for a, b in pairwise(dialer.dialled)]


def ended_stream() -> MemoryStream:
    near, far = memory_pair()
    far.close()
    return near


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_pauses_double_up_to_the_longest_and_never_end() -> None:
    pauses = await dial_through(Dialer(*(refused() for _ in range(10))), HeldRecorder())

    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_jitter_takes_its_share_of_the_whole_pause() -> None:
    pauses = await dial_through(Dialer(*(refused() for _ in range(8))), HeldRecorder(), 0.25)

    assert pauses == [0.125, 0.25, 0.5, 1, 2, 4, 7.5, 7.5]


def test_a_pause_is_bounded_however_long_the_peer_is_away() -> None:
    assert pause(1_000_000, 1.0) == seconds(LONGEST_PAUSE)
    assert pause(5, 0.0) == seconds(SHORTEST_PAUSE)
    assert pause(0, 1.0) == seconds(FIRST_PAUSE)


@around
def test_the_longest_pause(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    monkeypatch.setattr("ingest.clients.FIRST_PAUSE", LONGEST_PAUSE + more * NS)
    assert pause(1, 1.0) == seconds(LONGEST_PAUSE) + min(0, more)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_failed_attempts_leave_nothing_in_the_log() -> None:
    recorder = HeldRecorder()
    await dial_through(Dialer(refused(), refused(), ended_stream(), refused()), recorder)

    assert [event.kind for event in recorder.events] == [SOCKET_OPENED, SOCKET_CLOSED]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_a_peer_that_hangs_up_at_once_is_not_hammered() -> None:
    pauses = await dial_through(Dialer(*(ended_stream() for _ in range(4))), HeldRecorder())

    assert pauses == [0.5, 1, 2, 4]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_a_healthy_connection_ends_the_doubling() -> None:
    near, far = memory_pair()
    recorder = HeldRecorder()
    dialer = Dialer(*(refused() for _ in range(6)), near, refused())

    async def be_healthy_then_leave() -> None:
        await recorder.until_count(SOCKET_OPENED, 1)
        await anyio.sleep(seconds(HEALTHY))
        far.close()

    async with anyio.create_task_group() as group:
        group.start_soon(be_healthy_then_leave)
        pauses = await dial_through(dialer, recorder)
    assert pauses[-2:] == [10.5, 0.5], "the healthy span and the first pause, then the first again"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_the_operator_reads_what_is_wrong_and_when_it_is_over() -> None:
    recorder = HeldRecorder()
    near, far = memory_pair()
    dialer = Dialer(refused(), refused(), near)
    desk, board = desk_on(recorder, dialer)
    async with anyio.create_task_group() as group:
        group.start_soon(run_client, SOURCE, desk)
        (notice,) = await board.until(lambda texts: len(texts) == 1)
        assert notice.severity == "alarm"
        assert notice.text == (
            "finish: cannot connect to 10.0.0.9 port 10500: nothing listens there"
        )
        assert "meet.toml" in notice.hint
        await recorder.until_count(SOCKET_OPENED, 1)
        assert board.standing() == ()
        await far.fail(ConnectionResetError())
        await dialer.used_up.wait()
        (notice,) = board.standing()
        assert "is lost: the peer reset the connection" in notice.text
        group.cancel_scope.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [JUMPING])
async def test_a_machine_that_is_off_is_not_waited_for_for_minutes() -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder, Dialer())  # it never answers
    async with anyio.create_task_group() as group:
        group.start_soon(run_client, SOURCE, desk)
        (notice,) = await board.until(lambda texts: len(texts) == 1)
        group.cancel_scope.cancel()
    assert notice.text.endswith("no answer")
    assert anyio.current_time() == pytest.approx(10)


@pytest.mark.anyio
async def test_over_real_sockets_a_cut_connection_comes_back() -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder, chance=0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = SourceSettings("finish", "tsv1", "client", port, "localhost")
        async with anyio.create_task_group() as group:
            group.start_soon(run_client, source, desk)
            peer, _ = await anyio.to_thread.run_sync(server.accept)
            peer.sendall(b'[{"Chip":1}]\r[{"Ch')
            await recorder.until_count(SOCKET_READ, 1)
            # Lingering for no time makes the close a reset.
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.close()
            await recorder.until_count(SOCKET_CLOSED, 1)
            again, _ = await anyio.to_thread.run_sync(server.accept)
            again.sendall(b'[{"Chip":2}]\r')
            await recorder.until(lambda: recorder.received(2) != b"")
            again.close()
            await recorder.until_count(SOCKET_CLOSED, 2)
            group.cancel_scope.cancel()

    assert recorder.received(1) == b'[{"Chip":1}]\r[{"Ch'
    assert recorder.received(2) == b'[{"Chip":2}]\r'
    assert [meta["reason"] for meta in recorder.metas(SOCKET_CLOSED)] == [
        "the peer reset the connection",
        "the peer closed the connection",
    ]
    assert recorder.metas(SOCKET_OPENED)[0]["peer"] == f"127.0.0.1:{port}"
    assert board.standing()
