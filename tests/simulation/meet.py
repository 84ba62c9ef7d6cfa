"""What happens at a simulated meet, and what of it each timing system tells: drawn from a seed."""

import random
from typing import NamedTuple

from tests.simulation.swarm import Swarm
from tests.whole.oracle import Row
from wire.stamps import NS, format_iso, parse_iso
from wire.timedrops import Heat, LaneEntry, Program, Session, Swimmer

MORNING = parse_iso("2026-06-14T09:00:00").wall
CS = NS // 100
FIRST_GUN = 3 * NS  # after the world begins
APART = 9 * NS  # from gun to gun
FALSE_LEAD = 3 * NS
GAP = 10 * NS
FEEDS = {"Start": ("Start", False), "Turn": ("Turn", False), "FIN1": ("Finish", False),
         "FIN2": ("Finish", True)}  # fmt: skip
RULES = {"Start": "best", "Turn": "first", "Finish": "best"}
GUN = "0"


class Detection(NamedTuple):
    """A chip, or the gun, seen at a feed at a moment (ns UTC)."""

    chip: str
    feed: str
    moment: int
    reader: str
    antenna: int
    rssi: int | None

    @property
    def stamp(self) -> str:
        """Its moment as a text, in the meet's zone, which is UTC."""
        return format_iso(self.moment, 7)

    @property
    def is_gun(self) -> bool:
        """Whether it starts a heat."""
        return self.feed == "Start"


class Telling(NamedTuple):
    """When (ns after the world begins) which source tells of something."""

    at: int
    source: str
    what: Detection


class Script(NamedTuple):
    """What is told, in order of time."""

    tellings: list[Telling]
    heats: int
    lanes: int
    length: int  # ns


def gun_of(heat: int) -> int:
    """When a heat starts, ns UTC."""
    return MORNING + FIRST_GUN + heat * APART


def chip_of(heat: int, lane: int) -> str:
    """The chip of whoever is in a lane."""
    return f"{1000 + 10 * heat + lane}"


def write_script(chance: random.Random, swarm: Swarm) -> Script:
    """A small meet. What more than one source could see, one or two of them tell."""
    heats, lanes = chance.choice((1, 1, 2, 2, 3)), chance.randint(2, 3)
    found: list[Telling] = []

    def tell(what: Detection) -> None:
        names = list(swarm.sources)
        tellers = [chance.choice(names)]
        if chance.random() < 0.15:
            tellers.append(chance.choice(names))
        for source in tellers:
            late = chance.choice((NS // 20, NS // 20, NS // 20, NS, 4 * NS))
            seen = what
            if swarm.sources[source].protocol != "tsv2":
                seen = what._replace(rssi=None)
            found.append(Telling(what.moment - MORNING + late, source, seen))

    for heat in range(1, heats + 1):
        gun = gun_of(heat)
        for at in (gun - FALSE_LEAD, gun) if heat == 2 else (gun,):
            tell(Detection(GUN, "Start", at, "Starter", 0, None))
        for lane in range(1, lanes + 1):
            chip = chip_of(heat, lane)
            final = gun + chance.randrange(300, 500) * CS
            for n in range(chance.randint(1, 2)):
                tell(Detection(chip, "Turn", gun + 150 * CS + n * 30 * CS, "R3", 1, -60))
            for n in range(chance.randint(1, 3)):
                rssi = chance.randrange(-70, -40)
                tell(Detection(chip, "FIN1", final + n * 20 * CS, "R1", 1 + n % 4, rssi))
            if chance.random() < 0.6:
                tell(Detection(chip, "FIN2", final + 3 * CS, "R2", 1, -50))
    found.sort(key=lambda telling: telling.at)
    return Script(found, heats, lanes, FIRST_GUN + heats * APART + 9 * NS)


def rows_of(script: Script) -> list[Row]:
    """What was told of chips, as the oracle takes it."""
    return [
        Row(what.chip, what.feed, what.moment, what.reader, what.antenna, what.rssi)
        for _, _, what in script.tellings
        if not what.is_gun
    ]


def make_program(script: Script, version: int = 0) -> Program:
    """The program; another version has other first names."""
    heats = tuple(
        Heat("1", h, h, tuple(LaneEntry(n, (f"{10 * h + n}",)) for n in range(1, script.lanes + 1)))
        for h in range(1, script.heats + 1)
    )
    swimmers = tuple(
        Swimmer(f"{10 * h + n}", f"First{version}", f"Last{n}")
        for h in range(1, script.heats + 1)
        for n in range(1, script.lanes + 1)
    )
    return Program(sessions=(Session("1", 1, current=True, heats=heats),), swimmers=swimmers)


def make_chips(script: Script, *, swapped: bool = False) -> bytes:
    """The chip table: 1011 is swimmer 11, and so on; two swimmers may have changed theirs."""
    chips = {
        chip_of(h, n): 10 * h + n
        for h in range(1, script.heats + 1)
        for n in range(1, script.lanes + 1)
    }
    if swapped:
        a, b = list(chips)[:2]
        chips[a], chips[b] = chips[b], chips[a]
    return "".join(["chip,swimmer\n", *(f"{c},{s}\n" for c, s in chips.items())]).encode()
