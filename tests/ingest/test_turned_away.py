"""Whoever knocks without end at a door that is closed to them fills neither the log nor memory."""

import anyio
import pytest

from ingest.connections import listen
from ingest.notices import Notice
from ingest.servers import Door, parse_networks
from ingest.turned_away import MOST_ADDRESSES, MOST_RECORDED, SPAN, TurnedAway
from store.event import PEERS_REFUSED, SOCKET_CLOSED, SOCKET_OPENED
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import Dialer, Knocking, MemoryStream, memory_pair
from tests.kit.recorders import HeldRecorder, WatchedBoard, desk_on
from wire.settings import SourceSettings
from wire.stamps import NS

WHY = "refused: not in the allowed networks"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": JumpingLoop}


def knocks(*hosts: str) -> list[MemoryStream]:
    return [memory_pair(far=f"{host}:{4000 + n}")[0] for n, host in enumerate(hosts)]


class Knocked:
    """A door of 10.0.0.0/8 at which these knock, one after the other, and then nobody."""

    def __init__(self, *streams: MemoryStream) -> None:
        self.recorder = HeldRecorder()
        desk, self.board = desk_on(self.recorder)
        source = SourceSettings("finish", "tsv2", "server", 0, allow=("10.0.0.0/8",))
        self.door = Door(source, desk, listen, parse_networks(source))
        self.dialer = Dialer(*streams)

    @property
    def counts(self) -> list[int]:
        return [int(meta["count"]) for meta in self.recorder.metas(PEERS_REFUSED)]


async def keep(knocked: Knocked, until: float) -> None:
    with anyio.move_on_after(until):
        async with anyio.create_task_group() as group:
            group.start_soon(knocked.door.sum_up)
            group.start_soon(knocked.door.keep, Knocking(knocked.dialer), group)


@pytest.mark.parametrize("more", [-1, 0, 1, 2000])
@pytest.mark.anyio
async def test_the_first_knocks_of_an_address_are_recorded_and_the_rest_counted(
    more: int,
) -> None:
    alone, counted = min(MOST_RECORDED, MOST_RECORDED + more), [more][: max(0, more)]
    streams = knocks(*["192.168.1.9"] * (MOST_RECORDED + more))
    knocked = Knocked(*streams)
    await keep(knocked, 1.5 * SPAN / NS)

    assert len(knocked.recorder.of(SOCKET_OPENED)) == alone
    assert [meta["reason"] for meta in knocked.recorder.metas(SOCKET_CLOSED)] == [WHY] * alone
    assert knocked.counts == counted
    for meta in knocked.recorder.metas(PEERS_REFUSED):
        assert meta["reasons"] == {WHY: counted[0]}
        assert meta["peers"] == {"192.168.1.9": counted[0]}
        assert meta["others"] == 0
    assert all(stream.closed for stream in streams)


@pytest.mark.parametrize("more", [-1, 0, 1, 500])
@pytest.mark.anyio
async def test_so_many_addresses_are_told_apart(more: int) -> None:
    hosts = [f"192.168.{n // 250}.{n % 250}" for n in range(MOST_ADDRESSES + more)]
    knocked = Knocked(*knocks(*hosts))
    await keep(knocked, 1.5 * SPAN / NS)

    assert len(knocked.recorder.of(SOCKET_OPENED)) == min(len(hosts), MOST_ADDRESSES)
    assert [m["others"] for m in knocked.recorder.metas(PEERS_REFUSED)] == [more][: more > 0]


@pytest.mark.anyio
async def test_what_was_counted_is_recorded_when_meetlog_stops() -> None:
    knocked = Knocked(*knocks(*["192.168.1.9"] * 100))
    await keep(knocked, SPAN / NS / 2)

    assert knocked.counts == [100 - MOST_RECORDED]


@pytest.mark.anyio
async def test_a_span_begins_anew() -> None:
    knocked = Knocked(*knocks(*["192.168.1.9"] * 10))
    await keep(knocked, 1.5 * SPAN / NS)
    knocked.dialer = Dialer(*knocks(*["192.168.1.9"] * 5))
    await keep(knocked, 1.5 * SPAN / NS)

    assert knocked.counts == [10 - MOST_RECORDED, 5 - MOST_RECORDED]
    assert len(knocked.recorder.of(SOCKET_OPENED)) == 2 * MOST_RECORDED


@pytest.mark.anyio
async def test_who_belongs_here_gets_in_between() -> None:
    near, far = memory_pair(far="10.1.1.1:5")
    await far.send(b"a read")
    streams = knocks(*["192.168.1.9"] * 500)
    knocked = Knocked(*streams[:250], near, *streams[250:])
    await keep(knocked, 1.5 * SPAN / NS)

    number = MOST_RECORDED + 1
    assert knocked.recorder.received(number) == b"a read"


@pytest.mark.anyio
async def test_the_operator_is_told_once_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[str] = []
    knocked = Knocked(*knocks(*["192.168.1.9"] * 1000))

    def raised(_board: WatchedBoard, notice: Notice) -> None:
        changes.append(notice.text)

    monkeypatch.setattr(WatchedBoard, "raise_", raised)
    await keep(knocked, 1.5 * SPAN / NS)

    assert len(changes) == MOST_RECORDED + 1
    assert changes[-1] == "finish: 997 more peers were turned away within 60 s"


def test_what_is_remembered_is_bounded() -> None:
    away = TurnedAway()
    for n in range(100_000):
        away.note(f"2001:db8::{n:x}", WHY)
    told = away.take()
    assert told is not None
    assert told["count"] == told["others"] == 100_000 - MOST_ADDRESSES
    assert away.take() is None
