"""Given a program, when guns and words come, then these heats started at these milliseconds."""

import pytest

from tests.kit.meets import Pool, alarms, heat, program, started, swimmers_of, the_race, times
from wire.timedrops import PROGRAM_FILE, Program, RaceKey, Session, encode_program

ONE = heat("1", 1, 1, {1: "101", 2: "102"})
TWO = heat("1", 2, 2, {1: "103", 2: "104"})
THREE = heat("2", 1, 3, {1: "101"})


@pytest.fixture(params=[False, True], ids=["once", "twice"])
def pool(request: pytest.FixtureRequest) -> Pool:
    return Pool(twice=request.param)


@pytest.fixture
def three(pool: Pool) -> Pool:
    pool.load(ONE, TWO, THREE)
    return pool


def test_a_gun_of_type_0_starts_the_first_heat(three: Pool) -> None:
    three.gun(0)
    meet = three.meet()
    assert started(meet) == {"1/1": 0}
    assert the_race(meet, "1", 1).state == "started"
    assert the_race(meet, "1", 2).state == "scheduled"
    assert the_race(meet, "1", 1).start == "2026-06-14T09:00:00+02:00"
    assert meet.current_race() == RaceKey("67", "1", 1)
    assert meet.next_race() == RaceKey("67", "1", 2)


def test_a_guntime_of_ctp01_starts_it_too(three: Pool) -> None:
    three.line(250)
    assert started(three.meet()) == {"1/1": 250}


def test_guns_close_together_are_one_start_of_the_earliest(three: Pool) -> None:
    three.gun(400)
    three.line(250)
    three.gun(0)
    three.gun(10_000)  # the window is 10 s, counted from the first
    three.gun(10_500)
    assert started(three.meet()) == {"1/1": 0, "1/2": 10_500}


def test_guns_start_heats_in_the_order_of_the_program(three: Pool) -> None:
    for ms in (0, 60_000, 120_000):
        three.gun(ms)
    assert started(three.meet()) == {"1/1": 0, "1/2": 60_000, "2/1": 120_000}


def test_a_gun_too_many_starts_nothing_and_is_named(three: Pool) -> None:
    for ms in (0, 60_000, 120_000, 180_000):
        three.gun(ms)
    meet = three.meet()
    assert len(started(meet)) == 3
    assert alarms(meet).count("gun") == 1
    assert meet.next_race() is None


def test_a_gun_that_a_cut_held_back_takes_its_place_when_it_comes(three: Pool) -> None:
    three.gun(60_000)
    assert started(three.meet()) == {"1/1": 60_000}
    three.gun(0)
    assert started(three.meet()) == {"1/1": 0, "1/2": 60_000}


def test_guns_before_the_program_start_its_heats(pool: Pool) -> None:
    pool.gun(0)
    assert alarms(pool.meet()) == ["gun"]
    pool.load(ONE, TWO)
    pool.gun(60_000)
    meet = pool.meet()
    assert started(meet) == {"1/1": 0, "1/2": 60_000}
    assert "gun" not in alarms(meet)


def test_a_recalled_start_is_made_by_the_next_gun(three: Pool) -> None:
    three.gun(0)
    three.passes(30_000, "101")
    three.recall("1", 1, 0)
    meet = three.meet()
    assert started(meet) == {}
    assert times(meet, "1", 1) == {1: "", 2: ""}
    assert the_race(meet, "1", 1).state == "scheduled"
    three.gun(120_000)
    three.passes(150_500, "101")
    meet = three.meet()
    assert started(meet) == {"1/1": 120_000}
    assert times(meet, "1", 1) == {1: "30.50", 2: ""}


def test_a_test_gun_is_recalled_and_moves_all_heats(three: Pool) -> None:
    three.gun(0)
    three.gun(60_000)
    three.gun(120_000)
    assert started(three.meet()) == {"1/1": 0, "1/2": 60_000, "2/1": 120_000}
    three.recall("1", 1, 0)
    assert started(three.meet()) == {"1/1": 60_000, "1/2": 120_000}


def test_a_recall_names_its_gun_exactly(three: Pool) -> None:
    three.gun(0)
    three.recall("1", 1, 1)
    assert started(three.meet()) == {"1/1": 0}


def test_a_start_by_hand_names_its_heat(three: Pool) -> None:
    three.start("1", 2, 5_000)
    meet = three.meet()
    assert started(meet) == {"1/2": 5_000}
    assert meet.starts().by_race[RaceKey("67", "1", 2)].by_hand
    three.gun(60_000)
    assert started(three.meet()) == {"1/2": 5_000, "2/1": 60_000}


def test_a_gun_near_a_start_by_hand_is_the_same_start(three: Pool) -> None:
    three.gun(300)
    three.start("1", 1, 0)
    three.gun(60_000)
    assert started(three.meet()) == {"1/1": 0, "1/2": 60_000}


def test_a_recalled_start_by_hand_takes_its_gun_with_it(three: Pool) -> None:
    three.gun(300)
    three.start("1", 1, 0)
    three.recall("1", 1, 0)
    assert started(three.meet()) == {}


def test_of_two_starts_by_hand_the_last_one_said_holds(three: Pool) -> None:
    three.start("1", 1, 20_000)
    three.start("1", 1, 5_000)
    three.gun(22_000)
    assert started(three.meet()) == {"1/1": 5_000, "1/2": 22_000}


def test_a_start_by_hand_corrects_the_gun_of_its_heat(three: Pool) -> None:
    three.gun(0)
    three.start("1", 1, 15_000)
    three.gun(60_000)
    assert started(three.meet()) == {"1/1": 15_000, "1/2": 60_000}


def test_the_console_says_which_heat_the_next_gun_starts(three: Pool) -> None:
    three.call("2", 1)
    meet = three.meet()
    assert meet.next_race() == RaceKey("67", "2", 1)
    three.gun(0)
    three.call("1", 1)
    three.gun(60_000)
    three.gun(120_000)  # nobody called: the one after
    assert started(three.meet()) == {"2/1": 0, "1/1": 60_000, "1/2": 120_000}


def test_a_console_that_still_names_the_running_heat_calls_nothing(three: Pool) -> None:
    three.call("1", 1)
    three.gun(0)
    three.call("1", 1)
    three.gun(60_000)
    assert started(three.meet()) == {"1/1": 0, "1/2": 60_000}


def test_a_call_stands_when_its_gun_is_recalled(three: Pool) -> None:
    three.call("1", 2)
    three.gun(0)
    three.recall("1", 2, 0)
    three.gun(60_000)
    assert started(three.meet()) == {"1/2": 60_000}


def test_the_next_session_begins_when_it_becomes_current(pool: Pool) -> None:
    def say(current: int) -> None:
        sessions = tuple(
            Session(name, n, current=n == current, heats=heats)
            for n, (name, heats) in enumerate((("67", (ONE, TWO)), ("68", (THREE,))), 1)
        )
        people = swimmers_of((ONE, TWO, THREE))
        pool.file(PROGRAM_FILE, encode_program(Program(sessions=sessions, swimmers=people)))

    say(1)
    pool.gun(0)
    say(2)
    assert pool.meet().next_race() == RaceKey("68", "2", 1)
    pool.gun(60_000)
    pool.passes(90_000, "101")
    meet = pool.meet()
    assert started(meet) == {"1/1": 0, "2/1": 60_000}
    assert times(meet, "2", 1, session="68") == {1: "30.00"}
    assert [r.session for r in meet.races()] == ["67", "67", "68"]


def test_a_gun_keeps_the_heat_of_the_program_it_was_fired_under(three: Pool) -> None:
    three.gun(0)
    three.load(heat("0", 1, 1, {1: "105"}), ONE, TWO, THREE)
    assert started(three.meet()) == {"1/1": 0}
    three.gun(60_000)
    assert started(three.meet()) == {"1/1": 0, "1/2": 60_000}


def test_a_heat_that_a_later_program_drops_stays_and_keeps_its_names(three: Pool) -> None:
    three.gun(0)
    three.passes(30_000, "102")
    three.load(TWO, THREE)
    meet = three.meet()
    assert times(meet, "1", 1) == {1: "", 2: "30.00"}
    assert [lane.name for lane in the_race(meet, "1", 1).lanes] == [
        "First101 Last101",
        "First102 Last102",
    ]
    assert meet.next_race() == RaceKey("67", "1", 2)


def test_a_heat_left_unfinished_behind_a_later_one_is_an_alarm(three: Pool) -> None:
    three.gun(0)
    three.passes(30_000, "101")
    three.gun(60_000)
    meet = three.meet()
    assert [a.text for a in meet.alarms()] == [
        "Event 1 heat 1: a later heat has started, and there is no time in lane 2."
    ]
    three.close("1", 1)
    meet = three.meet()
    assert meet.alarms() == []
    assert the_race(meet, "1", 1).state == "closed"
    three.reopen("1", 1)
    assert alarms(three.meet()) == ["unfinished"]


def test_the_current_race_is_the_running_one_and_then_the_next(three: Pool) -> None:
    assert three.meet().current_race() == RaceKey("67", "1", 1)
    three.gun(0)
    three.passes(30_000, "101")
    assert three.meet().current_race() == RaceKey("67", "1", 1)
    three.passes(31_000, "102")
    meet = three.meet()
    assert the_race(meet, "1", 1).state == "complete"
    assert meet.current_race() == RaceKey("67", "1", 2)


def test_a_session_is_chosen_by_the_settings_when_none_is_current() -> None:
    pool = Pool('[meet]\nsession = "68"\n')
    both = tuple(
        Session(name, n, heats=(each,)) for n, (name, each) in enumerate((("67", ONE), ("68", TWO)))
    )
    pool.file(PROGRAM_FILE, encode_program(Program(sessions=both, swimmers=program(ONE).swimmers)))
    assert pool.meet().next_race() == RaceKey("68", "1", 2)
