"""Many reads at once, in columns of numpy: how a replay takes in what a log is mostly made of.

What comes out is what `ReadSet.add` makes of the same reads one after the
other. This costs a fraction of it where there are hundreds, and more where
there are few; loading numpy takes longer than folding a small log, so that
this module is loaded when there is a use for it.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count
from typing import Generic, TypeVar

import numpy as np

from projections.bulkstamps import Numbers, Stamps
from projections.clock import SourceClock
from projections.facts import Span
from projections.reads import NEVER, NEW, POSITION_BITS, ReadSet, chip_text
from store.event import Event
from wire.reads import Plain, Told

_T = TypeVar("_T", bound=Hashable)
_WORD = 8  # bytes of a moment and of an origin


class _Numbering(Generic[_T]):
    """A column in which few different values come again and again, kept as their numbers."""

    def __init__(self) -> None:
        self._numbers: defaultdict[_T, int] = defaultdict(count().__next__)
        self._columns: list[Numbers] = []

    def take(self, values: Sequence[_T]) -> None:
        """Further values."""
        numbers = map(self._numbers.__getitem__, values)
        self._columns.append(np.fromiter(numbers, np.int64, len(values)))

    @property
    def values(self) -> list[_T]:
        """The different values, in the order of their first places."""
        return list(self._numbers)

    @cached_property
    def column(self) -> Numbers:
        """Of each place the number of its value: its index in `values`."""
        return np.concatenate(self._columns)


class Batch:
    """Plain reads of successive events of one connection, on their way into the set.

    In columns: what is wanted of a `facts.Reads` can be had of it too. While
    nothing but `take` was called, more can be taken.
    """

    def __init__(self, source: str) -> None:
        """Of a connection of this source; nothing yet."""
        self.source = source
        self.events: list[Event] = []
        self.lines: list[Mapping[str, Sequence[int]]] = []  # see `Plain.lines`
        self.told = _Numbering[Told]()
        self._counts: list[int] = []
        self._stamps = Stamps()
        self._chips = _Numbering[str | int]()

    def take(self, events: Sequence[Event], plain: Plain, clock: SourceClock) -> bool:
        """Further events and what they hold; false, and nothing is taken, if the stamps forbid."""
        if not self._stamps.take(clock, plain.stamps):
            return False
        self.events += events
        self.lines.append(plain.lines())
        self.told.take(plain.told)
        self._counts += plain.counts
        self._chips.take(plain.chips)
        return True

    @cached_property
    def utc(self) -> Numbers | None:
        """The moment of each read in ns; None when they must be looked at one after the other."""
        return self._stamps.moments()

    @cached_property
    def moments(self) -> list[int]:
        """The same as a list."""
        return [] if self.utc is None else self.utc.tolist()

    @property
    def size(self) -> int:
        """How many reads there are."""
        return sum(self._counts)

    @cached_property
    def positions(self) -> Numbers:
        """The event of each read."""
        return np.repeat(np.array([e.position for e in self.events], np.int64), self._counts)

    def spans(self, newest: int | None = None) -> Iterator[Span]:
        """Of each event in order, or of so many newest ones: which reads it completed."""
        first = 0 if newest is None else max(0, len(self.events) - newest)
        begin = sum(self._counts[:first])
        for event, brought in zip(self.events[first:], self._counts[first:], strict=True):
            yield Span(event.position, event.recorded_at, begin, begin + brought)
            begin += brought

    @cached_property
    def chip_column(self) -> tuple[list[str], Numbers]:
        """The different chips, and of each read the index of its own."""
        numbers: dict[str, int] = {}
        renumbered = [
            numbers.setdefault(chip_text(value), len(numbers)) for value in self._chips.values
        ]
        return list(numbers), np.array(renumbered, np.int64)[self._chips.column]

    def chips(self, begin: int = 0, end: int | None = None) -> list[str]:
        """The chips of these reads, in order."""
        chips, column = self.chip_column
        return [chips[number] for number in column[begin:end].tolist()]


def add(known: ReadSet, batch: Batch, utc: Numbers, dirty: dict[str, int]) -> list[int]:
    """`ReadSet.add` of a batch with these moments: the positions of those it had already.

    Sorted by chip, feed and moment, most reads are in a stretch that goes to
    the end of what the chip has. Those of a stretch that does not, or in which
    reads of one moment differ, are put in one by one.
    """
    chips, chip_of = batch.chip_column
    feed_of, detail_of = _feeds_and_details(known, batch)
    group = chip_of * len(known.feeds) + feed_of
    order = np.lexsort((utc, group))
    group, moments, detail = group[order], utc[order], detail_of[order]
    origins = detail << POSITION_BITS | batch.positions[order]

    same = np.zeros(len(order), bool)  # as the one before, in chip, feed and moment
    same[1:] = (group[1:] == group[:-1]) & (moments[1:] == moments[:-1])
    copy = same.copy()  # in all it says
    copy[1:] &= detail[1:] == detail[:-1]
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    odd = np.logical_or.reduceat(same & ~copy, begins)
    ends = np.add.reduceat(~copy, begins, dtype=np.int64).cumsum()
    kept_moments, kept_origins = moments[~copy].tobytes(), origins[~copy].tobytes()

    singly: list[int] = []  # the groups of which each read is put in by itself
    begin, sets = 0, known.chips.decoded
    stretches = (group, chip_of[order], feed_of[order], moments)
    columns = [each[begins].tolist() for each in stretches]
    for number, which, feed, first, end, differs in zip(
        *columns, ends.tolist(), odd.tolist(), strict=True
    ):
        chip = chips[which]
        by_feed = sets.get(chip)
        had = None if by_feed is None else by_feed.get(feed)
        if had is None:
            had = known.columns(chip, feed)
        if differs or (had.moments and first <= had.moments[-1]):
            singly.append(number)
        else:
            had.moments.frombytes(kept_moments[begin * _WORD : end * _WORD])
            had.origins.frombytes(kept_origins[begin * _WORD : end * _WORD])
            known.sizes[feed] += end - begin
            if first < dirty.get(chip, NEVER):
                dirty[chip] = first
        begin = end

    alone = np.isin(group, singly)
    found: list[int] = batch.positions[order[copy & ~alone]].tolist()
    for place in np.sort(order[alone]).tolist():
        chip, position = chips[chip_of[place]], int(batch.positions[place])
        told = int(feed_of[place]), int(utc[place]), int(detail_of[place])
        if known.put(chip, *told, position, dirty) is not NEW:
            found.append(position)
    found.sort()
    return found


def _feeds_and_details(known: ReadSet, batch: Batch) -> tuple[Numbers, Numbers]:
    """The feed and the detail of each read."""
    told, column = batch.told.values, batch.told.column
    # A peer may invent a point for each read: finding the first one at each must not look at all.
    firsts = np.unique(column, return_index=True)[1].tolist()
    places: dict[str, int] = {}  # of each point: the first read that is there
    for (point, *_), first in zip(told, firsts, strict=True):
        places.setdefault(point, first)
    feeds = {
        point: known.feed(batch.source, point, int(batch.positions[place]))
        for point, place in places.items()
    }
    feed_of = np.array([feeds[point] for point, *_ in told], np.int64)
    detail_of = np.array([known.detail(each[1:]) for each in told], np.int64)
    return feed_of[column], detail_of[column]
