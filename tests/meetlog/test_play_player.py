"""Handing a log over: when it begins, at which pace, and when it is over."""

import threading
from collections.abc import Callable, Coroutine
from fractions import Fraction
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from exporters.relay_connection import Office, Rest
from exporters.relay_feed import View
from ingest.connections import ENDED
from ingest.errors import IngestError
from ingest.notices import Notice
from meetlog.play.handing import GRACE, Ears, Player, Playing
from meetlog.play.scratch import decisions, queue_items
from meetlog.play.telling import PlayReport, Tally, notice_words, summary
from projections.relayed import Item
from projections.relays import Stream
from store.event import RELAY_SENT, SOCKET_CLOSED, SOCKET_OPENED, Draft, pack_meta
from store.memory import MemoryLog
from tests.kit.jumping import JumpingLoop, loop_clock
from tests.meetlog.calls import explained
from wire.settings import RelaySettings, Settings
from wire.stamps import NS

pytestmark = pytest.mark.anyio
ON_JUMPING_TIME = pytest.mark.parametrize(
    "anyio_backend", [pytest.param(("asyncio", {"loop_factory": JumpingLoop}), id="jumping")]
)
WITH_THREADS = pytest.mark.parametrize("anyio_backend", ["asyncio"])
Peer = Callable[["FakePeer"], Coroutine[Any, Any, None]]


class FakePeer:
    """What the connections of a relay do, as far as a player notices."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.more = anyio.Event()
        self.views: list[View] = []
        token = anyio.lowlevel.current_token()

        def grown() -> None:
            self.views.append(office.feed.view)
            if threading.current_thread() is not threading.main_thread():
                anyio.from_thread.run_sync(self.more.set, token=token)

        office.feed.subscribe(grown)

    async def open(self, number: int = 1, peer: str = "10.0.0.7:1") -> None:
        await self._say(SOCKET_OPENED, c=number, peer=peer)

    async def close(self, number: int = 1, reason: str = "cut") -> None:
        await self._say(SOCKET_CLOSED, c=number, reason=reason)

    async def mark(self, sent: int, again: int = 0, number: int = 1) -> None:
        await self._say(
            RELAY_SENT, c=number, peer="10.0.0.7", through=sent, safe=0, sent=sent, again=again
        )

    def rest(self, sent: int, *owed: str, asked: bool = True, number: int = 1) -> None:
        self.office.rested(number, Rest(sent, sent, 0, asked, owed))

    async def until(self, items: int) -> None:
        """Return when the feed has so many."""
        while self.office.feed.view.items < items:
            await self.more.wait()
            self.more = anyio.Event()

    async def _say(self, kind: str, **meta: object) -> None:
        await self.office.desk.recorder.append(Draft("replay", kind, pack_meta(**meta)))


class Clock:
    """Time that passes by waiting only."""

    def __init__(self) -> None:
        self.now = 0
        self.tick = 0  # for each look at it
        self.waits: list[int] = []

    def __call__(self) -> int:
        self.now += self.tick
        return self.now

    def sleep(self, stop: threading.Event, ns: int) -> None:
        assert not stop.is_set()
        self.waits.append(ns)
        self.now += ns


def playing(pace: Fraction | None = None, patience: int = 0) -> Playing:
    """Six items at two locations, of events 10, 20 and 40, whose seconds those were."""
    known = [
        (at, Item(2, place, "7", at)) for at in (10, 20, 40) for place in ("Turn", "Finish")
    ]  # fmt: skip
    scratch = MemoryLog(clock=lambda: 1)
    queue_items(scratch, "replay", known, paced=pace is not None)
    stream = Stream()
    for fact in decisions(scratch):
        stream.take(fact)
    relay = RelaySettings("replay", "ctp01", "client", 1)
    return Playing(
        scratch, relay, Settings(), "", stream, lambda position: position * NS, pace, patience
    )


async def run(what: Playing, peer: Peer, **more: Any) -> tuple[Player, list[str]]:
    said: list[str] = []

    async def start(group: TaskGroup, office: Office, *_: object) -> tuple[str, ...]:
        group.start_soon(peer, FakePeer(office))
        await anyio.lowlevel.checkpoint()
        return ()

    player = Player(what, Ears(said.append), start=start, **({"clock": loop_clock} | more))
    with anyio.fail_after(1000):
        await player.play()
    return player, said


@ON_JUMPING_TIME
async def test_it_is_over_when_the_peer_has_everything() -> None:
    async def peer(fake: FakePeer) -> None:
        assert fake.office.feed.locations == ("Turn", "Finish")
        assert fake.office.feed.view.items == 6
        await fake.open()
        fake.rest(0, asked=False)
        fake.rest(3, "Finish")
        fake.rest(6, "Turn")
        assert player_ended == []
        fake.rest(6)
        await anyio.sleep_forever()

    player_ended: list[str] = []
    player, said = await run(playing(), peer)
    assert (player.ended, player.interrupted) == ("", False)
    assert (player.tally.sent, player.tally.owed) == (6, ())
    assert said == ["Connected with 10.0.0.7:1."]


@ON_JUMPING_TIME
async def test_another_that_is_connected_is_waited_for() -> None:
    async def peer(fake: FakePeer) -> None:
        await fake.open()
        await fake.open(2, "10.0.0.8:1")
        fake.rest(6)
        reached.append("one")
        fake.rest(4, number=2)
        await anyio.lowlevel.checkpoint()
        reached.append("two")
        fake.rest(6, number=2)
        await anyio.sleep_forever()

    reached: list[str] = []
    player, _ = await run(playing(), peer)
    assert reached == ["one", "two"]
    assert player.tally.sent == 12


@ON_JUMPING_TIME
async def test_a_peer_that_comes_back_gets_the_rest() -> None:
    async def peer(fake: FakePeer) -> None:
        await fake.open()
        await fake.mark(4)
        fake.rest(4)
        await fake.close()
        await fake.open(2)
        await fake.mark(5, 3, number=2)
        fake.rest(6, number=2)
        await anyio.sleep_forever()

    player, said = await run(playing(), peer)
    assert player.ended == ""
    assert said[1] == (
        "The connection with 10.0.0.7:1 ended: cut. Trying again by itself; Ctrl-C ends it."
    )
    assert player.tally.connections == 2


@ON_JUMPING_TIME
async def test_one_that_is_cut_with_bytes_on_their_way_is_waited_for() -> None:
    async def peer(fake: FakePeer) -> None:
        await fake.open()
        fake.rest(6)
        await anyio.sleep(GRACE / NS / 2)
        await fake.close(reason="the peer reset the connection")
        await anyio.sleep(100)
        back.append(loop_clock())
        await fake.open(2)
        fake.rest(6, number=2)
        await anyio.sleep_forever()

    back: list[int] = []
    player, _ = await run(playing(), peer)
    assert player.ended == ""
    assert loop_clock() - back[0] >= GRACE


@ON_JUMPING_TIME
async def test_one_that_closes_in_order_has_read_everything() -> None:
    async def peer(fake: FakePeer) -> None:
        await fake.open()
        fake.rest(3)
        await fake.close(reason=ENDED)
        await anyio.sleep(100)
        await fake.open(2)
        fake.rest(6, number=2)
        await fake.close(2, reason=ENDED)
        await anyio.sleep_forever()

    player, _ = await run(playing(), peer)
    assert (player.ended, player.tally.connections) == ("", 2)


@WITH_THREADS
async def test_the_pace_is_that_of_then_from_when_somebody_listens() -> None:
    clock = Clock()

    async def peer(fake: FakePeer) -> None:
        await fake.open()
        fake.rest(0, asked=False)
        await anyio.lowlevel.checkpoint()
        assert clock.waits == []
        assert fake.office.feed.view.items == 0
        assert fake.office.feed.locations == ("Turn", "Finish")  # known before their time
        clock.now = 1000 * NS
        fake.rest(0)
        await fake.until(6)
        fake.rest(6)
        clock.tick = GRACE
        await anyio.sleep_forever()

    player, _ = await run(playing(Fraction(10)), peer, clock=clock, sleep=clock.sleep)
    assert player.ended == ""
    assert clock.waits == [NS, 2 * NS]  # ten and twenty seconds, ten times faster


@WITH_THREADS
async def test_at_that_pace_it_is_not_over_before_all_is_told() -> None:
    gate = threading.Event()
    clock = Clock()

    def sleep(_stop: threading.Event, _ns: int) -> None:
        gate.wait(10)

    async def peer(fake: FakePeer) -> None:
        await fake.open()
        fake.rest(0)
        await fake.until(2)
        fake.rest(2)
        clock.now += 2 * GRACE
        fake.rest(2)
        gate.set()
        await fake.until(6)
        fake.rest(6)
        clock.tick = GRACE
        await anyio.sleep_forever()

    player, _ = await run(playing(Fraction(1)), peer, clock=clock, sleep=sleep)
    assert player.tally.sent == 6


@pytest.mark.parametrize("there", [False, True])
@ON_JUMPING_TIME
async def test_patience_has_an_end(there: bool) -> None:
    ticks = iter(range(0, 10**6 * NS, NS))

    async def peer(fake: FakePeer) -> None:
        if there:
            await fake.open()
            fake.rest(2, "Turn")
        await anyio.sleep_forever()

    player, _ = await run(playing(patience=3 * NS), peer, clock=lambda: next(ticks))
    assert player.ended == (
        "the peer took nothing for 3 s" if there else "nobody was there for 3 s"
    )
    assert player.tally.owed == (("Turn",) if there else ())


@ON_JUMPING_TIME
async def test_what_cannot_listen_names_the_remedy_here() -> None:
    async def start(*_: object) -> tuple[str, ...]:
        await anyio.lowlevel.checkpoint()
        raise IngestError("relay replay: port taken. Give another port in meet.toml.")

    player = Player(playing(Fraction(1)), Ears(lambda _: None), start=start)
    with pytest.raises(ExceptionGroup) as caught:
        await player.play()
    assert "another port with --to." in explained(caught.value)


def notice(key: str, text: str, hint: str) -> Notice:
    return Notice(0, "replay", "warning", f"replay:{key}", text, hint)


@ON_JUMPING_TIME
async def test_conditions_are_told_with_a_remedy_that_is_one() -> None:
    calling = notice(
        "connection", "replay: cannot connect to a port 1: nothing listens", "meet.toml"
    )
    assert notice_words(calling, "client") == (
        "replay: cannot connect to a port 1: nothing listens. "
        "Trying again by itself; Ctrl-C ends it."
    )
    slow = notice("slow:1", "replay: it has not read", "Look at it.")
    assert notice_words(slow, "client") == "replay: it has not read. Look at it."


@ON_JUMPING_TIME
async def test_the_same_is_not_said_twice_and_nothing_after_the_end() -> None:
    async def peer(fake: FakePeer) -> None:
        desk = fake.office.desk
        desk.report("replay", "alarm", "connection", "replay: the connection to a is lost: cut")
        desk.report("replay", "alarm", "connection", "replay: cannot connect to a: no")
        desk.report("replay", "alarm", "connection", "replay: cannot connect to a: no")
        await fake.open()
        fake.rest(6)
        await anyio.sleep(2 * GRACE / NS)
        await fake.close()
        await anyio.sleep_forever()

    _, said = await run(playing(), peer)
    assert said == [
        "replay: cannot connect to a: no. Trying again by itself; Ctrl-C ends it.",
        "Connected with 10.0.0.7:1.",
    ]


def report(**changes: object) -> PlayReport:
    fields: dict[str, Any] = {
        "log": "meet.db", "begin": 1, "position": 90, "to": "ctp01://a:1", "send": "reads",
        "speed": "max", "items": 6, "locations": {"Turn": 3, "Finish": 3}, "shortened": {},
        "peers": ("10.0.0.7:1", "10.0.0.7:2"), "connections": 2, "sent": 8, "again": 2,
        "complete": True, "owed": (), "ended": "",
    }  # fmt: skip
    return PlayReport(**(fields | changes))


@ON_JUMPING_TIME
async def test_the_summary_is_a_sentence() -> None:
    assert summary(report()) == (
        "Events 1 to 90 (reads): 6 items (Turn 3, Finish 3). "
        "8 sent to 10.0.0.7, 2 of them again. It has everything."
    )
    assert summary(report(sent=5, again=0)).endswith("but 1 that it did not ask for (gun times).")
    ended = report(complete=False, sent=0, again=0, peers=(), ended="stopped by Ctrl-C")
    assert summary(ended).endswith("0 sent to nobody. NOT everything: stopped by Ctrl-C.")
    owed = report(complete=False, ended="the peer took nothing for 9 s", owed=("Turn", "Finish"))
    assert summary(owed).endswith("Turn, Finish was not asked for to the end.")


@ON_JUMPING_TIME
async def test_a_tally_counts_marks_and_rests_once() -> None:
    tally = Tally("server", lambda _: None, lambda: None)
    assert not tally.complete(0)
    await tally.append(Draft("replay", SOCKET_OPENED, pack_meta(c=1, peer="[::1]:9")))
    await tally.append(
        Draft("replay", RELAY_SENT, pack_meta(c=1, through=5, safe=1, sent=5, again=2))
    )
    tally.rest(1, Rest(5, 5, 2, asked=True, owed=()))
    assert (tally.sent, tally.again, tally.through) == (5, 2, 5)
    assert tally.complete(5)
    assert not tally.complete(6)
