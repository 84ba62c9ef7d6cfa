"""What Time Drops' three kinds of file say, once read: the program, the status, the results."""

from typing import NamedTuple

import msgspec

PROGRAM_FILE = "meet_program.json"
STATUS_FILE = "time_drops_status.json"
# Meet Maestro's files (PROTOCOLS 3.5): another protocol that may share the folder.
SIBLING_FILES = frozenset(
    {"meet_details.json", "timing_system_configuration.json", "session_summary.csv"}
)


class RaceKey(NamedTuple):
    """A race's identity; the race number is not part of it (PROTOCOLS 3.3)."""

    session: str
    event: str
    heat: int


class Swimmer(msgspec.Struct, frozen=True):
    """One person of the program. `id` is the program's own, always as text. `age` 0 is unknown."""

    id: str
    first_name: str = ""
    last_name: str = ""
    team_id: str = ""
    age: int = 0
    gender: str = ""


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

    @property
    def empty(self) -> bool:
        """Whether nobody is to swim here; a relay whose swimmers are not named is not empty."""
        return not (self.swimmer_ids or self.team_id or self.relay)


class Heat(msgspec.Struct, frozen=True):
    """One heat in program order. `race_number` is an attribute, not an identity (DESIGN 6).

    `total` is for display only and may be less than `heat` (PROTOCOLS 3.1).
    """

    event: str
    heat: int
    race_number: int
    lanes: tuple[LaneEntry, ...] = ()
    kind: str = ""
    total: int = 0


class ProgramEvent(msgspec.Struct, frozen=True):
    """An event: its number (text such as `4A`) and its title parts. Age 0 is an open end."""

    number: str
    name: str = ""
    distance: int = 0
    stroke: str = ""
    gender: str = ""
    relay: bool = False
    stroke_code: int = 0
    legs: int = 0
    min_age: int = 0
    max_age: int = 0


class Pool(msgspec.Struct, frozen=True):
    """The pool of a session; `course` is LCM, SCM, SCY, or a dialect's LCY."""

    lanes: int = 0
    course: str = ""
    first_lane: int = 1


class Session(msgspec.Struct, frozen=True):
    """A session with its events and its heats, both in the program's order.

    At most one session of a program is `current`. The two stamps are texts as written.
    """

    id: str
    number: int
    name: str = ""
    current: bool = False
    begin_at: str = ""
    end_at: str = ""
    events: tuple[ProgramEvent, ...] = ()
    heats: tuple[Heat, ...] = ()
    pool: Pool | None = None


class Program(msgspec.Struct, frozen=True):
    """`meet_program.json`, whatever dialect wrote it (`time-drops`, `scm` or `bia`).

    `events` are all events of the meet, also those without a heat. `warnings`
    are contradictions that were read past, each with its session, event, heat
    and lane.
    """

    meet_name: str = ""
    program_at: str = ""
    version: int = 1
    dialect: str = "time-drops"
    sessions: tuple[Session, ...] = ()
    swimmers: tuple[Swimmer, ...] = ()
    teams: tuple[Team, ...] = ()
    warnings: tuple[str, ...] = ()
    events: tuple[ProgramEvent, ...] = ()
    host: str = ""
    start_date: str = ""
    end_date: str = ""


class Status(msgspec.Struct, frozen=True):
    """`time_drops_status.json`. The two stamps are texts as written (PROTOCOLS 3.2).

    `race_number` is not in the documented file; it is read where a dialect gives it.
    """

    updated_at: str
    session_id: str = ""
    event: str = ""
    heat: int | None = None
    race_number: int | None = None
    program_at: str = ""
    protocol_version: str = "1.0.0"
    session_number: int = 0
    system: str = "Time-Drops"
    system_version: str = "meetlog"


class ResultSplit(msgspec.Struct, frozen=True):
    """A cumulative split: distance in the course's unit, time in hundredths."""

    distance: int
    time_cs: int


class ResultLane(msgspec.Struct, frozen=True):
    """One lane of a result file; times in integer hundredths, None when there is none.

    An `empty` lane may still have times (PROTOCOLS 3.4); `final_cs` is the
    console's own combination and is left as it is.
    """

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
    name and body disagree (the body wins; PROTOCOLS 3.3) and what was read past.
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


class ResultName(msgspec.Struct, frozen=True):
    """What a result file's name says; `revision` is 0 when it names none."""

    session_id: str
    event: str
    heat: int
    race_number: int
    revision: int = 0
