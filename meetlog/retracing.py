"""Retracing: one event of a connection decoded again, to find the bytes of a read in it.

Where a read was completed is found by feeding the decoder shorter and shorter
beginnings of the event: what it gives depends on the bytes alone, never on
how they were cut. What it then holds is the message so far. Every trace is
checked: its bytes, decoded alone, give the same read.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from projections.decode import Decoder, Stream, open_stream
from projections.facts import Gun, Reads
from store.event import SOCKET_CLOSED, SOCKET_READ, Event, pack_meta
from wire.reads import RawRead
from wire.settings import Settings

# The strings and brackets of JSON; what lies in a string opens and closes nothing.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


class Part(msgspec.Struct, frozen=True):
    """`length` bytes at `offset` of the body of event `position`."""

    position: int
    offset: int
    length: int


class Connection(msgspec.Struct, frozen=True):
    """What brought bytes: its source, its number, whom it was with, and where it was opened."""

    source: str
    number: int
    protocol: str
    peer: str
    opened: int


class Trace(msgspec.Struct, frozen=True):
    """A read or a gun, and its bytes.

    `position` is the event that completed it, `moment` (ns UTC) what its stamp says without any
    correction. `parts` joined are `data`, the smallest piece that says it: an object of a JSON
    message, or a line with its end. `exact` is false when those bytes, decoded alone, do not
    give the read again.
    """

    position: int
    connection: Connection
    chip: str
    point: str
    kind: int
    moment: int
    stamp: str
    reader: str
    antenna: int
    rssi: int | float | None
    parts: tuple[Part, ...]
    data: bytes
    exact: bool


class Wanted(msgspec.Struct, frozen=True):
    """The `number`th read (or gun) that an event completed: what it says, and when it was."""

    gun: bool
    number: int
    raw: RawRead
    moment: int


class Bench:
    """Decodes beginnings of one event, as the connection's decoder would have."""

    def __init__(
        self, settings: Settings, connection: Connection, before: bytes, event: Event
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._before = before
        self._event = msgspec.structs.replace(event, source=connection.source)

    def _decoder(self, stream: Stream) -> Decoder:
        here = {self._connection.source: {self._connection.number: stream}}
        return Decoder(self._settings, here)

    def _feed(self, stream: Stream, data: bytes) -> list[object]:
        event = msgspec.structs.replace(
            self._event, kind=SOCKET_READ, body=data, meta=pack_meta(c=self._connection.number)
        )
        return list(self._decoder(stream).facts(event))

    def _close(self, stream: Stream) -> list[object]:
        event = msgspec.structs.replace(
            self._event, kind=SOCKET_CLOSED, body=b"", meta=pack_meta(c=self._connection.number)
        )
        return list(self._decoder(stream).facts(event))

    def closing(self) -> list[object]:
        """What the connection's end gives."""
        return self._close(_load(self._before))

    def count(self, gun: bool, length: int) -> int:
        """How many guns, or reads, the first `length` bytes of the event complete."""
        facts = self._feed(_load(self._before), self._event.body[:length])
        if gun:
            return sum(isinstance(fact, Gun) for fact in facts)
        return sum(len(fact.raws) for fact in facts if isinstance(fact, Reads))

    def end_of(self, wanted: Wanted) -> int:
        """After how many bytes of the event the read is complete."""
        least, most = 1, len(self._event.body)
        while least < most:
            middle = (least + most) // 2
            if self.count(wanted.gun, middle) > wanted.number:
                most = middle
            else:
                least = middle + 1
        return least

    def held_before(self, end: int) -> int:
        """How many bytes of the message that ends with byte `end` came before that byte."""
        stream = _load(self._before)
        self._feed(stream, self._event.body[: end - 1])
        return held_by(stream)

    def trace(self, wanted: Wanted, message: list[tuple[Part, bytes]], number: int) -> Trace:
        """The trace of the message's `number`th gun or read, from the least bytes that say it."""
        data = b"".join(body[p.offset : p.offset + p.length] for p, body in message)
        begin, end = 0, len(data)
        exact = False
        for begin, end, at in self._pieces(data, wanted.gun, number):
            if self._says(data[begin:end], wanted, at):
                exact = True
                break
        else:
            begin, end = 0, len(data)
        raw = wanted.raw
        return Trace(
            position=self._event.position,
            connection=self._connection,
            chip=str(raw.chip),
            point=raw.timing_point,
            kind=raw.type,
            moment=wanted.moment,
            stamp=raw.utc_moment or raw.moment,
            reader=raw.source,
            antenna=raw.antenna,
            rssi=raw.rssi,
            parts=tuple(_cut([p for p, _ in message], begin, end)),
            data=data[begin:end],
            exact=exact,
        )

    def _pieces(self, data: bytes, gun: bool, number: int) -> Iterator[tuple[int, int, int]]:
        """Where the read may be, best first, and which read of that piece it then is."""
        if self._connection.protocol != "ctp01":
            before = 0
            for begin, end in objects_in(data):
                count = len(self._alone(data[begin:end], gun))
                if before <= number < before + count:
                    yield begin, end, number - before
                before += count
        yield 0, len(data), number

    def _alone(self, data: bytes, gun: bool) -> list[RawRead]:
        """The reads (or guns) that these bytes give on a connection of their own."""
        stream = open_stream(self._connection.protocol)
        facts = [*self._feed(stream, data), *self._close(stream)]
        if gun:
            return [RawRead("", f.raw, f.feed, 0) for f in facts if isinstance(f, Gun)]
        return [raw for f in facts if isinstance(f, Reads) for raw in f.raws]

    def _says(self, data: bytes, wanted: Wanted, at: int) -> bool:
        return self._alone(data, wanted.gun)[at : at + 1] == [wanted.raw]


def objects_in(message: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of each outermost JSON object in a message, whole ones only."""
    depth = start = 0
    for token in _TOKEN.finditer(message):
        first = message[token.start()]
        if first in b"[{" and (depth or first == ord("{")):
            if not depth:
                start = token.start()
            depth += 1
        elif first in b"]}" and depth:
            depth -= 1
            if not depth:
                yield start, token.end()


def held_by(stream: Stream) -> int:
    """How many bytes the connection's decoder holds."""
    wire = stream.wire
    return 0 if wire is None else len(wire.held)


def copy_of(stream: Stream) -> bytes | None:
    """The connection's state, to go on from as often as needed; None where nothing can be read."""
    return None if stream.wire is None else msgspec.msgpack.encode(stream)


_streams = msgspec.msgpack.Decoder(Stream)


def _load(state: bytes) -> Stream:
    return _streams.decode(state)


def _cut(parts: Sequence[Part], begin: int, end: int) -> Iterator[Part]:
    """The parts of bytes `begin` to `end` of what the parts are joined."""
    at = 0
    for part in parts:
        first, last = max(begin, at), min(end, at + part.length)
        if first < last:
            yield Part(part.position, part.offset + first - at, last - first)
        at += part.length
