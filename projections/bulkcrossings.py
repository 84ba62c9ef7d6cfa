"""Crossings of many chips at once, in columns of numpy: see `projections.bulk`.

What comes out is what `crossings.passings` says of each chip. For feeds that
are alone in hearing their point, and reads that nobody has corrected: nearly
all that there are.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat

import numpy as np

from projections.bulkstamps import Numbers
from projections.crossings import Feed, Passing, choose_index
from projections.reads import POSITION_BITS, Columns, ReadSet
from wire.reads import ReadKind
from wire.settings import PointSettings


def passings_of_many(
    reads: ReadSet, several: Sequence[Columns], feed: Feed, settings: PointSettings
) -> list[list[Passing]]:
    """The crossings of each of several chips at the point of a feed, which has heard them all."""
    moments = _joined(columns.moments for columns in several)
    origins = _joined(columns.origins for columns in several)
    chips = np.cumsum([0, *(len(columns.moments) for columns in several)])
    begins_one = np.diff(moments, prepend=moments[0]) > settings.gap
    begins_one[chips[:-1]] = True
    begins = np.flatnonzero(begins_one)
    ends = np.append(begins[1:], len(moments))
    details = origins >> POSITION_BITS
    chosen, tied = _choose(moments, _ranks(reads, settings.rule)[details], begins, ends, settings)
    crossings_of = np.searchsorted(begins, chips)
    for at in tied.tolist():
        chip = int(np.searchsorted(crossings_of, at, side="right")) - 1
        first = int(chips[chip])
        span = int(begins[at]) - first, int(ends[at]) - first
        chosen[at] = first + choose_index(reads, several[chip], *span, settings.rule)
    kinds = np.array([detail.kind for detail in reads.details], np.int64)
    found = [
        *map(
            Passing,
            (moments[begins] + feed.shift).tolist(),
            (moments[ends - 1] + feed.shift).tolist(),
            (ends - begins).tolist(),
            (moments[chosen] + feed.shift).tolist(),
            origins[chosen].tolist(),
            repeat(feed.id),
            repeat(feed.backup),
            (kinds[details[chosen]] < ReadKind.BEST_SEEN).tolist(),
        )
    ]
    return [found[begin:end] for begin, end in pairwise(crossings_of.tolist())]


def _joined(columns: "Iterable[array[int]]") -> Numbers:
    return np.frombuffer(b"".join(columns), np.int64)


def _ranks(reads: ReadSet, rule: str) -> Numbers:
    """Of each detail a number: the smaller, the better a read by this rule."""
    ranks = reads.ranks if rule == "best" else [(kind, 0.0) for kind, _ in reads.ranks]
    places = {rank: place for place, rank in enumerate(sorted(set(ranks)))}
    return np.array([places[rank] for rank in ranks], np.int64)


def _choose(
    moments: Numbers, ranks: Numbers, begins: Numbers, ends: Numbers, settings: PointSettings
) -> tuple[Numbers, Numbers]:
    """Of each crossing the read that `crossings.choose` takes, and which are not decided by that.

    A crossing's reads are those from where it begins to where it ends. Where
    two that are chosen from have one moment, what else they say decides.
    """
    best = np.repeat(np.minimum.reduceat(ranks, begins), ends - begins)
    among = np.flatnonzero(ranks == best)
    if settings.rule == "last":
        chosen = among[np.searchsorted(among, ends) - 1]
        beside = np.maximum(chosen - 1, begins)
    else:
        chosen = among[np.searchsorted(among, begins)]
        beside = np.minimum(chosen + 1, ends - 1)
    return chosen, np.flatnonzero((beside != chosen) & (moments[beside] == moments[chosen]))
