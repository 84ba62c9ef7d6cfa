"""A heat swum by three, and how a statement about it comes and goes."""

from projections.meet import Meet
from projections.views import Lane
from tests.kit import sayings as say
from tests.kit.meets import Pool, heat, the_race
from tests.kit.sayings import shown
from wire.statements import AnyStatement
from wire.timedrops import RaceKey

ONE = heat("1", 1, 1, {1: "101", 2: "102", 3: "103", 4: ""})
TWO = heat("1", 2, 2, {1: "104"})
THREE = heat("2", 1, 3, {1: "105"})
FIRST = RaceKey("67", "1", 1)


def swum() -> Pool:
    """Three heats to swim; the first started by a gun at 0 and swum, 30.00, 31.00 and 32.00."""
    pool = Pool()
    pool.load(ONE, TWO, THREE)
    pool.gun(0)
    for number, tag in enumerate(("101", "102", "103")):
        pool.passes(30_000 + 1000 * number, tag)
    return pool


def lane(meet: Meet, number: int = 1) -> Lane:
    return next(each for each in the_race(meet, "1", 1).lanes if each.lane == number)


def places(meet: Meet) -> dict[int, int | None]:
    return {each.lane: each.place for each in the_race(meet, "1", 1).lanes}


def there_and_back(pool: Pool, statement: AnyStatement) -> Meet:
    """The meet after the statement; that it goes with a withdrawal, and comes with the next one."""
    before = shown(pool.meet())
    position = pool.say(statement)
    with_it = pool.meet()
    gone = pool.say(say.withdraw(position))
    assert shown(pool.meet()) == before
    again = pool.say(say.withdraw(gone))
    assert shown(pool.meet()) == shown(with_it) != before
    pool.say(say.withdraw(again))
    assert shown(pool.meet()) == before
    pool.say(statement)
    return pool.meet()


def gun_of(pool: Pool) -> int:
    return pool.meet().starts().by_race[FIRST].position
