"""What is worked out from the state: points, crossings, owners, starts and races, kept up to date.

Nothing here is remembered that the state does not have: after `settle` all of
it is the same as if it had been worked out from the state for the first time.
"""

from collections.abc import Iterable, Mapping
from itertools import chain

import msgspec

from projections import attention, races
from projections.crossed import Crossed, Differences, compare
from projections.crossings import claim
from projections.intake import Pending, State
from projections.rulings import Owners, Rulings, differing, owner_at, rule, ruled_otherwise
from projections.seats import Seats
from projections.startlist import canonical
from projections.starts import Start, Starts, assign
from projections.views import Lane, QuarantineEntry, Race
from wire.timedrops import RaceKey


class Changes(msgspec.Struct, frozen=True):
    """What a `settle` found changed.

    `crossings` has those that are new or other than before, or None in the
    place of one that is no more.
    """

    chips: frozenset[str] = frozenset()
    races: tuple[RaceKey, ...] = ()
    crossings: Differences = {}


def merged(several: Iterable[Changes]) -> Changes:
    """What several settles, one after the other, changed together."""
    chips: set[str] = set()
    races: dict[RaceKey, None] = {}
    crossings: Differences = {}
    for each in several:
        chips |= each.chips
        races |= dict.fromkeys(each.races)
        crossings |= each.crossings
    return Changes(frozenset(chips), tuple(races), crossings)


class Settled(msgspec.Struct, frozen=True):
    """What a saved state has of what was worked out: the lanes as `races.chip_lanes`, the owners.

    The rest takes less long to work out than to read.
    """

    lanes: list[tuple[RaceKey, tuple[Lane, ...]]]
    owners: dict[str, Owners]


class Derived:
    """What a state amounts to, as of the last `settle`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.rulings = Rulings()
        self.crossed = Crossed(state)
        self.owners: dict[str, Owners] = {}
        self.starts = Starts({})
        self.races: dict[RaceKey, Race] = {}
        self._lanes: dict[RaceKey, tuple[Lane, ...]] = {}
        self._chips_of: dict[str, tuple[str, ...]] = {}
        self._strangers: dict[str, QuarantineEntry | None] = {}
        self._seats: Seats | None = None  # until somebody asks

    def settled(self) -> Settled:
        """What to save of a settled state: see `adopt`."""
        return Settled(list(self._lanes.items()), self.owners)

    def adopt(self, known: Settled) -> None:
        """Take up a saved state that was settled."""
        state = self.state
        self.rulings = rule(state.stated)
        self.crossed.adopt(self.rulings)
        self.owners = known.owners
        self._strangers = {
            chip: None
            for chip, owners in known.owners.items()
            if not any(swimmer for _, swimmer in owners)
        }
        self._settle_starts()
        self._lanes = dict(known.lanes)
        for key in dict.fromkeys([*state.startlist.entries, *state.revisions.seen]):
            self.races[key] = self._race(key, ())

    def everything(self) -> Changes:
        """All that there is, as if it had just been found."""
        self.crossed.work_out()
        crossings: Differences = {}
        for chip in self.crossed.chips():
            compare(chip, {}, self.crossed.passings(chip), crossings)
        return Changes(frozenset(self.crossed.chips()), tuple(self.races), crossings)

    def settle(self, pending: Pending) -> Changes:
        """Work out what `pending` names."""
        since, before = pending.chips, self.rulings
        if pending.restated:
            self.rulings = rule(self.state.stated)
        anew = pending.everything or pending.restated
        crossings = self.crossed.settle(since, self.rulings, anew=anew)
        chips = set(since)
        for chip in chips & self._strangers.keys():
            self._strangers[chip] = None  # it was read again
        given = differing(before.owners, self.rulings.owners)
        if pending.everything or pending.listed:
            self._seats = None
            renamed = self._settle_owners(chain(self.crossed.chips(), chips))
        else:
            if self._seats is not None:
                for chip in given:
                    self._seats.give(chip, self.rulings.owners.get(chip, ()))
            renamed = self._settle_owners(chain(chips, *map(self.crossed.spoken, given)))
        for chip in renamed:
            compare(chip, {}, self.crossed.passings(chip), crossings)
        chips |= renamed.keys()
        owners = chain(renamed.values(), (self.owners[chip] for chip in chips))
        swimmers = {swimmer for each in owners for _, swimmer in each}
        ruled = ruled_otherwise(before, self.rulings)
        changed = self._settle_races(pending, swimmers, ruled)
        return Changes(frozenset(chips), changed, crossings)

    def point_of(self, source: str, feed: str) -> str:
        """The point of a feed, whether or not it was heard; its own name where none takes it."""
        return claim(self.state.settings.points, source, feed)[0]

    def _settle_owners(self, chips: Iterable[str]) -> dict[str, Owners]:
        """Work out anew whose these chips are; whose those were that are somebody else's now."""
        renamed = {}
        for chip in chips:
            owners = self._owners_of(chip)
            before = self.owners.get(chip)
            if any(swimmer for _, swimmer in owners):
                self._strangers.pop(chip, None)
            else:
                self._strangers[chip] = None  # to be described when somebody asks
            if owners != before:
                self.owners[chip] = owners
                if before is not None:
                    renamed[chip] = before
        return renamed

    def _owners_of(self, chip: str) -> Owners:
        """Whose a chip is: by the chip table, and from the moments on that somebody said."""
        said = self.rulings.owners.get(canonical(chip), ())
        if said and said[0][0] == 0:
            return said
        return ((0, self.state.startlist.swimmer_of(chip)), *said)

    def owner_at(self, chip: str, moment: int) -> tuple[int, str]:
        """Since when (ns UTC) a chip was whose it was at a moment, and whose: see `Owners`."""
        return owner_at(self.owners.get(chip, ()), moment)

    def _settle_starts(self) -> set[RaceKey]:
        """Work the starts out anew; those who started at another moment than before."""
        state, before = self.state, self.starts.by_race
        window = state.settings.meet.gun_window
        guns = state.guns.values()
        self.starts = assign(guns, state.startlist, state.calls, self.rulings, window)
        now = self.starts.by_race
        return {key for key in before.keys() | now.keys() if _at(before, key) != _at(now, key)}

    def _with_others(self, started: set[RaceKey]) -> set[RaceKey]:
        """These races and all that anybody in them swims: a start also ends the race before."""
        return started | {
            other
            for key in started
            for lane in self.state.startlist.entry(key).lanes
            for swimmer in lane.swimmer_ids
            for other in self.entered(swimmer)
        }

    def _settle_races(
        self, pending: Pending, swimmers: set[str], ruled: Iterable[RaceKey]
    ) -> tuple[RaceKey, ...]:
        """Work out anew the races of `swimmers`, whose chips changed, those `ruled`, and others.

        That is all that `pending` names, and what another start moves.
        """
        state = self.state
        starting = pending.starting or pending.restated or pending.everything
        moved = self._settle_starts() if starting else set()
        for swimmer in swimmers:
            self._chips_of.pop(swimmer, None)
        if pending.everything:
            self._lanes.clear()
            keys = dict.fromkeys([*state.startlist.entries, *state.revisions.seen])
        else:
            relisted = [k for s in pending.swimmers for k in self.entered(s)]
            whole = dict.fromkeys([*self._with_others(moved), *pending.races, *relisted])
            entered = [k for s in swimmers for k in self.entered(s)]
            keys = dict.fromkeys([*entered, *whole, *ruled])
            for key in whole:
                self._lanes.pop(key, None)
        changed = []
        for key in keys:
            # A combined heat has documents of events that have no such heat themselves.
            if key not in state.startlist.entries and key not in state.revisions.seen:
                continue
            race = self._race(key, swimmers)
            if self.races.get(key) != race:
                self.races[key] = race
                changed.append(key)
        return tuple(changed)

    def _race(self, key: RaceKey, swimmers: Iterable[str]) -> Race:
        """The race worked out anew; of its own lanes only those of these swimmers."""
        inputs = self._inputs(key)
        if inputs.console is not None:
            self._lanes.pop(key, None)
            return races.race(inputs)
        known = self._lanes.get(key, ())
        if known:
            seats = self._index().places if swimmers else {}
            places = {p for s in swimmers for k, p in seats.get(s, ()) if k == key}
            inputs = msgspec.structs.replace(inputs, known=known, touched=places)
        own = self._lanes[key] = races.chip_lanes(inputs)
        return races.race(inputs, own)

    def _index(self) -> Seats:
        if self._seats is None:
            self._seats = Seats(self.state.startlist, self.rulings.owners)
        return self._seats

    def chips_of(self, swimmer: str) -> tuple[str, ...]:
        """The chips of a swimmer that have been read, in their spoken form."""
        found = self._chips_of.get(swimmer)
        if found is None:
            # A tag may itself be the swimmer's id.
            listed = {canonical(swimmer), *self._index().listed.get(swimmer, ())}
            spoken = (c for chip in listed for c in self.crossed.spoken(chip))
            found = tuple(sorted(c for c in spoken if any(s == swimmer for _, s in self.owners[c])))
            self._chips_of[swimmer] = found
        return found

    def _inputs(self, key: RaceKey) -> races.RaceInputs:
        state, rulings = self.state, self.rulings
        repeat = rulings.repeats.get(key)
        return races.RaceInputs(
            entry=state.startlist.entry(key),
            startlist=state.startlist,
            settings=state.settings,
            start=self.starts.by_race.get(key),
            console=state.revisions.console(key, repeat),
            closed=key in rulings.closed,
            revision=state.revisions.last(key),
            chips_of=self.chips_of,
            passings=lambda chip, point: self.crossed.passings(chip).get(point, ()),
            next_start=self.next_start,
            owners=lambda chip: self.owners.get(chip, ()),
            rulings=rulings.lanes.get(key, {}),
            race_number=repeat.race_number if repeat else None,
        )

    def entered(self, swimmer: str) -> tuple[RaceKey, ...]:
        """The races that a swimmer is in, in the order of the start lists."""
        return tuple(self._index().entered.get(swimmer, ()))

    def next_start(self, swimmers: Iterable[str], after: int) -> int | None:
        """The next start (ns UTC) after `after` of any heat that one of `swimmers` is in."""
        later = (
            start.moment
            for swimmer in swimmers
            for key in self._index().entered.get(swimmer, ())
            if (start := self.starts.by_race.get(key)) is not None and start.moment > after
        )
        return min(later, default=None)

    def unknown_chips(self) -> list[QuarantineEntry]:
        """Chips that were read and are nobody's; none while there is no start list to ask."""
        startlist = self.state.startlist
        if not startlist.chips and not startlist.tags:
            return []
        found = []
        for chip, known in self._strangers.items():
            if chip not in self.state.reads.chips:
                continue  # only seen by somebody so far, who named it
            entry = known or attention.unknown_chip(self.state.reads, chip)
            self._strangers[chip] = entry  # reading all its reads again each time would be slow
            found.append(entry)
        return sorted(found, key=lambda e: (e.position, e.reason))


def _at(by_race: Mapping[RaceKey, Start], key: RaceKey) -> int | None:
    start = by_race.get(key)
    return start.moment if start else None
