"""The races of an invented meet: every detection of every mat, and the times they must give.

Times are made so that all three protocols agree on them: guns fall on whole
hundredths, a passing on its hundredth plus a rest below one (CTP01 carries no
more; PROTOCOLS 1.4), and the best-seen read of a passing is both its
strongest and its earliest of type 2 (TsV1 carries no signal strength).
"""

import random
from collections.abc import Iterator

import msgspec

from meetlog.simulate.faults import Faults, disturb
from meetlog.simulate.program import chip_table, make_program
from meetlog.simulate.script import Act, Detection, Recall
from wire.reads import ReadKind
from wire.stamps import NS
from wire.timedrops import Heat, Program, RaceKey

CS = NS // 100
MS = NS // 1000
TICK = 100  # ns; TsConnector's stamps have seven digits (PROTOCOLS 2)
START = "Start"
TEST_CHIP = "99997"  # timers carry such a tag over each mat before a race
UNKNOWN_CHIP = "88888"  # somebody's chip from another race
FALSE_START_LEAD = 25 * NS  # guns closer than a gun window of 10 s would be one start


class Mat(msgspec.Struct, frozen=True):
    """A mat: the name it sends, and at which distances (m) of a race swimmers pass it.

    `ahead` is how far (ns) its clock is ahead of the other mats', `delay` how
    long (ns) its reads are on their way.
    """

    name: str
    distances: tuple[int, ...]
    reader: str
    backup: bool = False
    ahead: int = 0
    delay: int = 0


# Two mats at one finish have been seen 1.5 s apart (DESIGN 4).
BACKUP_AHEAD = 3 * NS // 2


def mats(distance: int) -> tuple[Mat, ...]:
    """A mat at the half, one at the finish, and a late backup at the finish with a wrong clock."""
    return (
        Mat("Turn", (distance // 2,), "Reader-02"),
        Mat("Finish", (distance,), "Reader-01"),
        Mat("Finish2", (distance,), "Reader-03", True, BACKUP_AHEAD, 3 * NS),
    )


class Plan(msgspec.Struct, frozen=True):
    """What to invent. `mats` empty stands for `mats(distance)`.

    `interval` is the pause (ns) from the last finish to the next gun.
    `false_start` is the heat, counted through the meet, that starts falsely
    once; 0 is none. `missed` is the part (0 to 1) of passings that a main mat
    with a backup does not see.
    """

    seed: int = 1
    heats: int = 3
    lanes: int = 6
    distance: int = 50
    mats: tuple[Mat, ...] = ()
    interval: int = 30 * NS
    false_start: int = 2
    missed: float = 0.05
    faults: Faults = Faults(duplicates=0.05, late=0.1)


class LaneScript(msgspec.Struct, frozen=True):
    """How one swimmer swims: the times (hundredths) by distance, the last one the final time."""

    lane: int
    swimmer: str
    chip: str
    times_cs: dict[int, int]


class HeatScript(msgspec.Struct, frozen=True):
    """One heat: its gun (ns since the beginning), the false one before it, and its swimmers."""

    race: RaceKey
    race_number: int
    gun: int
    lanes: tuple[LaneScript, ...]
    false_gun: int | None = None

    @property
    def finals_cs(self) -> dict[int, int]:
        """The final time of each lane that swims, in hundredths, truncated (SW 11.2)."""
        return {lane.lane: max(lane.times_cs.values()) for lane in self.lanes}


class Rehearsal(msgspec.Struct, frozen=True):
    """A whole invented meet: what is on paper, what happens, and what must come out of it.

    The times are right where each backup mat is a backup feed of its point
    with a shift of minus its `ahead`.
    """

    plan: Plan
    program: Program
    chips: dict[str, str]
    heats: tuple[HeatScript, ...]
    acts: tuple[Act, ...]


def make_rehearsal(plan: Plan = Plan()) -> Rehearsal:  # noqa: B008 - a frozen value
    """The meet of this plan; the same plan gives the same meet, to the last nanosecond."""
    program = make_program(plan.seed, plan.heats, plan.lanes, distance=plan.distance)
    chips = chip_table(program)
    rng = random.Random(plan.seed + 1)  # noqa: S311 - a seeded rehearsal is not cryptography
    session = program.sessions[0]
    heats: list[HeatScript] = []
    acts = list(_before(rng, plan))
    gun = 10 * NS
    for heat in session.heats:
        gun += rng.randrange(100) * CS
        false_gun = None
        if len(heats) + 1 == plan.false_start:
            false_gun, gun = gun, gun + FALSE_START_LEAD
        race = RaceKey(session.id, heat.event, heat.heat)
        lanes = _swim(rng, plan, heat, chips)
        heats.append(HeatScript(race, heat.race_number, gun, lanes, false_gun))
        acts += _acts(rng, plan, heats[-1])
        gun += max(heats[-1].finals_cs.values()) * CS + plan.interval
    ordered = sorted(acts, key=lambda act: act.at)
    return Rehearsal(
        plan, program, chips, tuple(heats), tuple(disturb(ordered, plan.faults, plan.seed + 2))
    )


def make_stream(seed: int, points: tuple[str, ...], chips: int, rate: int, count: int) -> list[Act]:
    """An even stream of `count` best-seen reads, `rate` per second, for trying out a load.

    Chips are taken in turn from `FIRST_CHIP` on, each from a random antenna of its point.
    """
    rng = random.Random(seed)  # noqa: S311 - a seeded rehearsal is not cryptography
    acts = []
    for n in range(count):
        at = n * NS // rate
        point = points[n // chips % len(points)]
        reader = f"Reader-{points.index(point) + 1:02d}"
        chip = str(1001 + n % chips)
        acts.append(
            Act(at, Detection(point, chip, at, ReadKind.BEST_SEEN, reader, rng.randint(1, 8), -55))
        )
    return acts


def _swim(
    rng: random.Random, plan: Plan, heat: Heat, chips: dict[str, str]
) -> tuple[LaneScript, ...]:
    chip_of = {swimmer: chip for chip, swimmer in chips.items()}
    distances = {d for mat in plan.mats or mats(plan.distance) for d in mat.distances}
    lanes = []
    for entry in heat.lanes:
        if entry.empty:
            continue
        final = rng.randint(52 * plan.distance, 80 * plan.distance)
        # A swimmer slows down a little: the first half takes 47 to 49 hundredths of the time.
        pace = {d: 100 if d == plan.distance else rng.randint(94, 98) for d in sorted(distances)}
        times = {d: final * d * part // plan.distance // 100 for d, part in pace.items()}
        swimmer = entry.swimmer_ids[0]
        lanes.append(LaneScript(entry.lane, swimmer, chip_of[swimmer], times))
    return tuple(lanes)


def _acts(rng: random.Random, plan: Plan, heat: HeatScript) -> Iterator[Act]:
    if heat.false_gun is not None:
        yield _gun(heat.false_gun)
        yield Act(heat.false_gun + 4 * NS, Recall(heat.race, heat.false_gun))
    yield _gun(heat.gun)
    all_mats = plan.mats or mats(plan.distance)
    backed = {d for mat in all_mats if mat.backup for d in mat.distances}
    for lane in heat.lanes:
        for distance, time_cs in lane.times_cs.items():
            # Both mats of a finish see the same moment.
            moment = heat.gun + time_cs * CS + rng.randrange(CS // TICK) * TICK
            missed = distance in backed and rng.random() < plan.missed
            for mat in all_mats:
                if distance not in mat.distances or (missed and not mat.backup):
                    continue
                last = distance == max(mat.distances)
                yield from _passing(rng, mat, lane.chip, moment, lingers=last)
    if rng.random() < 0.5:
        mat = rng.choice(all_mats)
        stray = heat.gun + rng.randrange(60 * 100) * CS
        yield from _passing(rng, mat, UNKNOWN_CHIP, stray, lingers=False)


def _gun(at: int) -> Act:
    return Act(at + 50 * MS, Detection(START, "0", at, ReadKind.GUN, "Starter"))


def _passing(
    rng: random.Random, mat: Mat, chip: str, moment: int, *, lingers: bool
) -> Iterator[Act]:
    """First-seen reads of rising strength, the best-seen one, weaker ones, then a chip that stays.

    A chip that stays near is sent again every 5 to 6 s (PROTOCOLS 1.4).
    """
    rising = sorted(rng.sample(range(100, 900), rng.randint(1, 3)), reverse=True)
    reads = [
        (moment - before * MS, ReadKind.FIRST_SEEN, -74 + 4 * i) for i, before in enumerate(rising)
    ]
    reads.append((moment, ReadKind.BEST_SEEN, rng.randint(-50, -40)))
    falling = sorted(rng.sample(range(100, 900), rng.randint(0, 2)))
    reads += [
        (moment + after * MS, ReadKind.BEST_SEEN, -58 - 4 * i) for i, after in enumerate(falling)
    ]
    if lingers and rng.random() < 0.3:
        again = moment
        for _ in range(rng.randint(1, 3)):
            again += rng.randint(5000, 6000) * MS
            reads.append((again, ReadKind.BEST_SEEN, rng.randint(-75, -66)))
    for seen, kind, rssi in reads:
        on_way = rng.randint(50, 400) * MS + mat.delay + rng.randrange(mat.delay + 1)
        antenna = rng.randint(1, 4)
        what = Detection(mat.name, chip, seen + mat.ahead, kind, mat.reader, antenna, rssi)
        yield Act(seen + on_way, what)


def _before(rng: random.Random, plan: Plan) -> Iterator[Act]:
    """The timer walks over each mat with a test tag and stands on it for a while."""
    for n, mat in enumerate(plan.mats or mats(plan.distance)):
        yield from _passing(rng, mat, TEST_CHIP, (2 + n) * NS, lingers=True)
