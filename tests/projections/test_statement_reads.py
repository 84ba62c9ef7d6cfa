"""Given a heat, when somebody speaks of chips, reads and clocks, then this holds."""

import pytest

from projections.folding import follow, settings_at
from tests.kit import sayings as say
from tests.kit.heats import ONE, swum, there_and_back
from tests.kit.meets import SWIM, Pool, read, started, the_race, times, utc
from tests.kit.sayings import shown
from wire.settings_file import parse


@pytest.fixture
def pool() -> Pool:
    return swum()


# -- chips ---------------------------------------------------------------------


def test_a_chip_is_given_to_another_for_the_whole_meet(pool: Pool) -> None:
    meet = there_and_back(pool, say.chip("101", "103"))
    assert times(meet, "1", 1) == {1: "", 2: "31.00", 3: "30.00", 4: "EMPTY"}
    assert [c.swimmer for c in meet.crossings(["101"])] == ["103"]


def test_or_from_a_moment_on(pool: Pool) -> None:
    pool.gun(200_000)
    pool.passes(230_000, "101")
    meet = there_and_back(pool, say.chip("101", "104", 100_000))
    assert times(meet, "1", 1)[1] == "30.00"
    assert times(meet, "1", 2) == {1: "30.00"}
    assert [c.swimmer for c in meet.crossings(["101"])] == ["101", "104"]


def test_or_to_nobody(pool: Pool) -> None:
    meet = there_and_back(pool, say.chip("101", ""))
    assert times(meet, "1", 1)[1] == ""
    meet = there_and_back(pool, say.chip("101", "101"))
    assert times(meet, "1", 1)[1] == "30.00"


@pytest.mark.parametrize("listed", ["0077", "77"])
@pytest.mark.parametrize("worn", ["0077", "77"])
@pytest.mark.parametrize("named", ["0077", "77", "077"])
def test_a_chip_of_the_table_with_any_zeros(pool: Pool, listed: str, worn: str, named: str) -> None:
    pool.chips({listed: "102"})
    pool.say(say.clear_time(1))
    pool.hear(read(29_000, worn), source="loop")
    assert times(pool.meet(), "1", 1)[2] == "29.00"
    meet = there_and_back(pool, say.chip(named, "103"))
    assert times(meet, "1", 1)[3] == "29.00"


def test_an_unknown_chip_becomes_known(pool: Pool) -> None:
    pool.passes(29_000, "A9")
    assert [e.reason for e in pool.meet().quarantine()] == ["unknown chip A9"]
    meet = there_and_back(pool, say.chip("A9", "101"))
    assert meet.quarantine() == []
    assert times(meet, "1", 1)[1] == "29.00"


def test_a_chip_that_nobody_has_read_yet() -> None:
    pool = Pool()
    pool.load(ONE)
    pool.say(say.chip("A9", "101"))
    pool.gun(0)
    pool.passes(30_000, "A9")
    assert times(pool.meet(), "1", 1)[1] == "30.00"


# -- reads ---------------------------------------------------------------------


def test_one_read_of_a_crossing_is_void(pool: Pool) -> None:
    pool.passes(30_500, "101")
    meet = there_and_back(pool, say.void("101", 30_000, 30_000))
    assert times(meet, "1", 1)[1] == "30.50"
    meet = there_and_back(pool, say.void("101", 30_000, 30_000, restore=True))
    assert times(meet, "1", 1)[1] == "30.00"


def test_a_whole_crossing_is_void(pool: Pool) -> None:
    pool.passes(30_500, "101")
    pool.passes(60_000, "101")
    meet = there_and_back(pool, say.void("101", 30_000, 31_000))
    assert times(meet, "1", 1)[1] == "1:00.00"
    assert [c.moment_ns for c in meet.crossings(["101"])] == [utc(60_000)]


def test_reads_at_one_point_only(pool: Pool) -> None:
    pool.passes(30_000, "101", point="Turn")
    meet = there_and_back(pool, say.void("101", point="Turn"))
    assert [c.point for c in meet.crossings(["101"])] == ["Finish"]
    meet = there_and_back(pool, say.void("101"))
    assert meet.crossings(["101"]) == []


def test_of_overlapping_spans_the_last_said_counts(pool: Pool) -> None:
    for ms in (60_000, 90_000):
        pool.passes(ms, "101")
    pool.say(say.void("101", 0, 70_000))
    pool.say(say.void("101", 50_000, 100_000, restore=True))
    pool.say(say.void("101", 80_000, 90_000))
    moments = [(c.moment_ns - utc(0)) // 10**6 for c in pool.meet().crossings(["101"])]
    assert moments == [60_000]
    assert times(pool.meet(), "1", 1)[1] == "1:00.00"


def test_voided_reads_of_a_chip_that_was_never_read_change_nothing(pool: Pool) -> None:
    before = shown(pool.meet())
    pool.say(say.void("555"))
    assert shown(pool.meet()) == before


# -- crossings that somebody saw -----------------------------------------------


def test_a_crossing_where_there_are_no_reads(pool: Pool) -> None:
    pool.say(say.void("101"))
    meet = there_and_back(pool, say.crossing("101", 30_700))
    assert times(meet, "1", 1)[1] == "30.70"
    [seen] = meet.crossings(["101"])
    assert (seen.source, seen.feed, seen.reads, seen.provisional) == ("operator", "", 0, False)


def test_a_crossing_beside_reads_outranks_them(pool: Pool) -> None:
    meet = there_and_back(pool, say.crossing("101", 31_700))
    assert times(meet, "1", 1)[1] == "31.70"
    [seen] = meet.crossings(["101"])
    assert (seen.reads, seen.first_ns) == (1, utc(30_000))


def test_of_two_close_together_the_last_said_counts(pool: Pool) -> None:
    pool.say(say.crossing("101", 29_000))
    meet = there_and_back(pool, say.crossing("101", 31_700))
    assert times(meet, "1", 1)[1] == "31.70"
    assert len(meet.crossings(["101"])) == 1


def test_a_crossing_at_a_point_that_nobody_knows(pool: Pool) -> None:
    meet = there_and_back(pool, say.crossing("101", 30_000, "Nowhere"))
    assert [c.point for c in meet.crossings(["101"])] == ["Finish", "Nowhere"]
    [entry] = meet.quarantine()
    assert (entry.source, entry.reason) == ("operator", "unknown point Nowhere")
    pool.passes(40_000, "102", point="Nowhere")
    [entry] = pool.meet().quarantine()
    assert (entry.source, entry.reason) == ("mat", "unknown point Nowhere")


def test_a_crossing_of_a_chip_without_reads(pool: Pool) -> None:
    pool.chips({"C4": "104"})
    pool.gun(200_000)
    meet = there_and_back(pool, say.crossing("C4", 230_000))
    assert times(meet, "1", 2) == {1: "30.00"}
    assert the_race(meet, "1", 2).lanes[0].chips == ("C4",)


def test_a_stranger_that_was_seen_before_it_was_read_is_listed_from_then_on(pool: Pool) -> None:
    pool.say(say.crossing("A9", 30_000))
    meet = pool.meet()
    assert meet.quarantine() == []
    pool.passes(60_000, "A9")
    meet = follow(meet, pool.log)
    meet.settle()
    assert [entry.reason for entry in meet.quarantine()] == ["unknown chip A9"]


def test_it_outranks_reads_of_another_chip_of_the_lane(pool: Pool) -> None:
    pool.chips({"L1": "101"})
    meet = there_and_back(pool, say.crossing("L1", 30_700))
    assert times(meet, "1", 1)[1] == "30.70"


# -- clocks --------------------------------------------------------------------


def test_a_shift_of_the_guns_source_leaves_the_times(pool: Pool) -> None:
    meet = there_and_back(pool, say.shift("mat", 1_500))
    assert started(meet) == {"1/1": 1_500}
    assert times(meet, "1", 1) == {1: "30.00", 2: "31.00", 3: "32.00", 4: "EMPTY"}


def test_a_shift_of_a_span_of_unshifted_stamps(pool: Pool) -> None:
    meet = there_and_back(pool, say.shift("mat", 1_500, 30_000, 31_000))
    assert times(meet, "1", 1) == {1: "31.50", 2: "32.50", 3: "32.00", 4: "EMPTY"}
    # Stamps from 31.5 s on, not what they became.
    meet = there_and_back(pool, say.shift("mat", 100, 31_500))
    assert times(meet, "1", 1) == {1: "31.50", 2: "32.50", 3: "32.10", 4: "EMPTY"}


def test_two_shifts_add_up(pool: Pool) -> None:
    pool.say(say.shift("mat", 1_500, 20_000))
    meet = there_and_back(pool, say.shift("mat", -500, 30_500, 31_500))
    assert times(meet, "1", 1) == {1: "31.50", 2: "32.00", 3: "33.50", 4: "EMPTY"}


def test_a_shift_of_a_backup_feed_adds_to_the_configured_one() -> None:
    pool = Pool(SWIM.replace("backup = true", 'backup = true, shift = "-1s"'))
    pool.load(ONE)
    pool.gun(0)
    pool.passes(31_500, "101", point="Backup", source="loop")
    assert times(pool.meet(), "1", 1)[1] == "30.50"
    meet = there_and_back(pool, say.shift("loop", -500, 31_500, 31_500))
    assert times(meet, "1", 1)[1] == "30.00"


def test_void_spans_speak_of_unshifted_stamps(pool: Pool) -> None:
    pool.say(say.shift("mat", 1_500, 20_000))
    assert times(pool.meet(), "1", 1)[1] == "31.50"
    meet = there_and_back(pool, say.void("101", 30_000, 30_000))
    assert times(meet, "1", 1)[1] == ""


def test_a_shift_may_join_crossings(pool: Pool) -> None:
    pool.passes(50_000, "101", source="loop")
    assert len(pool.meet().crossings(["101"])) == 2
    meet = there_and_back(pool, say.shift("loop", -15_000))
    assert len(meet.crossings(["101"])) == 1


# -- settings ------------------------------------------------------------------

OTHERS = (
    SWIM.replace('name = "Finish"', 'name = "Finish"\ngap = "200ms"'),
    SWIM.replace("[meet]", '[meet]\nrounding = "up-second"'),
    SWIM.replace("Europe/Berlin", "America/New_York"),
)


@pytest.mark.parametrize("toml", OTHERS)
def test_adopted_settings_equal_a_settings_file_in_their_place(pool: Pool, toml: str) -> None:
    pool.passes(30_500, "101")
    pool.passes(31_234, "102")
    meet = there_and_back(pool, say.adopt(toml))
    assert meet.settings == parse(toml.encode())
    other = swum()
    other.passes(30_500, "101")
    other.passes(31_234, "102")
    other.file("meet.toml", toml.encode(), "settings")
    assert shown(meet) == shown(other.meet())


def test_the_newest_of_file_and_statement_counts(pool: Pool) -> None:
    first, second, third = OTHERS
    pool.say(say.adopt(first))
    pool.file("meet.toml", second.encode(), "settings")
    assert settings_at(pool.log) == parse(second.encode())
    position = pool.say(say.adopt(third))
    assert settings_at(pool.log) == parse(third.encode())
    assert settings_at(pool.log, position - 1) == parse(second.encode())
    pool.say(say.withdraw(position))
    assert settings_at(pool.log) == parse(second.encode())


def test_settings_that_cannot_be_read_change_nothing(pool: Pool) -> None:
    before = shown(pool.meet())
    pool.say(say.adopt("nothing = that can be read"))
    assert shown(pool.meet()) == before
