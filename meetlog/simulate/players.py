"""TsConnector as a TsV1 server, or as a TsV2 server or client: it sends and never listens.

Neither protocol has a resume (PROTOCOLS 2). What TsConnector can do is send
its last reads again to whoever connects: resending beats missing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import anyio
import msgspec
from anyio.abc import AnyByteStream, TaskStatus

from meetlog.simulate.ctp01_player import tsconnector_ctp01
from meetlog.simulate.playing import (
    FAREWELL,
    GONE,
    Changes,
    Dial,
    Message,
    dialler,
    keep_calling,
    listen,
    messages,
    peer_of,
    plain_errors,
    port_of,
)
from meetlog.simulate.report import Report, Sent
from meetlog.simulate.script import Act, length_of
from meetlog.simulate.timing import Timing
from wire import tsv1, tsv2
from wire.reads import RawRead

__all__ = ["Broadcast", "Options", "tsconnector_ctp01", "tsconnector_tsv1", "tsconnector_tsv2"]

Encode = Callable[[Iterable[RawRead]], bytes]
AGAIN_PER_MESSAGE = 50


class Options(msgspec.Struct, frozen=True):
    """How TsConnector behaves.

    `batch`: reads per array, at most. `resend`: each new connection first
    gets the last so many reads again; 0 is none, and reads played while
    nobody is connected are then lost. `stay`: remain when all is sent.
    """

    batch: int = 1
    resend: int = 0
    stay: bool = False


class Broadcast:
    """A script that is sent to everyone who is connected.

    It begins with the first connection. A peer that does not read holds all
    others up. As fast as possible means: as fast as somebody listens.
    """

    def __init__(
        self, acts: Sequence[Act], timing: Timing, report: Report, encode: Encode, options: Options
    ) -> None:
        self._acts = acts
        self._timing = timing
        self._report = report
        self._encode = encode
        self._options = options
        self._peers: dict[AnyByteStream, Sent] = {}
        self._history: deque[RawRead] = deque(maxlen=options.resend)
        self._owed = False  # whether something was played that nobody has got
        self._sending = anyio.Lock()
        self._changes = Changes()

    async def attend(self, stream: AnyByteStream) -> None:
        """Take part in the broadcast with one connection, until either side closes it."""
        sent = self._report.open(peer_of(stream))
        async with stream:
            try:
                async with self._sending:
                    await self._send_again(stream, sent)
                    self._peers[stream] = sent
                    self._owed = False
                    self._changes.tell()
                while True:
                    await stream.receive()  # what a client says means nothing here
            except GONE:
                pass
            finally:
                self._peers.pop(stream, None)
                self._changes.tell()

    async def play(self) -> None:
        """Send the whole script; return when everyone has got it and has closed."""
        await self._changes.until(self._heard)
        await self._timing.begin(length_of(self._acts))
        for message in messages(self._acts, self._options.batch):
            if self._timing.speed is None:
                await self._changes.until(self._heard)
            await self._timing.until(message.at)
            await self._deliver(message)
        if self._options.resend:
            await self._changes.until(lambda: not self._owed)

    async def farewell(self) -> None:
        """Close all connections in good order."""
        with anyio.move_on_after(FAREWELL):
            async with self._sending:
                for stream in list(self._peers):
                    await stream.send_eof()
            await self._changes.until(lambda: not self._peers)

    def _heard(self) -> bool:
        return bool(self._peers)

    async def _send_again(self, stream: AnyByteStream, sent: Sent) -> None:
        reads = list(self._history)
        self._report.again += len(reads)
        for at in range(0, len(reads), AGAIN_PER_MESSAGE):
            part = reads[at : at + AGAIN_PER_MESSAGE]
            data = self._encode(part)
            await stream.send(data)
            sent.note(data, len(part))

    async def _deliver(self, message: Message) -> None:
        reads = [self._timing.read(sending.what) for sending in message.reads]
        data = self._encode(reads) if reads else b""
        async with self._sending:
            self._history.extend(reads)
            if not self._peers or message.cut:
                self._owed = True
            if not self._peers:
                self._report.unheard += len(reads)
            for stream, sent in list(self._peers.items()):
                try:
                    await self._send(stream, sent, data, len(reads), cut=message.cut)
                except GONE:
                    self._peers.pop(stream, None)
                    self._owed = True
        if message.cut:
            self._report.cuts += 1
            self._report.say("The connection is cut in the middle of a message, as planned.")
        self._report.played(len(reads), sum(sending.copy for sending in message.reads))

    async def _send(
        self, stream: AnyByteStream, sent: Sent, data: bytes, reads: int, *, cut: bool
    ) -> None:
        if not cut:
            await stream.send(data)
            sent.note(data, reads)
            return
        half = data[: len(data) // 2]
        if half:
            await stream.send(half)
        sent.note(half)
        sent.cut = True
        self._peers.pop(stream, None)
        await stream.aclose()


async def tsconnector_tsv1(
    acts: Sequence[Act],
    timing: Timing,
    report: Report,
    options: Options = Options(),  # noqa: B008 - a frozen value
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """TsConnector speaking TsV1: a TCP server for any number of clients.

    Started with the port. Returns when the script has been sent; with `stay`
    only when cancelled. Raises `SimulateError` when it cannot listen.
    """
    broadcast = Broadcast(acts, timing, report, tsv1.encode, options)
    await _serve(broadcast, report, options, (host, port), task_status)


async def tsconnector_tsv2(
    acts: Sequence[Act],
    timing: Timing,
    report: Report,
    options: Options = Options(),  # noqa: B008 - a frozen value
    *,
    role: Literal["server", "client"] = "server",
    host: str = "127.0.0.1",
    port: int = 0,
    dial: Dial | None = None,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """TsConnector speaking TsV2: a server as for TsV1, or a client that reconnects by itself.

    `dial` stands for the network of a client. Otherwise as `tsconnector_tsv1`.
    """
    broadcast = Broadcast(acts, timing, report, tsv2.encode, options)
    if role == "server":
        await _serve(broadcast, report, options, (host, port), task_status)
        return
    task_status.started(port)
    with plain_errors():
        async with anyio.create_task_group() as group:
            call = dial or dialler(host, port)
            where = f"{host} port {port}"
            group.start_soon(keep_calling, call, where, broadcast.attend, timing, report)
            await broadcast.play()
            if options.stay:
                report.say("Everything is sent. Staying connected.")
                await anyio.sleep_forever()
            await broadcast.farewell()
            group.cancel_scope.cancel()


async def _serve(
    broadcast: Broadcast,
    report: Report,
    options: Options,
    where: tuple[str, int],
    task_status: TaskStatus[int],
) -> None:
    host, port = where

    async def greet(stream: AnyByteStream) -> None:
        peer = peer_of(stream)
        report.say(f"{peer} has connected.")
        await broadcast.attend(stream)
        report.say(f"The connection of {peer} is closed.")

    async with await listen(host, port) as listener, anyio.create_task_group() as attending:
        async with anyio.create_task_group() as accepting:
            accepting.start_soon(listener.serve, greet, attending)
            real = port_of(listener)
            report.say(f"Listening on {host} port {real}; the script begins with a connection.")
            task_status.started(real)
            await broadcast.play()
            if options.stay:
                report.say("Everything is sent. Still listening.")
                await anyio.sleep_forever()
            # Nobody new: a peer that connects during the farewell would get half a story.
            accepting.cancel_scope.cancel()
        await broadcast.farewell()
        attending.cancel_scope.cancel()
