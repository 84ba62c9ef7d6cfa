"""TsConnector or SimpleClient speaking CTP01: it calls a scoring program, which may resume.

The lines outlast a connection in a buffer; where the scoring program asks to
go on, they are sent again from there (PROTOCOLS 1.6).
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256

import anyio
import msgspec
from anyio.abc import AnyByteStream, TaskStatus

from meetlog.simulate.playing import (
    FAREWELL,
    GONE,
    Changes,
    Dial,
    Sending,
    dialler,
    keep_calling,
    messages,
    peer_of,
    plain_errors,
)
from meetlog.simulate.report import Report, Sent
from meetlog.simulate.script import Act, SimulateError, length_of, point_of
from meetlog.simulate.timing import Timing
from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_messages import GUNTIME, NEWLOCATION, DataLine
from wire.ctp01_shelf import seq_of
from wire.errors import WireError
from wire.reads import RawRead, ReadKind

BUFFER = 100_000  # lines of a location; an overlong absence can lose the oldest (PROTOCOLS 1.6)
RECENT = 1000  # lines of which a duplicate may still be sent
PIECE = 32_768  # bytes sent at once where many lines are due
NEW_READER = "000000"  # nobody's, for the announcement of a location


class Behaviour(msgspec.Struct, frozen=True):
    """How the timing side behaves.

    `client` says who it is and how it reads `start~loc~seq`. `announced` are
    the points known from the beginning; others appear by `newlocation` with
    their first line. `new_connection_id` makes every connection a new one.
    `stay`: remain connected when all is sent.
    """

    client: ClientOptions = ClientOptions(connection_id="simulated")
    announced: tuple[str, ...] | None = None
    new_connection_id: bool = False
    buffer: int = BUFFER
    stay: bool = False


class Controller:
    """A script that goes to one scoring program, over as many connections as it takes."""

    def __init__(
        self, acts: Sequence[Act], timing: Timing, report: Report, behaviour: Behaviour
    ) -> None:
        self._acts = acts
        self._timing = timing
        self._report = report
        self._behaviour = behaviour
        points = dict.fromkeys(point_of(act) for act in acts if act.is_read)
        known = points if behaviour.announced is None else behaviour.announced
        self._buffer = LineBuffer(behaviour.buffer, known)
        self._count: Counter[str] = Counter()  # lines of each location so far
        self._session: ClientSession | None = None
        self._stream: AnyByteStream | None = None
        self._sent = Sent("")
        self._recent: deque[tuple[RawRead, bytes]] = deque(maxlen=RECENT)
        self._sending = anyio.Lock()
        self._changes = Changes()

    async def attend(self, stream: AnyByteStream) -> None:
        """Hold one conversation. Raises `SimulateError` when it cannot lead anywhere."""
        sent = self._report.open(peer_of(stream))
        async with stream:
            try:
                await self._converse(stream, sent)
            except GONE:
                pass
            finally:
                self._session = self._stream = None
                self._recent.clear()
                self._changes.tell()

    async def play(self) -> None:
        """Send the whole script; return when the scoring program has got all of it."""
        await self._changes.until(self._wanted)
        await self._timing.begin(length_of(self._acts))
        for message in messages(self._acts):
            await self._timing.until(message.at)
            if not message.reads:
                async with self._sending:
                    await self._cut(b"")
            for sending in message.reads:
                await self._perform(sending, cut=message.cut)
        if not self._complete():
            late = [p for p in self._buffer.locations if not self._has_got(p)]
            self._report.say(f"All is ready. Waiting to be asked for {', '.join(late)}.")
        await self._changes.until(self._complete)

    async def farewell(self) -> None:
        """Close the connection in good order."""
        with anyio.move_on_after(FAREWELL):
            if self._stream is not None:
                await self._stream.send_eof()
            await self._changes.until(lambda: self._stream is None)

    async def _converse(self, stream: AnyByteStream, sent: Sent) -> None:
        options = self._behaviour.client
        if self._behaviour.new_connection_id and options.connection_id is not None:
            number = len(self._report.connections)
            fresh = sha256(f"{options.connection_id}/{number}".encode()).hexdigest()[:32]
            options = msgspec.structs.replace(options, connection_id=fresh)
        session = ClientSession(options, self._buffer)
        async with self._sending:
            self._session, self._stream, self._sent = session, stream, sent
            await self._send(session.greeting())
        while True:
            data = await stream.receive()
            async with self._sending:
                reply = session.receive(data)
                await self._send(reply.send)
                for piece in self._due_pieces(session):
                    await self._send(piece)
                # Only now: what it was told of is on its way.
                self._changes.tell()
            if reply.close:
                raise SimulateError(
                    f"No conversation with {sent.peer}: {reply.close}."
                    " Check that a CTP01 scoring program listens there, and user and password."
                )

    async def _send(self, data: bytes, reads: int = 0) -> None:
        if data and self._stream is not None:
            await self._stream.send(data)
            self._sent.note(data, reads)

    def _due_pieces(self, session: ClientSession) -> Iterator[bytes]:
        """All that is due now, in pieces."""
        piece = bytearray()
        for data in due_lines(session, self._buffer):
            piece += data
            if len(piece) >= PIECE:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    def _has_got(self, location: str) -> bool:
        if self._session is None:
            return False
        return self._session.reached(location) == self._buffer.span(location)[1]

    def _wanted(self) -> bool:
        """Whether anybody wants our lines: has asked for a location, or would if there were one."""
        session = self._session
        if session is None or session.stage != "running":
            return False
        locations = self._buffer.locations
        return not locations or any(session.reached(each) is not None for each in locations)

    def _complete(self) -> bool:
        return self._session is not None and all(map(self._has_got, self._buffer.locations))

    async def _perform(self, sending: Sending, *, cut: bool) -> None:
        read = self._timing.read(sending.what)
        async with self._sending:
            data = self._again(read) if sending.copy else self._add(read)
            if cut:
                await self._cut(data)
            else:
                # The line is in the buffer, and `attend` will notice.
                with suppress(*GONE):
                    await self._send(data, 1 if data else 0)
        self._report.played(1, int(sending.copy))

    async def _cut(self, data: bytes) -> None:
        self._report.cuts += 1
        stream = self._stream
        if stream is None:
            return
        with suppress(*GONE):
            await self._send(data[: len(data) // 2])
        self._report.say("The connection is cut in the middle of a line, as planned.")
        self._sent.cut = True
        self._session = self._stream = None
        await stream.aclose()

    def _add(self, read: RawRead) -> bytes:
        """A new line, after the announcement of its location where that is new."""
        location = read.timing_point
        data = b""
        if location not in self._buffer.locations:
            announcement = msgspec.structs.replace(
                read, chip=NEWLOCATION, type=int(ReadKind.BEST_SEEN), antenna=0, source=NEW_READER
            )
            data = self._keep(announcement, lap=0)
        line = self._keep(read, lap=0 if read.type == ReadKind.GUN else read.lap or 1)
        self._recent.append((read, line))
        return data + line

    def _keep(self, read: RawRead, *, lap: int) -> bytes:
        """Keep a line; what is to be sent now."""
        location = read.timing_point
        self._count[location] += 1
        line = DataLine(
            "CT01_33",
            seq_of(self._count[location]),
            location,
            GUNTIME if read.type == ReadKind.GUN else str(read.chip),
            read.moment or read.utc_moment,
            lap,
            read.source or NEW_READER,
            read.antenna,
        )
        try:
            self._buffer.add(line)
        except WireError as e:
            raise SimulateError(
                f"A read of {location} cannot be sent by CTP01: {e}."
                " Choose other names for points, chips and readers."
            ) from e
        if self._session is None:
            return b""
        announcement = self._session.announce(line) if line.is_newlocation else b""
        return announcement + b"".join(due_lines(self._session, self._buffer))

    def _again(self, read: RawRead) -> bytes:
        """The bytes of a line sent lately in this connection, seq and all: a duplicate."""
        return next((data for sent, data in reversed(self._recent) if sent == read), b"")


async def tsconnector_ctp01(
    acts: Sequence[Act],
    timing: Timing,
    report: Report,
    behaviour: Behaviour = Behaviour(),  # noqa: B008 - a frozen value
    *,
    host: str = "127.0.0.1",
    port: int = 61611,
    dial: Dial | None = None,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """A timing system that calls a scoring program and sends it a script.

    The script begins once the scoring program has started a location. Returns
    when it has been sent everything, over however many connections; with
    `stay` only when cancelled. `dial` stands for the network. Raises
    `SimulateError` when the conversation can lead nowhere.
    """
    controller = Controller(acts, timing, report, behaviour)
    where = f"{host} port {port}"
    task_status.started(port)
    with plain_errors():
        async with anyio.create_task_group() as group:
            call = dial or dialler(host, port)
            group.start_soon(keep_calling, call, where, controller.attend, timing, report)
            await controller.play()
            if behaviour.stay:
                report.say("Everything is sent. Staying connected.")
                await anyio.sleep_forever()
            await controller.farewell()
            group.cancel_scope.cancel()
