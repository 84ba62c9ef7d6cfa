"""Given a Time Drops console in the folder, when it writes results, then these are in force."""

from hashlib import sha256

import pytest

from tests.kit.meets import Pool, alarms, heat, result, the_race, times
from wire.timedrops import (
    STATUS_FILE,
    RaceKey,
    ResultLane,
    ResultSplit,
    Status,
    encode_result,
    encode_status,
    result_name,
)

PAIR = heat("1", 1, 1, {1: "101", 2: "102"})


@pytest.fixture(params=[False, True], ids=["once", "twice"])
def pool(request: pytest.FixtureRequest) -> Pool:
    pool = Pool(twice=request.param)
    pool.load(PAIR)
    return pool


def test_its_results_outrank_our_crossings(pool: Pool) -> None:
    pool.gun(0)
    pool.passes(30_000, "101")
    pool.console("1", 1, ResultLane(1, 2999), ResultLane(2, 3050), race=4)
    meet = pool.meet()
    race = the_race(meet, "1", 1)
    assert times(meet, "1", 1) == {1: "29.99", 2: "30.50"}
    assert (race.origin, race.state, race.race_number) == ("time-drops", "complete", 4)
    assert [lane.name for lane in race.lanes] == ["First101 Last101", "First102 Last102"]
    assert [lane.place for lane in race.lanes] == [1, 2]


def test_the_higher_revision_wins_and_both_are_listed(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 3000), revision=1)
    pool.console("1", 1, ResultLane(1, 3100), revision=2)
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "31.00"}
    assert [(r.revision, r.origin) for r in meet.revisions()] == [
        (1, "time-drops"),
        (2, "time-drops"),
    ]
    assert meet.alarms() == []


def test_revisions_are_numbers_not_texts(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 3000), revision=9)
    pool.console("1", 1, ResultLane(1, 3100), revision=10)
    assert times(pool.meet(), "1", 1) == {1: "31.00"}


def test_a_lower_revision_that_comes_late_changes_nothing_but_is_an_alarm(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 3100), revision=2)
    pool.console("1", 1, ResultLane(1, 3000), revision=1)
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "31.00"}
    assert alarms(meet) == ["late"]
    assert "Revision 1 of session 67 event 1 heat 1 came after revision 2." in meet.alarms()[0].text


def test_one_number_with_two_contents_shows_the_newest_and_is_an_alarm(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 3000))
    pool.console("1", 1, ResultLane(1, 3100))
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "31.00"}
    assert alarms(meet) == ["rewritten"]


def test_a_file_without_a_revision_may_be_rewritten(pool: Pool) -> None:
    """SCM writes names without one (PROTOCOLS 3.3)."""
    for cs in (3000, 3100):
        body = encode_result(result("1", 1, ResultLane(1, cs)))
        pool.file("Session67_Event1_Heat1_Race1.JSON", body)
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "31.00"}
    assert meet.alarms() == []


def test_a_file_that_was_taken_away_and_put_back_is_no_news(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 3000), revision=1)
    pool.console("1", 1, ResultLane(1, 3100), revision=2)
    pool.remove(result_name("67", "1", 1, 1, 1))
    pool.console("1", 1, ResultLane(1, 3000), revision=1)
    meet = pool.meet()
    assert meet.alarms() == []
    assert len(meet.revisions()) == 2


def test_our_own_file_is_never_a_consoles(pool: Pool) -> None:
    body = encode_result(result("1", 1, ResultLane(1, 3000)))
    name = pool.publish("1", 1, body, 1)
    pool.file(name, body)
    meet = pool.meet()
    assert [(r.origin, r.revision) for r in meet.revisions()] == [("meetlog", 1)]
    assert the_race(meet, "1", 1).origin == ""
    assert the_race(meet, "1", 1).revision == 1
    assert meet.alarms() == []


def test_our_file_in_a_strangers_words_is_a_collision(pool: Pool) -> None:
    pool.twice = False
    name = pool.publish("1", 1, encode_result(result("1", 1, ResultLane(1, 3000))), 1)
    pool.file(name, encode_result(result("1", 1, ResultLane(1, 2000))))
    meet = pool.meet()
    assert alarms(meet) == ["collision"]
    assert times(meet, "1", 1) == {1: "", 2: ""}
    assert meet.state.revisions.next_revision(RaceKey("67", "1", 1)) == 2


def test_our_own_status_file_calls_no_heat(pool: Pool) -> None:
    body = encode_status(Status("2026-06-14T09:00:00.000+02:00", "67", "9", 9))
    pool.add("meetlog", "status.published", body, name=STATUS_FILE, sha256=sha256(body).hexdigest())
    pool.file(STATUS_FILE, body)
    assert pool.meet().next_race() == RaceKey("67", "1", 1)
    pool.call("9", 8)
    assert pool.meet().next_race() == RaceKey("67", "9", 8)


def test_empty_lanes_dqs_and_missing_times(pool: Pool) -> None:
    pool.console(
        "1", 1,
        ResultLane(1, 3000),
        ResultLane(2, 3100, dq=True),
        ResultLane(3, 4000, empty=True),  # a stray time (PROTOCOLS 3.4)
        ResultLane(4),
        ResultLane(5, None, timers_cs=(1025, 1000, None)),
        ResultLane(6, None, timers_cs=(1025, None, None)),  # one watch needs a person's consent
        ResultLane(7, None, 2950, timers_cs=(2990, 2970, 2960)),  # the pad outranks watches
    )  # fmt: skip
    meet = pool.meet()
    assert times(meet, "1", 1) == {
        1: "30.00", 2: "DQ", 3: "EMPTY", 4: "NS", 5: "10.12", 6: "NS", 7: "29.50",
    }  # fmt: skip
    lanes = the_race(meet, "1", 1).lanes
    assert [lane.time_cs for lane in lanes] == [3000, 3100, None, None, 1012, None, 2950]
    assert [lane.place for lane in lanes] == [3, None, None, None, 1, None, 2]


def test_its_splits_are_shown(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 6000, splits=(ResultSplit(25, 1400), ResultSplit(50, 2900))))
    [lane] = the_race(pool.meet(), "1", 1).lanes
    assert [(s.distance, s.time_cs) for s in lane.splits] == [(25, 1400), (50, 2900)]


def test_a_race_that_no_program_names_is_known_by_its_result(pool: Pool) -> None:
    pool.console("7B", 3, ResultLane(4, 5555), race=12)
    meet = pool.meet()
    race = the_race(meet, "7B", 3)
    assert (race.race_number, race.state, race.lanes[0].name) == (12, "complete", "")
    assert times(meet, "7B", 3) == {4: "55.55"}
    assert [r.event for r in meet.races()] == ["7B", "1"]
    pool.load(PAIR, heat("7B", 3, 2, {4: "104"}))
    meet = pool.meet()
    assert the_race(meet, "7B", 3).lanes[0].name == "First104 Last104"
    assert [r.event for r in meet.races()] == ["1", "7B"]


def test_a_result_that_cannot_be_read_is_quarantined_and_replaces_nothing(pool: Pool) -> None:
    pool.console("1", 1, ResultLane(1, 3000))
    pool.file(result_name("67", "1", 1, 1, 2), b'{"lanes":')
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "30.00"}
    [entry] = meet.quarantine()
    assert entry.reason.startswith("Session67_Event_1_Heat1_Race1_2.json: ")
