import errno
import socket
import struct
from contextlib import AsyncExitStack
from functools import partial

import anyio
import pytest
from anyio.abc import TaskGroup
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.connections import ENDED, STOPPED, listen
from ingest.desk import Desk
from ingest.errors import IngestError
from ingest.servers import Door, allowed, parse_networks, run_server
from ingest.streams import RECEIVE_BYTES, SocketStream
from ingest.turned_away import MOST_RECORDED
from store.event import SOCKET_CLOSED, SOCKET_OPENED, SOCKET_READ
from tests.kit.around import around
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import Dialer, Knocking, memory_pair
from tests.kit.recorders import HeldRecorder, desk_on
from wire.settings import SourceSettings

# What two loopback sockets and the one piece being recorded may hold; Linux
# grows such buffers to a few megabytes by itself.
MOST_ON_THE_WAY = 24 * 1024 * 1024
NO_LINGER = struct.pack("ii", 1, 0)  # makes the close a reset


async def serve(group: TaskGroup, desk: Desk, **changes: object) -> tuple[str, int]:
    fields = {"name": "finish", "protocol": "tsv2", "role": "server", "port": 0, **changes}
    source = SourceSettings(**fields)  # type: ignore[arg-type] # the fields are given by name
    addresses = await group.start(partial(run_server, source, desk))
    host, _, port = addresses[0].rpartition(":")
    return host, int(port)


async def record_over_tcp(pieces: list[bytes]) -> HeldRecorder:
    recorder = HeldRecorder()
    async with anyio.create_task_group() as group:
        address = await serve(group, desk_on(recorder)[0])
        async with await anyio.connect_tcp(*address) as peer:
            for piece in pieces:
                await peer.send(piece)
            await peer.send_eof()
            await recorder.until_count(SOCKET_CLOSED, 1)
        group.cancel_scope.cancel()
    return recorder


@given(st.lists(st.binary(min_size=1, max_size=100_000), max_size=4))
@settings(max_examples=20, deadline=None)
def test_bodies_joined_are_the_bytes_sent(pieces: list[bytes]) -> None:
    recorder = anyio.run(record_over_tcp, pieces)

    assert recorder.received(1) == b"".join(pieces)
    assert all(0 < len(event.body) <= RECEIVE_BYTES for event in recorder.of(SOCKET_READ))
    # A peer that closes its half only still has everything recorded.
    assert recorder.metas(SOCKET_CLOSED) == [{"c": 1, "reason": ENDED}]


class Full(socket.socket):
    """A socket on which all of this has arrived already."""

    rest = b""

    def getpeername(self) -> tuple[str, int]:
        return "10.0.0.2", 2

    def recv(self, most: int, flags: int = 0, /) -> bytes:  # noqa: ARG002 - as of a socket
        taken, self.rest = self.rest[:most], self.rest[most:]
        return taken


@around
@pytest.mark.anyio
async def test_so_many_bytes_are_taken_at_once(more: int) -> None:
    with Full() as full:
        full.rest = bytes(RECEIVE_BYTES + more)
        stream = SocketStream(full)
        sizes = [len(await stream.receive()) for _ in range(2)]
    assert sizes == [min(RECEIVE_BYTES, RECEIVE_BYTES + more), max(0, more)]


@pytest.mark.anyio
async def test_peers_are_told_apart() -> None:
    recorder = HeldRecorder()
    async with anyio.create_task_group() as group:
        address = await serve(group, desk_on(recorder)[0])
        async with await anyio.connect_tcp(*address) as a:
            await recorder.until_count(SOCKET_OPENED, 1)
            async with await anyio.connect_tcp(*address) as b:
                await recorder.until_count(SOCKET_OPENED, 2)
                for n in range(20):
                    await a.send(b"a%d," % n)
                    await b.send(b"b%d," % n)
        await recorder.until_count(SOCKET_CLOSED, 2)
        group.cancel_scope.cancel()

    assert recorder.received(1) == b"".join(b"a%d," % n for n in range(20))
    assert recorder.received(2) == b"".join(b"b%d," % n for n in range(20))
    assert {meta["local"] for meta in recorder.metas(SOCKET_OPENED)} == {
        f"{address[0]}:{address[1]}"
    }


@pytest.mark.anyio
async def test_a_peer_too_many_is_turned_away_and_recorded() -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    async with anyio.create_task_group() as group:
        address = await serve(group, desk, max_connections=1)
        async with await anyio.connect_tcp(*address) as first:
            await recorder.until_count(SOCKET_OPENED, 1)
            async with await anyio.connect_tcp(*address) as second:
                with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                    await second.receive()
            (notice,) = board.standing()
            assert "refused: 1 peers are connected already" in notice.text
            assert "max_connections" in notice.hint
            await first.send(b"still here")
            await recorder.until(lambda: recorder.received(1) == b"still here")
        await board.until(lambda texts: any("is gone" in text for text in texts))
        async with await anyio.connect_tcp(*address) as third:
            await third.send(b"my turn")
            await recorder.until(lambda: recorder.received(3) == b"my turn")
            assert board.standing() == (), "a peer that is let in ends the conditions"
        group.cancel_scope.cancel()

    assert recorder.metas(SOCKET_CLOSED)[0] == {
        "c": 2,
        "reason": "refused: 1 peers are connected already",
    }


@around
@pytest.mark.anyio
async def test_so_many_peers_are_let_in(more: int) -> None:
    """As many as the settings say when they say nothing."""
    recorder = HeldRecorder()
    most = SourceSettings("mat", "tsv2", "server", 9000).max_connections
    async with anyio.create_task_group() as group, AsyncExitStack() as stack:
        address = await serve(group, desk_on(recorder)[0])
        for n in range(most + more):
            await stack.enter_async_context(await anyio.connect_tcp(*address))
            await recorder.until_count(SOCKET_OPENED, n + 1)
        if more > 0:
            await recorder.until_count(SOCKET_CLOSED, more)
        refused = [meta["reason"] for meta in recorder.metas(SOCKET_CLOSED)]
        group.cancel_scope.cancel()
    assert refused == [f"refused: {most} peers are connected already"] * max(0, more)


@pytest.mark.anyio
async def test_a_peer_of_another_network_is_turned_away() -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    async with anyio.create_task_group() as group:
        address = await serve(group, desk, allow=("192.168.7.0/24",))
        async with await anyio.connect_tcp(*address) as peer:
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await peer.receive()
        await recorder.until_count(SOCKET_CLOSED, 1)
        group.cancel_scope.cancel()

    assert recorder.metas(SOCKET_CLOSED)[0]["reason"] == "refused: not in the allowed networks"
    assert recorder.of(SOCKET_READ) == []
    assert "`allow` of finish" in board.standing()[0].hint


@pytest.mark.parametrize(
    ("peer", "networks", "expected"),
    [
        ("10.0.0.5:4711", (), True),
        ("10.0.0.5:4711", ("10.0.0.0/8",), True),
        ("10.0.0.5:4711", ("192.168.0.0/16", "10.0.0.5"), True),
        ("10.0.0.5:4711", ("10.0.1.0/24",), False),
        ("[::1]:4711", ("::1",), True),
        ("[fe80::1%eth0]:4711", ("fe80::/10",), True),
        ("[::1]:4711", ("127.0.0.0/8",), False),
    ],
)
def test_networks_admit_their_own(peer: str, networks: tuple[str, ...], expected: bool) -> None:
    source = SourceSettings("finish", "tsv2", "server", 0, allow=networks)

    assert allowed(peer, parse_networks(source)) is expected


def test_a_network_that_is_none_is_named() -> None:
    source = SourceSettings("finish", "tsv2", "server", 0, allow=("10.0.0.0/99",))

    with pytest.raises(IngestError, match=r"source finish: allow has '10\.0\.0\.0/99'"):
        parse_networks(source)


@pytest.mark.anyio
async def test_a_port_in_use_is_said_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        source = SourceSettings("finish", "tsv2", "server", port)
        with pytest.raises(IngestError) as failure:
            await run_server(source, desk_on(HeldRecorder())[0])
    assert f"source finish: cannot listen on 127.0.0.1 port {port}" in str(failure.value)
    assert "another program has the port" in str(failure.value)


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["203.0.113.77", "no-such-host.invalid", "x" * 70])
async def test_an_address_of_another_machine_is_said_in_words(host: str) -> None:
    source = SourceSettings("finish", "tsv2", "server", 0, host)

    with pytest.raises(IngestError, match="this machine has no such address"):
        await run_server(source, desk_on(HeldRecorder())[0])


@pytest.mark.anyio
async def test_a_reset_keeps_what_came_before_it() -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    async with anyio.create_task_group() as group:
        address = await serve(group, desk)
        peer = socket.create_connection(address)
        peer.sendall(b"half a rea")
        await recorder.until_count(SOCKET_READ, 1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        peer.close()
        (notice,) = await board.until(lambda texts: len(texts) == 1)
        group.cancel_scope.cancel()

    assert recorder.received(1) == b"half a rea"
    assert recorder.metas(SOCKET_CLOSED)[0]["reason"] == "the peer reset the connection"
    assert "is gone: the peer reset the connection (0 still connected)" in notice.text


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": JumpingLoop})])
@pytest.mark.parametrize("machine", ["10.0.0.2", "10.0.0.3"])
@pytest.mark.parametrize("speaks", [False, True])
async def test_who_came_again_before_its_cut_was_noticed_is_not_gone(
    machine: str, speaks: bool
) -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    first, cut = memory_pair(far="10.0.0.2:1")
    second, _ = memory_pair(far=f"{machine}:2")
    source = SourceSettings("finish", "tsv2", "server", 9000)
    door = Door(source, desk, listen, ())
    async with anyio.create_task_group() as group:
        group.start_soon(door.keep, Knocking(Dialer(first)), group)
        await cut.send(b"a read")
        await anyio.sleep(1)
        group.start_soon(door.keep, Knocking(Dialer(second)), group)
        await anyio.sleep(30)
        if speaks:
            await cut.send(b"another")
        await anyio.sleep(1)
        await cut.fail(TimeoutError())
        await recorder.until_count(SOCKET_CLOSED, 1)
        await anyio.wait_all_tasks_blocked()
        told = [n.text for n in board.standing()]
        group.cancel_scope.cancel()
    gone = "finish: 10.0.0.2:1 is gone: the peer no longer answers (1 still connected)"
    again = machine == "10.0.0.2" and not speaks
    assert told == ([] if again else [gone])


@pytest.mark.anyio
async def test_a_shutdown_closes_every_peer_in_the_log() -> None:
    recorder = HeldRecorder()
    async with anyio.create_task_group() as group:
        address = await serve(group, desk_on(recorder)[0])
        peers = [socket.create_connection(address) for _ in range(3)]
        await recorder.until_count(SOCKET_OPENED, 3)
        group.cancel_scope.cancel()
    for peer in peers:
        peer.close()

    assert [meta["reason"] for meta in recorder.metas(SOCKET_CLOSED)] == [STOPPED] * 3
    socket.create_server(address).close()  # the port is free again


def push(peer: socket.socket, data: memoryview) -> int:
    """Write until the socket takes no more; how much it took."""
    taken = 0
    try:
        while taken < len(data):
            taken += peer.send(data[taken:])
    except BlockingIOError:
        pass
    return taken


@pytest.mark.anyio
async def test_while_the_log_is_held_the_peer_has_to_wait() -> None:
    recorder = HeldRecorder()
    flood = memoryview(bytes(range(256)) * (4 * MOST_ON_THE_WAY // 256))
    async with anyio.create_task_group() as group:
        address = await serve(group, desk_on(recorder)[0])
        with socket.create_connection(address) as peer:
            peer.setblocking(False)
            await recorder.until_count(SOCKET_OPENED, 1)
            recorder.hold()
            taken = push(peer, flood)
            await recorder.until(lambda: len(recorder.waiting) == 1)
            # Loopback may hand over a little more each time; what counts is that it ends.
            for _ in range(20):
                await anyio.wait_all_tasks_blocked()
                taken += push(peer, flood[taken:])
            assert taken < MOST_ON_THE_WAY
            ((waiting, _),) = recorder.waiting
            assert sum(len(draft.body) for draft in waiting) <= RECEIVE_BYTES
            assert recorder.of(SOCKET_READ) == []

            recorder.release()
            total = taken + 1_000_000
            while taken < total:
                await anyio.wait_writable(peer)
                taken += push(peer, flood[taken:total])
        await recorder.until_count(SOCKET_CLOSED, 1)
        group.cancel_scope.cancel()
    assert recorder.received(1) == flood[:total]


@pytest.mark.anyio
async def test_while_the_log_is_held_nobody_piles_up_at_the_door() -> None:
    recorder = HeldRecorder()
    async with anyio.create_task_group() as group:
        address = await serve(group, desk_on(recorder)[0], max_connections=1)
        recorder.hold()
        peers = [socket.create_connection(address) for _ in range(2 + MOST_RECORDED)]
        await recorder.until(lambda: len(recorder.waiting) == 2)
        await anyio.wait_all_tasks_blocked()
        assert len(recorder.waiting) == 2, "one peer inside, one being refused, the others wait"
        recorder.release()
        await recorder.until_count(SOCKET_OPENED, 1 + MOST_RECORDED)
        for peer in peers:
            peer.close()
        await recorder.until_count(SOCKET_CLOSED, 1 + MOST_RECORDED)
        group.cancel_scope.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": JumpingLoop})])
@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENETDOWN])
async def test_a_machine_that_has_no_socket_left_listens_on(code: int) -> None:
    near, far = memory_pair()
    peers = Knocking(Dialer(OSError(code, "for the moment"), near))
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    door = Door(SourceSettings("finish", "tsv2", "server", 0), desk, listen, ())
    async with anyio.create_task_group() as group:
        group.start_soon(door.keep, peers, group)
        (notice,) = await board.until(lambda texts: len(texts) == 1)
        assert notice.text == "finish: this machine cannot take a new peer: for the moment"
        await recorder.until_count(SOCKET_OPENED, 1)
        assert board.standing() == ()
        far.close()
        await recorder.until_count(SOCKET_CLOSED, 1)
        group.cancel_scope.cancel()
