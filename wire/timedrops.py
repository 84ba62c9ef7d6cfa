"""Time Drops' meet folder: the program, the status file and the result files (PROTOCOLS 3)."""

import msgspec

PROGRAM_FILE = "meet_program.json"
STATUS_FILE = "time_drops_status.json"


class Swimmer(msgspec.Struct, frozen=True):
    """One person of the program. `id` is the program's own, always as text."""

    id: str
    first_name: str = ""
    last_name: str = ""
    team_id: str = ""
    age: int = 0


class Team(msgspec.Struct, frozen=True):
    """A team of the program."""

    id: str
    name: str = ""
    abbreviation: str = ""


class LaneEntry(msgspec.Struct, frozen=True):
    """Who should swim in a lane: swimmer ids (several for a relay, none for an empty lane).

    `seed_cs` is None when there is no seed time. `relay` names a relay team (`A`);
    `event` is the lane's own event in a combined heat, else "".
    """

    lane: int
    swimmer_ids: tuple[str, ...] = ()
    team_id: str = ""
    seed_cs: int | None = None
    relay: str = ""
    event: str = ""


class Heat(msgspec.Struct, frozen=True):
    """One heat in program order. `race_number` is an attribute, not an identity (DESIGN 6)."""

    event: str
    heat: int
    race_number: int
    lanes: tuple[LaneEntry, ...] = ()


class ProgramEvent(msgspec.Struct, frozen=True):
    """An event: its number (text such as `4A`), its title parts, and its heats."""

    number: str
    name: str = ""
    distance: int = 0
    stroke: str = ""
    gender: str = ""
    relay: bool = False


class Session(msgspec.Struct, frozen=True):
    """A session with its events and its heats, both in the program's order."""

    id: str
    number: int
    name: str = ""
    current: bool = False
    begin_at: str = ""
    end_at: str = ""
    events: tuple[ProgramEvent, ...] = ()
    heats: tuple[Heat, ...] = ()


class Program(msgspec.Struct, frozen=True):
    """`meet_program.json`, whatever dialect wrote it. `warnings` are contradictions that were read past."""

    meet_name: str = ""
    program_at: str = ""
    version: int = 1
    dialect: str = "time-drops"
    sessions: tuple[Session, ...] = ()
    swimmers: tuple[Swimmer, ...] = ()
    teams: tuple[Team, ...] = ()
    warnings: tuple[str, ...] = ()


class Status(msgspec.Struct, frozen=True):
    """`time_drops_status.json`. The two stamps are texts as written (PROTOCOLS 3.2)."""

    updated_at: str
    session_id: str = ""
    event: str = ""
    heat: int | None = None
    race_number: int | None = None
    program_at: str = ""
    protocol_version: str = "1.0.0"


class ResultSplit(msgspec.Struct, frozen=True):
    """A cumulative split: distance in the course's unit, time in hundredths."""

    distance: int
    time_cs: int


class ResultLane(msgspec.Struct, frozen=True):
    """One lane of a result file; times in integer hundredths, None when there is none."""

    lane: int
    final_cs: int | None = None
    pad_cs: int | None = None
    timers_cs: tuple[int | None, int | None, int | None] = (None, None, None)
    empty: bool = False
    dq: bool = False
    splits: tuple[ResultSplit, ...] = ()


class ResultFile(msgspec.Struct, frozen=True):
    """A result file: who wrote it is not in it. `revision` is from the name, 0 when absent.

    `start_at` and `created_at` are texts as written. `warnings` list where
    name and body disagree (the body wins; PROTOCOLS 3.3).
    """

    session_id: str
    event: str
    heat: int
    race_number: int
    session_number: int = 0
    created_at: str = ""
    start_at: str = ""
    lanes: tuple[ResultLane, ...] = ()
    revision: int = 0
    protocol_version: str = "1.1.0"
    warnings: tuple[str, ...] = ()
