"""Crossings that go on: what more reads make of those that were known, without looking at all.

A chip that lies on a mat is one crossing of tens of thousands of reads, with
one more each second. Only the newest of them are looked at when more come:
how the crossing began is remembered. What comes out is what `passings` would
work out of all reads.
"""

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from projections.crossings import (
    NONE,
    SEEN,
    Corrections,
    Feed,
    Passing,
    Point,
    feeds_told,
    passing,
    passings,
    passings_of_one,
    rank,
    rows_of,
)
from projections.reads import Columns, ReadSet
from wire.settings import PointSettings

LONG = 100  # reads: of a crossing of twice as many and more, the newest ones are looked at


def passings_since(  # noqa: PLR0917 - `passings`, and what was known before
    reads: ReadSet,
    by_feed: dict[int, Columns],
    point: Point,
    corrections: Corrections,
    before: list[Passing],
    since: int,
    begun: Passing | None,
) -> tuple[list[Passing], Passing | None]:
    """`passings`, given those `before`, and that no read sooner than `since` (ns UTC) changed.

    The same list when nothing changed at this point. Crossings that were over
    by then stay, and of a long one that goes on only its newest reads are
    looked at: a long race, or a chip that lies on a mat, costs no more per
    read than a short one. For that the second value is how the last crossing
    began, to be given as `begun` the next time.
    """
    told = feeds_told(by_feed, point)
    if not before or not told:
        return passings(reads, by_feed, point, corrections), None
    if all(by_feed[feed.id].moments[-1] < since for feed in told):
        return before, begun
    sooner = since + min([corrections.least_shift(feed) for feed in told])
    kept = len(before)
    while kept and before[kept - 1].last + point.settings.gap >= sooner:
        kept -= 1
    if begun is not None and begun.last >= sooner:
        begun = None
    if kept == len(before):
        start, goes_on = sooner, None
    elif kept + 1 == len(before) and begun is not None:
        start, goes_on = begun.last + 1, begun
    else:
        start, goes_on = min(sooner, before[kept].first), None
    since_then = passings(reads, by_feed, point, corrections, start)
    if goes_on is not None:
        since_then = _continued(reads, goes_on, since_then, point.settings)
    if not since_then:
        return before, begun
    found = before[:kept] + since_then
    return found, _beginning(reads, by_feed, point, corrections, found, begun)


def _continued(
    reads: ReadSet, begun: Passing, found: list[Passing], settings: PointSettings
) -> list[Passing]:
    """The crossing that began so, and those `found` after it, of which the first may belong to it.

    The two parts of it have no moment in common.
    """
    if not found or found[0].first - begun.last > settings.gap:
        return [begun, *found]

    def ranked(part: Passing) -> tuple[object, ...]:
        feed = SEEN if part.feed == SEEN.id else Feed(part.feed, part.backup)
        return rank(reads, settings.rule, part.moment, part.origin, feed)

    whole = msgspec.structs.replace(
        min(begun, found[0], key=ranked),
        first=begun.first,
        last=found[0].last,
        reads=begun.reads + found[0].reads,
    )
    return [whole, *found[1:]]


def _beginning(  # noqa: PLR0917 - as `passings_since`
    reads: ReadSet,
    by_feed: dict[int, Columns],
    point: Point,
    corrections: Corrections,
    found: list[Passing],
    begun: Passing | None,
) -> Passing | None:
    """The last crossing without its newest reads, if it is a long one; `begun` is what was known.

    Some of the newest are left out since reads come a little out of order.
    """
    if not found or found[-1].reads <= 2 * LONG:
        return None
    last = found[-1]
    if begun is not None and begun.first != last.first:
        begun = None
    if begun is not None and last.reads - begun.reads <= 2 * LONG:
        return begun
    start, settings = last.first if begun is None else begun.last + 1, point.settings
    told = feeds_told(by_feed, point)
    if corrections is NONE and len(told) == 1:
        feed, columns = told[0], by_feed[told[0].id]
        first = bisect_left(columns.moments, start - feed.shift)
        cut = _cut(columns.moments, first)
        part = passings_of_one(reads, columns, feed, settings, begin=first, until=cut)
    else:
        rows = rows_of(reads, by_feed, point, corrections, start)
        cut = _cut([row[0] for row in rows], 0)
        part = [passing(reads, rows[:cut], settings.rule)] if cut else []
    if not part:
        return begun
    return part[0] if begun is None else _continued(reads, begun, part, settings)[0]


def _cut(moments: Sequence[int], first: int) -> int:
    """Where the newest of the moments from `first` on begin; the same moment is not divided."""
    cut = max(first, len(moments) - LONG)
    while cut > first and moments[cut - 1] == moments[cut]:
        cut -= 1
    return cut
