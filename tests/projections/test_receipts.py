"""What came of a resend: known, new, and when it is over."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from projections.facts import Reads
from projections.receipts import FEW_COPIES, Receipt, Receipts
from tests.kit.meets import MS, read, utc
from wire.stamps import NS


def came(
    receipts: Receipts, position: int, *ms: int, known: int = 0, c: int = 1, source: str = "mat"
) -> None:
    """An event with reads of these milliseconds, `known` of them copies."""
    count = len(ms)
    reads = Reads(
        source,
        [read(each, f"{each}") for each in ms],
        [utc(each) for each in ms],
        [position] * count,
        [utc(max(ms)) + 50 * MS] * count,
    )
    receipts.read(reads, [position] * known, c, "10.0.0.9:1")


def newest(receipts: Receipts, source: str = "mat") -> Receipt:
    found = receipts.newest(source)
    assert found is not None
    return found


def counts(receipt: Receipt) -> tuple[int, int, int]:
    return receipt.received, receipt.known, receipt.new


def reconnected(at: int = 100_000, skew: int = 0) -> Receipts:
    receipts = Receipts()
    receipts.opened("mat", 1, "10.0.0.9:1", utc(at), skew)
    return receipts


def test_after_a_reconnect_known_and_missed_reads_are_counted_until_a_live_one() -> None:
    receipts = reconnected()
    came(receipts, 10, 50_000, 51_000, known=2)
    came(receipts, 11, 90_000, 95_000)
    assert newest(receipts).ended == 0
    came(receipts, 12, 101_000)
    receipt = newest(receipts)
    assert counts(receipt) == (4, 2, 2)
    assert list(receipt.chips) == ["90000", "95000"]
    assert (receipt.first, receipt.last) == (10, 11)
    assert receipt.ended == utc(101_000) + 50 * MS
    came(receipts, 13, 102_000)
    assert newest(receipts) is receipt
    assert counts(receipt) == (4, 2, 2)


def test_a_clock_that_is_behind_does_not_make_live_reads_old() -> None:
    receipts = reconnected(100_000, skew=60 * NS)
    came(receipts, 10, 30_000, known=1)
    came(receipts, 11, 41_000)  # live, by a clock a minute behind
    assert counts(newest(receipts)) == (1, 1, 0)
    assert newest(receipts).ended


def test_a_reconnect_that_brings_nothing_old_is_no_resend() -> None:
    receipts = reconnected()
    came(receipts, 10, 101_000)
    assert receipts.newest("mat") is None


def test_it_ends_with_the_connection_or_the_program() -> None:
    receipts = reconnected()
    came(receipts, 10, 50_000, known=1)
    receipts.closed("mat", 1, utc(120_000))
    assert newest(receipts).ended == utc(120_000)
    receipts = reconnected()
    came(receipts, 10, 50_000, known=1)
    receipts.restarted(utc(130_000))
    assert newest(receipts).ended == utc(130_000)
    assert receipts.going_on == {"mat": {}}


def test_copies_in_the_middle_of_a_connection_matter_when_they_are_many_in_a_row() -> None:
    receipts = Receipts()
    for position in range(FEW_COPIES - 1):
        came(receipts, 10 + position, 1_000, known=1)
    came(receipts, 30, 60_000)
    assert receipts.newest("mat") is None
    for position in range(FEW_COPIES):
        came(receipts, 40 + position, 1_000 + position, known=1)
    assert newest(receipts).ended == 0
    came(receipts, 60, 61_000)
    receipt = newest(receipts)
    assert counts(receipt) == (FEW_COPIES, FEW_COPIES, 0)
    assert not receipt.reconnected
    assert receipt.ended


def test_connections_of_one_source_are_told_apart() -> None:
    receipts = reconnected()
    came(receipts, 10, 50_000, known=1)
    came(receipts, 11, 101_000, c=2)  # the other connection is live
    came(receipts, 12, 51_000, known=1)
    assert counts(newest(receipts)) == (2, 2, 0)
    assert newest(receipts).ended == 0


_events = st.lists(
    st.tuples(st.lists(st.integers(0, 200_000), min_size=1, max_size=3), st.booleans()), max_size=25
)


@given(events=_events, cuts=st.sets(st.integers(0, 25)))
def test_how_many_events_are_fed_at_once_makes_no_difference(
    events: Sequence[tuple[list[int], bool]], cuts: set[int]
) -> None:
    singly, together = reconnected(), reconnected()
    for position, (ms, known) in enumerate(events, 10):
        came(singly, position, *ms, known=len(ms) if known else 0)
    edges = sorted({0, len(events), *(c for c in cuts if c < len(events))})
    for begin, end in pairwise(edges):
        run = list(enumerate(events))[begin:end]
        reads = Reads(
            "mat",
            [read(m, f"{m}") for _, (ms, _) in run for m in ms],
            [utc(m) for _, (ms, _) in run for m in ms],
            [10 + i for i, (ms, _) in run for _ in ms],
            [utc(max(ms)) + 50 * MS for _, (ms, _) in run for _ in ms],
        )
        copies = [10 + i for i, (ms, known) in run if known for _ in ms]
        together.read(reads, copies, 1, "10.0.0.9:1")
    assert together == singly
