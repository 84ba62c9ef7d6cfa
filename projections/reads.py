"""The set of distinct reads: the one thing that crossings are computed from.

A read is identified by chip, feed, moment, kind, reader and antenna (DESIGN
5); adding it again changes nothing, so any order and any number of resends
leave the same set. The set is kept in columns, some sixteen bytes a read, so
that a long meet stays in memory.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import msgspec

from projections.facts import Reads
from projections.saving import SavedStateDamaged

Chip = str
FeedId = int
# A detail's index and an event's position share one integer of 63 bits: a
# trillion events, and eight million combinations of reader, antenna and signal.
POSITION_BITS = 40
POSITION_MASK = (1 << POSITION_BITS) - 1
WEAKEST = float("inf")  # the rank of no signal at all
NEVER = 2**63  # ns UTC, later than any moment
_THERE, NEW, _STRONGER = range(3)  # what putting a read into the set did


class Detail(NamedTuple):
    """What many reads share: kind (1 or 2), reader, antenna, and signal in dBm."""

    kind: int
    reader: str
    antenna: int
    rssi: int | float | None


class Columns(msgspec.Struct):
    """The distinct reads of one chip at one feed, by moment (ns UTC), then kind, reader, antenna.

    `origins` runs in parallel: an index into `ReadSet.details`, and the
    position of the event that brought the read.
    """

    moments: array  # type: ignore[type-arg]  # msgspec needs a plain class; the type code is "q"
    origins: array  # type: ignore[type-arg]  # the same


class ByChip(Mapping[Chip, dict[FeedId, Columns]]):
    """The reads of every chip, by feed. Those of a saved state are decoded when they are asked for.

    Most chips of a long meet are not asked for before its end: see `crossed`.
    """

    def __init__(
        self, lengths: dict[Chip, int] | None = None, read: Callable[[], bytes] = bytes
    ) -> None:
        """With `lengths`, what `save` gave: `read` reads the parts when the first is asked for."""
        self.decoded: dict[Chip, dict[FeedId, Columns]] = {}
        self._saved: dict[Chip, memoryview] = {}
        self._unread = lengths or {}
        self._read = read

    def __getitem__(self, chip: Chip) -> dict[FeedId, Columns]:
        found = self.decoded.get(chip)
        if found is None:
            if chip in self._unread:
                self.read()
            found = _decoder.decode(self._saved[chip])
            self.decoded[chip] = found
            del self._saved[chip]
        return found

    def __contains__(self, chip: object) -> bool:
        return chip in self.decoded or chip in self._saved or chip in self._unread

    def __iter__(self) -> Iterator[Chip]:
        return iter([*self.decoded, *self._saved, *self._unread])

    def __len__(self) -> int:
        return len(self.decoded) + len(self._saved) + len(self._unread)

    def of(self, chip: Chip) -> dict[FeedId, Columns]:
        """The reads of a chip, for more to be put among them; the chip may be a new one."""
        if chip not in self:
            self.decoded[chip] = {}
        return self[chip]

    def read(self) -> None:
        """Have all that was saved in memory. Raises `SavedStateDamaged`."""
        if not self._unread:
            return
        parts, lengths = memoryview(self._read()), self._unread
        if sum(lengths.values()) != len(parts):
            raise SavedStateDamaged("the saved state cannot be read: reads are missing")
        ends = accumulate(lengths.values())
        self._saved = {
            chip: parts[end - length : end]
            for (chip, length), end in zip(lengths.items(), ends, strict=True)
        }
        self._unread = {}

    def save(self) -> tuple[dict[Chip, int], list[bytes | memoryview]]:
        """The chips with the length of each one's part, and the parts in their order."""
        self.read()
        parts: dict[Chip, bytes | memoryview] = {
            chip: _encoder.encode(by_feed) for chip, by_feed in self.decoded.items()
        }
        parts |= self._saved
        return {chip: len(part) for chip, part in parts.items()}, list(parts.values())


class ReadSet(msgspec.Struct):
    """All distinct reads by chip and feed. A feed is a source and the wire's name of the point.

    `sizes` and `firsts` run parallel to `feeds`: how many distinct reads a
    feed brought, and the position of the event with its first. `ranks` runs
    parallel to `details`: the smaller, the better a read (see `crossings.choose`).
    """

    feeds: list[tuple[str, str]] = []
    details: list[Detail] = []
    ranks: list[tuple[int, float]] = []
    chips: ByChip = msgspec.field(default_factory=ByChip)
    feed_ids: dict[str, dict[str, FeedId]] = {}
    detail_ids: dict[tuple[int, str, int, int | float | None], int] = {}
    sizes: list[int] = []
    firsts: list[int] = []

    def add(
        self, reads: Reads, dirty: dict[Chip, int], copies: set[int] | None = None
    ) -> list[int]:
        """Put reads into the set; `dirty` gets the earliest changed moment of each chip changed.

        Returns the positions of those that were in it already, one for each
        copy. `copies` gets the places in `reads` of those that changed nothing.

        Of two copies that differ in signal only, the stronger is kept.
        """
        known: list[int] = []
        feeds, details = self.feed_ids.setdefault(reads.source, {}), self.detail_ids
        parallel = zip(reads.raws, reads.moments, reads.positions, strict=True)
        for place, (raw, moment, position) in enumerate(parallel):
            chip = raw.chip if type(raw.chip) is str else _decimal(raw.chip)
            feed = feeds.get(raw.timing_point)
            if feed is None:
                feed = self.feed(reads.source, raw.timing_point, position)
            key = (raw.type, raw.source, raw.antenna, raw.rssi)
            detail = details.get(key)
            if detail is None:
                detail = self.detail(key)
            done = self.put(chip, feed, moment, detail, position, dirty)
            if done is not NEW:
                known.append(position)
            if done is _THERE and copies is not None:
                copies.add(place)
        return known

    def put(  # noqa: PLR0917 - a read, and where its change is noted
        self,
        chip: Chip,
        feed: FeedId,
        moment: int,
        detail: int,
        position: int,
        dirty: dict[Chip, int],
    ) -> int:
        """Put one read into the set; whether it was there, is new, or stronger than its copy."""
        by_feed = self.chips.decoded.get(chip)
        columns = None if by_feed is None else by_feed.get(feed)
        if columns is None:
            columns = self.columns(chip, feed)
        moments = columns.moments
        if not moments or moment > moments[-1]:
            moments.append(moment)
            columns.origins.append(detail << POSITION_BITS | position)
            done = NEW
        else:
            done = self._insert(columns, moment, detail, position)
        if done is NEW:
            self.sizes[feed] += 1
        if done is not _THERE and moment < dirty.get(chip, NEVER):
            dirty[chip] = moment
        return done

    def _insert(self, columns: Columns, moment: int, detail: int, position: int) -> int:
        """Put a read in its place, unless it is there already with as strong a signal."""
        origin = detail << POSITION_BITS | position
        moments, origins = columns.moments, columns.origins
        at = bisect_left(moments, moment)
        end = bisect_right(moments, moment, lo=at)
        if at < end:
            details = self.details

            def told(origin: int) -> tuple[int, str, int]:
                return details[origin >> POSITION_BITS][:3]

            key = told(origin)
            at = bisect_left(origins, key, at, end, key=told)
            if at < end and told(origins[at]) == key:
                if not _stronger(details[detail].rssi, details[origins[at] >> POSITION_BITS].rssi):
                    return _THERE
                origins[at] = origin
                return _STRONGER
        moments.insert(at, moment)
        origins.insert(at, origin)
        return NEW

    def feed(self, source: str, name: str, position: int) -> FeedId:
        """The id of a feed; a new one's first read came with the event at `position`."""
        feeds = self.feed_ids.setdefault(source, {})
        found = feeds.get(name)
        if found is None:
            found = feeds[name] = len(self.feeds)
            self.feeds.append((source, name))
            self.sizes.append(0)
            self.firsts.append(position)
        return found

    def detail(self, key: tuple[int, str, int, int | float | None]) -> int:
        """The index of what many reads share: see `Detail`."""
        found = self.detail_ids.get(key)
        if found is None:
            found = self.detail_ids[key] = len(self.details)
            kind, reader, antenna, rssi = key
            if isinstance(rssi, float) and rssi.is_integer():
                rssi = int(rssi)  # the same signal: who says it first must not decide how it looks
            self.details.append(Detail(kind, reader, antenna, rssi))
            self.ranks.append((-kind, WEAKEST if rssi is None else -rssi))
        return found

    def columns(self, chip: Chip, feed: FeedId) -> Columns:
        """The reads of a chip at a feed, to be added to."""
        by_feed = self.chips.of(chip)
        found = by_feed.get(feed)
        if found is None:
            found = by_feed[feed] = Columns(array("q"), array("q"))
        return found

    def size(self, source: str) -> int:
        """How many distinct reads a source has brought."""
        return sum(self.sizes[feed] for feed in self.feed_ids.get(source, {}).values())


def chip_text(chip: str | int) -> Chip:
    """A chip as it is known here: it may have come as a number."""
    return chip if type(chip) is str else _decimal(chip)


@lru_cache(maxsize=65536)
def _decimal(number: str | int) -> Chip:
    """Remembered: making a text takes longer than finding it."""
    return str(number)


def _stronger(one: float | None, other: float | None) -> bool:
    return one is not None and (other is None or one > other)


def save(value: object) -> object:
    """msgpack's `enc_hook`: arrays as the bytes of their machine words; `ByChip` is saved apart."""
    if isinstance(value, array):
        return value.tobytes()
    if isinstance(value, ByChip):
        return None
    raise NotImplementedError(type(value))


def load(kind: type, value: object) -> object:
    """msgpack's `dec_hook`: the other way."""
    if kind is array and isinstance(value, bytes):
        return array("q", value)
    if kind is ByChip:
        if value is not None:
            raise ValueError("the reads are saved apart")
        return ByChip()
    raise NotImplementedError(kind)


_encoder = msgspec.msgpack.Encoder(enc_hook=save)
_decoder = msgspec.msgpack.Decoder(dict[FeedId, Columns], dec_hook=load)
