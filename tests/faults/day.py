"""A meet for tests of the whole program: what is on paper, and what the mats send, step by step.

Five timing systems see four swimmers in each heat: `laps` (CTP01, which sends
by itself) at the turn, `spare` (CTP01, which is asked) in the middle and at the
finish, `finish` (TsV1) and `backup` (TsV2, its clock 1.5 s ahead) at the
finish, `gate` (TsV2, which is called) at the start. Four scoring programs are
fed, two of them by being called. Until a heat's last step nothing can complete
it, so what is published is the same however much of it came twice, late, or
after a restart.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from meetlog.simulate.script import Act, Detection
from tests.kit.ports import free_port
from tests.kit.stepped import in_step
from wire.chips import encode_csv
from wire.reads import ReadKind
from wire.stamps import NS, parse_iso
from wire.timedrops import (
    Heat,
    LaneEntry,
    Program,
    ProgramEvent,
    RaceKey,
    Session,
    Swimmer,
    encode_program,
)

BASE = parse_iso("2026-06-14T09:00:00").wall  # also in UTC: the meet's zone
CS = NS // 100
AHEAD = 3 * NS // 2  # of the backup mat's clock
APART = 100 * NS  # from gun to gun
LANES = 4
LAPS, SPARE, FINISH, BACKUP, GATE = "laps", "spare", "finish", "backup", "gate"
SOURCES = (LAPS, SPARE, FINISH, BACKUP, GATE)
BOARD, OFFICE, CLUB, SCORING = "board", "office", "club", "scoring"
RELAYS = (BOARD, OFFICE, CLUB, SCORING)
CONSOLE = "console"
FALSE_LEAD = 40 * NS


class Spoken(NamedTuple):
    """A read of the script and the source that sends it."""

    source: str
    what: Detection


class Step(NamedTuple):
    """What is let loose at once, and what must then come of it.

    `new` counts the distinct reads and guns of all steps up to this one,
    `published` the revisions, `told` the reads that a program of CTP01 can be told.
    `recall` is a false start to be called back, `dq` a lane to be disqualified,
    `program` a new version of the program to be written, when all that is recorded.
    """

    number: int
    new: int
    told: int
    published: int
    recall: tuple[RaceKey, int] | None = None
    dq: tuple[RaceKey, int] | None = None
    program: str = ""


class Script(NamedTuple):
    """The acts of each source, and the steps."""

    acts: dict[str, list[Act]]
    steps: tuple[Step, ...]
    program: Program


class _Writer:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.acts: dict[str, list[Act]] = {source: [] for source in SOURCES}
        self.steps: list[Step] = []
        self._distinct: set[Spoken] = set()

    def step(
        self,
        spoken: Sequence[Spoken],
        published: int,
        recall: tuple[RaceKey, int] | None = None,
        dq: tuple[RaceKey, int] | None = None,
        program: str = "",
    ) -> None:
        """A step with these reads in this order, some of them told twice."""
        number = len(self.steps)
        for each in spoken:
            self.acts[each.source] += in_step(number, [Act(0, each.what)])
            if self.rng.random() < 0.15:
                self.acts[each.source] += in_step(number, [Act(0, each.what, copy=True)])
        self._distinct |= set(spoken)
        told = sum(each.what.kind != ReadKind.FIRST_SEEN for each in self._distinct)
        self.steps.append(Step(number, len(self._distinct), told, published, recall, dq, program))


def write_script(seed: int, heats: int, steps: int, crowd: int) -> Script:
    """A meet of so many heats, each in so many steps before its last read.

    In each step `crowd` other chips pass. Heats whose number is even have a
    false start first, and in every third one a read that comes after
    publication makes a second revision. In the first a lane is disqualified
    after publication.
    """
    writer = _Writer(seed)
    rng = writer.rng
    published = 0
    for heat in range(1, heats + 1):
        gun = heat * APART
        key = RaceKey("1", "1", heat)
        if heat % 2 == 0:
            false = gun - FALSE_LEAD
            writer.step([_gun(false)], published, recall=(key, BASE + false))
        lines, last, late = _swim(rng, heat, gun)
        lines += [_passer(rng, gun, heat, n) for n in range(crowd * steps)]
        rng.shuffle(lines)
        # The gun may come in any step, after reads of its own heat.
        lines.insert(rng.randrange(len(lines)), _gun(gun))
        size = -(-len(lines) // steps)
        for at in range(0, len(lines), size):
            program = "Renamed" if heat == 2 and at == size else ""
            writer.step(lines[at : at + size], published, program=program)
        published += 1
        writer.step([last], published, dq=(key, 1) if heat == 1 else None)
        if heat % 3 == 0:
            published += 1
            writer.step([late], published)
        published += heat == 1
    return Script(writer.acts, tuple(writer.steps), make_program(heats))


def make_program(heats: int, name: str = "Meet") -> Program:
    """The program: one event, a heat for every four swimmers."""
    swimmers = tuple(
        Swimmer(swimmer_of(heat, lane), f"First{lane}", f"Last{heat}")
        for heat in range(1, heats + 1)
        for lane in range(1, LANES + 1)
    )
    races = tuple(
        Heat("1", heat, heat, tuple(LaneEntry(n, (swimmer_of(heat, n),)) for n in range(1, 5)))
        for heat in range(1, heats + 1)
    )
    session = Session("1", 1, current=True, events=(ProgramEvent("1", name),), heats=races)
    return Program(meet_name=name, sessions=(session,), swimmers=swimmers)


def swimmer_of(heat: int, lane: int) -> str:
    return f"{5000 + 10 * heat + lane}"


def chip_of(heat: int, lane: int) -> str:
    return f"{1000 + 10 * heat + lane}"


def _gun(at: int) -> Spoken:
    return Spoken(FINISH, Detection("Start", "0", at, ReadKind.GUN, "Starter"))


def _passer(rng: random.Random, gun: int, heat: int, n: int) -> Spoken:
    """Somebody who is in no heat passes somewhere."""
    source = rng.choice(SOURCES)
    point = {LAPS: "TURN", SPARE: "MID", FINISH: "FIN1", BACKUP: "FIN2", GATE: "GATE"}[source]
    at = gun + rng.randrange(9000) * CS
    chip = f"{70_000 + 1000 * heat + n}"
    return Spoken(source, Detection(point, chip, at, ReadKind.BEST_SEEN, "R9", 1 + n % 8, -60))


def _swim(rng: random.Random, heat: int, gun: int) -> tuple[list[Spoken], Spoken, Spoken]:
    """The reads of a heat, the one that completes it, and one that comes too late."""
    lines: list[Spoken] = []
    last_lane = 1 + heat % LANES
    last_source = (FINISH, BACKUP, SPARE)[heat % 3]
    late = None
    for lane in range(1, LANES + 1):
        chip = chip_of(heat, lane)
        final = gun + rng.randrange(3000, 4500) * CS
        half = gun + (final - gun) // 2 // CS * CS
        lines.append(_read(GATE, "GATE", chip, gun + (50 + lane) * CS, rssi=-50))
        for i in range(3):
            lines.append(_read(LAPS, "TURN", chip, half + i * 83 * CS, antenna=1 + i))
            lines.append(_read(SPARE, "MID", chip, half + 500 * CS + i * 61 * CS, antenna=1 + i))
        best = {
            FINISH: _read(FINISH, "FIN1", chip, final, rssi=-41),
            SPARE: _read(SPARE, "FIN3", chip, final + 2 * CS),
            BACKUP: _read(BACKUP, "FIN2", chip, final + AHEAD + CS, rssi=-44),
        }
        lines.append(_read(FINISH, "FIN1", chip, final - 40 * CS, ReadKind.FIRST_SEEN, rssi=-70))
        if lane == last_lane:
            last = best[last_source]
            continue
        lines += best.values()
        lines.append(_read(BACKUP, "FIN2", chip, final + AHEAD + 70 * CS, rssi=-60))
        lines.append(_read(FINISH, "FIN1", chip, final + 550 * CS, rssi=-66))
        late = _read(FINISH, "FIN1", chip, final - 5 * CS, rssi=-39)
    assert late is not None
    return lines, last, late


def _read(
    source: str,
    point: str,
    chip: str,
    at: int,
    kind: ReadKind = ReadKind.BEST_SEEN,
    *,
    antenna: int = 1,
    rssi: int | None = None,
) -> Spoken:
    return Spoken(source, Detection(point, chip, at, kind, f"R-{point}", antenna, rssi))


TOML = """\
[meet]
name = "The whole"
zone = "UTC"

[folder]
quiet = "100ms"
settle = "50ms"
rescan = "1s"

[console]
port = {console}

[[source]]
name = "laps"
protocol = "ctp01"
port = {laps}

[[source]]
name = "spare"
protocol = "ctp01"
port = {spare}
mode = "pull"
poll = "20ms"

[[source]]
name = "backup"
protocol = "tsv2"
role = "server"
port = {backup}

[[source]]
name = "finish"
protocol = "tsv1"
role = "client"
port = {finish}

[[source]]
name = "gate"
protocol = "tsv2"
role = "client"
port = {gate}

[[relay]]
name = "board"
protocol = "tsv1"
role = "server"
port = {board}
overlap = "1m"

[[relay]]
name = "office"
protocol = "tsv2"
role = "server"
port = {office}
overlap = "1m"
send = "crossings"
hold = "20ms"

[[relay]]
name = "club"
protocol = "tsv2"
role = "client"
port = {club}
overlap = "1m"

[[relay]]
name = "scoring"
protocol = "ctp01"
role = "client"
port = {scoring}

[[point]]
name = "Gate"
feeds = ["GATE"]

[[point]]
name = "Turn"
feeds = ["TURN"]

[[point]]
name = "Middle"
feeds = ["MID"]

[[point]]
name = "Finish"
feeds = ["FIN1", "FIN3", {{ name = "FIN2", backup = true, shift = "-1.5s" }}]

[[course]]
legs = [
    {{ point = "Turn", distance = 25 }},
    {{ point = "Middle", distance = 35 }},
    {{ point = "Finish", distance = 50 }},
]
"""


def lay_out(folder: Path, script: Script) -> dict[str, int]:
    """Make the folder of the meet with its program and chips; the ports by name."""
    ports = {name: free_port() for name in (*SOURCES, *RELAYS, CONSOLE)}
    timedrops = folder / "timedrops"
    timedrops.mkdir(parents=True)
    (folder / "meet.toml").write_text(TOML.format(**ports))
    (timedrops / "meet_program.json").write_bytes(encode_program(script.program))
    chips = {
        chip_of(race.heat, lane.lane): lane.swimmer_ids[0]
        for race in script.program.sessions[0].heats
        for lane in race.lanes
    }
    (timedrops / "chips.csv").write_bytes(encode_csv(chips))
    return ports
