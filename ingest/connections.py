"""The shared life of a TCP connection: everything said on it is in the log first.

`socket.opened` {c, protocol, role, peer, local; relay}, then `socket.read` {c} and
`socket.sent` {c} in any order, then `socket.closed` {c, reason}. Joined per
`c`, the bodies of the reads are the bytes received. A sent body is durable
before its first byte leaves; whether the last byte arrived, no one can know.
"""

import errno
from collections.abc import Awaitable, Callable

import anyio

from ingest.desk import Desk, seconds, spell_duration
from ingest.endpoints import Endpoint, is_relay
from ingest.streams import Stream
from store.event import (
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    SOCKET_SENT,
    Draft,
    pack_meta,
)
from wire.settings import SourceSettings
from wire.stamps import NS

CLOSE_TIME = 5 * NS  # how long a shutdown waits for a log that cannot be written
SEND_TIME = 30 * NS  # a peer that takes nothing for so long will not recover by itself

STOPPED = "meetlog stopped"
ENDED = "the peer closed the connection"


class Hangup(Exception):  # noqa: N818 - the way every conversation ends, not an error
    """The connection is over; the message is the reason, as the log will give it."""


class Connection:
    """One peer on one stream."""

    def __init__(self, stream: Stream, source: Endpoint, desk: Desk) -> None:
        self.source = source
        self.peer = stream.peer
        self.number = desk.numbers()
        self._stream = stream
        self._recorder = desk.recorder
        self._meta = pack_meta(c=self.number)
        self.heard = 0.0  # when something came last, by the loop's clock

    async def receive(self, silence: int = 0) -> bytes | None:
        """What one `recv` returned, durable; None when nothing came for `silence` ns.

        A `silence` of 0 waits for ever. Raises `Hangup` when the peer is gone.
        """
        data: bytes | None = None
        try:
            if silence:
                # Only the waiting can be cut short: see `ingest.streams`.
                with anyio.move_on_after(seconds(silence)):
                    data = await self._stream.receive()
            else:
                data = await self._stream.receive()
        except OSError as e:
            raise Hangup(spell_failure(e)) from e
        if data is None:
            return None
        if not data:
            # A peer that only closed its sending half waits for nothing more
            # from a party that cannot answer reads it will not send.
            raise Hangup(ENDED)
        self.heard = anyio.current_time()
        await self._recorder.append(Draft(self.source.name, SOCKET_READ, self._meta, data))
        return data

    async def send(self, data: bytes) -> None:
        """Record `data`, then send it. Raises `Hangup` when the peer is gone or takes nothing."""
        await self._recorder.append(Draft(self.source.name, SOCKET_SENT, self._meta, data))
        await self.pass_on(data)

    async def pass_on(self, data: bytes, patience: int = SEND_TIME) -> None:
        """Send what the log has already, in another form. Raises `Hangup` as `send` does.

        `patience` (ns): how long the peer may take nothing before it is given up.
        """
        try:
            with anyio.move_on_after(seconds(patience)) as waiting:
                await self._stream.send(data)
        except OSError as e:
            raise Hangup(spell_failure(e)) from e
        if waiting.cancelled_caught:
            raise Hangup(f"the peer did not read what we sent for {spell_duration(patience)}")

    async def record(self, kind: str, meta: bytes) -> None:
        """Append an event about this connection, durable on return."""
        await self._recorder.append(Draft(self.source.name, kind, meta))

    def opened(self) -> Draft:
        """The event of its beginning."""
        told = {
            "c": self.number,
            "protocol": self.source.protocol,
            "role": self.source.role,
            "peer": self._stream.peer,
            "local": self._stream.local,
        }
        if is_relay(self.source):
            told["relay"] = True  # what it says is no read
        return Draft(self.source.name, SOCKET_OPENED, pack_meta(**told))

    def closed(self, reason: str) -> Draft:
        """The event of its end."""
        return Draft(self.source.name, SOCKET_CLOSED, pack_meta(c=self.number, reason=reason))


Talk = Callable[[Connection], Awaitable[None]]


async def attend(stream: Stream, source: Endpoint, desk: Desk, talk: Talk) -> str:
    """Record the connection's beginning, `talk`, and record its end; returns why it ended.

    `talk` ends by raising `Hangup`. The end is recorded on a shutdown too,
    unless the log cannot be written for `CLOSE_TIME`.
    """
    connection = Connection(stream, source, desk)
    reason = STOPPED
    try:
        await desk.recorder.append(connection.opened())
        await talk(connection)
    except Hangup as e:
        reason = str(e)
    finally:
        stream.close()
        with anyio.move_on_after(seconds(CLOSE_TIME), shield=True):
            await desk.recorder.append(connection.closed(reason))
    return reason


async def refuse(stream: Stream, source: Endpoint, desk: Desk, reason: str) -> None:
    """Record that a peer came and was turned away, and why."""
    connection = Connection(stream, source, desk)
    try:
        await desk.recorder.append(connection.opened(), connection.closed(reason))
    finally:
        stream.close()


async def listen(connection: Connection) -> None:
    """Receive for ever: all there is to say in TsV1 and TsV2. Ends by `Hangup`."""
    source = connection.source
    idle = source.idle if isinstance(source, SourceSettings) else 0
    while await connection.receive(idle) is not None:
        pass
    raise Hangup(f"the peer was silent for {spell_duration(idle)}")


def spell_failure(e: OSError) -> str:
    """Why a connection failed, in words."""
    if isinstance(e, ConnectionResetError):
        return "the peer reset the connection"
    if isinstance(e, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(e, BrokenPipeError | ConnectionAbortedError):
        return "the peer had already closed the connection"
    if isinstance(e, TimeoutError):
        return "the peer no longer answers"
    if e.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN):
        return "the network does not reach the peer"
    return e.strerror or str(e) or type(e).__name__
