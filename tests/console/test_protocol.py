"""Slow and greedy peers of the console: what each may hold, and for how long."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial

import anyio
import h11
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from meetlog.console.protocol import (
    LEAST_TAKEN,
    LOOK_SECONDS,
    MOST_CONNECTIONS,
    MOST_HEAD,
    MOST_OF_ONE,
    MOST_REMOTE,
    PATIENCE_SECONDS,
    REQUEST_SECONDS,
    BoundedProtocol,
)
from tests.kit.around import around, around_a_time
from tests.kit.jumping import JumpingLoop

GET = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n"
PHONE = "192.168.1.77"
jumping = pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": JumpingLoop})])
pytestmark = pytest.mark.anyio


class Transport(asyncio.Transport):
    """A peer that takes nothing, unless it is told to."""

    def __init__(self, host: str) -> None:
        super().__init__({"peername": (host, 40_000), "sockname": ("127.0.0.1", 8611)})
        self.protocol: BoundedProtocol | None = None
        self.written = b""
        self.owed = 0
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)
        self.owed += len(data)

    def get_write_buffer_size(self) -> int:
        return self.owed

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        """As the real one: while something is owed, this only means to end."""
        if not self.owed:
            self.abort()

    def abort(self) -> None:
        if not self.ended and self.protocol is not None:
            self.ended = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


async def answering(scope: Scope, receive: Receive, send: Send, body: bytes = b"ok") -> None:
    """An app that reads the whole request, and answers."""
    assert scope["type"] == "http"
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.request":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


class Server:
    def __init__(self, body: bytes = b"ok") -> None:
        self.config = uvicorn.Config(
            partial(answering, body=body),
            log_config=None,
            ws="none",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
        )
        self.state = ServerState()

    def visit(self, host: str = "127.0.0.1") -> tuple[BoundedProtocol, Transport]:
        transport = Transport(host)
        protocol = transport.protocol = BoundedProtocol(self.config, self.state, {})
        protocol.connection_made(transport)
        return protocol, transport


async def pass_seconds(seconds: float) -> None:
    await anyio.sleep(seconds)
    await anyio.wait_all_tasks_blocked()


@jumping
@pytest.mark.parametrize("sent", [b"", GET[:1], GET[:-2], POST, POST + b"x" * 1000])
async def test_a_request_comes_whole_and_soon(sent: bytes) -> None:
    protocol, transport = Server().visit()
    if sent:
        protocol.data_received(sent)
    await pass_seconds(REQUEST_SECONDS - 1)
    assert not transport.ended
    await pass_seconds(LOOK_SECONDS + 1)
    assert transport.ended


@jumping
@pytest.mark.parametrize("whole", [GET[:-2] + b"x: " + b"y" * 400 + b"\r\n\r\n", POST + b"z" * 99])
async def test_a_request_that_drips_ends_as_soon(whole: bytes) -> None:
    protocol, transport = Server().visit()
    began = anyio.current_time()
    for n in range(3 * REQUEST_SECONDS):
        protocol.data_received(whole[n : n + 1])
        await pass_seconds(1)
        if transport.ended:
            break
    assert REQUEST_SECONDS <= anyio.current_time() - began <= REQUEST_SECONDS + LOOK_SECONDS


@jumping
async def test_one_who_asks_again_and_again_may_stay() -> None:
    protocol, transport = Server().visit()
    for _ in range(20):
        protocol.data_received(GET[:10])
        await pass_seconds(REQUEST_SECONDS - LOOK_SECONDS)
        protocol.data_received(GET[10:])
        await pass_seconds(1)
        transport.owed = 0
    assert not transport.ended
    assert transport.written.count(b"200 OK") == 20


@jumping
@pytest.mark.parametrize(
    ("taken", "ends"), [(0, True), (LEAST_TAKEN - 1, True), (LEAST_TAKEN, False)]
)
async def test_an_answer_is_taken_or_the_connection_ends(taken: int, ends: bool) -> None:
    protocol, transport = Server(b"x" * 40 * LEAST_TAKEN).visit()
    protocol.data_received(GET)
    await pass_seconds(1)
    assert transport.owed
    for _ in range(PATIENCE_SECONDS // LOOK_SECONDS + 2):
        transport.owed = max(1, transport.owed - taken)
        await pass_seconds(LOOK_SECONDS)
    assert transport.ended == ends


@jumping
@around_a_time
async def test_a_peer_has_so_long_to_take_an_answer_on(late: float) -> None:
    protocol, transport = Server().visit()
    protocol.data_received(GET)
    # It is at a look that the waiting is noticed.
    await pass_seconds(LOOK_SECONDS + PATIENCE_SECONDS + late)
    assert transport.ended == (late > 0)
    transport.owed = 0
    await pass_seconds(2 * LOOK_SECONDS)
    assert transport.ended == (late > 0)


@jumping
@around_a_time
async def test_a_request_has_so_long_to_come(late: float) -> None:
    protocol, transport = Server().visit()
    protocol.data_received(POST)
    await pass_seconds(REQUEST_SECONDS + late)
    assert transport.ended == (late > 0)
    if late < 0:
        protocol.data_received(bytes(100_000))
        await pass_seconds(LOOK_SECONDS)
        assert b"200 OK" in transport.written


@jumping
async def test_one_who_left_something_behind_does_not_stay_for_ever() -> None:
    protocol, transport = Server().visit()
    protocol.data_received(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    await pass_seconds(1)
    assert not transport.ended, "a polite end waits until all is taken"
    await pass_seconds(PATIENCE_SECONDS + LOOK_SECONDS)
    assert transport.ended


@jumping
@around
async def test_a_head_is_bounded(more: int) -> None:
    server = Server()
    server.config.h11_max_incomplete_event_size = MOST_HEAD
    protocol, transport = server.visit()
    head = GET[:-2] + b"x: "
    # h11 bounds what it has of a head that is not at its end yet.
    protocol.data_received(head + b"y" * (MOST_HEAD - len(head) + more))
    await pass_seconds(0)
    assert (b"400 Bad Request" in transport.written) == (more > 0)


@jumping
@around
async def test_one_computer_has_so_many_connections(more: int) -> None:
    server = Server()
    visits = [server.visit(PHONE)[1] for _ in range(MOST_OF_ONE + more)]
    await pass_seconds(0)
    assert [t.ended for t in visits] == [n >= MOST_OF_ONE for n in range(MOST_OF_ONE + more)]
    visits[0].abort()
    await pass_seconds(0)
    assert not server.visit(PHONE)[1].ended, "whose place became free"


@jumping
@around
async def test_all_others_together_leave_room_for_this_computer(more: int) -> None:
    server = Server()
    visits = [server.visit(f"10.0.0.{n % 200}")[1] for n in range(MOST_REMOTE + more)]
    await pass_seconds(0)
    assert [t.ended for t in visits] == [n >= MOST_REMOTE for n in range(MOST_REMOTE + more)]
    for _ in range(MOST_CONNECTIONS - MOST_REMOTE):
        assert not server.visit()[1].ended


@asynccontextmanager
async def serving(server: uvicorn.Server) -> AsyncIterator[tuple[str, int]]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(server.serve, sockets=[listener]))
            yield listener.getsockname()
            server.should_exit = True


async def test_uvicorn_uses_it_on_a_real_socket() -> None:
    config = uvicorn.Config(
        answering, log_config=None, ws="none", lifespan="off", http=BoundedProtocol
    )
    server = uvicorn.Server(config)
    async with serving(server) as address, await anyio.connect_tcp(*address) as client:
        await client.send(GET)
        heard = h11.Connection(h11.CLIENT)
        heard.send(h11.Request(method="GET", target="/", headers=[("host", "localhost")]))
        heard.send(h11.EndOfMessage())
        heard.receive_data(await client.receive())
        answer = heard.next_event()
        assert isinstance(answer, h11.Response)
        assert answer.status_code == 200
        assert {type(c) for c in server.server_state.connections} == {BoundedProtocol}
