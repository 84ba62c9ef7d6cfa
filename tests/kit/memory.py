"""Streams in memory, which stand for TCP connections."""

import math

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream


class MemoryStream:
    """One side of a connection. A piece sent by one side is one `receive` of the other.

    `window` pieces may be on the way, then `send` waits, as it does in TCP.
    `fail` makes the next receive, or the one that waits, raise.
    """

    def __init__(
        self,
        inbox: MemoryObjectReceiveStream[bytes | OSError],
        outbox: MemoryObjectSendStream[bytes | OSError],
        peer: str,
        local: str,
    ) -> None:
        self.peer = peer
        self.local = local
        self.closed = False
        self._inbox = inbox
        self._outbox = outbox

    async def receive(self) -> bytes:
        try:
            item = await self._inbox.receive()
        except anyio.EndOfStream:
            return b""
        if isinstance(item, OSError):
            raise item
        return item

    async def send(self, data: bytes) -> None:
        try:
            await self._outbox.send(data)
        except anyio.BrokenResourceError as e:
            raise BrokenPipeError from e

    async def fail(self, error: OSError) -> None:
        """Let the other side see this error in the place of bytes."""
        await self._outbox.send(error)

    def close(self) -> None:
        self.closed = True
        self._inbox.close()
        self._outbox.close()


def memory_pair(
    window: float = math.inf, near: str = "10.0.0.1:1", far: str = "10.0.0.2:2"
) -> tuple[MemoryStream, MemoryStream]:
    """Two sides of a connection: ours, and the peer's, whose address is `far`."""
    to_far, from_near = anyio.create_memory_object_stream[bytes | OSError](window)
    to_near, from_far = anyio.create_memory_object_stream[bytes | OSError](window)
    return (
        MemoryStream(from_far, to_far, far, near),
        MemoryStream(from_near, to_near, near, far),
    )


class Dialer:
    """Stands for the network that `run_client` dials. Each dial takes the next answer.

    An answer is a stream or an error. When they are used up, dialling waits for ever.
    """

    def __init__(self, *answers: MemoryStream | OSError) -> None:
        self._answers = list(answers)
        self.dialled: list[float] = []
        self.used_up = anyio.Event()

    async def __call__(self, host: str, port: int) -> MemoryStream:  # noqa: ARG002 - like `connect`
        self.dialled.append(anyio.current_time())
        if not self._answers:
            self.used_up.set()
            await anyio.sleep_forever()
        answer = self._answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer
