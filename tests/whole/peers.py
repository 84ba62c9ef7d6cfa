"""Peers that say exactly what a test wants, and what a house says, as it comes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from ingest.notices import Notice
from tests.kit.conditions import Conditions


class Heard:
    """The notices of a house, as they come from whatever thread."""

    def __init__(self) -> None:
        self.said: list[tuple[Notice, bool]] = []
        self.conditions = Conditions()
        self._loop = asyncio.get_running_loop()

    def hear(self, notice: Notice, over: bool) -> None:
        self.said.append((notice, over))
        self._loop.call_soon_threadsafe(self.conditions.look)

    async def until(self, key: str, *, over: bool = False) -> Notice:
        """Wait until the condition begins, or is over."""

        def found() -> list[Notice]:
            return [n for n, o in self.said if n.key == key and o is over]

        await self.conditions.until(lambda: bool(found()))
        return found()[-1]

    async def until_said(self, words: str) -> Notice:
        """Wait for a notice with these words."""

        def found() -> list[Notice]:
            return [n for n, _ in self.said if words in n.text]

        await self.conditions.until(lambda: bool(found()))
        return found()[-1]


async def say(port: int, *pieces: bytes) -> None:
    """Connect, send the pieces one by one, and wait until the other side has taken them all."""
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio's, not Django's
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                await stream.send(piece)
            await stream.send_eof()
            await hang_on(stream)
        except anyio.BrokenResourceError:
            pass  # it was hung up on, with what was sent recorded


async def hang_on(stream: ByteStream) -> bytes:
    """Wait until the other side closes; what it has said."""
    said = b""
    try:
        while True:
            said += await stream.receive()
    except anyio.EndOfStream:
        return said


class Caller:
    """A server that says what it is told to whoever calls next, and hangs up when all is taken."""

    def __init__(self) -> None:
        self.port = 0
        self._words: list[bytes] = []
        self._done = anyio.Event()
        self._begin = anyio.Event()

    async def say(self, data: bytes) -> None:
        """Say it in the present connection, or the next; return when the other side has it all."""
        self._words.append(data)
        self._begin.set()
        await self._done.wait()

    async def attend(self, stream: SocketStream) -> None:
        async with stream:
            await self._begin.wait()
            while self._words:
                await stream.send(self._words.pop(0))
            await stream.send_eof()
            await hang_on(stream)
        self._done.set()


@asynccontextmanager
async def listening() -> AsyncIterator[Caller]:
    """A `Caller` on a port of its own."""
    caller = Caller()
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        caller.port = int(listener.extra(SocketAttribute.local_port))  # noqa: S610 - anyio's, not Django's
        group.start_soon(listener.serve, caller.attend)
        try:
            yield caller
        finally:
            group.cancel_scope.cancel()
