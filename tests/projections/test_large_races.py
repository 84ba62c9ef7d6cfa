"""A race of thousands: what a read or a statement costs must not grow with its race or meet."""

from collections.abc import Callable
from typing import Any

import pytest

from projections import crossings, races
from projections.crossed import Crossed
from projections.derived import Derived
from projections.meet import Meet
from projections.views import Lane, Race
from tests.kit import sayings as say
from tests.kit.meets import SWIM, Pool, heat, times
from wire.timedrops import Heat, LaneEntry, RaceKey

LANES = 120
HEATS = 30  # of two lanes each


def test_only_the_lanes_of_those_who_were_read_are_worked_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool()
    pool.load(heat("1", 1, 1, {n: str(500 + n) for n in range(1, LANES + 1)}))
    pool.connect()
    pool.gun(0)
    pool.passes(30_000, *(str(500 + n) for n in range(1, LANES)))
    meet = pool.meet()
    head = pool.log.head().position
    pool.passes(31_230, str(500 + LANES))
    worked_out = []
    chip_lane = races._chip_lane

    def noted(inputs: races.RaceInputs, lane: LaneEntry) -> Lane:
        worked_out.append(lane.lane)
        return chip_lane(inputs, lane)

    monkeypatch.setattr(races, "_chip_lane", noted)
    meet.feed(pool.log.read(head))
    meet.settle()
    assert worked_out == [LANES]
    assert meet.races() == pool.meet().races()
    assert times(meet, "1", 1)[LANES] == "31.23"


def _long() -> Pool:
    """A meet of many heats, each of which was swum; one chip of each is read by another source."""
    pool = Pool(SWIM)
    pool.load(*_heats())
    pool.chips(_table())
    for n in range(1, HEATS + 1):
        pool.gun(n * 100_000)
        pool.passes(n * 100_000 + 30_000, f"7{n}")
        pool.passes(n * 100_000 + 31_000, f"8{n}", point="Backup", source="loop")
    return pool


def _heats() -> list[Heat]:
    return [heat("1", n, n, {1: f"1{n}", 2: f"2{n}"}) for n in range(1, HEATS + 1)]


def _table() -> dict[str, str]:
    numbers = range(1, HEATS + 1)
    return {f"7{n}": f"1{n}" for n in numbers} | {f"8{n}": f"2{n}" for n in numbers}


class Worked:
    """What a settle works out: chips, races, and lanes of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.chips: set[str] = set()
        self.races: list[int] = []
        self.lanes = 0
        crossings, race, lane = Crossed._work_out, Derived._race, races._chip_lane

        def crossings_noted(crossed: Crossed, chip: str, *more: Any) -> Any:
            self.chips.add(chip)
            return crossings(crossed, chip, *more)

        def race_noted(derived: Derived, key: RaceKey, *more: Any) -> Race:
            self.races.append(key.heat)
            return race(derived, key, *more)

        def lane_noted(*told: Any) -> Lane:
            self.lanes += 1
            return lane(*told)

        patch.setattr(Crossed, "_work_out", crossings_noted)
        patch.setattr(Derived, "_race", race_noted)
        patch.setattr(races, "_chip_lane", lane_noted)


def _other_program(pool: Pool) -> int:
    return pool.load(heat("1", 1, 1, {1: "11", 2: "21", 3: "15"}), *_heats()[1:])


# What happens, and how many chips and lanes are worked out for it, and which races.
HAPPENS: dict[str, tuple[Callable[[Pool], object], int, int, set[int]]] = {
    "somebody registers": (lambda pool: pool.say(say.operator()), 0, 0, set()),
    "a disqualification": (lambda pool: pool.say(say.dq(heat=3)), 0, 0, {3}),
    "a heat is closed": (lambda pool: pool.say(say.close(heat=3)), 0, 0, {3}),
    "reads are void": (lambda pool: pool.say(say.void("73")), 1, 1, {3}),
    "somebody was seen": (lambda pool: pool.say(say.crossing("73", 330_500)), 1, 1, {3}),
    "a chip is somebody else's": (lambda pool: pool.say(say.chip("73", "14")), 0, 2, {3, 4}),
    "a start is moved": (lambda pool: pool.say(say.gun(300_100, heat=3)), 0, 2, {3}),
    "a clock is shifted": (
        lambda pool: pool.say(say.shift("loop", 200)), HEATS, HEATS, set(range(1, HEATS + 1)),
    ),
    "the same program": (lambda pool: pool.load(*_heats()), 0, 0, set()),
    "a program with another lane": (_other_program, 0, 5, {1, 5}),
    "the same chip table": (lambda pool: pool.chips(_table()), 0, 0, set()),
    "another chip table": (lambda pool: pool.chips(_table() | {"73": "14"}), 0, 2, {3, 4}),
}  # fmt: skip


@pytest.mark.parametrize("loaded", [False, True], ids=["going on", "after a start"])
@pytest.mark.parametrize(("happens", "chips", "lanes", "heats"), HAPPENS.values(), ids=HAPPENS)
def test_only_what_is_concerned_is_worked_out(  # noqa: PLR0917 - a table's columns
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[Pool], object],
    chips: int,
    lanes: int,
    heats: set[int],
    loaded: bool,
) -> None:
    pool = _long()
    meet = pool.meet()
    if loaded:
        meet = Meet.load(meet.save())
    head = pool.log.head().position
    happens(pool)
    worked = Worked(monkeypatch)
    meet.feed(pool.log.read(head))
    meet.settle()
    if loaded:  # then those of everybody in these races were not known yet
        assert chips <= len(worked.chips) <= 2 * len(heats)
    else:
        assert len(worked.chips) == chips
    assert (worked.lanes, sorted(worked.races)) == (lanes, sorted(heats))
    assert meet.races() == pool.meet().races()


@pytest.mark.parametrize("loaded", [False, True], ids=["going on", "after a start"])
def test_a_shift_of_a_clock_concerns_the_points_of_its_feeds(
    monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    pool = _long()
    for n in range(1, HEATS + 1):
        pool.passes(5_000_000 + n * 1000, f"8{n}", point="Turn")
    meet = pool.meet()
    if loaded:
        meet = Meet.load(meet.save())
    everything = meet.everything()
    assert len(everything.crossings) == 3 * HEATS
    head = pool.log.head().position
    pool.say(say.shift("loop", 200))
    looked = []
    rows = crossings._corrected_rows

    def noted(*told: Any) -> Any:
        looked.append(told[3])  # the point's name
        return rows(*told)

    monkeypatch.setattr(crossings, "_corrected_rows", noted)
    meet.feed(pool.log.read(head))
    meet.settle()
    assert looked == ["Finish"] * HEATS
    assert meet.crossings() == pool.meet().crossings()
