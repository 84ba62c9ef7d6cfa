"""A crossing that goes on is what all its reads make of it, and costs what its newest cost."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections import crossings, ongoing
from projections.crossings import NONE, Corrections, Feed, Passing, Point, passings, rows_of
from projections.ongoing import LONG, passings_since
from projections.reads import NEVER, Detail, ReadSet
from projections.rulings import ReadRuling, Shift, Sighting
from tests.kit.meets import Pool, read
from wire.settings import PointSettings

GAP = 4
Told = tuple[int, int, int, str, int, int | None]  # moment, feed, kind, reader, antenna, signal
RULES = ("best", "first", "last")
FEEDS = (Feed(0), Feed(1, backup=True, shift=3), Feed(2))
POINT = Point(PointSettings("Finish", gap=GAP), FEEDS[:1])
# How long after the one before, by how much out of order, where, and what it says.
raws = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 2, 4, 5, 9]),
        st.sampled_from([0, 0, 0, 0, -1, -2, -7, -40, 3]),
        st.sampled_from([0, 0, 0, 1, 2]),
        st.sampled_from([1, 2, 2, 2]),
        st.sampled_from(["R1", "R2"]),
        st.sampled_from([1, 2]),
        st.sampled_from([None, -70, -60]),
    ),
    min_size=20,
    max_size=60,
)
points = st.builds(
    lambda rule, feeds: Point(PointSettings("Finish", gap=GAP, rule=rule), feeds),
    st.sampled_from(RULES),
    st.sampled_from([FEEDS[:1], FEEDS[1:2], FEEDS[:2], FEEDS]),
)
spans = st.tuples(st.integers(0, 120), st.integers(0, 120)).map(lambda s: (min(s), max(s)))
corrected = st.builds(
    Corrections,
    shifts=st.dictionaries(
        st.integers(0, 2),
        st.lists(
            st.builds(
                lambda by, span: Shift(by, *span),
                st.sampled_from([-9, -6, 5]),
                st.just((0, 0)) | spans,
            ),
            min_size=1,
            max_size=2,
        ).map(tuple),
    ),
    reads=st.lists(
        st.builds(
            lambda span, void: ReadRuling("Finish", span[0], span[1], void, 9), spans, st.booleans()
        ),
        max_size=2,
    ).map(tuple),
    sightings=st.lists(
        st.builds(
            Sighting, st.sampled_from(["Finish", "Turn"]), st.integers(0, 60), st.integers(8, 30)
        ),
        max_size=2,
    ).map(tuple),
)


def put(reads: ReadSet, *told: Told) -> int:
    """Put reads of one chip into the set; since when something changed."""
    dirty: dict[str, int] = {}
    for moment, feed, kind, reader, antenna, rssi in told:
        reads.put("7", feed, moment, reads.detail((kind, reader, antenna, rssi)), 1, dirty)
    return dirty.get("7", NEVER)


def heard() -> ReadSet:
    """A set that knows the feeds of `FEEDS` by these ids, and no read."""
    reads = ReadSet()
    for name in "ABC":
        reads.feed("mat", name, 1)
    return reads


@given(
    raws,
    st.lists(st.integers(1, 6), min_size=1),
    points,
    st.just(NONE) | corrected,
    st.integers(1, 3),
)
@settings(max_examples=400, deadline=None)
def test_what_goes_on_is_what_all_reads_make_of_it(
    told: list[tuple[int, int, Any, Any, Any, Any, Any]],
    portions: list[int],
    point: Point,
    corrections: Corrections,
    long: int,
) -> None:
    reads, found, begun = heard(), list[Passing](), None
    moments = accumulate(after for after, *_ in told)
    rest: list[Told] = [
        (max(0, at + late), *says) for at, (_, late, *says) in zip(moments, told, strict=True)
    ]
    turn = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("projections.ongoing.LONG", long)
        while rest:
            size = portions[turn % len(portions)]
            turn += 1
            since = put(reads, *rest[:size])
            del rest[:size]
            if since == NEVER:
                continue
            by_feed = reads.chips["7"]
            found, begun = passings_since(reads, by_feed, point, corrections, found, since, begun)
            assert found == passings(reads, by_feed, point, corrections)


@pytest.mark.parametrize("feeds", [FEEDS[:1], FEEDS[:2]])
@pytest.mark.parametrize("rule", RULES)
def test_of_a_long_crossing_only_the_newest_reads_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, rule: Any, feeds: tuple[Feed, ...]
) -> None:
    most = 0

    def counted(
        reads: ReadSet, by_feed: Any, point: Point, corrections: Corrections, since: int | None
    ) -> list[Passing]:
        nonlocal most
        most = max(most, len(rows_of(reads, by_feed, point, corrections, since)))
        return crossings.passings(reads, by_feed, point, corrections, since)

    point = Point(PointSettings("Finish", gap=20, rule=rule), feeds)
    reads = heard()
    count = 20 * LONG
    put(reads, *((at, at % 2, 2, "R1", 1, -60) for at in range(count)))
    found, begun = passings_since(reads, reads.chips["7"], point, NONE, [], 0, None)
    since = put(reads, (count, 0, 2, "R1", 1, -60))
    found, begun = passings_since(reads, reads.chips["7"], point, NONE, found, since, begun)
    monkeypatch.setattr(ongoing, "passings", counted)
    for at in range(count, count + 10 * LONG):
        # Two readers do not hear a chip in the order in which they tell of it.
        since = put(reads, (at - 7 * (at % 3), at % 2, 2, "R2", 1, -60))
        found, begun = passings_since(reads, reads.chips["7"], point, NONE, found, since, begun)
    assert found == passings(reads, reads.chips["7"], point)
    assert len(found) == 1
    assert LONG <= most <= 2 * LONG + 20


class Counted(list[Detail]):
    """Details that count how often one is looked at."""

    looked = 0

    def __getitem__(self, index: Any) -> Any:
        self.looked += 1
        return super().__getitem__(index)


@pytest.mark.parametrize("order", [1, -1])
def test_reads_of_one_moment_are_found_without_looking_at_each(order: int) -> None:
    """Told apart by the antenna only, as a broken or hostile reader might."""
    count = 3000
    reads = heard()
    details = Counted()
    reads.details = details
    told = [(0, 0, 2, "R1", antenna, -60) for antenna in range(count)][::order]
    put(reads, *told)
    put(reads, *told)
    assert reads.sizes == [count, 0, 0]
    assert details.looked < 2 * count * (math.log2(count) + 4)


def test_reads_of_one_moment_are_kept_in_one_order_whatever_came_first() -> None:
    told: Sequence[Told] = [
        (5, 0, kind, reader, antenna, None)
        for kind in (1, 2)
        for reader in ("R1", "R2")
        for antenna in (1, 2)
    ]
    one, other = heard(), heard()
    put(one, *told)
    put(other, *told[::-1])
    assert _said(one) == _said(other)


def _said(reads: ReadSet) -> list[Detail]:
    return [reads.details[row[1] >> 40] for row in rows_of(reads, reads.chips["7"], POINT)]


# Moments, told batch by batch: a long crossing, a short one, another long one, and a late read.
BATCHES = (range(4), range(4, 5), range(40, 41), range(41, 42), range(80, 84), range(5, 6))


def test_how_a_crossing_began_is_forgotten_when_another_is_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ongoing, "LONG", 1)
    reads, found, begun = heard(), list[Passing](), None
    pool = Pool()
    pool.connect()
    meet = pool.meet()
    for batch in (*BATCHES, *BATCHES[::-1]):
        since = put(reads, *((at, 0, 2, "R1", len(found), None) for at in batch))
        by_feed = reads.chips["7"]
        found, begun = passings_since(reads, by_feed, POINT, NONE, found, since, begun)
        assert found == passings(reads, by_feed, POINT)
        pool.hear(*(read(1000 * at, "7", antenna=len(found)) for at in batch))
        meet.feed(pool.log.read(meet.position))
        meet.settle()
        assert meet.crossings() == pool.meet().crossings()
        assert len(meet.crossings()) == len(found)
