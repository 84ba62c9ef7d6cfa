"""A peer may invent points without end; what a read costs must not grow with them."""

import pytest

from projections import crossed, ongoing
from tests.kit.meets import Pool, read, utc
from tests.kit.sayings import said
from wire.statements import AddCrossing


def test_only_the_points_that_heard_a_chip_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    passings_since = ongoing.passings_since

    def counted(*given: object) -> object:
        nonlocal looked
        looked += 1
        return passings_since(*given)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(crossed, "passings_since", counted)
    pool = Pool()
    pool.connect()
    pool.hear(*(read(n, str(1000 + n), f"Invented {n}") for n in range(300)))
    meet = pool.meet()
    assert len(meet.crossings()) == 300
    assert looked == 300


def test_a_sighting_stands_beside_what_the_points_heard_in_the_order_of_the_points() -> None:
    pool = Pool()
    pool.connect()
    pool.passes(20_000, "101", point="Finish")
    pool.say(said(AddCrossing, chip="101", point="Turn", moment=utc(0)))
    pool.say(said(AddCrossing, chip="101", point="Nowhere yet", moment=utc(40_000)))
    assert [c.point for c in pool.meet().crossings(["101"])] == ["Turn", "Finish", "Nowhere yet"]
