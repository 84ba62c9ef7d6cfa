"""The other programs: timing systems that tell, and scoring programs that are told."""

import random
from collections.abc import Callable

import anyio

from tests.kit import ctp01_peers
from tests.kit.ctp01_peers import Peer
from tests.simulation.meet import FEEDS, Detection
from tests.simulation.network import End, Internet
from tests.simulation.swarm import Relay, Source
from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_messages import GUNTIME, NEWLOCATION, DataLine
from wire.ctp01_server import ServerOptions
from wire.reads import RawRead
from wire.tsv1 import Decoder as TsV1
from wire.tsv1 import encode as encode_tsv1
from wire.tsv2 import Decoder as TsV2
from wire.tsv2 import encode as encode_tsv2

RUBBISH = (b"rubbish\r\n", b"\r", b'[{"Chip":}]\r', b"\xff\xfe\0\r\n", b"[]\r")


class News:
    """Wakes all who wait for something new."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def tell(self) -> None:
        """There is something."""
        self._event.set()
        self._event = anyio.Event()

    async def wait(self) -> None:
        """Until somebody tells."""
        await self._event.wait()


class Teller:
    """A timing system that speaks TsV1 or TsV2: it has no way to know what arrived.

    After a cut it begins somewhere before where it was, or goes on; once
    `again` was called, each connection is told everything from the beginning.
    """

    def __init__(self, source: Source, chance: random.Random) -> None:
        self.source = source
        self.said: list[bytes] = []
        self.everything = False
        self._chance = chance
        self._at = 0
        self._news = News()

    def tell(self, what: Detection) -> None:
        """Something was seen."""
        read = RawRead(
            what.chip,
            what.stamp,
            what.feed,
            0 if what.is_gun else 2,
            antenna=what.antenna,
            source=what.reader,
            rssi=what.rssi,
        )
        encode = encode_tsv1 if self.source.protocol == "tsv1" else encode_tsv2
        self.said.append(encode([read]))
        if self._chance.random() < 0.05:
            self.said.append(self._chance.choice(RUBBISH))
        self._news.tell()

    def again(self) -> None:
        """Tell everything once more."""
        self.everything = True
        self._news.tell()

    async def host(self, end: End) -> None:
        """One connection."""
        at = self._at
        if self.everything or self._chance.random() < 0.5:
            at = self._chance.randint(0, at)
        told_all = False
        async with anyio.create_task_group() as group:
            group.start_soon(_until_end, end, group.cancel_scope)
            try:
                while True:
                    if self.everything and not told_all:
                        at, told_all = 0, True
                    if at < len(self.said):
                        at += 1
                        self._at = max(self._at, at)
                        await end.send(self.said[at - 1])
                    else:
                        await self._news.wait()
            except OSError:
                group.cancel_scope.cancel()
        end.close()


async def _until_end(end: End, scope: anyio.CancelScope) -> None:
    try:
        while await end.receive():
            pass
    except OSError:
        pass
    scope.cancel()


class Controller:
    """A timing system that speaks CTP01: what it told stays in its buffer, and it can resume."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.buffer = LineBuffer(10_000, FEEDS if chance.random() < 0.5 else ())
        self.options = ClientOptions(
            connection_id=f"id-{name}",
            inclusive=chance.random() < 0.5,
            resume="number" if chance.random() < 0.3 else "place",
        )
        self._chance = chance
        self._seqs: dict[str, int] = {}
        self._news = News()
        self._held: DataLine | None = None
        self._announced: list[DataLine] = []

    def tell(self, what: Detection) -> None:
        """Something was seen. Sometimes two neighbours change places (PROTOCOLS 1.6)."""
        if what.feed not in self.buffer.locations:
            line = self._line(what, NEWLOCATION, 0)
            self.buffer.add(line)
            self._announced.append(line)
        line = self._line(what, GUNTIME if what.is_gun else what.chip, 0 if what.is_gun else 1)
        held, self._held = self._held, None
        if held is None and self._chance.random() < 0.08:
            self._held = line
            return
        self.buffer.add(line)
        if held is not None:
            self.buffer.add(held)
        self._news.tell()

    def _line(self, what: Detection, tag: str, lap: int) -> DataLine:
        seq = self._seqs[what.feed] = self._seqs.get(what.feed, 0) + 1
        return DataLine("CT01_33", seq, what.feed, tag, what.stamp, lap, what.reader, what.antenna)

    def finish(self) -> None:
        """Nothing more is seen: nothing is held back."""
        if self._held is not None:
            self.buffer.add(self._held)
            self._held = None
        self._news.tell()

    async def host(self, end: End) -> None:
        """One connection."""
        session = ClientSession(self.options, self.buffer)
        sending = anyio.Lock()
        known = len(self._announced)

        async def listen() -> None:
            try:
                async with sending:
                    await end.send(session.greeting())
                while data := await end.receive():
                    async with sending:
                        reply = session.receive(data)
                        await end.send(reply.send + b"".join(due_lines(session, self.buffer)))
                    if reply.close:
                        break
            except OSError:
                pass
            group.cancel_scope.cancel()

        async def tell() -> None:
            nonlocal known
            try:
                while True:
                    await self._news.wait()
                    async with sending:
                        fresh, known = self._announced[known:], len(self._announced)
                        said = b"".join(session.announce(line) for line in fresh)
                        await end.send(said + b"".join(due_lines(session, self.buffer)))
            except OSError:
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            group.start_soon(tell)
        end.close()


async def keep_calling(
    internet: Internet, port: int, host: Callable[[End], object], chance: random.Random
) -> None:
    """Call the hub again and again."""
    while True:
        try:
            end = await internet.call(port)
        except OSError:
            pass
        else:
            await host(end)  # type: ignore[misc]  # both kinds of hosts are coroutines
        await anyio.sleep(chance.uniform(0.2, 2.5))


class TsvProgram:
    """A scoring program that is sent TsV1 or TsV2."""

    def __init__(self, relay: Relay, chance: random.Random) -> None:
        self.relay = relay
        self.got: set[tuple[int, str, str, str]] = set()
        self.bytes = 0
        self.hurried = False  # reads at once
        self._chance = chance

    async def host(self, end: End) -> None:
        """One connection."""
        decoder = TsV1() if self.relay.protocol == "tsv1" else TsV2()
        try:
            while data := await end.receive():
                self.bytes += len(data)
                for read in decoder.feed(data):
                    assert isinstance(read, RawRead), read
                    stamp = read.utc_moment or read.moment
                    self.got.add((read.type, read.timing_point, str(read.chip), stamp))
                if not self.hurried and self._chance.random() < 0.02:
                    await anyio.sleep(self._chance.uniform(0, 8))
                if not self.hurried and self._chance.random() < 0.01:
                    break
        except OSError:
            pass
        end.close()


class CtpProgram:
    """A scoring program that is sent CTP01."""

    def __init__(self, relay: Relay, chance: random.Random) -> None:
        self.relay = relay
        self.hurried = False
        self._chance = chance
        self.peer = _program(relay.program)
        self._scope = anyio.CancelScope()

    async def host(self, end: End) -> None:
        """One connection, the only one: for a new one, such a program drops the old."""
        self._scope.cancel()
        peer = self.peer
        sending = anyio.Lock()

        async def listen() -> None:
            try:
                async with sending:
                    await end.send(peer.connected())
                while data := await end.receive():
                    async with sending:
                        said = peer.receive(data)
                        if said and self._chance.random() < 0.2:
                            said += b"ping\r\n"  # in the middle of whatever it asks for
                        await end.send(said)
            except OSError:
                pass
            group.cancel_scope.cancel()

        async def tick() -> None:
            try:
                while True:
                    await anyio.sleep(2)
                    async with sending:
                        # Some throw half a line away, which on a slow network loses it for good.
                        half = peer.partial
                        said = peer.tick()
                        peer.partial = half
                        await end.send(said)
            except OSError:
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            self._scope = group.cancel_scope
            group.start_soon(listen)
            group.start_soon(tick)
        end.close()


def _program(name: str) -> Peer:
    if name == "racemap":
        return ctp01_peers.Racemap()
    if name == "rd25":
        return ctp01_peers.Rd25()
    if name == "pull-next":
        return ctp01_peers.PullNext()
    mode = "pull" if name == "ours-pull" else "push"
    return ctp01_peers.Ours(ServerOptions(stream_mode=mode))  # type: ignore[arg-type]  # one of both


Program = TsvProgram | CtpProgram
