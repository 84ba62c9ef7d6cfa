"""Given a console's results, when somebody speaks of its lanes, then theirs are corrected."""

import pytest

from tests.kit import sayings as say
from tests.kit.heats import lane, swum, there_and_back
from tests.kit.meets import Pool, the_race, times
from wire.timedrops import ResultLane


@pytest.fixture
def pool() -> Pool:
    return swum()


@pytest.fixture
def told(pool: Pool) -> Pool:
    pool.console(
        "1", 1, ResultLane(1, 2_999), ResultLane(2, 3_050, dq=True), ResultLane(3),
        ResultLane(4, 4_000, empty=True),
    )  # fmt: skip
    return pool


def test_who_speaks_of_a_consoles_lane_corrects_it(told: Pool) -> None:
    assert the_race(told.meet(), "1", 1).origin == "time-drops"
    meet = there_and_back(told, say.dq(1))
    assert the_race(meet, "1", 1).origin == "corrected"
    assert times(meet, "1", 1) == {1: "DQ", 2: "DQ", 3: "NS", 4: "EMPTY"}


def test_a_judge_reinstates_whom_the_console_disqualified(told: Pool) -> None:
    meet = there_and_back(told, say.reinstate(2))
    assert times(meet, "1", 1)[2] == "30.50"
    meet = there_and_back(told, say.dq(2, "SW 7.6"))
    assert (lane(meet, 2).status, lane(meet, 2).note) == ("DQ", "SW 7.6 false start")


def test_a_time_that_the_pad_missed_is_set(told: Pool) -> None:
    meet = there_and_back(told, say.set_time(3_333, 3))
    assert (lane(meet, 3).status, lane(meet, 3).time_cs, lane(meet, 3).place) == ("", 3_333, 2)


def test_a_lane_that_the_console_holds_empty_is_not(told: Pool) -> None:
    meet = there_and_back(told, say.mark(False, 4))
    assert times(meet, "1", 1)[4] == "40.00"


def test_a_newer_revision_of_the_console_is_the_new_base(told: Pool) -> None:
    told.say(say.dq(1))
    told.console("1", 1, ResultLane(1, 2_900), ResultLane(2, 2_950), revision=2)
    meet = told.meet()
    assert times(meet, "1", 1) == {1: "DQ", 2: "29.50"}
    assert lane(meet).time_cs == 2_900
