"""A race of thousands: what a read costs must not grow with the lanes of its race."""

import pytest

from projections import races
from projections.views import Lane
from tests.kit.meets import Pool, heat, times
from wire.timedrops import LaneEntry

LANES = 120


def test_only_the_lanes_of_those_who_were_read_are_worked_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool()
    pool.load(heat("1", 1, 1, {n: str(500 + n) for n in range(1, LANES + 1)}))
    pool.connect()
    pool.gun(0)
    pool.passes(30_000, *(str(500 + n) for n in range(1, LANES)))
    meet = pool.meet()
    head = pool.log.head().position
    pool.passes(31_230, str(500 + LANES))
    worked_out = []
    chip_lane = races._chip_lane

    def noted(inputs: races.RaceInputs, lane: LaneEntry) -> Lane:
        worked_out.append(lane.lane)
        return chip_lane(inputs, lane)

    monkeypatch.setattr(races, "_chip_lane", noted)
    meet.feed(pool.log.read(head))
    meet.settle()
    assert worked_out == [LANES]
    assert meet.races() == pool.meet().races()
    assert times(meet, "1", 1)[LANES] == "31.23"
