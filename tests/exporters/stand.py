"""A stand at a pool in memory: a log, its meet, a publisher, and a folder that can be away."""

from collections.abc import Collection, Sequence
from hashlib import sha256

from exporters.errors import Collision, ExportError
from exporters.publisher import Publisher
from exporters.sink import Sink
from projections.meet import Meet
from store.event import (
    FILE_CHANGED,
    RESULT_PUBLISHED,
    SOCKET_OPENED,
    SOCKET_READ,
    Draft,
    Event,
    Head,
    meta_of,
    pack_meta,
)
from store.log import StoreUnavailable
from store.memory import MemoryLog
from wire.settings import (
    CourseSettings,
    FolderSettings,
    LegSettings,
    MeetSettings,
    PointSettings,
    Settings,
)
from wire.stamps import NS, format_iso, parse_iso
from wire.statements import AnyStatement, CloseHeat, RecallHeat, encode
from wire.timedrops import (
    PROGRAM_FILE,
    Heat,
    LaneEntry,
    Program,
    Session,
    Swimmer,
    encode_program,
)

MORNING = parse_iso("2026-06-14T09:00:00Z").wall  # wall clock in Berlin, two hours east of UTC
QUIET = NS
SETTINGS = Settings(
    meet=MeetSettings(zone="Europe/Berlin"),
    folder=FolderSettings(quiet=QUIET),
    points=(PointSettings("Turn"), PointSettings("Finish")),
    courses=(CourseSettings((LegSettings("Turn", 25), LegSettings("Finish", 50))),),
)


class Crash(BaseException):
    """The process ends here."""


class MemoryFolder:
    """A `Sink` in memory, with faults: `away` fails each call, `crash` ends the process in one."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.away = False
        self.crash = ""
        self.writes: list[str] = []
        self.asked = 0

    def write(self, name: str, data: bytes, *, expect: Collection[str] = ()) -> None:
        self._fault("before writing")
        there = self.files.get(name)
        if there is not None and there != data and sha256(there).hexdigest() not in expect:
            raise Collision("writing", name, "not ours", "Move it elsewhere.")
        self.files[name] = data
        self.writes.append(name)
        self._fault("after writing")

    def read(self, name: str) -> bytes | None:
        self._fault("reading")
        return self.files.get(name)

    def _fault(self, step: str) -> None:
        self.asked += 1
        if self.crash == step:
            raise Crash
        if self.away:
            raise ExportError("reaching", "the folder", "it is away", "Bring it back.")


class FaultyLog(MemoryLog):
    """A log whose disk can be full, and whose process can end before or after an append."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: MORNING + 3600 * NS)
        self.full = False
        self.tries = 0
        self.crash = ""

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:
        self.tries += 1
        if self.full:
            raise StoreUnavailable("appending to meet.db: the disk is full; free some space")
        if self.crash == "before append":
            raise Crash
        head = super().append(drafts, after=after)
        if self.crash == "after append":
            raise Crash
        return head


def heat(event: str, number: int, race: int, *lanes: LaneEntry) -> Heat:
    return Heat(event, number, race, lanes)


def program(*heats: Heat, at: str = "2026-06-13T18:00:00.000") -> Program:
    ids = {s for h in heats for lane in h.lanes for s in lane.swimmer_ids}
    return Program(
        program_at=at,
        sessions=(Session("67", 1, current=True, heats=heats),),
        swimmers=tuple(Swimmer(i, f"First{i}", f"Last{i}") for i in sorted(ids)),
    )


TWO_HEATS = program(
    heat("1", 1, 1, LaneEntry(1, ("101",)), LaneEntry(2, ("102",)), LaneEntry(3)),
    heat("1", 2, 2, LaneEntry(1, ("103",)), LaneEntry(2, ("104",))),
)


class Stand:
    """`now` is the monotonic clock; seconds in calls count from 09:00:00."""

    def __init__(self, settings: Settings = SETTINGS, sink: Sink | None = None) -> None:
        self.settings = settings
        self.log = FaultyLog()
        self.folder = MemoryFolder()
        self.sink = sink or self.folder
        self.now = 0
        self.connections = 0
        self.begin()

    def begin(self) -> None:
        """A new process on what is durable."""
        self.log.crash = self.folder.crash = ""
        self.meet = Meet(self.settings)
        self.fold()
        self.publisher = Publisher(self.log, self.sink, clock=lambda: self.now)
        self.publisher.recover(self.meet, self.log)

    def fold(self) -> None:
        self.meet.feed(self.log.read(self.meet.position, 10_000))
        self.meet.settle()

    def step(self) -> int | None:
        """What the projector does at each turn."""
        self.fold()
        return self.publisher.consider(self.meet, self.now)

    def quiet(self) -> None:
        """Let the races be quiet for long enough, and do what is due, to the end."""
        self.step()
        self.now += QUIET
        self.step()
        self.fold()

    # -- what arrives ------------------------------------------------------

    def file(self, path: str, body: bytes, source: str = "folder") -> None:
        self.log.append([Draft(source, FILE_CHANGED, pack_meta(path=path), body)])

    def load(self, document: Program = TWO_HEATS) -> None:
        self.file(PROGRAM_FILE, encode_program(document))

    def gun(self, at: float) -> int:
        return self._read(at, "Finish", "", 0)

    def finish(self, chip: str, at: float) -> int:
        return self._read(at, "Finish", chip, 2)

    def turn(self, chip: str, at: float) -> int:
        return self._read(at, "Turn", chip, 2)

    def _read(self, at: float, point: str, chip: str, kind: int) -> int:
        if not self.connections:
            self.connections = 1
            opened = pack_meta(c=1, protocol="tsv1", role="client", peer="10.0.0.9:1")
            self.log.append([Draft("mat", SOCKET_OPENED, opened)])
        stamp = format_iso(MORNING + round(at * 1000) * (NS // 1000), suffix="Z")
        body = (
            f'[{{"Chip":"{chip or 0}","Moment":"{stamp}","TimingPoint":"{point}","Type":{kind}}}]\r'
        )
        return self.log.append([Draft("mat", SOCKET_READ, pack_meta(c=1), body.encode())]).position

    def say(self, statement: AnyStatement) -> int:
        draft = Draft("operator", "statement", pack_meta(), encode(statement))
        return self.log.append([draft]).position

    def close(self, event: str, number: int, author: str = "Ada", reason: str = "done") -> int:
        return self.say(
            CloseHeat(
                author=author, channel="cli", at=0, seen=0, reason=reason,
                session="67", event=event, heat=number,
            )
        )  # fmt: skip

    def recall(self, event: str, number: int, at: float) -> int:
        gun = MORNING - 2 * 3600 * NS + round(at * 1000) * (NS // 1000)
        return self.say(
            RecallHeat(
                author="Ada", channel="cli", at=0, seen=0, reason="false start",
                session="67", event=event, heat=number, gun=gun,
            )
        )  # fmt: skip

    def swim(self, gun: float = 0, first: str = "101", second: str = "102") -> None:
        """A whole heat of two: 30.12 and 31.45 with turns."""
        self.gun(gun)
        for chip, turn, finish in ((first, 14.5, 30.129), (second, 15.25, 31.45)):
            self.turn(chip, gun + turn)
            self.finish(chip, gun + finish)

    # -- what came out -----------------------------------------------------

    def decisions(self) -> list[Event]:
        return self.log.read(0, 10_000, kinds=(RESULT_PUBLISHED,))

    def results(self) -> dict[str, bytes]:
        return {n: b for n, b in self.folder.files.items() if n.startswith("Session")}

    def decided(self) -> dict[str, bytes]:
        """What the log says the folder holds."""
        return {str(meta_of(e)["name"]): e.body for e in self.decisions()}

    def alarms(self) -> list[str]:
        return [a.key for a in self.publisher.alarms()]
