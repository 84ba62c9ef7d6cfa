"""An invented meet: events, heats, swimmers, teams and a chip table, the same for the same seed."""

import random

from wire.timedrops import (
    Heat,
    LaneEntry,
    Pool,
    Program,
    ProgramEvent,
    Session,
    Swimmer,
    Team,
)

# Letters beyond ASCII, an apostrophe and a double name: names that break things.
_FIRST = (
    "Ada", "Björn", "Chloé", "Dario", "Emília", "Finn", "Grace", "Hüseyin", "Ida", "Jakub",
    "Karolína", "Leo", "Mei-Lin", "Noah", "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tomás",
)  # fmt: skip
_LAST = (
    "Andersson", "Bauer", "Čapek", "D'Angelo", "Eriksen", "Fournier", "García", "Hughes", "Ito",
    "Jansen", "Kowalski", "Lindqvist", "Müller", "Nagy", "O'Brien", "Petrov", "Rossi", "Silva",
    "Tanaka", "van der Berg",
)  # fmt: skip
_TEAMS = (("DOL", "Dolphins"), ("OTT", "Otters"), ("SEA", "Sea Lions"), ("PIK", "Pike"))
_STROKES = (("Freestyle", 1), ("Backstroke", 2), ("Breaststroke", 3), ("Butterfly", 4))
FIRST_CHIP = 1001
HEATS_PER_EVENT = 2


def make_program(
    seed: int = 1,
    heats: int = 3,
    lanes: int = 6,
    *,
    distance: int = 50,
    session: str = "1",
    program_at: str = "",
) -> Program:
    """A program of one session with so many heats, two to an event.

    Each event has its own swimmers in its heats, drawn from the same teams,
    so that a swimmer swims several times in a meet, never twice in an event.
    About one lane in ten is empty, never the only one. `program_at` is the
    stamp of the file, as text. Raises `ValueError` unless `heats` and `lanes`
    are at least 1.
    """
    if heats < 1 or lanes < 1:
        raise ValueError("a meet needs at least one heat and one lane")
    rng = random.Random(seed)  # noqa: S311 - a seeded rehearsal is not cryptography
    swimmers = _people(rng, lanes * HEATS_PER_EVENT)
    events: list[ProgramEvent] = []
    races: list[Heat] = []
    for first in range(0, heats, HEATS_PER_EVENT):
        count = min(HEATS_PER_EVENT, heats - first)
        number = str(len(events) + 1)
        stroke, code = _STROKES[len(events) % len(_STROKES)]
        events.append(
            ProgramEvent(
                number,
                name=f"Open {distance} {stroke}",
                distance=distance,
                stroke=stroke,
                stroke_code=code,
            )
        )
        entered = rng.sample(swimmers, lanes * count)
        for heat in range(1, count + 1):
            chosen = entered[(heat - 1) * lanes : heat * lanes]
            races.append(
                Heat(
                    event=number,
                    heat=heat,
                    race_number=len(races) + 1,
                    lanes=_lanes(rng, chosen, distance),
                    kind="Final",
                    total=count,
                )
            )
    return Program(
        meet_name=f"Rehearsal {seed}",
        program_at=program_at,
        sessions=(
            Session(
                id=session,
                number=1,
                name="Session 1",
                current=True,
                events=tuple(events),
                heats=tuple(races),
                pool=Pool(lanes, "SCM"),
            ),
        ),
        swimmers=tuple(swimmers),
        teams=tuple(Team(str(i), name, short) for i, (short, name) in enumerate(_TEAMS, 1)),
        events=tuple(events),
        host=_TEAMS[0][1],
    )


def chip_table(program: Program) -> dict[str, str]:
    """Chip -> swimmer id: one chip each, numbered from `FIRST_CHIP` in the program's order."""
    return {str(FIRST_CHIP + i): swimmer.id for i, swimmer in enumerate(program.swimmers)}


def _people(rng: random.Random, count: int) -> list[Swimmer]:
    return [
        Swimmer(
            id=str(5001 + i),
            first_name=rng.choice(_FIRST),
            last_name=rng.choice(_LAST),
            team_id=str(1 + i % len(_TEAMS)),
            age=rng.randint(9, 18),
            gender=rng.choice("FM"),
        )
        for i in range(count)
    ]


def _lanes(rng: random.Random, chosen: list[Swimmer], distance: int) -> tuple[LaneEntry, ...]:
    entries = []
    for lane, swimmer in enumerate(chosen, 1):
        if lane > 1 and rng.random() < 0.1:
            entries.append(LaneEntry(lane))
            continue
        # Some swimmers have never swum the distance.
        seed = rng.randint(52, 80) * distance if rng.random() < 0.9 else None
        entries.append(LaneEntry(lane, (swimmer.id,), swimmer.team_id, seed))
    return tuple(entries)
