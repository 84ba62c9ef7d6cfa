"""A pool: what hardware and people say at a meet, appended to a log in memory, byte for byte.

Milliseconds in calls count from 09:00:00 of the pool's wall clock. What is
said arrives, by our clock, `DELAY` after the moment it is about.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from projections.folding import fold
from projections.meet import Meet
from projections.rounding import format_cs
from projections.views import Race
from store.event import (
    APP_STARTED,
    FILE_CHANGED,
    FILE_REMOVED,
    RESULT_PUBLISHED,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    STATEMENT,
    Draft,
    pack_meta,
)
from store.memory import MemoryLog
from wire.ctp01_messages import GUNTIME, Ack, DataLine
from wire.ctp01_messages import encode as encode_ctp01
from wire.reads import RawRead
from wire.stamps import HOUR, NS, format_iso, parse_iso
from wire.statements import AnyStatement, CloseHeat, RecallHeat, ReopenHeat, StartHeat, encode
from wire.timedrops import (
    PROGRAM_FILE,
    STATUS_FILE,
    Heat,
    LaneEntry,
    Program,
    ProgramEvent,
    RaceKey,
    ResultFile,
    ResultLane,
    Session,
    Status,
    Swimmer,
    encode_program,
    encode_result,
    encode_status,
    result_name,
)
from wire.tsv1 import encode as encode_tsv1
from wire.tsv2 import encode as encode_tsv2

MS = NS // 1000
DELAY = 50 * MS
MORNING = parse_iso("2026-06-14T09:00:00").wall  # the wall clock in Berlin, two hours east of UTC
TOML = """\
[meet]
zone = "Europe/Berlin"

[[source]]
name = "mat"
protocol = "tsv1"
role = "client"
port = 10000

[[source]]
name = "loop"
protocol = "tsv2"
role = "client"
port = 10001

[[source]]
name = "chrono"
protocol = "ctp01"

[[point]]
name = "Turn"

[[point]]
name = "Finish"
feeds = ["Finish", { name = "Backup", backup = true }]
"""
SWIM = TOML + '[[course]]\nlegs = [{ point = "Finish", distance = 50 }]\n'
PROTOCOL = {"mat": "tsv1", "loop": "tsv2", "spare": "tsv2", "chrono": "ctp01"}

Lanes = Mapping[int, str | Sequence[str] | LaneEntry]


def heat(event: str, number: int, race: int, lanes: Lanes) -> Heat:
    """A heat; a lane is a swimmer's id, several of a relay, "" for an empty lane."""
    return Heat(event, number, race, tuple(_entry(n, who) for n, who in lanes.items()))


def _entry(number: int, who: str | Sequence[str] | LaneEntry) -> LaneEntry:
    if isinstance(who, LaneEntry):
        return who
    ids = (who,) if isinstance(who, str) else tuple(who)
    return LaneEntry(number, tuple(i for i in ids if i))


def program(*heats: Heat, session: str = "67", number: int = 1) -> Program:
    """A program of one session, the current one, with a swimmer for each id in its lanes."""
    return Program(
        program_at="2026-06-13T18:00:00.000",
        sessions=(Session(session, number, current=True, heats=heats),),
        swimmers=swimmers_of(heats),
        events=events_of(heats),
    )


def swimmers_of(heats: Iterable[Heat]) -> tuple[Swimmer, ...]:
    """A swimmer for each id in the lanes."""
    ids = {i for each in heats for lane in each.lanes for i in lane.swimmer_ids}
    return tuple(Swimmer(i, f"First{i}", f"Last{i}") for i in sorted(ids))


def events_of(heats: Iterable[Heat]) -> tuple[ProgramEvent, ...]:
    """The events of the heats and of their lanes."""
    numbers = {n for each in heats for n in (each.event, *(lane.event for lane in each.lanes)) if n}
    return tuple(ProgramEvent(n, f"Event {n}") for n in sorted(numbers))


def utc(ms: int) -> int:
    """The moment in ns UTC."""
    return MORNING - 2 * HOUR + ms * MS


def wall(ms: int, digits: int = 7) -> str:
    """The stamp of the pool's wall clock."""
    return format_iso(MORNING + ms * MS, digits)


def read(ms: int, chip: str, point: str = "Finish", kind: int = 2, **more: int | str) -> RawRead:
    """A read as TsConnector tells it, with its seven digits and the `Z` that is not true."""
    fields: dict[str, Any] = {"antenna": 1, "source": "R1", **more}
    return RawRead(chip or 0, wall(ms) + "Z", point, kind, **fields)


class Pool:
    """Appends to `log`. With `twice`, everything is said twice: nothing may come of it."""

    def __init__(self, toml: str = SWIM, *, twice: bool = False) -> None:
        self.twice = twice
        self.now = utc(-60_000)
        self.log = MemoryLog(clock=lambda: self.now)
        self.open: set[str] = set()
        self.queued: dict[str, int] = {}  # how many items of each relay
        self.seq = 0
        self.add("meetlog", APP_STARTED)
        if toml:
            self.file("meet.toml", toml.encode(), "settings")

    # -- the log ---------------------------------------------------------

    def add(self, source: str, kind: str, body: bytes = b"", **meta: object) -> int:
        """Append one event, exactly as given; its position."""
        return self.log.append([Draft(source, kind, pack_meta(**meta), body)]).position

    def _add(self, source: str, kind: str, body: bytes = b"", **meta: object) -> int:
        position = self.add(source, kind, body, **meta)
        if self.twice:
            self.add(source, kind, body, **meta)
        return position

    def meet(self) -> Meet:
        """Everything folded from nothing."""
        folded = fold(self.log)
        folded.settle()
        return folded

    # -- sockets ---------------------------------------------------------

    def connect(self, source: str = "mat", number: int = 1, peer: str = "10.0.0.9:1") -> None:
        self.open.add(source)
        protocol = PROTOCOL.get(source, "tsv1")
        self.add(source, SOCKET_OPENED, c=number, protocol=protocol, role="client", peer=peer)

    def disconnect(self, source: str = "mat", number: int = 1) -> None:
        self.open.discard(source)
        self.add(source, SOCKET_CLOSED, c=number, reason="the peer closed the connection")

    def receive(self, body: bytes, source: str = "mat", number: int = 1) -> int:
        if source not in self.open:
            self.connect(source, number)
        return self._add(source, SOCKET_READ, body, c=number)

    def hear(self, *reads: RawRead, source: str = "mat") -> int:
        """Reads in one message of TsV1 or TsV2."""
        write = encode_tsv2 if PROTOCOL.get(source) == "tsv2" else encode_tsv1
        return self.receive(write(reads), source)

    def gun(self, ms: int, point: str = "Finish", source: str = "mat") -> int:
        """A read of type 0."""
        self.now = max(self.now, utc(ms) + DELAY)
        return self.hear(read(ms, "", point, 0), source=source)

    def passes(self, ms: int, *chips: str, point: str = "Finish", source: str = "mat") -> int:
        """Best-seen reads of some chips at one moment."""
        self.now = max(self.now, utc(ms) + DELAY)
        return self.hear(*(read(ms, chip, point) for chip in chips), source=source)

    def line(self, ms: int, tag: str = GUNTIME, location: str = "Finish") -> int:
        """A line of CTP01 with a sequence of its own; a `guntime` by default."""
        self.seq += 1
        self.now = max(self.now, utc(ms) + DELAY)
        line = DataLine("CT01_33", self.seq, location, tag, wall(ms, 2), 1, "23H016", 1)
        return self.receive(encode_ctp01(line), "chrono")

    def connection_id(self, name: str) -> int:
        """CTP01's answer that makes a resume possible."""
        return self.receive(encode_ctp01(Ack("getconnectionid", (name,))), "chrono")

    # -- files -----------------------------------------------------------

    def file(self, path: str, body: bytes, source: str = "folder") -> int:
        return self._add(source, FILE_CHANGED, body, path=path, mtime=0, size=len(body))

    def remove(self, path: str) -> int:
        return self.add("folder", FILE_REMOVED, path=path)

    def load(self, *heats: Heat, session: str = "67", number: int = 1) -> int:
        return self.file(
            PROGRAM_FILE, encode_program(program(*heats, session=session, number=number))
        )

    def chips(self, table: Mapping[str, str]) -> int:
        rows = "".join(f"{chip},{swimmer}\n" for chip, swimmer in table.items())
        return self.file("chips.csv", f"chip,swimmer\n{rows}".encode())

    def call(self, event: str, number: int, session: str = "67") -> int:
        """The status file of a console that is about to start a heat."""
        status = Status("2026-06-14T09:00:00.000+02:00", session, event, number)
        return self.file(STATUS_FILE, encode_status(status))

    def console(
        self,
        event: str,
        number: int,
        *lanes: ResultLane,
        revision: int = 1,
        race: int = 1,
        session: str = "67",
    ) -> int:
        """A result file that somebody else writes into the folder."""
        name = result_name(session, event, number, race, revision)
        return self.file(name, encode_result(result(event, number, *lanes, race=race)))

    def publish(self, event: str, number: int, body: bytes, revision: int, race: int = 1) -> str:
        """A decision of ours; the file's name."""
        name = result_name("67", event, number, race, revision)
        self.add(
            "meetlog", RESULT_PUBLISHED, body,
            session="67", event=event, heat=number, race_number=race, revision=revision, name=name,
            sha256=sha256(body).hexdigest(), as_of=1, cause="reads", author="meetlog", reason="",
        )  # fmt: skip
        return name

    # -- people ----------------------------------------------------------

    def say(self, statement: AnyStatement) -> int:
        return self._add("operator", STATEMENT, encode(statement))

    def start(self, event: str, number: int, ms: int) -> int:
        return self.say(StartHeat(gun=utc(ms), **_about(event, number)))  # type: ignore[arg-type]  # one map of what every statement says

    def recall(self, event: str, number: int, ms: int) -> int:
        return self.say(RecallHeat(gun=utc(ms), **_about(event, number)))  # type: ignore[arg-type]  # the same

    def close(self, event: str, number: int) -> int:
        return self.say(CloseHeat(**_about(event, number)))  # type: ignore[arg-type]  # the same

    def reopen(self, event: str, number: int) -> int:
        return self.say(ReopenHeat(**_about(event, number)))  # type: ignore[arg-type]  # the same


def _about(event: str, number: int) -> dict[str, object]:
    said = {"author": "Ada", "channel": "cli", "at": 0, "seen": 0, "reason": "seen"}
    return said | {"session": "67", "event": event, "heat": number}


def result(event: str, number: int, *lanes: ResultLane, race: int = 1) -> ResultFile:
    """A console's result of a heat."""
    return ResultFile("67", event, number, race, lanes=lanes, start_at="2026-06-14T09:00:00+02:00")


# -- what came of it -----------------------------------------------------------


def the_race(meet: Meet, event: str, number: int, session: str = "67") -> Race:
    """The race, which must be known."""
    found = meet.race(RaceKey(session, event, number))
    assert found is not None, f"no race {session} {event} {number}"
    return found


def times(meet: Meet, event: str, number: int, session: str = "67") -> dict[int, str]:
    """Final time or status by lane, "" where there is neither."""
    lanes = the_race(meet, event, number, session).lanes
    return {lane.lane: lane.status or format_cs(lane.time_cs) for lane in lanes}


def started(meet: Meet) -> dict[str, int]:
    """The started heats, `event/heat`, and the milliseconds of their starts, in order."""
    found = sorted((start.moment, key) for key, start in meet.starts().by_race.items())
    return {f"{key.event}/{key.heat}": (moment - utc(0)) // MS for moment, key in found}


def alarms(meet: Meet) -> list[str]:
    """The first words of each alarm's key."""
    return [alarm.key.split()[0] for alarm in meet.alarms()]
