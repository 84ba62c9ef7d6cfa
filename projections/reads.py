"""The set of distinct reads: the one thing that crossings are computed from.

A read is identified by chip, feed, moment, kind, reader and antenna (DESIGN
5); adding it again changes nothing, so any order and any number of resends
leave the same set. The set is kept in columns, some sixteen bytes a read, so
that a long meet stays in memory.
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

import msgspec

from projections.facts import Read

Chip = str
FeedId = int


class Detail(NamedTuple):
    """What reads at one feed share: kind (1 or 2), reader, antenna, and signal in dBm."""

    kind: int
    reader: str
    antenna: int
    rssi: int | float | None


class Columns(msgspec.Struct):
    """The distinct reads of one chip at one feed, ordered by moment.

    `moments` (ns UTC), `details` (indices into `ReadSet.details`) and
    `positions` (of the events that brought them) run in parallel.
    """

    moments: array  # type: ignore[type-arg]  # msgspec needs a plain class; the type code is "q"
    details: array  # type: ignore[type-arg]  # the same, "I"
    positions: array  # type: ignore[type-arg]  # the same, "q"


def empty_columns() -> Columns:
    """Columns without a read."""
    return Columns(array("q"), array("I"), array("q"))


class ReadSet(msgspec.Struct):
    """All distinct reads by chip and feed. A feed is a source and the wire's name of the point."""

    feeds: list[tuple[str, str]] = []
    details: list[Detail] = []
    chips: dict[Chip, dict[FeedId, Columns]] = {}
    feed_ids: dict[tuple[str, str], FeedId] = {}
    detail_ids: dict[Detail, int] = {}

    def add(self, read: Read) -> bool:
        """Put a read into the set; False when it was there already (a resend).

        Of two copies that differ in signal only, the stronger is kept.
        """
        feed = self.feed_ids.get((read.source, read.feed))
        if feed is None:
            feed = self.feed_ids[(read.source, read.feed)] = len(self.feeds)
            self.feeds.append((read.source, read.feed))
        key = Detail(read.kind, read.reader, read.antenna, read.rssi)
        detail = self.detail_ids.get(key)
        if detail is None:
            detail = self.detail_ids[key] = len(self.details)
            self.details.append(key)
        by_feed = self.chips.get(read.chip)
        if by_feed is None:
            by_feed = self.chips[read.chip] = {}
        columns = by_feed.get(feed)
        if columns is None:
            columns = by_feed[feed] = empty_columns()
        moments = columns.moments
        moment = read.moment
        if not moments or moment > moments[-1]:
            moments.append(moment)
            columns.details.append(detail)
            columns.positions.append(read.position)
            return True
        at = bisect_left(moments, moment)
        end = bisect_right(moments, moment, lo=at)
        for i in range(at, end):
            other = self.details[columns.details[i]]
            if other[:3] == key[:3]:
                if _stronger(key.rssi, other.rssi):
                    columns.details[i] = detail
                    columns.positions[i] = read.position
                return False
        moments.insert(end, moment)
        columns.details.insert(end, detail)
        columns.positions.insert(end, read.position)
        return True


def _stronger(one: float | None, other: float | None) -> bool:
    return one is not None and (other is None or one > other)


def save(value: object) -> object:
    """msgspec `enc_hook`: arrays as bytes of little machine words, with their type code."""
    if isinstance(value, array):
        return value.typecode.encode() + value.tobytes()
    raise NotImplementedError(type(value))


def load(kind: type, value: object) -> object:
    """msgspec `dec_hook`: the other way."""
    if kind is array and isinstance(value, bytes):
        return array(value[:1].decode(), value[1:])
    raise NotImplementedError(kind)
