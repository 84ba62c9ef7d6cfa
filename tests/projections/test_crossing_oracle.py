"""Crossings are a pure function of the set of distinct reads (DESIGN 5), by brute force."""

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.meets import Pool, utc, wall
from wire.reads import RawRead
from wire.tsv2 import encode

TICK = 500  # ms; the gap is a whole number of ticks, so that pauses of exactly a gap occur
GAP = 4 * TICK
SHIFT = 3 * TICK
TOML = """
[meet]
zone = "Europe/Berlin"

[[source]]
name = "loop"
protocol = "tsv2"
role = "client"
port = 1

[[source]]
name = "spare"
protocol = "tsv2"
role = "client"
port = 2

[[point]]
name = "Finish"
rule = "RULE"
gap = "2s"
feeds = [
    "FINISH1",
    { name = "FINISH2", backup = true, shift = "1.5s" },
    { name = "FINISH3", source = "spare" },
]

[[point]]
name = "FINISH3"
feeds = ["nothing"]
"""


class Told(NamedTuple):
    """A read as it is told."""

    source: str
    feed: str
    chip: str
    tick: int
    kind: int
    reader: str
    antenna: int
    rssi: int | None


# What the settings above say, in other words: (source, wire name) -> point, backup, shift.
WHERE = {
    ("loop", "FINISH1"): ("Finish", False, 0),
    ("spare", "FINISH1"): ("Finish", False, 0),
    ("loop", "FINISH2"): ("Finish", True, SHIFT),
    ("spare", "FINISH2"): ("Finish", True, SHIFT),
    ("spare", "FINISH3"): ("Finish", False, 0),
    ("loop", "FINISH3"): ("loop/FINISH3", False, 0),  # claimed by no feed, and a point is called so
    ("loop", "Turn"): ("Turn", False, 0),
    ("spare", "Turn"): ("Turn", False, 0),
}
GAPS = {"Finish": GAP}
told = st.builds(
    Told,
    source=st.sampled_from(["loop", "spare"]),
    feed=st.sampled_from(["FINISH1", "FINISH2", "FINISH3", "Turn"]),
    chip=st.sampled_from(["7", "07", "A1"]),
    tick=st.integers(0, 40),
    kind=st.sampled_from([1, 2]),
    reader=st.sampled_from(["R1", "R2"]),
    antenna=st.sampled_from([1, 2]),
    rssi=st.sampled_from([None, -70, -60]),
)
orders = st.lists(told, max_size=40).flatmap(
    lambda reads: st.tuples(
        st.just(reads),
        st.permutations([*reads, *reads[: len(reads) // 2]]),
        st.lists(st.integers(1, 6), min_size=1, max_size=8),
    )
)


@given(orders, st.sampled_from(["best", "first", "last"]), st.sampled_from([1, 3, 100]))
@settings(max_examples=150, deadline=None)
def test_crossings_are_those_of_the_brute_force_oracle(
    case: tuple[list[Told], list[Told], list[int]], rule: str, long: int
) -> None:
    reads, arrival, portions = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("projections.ongoing.LONG", long)
        assert _shown(arrival, portions, rule) == _oracle(reads, rule)


def test_a_stronger_copy_that_comes_later_changes_a_settled_crossing() -> None:
    pool = Pool(TOML.replace("RULE", "best"))
    weak = Told("loop", "FINISH1", "7", 10, 2, "R1", 1, -70)
    other = weak._replace(tick=11, rssi=-65)
    _tell(pool, [weak, other])
    meet = pool.meet()
    assert [c.moment_ns for c in meet.crossings()] == [utc(11 * TICK)]
    _tell(pool, [weak._replace(rssi=-60)])
    meet.feed(pool.log.read(meet.position))
    assert meet.settle().chips == {"7"}
    assert [c.moment_ns for c in meet.crossings()] == [utc(10 * TICK)]
    assert [c.reads for c in meet.crossings()] == [2]


def _shown(arrival: Sequence[Told], portions: Sequence[int], rule: str) -> list[dict[str, Any]]:
    """What the projections make of the reads, told in portions, settled now and then."""
    pool = Pool(TOML.replace("RULE", rule))
    meet = pool.meet()
    rest, turn = list(arrival), 0
    while rest:
        size = portions[turn % len(portions)]
        _tell(pool, rest[:size])
        del rest[:size]
        turn += 1
        meet.feed(pool.log.read(meet.position))
        if size % 2:
            meet.settle()
    meet.settle()
    assert meet.crossings() == pool.meet().crossings()
    told = [msgspec.structs.asdict(c) for c in meet.crossings()]
    for each in told:
        del each["position"], each["moment"], each["swimmer"]
    return sorted(told, key=lambda c: (c["point"], c["chip"], c["first_ns"]))


def _tell(pool: Pool, reads: Sequence[Told]) -> None:
    for source in ("loop", "spare"):
        raws = [
            RawRead(r.chip, wall(r.tick * TICK), r.feed, r.kind, r.antenna, r.reader, rssi=r.rssi)
            for r in reads
            if r.source == source
        ]
        if raws:
            pool.receive(encode(raws), source)


def _oracle(reads: Sequence[Told], rule: str) -> list[dict[str, Any]]:
    found = []
    rules = {"Finish": rule}
    places = {(WHERE[r.source, r.feed][0], r.chip) for r in reads}
    for point, chip in sorted(places):
        here = [r for r in reads if r.chip == chip and WHERE[r.source, r.feed][0] == point]
        distinct = {_identity(r): r for r in sorted(here, key=_standing, reverse=True)}
        for group in _groups(list(distinct.values()), GAPS.get(point, 20 * TICK)):
            best = min(group, key=partial(_preference, rule=rules.get(point, "best")))
            moments = [_ms(r) for r in group]
            found.append(
                {
                    "chip": chip,
                    "point": point,
                    "moment_ns": utc(_ms(best)),
                    "provisional": all(r.kind == 1 for r in group),
                    "reads": len(group),
                    "first_ns": utc(min(moments)),
                    "last_ns": utc(max(moments)),
                    "feed": best.feed,
                    "source": best.source,
                    "reader": best.reader,
                    "antenna": best.antenna,
                    "rssi": best.rssi,
                    "backup": WHERE[best.source, best.feed][1],
                }
            )
    return sorted(found, key=lambda c: (c["point"], c["chip"], c["first_ns"]))


def _ms(r: Told) -> int:
    return r.tick * TICK + WHERE[r.source, r.feed][2]


def _identity(r: Told) -> tuple[int, int, str, int]:
    return _ms(r), r.kind, r.reader, r.antenna


def _signal(r: Told) -> int:
    return -1000 if r.rssi is None else r.rssi


def _standing(r: Told) -> tuple[bool, int, str, str]:
    """Of two copies the main feed's counts, then the stronger, then the first by name."""
    return WHERE[r.source, r.feed][1], -_signal(r), r.source, r.feed


def _groups(reads: list[Told], gap: int) -> list[list[Told]]:
    """Reads are of one passing when a chain of pauses, none longer than the gap, joins them."""
    passing = {r: n for n, r in enumerate(reads)}
    for one, other in sorted(combinations(reads, 2), key=lambda p: abs(_ms(p[0]) - _ms(p[1]))):
        if abs(_ms(one) - _ms(other)) <= gap:
            old, new = passing[one], passing[other]
            passing = {r: new if n == old else n for r, n in passing.items()}
    return [[r for r in reads if passing[r] == n] for n in sorted(set(passing.values()))]


def _preference(r: Told, rule: str) -> tuple[bool, bool, int, int, str, int]:
    first_seen, backup = r.kind == 1, WHERE[r.source, r.feed][1]
    signal = -_signal(r) if rule == "best" else 0
    time = -_ms(r) if rule == "last" else _ms(r)
    return first_seen, backup, signal, time, r.reader, r.antenna
