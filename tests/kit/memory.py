"""Streams in memory, which stand for TCP connections."""

import math
from collections import deque
from collections.abc import Sequence

import anyio
import anyio.lowlevel

from ingest.streams import Listener


class _Pipe:
    """One direction: pieces on their way, at most `window` of them beyond the one asked for."""

    def __init__(self, window: float) -> None:
        self.window = window
        self.pieces: deque[bytes | OSError] = deque()
        self.ended = False
        self.changed = anyio.Event()

    def change(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


class MemoryStream:
    """One side of a connection. A piece sent by one side is one `receive` of the other.

    When `window` pieces are on the way, `send` waits, as it does in TCP.
    """

    def __init__(self, inbox: _Pipe, outbox: _Pipe, peer: str, local: str) -> None:
        self.peer = peer
        self.local = local
        self.closed = False
        self._inbox = inbox
        self._outbox = outbox

    @property
    def is_ready(self) -> bool:
        """Whether `receive` would not have to wait."""
        return bool(self._inbox.pieces) or self._inbox.ended

    async def receive(self) -> bytes:
        while not self._inbox.pieces:
            if self._inbox.ended:
                return b""
            await self._inbox.changed.wait()
        await anyio.lowlevel.checkpoint()
        piece = self._inbox.pieces.popleft()
        self._inbox.change()
        if isinstance(piece, OSError):
            raise piece
        return piece

    async def send(self, data: bytes) -> None:
        await self._put(data)

    async def fail(self, error: OSError) -> None:
        """Let the other side see this error in the place of bytes."""
        await self._put(error)

    def close(self) -> None:
        self.closed = True
        for pipe in (self._inbox, self._outbox):
            pipe.ended = True
            pipe.change()

    async def _put(self, piece: bytes | OSError) -> None:
        while len(self._outbox.pieces) >= self._outbox.window and not self._outbox.ended:
            await self._outbox.changed.wait()
        if self._outbox.ended:
            raise BrokenPipeError
        self._outbox.pieces.append(piece)
        self._outbox.change()
        await anyio.lowlevel.checkpoint()


def memory_pair(
    window: float = math.inf, near: str = "10.0.0.1:1", far: str = "10.0.0.2:2"
) -> tuple[MemoryStream, MemoryStream]:
    """Two sides of a connection: ours, and the peer's, whose address is `far`."""
    there, here = _Pipe(window), _Pipe(window)
    return MemoryStream(here, there, far, near), MemoryStream(there, here, near, far)


class Dialer:
    """Stands for the network that a client dials. Each dial takes the next answer.

    An answer is a stream or an error. When they are used up, dialling waits for ever.
    """

    def __init__(self, *answers: MemoryStream | OSError) -> None:
        self._answers = list(answers)
        self.dialled: list[float] = []
        self.used_up = anyio.Event()

    async def connect(self, host: str, port: int) -> MemoryStream:  # noqa: ARG002 - as of `Network`
        self.dialled.append(anyio.current_time())
        if not self._answers:
            self.used_up.set()
            await anyio.sleep_forever()
        answer = self._answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async def listen(self, who: str, host: str, port: int) -> Sequence[Listener]:
        """See `Network.listen`: nobody listens here."""
        raise NotImplementedError(f"{who} on {host} port {port}")


class Knocking:
    """A `Listener` at which those peers arrive whom the dialer would have reached."""

    def __init__(self, peers: Dialer) -> None:
        self.address = "127.0.0.1:9000"
        self._peers = peers

    async def accept(self) -> MemoryStream:
        return await self._peers.connect("", 0)

    def close(self) -> None:
        """Nobody listens to it any more."""
