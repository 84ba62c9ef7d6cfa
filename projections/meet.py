"""The meet: every projection of one log together, fed events in order, asked for views.

`feed` takes events; `settle` works out what they changed; views show it. The
state is a function of the events alone: feeding them in any batches, saving
and loading in between, gives the same views.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

import msgspec

from projections import attention, races, starts
from projections.clock import iso_local
from projections.crossings import Passing, Point, passings, points_of
from projections.decode import SETTINGS_SOURCE, Decoder
from projections.facts import (
    ChipsRead,
    Delivered,
    Fact,
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
from projections.health import Health
from projections.quarantine import Quarantine
from projections.reads import POSITION_BITS, ReadSet, load, save
from projections.revisions import Revisions
from projections.startlist import StartList, canonical, chip_index
from projections.views import Alarm, Crossing, QuarantineEntry, Race, Revision, SourceHealth
from store import event as ev
from store.event import Event, meta_of
from wire.settings import Settings
from wire.statements import CloseHeat, RecallHeat, ReopenHeat, StartHeat
from wire.timedrops import STATUS_FILE, RaceKey

VERSION = 2  # raise it whenever the same events would give another state


DEFAULTS = Settings()


class State(msgspec.Struct):
    """All that is remembered. Everything else is worked out from it."""

    settings: Settings
    decoder: Decoder
    pinned_until: int = 0
    position: int = 0
    recorded_at: int = 0
    reads: ReadSet = msgspec.field(default_factory=ReadSet)
    guns: dict[tuple[str, str, int], Gun] = {}
    startlist: StartList = msgspec.field(default_factory=StartList)
    program_position: int = 0
    calls: list[starts.Call] = []
    stated: list[Stated] = []
    revisions: Revisions = msgspec.field(default_factory=Revisions)
    health: Health = msgspec.field(default_factory=Health)
    quarantine: Quarantine = msgspec.field(default_factory=Quarantine)
    locations: dict[str, list[str]] = {}
    resume: dict[str, dict[str, dict[str, int]]] = {}
    files: dict[str, dict[str, str]] = {}
    status_sha256: str = ""


class Changes(msgspec.Struct, frozen=True):
    """What a `settle` found changed. `everything`: programs, chips, starts or settings changed."""

    chips: frozenset[str] = frozenset()
    races: tuple[RaceKey, ...] = ()
    everything: bool = False


class Meet:
    """All projections of one log.

    `stale` becomes true when the log changes the settings by which earlier
    stamps are read: the newest settings interpret the whole log, so the log
    must then be folded again from its start (`projections.folding` does).
    """

    def __init__(self, settings: Settings = DEFAULTS, *, pinned_until: int = 0) -> None:
        """A fold at position 0; settings recorded up to `pinned_until` are passed over."""
        self._start(State(settings, Decoder(settings), pinned_until))

    def _start(self, state: State) -> None:
        self.state = state
        self.stale = False
        self._dirty: set[str] = set(state.reads.chips)
        self._everything = True
        self._starting = True
        self._closed = races.closed_races(state.stated)
        self._touched: dict[RaceKey, None] = {}
        self._points: dict[str, Point] = {}
        self._feeds_known = -1
        self._passings: dict[str, dict[str, list[Passing]]] = {}
        self._starts = starts.Starts({})
        self._races: dict[RaceKey, Race] = {}
        self._spoken: dict[str, list[str]] = {}
        self._listed: dict[str, set[str]] = {}
        self._chips_of: dict[str, tuple[str, ...]] = {}
        self._swimmers: dict[str, str] = {}
        self._strangers: dict[str, QuarantineEntry | None] = {}
        self._entered: dict[str, list[RaceKey]] = {}

    # -- feeding ---------------------------------------------------------

    @property
    def position(self) -> int:
        """The position of the last event fed."""
        return self.state.position

    @property
    def settings(self) -> Settings:
        """The settings by which this fold interprets the log."""
        return self.state.settings

    def feed(self, events: Iterable[Event]) -> None:
        """Fold events, which must follow `position` without a gap."""
        state = self.state
        decode = state.decoder.facts
        add = state.reads.add
        dirty = self._dirty
        for event in events:
            if event.position != state.position + 1:
                raise ValueError(f"event {event.position} does not follow {state.position}")
            state.position = event.position
            state.recorded_at = event.recorded_at
            facts = decode(event)
            if event.kind == ev.SOCKET_READ:
                source = state.health.of(event.source)
                source.bytes += len(event.body)
                source.last_byte = event.recorded_at
            else:
                self._notice(event)
            for fact in facts:
                if type(fact) is Reads:
                    add(fact, dirty)
                    state.health.read(event, fact)
                else:
                    self._apply(event, fact)

    def _notice(self, event: Event) -> None:
        """What an event says by itself, whatever is in its body."""
        health, kind = self.state.health, event.kind
        meta = meta_of(event)
        if kind == ev.SOCKET_OPENED:
            health.opened(event.source, meta, event.recorded_at)
        elif kind == ev.SOCKET_CLOSED:
            health.closed(event.source, meta["c"], str(meta.get("reason", "")), event.recorded_at)
        elif kind == ev.APP_STARTED:
            health.restarted(event.recorded_at)
        elif kind == ev.FILE_CHANGED:
            digest = sha256(event.body).hexdigest()
            self.state.files.setdefault(event.source, {})[str(meta["path"])] = digest
        elif kind == ev.FILE_REMOVED:
            self.state.files.get(event.source, {}).pop(str(meta["path"]), None)
        elif kind == ev.STATUS_PUBLISHED:
            self.state.status_sha256 = str(meta["sha256"])
            self.state.revisions.names[str(meta["name"])] = str(meta["sha256"])

    def _apply(self, event: Event, fact: Fact) -> None:
        state = self.state
        match fact:
            case Gun():
                source = state.health.of(fact.source)
                source.received += 1
                source.last_read = event.recorded_at
                key = (fact.source, fact.feed, fact.moment)
                if key not in state.guns:
                    source.guns += 1
                    state.guns[key] = fact
                    self._starting = True
            case Quarantined():
                state.quarantine.add(fact)
                if event.kind in (ev.SOCKET_READ, ev.SOCKET_CLOSED, ev.APP_STARTED):
                    state.health.of(fact.source).quarantined += 1
            case LocationAnnounced():
                known = state.locations.setdefault(fact.source, [])
                if fact.location not in known:
                    known.append(fact.location)
            case Delivered():
                marks = state.resume.setdefault(fact.source, {})
                marks.setdefault(fact.connection_id, {})[fact.location] = fact.seq
            case SettingsRead():
                self._take_settings(fact)
            case ProgramRead():
                state.startlist.read_program(
                    fact.position, fact.program, state.settings.meet.session
                )
                state.program_position = fact.position
                self._everything = True
            case ChipsRead():
                state.startlist.chips = chip_index(fact.chips)
                self._everything = True
            case StatusRead():
                digest = sha256(event.body).hexdigest()
                if not state.revisions.is_own(STATUS_FILE, digest):
                    self._call(fact)
            case ResultRead():
                if not state.revisions.is_own(fact.path, fact.sha256):
                    self._touched[state.revisions.see(fact, event.recorded_at)] = None
            case Stated():
                state.stated.append(fact)
                self._take_statement(fact)
            case Published():
                self._touched[state.revisions.publish(fact)] = None
            case _:
                pass

    def _take_statement(self, fact: Stated) -> None:
        said = fact.statement
        match said:
            case StartHeat() | RecallHeat():
                self._starting = True
            case CloseHeat():
                self._closed.add(starts.race_of(said))
                self._touched[starts.race_of(said)] = None
            case ReopenHeat():
                self._closed.discard(starts.race_of(said))
                self._touched[starts.race_of(said)] = None

    def _call(self, fact: StatusRead) -> None:
        status = fact.status
        if status.event and status.heat is not None:
            key = RaceKey(status.session_id, status.event, status.heat)
            calls = self.state.calls
            if not calls or calls[-1].key != key:
                calls.append(starts.Call(fact.position, key))
                self._starting = True

    def _take_settings(self, fact: SettingsRead) -> None:
        state, settings = self.state, fact.settings
        if fact.position <= state.pinned_until or settings == state.settings:
            return
        nothing_read = not state.health.sources and state.files.keys() <= {SETTINGS_SOURCE}
        if not nothing_read and _reading(settings) != _reading(state.settings):
            self.stale = True
            return
        state.settings = state.decoder.settings = settings
        state.decoder.clocks.clear()
        self._everything = True

    # -- working out -----------------------------------------------------

    def settle(self) -> Changes:
        """Work out what the events since the last `settle` changed."""
        state = self.state
        chips = set(self._dirty)
        everything = self._everything
        if self._feeds_known != len(state.reads.feeds) or everything:
            self._feeds_known = len(state.reads.feeds)
            chips |= self._settle_points()
        for chip in chips:
            by_feed = state.reads.chips[chip]
            self._passings[chip] = {
                name: found
                for name, point in self._points.items()
                if (found := passings(state.reads, by_feed, point))
            }
            spoken = self._spoken.setdefault(canonical(chip), [])
            if chip not in spoken:
                spoken.append(chip)
                spoken.sort()
        renamed = self._settle_swimmers(state.reads.chips if everything else chips)
        changed = self._settle_races(chips | renamed, everything)
        self._dirty.clear()
        self._touched.clear()
        self._everything = self._starting = False
        return Changes(frozenset(chips | renamed), changed, everything)

    def _settle_points(self) -> set[str]:
        """Work the timing points out anew; the chips that were read at those that changed."""
        before, now = self._points, points_of(self.state.settings, self.state.reads.feeds)
        self._points = now
        feeds = {
            feed.id
            for name in before.keys() | now.keys()
            if before.get(name) != now.get(name)
            for point in (before.get(name), now.get(name))
            if point is not None
            for feed in point.feeds
        }
        by_chip = self.state.reads.chips
        return {c for c, fed in by_chip.items() if not feeds.isdisjoint(fed)} if feeds else set()

    def _settle_swimmers(self, chips: Iterable[str]) -> set[str]:
        """Work out anew whose these chips are; those that are somebody else's than before."""
        renamed = set()
        swimmer_of = self.state.startlist.swimmer_of
        for chip in chips:
            swimmer = swimmer_of(chip)
            before = self._swimmers.get(chip)
            if swimmer:
                self._strangers.pop(chip, None)
            else:
                self._strangers[chip] = None  # to be described when somebody asks
            if swimmer != before:
                self._swimmers[chip] = swimmer
                if before is not None:
                    renamed.add(chip)
                    self._chips_of.pop(before, None)
        return renamed

    def _settle_starts(self) -> set[RaceKey]:
        """Work the starts out anew; the races of all who started at another moment than before."""
        state, before = self.state, self._starts.by_race
        self._starts = starts.assign(
            state.guns.values(),
            state.startlist,
            state.calls,
            state.stated,
            state.settings.meet.gun_window,
        )
        now = self._starts.by_race
        moved = {key for key in before.keys() | now.keys() if _at(before, key) != _at(now, key)}
        # A start also ends the race before of everybody in it.
        return moved | {
            other
            for key in moved
            for lane in state.startlist.entry(key).lanes
            for swimmer in lane.swimmer_ids
            for other in self._entered.get(swimmer, ())
        }

    def _settle_races(self, chips: set[str], everything: bool) -> tuple[RaceKey, ...]:
        state = self.state
        moved = self._settle_starts() if self._starting or everything else set()
        if everything:
            self._entered = {}
            for key, entry in state.startlist.entries.items():
                for lane in entry.lanes:
                    for swimmer in lane.swimmer_ids:
                        self._entered.setdefault(swimmer, []).append(key)
            self._listed = {}
            for chip, listed in state.startlist.chips.items():
                swimmer = state.startlist.swimmer_listed(listed)
                self._listed.setdefault(swimmer, set()).add(canonical(chip))
            self._chips_of = {}
            keys = self._race_keys()
        else:
            swimmers = {self._swimmers[chip] for chip in chips}
            for swimmer in swimmers:
                self._chips_of.pop(swimmer, None)
            entered = [k for s in swimmers for k in self._entered.get(s, ())]
            keys = list(dict.fromkeys([*entered, *moved, *self._touched]))
        changed = []
        for key in keys:
            # A combined heat has documents of events that have no such heat themselves.
            if key not in state.startlist.entries and key not in state.revisions.seen:
                continue
            race = races.race(self._inputs(key))
            if self._races.get(key) != race:
                self._races[key] = race
                changed.append(key)
        return tuple(changed)

    def _race_keys(self) -> list[RaceKey]:
        return list(dict.fromkeys([*self.state.startlist.entries, *self.state.revisions.seen]))

    def _chips(self, swimmer: str) -> tuple[str, ...]:
        """The chips of a swimmer that have been read, in their spoken form."""
        found = self._chips_of.get(swimmer)
        if found is None:
            # A tag may itself be the swimmer's id.
            listed = {canonical(swimmer), *self._listed.get(swimmer, ())}
            spoken = (c for chip in listed for c in self._spoken.get(chip, ()))
            found = tuple(sorted(c for c in spoken if self._swimmers[c] == swimmer))
            self._chips_of[swimmer] = found
        return found

    def _inputs(self, key: RaceKey) -> races.RaceInputs:
        state = self.state
        return races.RaceInputs(
            entry=state.startlist.entry(key),
            startlist=state.startlist,
            settings=state.settings,
            start=self._starts.by_race.get(key),
            console=state.revisions.console(key),
            closed=key in self._closed,
            revision=state.revisions.last(key),
            chips_of=self._chips,
            passings=lambda chip, point: self._passings.get(chip, {}).get(point, ()),
            next_start=self._next_start,
        )

    def _next_start(self, swimmers: Iterable[str], after: int) -> int | None:
        """The next start (ns UTC) after `after` of any heat that one of `swimmers` is in."""
        later = (
            start.moment
            for swimmer in swimmers
            for key in self._entered.get(swimmer, ())
            if (start := self._starts.by_race.get(key)) is not None and start.moment > after
        )
        return min(later, default=None)

    # -- views -----------------------------------------------------------

    def races(self) -> list[Race]:
        """All races in program order."""
        return sorted(
            self._races.values(),
            key=lambda r: (r.session_number, r.order, r.heat, r.session, r.event),
        )

    def race(self, key: RaceKey) -> Race | None:
        """One race, None if the log knows none."""
        return self._races.get(key)

    def next_race(self) -> RaceKey | None:
        """The heat that the next gun would start."""
        state = self.state
        return starts.next_race(state.startlist, state.calls, self._starts, state.position)

    def current_race(self) -> RaceKey | None:
        """The heat in the water: the last one started, until it is complete; else the next one."""
        running = [
            (start.moment, key)
            for key, start in self._starts.by_race.items()
            if key in self._races and self._races[key].state == "started"
        ]
        latest = max((s.moment for s in self._starts.by_race.values()), default=None)
        if running and max(running)[0] == latest:
            return max(running)[1]
        return self.next_race() or (max(running)[1] if running else None)

    def crossings(
        self, chips: Iterable[str] | None = None, point: str | None = None, *, after: int = 0
    ) -> list[Crossing]:
        """Crossings in order of moment; of some chips or one point only, if given.

        With `after`, those whose chosen read came with a later event.
        """
        chosen = self._passings if chips is None else [c for c in chips if c in self._passings]
        found = [
            self._crossing(chip, name, passing)
            for chip in chosen
            for name, each in self._passings[chip].items()
            if point is None or name == point
            for passing in each
            if passing.position > after
        ]
        return sorted(found, key=lambda c: (c.moment_ns, c.point, c.chip))

    def _crossing(self, chip: str, point: str, p: Passing) -> Crossing:
        reads = self.state.reads
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
            swimmer=self._swimmers[chip],
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

    def quarantine(self) -> list[QuarantineEntry]:
        """What arrived and could not be used, and the chips and points that nobody knows."""
        return [
            *self.state.quarantine.views(),
            *attention.unknown_points(self.state.reads, self._points, self.settings),
            *self._unknown_chips(),
        ]

    def _unknown_chips(self) -> list[QuarantineEntry]:
        """Chips that were read and are nobody's; none while there is no start list to ask."""
        startlist = self.state.startlist
        if not startlist.chips and not startlist.tags:
            return []
        found = []
        for chip, known in self._strangers.items():
            entry = known or attention.unknown_chip(self.state.reads, chip)
            self._strangers[chip] = entry  # reading all its reads again each time would be slow
            found.append(entry)
        return sorted(found, key=lambda e: (e.position, e.reason))

    def revisions(self) -> list[Revision]:
        """All revisions, ours and a console's, in the order of the log."""
        return self.state.revisions.views(self.state.settings.meet.zone)

    def points(self) -> Sequence[Point]:
        """The timing points, those of the settings first."""
        return tuple(self._points.values())

    def starts(self) -> starts.Starts:
        """Which heats started when, and which guns started none."""
        return self._starts

    def alarms(self) -> list[Alarm]:
        """What somebody should look at."""
        return [
            *self.state.revisions.alarms,
            *attention.unfinished(self._starts, self._races),
            *attention.unused_guns(self._starts, self.settings.meet.zone),
        ]

    # -- keeping ---------------------------------------------------------

    def save(self) -> bytes:
        """The state as msgpack: load it and go on feeding from `position`."""
        return msgspec.msgpack.encode([VERSION, self.state], enc_hook=save)

    @classmethod
    def load(cls, data: bytes) -> "Meet":
        """A meet from `save`; raises `ValueError` for another version's or damaged bytes."""
        try:
            version, state = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
            if version != VERSION:
                raise ValueError(f"saved by version {version} of the projections")
            decoded = msgspec.msgpack.decode(state, type=State, dec_hook=load)
        except msgspec.DecodeError as e:
            raise ValueError(f"the saved state cannot be read: {e}") from e
        meet = cls()
        meet._start(decoded)
        return meet


def _at(by_race: Mapping[RaceKey, starts.Start], key: RaceKey) -> int | None:
    start = by_race.get(key)
    return start.moment if start else None


def _reading(settings: Settings) -> tuple[object, ...]:
    """The part of the settings by which stamps and files are read."""
    return (
        settings.meet.zone,
        settings.meet.session,
        settings.folder.chips.casefold(),
        tuple((s.name, s.clock, s.zone) for s in settings.sources),
    )
