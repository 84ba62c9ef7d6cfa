"""The whole without sockets, files and clocks: a world in memory, in which everything may fail.

What arrives, when it is folded, what fails and when the process ends are all
drawn from one seed, so that whatever goes wrong can be seen again.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.pool import StaticPool

from exporters.publisher import Publisher
from meetlog.house import load_meet
from meetlog.projector import Projector
from projections import readtables
from projections import tables as t
from projections.folding import fold
from projections.meet import Meet
from store.event import (
    APP_STARTED,
    FILE_CHANGED,
    RESULT_PUBLISHED,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    STATEMENT,
    Draft,
    Event,
    meta_of,
    pack_meta,
)
from store.log import StoreUnavailable
from store.memory import MemoryLog
from store.sqlite import SqliteLog
from store.verify import verify
from tests.exporters.stand import Crash, FaultyLog, MemoryFolder
from wire.ctp01_messages import DataLine
from wire.ctp01_messages import encode as encode_line
from wire.reads import RawRead
from wire.stamps import NS, format_iso, parse_iso
from wire.statements import AnyStatement, CloseHeat, RecallHeat, ReopenHeat, StartHeat, encode
from wire.timedrops import (
    Heat,
    LaneEntry,
    Program,
    ResultFile,
    ResultLane,
    Session,
    Swimmer,
    encode_program,
    encode_result,
)
from wire.tsv1 import encode as encode_tsv1
from wire.tsv2 import encode as encode_tsv2

MORNING = parse_iso("2026-06-14T09:00:00").wall
CS = NS // 100
HEATS = 3
FALSE_LEAD = 40 * NS
TABLES = (t.crossings, t.results, t.lanes, t.splits, t.revisions, t.sources)
TOML = b"""
[meet]
zone = "UTC"
[folder]
quiet = "1s"
[[source]]
name = "mat"
protocol = "tsv1"
role = "client"
port = 1
[[source]]
name = "back"
protocol = "tsv2"
role = "server"
port = 2
[[source]]
name = "lines"
protocol = "ctp01"
port = 3
[[point]]
name = "Turn"
[[point]]
name = "Finish"
feeds = ["FIN1", { name = "FIN2", backup = true, shift = "-1.5s" }]
[[course]]
legs = [{ point = "Turn", distance = 25 }, { point = "Finish", distance = 50 }]
"""


class WorldLog(FaultyLog):
    """A `FaultyLog` with read tables beside it, whose writing may fail too."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self.trouble = 0.0  # how often a transaction of the tables fails
        self._rng = rng
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        t.metadata.create_all(self._engine)

    @contextmanager
    def views(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection
            if self._rng.random() < self.trouble:
                raise StoreUnavailable("writing the read tables: the disk is full")

    def arrive(self, *drafts: Draft) -> None:
        """Append what comes from outside: that waits for the disk, however long it is full."""
        MemoryLog.append(self, drafts)

    def close(self) -> None:
        super().close()
        self._engine.dispose()


class Peer:
    """A timing system: the bytes it has to say, how far it is, and its connection, 0 for none."""

    def __init__(self, source: str, protocol: str, said: bytes) -> None:
        self.source = source
        self.protocol = protocol
        self.said = said
        self.at = 0
        self.connection = 0


class World:
    """A meet in memory. `step` lets something happen; `check` says whether the promises hold."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.log = WorldLog(self.rng)
        self.folder = MemoryFolder()
        self.now = 0
        self.crashes = 0
        self.known: list[Event] = []
        self.peers = _peers(self.rng)
        self._connections = 0
        self.projector: Projector | None = None
        self._file("meet.toml", TOML, "settings")
        self._file("meet_program.json", encode_program(make_program()))
        self._file("chips.csv", make_chips())

    # -- the process -------------------------------------------------------

    def begin(self) -> None:
        """A new process on what is durable, as `meetlog.house` wires it."""
        self.log.crash = self.folder.crash = ""
        self._connections = 0
        for peer in self.peers:
            peer.connection = 0
        meet = load_meet(cast(SqliteLog, self.log))
        self.log.arrive(Draft("meetlog", APP_STARTED, pack_meta(version="0")))
        publisher = Publisher(self.log, self.folder, clock=self._clock)
        projector = Projector(self.log, meet, publisher, self.log.views, self._clock)
        projector.adopt_tables()
        publisher.recover(projector.meet, self.log)
        projector.step()
        self.projector = projector

    def _clock(self) -> int:
        return self.now

    def run(self, action: Callable[[Projector], object]) -> None:
        """Let the process do something, being begun first if need be; it may end in it."""
        try:
            if self.projector is None:
                self.begin()
            assert self.projector is not None
            action(self.projector)
        except Crash:
            self.crashes += 1
            self.projector = None
        except StoreUnavailable:
            self.projector = None  # the tables cannot be read at the start: `run` ends, in words

    # -- what happens ------------------------------------------------------

    def step(self) -> None:
        """One thing happens."""
        happenings: Sequence[tuple[int, Callable[[], None]]] = (
            (10, self._say_something),
            (6, self._work),
            (2, self._lose_a_connection),
            (1, self._write_a_file),
            (1, self._state_something),
            (2, self._change_the_faults),
            (3, self._crash),
        )
        weights = [weight for weight, _ in happenings]
        self.rng.choices(happenings, weights)[0][1]()

    def _say_something(self) -> None:
        peer = self.rng.choice(self.peers)
        if not peer.connection:
            self._connections += 1
            peer.connection = self._connections
            # Resending beats missing: it begins again somewhere before what was sent.
            peer.at = self.rng.randint(0, peer.at) if self.rng.random() < 0.5 else peer.at
            meta = pack_meta(c=peer.connection, protocol=peer.protocol, role="x", peer="10.0.0.9:1")
            self.log.arrive(Draft(peer.source, SOCKET_OPENED, meta))
        piece = peer.said[peer.at : peer.at + self.rng.randint(1, 900)]
        peer.at += len(piece)
        if piece:
            meta = pack_meta(c=peer.connection)
            self.log.arrive(Draft(peer.source, SOCKET_READ, meta, piece))

    def _lose_a_connection(self) -> None:
        peer = self.rng.choice(self.peers)
        if peer.connection:
            meta = pack_meta(c=peer.connection, reason="the peer reset the connection")
            self.log.arrive(Draft(peer.source, SOCKET_CLOSED, meta))
            peer.connection = 0

    def _work(self) -> None:
        self.now += self.rng.choice((0, NS // 10, NS, 3 * NS, 40 * NS))
        self.run(lambda projector: projector.step())

    def _write_a_file(self) -> None:
        match self.rng.randrange(4):
            case 0:
                self._file("meet_program.json", encode_program(make_program(self.rng.randrange(5))))
            case 1:
                # Two swimmers of the last heat may have changed chips.
                self._file("chips.csv", make_chips(swapped=self.rng.random() < 0.5))
            case 2:
                self._file("meet_program.json", b'{"meetName": "half')
            case _:
                console = ResultFile("1", "1", HEATS + 1, 9, lanes=(ResultLane(1, 3000),))
                self._file("Session1_Event_1_Heat4_Race9_1.json", encode_result(console))

    def _file(self, path: str, body: bytes, source: str = "folder") -> None:
        meta = pack_meta(path=path, mtime=0, size=len(body))
        self.log.arrive(Draft(source, FILE_CHANGED, meta, body))

    def _state_something(self) -> None:
        heat = self.rng.randint(1, HEATS)
        said = _said(heat, self.log)
        statements: list[AnyStatement] = [
            CloseHeat(**said),
            ReopenHeat(**said),
            RecallHeat(gun=gun_of(2) - FALSE_LEAD, **_said(2, self.log)),
            StartHeat(gun=gun_of(heat) + self.rng.randrange(3) * CS, **said),
        ]
        self._state(self.rng.choice(statements))

    def _state(self, statement: AnyStatement) -> None:
        meta = pack_meta(actor=statement.author)
        self.log.arrive(Draft("operator", STATEMENT, meta, encode(statement)))

    def _change_the_faults(self) -> None:
        match self.rng.randrange(3):
            case 0:
                self.log.full = self.rng.random() < 0.3
            case 1:
                self.folder.away = self.rng.random() < 0.4
            case _:
                self.log.trouble = self.rng.choice((0, 0, 0.3))

    def _crash(self) -> None:
        """The process ends at once, or in the midst of the next decision or file."""
        place = self.rng.choice(
            ("now", "before append", "after append", "before writing", "after writing", "reading")
        )
        if place == "now":
            self.projector = None
            self.crashes += 1
        elif place.endswith("append"):
            self.log.crash = place
        else:
            self.folder.crash = place

    def settle(self) -> None:
        """Everything works, all is said again, the guns by hand too, and the races are quiet."""
        self.log.full = self.folder.away = False
        self.log.trouble = 0
        self.log.crash = self.folder.crash = ""
        for peer in self.peers:
            peer.at = 0
        while any(peer.at < len(peer.said) for peer in self.peers):
            self._say_something()
        for heat in range(1, HEATS + 1):
            self._state(StartHeat(gun=gun_of(heat), **_said(heat, self.log)))
        for _ in range(3):
            self.now += 3 * NS
            self.run(lambda projector: projector.finish())

    # -- what must hold ----------------------------------------------------

    def check(self) -> None:
        """Raise `AssertionError` for a promise that does not hold."""
        events = self.log.read(0, 1_000_000)
        assert events[: len(self.known)] == self.known, "a durable event is lost or changed"
        self.known = events
        decisions = [event for event in events if event.kind == RESULT_PUBLISHED]
        numbers = Counter(
            tuple(meta_of(event)[k] for k in ("session", "event", "heat", "revision"))
            for event in decisions
        )
        assert not numbers or max(numbers.values()) == 1, "a revision number is used twice"
        decided = {(meta_of(event)["name"], event.body) for event in decisions}
        for name, data in self.folder.files.items():
            if name.startswith("Session"):
                assert (name, data) in decided, f"{name} was written without a decision"
        if self.projector is not None:
            meet = self.projector.meet
            assert views(meet) == views(rebuilt(self.log, meet.position))

    def check_end(self) -> None:
        """What holds besides when everything is settled."""
        assert verify(self.log).ok
        decided = {
            str(meta_of(event)["name"]): event.body
            for event in self.known
            if event.kind == RESULT_PUBLISHED
        }
        written = {n: b for n, b in self.folder.files.items() if n.startswith("Session")}
        assert written == decided
        assert self.projector is not None
        meet = self.projector.meet
        assert meet.position == self.log.head().position
        fresh = WorldLog(self.rng)
        whole = fold(self.log, meet.position)
        with fresh.views() as connection:
            readtables.write(connection, whole, whole.settle(), bytes(32))
        assert rows(self.log) == rows(fresh)
        fresh.close()


def views(meet: Meet) -> list[object]:
    """Everything that a settled meet shows."""
    return [
        meet.crossings(), meet.races(), meet.revisions(), meet.sources(), meet.quarantine(),
        meet.alarms(), meet.current_race(), meet.next_race(),
    ]  # fmt: skip


def rebuilt(log: WorldLog, position: int) -> Meet:
    """The meet as of `position`, folded from nothing."""
    meet = fold(log, position)
    meet.settle()
    return meet


def rows(log: WorldLog) -> list[list[tuple[object, ...]]]:
    """The read tables."""
    with log.views() as connection:
        return [
            sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in TABLES
        ]


def gun_of(heat: int) -> int:
    """When a heat starts, ns UTC."""
    return MORNING + heat * 100 * NS


def _said(heat: int, log: WorldLog) -> dict[str, Any]:
    """What every statement about a heat says."""
    return {
        "author": "Ada", "channel": "test", "at": 0, "seen": log.head().position,
        "reason": "because", "session": "1", "event": "1", "heat": heat,
    }  # fmt: skip


def make_program(version: int = 0) -> Program:
    """Three heats of three; another version has other first names."""
    heats = tuple(
        Heat("1", h, h, tuple(LaneEntry(n, (f"{10 * h + n}",)) for n in (1, 2, 3)))
        for h in range(1, HEATS + 1)
    )
    swimmers = tuple(
        Swimmer(f"{10 * h + n}", f"First{version}", f"Last{n}")
        for h in range(1, HEATS + 1)
        for n in (1, 2, 3)
    )
    return Program(sessions=(Session("1", 1, current=True, heats=heats),), swimmers=swimmers)


def make_chips(*, swapped: bool = False) -> bytes:
    """The chip table: 1011 is swimmer 11, and so on."""
    chips = {1000 + 10 * h + n: 10 * h + n for h in range(1, HEATS + 1) for n in (1, 2, 3)}
    if swapped:
        chips[1031], chips[1032] = chips[1032], chips[1031]
    return "".join(["chip,swimmer\n", *(f"{c},{s}\n" for c, s in chips.items())]).encode()


def _peers(rng: random.Random) -> list[Peer]:
    """What three mats have to say of the heats, with duplicates, late reads and rubbish."""
    told: dict[str, list[bytes]] = {"mat": [], "back": [], "lines": []}
    seq = 0
    for heat in range(1, HEATS + 1):
        gun = gun_of(heat)
        guns = (gun - FALSE_LEAD, gun) if heat == 2 else (gun,)
        told["mat"] += [encode_tsv1([_read("0", "Start", at, 0)]) for at in guns]
        for lane in (1, 2, 3):
            chip = f"{1000 + 10 * heat + lane}"
            final = gun + rng.randrange(3000, 4500) * CS
            seq += 1
            line = DataLine("CT01_33", seq, "Turn", chip, _stamp(gun + 1500 * CS + seq), 1, "R3", 1)
            told["lines"].append(encode_line(line))
            told["mat"].append(encode_tsv1([_read(chip, "FIN1", final)]))
            told["back"].append(encode_tsv2([_read(chip, "FIN2", final + 3 * NS // 2, rssi=-50)]))
            if rng.random() < 0.5:
                told["mat"].append(encode_tsv1([_read(chip, "FIN1", final - 30 * CS)]))
    for source, messages in told.items():
        for _ in range(len(messages) // 3):
            at = rng.randrange(len(messages))
            messages.insert(rng.randrange(len(messages)), messages[at])
        messages.insert(rng.randrange(len(messages)), b"rubbish\r\n")
        for _ in range(4):
            i, j = rng.randrange(len(messages)), rng.randrange(len(messages))
            messages[i], messages[j] = messages[j], messages[i]
        told[source] = messages
    protocols = {"mat": "tsv1", "back": "tsv2", "lines": "ctp01"}
    return [Peer(source, protocols[source], b"".join(told[source])) for source in told]


def _read(chip: str, point: str, at: int, kind: int = 2, rssi: int | None = None) -> RawRead:
    return RawRead(chip, _stamp(at), point, kind, antenna=1, source=f"R-{point}", rssi=rssi)


def _stamp(at: int) -> str:
    return format_iso(at, 7)
