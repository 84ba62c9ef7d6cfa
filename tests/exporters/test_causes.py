"""Causes of a revision: what they cost where much was said."""

from collections.abc import Iterator

from exporters.causes import cause_of
from projections.facts import Stated
from tests.exporters.stand import Stand
from tests.exporters.test_publishing_statements import swum
from tests.kit import sayings as say
from tests.kit.meets import the_race
from wire.statements import AnyStatement


class Looked(list[Stated]):
    """Statements, and how often one of them was looked at in turn."""

    times = 0

    def __iter__(self) -> Iterator[Stated]:
        for each in super().__iter__():
            self.times += 1
            yield each


def cost_of(stand: Stand, published: int) -> int:
    """How many statements are looked at for the cause of a revision."""
    looked = Looked(stand.meet.state.stated)
    stand.meet.state.stated = looked
    cause_of(stand.meet, the_race(stand.meet, "1", 1), published, published)
    return looked.times


def test_each_statement_is_looked_at_a_few_times_only() -> None:
    stand = swum()
    sayings: list[AnyStatement] = []
    for n in range(50):
        sayings += [say.dq(heat=2), say.chip("101", "101"), say.void("999", 0, n)]
    first = stand.log.head().position + 1
    sayings += [say.withdraw(first + n) for n in range(50)]
    for each in sayings:
        stand.say(each)
    stand.fold()
    assert 0 < cost_of(stand, 0) <= 3 * len(sayings)


def test_a_withdrawal_of_no_statement_bears_on_nothing() -> None:
    stand = swum()
    before = stand.log.head().position
    stand.say(say.withdraw(before))  # a decision of ours
    stand.say(say.withdraw(before + 100))
    stand.fold()
    cause = cause_of(stand.meet, the_race(stand.meet, "1", 1), before, before + 2)
    assert "statement" not in cause.text
