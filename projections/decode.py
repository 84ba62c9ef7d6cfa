"""From events to facts: the recorded bytes of each connection and file, read in their language.

The state is what an unfinished frame leaves behind, per open connection, so
folding can stop after any event and go on from there.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec

from projections import relayed
from projections.clock import UTC, SourceClock
from projections.facts import (
    ChipsRead,
    Delivered,
    Fact,
    FileGone,
    Gun,
    LocationAnnounced,
    ProgramRead,
    Published,
    Quarantined,
    Reads,
    ResultRead,
    SettingsRead,
    Stated,
    StatusRead,
)
from store import event as ev
from store.event import Event, meta_of
from wire import chips, settings_file, statements, timedrops
from wire.ctp01 import ClientDecoder as Ctp01
from wire.ctp01 import to_raw_read
from wire.ctp01_marks import Marks
from wire.ctp01_messages import DataLine, RawController
from wire.errors import Malformed, WireError
from wire.reads import Plain, RawRead, ReadKind
from wire.settings import Settings
from wire.tsv1 import Decoder as TsV1
from wire.tsv2 import Decoder as TsV2

SETTINGS_SOURCE = "settings"
SEVERAL = 512  # bytes: of fewer, and of their few reads, it costs less to take one after the other
Wire = TsV1 | TsV2 | Ctp01


class Stream(msgspec.Struct):
    """One open connection: its decoder, and its last moment (see `SourceClock`)."""

    tsv1: TsV1 | None = None
    tsv2: TsV2 | None = None
    ctp01: Ctp01 | None = None
    connection_id: str = ""
    previous: int = 0
    relay: bool = False  # the peer is one that a relay feeds: nothing it says is a read

    @property
    def wire(self) -> Wire | None:
        """The decoder of the connection's protocol; None for one that this version cannot read."""
        return self.tsv1 or self.tsv2 or self.ctp01


def open_stream(protocol: str, *, relay: bool = False) -> Stream:
    """A connection that has said nothing yet."""
    if relay:
        return Stream(relay=True)
    match protocol:
        case "tsv1":
            return Stream(tsv1=TsV1())
        case "tsv2":
            return Stream(tsv2=TsV2())
        case "ctp01":
            return Stream(ctp01=Ctp01())
        case _:
            return Stream()


class Decoder(msgspec.Struct):
    """Decodes events in order of position; `settings` say how each source's stamps are read."""

    settings: Settings
    streams: dict[str, dict[int, Stream]] = {}
    marks: dict[str, Marks] = {}
    clocks: dict[str, SourceClock] = {}

    def clock(self, source: str) -> SourceClock:
        """How the stamps of `source` are to be read."""
        found = self.clocks.get(source)
        if found is None:
            configured = next((s for s in self.settings.sources if s.name == source), None)
            zone = (configured.zone if configured else "") or self.settings.meet.zone
            found = SourceClock(configured.clock if configured else "local", zone)
            self.clocks[source] = found
        return found

    def facts(self, event: Event) -> list[Fact]:
        """The facts that `event` completes, in the order of its bytes; bad bytes never raise.

        Its meta must be of its form (`store.forms`); `strange` tells of one that is not.
        """
        kind = event.kind
        if kind == ev.SOCKET_READ:
            stream = self.streams.get(event.source, {}).get(meta_of(event)["c"])
            wire = stream.wire if stream else None
            if stream is not None and stream.relay:
                return []
            if stream is None or wire is None:
                reason = "bytes of a connection in a language unknown to this version"
                return [_quarantined(event, Malformed(reason, "", "update meetlog and rebuild"))]
            plain = self._plain_facts(event, wire) if len(event.body) >= SEVERAL else None
            return plain or self._stream_facts(event, stream, wire.feed(event.body))
        if kind == ev.SOCKET_OPENED:
            meta = meta_of(event)
            stream = open_stream(meta.get("protocol", ""), relay=bool(meta.get("relay")))
            self.streams.setdefault(event.source, {})[meta["c"]] = stream
            return []
        if kind == ev.SOCKET_CLOSED:
            stream = self.streams.get(event.source, {}).pop(meta_of(event)["c"], None)
            wire = stream.wire if stream else None
            return self._stream_facts(event, stream, wire.close()) if stream and wire else []
        if kind == ev.APP_STARTED:
            return self._abandon(event)
        return self._document_facts(event)

    def is_relay(self, event: Event) -> bool:
        """Whether an event of a connection that is open is one of a relay's."""
        stream = self.streams.get(event.source, {}).get(meta_of(event)["c"])
        return stream is not None and stream.relay

    def plain(self, events: Sequence[Event]) -> Plain | None:
        """What successive pieces of one connection hold, all at once where that is simple.

        None where any piece is not just whole, plain messages with a read at
        least: `facts` takes them one by one. Nothing has happened either way;
        say with `passed` what has been taken.
        """
        first = events[0]
        stream = self.streams.get(first.source, {}).get(meta_of(first)["c"])
        wire = stream.wire if stream else None
        return wire.whole([event.body for event in events]) if wire else None

    def _plain_facts(self, event: Event, wire: Wire) -> list[Fact] | None:
        """The facts of a plain piece with plain stamps; None for another, and nothing is done."""
        plain = wire.whole((event.body,))
        if plain is None:
            return None
        usual = (UTC if plain.utc else self.clock(event.source)).usual
        moments = [*map(usual, plain.stamps)]
        if not all(moments):
            return None
        reads = _reads(event, plain.reads(), moments)
        return [reads, *self.passed(event, moments[-1], (plain.lines(),))]

    def passed(
        self, last: Event, moment: int, lines: Iterable[Mapping[str, Sequence[int]]]
    ) -> list[Fact]:
        """Go on after plain pieces up to event `last`: what `facts` would note, and have said.

        `moment` is that of their last read, `lines` what each `Plain` had.
        """
        stream = self.streams[last.source][meta_of(last)["c"]]
        stream.previous = moment
        if not stream.connection_id:
            return []
        marks = self.marks.setdefault(last.source, Marks())
        delivered: dict[str, tuple[str, str, int]] = {}
        for each in lines:
            delivered |= {mark[1]: mark for mark in marks.receive(stream.connection_id, each)}
        return [Delivered(last.position, last.source, *mark) for mark in delivered.values()]

    def _abandon(self, event: Event) -> list[Fact]:
        """End the connections that a crash left open, as `socket.closed` would have."""
        found: list[Fact] = []
        for source, streams in self.streams.items():
            told = msgspec.structs.replace(event, source=source)
            for stream in streams.values():
                if stream.wire is not None:
                    found += self._stream_facts(told, stream, stream.wire.close())
        self.streams.clear()
        return found

    def _stream_facts(self, event: Event, stream: Stream, items: list) -> list[Fact]:  # type: ignore[type-arg]  # the languages' items differ; each is told apart below
        clock = self.clock(event.source)
        found: list[Fact] = []
        raws: list[RawRead] = []
        moments: list[int] = []
        bad: dict[Malformed, int] = {}
        previous = 0
        for item in items:
            if type(item) is Malformed:
                bad[item] = bad.get(item, 0) + 1
                continue
            if type(item) is not RawRead:
                raw = self._other(event, item, found)
                if raw is None:
                    continue
            else:
                raw = item
            try:
                if raw.utc_moment:
                    moment = UTC.to_utc(raw.utc_moment, event.recorded_at)
                else:
                    moment = clock.to_utc(
                        raw.moment, event.recorded_at, previous or stream.previous
                    )
            except WireError as e:
                problem = _absurd(raw, e.problem)
                bad[problem] = bad.get(problem, 0) + 1
                if not (raw.utc_moment and raw.moment):
                    continue
                try:  # a device that never learnt UTC still has its own clock
                    moment = clock.to_utc(
                        raw.moment, event.recorded_at, previous or stream.previous
                    )
                except WireError:
                    continue
            previous = moment
            if raw.type != ReadKind.GUN:
                raws.append(raw)
                moments.append(moment)
            else:
                text = raw.utc_moment or raw.moment
                found.append(Gun(event.position, event.source, raw.timing_point, moment, text))
        found += [_quarantined(event, problem, count) for problem, count in bad.items()]
        if raws:
            found.append(_reads(event, raws, moments))
        if previous:
            stream.previous = previous
        if stream.ctp01 is not None:
            marks = self.marks.setdefault(event.source, Marks())
            stream.connection_id, delivered = marks.observe(stream.connection_id, items)
            found += [Delivered(event.position, event.source, *each) for each in delivered]
        return found

    def _other(self, event: Event, item: object, found: list[Fact]) -> RawRead | None:
        """What a language has besides plain reads: as a read, or as a fact put into `found`."""
        match item:
            case DataLine():
                if not item.is_newlocation:
                    return to_raw_read(item)
                found.append(LocationAnnounced(event.position, event.source, item.location))
            case RawController():
                return _controller_read(item)
        return None

    def _document_facts(self, event: Event) -> list[Fact]:
        try:
            match event.kind:
                case ev.FILE_CHANGED:
                    return self._file_facts(event, str(meta_of(event)["path"]))
                case ev.FILE_REMOVED:
                    return [FileGone(event.position, str(meta_of(event)["path"]))]
                case ev.STATEMENT:
                    return [Stated(event.position, statements.decode(event.body))]
                case ev.RESULT_PUBLISHED:
                    return [published(event)]
                case ev.RELAY_QUEUED:
                    return [relayed.queued(event)]
                case ev.RELAY_SENT:
                    return [relayed.sent(event)]
                case _:
                    return []
        except WireError as e:
            return [_quarantined(event, e.problem)]

    def _file_facts(self, event: Event, path: str) -> list[Fact]:
        name = path.casefold()
        position = event.position
        if event.source == SETTINGS_SOURCE:
            return [SettingsRead(position, settings_file.parse(event.body))]
        if name == timedrops.PROGRAM_FILE:
            program = timedrops.parse_program(event.body)
            return [ProgramRead(position, program), *_warnings(event, path, program.warnings)]
        if name == timedrops.STATUS_FILE:
            return [StatusRead(position, timedrops.parse_status(event.body))]
        if name == self.settings.folder.chips.casefold():
            table = chips.parse(path, event.body)
            return [
                ChipsRead(position, table.chips),
                *(_quarantined(event, w) for w in table.warnings),
            ]
        if timedrops.is_result_name(path):
            result = timedrops.parse_result(path, event.body)
            digest = sha256(event.body).hexdigest()
            return [
                ResultRead(position, path, digest, result),
                *_warnings(event, path, result.warnings),
            ]
        return []


def _reads(event: Event, raws: list[RawRead], moments: list[int]) -> Reads:
    count = len(raws)
    positions, arrivals = [event.position] * count, [event.recorded_at] * count
    return Reads(event.source, raws, moments, positions, arrivals)


def _controller_read(line: RawController) -> RawRead:
    """A controller's own line as a read. It names no location, so its reader is the feed.

    Tag numbers repeat across timers and events, so all three make the chip (PROTOCOLS 1.4).
    """
    return RawRead(
        chip=f"{line.timer}-{line.event}-{line.tag}",
        moment=line.time,
        timing_point=line.reader,
        antenna=line.port,
        source=line.reader,
        rssi=line.rssi,
        seq=line.seq,
    )


def published(event: Event) -> Published:
    """The decision in a `result.published` event; raises `WireError` for what is none."""
    told = meta_of(event) | {
        "position": event.position,
        "recorded_at": event.recorded_at,
        "type": "Published",
    }
    try:
        return msgspec.convert(told, Published)
    except msgspec.ValidationError as e:
        hint = "the log was written by another program, or by a newer meetlog"
        raise WireError(f"not a decision to publish: {e}", "", hint) from e


def strange(event: Event, problem: str) -> Quarantined:
    """An event whose meta is not of its form."""
    hint = "the log was written by another program, or by a newer meetlog"
    return Quarantined(event.position, event.source, problem, "", hint)


def _warnings(event: Event, path: str, warnings: tuple[str, ...]) -> list[Fact]:
    return [
        Quarantined(
            event.position,
            event.source,
            f"{path}: {text}",
            "",
            "it was read past; correct the file if it is wrong",
        )
        for text in warnings
    ]


def _absurd(raw: RawRead, problem: Malformed) -> Malformed:
    """A read's stamp that is no time."""
    where = f"chip {raw.chip} at {raw.timing_point}: {problem.reason}"
    return Malformed(where, problem.excerpt, problem.hint)


def _quarantined(event: Event, problem: Malformed, count: int = 1) -> Quarantined:
    path = meta_of(event).get("path", "")
    reason = f"{path}: {problem.reason}" if path else problem.reason
    return Quarantined(event.position, event.source, reason, problem.excerpt, problem.hint, count)
