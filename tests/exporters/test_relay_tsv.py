"""TsV1 and TsV2 toward scoring programs that come, go, and read slowly or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest

from exporters.relay_connection import (
    MARK_EVERY,
    MOST_UNASKED,
    PATIENCE,
    SILENCING,
    SLOW_AFTER,
)
from ingest.connections import STOPPED
from ingest.desk import seconds
from store.event import (
    RELAY_QUEUED,
    RELAY_SENT,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    Draft,
    pack_meta,
)
from store.log import StoreUnavailable
from tests.kit.around import around, around_a_time
from tests.kit.jumping import JumpingLoop
from tests.kit.memory import MemoryStream, memory_pair
from tests.kit.relays import RelayStand, TsvPeer
from wire.settings import RelaySettings
from wire.stamps import MINUTE, NS

pytestmark = pytest.mark.anyio
TSV1 = RelaySettings("scoring", "tsv1", "server", 9000)
TSV2 = RelaySettings("scoring", "tsv2", "server", 9000)
BOTH = pytest.mark.parametrize("relay", [TSV1, TSV2], ids=["tsv1", "tsv2"])


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": JumpingLoop}


class Visits:
    """Peers that come to a stand; each has its number among the connections."""

    def __init__(self, stand: RelayStand, group: anyio.abc.TaskGroup) -> None:
        self._stand = stand
        self._group = group
        self._ports = iter(range(50_000, 60_000))

    def come(self, machine: str = "10.0.0.9", window: float = 1000) -> TsvPeer:
        """A peer connects; at most `window` pieces are on their way to it."""
        near, far = memory_pair(window, far=f"{machine}:{next(self._ports)}")
        self._group.start_soon(self._stand.attend, near)
        return TsvPeer(far, self._stand.relay.protocol)


@asynccontextmanager
async def visiting(stand: RelayStand) -> AsyncIterator[Visits]:
    async with anyio.create_task_group() as group:
        yield Visits(stand, group)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()


async def leave(stand: RelayStand, peer: TsvPeer) -> None:
    """The peer hangs up; the hub has noticed."""
    gone = len(stand.recorder.of(SOCKET_CLOSED))
    peer.stream.close()
    await stand.recorder.until_count(SOCKET_CLOSED, gone + 1)


# -- where a connection begins -------------------------------------------------


@BOTH
async def test_a_new_peer_gets_all_there_is_and_all_that_comes(relay: RelaySettings) -> None:
    stand = RelayStand(relay)
    chips = stand.add(2500)
    async with visiting(stand) as visits:
        peer = visits.come()
        assert await peer.take_until(2500) == chips
        chips += stand.add(3)
        assert await peer.take_until(2503) == chips
    read = peer.reads[1]
    assert (read.timing_point, read.type, read.antenna, read.source) == ("Finish", 2, 2, "R1")
    assert read.moment == "2026-06-14T09:00:01.0000000Z"
    assert stand.recorder.metas(SOCKET_OPENED)[0]["relay"] is True


async def test_a_peer_that_comes_back_gets_what_was_under_way_when_it_was_cut_off() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(10)
    async with visiting(stand) as visits:
        peer = visits.come()
        await peer.take_until(10)
        await anyio.sleep(seconds(TSV1.overlap))
        chips += stand.add(5)
        await peer.take_until(15)
        await anyio.sleep(seconds(TSV1.overlap) - 1)
        await leave(stand, peer)
        chips += stand.add(2)

        again = visits.come()
        assert await again.take_until(7) == chips[10:], "what is old enough has arrived"
        await anyio.sleep(1)
    assert stand.marks(1)[-1] == (15, 10, 15, 0)
    assert stand.marks(2)[-1] == (17, 10, 7, 5)


async def test_after_a_restart_of_ours_the_marks_in_the_log_say_where_to_begin() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(10)
    async with visiting(stand) as visits:
        peer = visits.come()
        await peer.take_until(10)
        await anyio.sleep(2 * seconds(TSV1.overlap))
        chips += stand.add(5)
        await peer.take_until(15)
    assert stand.recorder.metas(SOCKET_CLOSED)[-1]["reason"] == STOPPED

    stand.restart()
    async with visiting(stand) as visits:
        peer = visits.come()
        assert await peer.take_until(5) == chips[10:]


@pytest.mark.parametrize("catch_up", ["all", "new"])
async def test_a_relay_may_begin_at_the_beginning_or_with_what_is_new(catch_up: str) -> None:
    relay = RelaySettings("scoring", "tsv2", "server", 9000, catch_up=catch_up)  # type: ignore[arg-type]  # one of its literals
    stand = RelayStand(relay)
    chips = stand.add(10)
    async with visiting(stand) as visits:
        for visit in range(3):
            if visit == 2:
                stand.restart()
            peer = visits.come()
            if catch_up == "all":
                await peer.take_until(10 + visit)
            await anyio.wait_all_tasks_blocked()
            chips += stand.add(1)
            wanted = chips if catch_up == "all" else chips[-1:]
            assert await peer.take_until(len(wanted)) == wanted
            await leave(stand, peer)


async def test_two_peers_of_one_machine_get_everything_each() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(3)
    async with visiting(stand) as visits:
        one = visits.come()
        await one.take_until(3)
        other = visits.come()
        assert await other.take_until(3) == chips
        chips += stand.add(1)
        assert await one.take_until(4) == chips
        assert await other.take_until(4) == chips
    assert {mark["peer"] for mark in stand.recorder.metas(RELAY_SENT)} == {
        "10.0.0.9",
        "10.0.0.9#2",
    }


# -- what the log is told --------------------------------------------------------


async def test_the_log_is_told_once_a_second_and_at_the_end() -> None:
    stand = RelayStand(TSV1)
    async with visiting(stand) as visits:
        peer = visits.come()
        for n in range(100):
            stand.add(1)
            await peer.take_until(n + 1)
            await anyio.sleep(0.1)
        marks = len(stand.marks(1))
        assert marks <= 100 * 0.1 * NS / MARK_EVERY + 1
        assert marks >= 9, "a crash of ours would make us send again what took longer"
    assert stand.marks(1)[-1][0] == 100, "also when it is stopped"
    last, closed = [e.position for e in stand.recorder.events[-2:]]
    assert stand.recorder.events[-2].kind == RELAY_SENT, (last, closed)


async def test_a_peer_that_comes_and_goes_every_second_leaves_little_in_the_log() -> None:
    stand = RelayStand(TSV1)
    stand.add(20)
    async with visiting(stand) as visits:
        peer = visits.come()
        await peer.take_until(20)
        await anyio.sleep(2 * seconds(TSV1.overlap))
        await leave(stand, peer)
        before = len(stand.recorder.events)
        for _ in range(200):
            peer = visits.come()
            await anyio.wait_all_tasks_blocked()
            await leave(stand, peer)
            await anyio.sleep(1)
            assert not peer.reads, "it has everything"
    assert len(stand.recorder.events) == before + 2 * 200, "opened and closed, no more"
    assert len(stand.board.standing()) <= 1


# -- peers that do not read ------------------------------------------------------


async def test_a_peer_that_does_not_read_is_pointed_out_and_given_up() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(1000)
    async with visiting(stand) as visits:
        slow = visits.come("10.0.0.8", window=1)
        (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
        assert anyio.current_time() == pytest.approx(seconds(SLOW_AFTER), abs=5)
        assert "10.0.0.8:50000 has not read for more than 10 s; 1000 items wait" in notice.text
        assert "window of that program" in notice.hint

        fast = visits.come("10.0.0.9")
        assert await fast.take_until(1000) == chips, "nobody else waits for it"
        await stand.recorder.until_count(SOCKET_CLOSED, 1)
        assert anyio.current_time() == pytest.approx(seconds(PATIENCE), abs=1)
        assert stand.board.standing() == ()
        chips += stand.add(1)
        assert await fast.take_until(1001) == chips

        again = visits.come("10.0.0.8")
        assert await again.take_until(1001) == chips, "what it did not read is not lost"
    reason = stand.recorder.metas(SOCKET_CLOSED)[0]["reason"]
    assert reason == "the peer did not read what we sent for 120 s"
    assert slow.reads == []


async def test_a_peer_that_reads_again_is_no_longer_pointed_out() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(1000)
    async with visiting(stand) as visits:
        peer = visits.come(window=1)
        await stand.board.until(lambda texts: len(texts) == 1)
        assert await peer.take_until(1000) == chips
        await stand.board.until(lambda texts: not texts)


async def test_a_peer_on_a_poor_line_is_not_given_up_while_it_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carry = MemoryStream.send

    async def crawl(stream: MemoryStream, data: bytes) -> None:
        await anyio.sleep(len(data) / 400)
        await carry(stream, data)

    monkeypatch.setattr(MemoryStream, "send", crawl)
    stand = RelayStand(TSV1)
    chips = stand.add(1000)
    async with visiting(stand) as visits:
        assert await visits.come().take_until(1000) == chips
        assert anyio.current_time() > 2 * seconds(PATIENCE)


async def test_what_a_peer_did_not_take_is_sent_again_however_long_ago_it_was() -> None:
    """Its buffers were full: all that is in them may be as old as its silence."""
    relay = RelaySettings("scoring", "tsv1", "server", 9000, overlap=MINUTE)
    stand = RelayStand(relay)
    chips = stand.add(1000)
    async with visiting(stand) as visits:
        peer = visits.come(window=4)
        await anyio.sleep(seconds(PATIENCE) - 10)
        await peer.take()
        await anyio.wait_all_tasks_blocked()
        await leave(stand, peer)
        again = visits.come()
        assert await again.take_until(1000) == chips


async def test_a_stop_does_not_wait_for_a_peer_that_does_not_read() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(1000)
    async with visiting(stand) as visits:
        visits.come(window=1)
        await anyio.sleep(30)
        stopped_at = anyio.current_time()
    assert anyio.current_time() - stopped_at <= 1
    assert stand.recorder.metas(SOCKET_CLOSED)[0]["reason"] == STOPPED
    stand.restart()
    async with visiting(stand) as visits:
        assert await visits.come().take_until(1000) == chips


async def test_what_filled_the_buffers_and_more_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buffered = 200_000
    monkeypatch.setattr("exporters.relay_progress.BUFFERED", buffered)
    stand = RelayStand(TSV1)
    async with visiting(stand) as visits:
        peer = visits.come()
        while peer.bytes < 2 * buffered:
            stand.add(1000)
            await peer.take_until(stand.queued)
        await leave(stand, peer)
        again = visits.come()
        await again.take_until(1)
        first = int(again.chips[0]) - 1000
        assert 0 < first < stand.queued
        await again.take_until(stand.queued - first)
        assert buffered <= again.bytes < buffered + 100_000


@around_a_time
async def test_a_peer_has_so_long_to_read_on(late: float) -> None:
    stand = RelayStand(TSV1)
    stand.add(1000)
    async with visiting(stand) as visits:
        slow = visits.come(window=1)
        await anyio.sleep(seconds(PATIENCE) + late)
        await slow.stream.receive()
        await anyio.wait_all_tasks_blocked()
        assert len(stand.recorder.of(SOCKET_CLOSED)) == (late > 0)


# -- peers that speak ------------------------------------------------------------


async def test_a_peer_that_sends_to_us_is_recorded_and_told_of() -> None:
    stand = RelayStand(TSV2)
    chips = stand.add(2)
    async with visiting(stand) as visits:
        peer = visits.come()
        await peer.stream.send(b"\r\n")
        await anyio.wait_all_tasks_blocked()
        assert stand.texts() == [], "a blank line is no news"
        await peer.stream.send(b'[{"Chip":7,"Moment":"2026-06-14T09:00:00Z"}]\r\x00\xff')
        (notice,) = await stand.board.until(lambda texts: len(texts) == 1)
        assert '10.0.0.9:50000 sends to us, and a relay takes nothing: [{"Chip":7,' in notice.text
        assert "[[source]]" in notice.hint
        await peer.stream.send(b"more")
        assert await peer.take_until(2) == chips, "it is served all the same"
        assert len(stand.texts()) == 1
        await leave(stand, peer)
        assert stand.texts() == []
    assert len(stand.recorder.of(SOCKET_READ)) == 3


async def test_a_peer_that_sends_megabytes_is_not_listened_to() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(2)
    piece = bytes(range(256)) * 64
    sent = 0

    async def flood(peer: TsvPeer) -> None:
        nonlocal sent
        try:
            while True:
                await peer.stream.send(piece)
                sent += len(piece)
        except BrokenPipeError:
            pass

    async with visiting(stand) as visits:
        peer = visits.come(window=2)
        async with anyio.create_task_group() as group:
            group.start_soon(flood, peer)
            assert await peer.take_until(2) == chips
            await anyio.wait_all_tasks_blocked()
            assert MOST_UNASKED < sent < MOST_UNASKED + 4 * len(piece)
        assert anyio.current_time() == pytest.approx(SILENCING), "it cannot come back before"
    recorded = sum(len(event.body) for event in stand.recorder.of(SOCKET_READ))
    assert recorded <= MOST_UNASKED + len(piece)
    assert "is this the port it means?" in stand.recorder.metas(SOCKET_CLOSED)[0]["reason"]


@around
async def test_a_peer_may_send_so_many_bytes(more: int) -> None:
    stand = RelayStand(TSV1)
    async with visiting(stand) as visits:
        peer = visits.come()
        await peer.stream.send(bytes(MOST_UNASKED + more))
        await peer.stream.send(b" ")
        await anyio.wait_all_tasks_blocked()
        assert len(stand.recorder.of(SOCKET_READ)) == (1 if more > 0 else 2)
        await anyio.sleep(SILENCING)
        assert len(stand.recorder.of(SOCKET_CLOSED)) == (1 if more >= 0 else 0)


# -- when the log fails ----------------------------------------------------------


async def test_while_the_log_cannot_be_written_a_stop_does_not_wait_for_ever() -> None:
    stand = RelayStand(TSV1)
    stand.add(3)
    async with visiting(stand) as visits:
        peer = visits.come()
        await peer.take_until(3)
        stand.recorder.hold()
        await anyio.sleep(100)
        stopped_at = anyio.current_time()
    assert anyio.current_time() - stopped_at <= 10
    stand.recorder.release()
    assert stand.marks(1)[-1] == (3, 0, 3, 0), "what was handed over to the log is appended yet"


async def test_a_log_that_cannot_be_read_ends_the_connection_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(3)

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("reading meet.db: disk I/O error: check the disk")

    async with visiting(stand) as visits:
        with monkeypatch.context() as broken:
            broken.setattr(stand.log, "read", fail)
            visits.come()
            await stand.recorder.until_count(SOCKET_CLOSED, 1)
        reason = stand.recorder.metas(SOCKET_CLOSED)[0]["reason"]
        assert reason.startswith("what is to be sent cannot be read: reading meet.db: disk I/O")
        assert await visits.come().take_until(3) == chips


async def test_a_decision_that_cannot_be_read_is_passed_over_as_the_fold_does() -> None:
    stand = RelayStand(TSV1)
    chips = stand.add(3)
    stand.log.append([Draft(TSV1.name, RELAY_QUEUED, pack_meta(before=3), b"of a newer meetlog")])
    chips += stand.add(3)
    async with visiting(stand) as visits:
        assert await visits.come().take_until(6) == chips
