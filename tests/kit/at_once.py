"""Stamps and reads as a replay takes them in: many at once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from projections.bulkstamps import Stamps
from projections.clock import SourceClock
from projections.reads import POSITION_BITS, POSITION_MASK, ReadSet
from wire.ctp01 import DataLine, to_raw_read
from wire.reads import Plain, RawRead, Told, in_columns


def moments_at_once(clock: SourceClock, stamps: Sequence[str]) -> list[int] | None:
    """What these stamps are in UTC by the columns of a replay; None when it leaves them alone."""
    column = Stamps()
    if not column.take(clock, stamps):
        return None
    found = column.moments()
    return None if found is None else found.tolist()


def held(reads: ReadSet) -> dict[str, object]:
    """All that a set of reads says, whatever numbers it has given to feeds and details."""
    return {
        "feeds": dict(zip(reads.feeds, zip(reads.sizes, reads.firsts, strict=True), strict=True)),
        "reads": {
            (chip, reads.feeds[feed]): [
                (moment, reads.details[origin >> POSITION_BITS], origin & POSITION_MASK)
                for moment, origin in zip(columns.moments, columns.origins, strict=True)
            ]
            for chip, by_feed in reads.chips.items()
            for feed, columns in by_feed.items()
        },
    }


class Whole(NamedTuple):
    """What successive whole pieces say, however it is told."""

    reads: list[RawRead]
    chips: Sequence[str | int]
    stamps: Sequence[str]
    told: Sequence[Told]
    counts: Sequence[int]
    lines: Mapping[str, Sequence[int]]


def whole(plain: Plain) -> Whole:
    """Of the columns of a decoder."""
    told = plain.chips, plain.stamps, plain.told, plain.counts
    return Whole(plain.reads(), *told, plain.lines())


def fed(each: Sequence[Sequence[object]]) -> Whole | None:
    """Of what the decoder made of each piece one after the other; None where it is not plain."""
    items = [item for piece in each for item in piece]
    raws = [to_raw_read(item) if isinstance(item, DataLine) else item for item in items]
    reads = [raw for raw in raws if isinstance(raw, RawRead)]
    if len(reads) < len(items) or any(isinstance(i, DataLine) and i.is_newlocation for i in items):
        return None
    columns = in_columns(reads, [len(piece) for piece in each])
    lines: dict[str, list[int]] = {}
    for item in items:
        if isinstance(item, DataLine):
            lines.setdefault(item.location, []).append(item.seq)
    if columns is None:
        return None
    chips = [read.chip for read in reads]
    return Whole(reads, chips, columns.stamps, columns.told, columns.counts, lines)
