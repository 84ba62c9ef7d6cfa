"""The meet: every projection of one log together, fed events in order, asked for views.

`feed` takes events; `settle` works out what they changed; views show it. The
state is a function of the events alone: feeding them in any batches, saving
and loading in between, gives the same views.
"""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO

import msgspec

from projections import attention
from projections.clock import iso_local
from projections.crossings import SEEN, SEEN_BY, Corrections, Passing, Point
from projections.decode import Decoder
from projections.derived import Changes, Derived, Settled
from projections.intake import Intake, Pending, State
from projections.pausing import collection_paused
from projections.reads import POSITION_BITS, ByChip, Detail, load, save
from projections.relay_health import relay_alarms, relay_health
from projections.rulings import Rulings
from projections.saving import Read, SavedStateDamaged, pack, unpack
from projections.starts import Starts, next_race
from projections.views import (
    Alarm,
    Crossing,
    QuarantineEntry,
    Race,
    RelayHealth,
    Revision,
    SourceHealth,
)
from store.event import Event
from wire.reads import ReadKind
from wire.settings import Settings
from wire.timedrops import RaceKey

__all__ = ["DEFAULTS", "VERSION", "Changes", "Meet", "State"]

VERSION = 11  # raise it whenever the same events would give another state
DEFAULTS = Settings()
_Head = tuple[State, Settled | None, dict[str, int]]


class Meet:
    """All projections of one log."""

    def __init__(self, settings: Settings = DEFAULTS, *, pinned_until: int = 0) -> None:
        """A fold at position 0; settings recorded up to `pinned_until` are passed over."""
        self._begin(State(settings, Decoder(settings), pinned_until))

    def _begin(self, state: State) -> None:
        self.state = state
        self._derived = Derived(state)
        self._intake = Intake(state, self._derived.crossed.foresee)

    # -- feeding ---------------------------------------------------------

    @property
    def position(self) -> int:
        """The position of the last event fed."""
        return self.state.position

    @property
    def settings(self) -> Settings:
        """The settings by which this fold interprets the log."""
        return self.state.settings

    @property
    def stale(self) -> bool:
        """Whether the log changed the settings by which its earlier stamps are read.

        The newest settings interpret the whole log, so it must then be folded
        again from its start (`projections.folding` does).
        """
        return self._intake.stale

    def feed(self, events: Iterable[Event]) -> None:
        """Fold events, which must follow `position` without a gap."""
        self._intake.feed(events)

    def settle(self) -> Changes:
        """Work out what the events since the last `settle` changed."""
        changes = self._derived.settle(self._intake.pending)
        self._intake.pending = Pending.nothing()
        return changes

    def everything(self) -> Changes:
        """All that a `settle` has found so far, as if it had been found just now."""
        return self._derived.everything()

    # -- views -----------------------------------------------------------

    def races(self) -> list[Race]:
        """All races in program order."""
        return sorted(
            self._derived.races.values(),
            key=lambda r: (r.session_number, r.order, r.heat, r.session, r.event),
        )

    def race(self, key: RaceKey) -> Race | None:
        """One race, None if the log knows none."""
        return self._derived.races.get(key)

    def next_race(self) -> RaceKey | None:
        """The heat that the next gun would start."""
        state = self.state
        return next_race(
            state.startlist,
            state.calls,
            self._derived.starts,
            self._derived.rulings,
            state.position,
        )

    def current_race(self) -> RaceKey | None:
        """The heat in the water: the last one started, until it is complete; else the next one."""
        running = [
            (start.moment, key)
            for key, start in self._derived.starts.by_race.items()
            if key in self._derived.races and self._derived.races[key].state == "started"
        ]
        latest = max((s.moment for s in self._derived.starts.by_race.values()), default=None)
        if running and max(running)[0] == latest:
            return max(running)[1]
        return self.next_race() or (max(running)[1] if running else None)

    def crossings(
        self, chips: Iterable[str] | None = None, point: str | None = None, *, after: int = 0
    ) -> list[Crossing]:
        """Crossings in order of moment; of some chips or one point only, if given.

        With `after`, those whose chosen read came with a later event.
        """
        found = [
            self.crossing(chip, name, passing)
            for chip in (self.chips() if chips is None else chips)
            for name, each in self.passings(chip).items()
            if point is None or name == point
            for passing in each
            if passing.position > after
        ]
        return sorted(found, key=lambda c: (c.moment_ns, c.point, c.chip))

    def chips(self) -> tuple[str, ...]:
        """The chips that have crossings."""
        return self._derived.crossed.chips()

    def passings(self, chip: str) -> Mapping[str, Sequence[Passing]]:
        """The crossings of a chip in their smallest form, by point, each in order of moment."""
        return self._derived.crossed.passings(chip)

    def crossing(self, chip: str, point: str, p: Passing) -> Crossing:
        """The view of one crossing, as a `settle` found it."""
        reads = self.state.reads
        if p.feed == SEEN.id:
            source, feed, detail = SEEN_BY, "", Detail(ReadKind.BEST_SEEN, "", 0, None)
        else:
            source, feed = reads.feeds[p.feed]
            detail = reads.details[p.origin >> POSITION_BITS]
        return Crossing(
            chip=chip,
            point=point,
            moment=iso_local(p.moment, self.state.settings.meet.zone),
            moment_ns=p.moment,
            provisional=p.provisional,
            reads=p.reads,
            position=p.position,
            first_ns=p.first,
            last_ns=p.last,
            feed=feed,
            source=source,
            reader=detail.reader,
            antenna=detail.antenna,
            rssi=detail.rssi,
            backup=p.backup,
            swimmer=self._derived.owner_at(chip, p.moment)[1],
        )

    def name_of(self, swimmer: str) -> str:
        """First and last name of a swimmer by id, "" for somebody the program does not know."""
        return self.state.startlist.name_of(swimmer)

    def sources(self) -> list[SourceHealth]:
        """Every source that is configured or has spoken, by name."""
        names = {s.name for s in self.state.settings.sources} | set(self.state.health.sources)
        state = self.state
        return [
            state.health.view(name, state.settings, state.reads.size(name))
            for name in sorted(names)
        ]

    def relays(self) -> list[RelayHealth]:
        """Every relay that is configured or has done something, by name."""
        state = self.state
        names = {r.name for r in state.settings.relays} | set(state.relays.relays)
        return [relay_health(state.relays, name, state.settings) for name in sorted(names)]

    def quarantine(self) -> list[QuarantineEntry]:
        """What arrived and could not be used, and the chips and points that nobody knows."""
        return [
            *self.state.quarantine.views(),
            *attention.unknown_points(
                self.state.reads, self._derived.crossed.points, self.settings, self._derived.rulings
            ),
            *self._derived.unknown_chips(),
        ]

    def revisions(self, *, after: int = 0, newest: int | None = None) -> list[Revision]:
        """The revisions, ours and a console's, in the order of the log.

        All, or those of events later than `after`, or the `newest` so many.
        """
        zone = self.state.settings.meet.zone
        return self.state.revisions.views(zone, after=after, newest=newest)

    def points(self) -> Sequence[Point]:
        """The timing points, those of the settings first."""
        return tuple(self._derived.crossed.points.values())

    def point_of(self, source: str, feed: str) -> str:
        """The timing point that a feed belongs to; its own name, or a like one, where to none."""
        return self._derived.point_of(source, feed)

    def starts(self) -> Starts:
        """Which heats started when, and which guns started none."""
        return self._derived.starts

    def rulings(self) -> Rulings:
        """What the statements in force amount to."""
        return self._derived.rulings

    def owner_at(self, chip: str, moment: int) -> tuple[int, str]:
        """Since when (ns UTC, 0 for ever) a read chip was whose it was at a moment, and whose.

        A swimmer's id, "" for nobody's.
        """
        return self._derived.owner_at(chip, moment)

    def chips_of(self, swimmer: str) -> tuple[str, ...]:
        """The chips of a swimmer that have been read."""
        return self._derived.chips_of(swimmer)

    def entered(self, swimmer: str) -> tuple[RaceKey, ...]:
        """The races that a swimmer is in."""
        return self._derived.entered(swimmer)

    def next_start(self, swimmers: Iterable[str], after: int) -> int | None:
        """The next start (ns UTC) after `after` of any heat that one of `swimmers` is in."""
        return self._derived.next_start(swimmers, after)

    def corrections(self, chip: str) -> Corrections:
        """What people said about the reads of a chip, as the crossings take it into account."""
        return self._derived.crossed.corrections(chip)

    def alarms(self, *, now: int | None = None) -> list[Alarm]:
        """What somebody should look at, as of `now` (ns UTC), or of the newest event's time."""
        found = [
            *self.state.revisions.alarms,
            *attention.two_systems(
                self._derived.starts,
                self._derived.races,
                self.state.revisions,
                self._derived.rulings,
            ),
            *attention.unfinished(self._derived.starts, self._derived.races),
            *attention.unused_guns(self._derived.starts, self.settings.meet.zone),
            *relay_alarms(
                self.state.relays, self.settings, self.state.recorded_at if now is None else now
            ),
        ]
        return attention.seen(found, self._derived.rulings, self.settings.meet.zone)

    # -- keeping ---------------------------------------------------------

    def save(self) -> bytes:
        """The state as bytes: load them and go on feeding from `position`.

        Of a settled meet also what takes long to work out, so that a start does not.
        """
        settled = self._intake.pending == Pending.nothing()
        lengths, reads = self.state.reads.chips.save()
        known = self._derived.settled() if settled else None
        head = msgspec.msgpack.encode([self.state, known, lengths], enc_hook=save)
        return pack(VERSION, head, reads)

    @classmethod
    def load(cls, data: bytes) -> "Meet":
        """A meet from `save`, settled if that one was.

        Raises `SavedStateDamaged`, also for another version's.
        """
        meet = cls.load_lazily(BytesIO(data).read)
        meet.state.reads.chips.read()
        return meet

    @classmethod
    def load_lazily(cls, read: Read) -> "Meet":
        """`load`, with `read` as that of a file; the reads are read when a chip is asked for.

        Until `meet.state.reads.chips.read()`, whatever needs the reads of a
        saved chip may raise `SavedStateDamaged`, too.
        """
        version, head, reads = unpack(read)
        if version != VERSION:
            raise SavedStateDamaged(f"saved by version {version} of the projections")
        with collection_paused():
            try:
                state, known, lengths = msgspec.msgpack.decode(head, type=_Head, dec_hook=load)
            except msgspec.DecodeError as e:
                raise SavedStateDamaged(f"the saved state cannot be read: {e}") from e
            state.reads.chips = ByChip(lengths, reads)
            meet = cls()
            meet._begin(state)
            if known is not None:
                meet._derived.adopt(known)
                meet._intake.pending = Pending.nothing()
            return meet
