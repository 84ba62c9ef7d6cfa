"""Source health: who speaks, when last, how much is new, and whether the clock makes sense."""

from statistics import median_low

import msgspec

from projections.clock import iso_local, offset_at
from projections.facts import Arrived
from projections.receipts import Receipts
from projections.views import GapSpan, SourceHealth
from store.event import Meta
from wire.settings import Settings, SourceSettings
from wire.stamps import HOUR, MINUTE, NS

# Skew is judged by the newest reads only, so that a clock that was set right stops being blamed.
SAMPLES = 51
_FEW = 5
# How far a clock may be off a whole quarter of an hour for the difference to look like a zone.
_ZONE_TOLERANCE = 5 * MINUTE
_ZONE_MOST = 15 * HOUR
# Networks and readers hold reads back for seconds, so only a clock that runs
# ahead of its own reads' arrival is certainly wrong.
_AHEAD_TOLERANCE = 2 * NS
GAPS_KEPT = 200  # a flapping link must not grow the state for ever; the log has them all
RESUMING = ("ctp01",)


class Connection(msgspec.Struct):
    """An open connection: whom it is with, and since when (ns UTC)."""

    peer: str
    since: int


class Source(msgspec.Struct):
    """What is known of one source. Times are ns UTC by our clock, 0 before the first."""

    protocol: str = ""
    role: str = ""
    connections: dict[int, Connection] = {}
    bytes: int = 0
    last_byte: int = 0
    last_read: int = 0
    received: int = 0
    guns: int = 0
    quarantined: int = 0
    skews: list[int] = []
    silent_since: int = 0
    gaps: list[tuple[int, int]] = []
    closed_reason: str = ""

    @property
    def skew(self) -> int | None:
        """The median of arrival minus stamp (ns) of the newest reads; None of too few."""
        newest = self.skews[-SAMPLES:]
        return median_low(newest) if len(newest) >= _FEW else None


class Health(msgspec.Struct):
    """All sources that spoke, by name."""

    sources: dict[str, Source] = {}
    receipts: Receipts = msgspec.field(default_factory=Receipts)

    def of(self, name: str) -> Source:
        """The source's record, made when it first speaks."""
        found = self.sources.get(name)
        if found is None:
            found = self.sources[name] = Source()
        return found

    def opened(self, name: str, meta: Meta, at: int) -> None:
        """A connection was made; a silence of a source that cannot resume ends here."""
        source = self.of(name)
        source.protocol = str(meta.get("protocol", ""))
        source.role = str(meta.get("role", ""))
        if source.silent_since and not source.connections:
            if source.protocol not in RESUMING:
                source.gaps.append((source.silent_since, at))
                del source.gaps[:-GAPS_KEPT]
            source.silent_since = 0
        connection, peer = int(meta["c"]), str(meta.get("peer", ""))
        source.connections[connection] = Connection(peer, at)
        source.closed_reason = ""
        if source.received > source.guns:
            self.receipts.opened(name, connection, peer, at, source.skew or 0)

    def closed(self, name: str, c: int, reason: str, at: int) -> None:
        """A connection ended."""
        self.receipts.closed(name, c, at)
        source = self.of(name)
        if source.connections.pop(c, None) is not None and not source.connections:
            source.silent_since = at
        source.closed_reason = reason

    def restarted(self, at: int) -> None:
        """The program started: connections that were never closed ended with the run before.

        When exactly is not known, so a gap counts from the last that was heard of them.
        """
        self.receipts.restarted(at)
        for source in self.sources.values():
            if source.connections:
                begun = max(c.since for c in source.connections.values())
                source.silent_since = min(at, max(source.last_byte, begun))
                source.connections.clear()
                source.closed_reason = "meetlog stopped without closing the connection"

    def read(self, reads: Arrived, known: list[int] | None = None, connection: int = 0) -> None:
        """Reads of a connection arrived; `known` has the event of each that was a copy.

        The last of a piece has waited least, so it tells the clock's skew.
        """
        source = self.of(reads.source)
        at = source.connections.get(connection)
        if known is not None and at is not None:  # else the end of a connection completed them
            self.receipts.read(reads, known, connection, at.peer)
        source.received += reads.size
        newest = list(reads.spans(SAMPLES))
        source.last_read = newest[-1].arrival
        source.skews += [span.arrival - int(reads.moments[span.end - 1]) for span in newest]
        if len(source.skews) > 20 * SAMPLES:
            del source.skews[:-SAMPLES]

    def view(self, name: str, settings: Settings, distinct: int) -> SourceHealth:
        """The source as people see it; it brought `distinct` different reads, guns not counted."""
        s = self.sources.get(name) or Source()
        configured = next((c for c in settings.sources if c.name == name), None)
        zone = settings.meet.zone
        gaps = [GapSpan(iso_local(a, zone), a, iso_local(b, zone), b) for a, b in s.gaps]
        if s.silent_since and s.protocol not in RESUMING:
            gaps.append(GapSpan(iso_local(s.silent_since, zone), s.silent_since, "", None))
        skew = s.skew
        return SourceHealth(
            source=name,
            protocol=s.protocol or (configured.protocol if configured else ""),
            state=_state(s),
            peers=tuple(sorted(c.peer for c in s.connections.values())),
            bytes=s.bytes,
            last_byte=iso_local(s.last_byte or None, zone),
            last_byte_ns=s.last_byte or None,
            last_read=iso_local(s.last_read or None, zone),
            last_read_ns=s.last_read or None,
            received=s.received,
            known=s.received - s.guns - distinct,
            new=s.guns + distinct,
            quarantined=s.quarantined,
            skew_ms=None if skew is None else skew // 1_000_000,
            gaps=tuple(gaps),
            warning="" if skew is None else clock_warning(name, skew, s.last_read, settings),
        )


def _state(source: Source) -> str:
    if source.connections:
        return "connected"
    if source.closed_reason:
        return f"disconnected: {source.closed_reason}"
    return "never connected" if not source.bytes else "disconnected"


def clock_warning(name: str, skew: int, at: int, settings: Settings) -> str:
    """What a skew (arrival minus moment, ns) says about a source's clock, in words; "" if nothing.

    A skew that is the zone's own offset means that local and UTC were mixed up.
    """
    configured = next((c for c in settings.sources if c.name == name), None) or SourceSettings(
        name, "tsv1", "client", 0
    )
    offset = offset_at(configured.zone or settings.meet.zone, at)
    if offset and configured.clock == "local" and abs(skew - offset) < _ZONE_TOLERANCE:
        return f"{name} appears to send UTC, but is set to local"
    if offset and configured.clock == "utc" and abs(skew + offset) < _ZONE_TOLERANCE:
        return f"{name} appears to send local time, but is set to utc"
    quarter = 15 * MINUTE
    steps = (skew + quarter // 2) // quarter
    if abs(steps) >= 2 and abs(skew) < _ZONE_MOST and abs(skew - steps * quarter) < MINUTE:
        hours, minutes = divmod(abs(steps) * 15, 60)
        side = "behind" if skew > 0 else "ahead of"
        return f"{name} runs {hours} h {minutes:02d} min {side} this computer: check its time zone"
    if skew < -_AHEAD_TOLERANCE:
        return (
            f"{name} stamps reads {-skew // NS} s in the future: set its clock, or this computer's"
        )
    return ""
