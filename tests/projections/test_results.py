"""Given heats and a course, when chips cross mats, then these are the times, splits and places."""

import pytest

from projections.rounding import format_cs, hand_time, race_time
from tests.kit.meets import SWIM, TOML, Pool, heat, read, the_race, times, utc, wall
from wire.reads import RawRead
from wire.settings import Rounding
from wire.stamps import NS
from wire.timedrops import LaneEntry

PAIR = heat("1", 1, 1, {1: "101", 2: "102"})
LAPS = (
    TOML
    + """
[[course]]
legs = [
    { point = "Turn", distance = 25 },
    { point = "Finish", distance = 50 },
    { point = "Turn", distance = 75, passing = 2 },
    { point = "Finish", distance = 100, passing = 2 },
]
"""
)


@pytest.fixture(params=[False, True], ids=["once", "twice"])
def twice(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def pool(twice: bool) -> Pool:
    pool = Pool(twice=twice)
    pool.load(PAIR)
    pool.gun(0)
    return pool


def test_final_times_are_truncated_to_hundredths_and_ties_share_a_place(twice: bool) -> None:
    pool = Pool(twice=twice)
    pool.load(heat("1", 1, 1, {1: "101", 2: "102", 3: "103", 4: ""}))
    pool.gun(0)
    pool.passes(30_129, "101")
    pool.passes(30_120, "102")
    pool.passes(30_130, "103")
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "30.12", 2: "30.12", 3: "30.13", 4: "EMPTY"}
    race = the_race(meet, "1", 1)
    assert [lane.place for lane in race.lanes] == [1, 1, 3, None]
    assert race.state == "complete"
    assert race.origin == "chips"


def test_a_walk_past_the_mat_before_the_minimum_is_no_finish(twice: bool) -> None:
    pool = Pool(SWIM + 'minimum = "20s"\n', twice=twice)
    pool.load(PAIR)
    pool.passes(-5_000, "101")
    pool.gun(0)
    pool.passes(7_000, "101")
    pool.passes(19_999, "102")
    pool.passes(31_000, "101")
    assert times(pool.meet(), "1", 1) == {1: "31.00", 2: ""}


def test_splits_and_the_finish_come_from_the_nth_passing(twice: bool) -> None:
    pool = Pool(LAPS, twice=twice)
    pool.load(PAIR)
    pool.gun(0)
    for ms, point in ((15_500, "Turn"), (31_250, "Finish"), (47_750, "Turn"), (64_990, "Finish")):
        pool.passes(ms, "101", point=point)
    # Lapped: his first finish is no final time, and a turn that no mat saw is left out.
    pool.passes(50_000, "102", point="Finish")
    meet = pool.meet()
    first, lapped = the_race(meet, "1", 1).lanes
    assert [(s.point, s.distance, s.time_cs) for s in first.splits] == [
        ("Turn", 25, 1550),
        ("Finish", 50, 3125),
        ("Turn", 75, 4775),
        ("Finish", 100, 6499),
    ]
    assert [s.moment_ns for s in first.splits][-1] == utc(64_990)
    assert first.time_cs == 6499
    assert [(s.distance, s.time_cs) for s in lapped.splits] == [(50, 5000)]
    assert lapped.time_cs is None
    assert the_race(meet, "1", 1).state == "started"


def test_a_missed_turn_costs_no_final_time(twice: bool) -> None:
    pool = Pool(LAPS, twice=twice)
    pool.load(PAIR)
    pool.gun(0)
    pool.passes(31_250, "101", point="Finish")
    pool.passes(64_990, "101", point="Finish")
    [lane, _] = the_race(pool.meet(), "1", 1).lanes
    assert [s.distance for s in lane.splits] == [50, 100]
    assert lane.time_cs == 6499


def test_a_lingering_chip_crosses_once(pool: Pool) -> None:
    for ms in (30_000, 35_500, 41_000, 46_600):  # readers re-emit every 5 to 6 s (PROTOCOLS 1.4)
        pool.passes(ms, "101")
    meet = pool.meet()
    assert [c.reads for c in meet.crossings()] == [4]
    assert times(meet, "1", 1)[1] == "30.00"


def test_a_swimmer_in_two_heats_is_timed_in_each(twice: bool) -> None:
    pool = Pool(twice=twice)
    pool.load(PAIR, heat("2", 1, 2, {1: "101"}))
    pool.gun(0)
    pool.passes(30_000, "102")
    pool.gun(60_000)
    pool.passes(95_000, "101")
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "", 2: "30.00"}
    assert times(meet, "2", 1) == {1: "35.00"}
    pool.passes(31_000, "101")  # held back by a cut line
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "31.00", 2: "30.00"}
    assert times(meet, "2", 1) == {1: "35.00"}


def test_times_follow_the_swimmer_when_a_program_swaps_lanes_after_the_race(pool: Pool) -> None:
    pool.passes(30_000, "101")
    pool.passes(31_000, "102")
    assert times(pool.meet(), "1", 1) == {1: "30.00", 2: "31.00"}
    pool.load(heat("1", 1, 1, {1: "102", 2: "101"}))
    assert times(pool.meet(), "1", 1) == {1: "31.00", 2: "30.00"}


def test_a_relay_is_timed_by_the_passings_of_all_its_swimmers(twice: bool) -> None:
    legs = 'legs = [{ point = "Finish", distance = 50 }, '
    legs += '{ point = "Finish", distance = 100, passing = 2 }]\n'
    pool = Pool(TOML + "[[course]]\n" + legs, twice=twice)
    pool.load(heat("1", 1, 1, {1: ("101", "102"), 2: LaneEntry(2, relay="A", team_id="T1")}))
    pool.gun(0)
    pool.passes(30_000, "101")
    pool.passes(30_900, "102")  # leaves as the first arrives: one passing of the lane
    pool.passes(61_000, "102")
    meet = pool.meet()
    lane, unnamed = the_race(meet, "1", 1).lanes
    assert [(s.distance, s.time_cs) for s in lane.splits] == [(50, 3000), (100, 6100)]
    assert lane.name == "First101 Last101 / First102 Last102"
    assert (unnamed.name, unnamed.status) == ("Relay A", "")
    assert the_race(meet, "1", 1).state == "started"


def test_two_chips_of_one_swimmer_are_one_passing_of_the_earlier(pool: Pool) -> None:
    pool.chips({"L1": "101", "R1": "101"})
    pool.passes(30_400, "L1")
    pool.passes(30_100, "R1")
    meet = pool.meet()
    assert times(meet, "1", 1)[1] == "30.10"
    assert the_race(meet, "1", 1).lanes[0].chips == ("L1", "R1")


def test_of_two_chips_the_one_on_the_main_mat_counts(pool: Pool) -> None:
    pool.chips({"L1": "101", "R1": "101"})
    pool.passes(29_900, "L1", point="Backup")
    pool.passes(30_100, "R1")
    assert times(pool.meet(), "1", 1)[1] == "30.10"


def test_a_chip_table_may_change_after_the_race(pool: Pool) -> None:
    pool.chips({"77": "101"})
    pool.passes(30_000, "77")
    assert times(pool.meet(), "1", 1) == {1: "30.00", 2: ""}
    pool.chips({"77": "102"})
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "", 2: "30.00"}
    assert [c.swimmer for c in meet.crossings()] == ["102"]


@pytest.mark.parametrize("listed", ["0077", "77"])
@pytest.mark.parametrize("worn", ["0077", "77", "077"])
def test_leading_zeros_of_a_number_do_not_matter(pool: Pool, listed: str, worn: str) -> None:
    """TsV1 loses them (PROTOCOLS 2)."""
    pool.chips({listed: "102"})
    pool.hear(read(30_000, worn), source="loop")
    assert times(pool.meet(), "1", 1)[2] == "30.00"


@pytest.mark.parametrize(("entered", "worn"), [("0101", "101"), ("101", "0101")])
def test_nor_do_those_of_a_tag_that_is_a_swimmers_id(twice: bool, entered: str, worn: str) -> None:
    pool = Pool(twice=twice)
    pool.load(heat("1", 1, 1, {1: entered}))
    pool.gun(0)
    pool.hear(read(30_000, worn), source="loop")
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "30.00"}
    assert [c.swimmer for c in meet.crossings()] == [entered]
    assert meet.quarantine() == []


def test_an_exact_chip_outranks_one_that_differs_in_zeros(pool: Pool) -> None:
    pool.chips({"077": "101", "77": "102"})
    pool.hear(read(30_000, "077"), read(31_000, "77"), source="loop")
    meet = pool.meet()
    assert times(meet, "1", 1) == {1: "30.00", 2: "31.00"}
    assert [c.swimmer for c in meet.crossings()] == ["101", "102"]


def test_a_tag_that_the_table_gives_to_another_is_not_the_id_it_looks_like(pool: Pool) -> None:
    pool.chips({"101": "102"})
    pool.passes(30_000, "101")
    assert times(pool.meet(), "1", 1) == {1: "", 2: "30.00"}


def test_a_chip_becomes_known(pool: Pool) -> None:
    pool.passes(30_000, "A9")
    meet = pool.meet()
    [entry] = meet.quarantine()
    assert (entry.reason, entry.source, entry.excerpt) == ("unknown chip A9", "mat", "at Finish")
    assert entry.count == 1
    pool.chips({"A9": "102"})
    meet = pool.meet()
    assert meet.quarantine() == []
    assert times(meet, "1", 1)[2] == "30.00"


def test_first_seen_reads_alone_are_never_official(pool: Pool) -> None:
    pool.hear(read(30_000, "101", kind=1))
    meet = pool.meet()
    assert [c.provisional for c in meet.crossings()] == [True]
    assert times(meet, "1", 1)[1] == ""
    pool.hear(read(30_400, "101", kind=2))
    meet = pool.meet()
    assert [(c.provisional, c.reads) for c in meet.crossings()] == [(False, 2)]
    assert times(meet, "1", 1)[1] == "30.40"


def test_a_backup_mat_that_runs_late_changes_no_main_time(pool: Pool) -> None:
    pool.passes(30_000, "101")
    pool.passes(31_500, "101", point="Backup")
    meet = pool.meet()
    assert times(meet, "1", 1)[1] == "30.00"
    assert [(c.reads, c.backup, c.feed) for c in meet.crossings()] == [(2, False, "Finish")]


def test_a_backup_mat_counts_where_the_main_one_has_nothing(pool: Pool) -> None:
    pool.passes(31_500, "101", point="Backup")
    meet = pool.meet()
    assert times(meet, "1", 1)[1] == "31.50"
    assert [c.backup for c in meet.crossings()] == [True]
    shifted = SWIM.replace("backup = true", 'backup = true, shift = "-1.5s"')
    pool.file("meet.toml", shifted.encode(), "settings")
    assert times(pool.meet(), "1", 1)[1] == "30.00"


def test_the_strongest_signal_chooses_the_moment(pool: Pool) -> None:
    told = [RawRead("101", wall(ms), "Finish", 2, 1, "R1", rssi=rssi) for ms, rssi in
            ((30_000, -70), (30_250, -52), (30_500, -60))]  # fmt: skip
    pool.hear(*told, source="loop")
    assert times(pool.meet(), "1", 1)[1] == "30.25"


def test_combined_heats_have_places_by_event(twice: bool) -> None:
    pool = Pool(twice=twice)
    lanes = {
        1: LaneEntry(1, ("101",), event="2"),
        2: LaneEntry(2, ("102",)),
        3: LaneEntry(3, ("103",), event="2"),
    }
    pool.load(heat("1", 1, 1, lanes))
    pool.gun(0)
    pool.passes(30_000, "101")
    pool.passes(31_000, "102")
    pool.passes(32_000, "103")
    race = the_race(pool.meet(), "1", 1)
    assert [(lane.event, lane.place) for lane in race.lanes] == [("2", 1), ("1", 1), ("2", 2)]


def test_courses_go_by_the_lanes_own_event(twice: bool) -> None:
    toml = TOML + (
        '[[course]]\nevents = ["2"]\nlegs = [{ point = "Turn", distance = 25 }]\n'
        '[[course]]\nlegs = [{ point = "Finish", distance = 50 }]\n'
    )
    pool = Pool(toml, twice=twice)
    pool.load(heat("1", 1, 1, {1: "101", 2: LaneEntry(2, ("102",), event="2")}))
    pool.gun(0)
    for chip in ("101", "102"):
        pool.passes(15_000, chip, point="Turn")
        pool.passes(30_000, chip)
    assert times(pool.meet(), "1", 1) == {1: "30.00", 2: "15.00"}


def test_a_race_is_closed_without_the_lanes_that_lack_a_time(pool: Pool) -> None:
    pool.passes(30_000, "101")
    pool.close("1", 1)
    meet = pool.meet()
    assert the_race(meet, "1", 1).state == "closed"
    assert times(meet, "1", 1) == {1: "30.00", 2: ""}
    pool.reopen("1", 1)
    assert the_race(pool.meet(), "1", 1).state == "started"


def test_settings_may_change_the_rounding_of_what_was_swum(pool: Pool) -> None:
    pool.passes(30_121, "101")
    toml = SWIM.replace("[meet]", '[meet]\nrounding = "up-hundredth"')
    pool.file("meet.toml", toml.encode(), "settings")
    assert times(pool.meet(), "1", 1)[1] == "30.13"


@pytest.mark.parametrize(
    ("ns", "rounding", "shown"),
    [
        (30_129_999_999, "truncate", "30.12"),
        (30_120_000_000, "truncate", "30.12"),
        (30_120_000_001, "up-hundredth", "30.13"),
        (30_120_000_000, "up-hundredth", "30.12"),
        ((2 * 3600 + 9 * 60 + 44) * NS + 300_000_000, "up-second", "2:09:45.00"),  # TR 19.24.5
        ((2 * 3600 + 9 * 60 + 45) * NS, "up-second", "2:09:45.00"),
        ((2 * 3600 + 9 * 60 + 44) * NS + 1, "up-second", "2:09:45.00"),
        (62_345_000_000, "truncate", "1:02.34"),
    ],
)
def test_rounding_is_a_rule_of_the_sport(ns: int, rounding: Rounding, shown: str) -> None:
    assert format_cs(race_time(ns, rounding)) == shown


@pytest.mark.parametrize(
    ("watches", "time"),
    [
        ([1025, 1000], 1012),
        ([3166, 3197], 3181),
        ([3000, 3010, 3000], 3000),
        ([3010, 3000, 3040], 3010),
        ([3000], 3000),
        ([], None),
    ],
)
def test_hand_times(watches: list[int], time: int | None) -> None:
    assert hand_time(watches) == time
