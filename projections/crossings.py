"""Crossings: one passing of one chip at one point, as a pure function of its distinct reads.

Reads of a chip at a point, in order of moment, split into crossings where
the pause between neighbours exceeds the point's gap; each crossing's moment
is that of one chosen read (DESIGN 5). Nothing here remembers an order of
arrival, so there is none to get wrong.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, repeat
from operator import itemgetter

import msgspec

from projections.reads import POSITION_BITS, POSITION_MASK, WEAKEST, Columns, ReadSet
from projections.rulings import ReadRuling, Shift, Sighting, is_void
from wire.settings import FeedSettings, PointSettings, Settings


class Feed(msgspec.Struct, frozen=True):
    """A feed as a point uses it: its id in the `ReadSet`, whether a backup, its shift in ns."""

    id: int
    backup: bool = False
    shift: int = 0


class Point(msgspec.Struct, frozen=True):
    """A timing point with the feeds that have spoken, main ones first, and its rule."""

    settings: PointSettings
    feeds: tuple[Feed, ...]


# A read at a point: its moment (ns UTC, shifted by its feed's shift), its
# origin (see `reads.Columns`), and its feed. A plain tuple, since there are many.
Row = tuple[int, int, Feed]


# What somebody saw: it outranks what any reader says.
SEEN = Feed(-1)
SEEN_BY = "operator"  # in the place of a source


class Corrections(msgspec.Struct, frozen=True):
    """What people said about the reads of one chip: clock shifts by feed, voids, sightings."""

    shifts: dict[int, tuple[Shift, ...]] = {}
    reads: tuple[ReadRuling, ...] = ()
    sightings: tuple[Sighting, ...] = ()

    def shift_of(self, feed: Feed, moment: int) -> int:
        """By how much (ns) a stamp is corrected: by its feed's own shift and by what was said."""
        said = self.shifts.get(feed.id, ())
        return feed.shift + sum(s.shift for s in said if s.covers(moment))

    def least_shift(self, feed: Feed) -> int:
        """No stamp of the feed is corrected by less (ns)."""
        return feed.shift + sum(min(s.shift, 0) for s in self.shifts.get(feed.id, ()))

    def most_shift(self, feed: Feed) -> int:
        """No stamp of the feed is corrected by more (ns)."""
        return feed.shift + sum(max(s.shift, 0) for s in self.shifts.get(feed.id, ()))


NONE = Corrections()


class Passing(msgspec.Struct, frozen=True, gc=False):
    """A crossing in its smallest form: ns UTC of its first, last and chosen read.

    `origin` and `feed` are the chosen read's; of a sighting, `feed` is
    `SEEN.id` and `origin` the statement's position. `provisional` when all
    reads are first-seen ones, never official.
    """

    first: int
    last: int
    reads: int
    moment: int
    origin: int
    feed: int
    backup: bool
    provisional: bool

    @property
    def position(self) -> int:
        """The event that brought the chosen read."""
        return self.origin & POSITION_MASK


def points_of(
    settings: Settings, feeds: Sequence[tuple[str, str]], seen_at: Iterable[str] = ()
) -> dict[str, Point]:
    """The timing points by name: those of the settings, and one for each feed that none claims.

    Points where somebody was only seen (`seen_at`) are points too.

    `feeds` are (source, wire name) in the order of their ids. A feed named
    with a source outranks the same name without one. The point of an
    unclaimed feed has the wire's name, or `source/name` where a point of the
    settings is called so but takes other feeds.
    """
    claims: dict[str, list[Feed]] = {p.name: [] for p in settings.points}
    named = {p.name: p for p in settings.points}
    # Ids tell who spoke first, and nothing may depend on that: feeds go by name.
    for id_, (source, name) in sorted(enumerate(feeds), key=itemgetter(1)):
        point, feed = claim(settings.points, source, name)
        named.setdefault(point, PointSettings(name=point))
        claims.setdefault(point, []).append(Feed(id_, feed.backup, feed.shift))
    for name in seen_at:
        named.setdefault(name, PointSettings(name=name))
        claims.setdefault(name, [])
    return {
        name: Point(named[name], tuple(sorted(each, key=lambda f: (f.backup, feeds[f.id]))))
        for name, each in claims.items()
    }


def claim(points: Iterable[PointSettings], source: str, name: str) -> tuple[str, FeedSettings]:
    """The point that takes what `source` calls `name`, and how: see `points_of`."""
    found: tuple[str, FeedSettings] | None = None
    for point in points:
        for feed in point.feeds or (FeedSettings(point.name),):
            if feed.name == name and feed.source == source:
                return point.name, feed
            if feed.name == name and not feed.source and found is None:
                found = (point.name, feed)
    if found is None and any(point.name == name for point in points):
        return f"{source}/{name}", FeedSettings(name)
    return found or (name, FeedSettings(name))


def rows_of(
    reads: ReadSet,
    by_feed: dict[int, Columns],
    point: Point,
    corrections: Corrections = NONE,
    since: int | None = None,
) -> list[Row]:
    """The distinct reads of one chip at `point`, ordered by moment, then by all they say.

    The same detection told by two feeds of the point counts once, the main
    feed's. Void reads are not among them; what somebody saw is. With `since`,
    only what is not sooner than that (ns, corrected).
    """
    told = feeds_told(by_feed, point)
    if corrections is not NONE:
        return _corrected_rows(reads, by_feed, told, point.settings.name, corrections, since)
    rows: list[Row] = []
    for feed in told:
        columns = by_feed[feed.id]
        moments, origins = columns.moments, columns.origins
        if since is not None:
            begin = bisect_left(moments, since - feed.shift)
            moments, origins = moments[begin:], origins[begin:]
        if feed.shift:
            shifted = (moment + feed.shift for moment in moments)
            rows += zip(shifted, origins, repeat(feed), strict=False)
        else:
            rows += zip(moments, origins, repeat(feed), strict=False)
    return rows if len(told) < 2 else _merged(reads, rows)


def feeds_told(by_feed: dict[int, Columns], point: Point) -> list[Feed]:
    """The feeds of a point that read the chip, main ones first."""
    return [feed for feed in point.feeds if feed.id in by_feed]


def _corrected_rows(  # noqa: PLR0917 - as `rows_of`
    reads: ReadSet,
    by_feed: dict[int, Columns],
    told: Sequence[Feed],
    name: str,
    corrections: Corrections,
    since: int | None,
) -> list[Row]:
    rows: list[Row] = []
    for feed in told:
        columns = by_feed[feed.id]
        begin = 0
        if since is not None:
            begin = bisect_left(columns.moments, since - corrections.most_shift(feed))
        rows += [
            (moment + corrections.shift_of(feed, moment), origin, feed)
            for moment, origin in zip(columns.moments[begin:], columns.origins[begin:], strict=True)
            if not (corrections.reads and is_void(corrections.reads, name, moment))
        ]
    rows += [(s.moment, s.position, SEEN) for s in corrections.sightings if s.point == name]
    if since is not None:
        rows = [row for row in rows if row[0] >= since]
    return _merged(reads, rows)


def _merged(reads: ReadSet, rows: list[Row]) -> list[Row]:
    # Rows that are equal here stay in the order of the point's feeds.
    rows.sort(key=lambda row: (row[0], *_told(reads, row), row[2].backup, _weakness(reads, row)))
    return [row for i, row in enumerate(rows) if i == 0 or not _same(reads, rows[i - 1], row)]


def _told(reads: ReadSet, row: Row) -> tuple[int, str, int]:
    """What a read says besides its moment and signal, in an order of our own."""
    if row[2] is SEEN:
        return -3, "", row[1]
    kind, reader, antenna, _ = reads.details[row[1] >> POSITION_BITS]
    return -kind, reader, antenna


def _weakness(reads: ReadSet, row: Row) -> float:
    if row[2] is SEEN:
        return 0
    rssi = reads.details[row[1] >> POSITION_BITS].rssi
    return WEAKEST if rssi is None else -rssi


def _same(reads: ReadSet, one: Row, other: Row) -> bool:
    return one[0] == other[0] and _told(reads, one) == _told(reads, other)


def split(rows: Sequence[Row], gap: int) -> Iterator[Sequence[Row]]:
    """Groups of reads between pauses longer than `gap` ns."""
    start = 0
    for i in range(1, len(rows)):
        if rows[i][0] - rows[i - 1][0] > gap:
            yield rows[start:i]
            start = i
    if rows:
        yield rows[start:]


def choose(reads: ReadSet, group: Sequence[Row], rule: str) -> Row:
    """The read whose moment the crossing takes.

    What somebody saw outranks everything, the last said first. Best-seen
    reads outrank first-seen ones, then a main feed outranks a backup; among
    those left, `best` is the strongest signal (none is the weakest) and then
    the earliest, `first` the earliest, `last` the latest. Ties are broken by
    what the reads say, never by arrival.
    """
    if len(group) == 1:
        return group[0]
    return min(group, key=lambda row: rank(reads, rule, row[0], row[1], row[2]))


def rank(
    reads: ReadSet, rule: str, moment: int, origin: int, feed: Feed
) -> tuple[int, bool, float, int, str, int]:
    """The smaller, the better a read by the rule."""
    if feed is SEEN:
        return -3, False, 0, -origin, "", 0
    kind, reader, antenna, rssi = reads.details[origin >> POSITION_BITS]
    signal = (WEAKEST if rssi is None else -rssi) if rule == "best" else 0
    return -kind, feed.backup, signal, -moment if rule == "last" else moment, reader, antenna


def passings(
    reads: ReadSet,
    by_feed: dict[int, Columns],
    point: Point,
    corrections: Corrections = NONE,
    since: int | None = None,
) -> list[Passing]:
    """The crossings of one chip at `point`, in order of moment of their first read.

    With `since`, of the reads only that are not sooner than that (ns, corrected).
    """
    settings = point.settings
    if corrections is NONE:
        told = feeds_told(by_feed, point)
        if not told:
            return []
        if len(told) == 1:
            feed = told[0]
            columns = by_feed[feed.id]
            begin = 0 if since is None else bisect_left(columns.moments, since - feed.shift)
            return passings_of_one(reads, columns, feed, settings, begin=begin)
    rows = rows_of(reads, by_feed, point, corrections, since)
    return [passing(reads, group, settings.rule) for group in split(rows, settings.gap)]


def passing(reads: ReadSet, group: Sequence[Row], rule: str) -> Passing:
    """The crossing of these reads, in order."""
    moment, origin, feed = choose(reads, group, rule)
    count = len(group)
    if feed is SEEN:
        count -= sum(row[2] is SEEN for row in group)
        provisional = False
    else:
        provisional = reads.details[origin >> POSITION_BITS][0] < 2  # kind; best-seen is 2
    first, last = group[0][0], group[-1][0]
    return Passing(first, last, count, moment, origin, feed.id, feed.backup, provisional)


def passings_of_one(
    reads: ReadSet,
    columns: Columns,
    feed: Feed,
    settings: PointSettings,
    *,
    begin: int = 0,
    until: int | None = None,
) -> list[Passing]:
    """`passings` where one feed told all, as nearly everywhere: the same, without rows.

    Of the reads from index `begin` to before `until`.
    """
    moments, origins, gap, shift = columns.moments, columns.origins, settings.gap, feed.shift
    some = moments[begin:until] if begin or until is not None else moments
    if not some:
        return []
    ends = [i for i, (a, b) in enumerate(pairwise(some), begin + 1) if b - a > gap]
    ends.append(begin + len(some))
    found = []
    start, rule = begin, settings.rule
    for end in ends:
        chosen = start if end == start + 1 else choose_index(reads, columns, start, end, rule)
        origin = origins[chosen]
        found.append(
            Passing(
                moments[start] + shift,
                moments[end - 1] + shift,
                end - start,
                moments[chosen] + shift,
                origin,
                feed.id,
                feed.backup,
                reads.details[origin >> POSITION_BITS][0] < 2,
            )
        )
        start = end
    return found


def choose_index(reads: ReadSet, columns: Columns, start: int, end: int, rule: str) -> int:
    """`choose` among the reads `start` to `end` of one feed."""
    moments, ranked = columns.moments, reads.ranks
    told = [origin >> POSITION_BITS for origin in columns.origins[start:end]]
    ranks = [ranked[detail] for detail in told]
    if rule != "best":
        ranks = [(kind, 0.0) for kind, _ in ranks]
    best = min(ranks)
    if rule == "last":
        at = end - start - 1 - ranks[::-1].index(best)
        moment = moments[start + at]
        equal = [i for i in range(at + 1) if ranks[i] == best and moments[start + i] == moment]
    else:
        at = ranks.index(best)
        if at + 1 == end - start or moments[start + at + 1] != moments[start + at]:
            return start + at
        moment = moments[start + at]
        equal = [i for i, r in enumerate(ranks) if r == best and moments[start + i] == moment]
    return start + min(equal, key=lambda i: reads.details[told[i]][1:3])


def pauses(reads: ReadSet, points: Iterable[Point]) -> dict[str, list[int]]:
    """For each point the sorted pauses (ns) between reads of one chip: to pick a gap by."""
    found: dict[str, list[int]] = {}
    for point in points:
        spans = found.setdefault(point.settings.name, [])
        for by_feed in reads.chips.values():
            moments = [row[0] for row in rows_of(reads, by_feed, point)]
            spans.extend(b - a for a, b in pairwise(moments))
        spans.sort()
    return found
