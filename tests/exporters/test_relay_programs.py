"""Scoring programs as they are in the wild, on real sockets: each gets every line (PROTOCOLS 1.7).

`tests.kit.ctp01_peers` has the programs; `tests.wire.test_ctp01_client_peers`
cuts and delays them in every way. Here they are called by a relay.
"""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.abc
import pytest
from anyio.abc import SocketAttribute

from ingest.clients import run_client
from projections.relayed import Item, ItemKind
from store.event import SOCKET_CLOSED
from tests.kit.conditions import Conditions
from tests.kit.ctp01_peers import (
    P88,
    Ours,
    Peer,
    PullNext,
    PullOnly,
    Racemap,
    Rd25,
    Read,
    Sample,
    WholePiece,
)
from tests.kit.relays import NINE, RelayStand, item
from wire.ctp01_server import ServerOptions
from wire.settings import RelaySettings

pytestmark = pytest.mark.anyio
PLACES = ("start", "finish")
PROGRAMS: list[Callable[[], Peer]] = [
    Racemap, Sample, P88, WholePiece, Rd25, PullOnly, PullNext,
    partial(Ours, ServerOptions()), partial(Ours, ServerOptions(stream_mode="pull")),
]  # fmt: skip
NAMES = ["racemap", "sample", "p88", "tc", "rd25", "pull", "pull-next", "meetlog", "meetlog-pull"]

Manner = Callable[[bytes], Iterator[bytes]]


def as_it_is(data: bytes) -> Iterator[bytes]:
    """In one piece."""
    yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    """No line is ever whole."""
    for at in range(len(data)):
        yield data[at : at + 1]


def with_blanks(data: bytes) -> Iterator[bytes]:
    """Blank lines before, between and behind, of every kind."""
    yield b"\r\n" + data.replace(b"\r\n", b"\r\n\r\n\n") + b"\0"


class Host:
    """A machine on which a scoring program listens."""

    def __init__(self, peer: Peer, manner: Manner) -> None:
        self.peer = peer
        self.heard = 0  # pieces
        self.port = 0
        self.conditions = Conditions()
        self._manner = manner
        self._stream: anyio.abc.SocketStream | None = None
        self._speaking = anyio.Lock()

    async def run(
        self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            self.port = int(listener.extra(SocketAttribute.local_port))  # noqa: S610 - anyio's, not Django's
            task_status.started()
            await listener.serve(self._talk)

    async def _talk(self, stream: anyio.abc.SocketStream) -> None:
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio's, not Django's
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = stream
        async with stream:
            try:
                await self._say(self.peer.connected)
                self.conditions.look()
                while True:
                    data = await stream.receive()
                    await self._say(partial(self.peer.receive, data))
                    self.heard += 1
                    self.conditions.look()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass

    async def _say(self, answer: Callable[[], bytes]) -> None:
        assert self._stream is not None
        async with self._speaking:
            data = answer()
            for piece in self._manner(data) if data else ():
                await self._stream.send(piece)

    async def tick(self) -> None:
        """A second passes."""
        await self._say(self.peer.tick)

    async def seconds_pass(self, holds: Callable[[], bool]) -> None:
        """Let seconds pass, each when the last one was answered, until `holds`."""
        await self.conditions.until(lambda: bool(self.peer.connections))
        while not holds():
            before = self.heard
            await self.tick()
            await self.conditions.until(lambda: self._is_answered(before) or holds())  # noqa: B023 - it is over by then

    def _is_answered(self, before: int) -> bool:
        peer = self.peer
        owed = peer.pings - peer.pongs if isinstance(peer, Racemap) else 0
        return self.heard > before and not (peer.pings if isinstance(peer, PullOnly) else owed)

    async def cut(self) -> None:
        """Pull the cable."""
        assert self._stream is not None
        raw = self._stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - anyio's, not Django's
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        count = len(self.peer.connections)
        await self._stream.aclose()
        await self.conditions.until(lambda: len(self.peer.connections) > count)


class Scene:
    """A relay, the program that it feeds, and what that should have."""

    def __init__(self, host: Host) -> None:
        relay = RelaySettings("scoring", "ctp01", "client", host.port)
        self.stand = RelayStand(relay, locations=PLACES, chance=0.0)
        self.host = host
        self.peer = host.peer
        self.wanted: set[Read] = set()

    def add(self, count: int, location: str, *, new: bool = False) -> None:
        """Queue reads; a location that is new is announced first."""
        items = [item(self.stand.queued + n, location) for n in range(count)]
        if new:
            items.insert(0, Item(ItemKind.LOCATION, location, "newlocation", NINE))
        self.stand.queued += count
        self._queue(items)

    def fire(self) -> None:
        """Queue a gun."""
        self._queue([Item(ItemKind.GUN, "start", "", NINE)])

    def _queue(self, items: list[Item]) -> None:
        counts = self.stand.feed.view.counts
        for n, each in enumerate(items, 1):
            tag = each.tag or "guntime"
            if tag != "newlocation" and (each.tag or self.peer.guns):
                self.wanted.add((each.location, counts.get(each.location, 0) + n, tag))
        self.stand.queue(*items)

    async def until_all(self) -> None:
        """Until the present connection has brought everything, or it came before."""
        await self.host.seconds_pass(lambda: self.wanted <= self.peer.has())


@asynccontextmanager
async def scene(peer: Peer, manner: Manner = as_it_is) -> AsyncIterator[Scene]:
    async with anyio.create_task_group() as group:
        host = Host(peer, manner)
        await group.start(host.run)
        set_up = Scene(host)
        stand = set_up.stand
        group.start_soon(run_client, stand.relay, stand.desk, stand.talk)
        yield set_up
        group.cancel_scope.cancel()


@pytest.mark.parametrize("manner", [as_it_is, byte_by_byte, with_blanks])
@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
async def test_each_program_gets_every_line(program: Callable[[], Peer], manner: Manner) -> None:
    async with scene(program(), manner) as set_up:
        peer = set_up.peer
        set_up.fire()
        set_up.add(150, "finish")
        await set_up.until_all()
        for _ in range(10):
            set_up.add(7, "finish")
            set_up.add(1, "start")
            await set_up.until_all()
        if peer.late:
            set_up.add(30, "10k", new=True)
            await set_up.until_all()
        assert peer.has() == set_up.wanted
        assert peer.trouble == []
        assert set_up.stand.texts() == []
        assert len(peer.connections) == 1


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
async def test_a_program_that_is_cut_off_gets_every_line(program: Callable[[], Peer]) -> None:
    async with scene(program()) as set_up:
        set_up.fire()
        for _ in range(3):
            set_up.add(30, "finish")
            await set_up.until_all()
            set_up.add(60, "finish")
            await set_up.host.cut()
            await set_up.until_all()
        assert set_up.peer.has() == set_up.wanted
        assert len(set_up.peer.connections) == 4
        await set_up.stand.board.until(lambda texts: not texts)
        assert len(set_up.stand.recorder.of(SOCKET_CLOSED)) == 3


async def test_a_program_that_pings_and_restarts_for_ever_is_answered_and_sent_nothing_twice() -> (
    None
):
    peer = Racemap()
    async with scene(peer) as set_up:
        set_up.add(20, "finish")
        set_up.add(20, "10k", new=True)
        await set_up.until_all()
        while peer.pings < 30:
            await set_up.host.tick()
        await set_up.host.conditions.until(lambda: peer.pongs == 30)
        assert len(peer.connections[0]) == 40, "each line once"
        assert set_up.stand.texts() == []
