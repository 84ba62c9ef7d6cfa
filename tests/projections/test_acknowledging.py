"""Given alarms, when somebody says that they have seen one, then it stands with their name."""

import pytest

from meetlog.checks import check_sense
from meetlog.nearby import find_alarm
from meetlog.refusals import Unsayable
from projections.views import Alarm
from tests.kit import sayings as say
from tests.kit.heats import swum, there_and_back
from tests.kit.meets import Pool


@pytest.fixture
def pool() -> Pool:
    """A heat swum, and more guns than there are heats."""
    pool = swum()
    for n in range(2, 12):
        pool.gun(n * 100_000)
    return pool


def unseen(pool: Pool) -> list[Alarm]:
    return [alarm for alarm in pool.meet().alarms() if not alarm.acknowledged]


def test_an_alarm_stands_with_who_has_seen_it_first(pool: Pool) -> None:
    first, *others = unseen(pool)
    meet = there_and_back(pool, say.acknowledge(first.key, author="Bo"))
    pool.say(say.acknowledge(first.key, author="Cy"))
    for each in (meet, pool.meet()):
        seen = next(alarm for alarm in each.alarms() if alarm.key == first.key)
        assert seen.acknowledged.startswith("Bo, ")
    assert unseen(pool) == others


def test_it_is_found_by_its_event_or_its_key(pool: Pool) -> None:
    meet = pool.meet()
    alarm = unseen(pool)[0]
    assert find_alarm(meet, str(alarm.position)) == find_alarm(meet, alarm.key) == alarm
    with pytest.raises(Unsayable, match=f"by their events: {alarm.position}: "):
        find_alarm(meet, "1")


def test_what_was_seen_already_is_refused(pool: Pool) -> None:
    alarm = unseen(pool)[0]
    pool.say(say.acknowledge(alarm.key, author="Bo"))
    with pytest.raises(Unsayable, match="already, by Bo"):
        check_sense(pool.meet(), say.acknowledge(alarm.key))
    pool.say(say.withdraw(pool.meet().state.stated[-1].position))
    check_sense(pool.meet(), say.acknowledge(alarm.key))
