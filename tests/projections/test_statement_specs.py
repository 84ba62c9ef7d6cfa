"""Given a heat, when somebody speaks of its start or lanes, then this holds, until withdrawn."""

import pytest

from tests.kit import sayings as say
from tests.kit.heats import FIRST, ONE, THREE, TWO, gun_of, lane, places, swum, there_and_back
from tests.kit.meets import Pool, alarms, read, started, the_race, times
from tests.kit.sayings import shown
from wire.statements import AnyStatement
from wire.timedrops import RaceKey, ResultLane


@pytest.fixture
def pool() -> Pool:
    return swum()


# -- starts --------------------------------------------------------------------


def test_a_start_by_hand(pool: Pool) -> None:
    meet = there_and_back(pool, say.start(200_000, heat=2))
    assert started(meet) == {"1/1": 0, "1/2": 200_000}


def test_a_gun_time_moves_the_start_and_all_times(pool: Pool) -> None:
    meet = there_and_back(pool, say.gun(-1_500))
    assert started(meet) == {"1/1": -1_500}
    assert times(meet, "1", 1) == {1: "31.50", 2: "32.50", 3: "33.50", 4: "EMPTY"}
    assert meet.starts().by_race[FIRST].by_hand


def test_a_gun_time_of_a_heat_that_nothing_started_is_its_start(pool: Pool) -> None:
    pool.passes(330_000, "104")
    meet = there_and_back(pool, say.gun(300_000, heat=2))
    assert started(meet) == {"1/1": 0, "1/2": 300_000}
    assert times(meet, "1", 2) == {1: "30.00"}
    assert meet.next_race() == RaceKey("67", "2", 1)
    pool.gun(400_000)
    assert started(pool.meet()) == {"1/1": 0, "1/2": 300_000, "2/1": 400_000}


def test_its_gun_that_comes_late_is_that_start(pool: Pool) -> None:
    pool.say(say.gun(300_000, heat=2))
    pool.gun(300_400)
    assert started(pool.meet()) == {"1/1": 0, "1/2": 300_000}


def test_a_start_by_hand_after_a_gun_time_takes_its_place(pool: Pool) -> None:
    pool.say(say.gun(-1_500))
    meet = there_and_back(pool, say.start(500))
    assert started(meet) == {"1/1": 500}


def test_a_gun_time_after_a_start_by_hand_moves_it(pool: Pool) -> None:
    pool.say(say.start(200_000, heat=2))
    meet = there_and_back(pool, say.gun(201_000, heat=2))
    assert started(meet) == {"1/1": 0, "1/2": 201_000}


def test_a_recall_takes_a_gun_time_with_it(pool: Pool) -> None:
    position = gun_of(pool)
    pool.say(say.gun(-1_500))
    meet = there_and_back(pool, say.recall(-1_500, position))
    assert started(meet) == {}
    pool.gun(100_000)
    assert started(pool.meet()) == {"1/1": 100_000}


def test_a_gun_time_that_was_a_start_is_recalled_with_the_gun_beside_it(pool: Pool) -> None:
    position = pool.say(say.gun(300_000, heat=2))
    pool.gun(300_400)
    meet = there_and_back(pool, say.recall(300_000, position, heat=2))
    assert started(meet) == {"1/1": 0}


@pytest.mark.parametrize("by_position", [False, True])
def test_a_recall(pool: Pool, by_position: bool) -> None:
    meet = there_and_back(pool, say.recall(0, gun_of(pool) if by_position else 0))
    assert started(meet) == {}
    assert times(meet, "1", 1) == {1: "", 2: "", 3: "", 4: "EMPTY"}
    assert meet.next_race() == FIRST


def test_a_recall_by_position_holds_when_the_clock_is_shifted_after_it(pool: Pool) -> None:
    pool.say(say.recall(0, gun_of(pool)))
    pool.say(say.shift("mat", 2_000))
    assert started(pool.meet()) == {}


@pytest.mark.parametrize("by_position", [False, True])
def test_a_recall_after_the_shift_names_the_shifted_gun(pool: Pool, by_position: bool) -> None:
    position = gun_of(pool)
    pool.say(say.shift("mat", 2_000))
    assert started(pool.meet()) == {"1/1": 2_000}
    pool.say(say.recall(2_000, position if by_position else 0))
    assert started(pool.meet()) == {}


def test_of_two_guns_in_one_event_only_the_recalled_one_goes() -> None:
    pool = Pool()
    pool.load(ONE, TWO, THREE)
    position = pool.hear(read(0, "", kind=0), read(60_000, "", kind=0))
    pool.say(say.recall(60_000, position, heat=2))
    assert started(pool.meet()) == {"1/1": 0}
    pool.say(say.shift("mat", 1_000))
    assert started(pool.meet()) == {"1/1": 1_000}


def test_a_start_by_hand_after_its_recall_holds(pool: Pool) -> None:
    pool.say(say.recall(0))
    meet = there_and_back(pool, say.start(0))
    assert started(meet) == {"1/1": 0}


def test_a_recalled_start_by_hand_brings_no_earlier_one_back(pool: Pool) -> None:
    pool.say(say.start(200_000, heat=2))
    pool.say(say.start(220_000, heat=2))
    meet = there_and_back(pool, say.recall(220_000, heat=2))
    assert started(meet) == {"1/1": 0}


def test_a_closed_heat_whose_start_was_false_is_open(pool: Pool) -> None:
    pool.say(say.close())
    meet = there_and_back(pool, say.recall(0, gun_of(pool)))
    assert the_race(meet, "1", 1).state == "scheduled"


# -- swum again ----------------------------------------------------------------


def test_a_heat_to_be_swum_again_has_nothing_of_before(pool: Pool) -> None:
    for each in (say.dq(2), say.set_time(2_950), say.mark(True, 3), say.close(), say.gun(-500)):
        pool.say(each)
    meet = there_and_back(pool, say.re_swim(9))
    race = the_race(meet, "1", 1)
    assert (race.race_number, race.state, race.start_ns, race.origin) == (9, "scheduled", None, "")
    assert times(meet, "1", 1) == {1: "", 2: "", 3: "", 4: "EMPTY"}
    assert started(meet) == {}


def test_it_is_swum_after_all_others(pool: Pool) -> None:
    pool.say(say.re_swim(9))
    found = []
    for ms in (100_000, 200_000, 300_000, 400_000):
        found.append(pool.meet().next_race())
        pool.gun(ms)
    assert found == [RaceKey("67", "1", 2), RaceKey("67", "2", 1), FIRST, None]
    pool.passes(330_500, "101")
    meet = pool.meet()
    assert started(meet) == {"1/2": 100_000, "2/1": 200_000, "1/1": 300_000}
    assert times(meet, "1", 1)[1] == "30.50"
    assert alarms(meet).count("gun") == 1


def test_it_may_be_swum_again_by_hand_at_any_time(pool: Pool) -> None:
    pool.say(say.re_swim(9))
    pool.say(say.start(100_000))
    pool.passes(130_250, "101")
    meet = pool.meet()
    assert started(meet) == {"1/1": 100_000}
    assert times(meet, "1", 1)[1] == "30.25"
    pool.gun(200_000)
    assert started(pool.meet()) == {"1/1": 100_000, "1/2": 200_000}


@pytest.mark.parametrize("called_before", [False, True])
def test_or_when_a_console_calls_it(pool: Pool, called_before: bool) -> None:
    if called_before:
        pool.call("1", 1)  # and it names the heat still
    pool.say(say.re_swim(9))
    pool.call("1", 1)
    assert pool.meet().next_race() == FIRST
    pool.gun(100_000)
    assert started(pool.meet()) == {"1/1": 100_000}
    pool.gun(200_000)
    assert started(pool.meet()) == {"1/1": 100_000, "1/2": 200_000}


def test_a_console_that_still_names_a_heat_calls_it_only_while_that_is_to_be_swum_again() -> None:
    pool = Pool()
    pool.load(ONE, TWO, THREE)
    pool.call("1", 1)
    pool.say(say.start(0, heat=2))
    position = pool.say(say.re_swim(9))
    pool.call("1", 1)
    assert pool.meet().next_race() == FIRST
    pool.say(say.withdraw(position))
    assert pool.meet().next_race() == RaceKey("67", "2", 1)


def test_a_start_by_hand_of_the_swim_before_keeps_its_gun() -> None:
    """The gun near it is that start still, and no other heat's."""
    pool = Pool()
    pool.load(ONE, TWO, THREE)
    pool.say(say.start(0, heat=2))
    pool.gun(300)
    pool.gun(60_000)
    assert started(pool.meet()) == {"1/2": 0, "2/1": 60_000}
    pool.say(say.re_swim(9, heat=2))
    assert started(pool.meet()) == {"2/1": 60_000}
    pool.say(say.start(600_000, heat=2))
    assert started(pool.meet()) == {"2/1": 60_000, "1/2": 600_000}


def test_a_heat_may_be_swum_a_third_time() -> None:
    pool = Pool()
    pool.load(ONE)
    for number, ms in enumerate((0, 100_000, 200_000)):
        pool.gun(ms)
        meet = pool.meet()
        assert started(meet) == {"1/1": ms}
        assert alarms(meet) == []
        if number < 2:
            pool.say(say.re_swim(9 + number))
            assert pool.meet().next_race() == FIRST
            assert alarms(pool.meet()) == []
    assert the_race(pool.meet(), "1", 1).race_number == 10


def test_what_a_console_said_of_the_swim_before_counts_no_more(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 2_999), revision=2)
    pool.say(say.re_swim(9))
    assert the_race(pool.meet(), "1", 1).state == "scheduled"
    pool.console("1", 1, ResultLane(1, 2_888), revision=1, race=9)
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "28.88"}
    assert the_race(meet, "1", 1).race_number == 9


def test_a_new_swim_that_the_console_told_before_anybody_said_so_counts(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 2_999), revision=2)
    pool.console("1", 1, ResultLane(1, 2_888), revision=1, race=9)
    assert times(pool.meet(), "1", 1) == {1: "29.99"}
    pool.say(say.re_swim(9))
    assert times(pool.meet(), "1", 1) == {1: "28.88"}


# -- heats and lanes -----------------------------------------------------------


def test_close_and_reopen(pool: Pool) -> None:
    pool.say(say.clear_time(1))
    meet = there_and_back(pool, say.close())
    assert the_race(meet, "1", 1).state == "closed"
    meet = there_and_back(pool, say.reopen())
    assert the_race(meet, "1", 1).state == "started"


def test_a_disqualified_lane_keeps_its_time_and_others_move_up(pool: Pool) -> None:
    assert places(pool.meet()) == {1: 1, 2: 2, 3: 3, 4: None}
    meet = there_and_back(pool, say.dq(1, "SW 4.4", "false start"))
    assert (lane(meet).status, lane(meet).time_cs) == ("DQ", 3_000)
    assert lane(meet).note == "SW 4.4 false start"
    assert places(meet) == {1: None, 2: 1, 3: 2, 4: None}
    meet = there_and_back(pool, say.reinstate(1))
    assert (lane(meet).status, lane(meet).note, lane(meet).place) == ("", "", 1)


@pytest.mark.parametrize(("statement", "status"), [(say.no_show(1), "NS"), (say.dnf(1), "DNF")])
def test_no_show_and_did_not_finish(pool: Pool, statement: AnyStatement, status: str) -> None:
    meet = there_and_back(pool, statement)
    assert (lane(meet).status, lane(meet).time_cs) == (status, None)
    assert places(meet) == {1: None, 2: 1, 3: 2, 4: None}
    meet = there_and_back(pool, say.reinstate(1))
    assert (lane(meet).status, lane(meet).time_cs) == ("", 3_000)


def test_a_set_time_counts_whatever_was_measured(pool: Pool) -> None:
    meet = there_and_back(pool, say.set_time(3_150))
    assert lane(meet).time_cs == 3_150
    assert places(meet) == {1: 2, 2: 1, 3: 3, 4: None}
    assert [(split.time_cs, split.finish) for split in lane(meet).splits] == [(3_000, True)]


def test_a_set_time_completes_a_heat_that_lacks_it(pool: Pool) -> None:
    pool.say(say.void("101"))
    assert the_race(pool.meet(), "1", 1).state == "started"
    meet = there_and_back(pool, say.set_time(3_333))
    assert the_race(meet, "1", 1).state == "complete"
    assert times(meet, "1", 1)[1] == "33.33"


def test_a_disqualified_lane_may_have_its_time_set(pool: Pool) -> None:
    pool.say(say.dq(1))
    meet = there_and_back(pool, say.set_time(3_333))
    assert (lane(meet).status, lane(meet).time_cs, lane(meet).place) == ("DQ", 3_333, None)


def test_a_cleared_time(pool: Pool) -> None:
    meet = there_and_back(pool, say.clear_time(1))
    assert (lane(meet).status, lane(meet).time_cs) == ("", None)
    assert the_race(meet, "1", 1).state == "started"


def test_a_lane_is_marked_empty(pool: Pool) -> None:
    meet = there_and_back(pool, say.mark(True, 1))
    assert (lane(meet).status, lane(meet).time_cs) == ("EMPTY", None)
    meet = there_and_back(pool, say.mark(False, 1))
    assert (lane(meet).status, lane(meet).time_cs) == ("", 3_000)


def test_an_empty_lane_is_marked_as_taken(pool: Pool) -> None:
    pool.say(say.set_time(3_050, 4))
    assert times(pool.meet(), "1", 1)[4] == "EMPTY"
    meet = there_and_back(pool, say.mark(False, 4))
    assert times(meet, "1", 1)[4] == "30.50"


# -- operators and withdrawals -------------------------------------------------


def test_an_operator_changes_no_result(pool: Pool) -> None:
    before = shown(pool.meet())
    position = pool.say(say.operator())
    assert shown(pool.meet()) == before
    pool.say(say.withdraw(position))
    assert shown(pool.meet()) == before


def test_a_withdrawal_of_nothing_means_nothing(pool: Pool) -> None:
    before = shown(pool.meet())
    head = pool.log.head().position
    for position in (0, 1, 10**9, head + 4, head + 6):  # nobody, no statement, none, itself, later
        pool.say(say.withdraw(position))
    pool.say(say.dq(1))  # named by the last withdrawal, which came before it
    assert lane(pool.meet()).status == "DQ"
    assert shown(pool.meet()) != before


def test_statements_about_what_is_not_there_change_nothing(pool: Pool) -> None:
    before = shown(pool.meet())
    for each in (say.dq(9), say.dq(1, heat=7), say.close(event="8"), say.set_time(1, event="9")):
        pool.say(each)
    assert shown(pool.meet()) == before
