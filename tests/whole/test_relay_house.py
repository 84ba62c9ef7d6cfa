"""Relays in a whole house: started when they can be, bounded, and stopped in good order."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
import pytest

from ingest.connections import STOPPED
from meetlog.house import Ears, House, open_house
from projections.relayed import sent
from store.event import APP_STOPPED, RELAY_QUEUED, RELAY_SENT, SOCKET_CLOSED, Event, meta_of
from store.sqlite import SqliteLog
from tests.kit.ports import free_port
from tests.whole.chain import detections, meet_in, official, pieces, settings_of
from tests.whole.peers import Heard, hang_on, say
from wire.reads import RawRead
from wire.settings_file import parse
from wire.tsv1 import Decoder

pytestmark = pytest.mark.anyio


class Stand:
    """A meet folder with a mat, and one relay."""

    def __init__(self, folder: Path, **relay: object) -> None:
        self.folder = folder
        self.mat, self.port = free_port(), free_port()
        told = {"name": "scoring", "protocol": "tsv1", "role": "server", "port": self.port} | relay
        keys = "".join(f"{key} = {_toml(value)}\n" for key, value in told.items())
        toml = settings_of(mat=self.mat, source="", relay=f"[[relay]]\n{keys}", feeds=True)
        self.body = toml.encode()

    @asynccontextmanager
    async def open(self, heard: Heard | None = None) -> AsyncIterator[House]:
        """Record."""
        ears = Ears(notice=heard.hear) if heard else Ears()
        async with open_house(self.folder, parse(self.body), self.body, ears) as house:
            yield house
            assert house.failure is None, house.failure

    def events(self, kind: str) -> list[Event]:
        log = SqliteLog(self.folder / "meet.db", read_only=True)
        try:
            return log.read(0, 1_000_000, kinds=(kind,))
        finally:
            log.close()


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


class Peer:
    """A scoring program of TsV1."""

    def __init__(self, stream: anyio.abc.SocketStream) -> None:
        self.stream = stream
        self.reads: list[RawRead] = []
        self._decoder = Decoder()

    async def until(self, count: int) -> set[RawRead]:
        """Read until it has so many different reads."""
        while len(set(self.reads)) < count:
            found = self._decoder.feed(await self.stream.receive())
            self.reads += [read for read in found if isinstance(read, RawRead)]
        return set(self.reads)


@asynccontextmanager
async def peer_at(port: int) -> AsyncIterator[Peer]:
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        yield Peer(stream)


async def test_recording_goes_on_while_the_port_of_a_relay_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meetlog.relaying.TRY_AGAIN", 0.05)
    stand = Stand(tmp_path)
    heard = Heard()
    reads = list(detections(1, 5, 2))
    with socket.create_server(("127.0.0.1", stand.port)) as other:
        async with stand.open(heard) as house:
            notice = await heard.until("scoring:start")
            assert notice.severity == "alarm"
            assert f"relay scoring: cannot listen on 127.0.0.1 port {stand.port}" in notice.text
            assert "another program has the port" in notice.text
            assert "scoring" not in house.addresses
            await say(stand.mat, *pieces(reads, 10))
            other.close()
            await heard.until("scoring:start", over=True)
            assert house.addresses["scoring"] == (f"127.0.0.1:{stand.port}",)
            async with peer_at(stand.port) as peer:
                await peer.until(len(set(reads)))
    assert len(official(meet_in(tmp_path))) == 10


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", "nothing listens there"),
        ("no-such-laptop.invalid", "cannot connect to no-such"),
    ],
)
async def test_recording_goes_on_while_a_scoring_program_cannot_be_reached(
    tmp_path: Path, host: str, words: str
) -> None:
    stand = Stand(tmp_path, protocol="ctp01", role="client", host=host)
    heard = Heard()
    reads = list(detections(1, 5, 2))
    async with stand.open(heard):
        notice = await heard.until("scoring:connection")
        assert words in notice.text
        assert f"port {stand.port}" in notice.text
        assert "what it misses is kept for it" in notice.hint
        await say(stand.mat, *pieces(reads, 10))
    assert len(official(meet_in(tmp_path))) == 10
    assert stand.events(RELAY_QUEUED)


async def test_what_was_not_sent_at_a_stop_is_sent_after_the_next_start(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    reads = list(detections(1, 300, 4))
    half = len(reads) // 2
    async with AsyncExitStack() as peers, stand.open():
        peer = await peers.enter_async_context(peer_at(stand.port))
        await say(stand.mat, *pieces(reads[:half], 100))
        await peer.until(10)  # and then it reads no more
        await say(stand.mat, *pieces(reads[half:], 100))
    (closed,) = [
        meta_of(event) for event in stand.events(SOCKET_CLOSED) if event.source == "scoring"
    ]
    assert closed["reason"] == STOPPED
    (last,) = [sent(event) for event in stand.events(RELAY_SENT)][-1:]
    assert last.safe == 0
    stopped = stand.events(APP_STOPPED)[0].position
    queued = stand.events(RELAY_QUEUED)
    assert max(event.position for event in queued) < stopped
    assert sum(meta_of(event)["items"] for event in queued) == len(set(reads))

    async with stand.open(), peer_at(stand.port) as peer:
        await peer.until(len(set(reads)))
    later = [meta_of(e) for e in stand.events(RELAY_QUEUED) if e.position > stopped]
    assert not any(meta["items"] for meta in later), "nothing is queued twice"
    assert [sent(event).through for event in stand.events(RELAY_SENT)][-1] == len(set(reads))


async def test_who_may_come_and_how_many(tmp_path: Path) -> None:
    stand = Stand(tmp_path, max_connections=2)
    reads = list(detections(1, 5, 2))
    heard = Heard()
    async with stand.open(heard):
        await say(stand.mat, *pieces(reads, 10))
        async with peer_at(stand.port) as one, peer_at(stand.port) as two:
            for peer in (one, two):
                await peer.until(len(set(reads)))
            async with peer_at(stand.port) as three:
                assert await hang_on(three.stream) == b""
                notice = await heard.until("scoring:refused")
                assert "2 peers are connected already" in notice.text


async def test_a_network_that_is_not_allowed_gets_nothing(tmp_path: Path) -> None:
    stand = Stand(tmp_path, allow=("192.168.7.0/24",))
    heard = Heard()
    async with stand.open(heard):
        await say(stand.mat, *pieces(list(detections(1, 5, 2)), 10))
        async with peer_at(stand.port) as peer:
            assert await hang_on(peer.stream) == b""
            assert "`allow` of scoring" in (await heard.until("scoring:refused")).hint
