"""Readings: the reads behind a crossing, what became of each, and how dense reads were. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from meetlog.judging import judge
from meetlog.verdicts import JudgedRead, Window
from projections.meet import Meet
from projections.views import Crossing, Lane, Split
from wire.settings import CourseSettings
from wire.stamps import MINUTE, NS

SPAN = 10 * MINUTE
BUCKET = 10 * NS
_NO_COURSE = CourseSettings(())


def reads_of(meet: Meet, crossing: Crossing) -> list[JudgedRead]:
    """Every distinct read of a crossing in order of moment, with why it was chosen or was not.

    Voided reads of its span are among them.
    """
    # The crossing is judged as if it were a split of somebody: then its reads are compared.
    split = Split(crossing.point, 0, 0, crossing.moment_ns, crossing.position)
    lane = Lane(0, "", (crossing.swimmer,), "", "", (crossing.chip,), None, "", None, (split,))
    _, judged = judge(meet, Window(lane, _NO_COURSE, 0, None), [crossing.chip])
    mine = [
        read
        for read in judged
        if read.point == crossing.point and crossing.first_ns <= read.corrected <= crossing.last_ns
    ]
    return sorted(mine, key=lambda read: (read.corrected, read.origin))


def rates(meet: Meet, until: int) -> Mapping[str, Sequence[int]]:
    """Distinct reads at each point, in `BUCKET`s over the `SPAN` before `until` (ns UTC)."""
    begin = until - SPAN
    point_of = {
        feed.id: (point.settings.name, feed.shift)
        for point in meet.points()
        for feed in point.feeds
    }
    found = {point.settings.name: [0] * (SPAN // BUCKET) for point in meet.points()}
    for by_feed in meet.state.reads.chips.values():
        for feed, columns in by_feed.items():
            known = point_of.get(feed)
            if known is None or not columns.moments or columns.moments[-1] + known[1] < begin:
                continue
            name, shift = known
            counts = found[name]
            start = bisect_left(columns.moments, begin - shift)
            end = bisect_right(columns.moments, until - shift - 1)
            for moment in columns.moments[start:end]:
                counts[(moment + shift - begin) // BUCKET] += 1
    return dict(sorted(found.items()))
