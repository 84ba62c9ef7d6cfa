"""Tracing: from a read back to the bytes in the log that said it, by position and offset.

The connections' bytes are decoded again, from their openings on, by the decoder
of the projections; `retracing` finds the bytes of a read in the event that
completed it, and in those before.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from meetlog.retracing import Bench, Connection, Part, Trace, Wanted, copy_of, held_by
from projections.decode import Decoder
from projections.facts import Gun, Reads
from store.event import (
    APP_STARTED,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    Event,
    meta_of,
)
from store.forms import misfit
from store.log import Log
from wire.reads import RawRead
from wire.settings import Settings

_PAGE = 2000  # events read from the log at once
_KINDS = (SOCKET_OPENED, SOCKET_READ, SOCKET_CLOSED, APP_STARTED)


class _Line(msgspec.Struct):
    """An open connection, and the bytes that its decoder holds, each piece with its place."""

    connection: Connection
    held: list[tuple[Part, bytes]] = []


class _Asked(msgspec.Struct, frozen=True):
    """What is to be traced, and by which settings."""

    settings: Settings
    chips: Collection[str]
    guns: Collection[int]


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
            if not misfit(event.kind, event.meta):  # it is quarantined where it is folded
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
    before = copy_of(stream)
    wanted = list(_wanted(decoder.facts(event), asked))
    held = line.held
    line.held = _last(
        [*held, (Part(event.position, 0, len(event.body)), event.body)], held_by(stream)
    )
    if not wanted or before is None:
        return
    bench = Bench(asked.settings, line.connection, before, event)
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
    before = None if stream is None else copy_of(stream)
    if before is None or not line.held:
        return
    bench = Bench(asked.settings, line.connection, before, event)
    for each in _wanted(bench.closing(), asked):
        yield bench.trace(each, line.held, each.number)


def _wanted(facts: Sequence[object], asked: _Asked) -> Iterator[Wanted]:
    number = 0
    for fact in facts:
        if isinstance(fact, Reads):
            for at, (raw, moment) in enumerate(zip(fact.raws, fact.moments, strict=True)):
                if str(raw.chip) in asked.chips:
                    yield Wanted(False, at, raw, moment)
        elif isinstance(fact, Gun):
            if fact.position in asked.guns:
                yield Wanted(True, number, RawRead("", fact.raw, fact.feed, 0), fact.moment)
            number += 1


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
