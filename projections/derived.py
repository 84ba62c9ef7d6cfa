"""What is worked out from the state: points, crossings, owners, starts and races, kept up to date.

Nothing here is remembered that the state does not have: after `settle` all of
it is the same as if it had been worked out from the state for the first time.

After a start on a saved state, the crossings of a chip are worked out when
they are first asked for, or just before it is read again: those of a long
meet take seconds, and nearly nobody asks for those of yesterday's swimmers.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter

import msgspec

from projections import attention, races
from projections.crossings import (
    NONE,
    Corrections,
    Passing,
    Point,
    claim,
    passings_since,
    points_of,
)
from projections.intake import Pending, State
from projections.rulings import Owners, Rulings, Shift, owner_at, rule
from projections.seats import Seats
from projections.startlist import canonical
from projections.starts import Start, Starts, assign
from projections.views import Lane, QuarantineEntry, Race
from wire.timedrops import RaceKey

MANY = 100  # chips: of fewer, loading numpy takes longer than it saves
CrossingKey = tuple[str, str, int]  # chip, point, first read in ns UTC


class Changes(msgspec.Struct, frozen=True):
    """What a `settle` found changed.

    `crossings` has those that are new or other than before, or None in the
    place of one that is no more.
    """

    chips: frozenset[str] = frozenset()
    races: tuple[RaceKey, ...] = ()
    crossings: dict[CrossingKey, Passing | None] = {}


def merged(several: Iterable[Changes]) -> Changes:
    """What several settles, one after the other, changed together."""
    chips: set[str] = set()
    races: dict[RaceKey, None] = {}
    crossings: dict[CrossingKey, Passing | None] = {}
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
        self.points: dict[str, Point] = {}
        self._passings: dict[str, dict[str, list[Passing]]] = {}
        self._unworked: set[str] = set()  # chips whose crossings are not in `_passings` yet
        self.owners: dict[str, Owners] = {}
        self.starts = Starts({})
        self.races: dict[RaceKey, Race] = {}
        self._lanes: dict[RaceKey, tuple[Lane, ...]] = {}
        self._point_of: dict[int, tuple[int, Point]] = {}
        self._feeds_known = -1
        self._feed_shifts: dict[int, tuple[Shift, ...]] = {}
        self._spoken: dict[str, list[str]] = {}
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
        self._settle_points()
        self._feeds_known = len(state.reads.feeds)
        self._unworked = set(state.reads.chips)
        for chip in state.reads.chips:
            self._spoken.setdefault(canonical(chip), []).append(chip)
        for spoken in self._spoken.values():
            spoken.sort()
        for chip in self.rulings.sightings.keys() - self._unworked:
            self._settle_crossings(chip, {}, 0)
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

    def foresee(self, chips: Iterable[str]) -> None:
        """Reads of these chips are about to come: what they had so far must be known."""
        if self._unworked:
            for chip in self._unworked.intersection(chips):
                self.passings(chip)

    def chips(self) -> tuple[str, ...]:
        """The chips that have crossings."""
        return (*self._passings, *sorted(self._unworked))

    def passings(self, chip: str) -> dict[str, list[Passing]]:
        """The crossings of a chip by point, each in order of moment."""
        if chip in self._unworked:
            self._unworked.remove(chip)
            self._passings[chip] = self._work_out(chip, {}, 0)
        return self._passings.get(chip, {})

    def _work_out_unworked(self) -> None:
        """Work out the crossings of all chips that nobody has asked for yet."""
        ready = self._work_out_many([*self._unworked])
        self._passings |= ready
        self._unworked -= ready.keys()
        for chip in list(self._unworked):
            self.passings(chip)

    def everything(self) -> Changes:
        """All that there is, as if it had just been found."""
        self._work_out_unworked()
        crossings: dict[CrossingKey, Passing | None] = {}
        for chip in self.chips():
            _compare(chip, {}, self.passings(chip), crossings)
        return Changes(frozenset(self._passings), tuple(self.races), crossings)

    def settle(self, pending: Pending) -> Changes:
        """Work out what `pending` names."""
        state = self.state
        since = pending.chips
        everything = pending.everything
        if pending.restated or everything or self._feeds_known != len(state.reads.feeds):
            self._work_out_unworked()  # while the points and rulings are those of before
        if pending.restated:
            since |= dict.fromkeys(self._settle_rulings(), 0)
            everything = True
        if self._feeds_known != len(state.reads.feeds) or everything:
            self._feeds_known = len(state.reads.feeds)
            since |= dict.fromkeys(self._heard_at(self._settle_points()), 0)
        chips = set(since)
        crossings: dict[CrossingKey, Passing | None] = {}
        ready = self._work_out_many(
            [chip for chip, moment in since.items() if not (moment and self._passings.get(chip))]
        )
        for chip, moment in since.items():
            before = self.passings(chip)
            self._settle_crossings(chip, before, moment, ready.get(chip))
            _compare(chip, before, self.passings(chip), crossings)
        for chip in chips & self._strangers.keys():
            self._strangers[chip] = None  # it was read again
        new = [chip for chip in chips if chip not in self.owners]
        renamed = self._settle_owners(self.chips() if everything else new)
        for chip in renamed:
            _compare(chip, {}, self.passings(chip), crossings)
        changed = self._settle_races(pending, chips | renamed, everything)
        return Changes(frozenset(chips | renamed), changed, crossings)

    def _settle_rulings(self) -> set[str]:
        """Work out what holds of all that was said; the chips whose reads it is about."""
        before, now = self.rulings, rule(self.state.stated)
        self.rulings = now
        chips = {
            chip
            for was, is_ in ((before.reads, now.reads), (before.sightings, now.sightings))
            for chip in was.keys() | is_.keys()
            if was.get(chip) != is_.get(chip)
        }
        if before.shifts != now.shifts:
            chips |= self.state.reads.chips.keys()
        return chips

    def _settle_points(self) -> list[Point]:
        """Work the timing points out anew; those that changed, as before and as now."""
        reads, rulings = self.state.reads, self.rulings
        seen_at = (s.point for each in rulings.sightings.values() for s in each)
        before, now = self.points, points_of(self.state.settings, reads.feeds, seen_at)
        self.points = now
        self._point_of = {
            feed.id: (place, point)
            for place, point in enumerate(now.values())
            for feed in point.feeds
        }
        self._feed_shifts = {
            id_: rulings.shifts[source]
            for id_, (source, _) in enumerate(reads.feeds)
            if source in rulings.shifts
        }
        names = {n for n in before.keys() | now.keys() if before.get(n) != now.get(n)}
        both = (known.get(name) for name in names for known in (before, now))
        return [point for point in both if point is not None]

    def _heard_at(self, points: Collection[Point]) -> set[str]:
        """The chips that were read or seen at any of these points."""
        if not points:
            return set()
        feeds = {feed.id for point in points for feed in point.feeds}
        seen = set(self.rulings.sightings)
        if not feeds:
            return seen
        return seen | {c for c, fed in self.state.reads.chips.items() if not feeds.isdisjoint(fed)}

    def _settle_crossings(
        self,
        chip: str,
        before: Mapping[str, list[Passing]],
        since: int,
        ready: dict[str, list[Passing]] | None = None,
    ) -> None:
        """Note a chip's crossings now: those that are `ready`, else worked out."""
        if chip not in self.state.reads.chips and chip not in self.rulings.sightings:
            # Somebody was said to have been seen with it, and was not.
            self._passings.pop(chip, None)
            spoken = self._spoken.get(canonical(chip), [])
            if chip in spoken:
                spoken.remove(chip)
            return
        if ready is None:
            ready = self._work_out(chip, before if since else {}, since)
        self._passings[chip] = ready
        if not before:
            spoken = self._spoken.setdefault(canonical(chip), [])
            if chip not in spoken:
                spoken.append(chip)
                spoken.sort()

    def _work_out(
        self, chip: str, known: Mapping[str, list[Passing]], since: int
    ) -> dict[str, list[Passing]]:
        """The crossings of a chip by point, `known` being those before what changed `since`."""
        reads = self.state.reads
        by_feed = reads.chips.get(chip, {})
        corrections = self.corrections(chip)
        return {
            name: found
            for name, point in self._points_of_chip(by_feed, corrections)
            if (
                found := passings_since(
                    reads, by_feed, point, corrections, known.get(name, []), since
                )
            )
        }

    def _work_out_many(self, chips: Sequence[str]) -> dict[str, dict[str, list[Passing]]]:
        """`_work_out` of chips of which nothing was known, as far as that saves time.

        That is where each of their feeds has heard many, and is alone at its point.
        """
        if len(chips) < MANY:
            return {}
        from projections import bulkcrossings  # it loads numpy

        reads = self.state.reads
        feeds_of = {chip: tuple(reads.chips.get(chip, ())) for chip in chips}
        busy = {feed for feed, n in Counter(chain(*feeds_of.values())).items() if n >= MANY}
        fits = {
            feeds: busy.issuperset(feeds)
            and len({self._point_of[feed][0] for feed in feeds}) == len(feeds)
            for feeds in set(feeds_of.values())
        }
        hearing: dict[int, list[str]] = {}
        for chip, feeds in feeds_of.items():
            if fits[feeds] and self.corrections(chip) is NONE:
                for feed in feeds:
                    hearing.setdefault(feed, []).append(chip)
        ready: dict[str, dict[str, list[Passing]]] = {}
        for id_ in sorted(hearing, key=lambda id_: self._point_of[id_][0]):
            point = self._point_of[id_][1]
            told_by = next(feed for feed in point.feeds if feed.id == id_)
            columns = [reads.chips[chip][id_] for chip in hearing[id_]]
            found = bulkcrossings.passings_of_many(reads, columns, told_by, point.settings)
            for chip, passings in zip(hearing[id_], found, strict=True):
                ready.setdefault(chip, {})[point.settings.name] = passings
        return ready

    def _points_of_chip(
        self, feeds: Iterable[int], corrections: Corrections
    ) -> list[tuple[str, Point]]:
        """The points that heard a chip, or where it was seen, in the order of all points.

        A peer may invent any number of points: looking at each of them for
        each chip would hold up the results for hours.
        """
        heard = dict(self._point_of[feed] for feed in feeds)
        found = [
            (point.settings.name, point) for _, point in sorted(heard.items(), key=itemgetter(0))
        ]
        seen = {s.point for s in corrections.sightings} - {name for name, _ in found}
        if not seen:
            return found
        names = seen | {name for name, _ in found}
        return [(name, point) for name, point in self.points.items() if name in names]

    def point_of(self, source: str, feed: str) -> str:
        """The point of a feed, whether or not it was heard; its own name where none takes it."""
        return claim(self.state.settings.points, source, feed)[0]

    def corrections(self, chip: str) -> Corrections:
        """What people said about the reads of a chip."""
        rulings = self.rulings
        voids, sightings = rulings.reads.get(chip, ()), rulings.sightings.get(chip, ())
        if not (voids or sightings or self._feed_shifts):
            return NONE
        return Corrections(self._feed_shifts, voids, sightings)

    def _settle_owners(self, chips: Iterable[str]) -> set[str]:
        """Work out anew whose these chips are; those that are somebody else's than before."""
        renamed = set()
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
                    renamed.add(chip)
                    for _, swimmer in before:
                        self._chips_of.pop(swimmer, None)
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
        self, pending: Pending, chips: set[str], everything: bool
    ) -> tuple[RaceKey, ...]:
        state = self.state
        moved = self._settle_starts() if pending.starting or everything else set()
        swimmers: set[str] = set()
        if everything:
            self._seats = None
            self._chips_of = {}
            self._lanes.clear()
            keys = dict.fromkeys([*state.startlist.entries, *state.revisions.seen])
        else:
            moved = self._with_others(moved)
            swimmers = {swimmer for chip in chips for _, swimmer in self.owners[chip]}
            for swimmer in swimmers:
                self._chips_of.pop(swimmer, None)
            entered = [k for s in swimmers for k in self.entered(s)]
            keys = dict.fromkeys([*entered, *moved, *pending.races])
            for key in (*moved, *pending.races):
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
            spoken = (c for chip in listed for c in self._spoken.get(chip, ()))
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
            passings=lambda chip, point: self.passings(chip).get(point, ()),
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


def _compare(
    chip: str,
    before: Mapping[str, list[Passing]],
    now: Mapping[str, list[Passing]],
    found: dict[CrossingKey, Passing | None],
) -> None:
    """Put into `found` in what the crossings of a chip differ."""
    for point in before.keys() | now.keys():
        old, new = before.get(point, []), now.get(point, [])
        if old is new:
            continue
        # Nearly always only the last one is new or longer than before.
        same = 0
        for one, other in zip(old, new, strict=False):
            if one is not other and one != other:
                break
            same += 1
        for passing in old[same:]:
            found[chip, point, passing.first] = None
        for passing in new[same:]:
            found[chip, point, passing.first] = passing


def _at(by_race: Mapping[RaceKey, Start], key: RaceKey) -> int | None:
    start = by_race.get(key)
    return start.moment if start else None
