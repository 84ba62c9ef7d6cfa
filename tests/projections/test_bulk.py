"""Reads that are put into the set many at once leave the set that they leave one by one."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.bulk import Batch, add
from projections.bulkcrossings import passings_of_many
from projections.bulkstamps import Stamps
from projections.clock import UTC, SourceClock
from projections.crossings import Feed, Point, passings
from projections.facts import Reads
from projections.reads import ReadSet
from store.event import SOCKET_READ, Event, pack_meta
from tests.kit.at_once import held, moments_at_once
from wire.reads import RawRead, in_columns
from wire.settings import PointSettings
from wire.stamps import NS, format_iso

BERLIN = SourceClock("local", "Europe/Berlin")
NOON = 1_781_431_200 * NS
RULES: tuple[Literal["best", "first", "last"], ...] = ("best", "first", "last")
# Few of everything, so that the same comes again in all ways.
raws = st.builds(
    lambda chip, tick, *rest: RawRead(chip, format_iso(NOON + tick * NS // 4), *rest),
    st.sampled_from(["7", 7, "07", "8"]),
    st.integers(0, 12),
    st.sampled_from(["Finish", "Turn"]),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 2]),
    st.sampled_from(["R1", "R2"]),
    st.just(""),
    st.sampled_from([None, -60, -60.0, -50.5]),
)
events = st.lists(st.lists(raws, min_size=1, max_size=6), min_size=1, max_size=12)


def pieces(first: int, told: Sequence[Sequence[RawRead]]) -> list[Event]:
    meta = pack_meta(c=1)
    return [
        Event(position, NOON + position, "mat", SOCKET_READ, meta, b"", b"")
        for position in range(first, first + len(told))
    ]


def batch_of(first: int, told: Sequence[Sequence[RawRead]]) -> Batch:
    plain = in_columns([raw for some in told for raw in some], [len(some) for some in told])
    assert plain is not None
    batch = Batch("mat")
    assert batch.take(pieces(first, told), plain, UTC)
    return batch


def one_by_one(batch: Batch, told: Sequence[Sequence[RawRead]]) -> Reads:
    return Reads(
        "mat",
        [raw for some in told for raw in some],
        [UTC.to_utc(raw.moment, 0) for some in told for raw in some],
        [event.position for event, some in zip(batch.events, told, strict=True) for _ in some],
        [event.recorded_at for event, some in zip(batch.events, told, strict=True) for _ in some],
    )


@given(st.lists(events, min_size=1, max_size=4))
@settings(max_examples=400)
def test_many_at_once_leave_the_same_set(days: list[list[list[RawRead]]]) -> None:
    one, other = ReadSet(), ReadSet()
    first = 1
    for told in days:
        batch = batch_of(first, told)
        first += len(told)
        dirty: dict[str, int] = {}
        expected: dict[str, int] = {}
        singly = one_by_one(batch, told)
        assert batch.utc is not None
        assert add(one, batch, batch.utc, dirty) == sorted(other.add(singly, expected))
        assert held(one) == held(other)
        assert dirty == expected
        assert one.feeds == other.feeds
        assert batch.moments == singly.moments
        assert list(batch.spans()) == list(singly.spans())
        assert list(batch.spans(3)) == list(singly.spans(3)) == list(batch.spans())[-3:]
        assert batch.size == singly.size
        half = batch.size // 2
        assert batch.chips(half) == singly.chips(half)


def test_a_resend_of_all_is_all_known() -> None:
    told = [[RawRead("7", format_iso(NOON + n * NS), "Finish")] for n in range(100)]
    reads, dirty = ReadSet(), dict[str, int]()
    for first, known in ((1, 0), (101, 100)):
        batch = batch_of(first, told)
        assert batch.utc is not None
        assert add(reads, batch, batch.utc, dirty) == list(range(first, first + known))
    assert reads.size("mat") == 100


@given(
    st.lists(
        st.tuples(st.integers(0, 40 * 24 * 3600 * 1000), st.integers(1, 9)),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["", "Z"]),
    st.sampled_from([BERLIN, UTC]),
)
def test_stamps_of_any_widths_in_one_column(
    drawn: list[tuple[int, int]], suffix: str, clock: SourceClock
) -> None:
    stamps = [format_iso(NOON + ms * 1_000_000, digits, suffix) for ms, digits in drawn]
    assert moments_at_once(clock, stamps) == [clock.to_utc(stamp, 0) for stamp in stamps]


@pytest.mark.parametrize(
    "odd",
    [
        "2026-06-14T12:00:00.",
        "2026-06-14T12:00:00.Z",
        "2026-06-14T12:00:00.5+02:00",
        "2026-06-14T12:00:60.5",
        "2026-06-14T12:00:00.1234567890",
        "2026-06-14T12:00:00,5",
        "2026-06-14t12:00:00.5",
        "2026-06-14T12:00:0٣.5",
        "2026-10-25T02:30:00.5",
        "1980-01-01T00:00:00.5",
        "12:00:00.50",
        "",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("beside", ["2026-06-14T12:00:00.5", "2026-06-14T12:00:00.123456789"])
def test_one_odd_stamp_leaves_the_column_to_a_closer_look(
    odd: str, place: int, beside: str
) -> None:
    stamps = [beside] * 2
    stamps.insert(place, odd)
    assert moments_at_once(BERLIN, stamps) is None


def test_pieces_of_different_clocks_and_widths_are_one_column() -> None:
    column = Stamps()
    assert column.take(UTC, ["2026-06-14T12:00:00.5"] * 2)
    assert column.take(UTC, ["2026-06-14T12:00:00.50Z"])
    assert column.take(BERLIN, ["2026-06-14T12:00:00.50Z"])
    found = column.moments()
    assert found is not None
    noon = UTC.to_utc("2026-06-14T12:00:00.5", 0)
    assert found.tolist() == [noon] * 3 + [noon - 2 * 3600 * NS]


@given(
    st.lists(st.lists(raws, min_size=1, max_size=30), min_size=1, max_size=5),
    st.sampled_from(RULES),
    st.integers(0, 8),
    st.booleans(),
)
@settings(max_examples=500)
def test_crossings_of_many_chips_are_those_of_each(
    each: list[list[RawRead]], rule: Literal["best", "first", "last"], quarters: int, backup: bool
) -> None:
    reads = ReadSet()
    for number, some in enumerate(each):
        for raw in some:
            told = (raw.type, raw.source, raw.antenna, raw.rssi)
            feed, detail = reads.feed("mat", "Finish", 1), reads.detail(told)
            reads.put(str(number), feed, UTC.to_utc(raw.moment, 0), detail, 1, {})
    point = Point(
        PointSettings("Finish", rule=rule, gap=quarters * NS // 4),
        (Feed(feed, backup=backup, shift=7 * NS),),
    )
    several = [by_feed[feed] for by_feed in reads.chips.values()]
    assert passings_of_many(reads, several, point.feeds[0], point.settings) == [
        passings(reads, by_feed, point) for by_feed in reads.chips.values()
    ]


def test_a_point_for_each_read_costs_no_more_than_one_for_all() -> None:
    """Counted, not timed: each column is looked through once, however many points there are."""
    told = [[RawRead("7", format_iso(NOON + n * NS), f"Point {n}")] for n in range(500)]
    looked = 0

    class Counting(np.ndarray):
        def __eq__(self, other: object) -> Any:
            nonlocal looked
            looked += 1
            return super().__eq__(other)

        __hash__ = None

    batch = batch_of(1, told)
    batch.told.column = batch.told.column.view(Counting)
    reads, dirty = ReadSet(), dict[str, int]()
    assert batch.utc is not None
    assert add(reads, batch, batch.utc, dirty) == []
    assert reads.firsts == list(range(1, 501))
    assert looked < 10


def test_how_a_signal_looks_does_not_depend_on_who_says_it_first() -> None:
    for order in ([-60, -60.0], [-60.0, -60]):
        reads = ReadSet()
        for rssi in order:
            reads.detail((2, "R1", 1, rssi))
        assert [str(detail.rssi) for detail in reads.details] == ["-60"]
