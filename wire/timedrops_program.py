"""Reading `meet_program.json`: the declared form and the dialects seen (PROTOCOLS 3.1).

A contradiction never costs more than the lane or heat it is in: it is read
past and named in `Program.warnings`. Only a file that is no program at all is
refused.
"""

from typing import TypeVar

import msgspec

from wire.errors import WireError
from wire.textfile import parse_json
from wire.timedrops_dialects import guess_dialect, refuse_sibling
from wire.timedrops_documents import (
    Heat,
    LaneEntry,
    Program,
    ProgramEvent,
    Session,
    Swimmer,
    Team,
)
from wire.timedrops_roster import read_event, read_pool, read_swimmer, read_team
from wire.timedrops_values import (
    Notes,
    Object,
    count_of,
    first_object,
    flag_of,
    id_of,
    objects_of,
    text_of,
    top_object,
    whole_of,
)

# A lane takes about 350 bytes: a large meet of ten thousand entries is 4 MB,
# read in half a second. Eight times that is a wrong file.
MAX_PROGRAM = 32 * 1024 * 1024
MAX_LANE = 999  # pools have ten; an open-water start may number its swimmers

_T = TypeVar("_T")


def parse_program(data: bytes) -> Program:
    """A program in any dialect of PROTOCOLS 3.1; keys in any case, ids as text, null as absent.

    A heat without an event or heat number and a lane without a lane number are
    left out; of a heat or lane given twice the first counts; of several
    current sessions the first stays current. Raises `WireError` when the bytes
    are no JSON, hold no session, or are Meet Maestro's `meet_details.json`.
    """
    meet = top_object(parse_json(data, MAX_PROGRAM).value, "a meet program")
    wrapped = "meet" in meet
    if wrapped:
        meet = first_object(meet["meet"])
    refuse_sibling(meet, data)
    sessions = objects_of(meet.get("meetsessions"))
    if not sessions:
        raise WireError(
            "the program has no session", data, "it needs at least one entry in meetSessions"
        )
    return _Reader(meet, "scm" if wrapped else "").read(sessions)


class _Reader:
    """One reading of a program: what is known so far, and the warnings."""

    def __init__(self, meet: Object, dialect: str) -> None:
        self.meet = meet
        self.dialect = dialect
        self.notes = Notes()
        self.events: dict[str, ProgramEvent] = {}
        self.swimmers: dict[str, Swimmer] = {}
        self.teams: dict[str, Team] = {}
        self.undeclared: dict[str, None] = {}  # events that only a heat names, in order
        self.seen: set[tuple[str, str, int]] = set()

    def read(self, found: list[Object]) -> Program:
        meet = self.meet
        self._read_events()
        self._read_people()
        version = count_of(meet.get("meetprogramversion"), 1)
        if version != 1:
            self.notes.add(f"the program says version {version}; it is read as version 1")
        sessions = self._one_current([self._session(s, n) for n, s in enumerate(found, 1)])
        if self.undeclared:
            self.notes.add(
                f"heats or lanes of events that meetEvents lacks: {', '.join(self.undeclared)}"
            )
        return Program(
            meet_name=text_of(meet.get("meetname")),
            program_at=text_of(meet.get("meetprogramdatetime")),
            version=version,
            dialect=self.dialect or guess_dialect(sessions),
            sessions=tuple(sessions),
            swimmers=tuple(self.swimmers.values()),
            teams=tuple(self.teams.values()),
            warnings=self.notes.texts(),
            events=tuple(self.events.values()),
            host=text_of(meet.get("meethostteamname")),
            start_date=text_of(meet.get("meetstartdate")),
            end_date=text_of(meet.get("meetenddate")),
        )

    def _read_events(self) -> None:
        for raw in objects_of(self.meet.get("meetevents")):
            number = id_of(raw.get("eventnumber"))
            if not number:
                self.notes.add("an event without a number is left out")
            else:
                self._keep(self.events, number, read_event(number, raw), f"event {number}")

    def _read_people(self) -> None:
        for raw in objects_of(self.meet.get("meetteams")):
            if team := id_of(raw.get("teamid")):
                self._keep(self.teams, team, read_team(team, raw), f"team {team}")
        for raw in objects_of(self.meet.get("meetswimmers")):
            if swimmer := id_of(raw.get("swimmerid")):
                self._keep(self.swimmers, swimmer, read_swimmer(swimmer, raw), f"swimmer {swimmer}")
            else:
                self.notes.add(
                    f'the swimmer "{text_of(raw.get("swimmername"))}" has no id and is left out'
                )

    def _keep(self, known: dict[str, _T], key: str, item: _T, what: str) -> None:
        """The first of a kind counts; SCM repeats teams and swimmers, equal ones are no news."""
        if known.setdefault(key, item) != item:
            self.notes.add(f"{what} is given twice and differently; the first is used")

    def _one_current(self, sessions: list[Session]) -> list[Session]:
        current = [s.id for s in sessions if s.current]
        if len(current) > 1:
            self.notes.add(
                f"sessions {', '.join(current)} are all marked current; {current[0]} is used"
            )
        elif not current and len(sessions) > 1:
            self.notes.add(
                "no session is marked current; the settings' session is used, else the first"
            )
        marked = False
        for n, each in enumerate(sessions):
            sessions[n] = msgspec.structs.replace(each, current=each.current and not marked)
            marked = marked or each.current
        return sessions

    def _session(self, raw: Object, place: int) -> Session:
        number = count_of(raw.get("sessionnumber"), place)
        name = id_of(raw.get("sessionid"))
        if not name:
            name = str(number)
            self.notes.add(f"a session has no sessionId; its number {number} is used")
        heats = self._heats(raw, name)
        swum = {h.event for h in heats} | {lane.event for h in heats for lane in h.lanes}
        pool = first_object(raw.get("sessionpool"))  # SCM writes an array of one
        return Session(
            id=name,
            number=number,
            name=text_of(raw.get("sessionname")),
            current=flag_of(raw.get("sessioniscurrent")),
            begin_at=text_of(raw.get("sessionbeginat")),
            end_at=text_of(raw.get("sessionendat")),
            events=tuple(e for e in self.events.values() if e.number in swum),
            heats=heats,
            pool=read_pool(pool) if pool else None,
        )

    def _heats(self, raw: Object, session: str) -> tuple[Heat, ...]:
        heats: list[Heat] = []
        races: dict[int, str] = {}
        last = 0
        for place, race in enumerate(objects_of(raw.get("sessionraces")), 1):
            where = f"session {session}, heat in place {place}"
            event, heat = _event_of(race), whole_of(race.get("raceheatnumber"))
            if not event or heat is None or heat < 0:
                lacks = "heat number" if event else "event number"
                self.notes.add(f"{where}: it has no {lacks} and is left out")
                continue
            where = f"session {session}, event {event}, heat {heat}"
            if (session, event, heat) in self.seen:
                self.notes.add(f"{where}: given twice; the first is used")
                continue
            self.seen.add((session, event, heat))
            if event not in self.events:
                self.undeclared[event] = None
            number = whole_of(race.get("racenumber"))
            if number is None or number < 0:
                self.notes.add(f"{where}: it has no race number; its place {place} is used")
                number = place
            if number in races:
                self.notes.add(f"{where}: its race number {number} is that of {races[number]} too")
            elif number < last:
                self.notes.add(f"{where}: race number {number} comes after {last}")
            races.setdefault(number, f"event {event}, heat {heat}")
            last = number
            heats.append(
                Heat(
                    event=event,
                    heat=heat,
                    race_number=number,
                    lanes=self._lanes(race, event, where),
                    kind=text_of(race.get("raceheattype")),
                    total=count_of(race.get("racetotalheats")),
                )
            )
        return tuple(heats)

    def _lanes(self, race: Object, event: str, where: str) -> tuple[LaneEntry, ...]:
        lanes: dict[int, LaneEntry] = {}
        swims: dict[str, int] = {}
        for raw in objects_of(race.get("racelanes")):
            number = whole_of(raw.get("lanenumber"))
            if number is None or not 0 <= number <= MAX_LANE:
                said = "no lane number" if number is None else f"lane number {number}"
                self.notes.add(f"{where}: an entry with {said} is left out")
                continue
            here = f"{where}, lane {number}"
            entry = self._lane(number, raw, event, here)
            before = lanes.get(number)
            if before is not None and not (before.empty or entry.empty):
                self.notes.add(f"{here}: given twice; the first is used")
            elif before is None or before.empty:
                lanes[number] = entry
        for number, entry in lanes.items():
            for swimmer in entry.swimmer_ids:
                if swimmer in swims:
                    self.notes.add(
                        f"{where}: swimmer {swimmer} is in lanes {swims[swimmer]} and {number}"
                    )
                swims[swimmer] = number
                # SCM's "basic" program lists no swimmers at all (PROTOCOLS 3.1).
                if self.swimmers and swimmer not in self.swimmers:
                    self.notes.add(
                        f"{where}, lane {number}: swimmer {swimmer} is not in meetSwimmers"
                    )
        return tuple(lanes.values())

    def _lane(self, number: int, raw: Object, event: str, where: str) -> LaneEntry:
        relay_ids = raw.get("lanerelayswimmerids")
        ids = [id_of(i) for i in relay_ids] if isinstance(relay_ids, list) else []
        swimmers = tuple(i for i in ids if i)
        single = id_of(raw.get("laneswimmerid"))
        entry = LaneEntry(
            lane=number,
            swimmer_ids=swimmers or ((single,) if single else ()),
            team_id=id_of(raw.get("laneteamid")),
            seed_cs=self._seed(raw.get("laneseedtime"), where),
            relay=text_of(raw.get("lanerelayteamname")),
            event=self._lane_event(raw, event),
        )
        if not flag_of(raw.get("isempty")):
            return entry
        if entry.swimmer_ids:
            self.notes.add(
                f"{where}: marked empty though it names {', '.join(entry.swimmer_ids)}; it is empty"
            )
        return LaneEntry(number)

    def _lane_event(self, raw: Object, event: str) -> str:
        """The lane's own event where it is another one; SCM's relays put a database id there."""
        own = id_of(raw.get("laneeventnumber"))
        declared = self.events.get(event)
        relay = declared.relay if declared else not id_of(raw.get("laneswimmerid"))
        if own == event or (self.dialect == "scm" and relay):
            return ""
        if own and own not in self.events:
            self.undeclared[own] = None
        return own

    def _seed(self, value: object, where: str) -> int | None:
        """Hundredths; 0 and null are none (PROTOCOLS 3.1), and so is what is no whole number."""
        seed = whole_of(value)
        if (value is not None and value != "" and seed is None) or (seed is not None and seed < 0):
            self.notes.add(f"{where}: the seed time is no count of hundredths and is left out")
            return None
        return seed or None


def _event_of(race: Object) -> str:
    """The heat's event number; it may be null where each lane names its own."""
    lanes = (id_of(lane.get("laneeventnumber")) for lane in objects_of(race.get("racelanes")))
    return id_of(race.get("raceeventnumber")) or next(filter(None, lanes), "")
