"""Crossings: one passing of one chip at one point, as a pure function of its distinct reads.

Reads of a chip at a point, in order of moment, split into crossings where
the pause between neighbours exceeds the point's gap; each crossing's moment
is that of one chosen read (DESIGN 5). Nothing here remembers an order of
arrival, so there is none to get wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from projections.reads import POSITION_BITS, POSITION_MASK, Columns, ReadSet
from wire.settings import FeedSettings, PointSettings, Settings


class Feed(msgspec.Struct, frozen=True):
    """A feed as a point uses it: its id in the `ReadSet`, whether a backup, its shift in ns."""

    id: int
    backup: bool = False
    shift: int = 0


class Point(msgspec.Struct, frozen=True):
    """A timing point with the feeds that have spoken, and its rule."""

    settings: PointSettings
    feeds: tuple[Feed, ...]


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A read as a crossing sees it: its moment shifted by its feed's shift."""

    moment: int
    kind: int
    reader: str
    antenna: int
    rssi: int | float | None
    backup: bool
    feed: int
    position: int


class Passing(msgspec.Struct, frozen=True, gc=False):
    """A crossing in its smallest form; `chosen` gives it its moment (ns UTC)."""

    first: int
    last: int
    reads: int
    chosen: Candidate

    @property
    def moment(self) -> int:
        """The crossing's moment, ns UTC."""
        return self.chosen.moment

    @property
    def provisional(self) -> bool:
        """Only first-seen reads: never official."""
        return self.chosen.kind < 2


def points_of(settings: Settings, feeds: Sequence[tuple[str, str]]) -> dict[str, Point]:
    """The timing points by name: those of the settings, and one for each feed that none claims.

    `feeds` are (source, wire name) in the order of their ids. A feed named
    with a source outranks the same name without one.
    """
    claims: dict[str, list[Feed]] = {p.name: [] for p in settings.points}
    named = {p.name: p for p in settings.points}
    for id_, (source, name) in enumerate(feeds):
        point, feed = _claim(settings.points, source, name)
        named.setdefault(point, PointSettings(name=point))
        claims.setdefault(point, []).append(Feed(id_, feed.backup, feed.shift))
    return {name: Point(named[name], tuple(claims[name])) for name in claims}


def _claim(points: Iterable[PointSettings], source: str, name: str) -> tuple[str, FeedSettings]:
    found: tuple[str, FeedSettings] | None = None
    for point in points:
        for feed in point.feeds or (FeedSettings(point.name),):
            if feed.name == name and feed.source == source:
                return point.name, feed
            if feed.name == name and not feed.source and found is None:
                found = (point.name, feed)
    return found or (name, FeedSettings(name))


def candidates(reads: ReadSet, by_feed: dict[int, Columns], point: Point) -> list[Candidate]:
    """The distinct reads of one chip at `point`, ordered by moment, then by all they say.

    The same detection told by two feeds of the point counts once, the main feed's.
    """
    details = reads.details
    found = []
    for feed in point.feeds:
        columns = by_feed.get(feed.id)
        if columns is None:
            continue
        for moment, origin in zip(columns.moments, columns.origins, strict=True):
            d = details[origin >> POSITION_BITS]
            position = origin & POSITION_MASK
            found.append(
                Candidate(
                    moment + feed.shift, d[0], d[1], d[2], d[3], feed.backup, feed.id, position
                )
            )
    if len(point.feeds) > 1:
        found.sort(key=_order)
        return list(_distinct(found))
    return found


def _order(c: Candidate) -> tuple[int, int, str, int, bool, float, int]:
    return c.moment, c.kind, c.reader, c.antenna, c.backup, -_signal(c), c.feed


def _distinct(ordered: Iterable[Candidate]) -> Iterator[Candidate]:
    before = None
    for c in ordered:
        same = (c.moment, c.kind, c.reader, c.antenna)
        if same != before:
            yield c
        before = same


def split(ordered: Sequence[Candidate], gap: int) -> Iterator[Sequence[Candidate]]:
    """Groups of reads between pauses longer than `gap` ns."""
    start = 0
    for i in range(1, len(ordered)):
        if ordered[i].moment - ordered[i - 1].moment > gap:
            yield ordered[start:i]
            start = i
    if ordered:
        yield ordered[start:]


def choose(group: Sequence[Candidate], rule: str) -> Candidate:
    """The read whose moment the crossing takes.

    Best-seen reads outrank first-seen ones, then a main feed outranks a
    backup; among those left, `best` is the strongest signal (none is the
    weakest) and then the earliest, `first` the earliest, `last` the latest.
    Ties are broken by what the reads say, never by arrival.
    """
    if len(group) == 1:
        return group[0]
    if rule == "last":
        return max(group, key=lambda c: (c.kind, not c.backup, c.moment, c.reader, c.antenna))
    if rule == "first":
        return min(group, key=lambda c: (-c.kind, c.backup, c.moment, c.reader, c.antenna))
    return min(group, key=lambda c: (-c.kind, c.backup, -_signal(c), c.moment, c.reader, c.antenna))


def _signal(c: Candidate) -> float:
    return float("-inf") if c.rssi is None else c.rssi


def passings(reads: ReadSet, by_feed: dict[int, Columns], point: Point) -> list[Passing]:
    """The crossings of one chip at `point`, in order of moment of their first read."""
    settings = point.settings
    return [
        Passing(group[0].moment, group[-1].moment, len(group), choose(group, settings.rule))
        for group in split(candidates(reads, by_feed, point), settings.gap)
    ]


def pauses(reads: ReadSet, points: Iterable[Point]) -> dict[str, list[int]]:
    """For each point the sorted pauses (ns) between reads of one chip: to pick a gap by."""
    found: dict[str, list[int]] = {}
    for point in points:
        spans = found.setdefault(point.settings.name, [])
        for by_feed in reads.chips.values():
            moments = [c.moment for c in candidates(reads, by_feed, point)]
            spans.extend(b - a for a, b in pairwise(moments))
        spans.sort()
    return found
