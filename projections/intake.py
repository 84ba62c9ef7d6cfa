"""The intake: takes facts into the state, and notes what has to be worked out anew."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

import msgspec

from projections import starts
from projections.decode import SETTINGS_SOURCE, Decoder, strange
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
from projections.health import Health
from projections.quarantine import Quarantine
from projections.reads import ReadSet
from projections.relayed import Queued, Sent
from projections.relays import Relays
from projections.revisions import Revisions
from projections.rulings import race_of
from projections.startlist import StartList, chip_index
from store import event as ev
from store.event import Event, meta_of
from store.forms import misfit
from wire.ctp01_marks import MAX_IDS
from wire.settings import Settings
from wire.statements import AdoptSettings, ReSwim, Withdraw
from wire.timedrops import STATUS_FILE, RaceKey

# More than any course has; a peer that invents names must not grow the state for ever.
MOST_LOCATIONS = 256


MUCH = 64 * 1024  # bytes of a connection: of fewer it costs less to take one after the other
_OF_A_CONNECTION = (ev.SOCKET_READ, ev.SOCKET_SENT, ev.SOCKET_CLOSED)


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
    relays: Relays = msgspec.field(default_factory=Relays)


class Pending(msgspec.Struct):
    """What has to be worked out anew: chips, races, starts, what was said, or everything.

    `chips` has for each the moment (ns UTC) before which no read changed.
    `swimmers` are those whose names or races changed; `listed`: the start list
    or the chip table did, and chips may be somebody else's.
    """

    chips: dict[str, int] = {}
    races: dict[RaceKey, None] = {}
    swimmers: dict[str, None] = {}
    listed: bool = True
    starting: bool = True
    restated: bool = True
    everything: bool = True

    @classmethod
    def nothing(cls) -> "Pending":
        """Nothing has to."""
        return cls(listed=False, starting=False, restated=False, everything=False)


class Intake:
    """Feeds a state.

    `stale` becomes true when the settings by which its stamps were read are
    no longer the newest in the log.
    """

    def __init__(self, state: State, foresee: Callable[[Iterable[str]], None]) -> None:
        """`foresee` is called with the chips of reads that are about to change the state."""
        self.state = state
        self.stale = False
        self.pending = Pending(dict.fromkeys(state.reads.chips, 0))
        self.foresee = foresee
        state.relays.attend(state.settings)

    def feed(self, events: Iterable[Event]) -> None:
        """Take events in, which must follow the state's position without a gap."""
        for kind, each in groupby(events, attrgetter("kind")):
            stretch = list(each)
            self._follow(stretch)
            much = kind == ev.SOCKET_READ and sum([len(e.body) for e in stretch]) >= MUCH
            if much and not self.state.relays.hearing:
                from projections import stretches  # it loads numpy

                stretches.take(self, stretch, MUCH)
                continue
            for event in stretch:
                self.take_event(event)

    def _follow(self, events: Sequence[Event]) -> None:
        """Note how far these events lead."""
        for expected, event in enumerate(events, self.state.position + 1):
            if event.position != expected:
                raise ValueError(f"event {event.position} does not follow {expected - 1}")
        self.state.position = events[-1].position
        self.state.recorded_at = events[-1].recorded_at

    def _take_reads(self, event: Event, reads: Reads) -> None:
        relays = self.state.relays
        self.foresee(reads.chips())
        if relays.hearing:
            copies: set[int] = set()
            known = self.state.reads.add(reads, self.pending.chips, copies)
            relays.hear(reads, copies)
        else:
            known = self.state.reads.add(reads, self.pending.chips)
            relays.heard_from = max(relays.heard_from, reads.positions[-1])
        self.state.health.read(reads, known, int(meta_of(event).get("c", 0)))

    def take_event(self, event: Event) -> None:
        """Take in one event, whose place `feed` has noted."""
        state = self.state
        if problem := misfit(event.kind, event.meta):
            self._take(event, strange(event, problem))
            return
        if state.relays.relays and event.kind in _OF_A_CONNECTION and state.decoder.is_relay(event):
            state.decoder.facts(event)
            if event.kind == ev.SOCKET_CLOSED:
                meta = meta_of(event)
                reason = str(meta.get("reason", ""))
                state.relays.closed(event.source, int(meta["c"]), reason, event.recorded_at)
            return
        facts = state.decoder.facts(event)
        if event.kind == ev.SOCKET_READ:
            source = state.health.of(event.source)
            source.bytes += len(event.body)
            source.last_byte = event.recorded_at
        else:
            self._notice(event)
        self.take_facts(event, facts)

    def take_facts(self, event: Event, facts: Iterable[Fact]) -> None:
        """Take in what an event completed."""
        for fact in facts:
            if type(fact) is Reads:
                self._take_reads(event, fact)
            else:
                self._take(event, fact)

    def _notice(self, event: Event) -> None:
        """What an event says by itself, whatever is in its body."""
        health, kind = self.state.health, event.kind
        meta = meta_of(event)
        if kind == ev.SOCKET_OPENED and meta.get("relay"):
            self.state.relays.opened(event.source, meta, event.recorded_at)
        elif kind == ev.SOCKET_OPENED:
            health.opened(event.source, meta, event.recorded_at)
        elif kind == ev.SOCKET_CLOSED:
            health.closed(event.source, meta["c"], str(meta.get("reason", "")), event.recorded_at)
        elif kind == ev.APP_STARTED:
            health.restarted(event.recorded_at)
            self.state.relays.restarted(event.recorded_at)
        elif kind == ev.FILE_CHANGED:
            digest = sha256(event.body).hexdigest()
            self.state.files.setdefault(event.source, {})[str(meta["path"])] = digest
        elif kind == ev.FILE_REMOVED:
            self.state.files.get(event.source, {}).pop(str(meta["path"]), None)
        elif kind == ev.STATUS_PUBLISHED:
            self.state.status_sha256 = str(meta["sha256"])
            self.state.revisions.names[str(meta["name"])] = str(meta["sha256"])

    def _take(self, event: Event, fact: Fact) -> None:
        state, pending = self.state, self.pending
        match fact:
            case Gun():
                self._take_gun(fact, event.recorded_at)
            case Quarantined():
                state.quarantine.add(fact)
                if event.kind in (ev.SOCKET_READ, ev.SOCKET_CLOSED, ev.APP_STARTED):
                    state.health.of(fact.source).quarantined += fact.count
            case LocationAnnounced():
                known = state.locations.setdefault(fact.source, [])
                if fact.location not in known and len(known) < MOST_LOCATIONS:
                    known.append(fact.location)
            case Delivered():
                ids = state.resume.setdefault(fact.source, {})
                marks = ids.setdefault(fact.connection_id, {})
                if fact.location in marks or len(marks) < MOST_LOCATIONS:
                    marks[fact.location] = fact.seq
                if len(ids) > MAX_IDS:
                    del ids[next(iter(ids))]  # as a session forgets it: that costs a full start
            case SettingsRead():
                self._take_settings(fact)
            case ProgramRead():
                self._take_program(fact)
            case ChipsRead():
                table = chip_index(fact.chips)
                if table != state.startlist.chips:
                    state.startlist.chips = table
                    pending.listed = True
            case StatusRead():
                digest = sha256(event.body).hexdigest()
                if not state.revisions.is_own(STATUS_FILE, digest):
                    self._call(fact)
            case ResultRead():
                if not state.revisions.is_own(fact.path, fact.sha256):
                    pending.races[state.revisions.see(fact, event.recorded_at)] = None
            case FileGone():
                pending.races |= dict.fromkeys(state.revisions.lose(fact.path))
            case Stated():
                self._take_statement(fact)
            case Published():
                pending.races[state.revisions.publish(fact)] = None
            case Queued():
                state.relays.queue(fact)
            case Sent():
                state.relays.mark(fact)
            case _:
                pass

    def _take_gun(self, fact: Gun, at: int) -> None:
        state = self.state
        source = state.health.of(fact.source)
        source.received += 1
        source.last_read = at
        key = (fact.source, fact.feed, fact.moment)
        known = key in state.guns
        state.relays.hear(fact, {0} if known else ())
        if not known:
            source.guns += 1
            state.guns[key] = fact
            self.pending.starting = True

    def _take_program(self, fact: ProgramRead) -> None:
        """Take over a program: a meet manager writes it again and again, mostly as it was."""
        state, pending = self.state, self.pending
        session = state.settings.meet.session
        found = state.startlist.read_program(fact.position, fact.program, session)
        state.program_position = fact.position
        pending.races |= dict.fromkeys(found.races)
        if found.races:
            # Those that no program named come after all others, however many these are.
            entries = state.startlist.entries
            pending.races |= {key: None for key in state.revisions.seen if key not in entries}
        pending.swimmers |= dict.fromkeys(found.swimmers)
        pending.listed = pending.listed or bool(found.races or found.swimmers)
        pending.starting = pending.starting or found.order
        pending.everything = pending.everything or found.everybody

    def order_guns(self) -> None:
        """Have the guns in the order of the log again, whatever order they were taken in."""
        guns = self.state.guns
        self.state.guns = dict(sorted(guns.items(), key=lambda gun: gun[1].position))

    def _take_statement(self, fact: Stated) -> None:
        state = self.state
        state.stated.append(fact)
        self.pending.restated = True
        said = fact.statement
        about_settings = isinstance(said, AdoptSettings) or (
            isinstance(said, Withdraw)
            and any(
                isinstance(s.statement, AdoptSettings | Withdraw) and s.position == said.position
                for s in state.stated
            )
        )
        if about_settings and fact.position > state.pinned_until:
            self.stale = True  # which settings are in force now takes a look at the whole log

    def _call(self, fact: StatusRead) -> None:
        status = fact.status
        if status.event and status.heat is not None:
            key = RaceKey(status.session_id, status.event, status.heat)
            calls = self.state.calls
            if not calls or calls[-1].key != key or self._sent_back(key, calls[-1].position):
                calls.append(starts.Call(fact.position, key))
                self.pending.starting = True

    def _sent_back(self, key: RaceKey, since: int) -> bool:
        """Whether anybody said since then that the heat is to be swum again, in force or not."""
        return any(
            s.position > since and isinstance(s.statement, ReSwim) and race_of(s.statement) == key
            for s in self.state.stated
        )

    def _take_settings(self, fact: SettingsRead) -> None:
        state, settings = self.state, fact.settings
        if fact.position <= state.pinned_until or settings == state.settings:
            return
        nothing_read = not state.health.sources and state.files.keys() <= {SETTINGS_SOURCE}
        if not nothing_read and _reading(settings) != _reading(state.settings):
            self.stale = True
            return
        state.settings = state.decoder.settings = settings
        state.relays.attend(settings)
        state.decoder.clocks.clear()
        self.pending.everything = True


def _reading(settings: Settings) -> tuple[object, ...]:
    """The part of the settings by which stamps and files are read."""
    return (
        settings.meet.zone,
        settings.meet.session,
        settings.folder.chips.casefold(),
        tuple((s.name, s.clock, s.zone) for s in settings.sources),
    )
