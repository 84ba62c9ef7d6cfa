"""The crossings of every chip, kept up to date with the reads, the points and what was said.

After a start on a saved state, the crossings of a chip are worked out when
they are first asked for, or just before it is read again: those of a long
meet take seconds, and nearly nobody asks for those of yesterday's swimmers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter

from projections.crossings import NONE, Corrections, Passing, Point, points_of
from projections.intake import State
from projections.ongoing import passings_since
from projections.reads import NEVER
from projections.rulings import Rulings, Shift, differing
from projections.startlist import canonical

MANY = 100  # chips: of fewer, loading numpy takes longer than it saves
CrossingKey = tuple[str, str, int]  # chip, point, first read in ns UTC
Differences = dict[CrossingKey, Passing | None]


class Crossed:
    """The crossings by chip and point, as of the last `settle`."""

    def __init__(self, state: State) -> None:
        self.points: dict[str, Point] = {}
        self._state = state
        self._rulings = Rulings()
        self._passings: dict[str, dict[str, list[Passing]]] = {}
        self._begun: dict[tuple[str, str], Passing] = {}  # of long ones: see `passings_since`
        self._unworked: set[str] = set()  # chips whose crossings are not in `_passings` yet
        self._point_of: dict[int, tuple[int, Point]] = {}
        self._feeds_known = -1
        self._feed_shifts: dict[int, tuple[Shift, ...]] = {}
        self._spoken: dict[str, list[str]] = {}

    def adopt(self, rulings: Rulings) -> None:
        """Take up a saved state that was settled by these rulings."""
        reads = self._state.reads
        self._take_over(rulings, self._points(rulings))
        self._unworked = set(reads.chips)
        for chip in reads.chips:
            self._spoken.setdefault(canonical(chip), []).append(chip)
        for spoken in self._spoken.values():
            spoken.sort()
        for chip in rulings.sightings.keys() - self._unworked:
            self._settle_chip(chip, {}, 0)

    def foresee(self, chips: Iterable[str]) -> None:
        """Reads of these chips are about to come: what they had so far must be known."""
        if self._unworked:
            for chip in self._unworked.intersection(chips):
                self.passings(chip)

    def chips(self) -> tuple[str, ...]:
        """The chips that have crossings."""
        return (*self._passings, *sorted(self._unworked))

    def spoken(self, chip: str) -> Sequence[str]:
        """The chips that have crossings and are the same but for leading zeros: see `canonical`."""
        return self._spoken.get(chip, ())

    def passings(self, chip: str) -> dict[str, list[Passing]]:
        """The crossings of a chip by point, each in order of moment."""
        if chip in self._unworked:
            self._unworked.remove(chip)
            self._passings[chip] = self._work_out(chip, {}, 0)
        return self._passings.get(chip, {})

    def work_out(self, chips: Iterable[str] | None = None) -> None:
        """Work out the crossings of all chips, or of these, that nobody has asked for yet."""
        wanted = self._unworked if chips is None else self._unworked.intersection(chips)
        ready = self._work_out_many([*wanted])
        self._passings |= ready
        self._unworked -= ready.keys()
        for chip in wanted.difference(ready):
            self.passings(chip)

    def settle(self, since: dict[str, int], rulings: Rulings, *, anew: bool) -> Differences:
        """Work out anew the crossings of chips of which reads changed `since` a moment (ns UTC).

        With `anew`, or a new feed, the points may be others, and what was
        said; `since` gets the chips that this concerns. What differs is returned.
        """
        others: set[str] = set()
        heard: set[str] = set()
        if anew or self._feeds_known != len(self._state.reads.feeds):
            points = self._points(rulings)
            said, heard, others = self._concerned(rulings, points)
            self.work_out(said | heard)  # while the points and rulings are those of before
            self._take_over(rulings, points)
            heard -= since.keys() | said
            since |= dict.fromkeys(chain(said, heard), 0)
        found: Differences = {}
        ready = self._work_out_many(
            [chip for chip, moment in since.items() if not (moment and self._passings.get(chip))]
        )
        for chip, moment in since.items():
            before = self.passings(chip)
            if chip in heard:
                kept = {name: each for name, each in before.items() if name not in others}
                self._settle_chip(chip, kept, NEVER, ready.get(chip))
            else:
                self._settle_chip(chip, before if moment else {}, moment, ready.get(chip))
            compare(chip, before, self.passings(chip), found)
        return found

    def _concerned(
        self, rulings: Rulings, points: Mapping[str, Point]
    ) -> tuple[set[str], set[str], set[str]]:
        """What these rulings and points make other than it was.

        The chips of which something else is said, those that were heard by
        feeds that are read otherwise, and the points that have such feeds.
        """
        before, known = self._rulings, self.points
        names = differing(known, points)
        sources = differing(before.shifts, rulings.shifts)
        feeds = {n for n, (source, _) in enumerate(self._state.reads.feeds) if source in sources}
        for each in (known, points):
            feeds |= {feed.id for name in names & each.keys() for feed in each[name].feeds}
        said = differing(before.reads, rulings.reads)
        said |= differing(before.sightings, rulings.sightings)
        for chip, seen in chain(before.sightings.items(), rulings.sightings.items()):
            if not names.isdisjoint([s.point for s in seen]):
                said.add(chip)
        if not feeds:
            return said, set(), names
        for name, point in points.items():
            if any(feed.id in feeds for feed in point.feeds):
                names.add(name)
        heard = self._state.reads.chips.items()
        return said, {chip for chip, fed in heard if not feeds.isdisjoint(fed)}, names

    def _points(self, rulings: Rulings) -> dict[str, Point]:
        """The timing points by the settings, the feeds and the rulings of now."""
        seen_at = (s.point for each in rulings.sightings.values() for s in each)
        return points_of(self._state.settings, self._state.reads.feeds, seen_at)

    def _take_over(self, rulings: Rulings, points: dict[str, Point]) -> None:
        """Work by these rulings and points from now on."""
        reads = self._state.reads
        self._rulings, self.points = rulings, points
        self._feeds_known = len(reads.feeds)
        self._point_of = {
            feed.id: (place, point)
            for place, point in enumerate(points.values())
            for feed in point.feeds
        }
        self._feed_shifts = {
            id_: rulings.shifts[source]
            for id_, (source, _) in enumerate(reads.feeds)
            if source in rulings.shifts
        }

    def _settle_chip(
        self,
        chip: str,
        known: Mapping[str, list[Passing]],
        since: int,
        ready: dict[str, list[Passing]] | None = None,
    ) -> None:
        """Note a chip's crossings now: those that are `ready`, else worked out."""
        if chip not in self._state.reads.chips and chip not in self._rulings.sightings:
            # Somebody was said to have been seen with it, and was not.
            self._passings.pop(chip, None)
            spoken = self._spoken.get(canonical(chip), [])
            if chip in spoken:
                spoken.remove(chip)
            return
        if ready is None:
            ready = self._work_out(chip, known, since)
        self._passings[chip] = ready
        spoken = self._spoken.setdefault(canonical(chip), [])
        if chip not in spoken:
            spoken.append(chip)
            spoken.sort()

    def _work_out(
        self, chip: str, known: Mapping[str, list[Passing]], since: int
    ) -> dict[str, list[Passing]]:
        """The crossings of a chip by point, `known` being those before what changed `since`."""
        reads = self._state.reads
        by_feed = reads.chips.get(chip, {})
        corrections = self.corrections(chip)
        all_found = {}
        for name, point in self._points_of_chip(by_feed, corrections):
            before = known.get(name, [])
            begun = self._begun.pop((chip, name), None)
            found, begun = passings_since(reads, by_feed, point, corrections, before, since, begun)
            if begun is not None:
                self._begun[chip, name] = begun
            if found:
                all_found[name] = found
        return all_found

    def _work_out_many(self, chips: Sequence[str]) -> dict[str, dict[str, list[Passing]]]:
        """`_work_out` of chips of which nothing was known, as far as that saves time.

        That is where each of their feeds has heard many, and is alone at its point.
        """
        if len(chips) < MANY:
            return {}
        from projections import bulkcrossings  # it loads numpy

        reads = self._state.reads
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

    def corrections(self, chip: str) -> Corrections:
        """What people said about the reads of a chip."""
        rulings = self._rulings
        voids, sightings = rulings.reads.get(chip, ()), rulings.sightings.get(chip, ())
        if not (voids or sightings or self._feed_shifts):
            return NONE
        return Corrections(self._feed_shifts, voids, sightings)


def compare(
    chip: str,
    before: Mapping[str, list[Passing]],
    now: Mapping[str, list[Passing]],
    found: Differences,
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
