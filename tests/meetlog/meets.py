"""A recorded meet in a folder: a real log, real TsV1 bytes, really published; no socket."""

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

from exporters.publisher import Publisher
from exporters.sink import FolderSink
from meetlog.projector import Projector
from projections.folding import fold
from store.event import (
    APP_STARTED,
    APP_STOPPED,
    FILE_CHANGED,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    STATEMENT,
    Draft,
    pack_meta,
)
from store.sqlite import SqliteLog
from wire.reads import RawRead
from wire.stamps import HOUR, NS, format_iso, parse_iso
from wire.statements import CloseHeat, encode
from wire.timedrops import (
    PROGRAM_FILE,
    Heat,
    LaneEntry,
    Program,
    Session,
    Swimmer,
    Team,
    encode_program,
)
from wire.tsv1 import encode as encode_tsv1

TOML = """\
[meet]
name = "Sommerfest"
zone = "Europe/Berlin"

[folder]
quiet = "1s"

[[source]]
name = "finish-mat"
protocol = "tsv1"
role = "client"
port = 10000

[[point]]
name = "Turn"

[[point]]
name = "Finish"

[[course]]
legs = [{ point = "Turn", distance = 25 }, { point = "Finish", distance = 50 }]
"""
MORNING = parse_iso("2026-06-14T09:00:00").wall  # the pool's wall clock, two hours east of UTC
CHIPS = "chip,swimmer\n123,101\n456,102\n"
PROGRAM = Program(
    meet_name="Sommerfest",
    program_at="2026-06-13T18:00:00.000",
    sessions=(
        Session(
            "67",
            1,
            current=True,
            heats=(
                Heat("4A", 1, 1, (LaneEntry(1, ("101",)), LaneEntry(2, ("102",)), LaneEntry(3))),
                Heat("4A", 2, 2, (LaneEntry(1, ("103",)), LaneEntry(2, ("104",)))),
            ),
        ),
    ),
    swimmers=(
        Swimmer("101", "Zoë", "Ångström", "T1"),
        Swimmer("102", "Győző", "[bold]Kovács", "T1"),
        Swimmer("103", "Cora", "Cole"),
        Swimmer("104", "Dina", "Dunn"),
    ),
    teams=(Team("T1", "Wasserfreunde", "WFR"),),
)


class RecordedMeet:
    """A meet under `folder`, recorded and published step by step as `run` would."""

    def __init__(
        self, folder: Path, toml: str = TOML, clock: Callable[[], int] | None = None
    ) -> None:
        self.folder = folder
        self.path = folder / "meet.db"
        self.timedrops = folder / "timedrops"
        self.timedrops.mkdir(parents=True)
        (folder / "meet.toml").write_text(toml, encoding="utf-8")
        ticks = count(MORNING - 2 * HOUR, NS // 100)
        self.log = SqliteLog(self.path, clock=clock or (lambda: next(ticks)))
        self.add("meetlog", APP_STARTED, version="0")
        self.file("meet.toml", toml.encode(), "settings")
        self.now = 0
        self.projector = Projector(
            self.log,
            fold(self.log),
            Publisher(self.log, FolderSink(self.timedrops), clock=lambda: self.now),
            self.log.views,
            lambda: self.now,
        )

    def add(self, source: str, kind: str, body: bytes = b"", **meta: object) -> int:
        """Append one event; its position."""
        return self.log.append([Draft(source, kind, pack_meta(**meta), body)]).position

    def file(self, path: str, body: bytes, source: str = "folder") -> int:
        return self.add(source, FILE_CHANGED, body, path=path, mtime=0, size=len(body))

    def load(self) -> None:
        """The program and the chip table."""
        self.file(PROGRAM_FILE, encode_program(PROGRAM))
        self.file("chips.csv", CHIPS.encode())

    def connect(self, number: int = 1) -> None:
        self.add(
            "finish-mat", SOCKET_OPENED, c=number, protocol="tsv1", role="client",
            peer="10.0.0.9:10000", local="10.0.0.1:5000",
        )  # fmt: skip

    def disconnect(self, number: int = 1) -> None:
        self.add("finish-mat", SOCKET_CLOSED, c=number, reason="the peer reset the connection")

    def receive(self, reads: Iterable[RawRead], number: int = 1) -> int:
        return self.add("finish-mat", SOCKET_READ, encode_tsv1(reads), c=number)

    def swim(self) -> None:
        """The first heat: 30.12 for chip 123, 31.45 for chip 456, with turns and a resend."""
        reads = [
            read(0, "", "Finish", 0),
            read(14_500, "123", "Turn"),
            read(15_250, "456", "Turn"),
            read(30_129, "123", "Finish"),
            read(31_450, "456", "Finish", 1),
            read(31_455, "456", "Finish"),
        ]
        for each in (*reads, reads[-1]):
            self.receive([each])

    def lost(self) -> None:
        """A chip that nobody knows, and a line that is no JSON."""
        self.receive([read(40_000, "999", "Finish")])
        self.add("finish-mat", SOCKET_READ, b"[{oops\r", c=1)

    def close_heat(self, event: str, heat: int) -> int:
        statement = CloseHeat(
            author="Ada", channel="cli", at=0, seen=0, reason="nobody else comes",
            session="67", event=event, heat=heat,
        )  # fmt: skip
        return self.add("operator", STATEMENT, encode(statement))

    def publish(self) -> None:
        """Let the program fold, publish what is due and keep its tables, as `run` does."""
        for _ in range(2):
            while self.projector.step()[0]:
                pass
            self.now += 2 * NS
        self.projector.finish()

    def end(self) -> None:
        """Stop the program and leave the folder."""
        self.add("meetlog", APP_STOPPED)
        self.projector.finish()
        self.log.close()


def read(ms: int, chip: str, point: str, kind: int = 2) -> RawRead:
    """A read `ms` milliseconds after 09:00:00, with the seven digits that TsConnector writes."""
    stamp = format_iso(MORNING + ms * (NS // 1000), suffix="Z")
    return RawRead(chip or 0, stamp, point, kind, antenna=2, source="Reader-01")


def swum(folder: Path) -> RecordedMeet:
    """A meet whose first heat was swum and published, and which goes on being recorded."""
    meet = RecordedMeet(folder)
    meet.load()
    meet.connect()
    meet.publish()
    meet.swim()
    meet.publish()
    return meet
