"""Tracing: from a read back to the bytes in the log that said it, by position and offset.

The connection's bytes are decoded again, from its opening on, by the decoder
of the projections. Where a read was completed is found by feeding that
decoder shorter and shorter beginnings of the event: what it gives depends on
the bytes alone, never on how they were cut. What it then holds is the message
so far. Every trace is checked: its bytes, decoded alone, give the same read.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from projections.decode import Decoder, Stream, open_stream
from projections.facts import Gun, Reads
from store.event import (
    APP_STARTED,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    Event,
    meta_of,
    pack_meta,
)
from store.log import Log
from wire.reads import RawRead
from wire.settings import Settings

_PAGE = 2000  # events read from the log at once
_KINDS = (SOCKET_OPENED, SOCKET_READ, SOCKET_CLOSED, APP_STARTED)
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


class _Line(msgspec.Struct):
    """An open connection, and the bytes that its decoder holds, each piece with its place."""

    connection: Connection
    held: list[tuple[Part, bytes]] = []


class _Asked(msgspec.Struct, frozen=True):
    """What is to be traced, and by which settings."""

    settings: Settings
    chips: Collection[str]
    guns: Collection[int]


class _Wanted(msgspec.Struct, frozen=True):
    """The `number`th read (or gun) that an event completed: what it says, and when it was."""

    gun: bool
    number: int
    raw: RawRead
    moment: int


def trace(
    log: Log,
    settings: Settings,
    until: int,
    *,
    chips: Collection[str] = (),
    guns: Collection[int] = (),
    progress: Callable[[int], None] | None = None,
) -> Iterator[Trace]:
    """Every read of `chips`, copies included, and every gun that the events `guns` completed.

    In the order of the log, up to event `until`; `settings` say how stamps
    are read. Goes through the log once.
    """
    asked = _Asked(settings, chips, guns)
    decoder = Decoder(settings)
    lines: dict[tuple[str, int], _Line] = {}
    for event in _events(log, until):
        if progress is not None and event.kind != SOCKET_READ:
            progress(event.position)
        meta = meta_of(event)
        if event.kind == SOCKET_OPENED:
            decoder.facts(event)
            line = _Line(_connection(event))
            lines[event.source, line.connection.number] = line
            continue
        if event.kind == APP_STARTED:
            # A crash left these open: what they held ends here.
            for key in list(lines):
                yield from _ended(decoder, lines.pop(key), event, asked)
            decoder.facts(event)
            continue
        key = (event.source, int(meta["c"]))
        known = lines.get(key)
        if known is None:
            decoder.facts(event)  # bytes of a connection that was never opened are quarantined
        elif event.kind == SOCKET_CLOSED:
            yield from _ended(decoder, lines.pop(key), event, asked)
            decoder.facts(event)
        else:
            yield from _received(decoder, known, event, asked)


def _events(log: Log, until: int) -> Iterator[Event]:
    after = 0
    while events := log.read(after, _PAGE, kinds=_KINDS):
        for event in events:
            after = event.position
            if after > until:
                return
            yield event


def _connection(event: Event) -> Connection:
    meta = meta_of(event)
    return Connection(
        event.source,
        int(meta["c"]),
        str(meta.get("protocol", "")),
        str(meta.get("peer", "")),
        event.position,
    )


def _received(
    decoder: Decoder,
    line: _Line,
    event: Event,
    asked: _Asked,
) -> Iterator[Trace]:
    stream = decoder.streams[event.source][line.connection.number]
    before = _copy(stream)
    wanted = list(_wanted(decoder.facts(event), asked))
    held = line.held
    line.held = _last(
        [*held, (Part(event.position, 0, len(event.body)), event.body)], _held(stream)
    )
    if not wanted or before is None:
        return
    bench = _Bench(asked.settings, line.connection, before, event)
    for each in wanted:
        end = bench.end_of(each)
        begin = bench.held_before(end)
        pieces = [*held, (Part(event.position, 0, end), event.body[:end])]
        message = _last(pieces, begin + 1)
        first = bench.count(each.gun, end - 1)
        yield bench.trace(each, message, each.number - first)


def _ended(
    decoder: Decoder,
    line: _Line,
    event: Event,
    asked: _Asked,
) -> Iterator[Trace]:
    """What the end of a connection completed: a last message without its end."""
    stream = decoder.streams.get(line.connection.source, {}).get(line.connection.number)
    before = None if stream is None else _copy(stream)
    if before is None or not line.held:
        return
    bench = _Bench(asked.settings, line.connection, before, event)
    for each in _wanted(bench.closing(), asked):
        yield bench.trace(each, line.held, each.number)


def _wanted(facts: Sequence[object], asked: _Asked) -> Iterator[_Wanted]:
    number = 0
    for fact in facts:
        if isinstance(fact, Reads):
            for at, (raw, moment) in enumerate(zip(fact.raws, fact.moments, strict=True)):
                if str(raw.chip) in asked.chips:
                    yield _Wanted(False, at, raw, moment)
        elif isinstance(fact, Gun):
            if fact.position in asked.guns:
                yield _Wanted(True, number, RawRead("", fact.raw, fact.feed, 0), fact.moment)
            number += 1


class _Bench:
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

    def end_of(self, wanted: _Wanted) -> int:
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
        return _held(stream)

    def trace(self, wanted: _Wanted, message: list[tuple[Part, bytes]], number: int) -> Trace:
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

    def _says(self, data: bytes, wanted: _Wanted, at: int) -> bool:
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


def _held(stream: Stream) -> int:
    wire = stream.wire
    return 0 if wire is None else len(wire.held)


def _copy(stream: Stream) -> bytes | None:
    """The connection's state, to go on from as often as needed; None where nothing can be read."""
    return None if stream.wire is None else msgspec.msgpack.encode(stream)


_streams = msgspec.msgpack.Decoder(Stream)


def _load(state: bytes) -> Stream:
    return _streams.decode(state)


def _last(pieces: Sequence[tuple[Part, bytes]], size: int) -> list[tuple[Part, bytes]]:
    """The last `size` bytes of some pieces; each has its place in a body, and that body."""
    found: list[tuple[Part, bytes]] = []
    for part, body in reversed(pieces):
        if size <= 0:
            break
        length = min(size, part.length)
        if length:
            cut = Part(part.position, part.offset + part.length - length, length)
            found.append((cut, body))
        size -= length
    return found[::-1]


def _cut(parts: Sequence[Part], begin: int, end: int) -> Iterator[Part]:
    """The parts of bytes `begin` to `end` of what the parts are joined."""
    at = 0
    for part in parts:
        first, last = max(begin, at), min(end, at + part.length)
        if first < last:
            yield Part(part.position, part.offset + first - at, last - first)
        at += part.length
