"""Hubs in a chain, the lines between them, and what comes in at the first."""

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.abc
import msgspec
from anyio.abc import SocketAttribute, TaskStatus

from meetlog.house import House, open_house
from projections.folding import fold
from projections.meet import Meet
from store.event import FILE_CHANGED, SOCKET_OPENED, SOCKET_READ, Draft, pack_meta
from store.memory import MemoryLog
from store.sqlite import SqliteLog
from tests.kit.conditions import Conditions
from tests.kit.ports import free_port
from wire.ctp01_messages import DataLine
from wire.ctp01_messages import encode as render
from wire.ctp01_options import ServerOptions
from wire.ctp01_server import ServerSession
from wire.reads import RawRead
from wire.settings_file import parse
from wire.stamps import NS, format_iso, parse_iso
from wire.tsv2 import encode

MORNING = parse_iso("2026-06-14T09:00:00").wall
CS = NS // 100
RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER: on, zero seconds
PIECE = 64 * 1024

Passed = tuple[str, str, int]  # chip, point, moment in hundredths


class Link(NamedTuple):
    """How one hub feeds the next: the protocol, what the feeding one is, and how it is asked."""

    protocol: str
    role: str
    asked: str = ""


LINKS = {
    "tsv1": Link("tsv1", "server"),
    "tsv2": Link("tsv2", "server"),
    "tsv2-client": Link("tsv2", "client"),
    "ctp01": Link("ctp01", "client"),
    "ctp01-pull": Link("ctp01", "client", 'mode = "pull"\npoll = "50ms"\n'),
}


class Hub:
    """A meet that is recorded in this process, and may be stopped and begun again."""

    def __init__(self, folder: Path, toml: str) -> None:
        self.folder = folder
        self.body = toml.encode()
        self.house: House | None = None
        self._started = False
        self._begun = anyio.Event()
        self._stop = anyio.Event()
        self._over = False
        self._ended = anyio.Event()
        folder.mkdir()
        (folder / "meet.toml").write_bytes(self.body)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Record until it is over."""
        settings = parse(self.body)
        while not self._over:
            self._stop = anyio.Event()
            async with open_house(self.folder, settings, self.body) as house:
                self.house = house
                if not self._begun.is_set():
                    self._begun.set()
                if not self._started:
                    self._started = True
                    task_status.started()
                await self._stop.wait()
                assert house.failure is None, house.failure
        self._ended.set()

    async def restart(self) -> None:
        """Stop in good order, and begin again; return when it has begun."""
        self._begun = anyio.Event()
        self._stop.set()
        await self._begun.wait()

    async def end(self) -> None:
        """Stop for good; return when everything is closed."""
        self._over = True
        self._stop.set()
        await self._ended.wait()

    def new(self) -> int:
        """How many different reads and guns it has had, a quarter of a second ago."""
        return 0 if self.house is None else sum(s.new for s in self.house.overview.sources)

    def meet(self) -> Meet:
        """What its log says, when it has ended."""
        return meet_in(self.folder)


def meet_in(folder: Path) -> Meet:
    """The meet of the log in this folder, folded from nothing."""
    log = SqliteLog(folder / "meet.db", read_only=True)
    try:
        meet = fold(log)
        meet.settle()
        return meet
    finally:
        log.close()


def official(meet: Meet) -> set[Passed]:
    """The crossings that are not provisional, in hundredths."""
    return {(c.chip, c.point, c.moment_ns // CS) for c in meet.crossings() if not c.provisional}


class Line:
    """A line between two hubs that is cut after a random number of bytes, `cuts` times.

    `port` is where one side calls, `back` where the other listens. `carried`
    counts bytes.
    """

    def __init__(self, conditions: Conditions, chance: random.Random, cuts: int, most: int) -> None:
        self.back = free_port()
        self.port = 0
        self.carried = self.cut = 0
        self._conditions = conditions
        self._chance = chance
        self._cuts = cuts
        self._most = most

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Carry for ever."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            self.port = int(listener.extra(SocketAttribute.local_port))  # noqa: S610 - anyio's, not Django's
            task_status.started()
            await listener.serve(self._carry)

    def has_carried(self, more: int) -> Callable[[], bool]:
        """Whether so many bytes more than now were carried."""
        least = self.carried + more
        return lambda: self.carried >= least

    async def _carry(self, near: anyio.abc.SocketStream) -> None:
        async with near:
            try:
                far = await anyio.connect_tcp("127.0.0.1", self.back)
            except OSError:
                return  # nobody is there now: whoever called hears of it by being hung up on
            async with far:
                left = None
                if self.cut < self._cuts:
                    left = self._chance.randint(1, self._most)
                await self._carry_both(near, far, left)

    async def _carry_both(
        self, near: anyio.abc.SocketStream, far: anyio.abc.SocketStream, left: int | None
    ) -> None:
        async def carry(one: anyio.abc.SocketStream, other: anyio.abc.SocketStream) -> None:
            nonlocal left
            try:
                while True:
                    piece = await one.receive(PIECE)
                    if left is not None:
                        piece = piece[:left]
                        left -= len(piece)
                    if piece:
                        await other.send(piece)
                    self.carried += len(piece)
                    self._conditions.look()
                    if left == 0:
                        self.cut += 1
                        self._break(near, far)
                        break
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(carry, near, far)
            group.start_soon(carry, far, near)

    def _break(self, *streams: anyio.abc.SocketStream) -> None:
        """Half of the time both sides are reset, and what is in their buffers is lost."""
        if self._chance.random() < 0.5:
            for stream in streams:
                raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio's, not Django's
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


class Puller:
    """A scoring program that pulls: it asks again whenever something happened.

    `lines` are the different ones that it has.
    """

    def __init__(self, conditions: Conditions) -> None:
        self.lines: dict[DataLine, None] = {}
        self._conditions = conditions
        self._options = ServerOptions(stream_mode="pull")
        self._marks: dict[str, dict[str, int]] = {}

    async def run(
        self, port: int, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Listen until cancelled."""
        async with await anyio.create_tcp_listener(
            local_host="127.0.0.1", local_port=port
        ) as listener:
            task_status.started()
            await listener.serve(self._talk)

    async def _talk(self, stream: anyio.abc.SocketStream) -> None:
        session = ServerSession(self._options, self._marks)
        async with stream, anyio.create_task_group() as group:
            group.start_soon(self._ask, stream, session)
            try:
                while True:
                    reply = session.receive(await stream.receive())
                    if reply.send:
                        await stream.send(reply.send)
                    assert not reply.close, reply.close
                    self.lines |= dict.fromkeys(
                        line
                        for line in reply.messages
                        if isinstance(line, DataLine) and not line.is_newlocation
                    )
                    self._marks = session.marks
                    self._conditions.look()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                group.cancel_scope.cancel()

    async def _ask(self, stream: anyio.abc.SocketStream, session: ServerSession) -> None:
        due: list[bytes] = []

        def is_due() -> bool:
            due.append(session.poll())
            return bool(due[-1])

        while True:
            await self._conditions.until(is_due)
            try:
                await stream.send(due[-1])
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return
            due.clear()

    def meet(self, settings: bytes) -> set[Passed]:
        """The crossings of its lines in a meet with these settings."""
        log = MemoryLog()
        opened = pack_meta(c=1, protocol="ctp01", role="server", peer="")
        log.append(
            [
                Draft("settings", FILE_CHANGED, pack_meta(path="meet.toml", mtime=0), settings),
                Draft("before", SOCKET_OPENED, opened),
                Draft("before", SOCKET_READ, pack_meta(c=1), b"".join(map(render, self.lines))),
            ]
        )
        meet = fold(log)
        meet.settle()
        return official(meet)


def settings_of(*, mat: int | None, source: str, relay: str, feeds: bool) -> str:
    """A `meet.toml`: a mat that calls us, or a source; a relay. `feeds`: mats have other names."""
    text = '[meet]\nname = "Chain"\nzone = "Europe/Berlin"\n[folder]\npublish = "off"\n'
    if mat is not None:
        text += f'[[source]]\nname = "mat"\nprotocol = "tsv2"\nrole = "server"\nport = {mat}\n'
    for point, feed in (("Finish", "FIN1"), ("Turn", "TURN")):
        text += f'[[point]]\nname = "{point}"\ngap = "1s"\n'
        text += f'feeds = ["{feed}"]\n' if feeds else ""
    return text + source + relay


def source_of(link: Link, port: int) -> str:
    """The receiving side of a link."""
    role = "server" if link.role == "client" else "client"
    return (
        f'[[source]]\nname = "before"\nprotocol = "{link.protocol}"\nrole = "{role}"\n'
        f"port = {port}\n{link.asked}"
    )


def relay_of(link: Link, port: int, more: str) -> str:
    """The sending side of a link, with some more lines of settings."""
    return (
        f'[[relay]]\nname = "after"\nprotocol = "{link.protocol}"\nrole = "{link.role}"\n'
        f"port = {port}\n{more}\n"
    )


def ends(link: Link, line: Line) -> tuple[int, int]:
    """The ports of the relay and of the source on both ends of a line."""
    return (line.back, line.port) if link.role == "server" else (line.port, line.back)


def detections(seed: int, chips: int, passings: int, *, rssi: bool = False) -> Iterator[RawRead]:
    """Reads as they come in: a gun, bursts of kinds 1 and 2, some late, some copied.

    Moments are whole hundredths; a chip's next passing is far from the last.
    """
    chance = random.Random(seed)
    came = [(0, _read(0, "0", "FIN1", 0))]
    for chip in range(chips):
        for passing in range(passings):
            at = 1000 + passing * 2000 + chance.randrange(1000)
            point = ("FIN1", "TURN")[passing % 2]
            for n in range(chance.randint(2, 5)):
                read = _read(at, f"{2000 + chip}", point, 1 if n == 0 else 2)
                if rssi:
                    read = msgspec.structs.replace(read, rssi=chance.randint(-70, -40))
                late = chance.randrange(600) if chance.random() < 0.3 else 0
                came.append((at + late, read))
                if chance.random() < 0.1:
                    came.append((at + late + chance.randrange(3000), read))
                at += chance.randint(1, 30)
    came.sort(key=lambda each: each[0])
    for _, read in came:
        yield read


def _read(cs: int, chip: str, point: str, kind: int) -> RawRead:
    return RawRead(chip, format_iso(MORNING + cs * CS, 7), point, kind, 1 + cs % 4, "R1")


def pieces(reads: Sequence[RawRead], size: int) -> list[bytes]:
    """Messages of one read each, some of them in each piece."""
    messages = [encode([read]) for read in reads]
    return [b"".join(messages[at : at + size]) for at in range(0, len(messages), size)]
