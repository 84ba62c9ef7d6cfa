"""What a statement is said to publish is what a publisher then has to publish."""

import msgspec

from exporters.decisions import documents_of, unpublished
from meetlog.stating import propose
from projections.views import Race
from tests.kit import sayings as say
from tests.kit.meets import Pool, heat, the_race
from wire.timedrops import ResultLane


def names(pool: Pool, race: Race, revision: int) -> list[str]:
    files = documents_of(pool.meet(), race)
    return [each.name(revision) for each in unpublished(files, lambda _: None)]


def test_the_correction_of_a_consoles_race_is_planned_with_a_number_above_the_consoles() -> None:
    pool = Pool()  # without a gun of ours: all that is known of the race is the console's
    pool.load(heat("1", 1, 1, {1: "101", 2: "102"}))
    pool.console("1", 1, ResultLane(1, 2_999), ResultLane(2, 3_050, dq=True), revision=4)
    said = msgspec.structs.replace(say.dq(1), seen=pool.meet().position)
    planned = propose(pool.meet(), said)
    assert planned.notes == ()
    pool.say(said)
    race = the_race(pool.meet(), "1", 1)
    assert [each.revision for each in planned.revisions] == [5]
    assert [each.name for each in planned.revisions] == names(pool, race, 5)
