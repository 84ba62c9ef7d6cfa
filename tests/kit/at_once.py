"""Stamps and reads as a replay takes them in: many at once."""

from collections.abc import Sequence

import msgspec

from projections.bulkstamps import Stamps
from projections.clock import SourceClock
from projections.reads import POSITION_BITS, POSITION_MASK, ReadSet
from wire.ctp01 import DataLine, to_raw_read
from wire.reads import Plain, RawRead


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


def in_columns(each: Sequence[Sequence[object]]) -> Plain | None:
    """What the decoder of a language found in each piece, as it would tell it of whole pieces."""
    items = [item for piece in each for item in piece]
    raws = [to_raw_read(item) if isinstance(item, DataLine) else item for item in items]
    reads = [raw for raw in raws if isinstance(raw, RawRead)]
    if len(reads) < len(items) or any(isinstance(i, DataLine) and i.is_newlocation for i in items):
        return None
    plain = Plain.of(reads, [len(piece) for piece in each])
    lines: dict[str, list[int]] = {}
    for item in items:
        if isinstance(item, DataLine):
            lines.setdefault(item.location, []).append(item.seq)
    return plain and msgspec.structs.replace(plain, lines=lines)
