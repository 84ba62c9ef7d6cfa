"""Citing: what the projections chose, with the bytes in the log that said it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec

from meetlog.explanations import ExplainedLeg, ExplainedRead, ExplainedStart, Raw
from meetlog.output import readable
from meetlog.retracing import Part, Trace
from meetlog.testimony import said_at, start_said
from meetlog.tracing import trace
from meetlog.verdicts import Crossed, JudgedRead, Verdict
from projections.clock import iso_local
from projections.meet import Meet
from projections.rounding import format_cs
from projections.starts import Start
from store.log import Log
from wire.settings import LegSettings, PointSettings
from wire.timedrops import RaceKey


class Traces(msgspec.Struct, frozen=True):
    """Traced reads by what identifies them, in the order of the log, and guns by their event."""

    reads: dict[tuple[str, str, str, int, int, str, int], list[Trace]]
    guns: dict[int, list[Trace]]


def traced(
    log: Log,
    meet: Meet,
    chips: Collection[str],
    guns: Collection[int],
    progress: Callable[[int], None] | None,
) -> Traces:
    """The reads of `chips` and the guns of the events `guns`, as far as `meet` is folded."""
    found = Traces({}, {})
    for each in trace(log, meet.settings, meet.position, chips=chips, guns=guns, progress=progress):
        if each.kind == 0:
            found.guns.setdefault(each.position, []).append(each)
        else:
            found.reads.setdefault(_identity(each), []).append(each)
    return found


def _identity(t: Trace) -> tuple[str, str, str, int, int, str, int]:
    """What makes two reads one (DESIGN 5)."""
    return t.chip, t.connection.source, t.point, t.moment, t.kind, t.reader, t.antenna


class Citations:
    """Cites from the traces of one log."""

    def __init__(self, meet: Meet, traces: Traces) -> None:
        self.meet = meet
        self.traces = traces
        self.zone = meet.settings.meet.zone

    def sources(self, start: Start | None) -> set[str]:
        """What told the guns at the event of a start."""
        return {t.connection.source for t in self._guns(start)} if start else set()

    def _guns(self, start: Start) -> list[Trace]:
        return self.traces.guns.get(start.position, [])

    def start(self, key: RaceKey, start: Start | None) -> ExplainedStart | None:
        """The start of a race, None before it."""
        if start is None:
            return None
        moment = start.moment
        rulings = self.meet.rulings()
        guns = [(rulings.shifted(t.connection.source, t.moment), t) for t in self._guns(start)]
        same = [each for each in guns if each[0] == moment] or guns[:1]
        corrected, gun = same[0] if same else (moment, None)
        by = start_said(self.meet, key, start.position) if start.by_hand else None
        return ExplainedStart(
            moment=iso_local(moment, self.zone),
            moment_ns=moment,
            position=by.position if by else start.position,
            source=gun.connection.source if gun else "operator",
            feed=gun.point if gun else "",
            stamp=gun.stamp if gun else "",
            shift_ns=corrected - gun.moment if gun else 0,
            statement=by,
            raw=_raw_of(gun) if gun else None,
        )

    def leg(
        self,
        leg: LegSettings,
        crossed: Sequence[Crossed],
        reads: Sequence[ExplainedRead],
        minimum: int,
        *,
        finish: bool,
    ) -> ExplainedLeg:
        """A leg of the course, with the crossing that gives its time if one does."""
        settings = next(
            (p.settings for p in self.meet.points() if p.settings.name == leg.point),
            PointSettings(name=leg.point),
        )
        found = next(
            (c for c in crossed if (c.split.point, c.split.distance) == (leg.point, leg.distance)),
            None,
        )
        chosen = next(
            (
                r
                for r in reads
                if found is not None and found.chosen is not None
                if r.why == "chosen"
                if (r.chip, r.point, r.moment_ns, r.position)
                == (
                    found.chosen.chip,
                    found.chosen.point,
                    found.chosen.corrected,
                    found.chosen.origin,
                )
            ),
            None,
        )
        split = found.split if found else None
        return ExplainedLeg(
            point=leg.point,
            distance=leg.distance,
            passing=leg.passing,
            finish=finish,
            time_cs=split.time_cs if split else None,
            time=format_cs(split.time_cs) if split else "",
            moment=iso_local(split.moment_ns, self.zone) if split else "",
            moment_ns=split.moment_ns if split else None,
            rule=settings.rule,
            gap_ns=settings.gap,
            minimum_ns=minimum,
            reads=found.reads if found else 0,
            first=iso_local(found.first, self.zone) if found else "",
            first_ns=found.first if found else None,
            last=iso_local(found.last, self.zone) if found else "",
            last_ns=found.last if found else None,
            reason=chosen.reason if chosen else "" if found else "no crossing counts",
            chosen=chosen,
            statement=said_at(self.meet, found.sighting if found else None),
        )

    def reads(self, read: JudgedRead) -> Iterator[ExplainedRead]:
        """A distinct read, and each copy of it, as a resend."""
        key = (
            read.chip, read.source, read.wire_point, read.moment, read.detail.kind,
            read.detail.reader, read.detail.antenna,
        )  # fmt: skip
        copies = self.traces.reads.get(key, [])
        own = next(
            (t for t in copies if (t.position, t.rssi) == (read.origin, read.detail.rssi)), None
        )
        yield self._read(read, own, read.verdict)
        for each in copies:
            if each is own:
                continue
            words = f"resend: a copy of the read in event {read.origin}"
            if each.rssi != read.detail.rssi:
                words += ", with a weaker signal"
            yield self._read(read, each, Verdict("resend", words), copy=True)

    def _read(
        self, read: JudgedRead, found: Trace | None, verdict: Verdict, *, copy: bool = False
    ) -> ExplainedRead:
        return ExplainedRead(
            position=found.position if found else read.origin,
            chip=read.chip,
            point=read.point,
            source=read.source,
            feed=read.wire_point,
            kind=read.detail.kind,
            stamp=found.stamp if found else "",
            moment=iso_local(read.corrected, self.zone),
            moment_ns=read.corrected,
            shift_ns=read.corrected - read.moment,
            reader=read.detail.reader,
            antenna=read.detail.antenna,
            rssi=found.rssi if found else read.detail.rssi,
            backup=read.feed.backup,
            why=verdict.why,
            reason=verdict.reason,
            copy_of=read.origin if copy else None,
            statement=verdict.statement,
            raw=_raw_of(found) if found else None,
        )


def whole_file(log: Log, position: int) -> Raw | None:
    """A whole file in the log; None when there is no such event."""
    events = log.read(position - 1, 1)
    if not events:
        return None
    event = events[0]
    part = Part(position, 0, len(event.body))
    return _raw(event.source, "file", (part,), event.body)


def _raw_of(found: Trace) -> Raw:
    at = found.connection
    raw = _raw(at.source, at.protocol, found.parts, found.data)
    return msgspec.structs.replace(
        raw, connection=at.number, peer=at.peer, opened=at.opened, exact=found.exact
    )


def _raw(source: str, protocol: str, parts: Iterable[Part], data: bytes) -> Raw:
    text = readable(data)
    return Raw(
        source=source,
        protocol=protocol,
        connection=0,
        peer="",
        opened=0,
        parts=tuple(parts),
        text=text,
        hex=None if text is not None else data.hex(),
        exact=True,
    )
