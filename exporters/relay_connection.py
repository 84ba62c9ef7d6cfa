"""What the connections of all relays share: waiting for more, patience with slow peers, marks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

import anyio
import msgspec

from exporters.relay_feed import Feed
from exporters.relay_ledger import Ledger, Place
from exporters.relay_progress import SLOW, Piece, Progress
from ingest.connections import CLOSE_TIME, Connection, Hangup
from ingest.desk import Desk, spell_duration
from store.event import RELAY_SENT, pack_meta
from store.log import StoreError
from wire.errors import malformed
from wire.settings import RelaySettings
from wire.stamps import NS

MARK_EVERY = NS  # how much a crash of ours makes us send again, at most
SLOW_AFTER = 10 * NS  # a peer that has not read for so long is pointed out,
PATIENCE = 120 * NS  # and for so long, is given up: it may come back and read
AT_ONCE = 16 * 1024  # bytes for which a peer has that patience; a poor line takes long for more
MOST_UNASKED = 64 * 1024  # bytes from a peer that has nothing to say
QUOTED = 40  # of them, for people
SILENCING = 30  # seconds for which one that says more is not listened to, before it may come again


T = TypeVar("T")


class Rest(NamedTuple):
    """A connection that has nothing to hand over now, or is over: how far it is.

    `owed` are the locations with items that its peer has not asked for; TsV1
    and TsV2 know no asking. `asked` tells whether it wants anything at all.
    """

    through: int
    sent: int
    again: int
    asked: bool
    owed: tuple[str, ...]


class Office(msgspec.Struct, frozen=True):
    """What all connections of one relay work with. `clock` is monotonic, ns.

    `rested` is called with the number of a connection whenever it rests.
    """

    relay: RelaySettings
    feed: Feed
    desk: Desk
    ledger: Ledger
    clock: Callable[[], int] = time.monotonic_ns
    rested: Callable[[int, Rest], None] = lambda _number, _rest: None


class Channel:
    """One connection of a relay, and how far it is."""

    def __init__(
        self,
        connection: Connection,
        office: Office,
        progress: Progress,
        place: Place,
    ) -> None:
        """`place` is the peer's in the ledger."""
        self.relay = office.relay
        self.feed = office.feed
        self.progress = progress
        self.connection = connection
        self.desk = office.desk
        self._ledger = office.ledger
        self._rested = office.rested
        self._name = place.name
        self._clock = office.clock
        # What the log knows already is no news: a peer may come and go every second.
        known = progress.through <= place.through
        self._marked = (progress.through, progress.safe, 0) if known else None
        self._marked_at = office.clock()
        self._sending: int | None = None  # since when the peer is being given something
        self._told: set[str] = set()

    def now(self) -> int:
        """Monotonic ns."""
        return self._clock()

    async def work(self, work: Callable[[], T]) -> T:
        """Do what reads the log: a matter of files, which may take its time.

        Raises `Hangup` when the log cannot be read.
        """
        try:
            return await self.desk.work(work)
        except StoreError as e:
            raise Hangup(f"what is to be sent cannot be read: {e}") from e

    async def deliver(self, piece: Piece) -> None:
        """Hand over items.

        Raises `Hangup`. The mark in the log follows, at most every `MARK_EVERY`.
        """
        for at in range(0, len(piece.data), AT_ONCE):
            self._sending = self._clock()
            try:
                await self.connection.pass_on(piece.data[at : at + AT_ONCE], PATIENCE)
            finally:
                self._see_whether_it_reads()
                self._sending = None
            self.settle("slow")
        now = self._clock()
        self.progress.note(piece, now)
        if now - self._marked_at >= MARK_EVERY:
            await self.mark()

    def rest(self, *, asked: bool = True, owed: tuple[str, ...] = ()) -> None:
        """There is nothing to hand over now."""
        progress = self.progress
        self._rested(
            self.connection.number,
            Rest(progress.through, progress.sent, progress.again, asked, owed),
        )

    async def mark(self) -> None:
        """Tell the log how far this connection is, if that is news."""
        progress = self.progress
        self._see_whether_it_reads()
        self._marked_at = self._clock()
        progress.settle(self._marked_at)
        mark = (progress.through, progress.safe, progress.sent)
        if mark == self._marked:
            return
        self._marked = mark
        self._ledger.note(self._name, progress.through, progress.safe)
        await self.connection.record(
            RELAY_SENT,
            pack_meta(
                c=self.connection.number,
                peer=self._name,
                through=progress.through,
                safe=progress.safe,
                sent=progress.sent,
                again=progress.again,
            ),
        )

    def _see_whether_it_reads(self) -> None:
        now = self._clock()
        if self._sending is not None and now - self._sending > SLOW:
            self.progress.stall(now)

    async def watch(self) -> None:
        """Point out a peer that does not read; until cancelled."""
        name = self.relay.name
        while True:
            await anyio.sleep(SLOW_AFTER / NS / 2)
            since = self._sending
            if since is not None and self._clock() - since >= SLOW_AFTER:
                waiting = self.feed.view.items - self.progress.through
                self.report(
                    "slow",
                    f"{name}: {self.connection.peer} has not read for more than"
                    f" {spell_duration(SLOW_AFTER)}; {waiting} items wait for it",
                    "Nothing is lost. Look whether a window of that program waits for an answer.",
                )
            await self.mark()

    def report(self, key: str, text: str, hint: str) -> None:
        """Point out a condition of this connection, by a `key` of its own."""
        self._told.add(key)
        where = f"{key}:{self.connection.number}"
        self.desk.report(self.relay.name, "warning", where, text, hint)

    def has_told(self, key: str) -> bool:
        """Whether the condition stands."""
        return key in self._told

    def settle(self, key: str) -> None:
        """The condition is over, if it ever was."""
        if key in self._told:
            self._told.discard(key)
            self.desk.settle(self.relay.name, f"{key}:{self.connection.number}")

    async def close(self) -> None:
        """The connection is over: tell the log how far it was, whatever is being cancelled."""
        for key in list(self._told):
            self.settle(key)
        self._ledger.leave(self._name)
        with anyio.move_on_after(CLOSE_TIME / NS, shield=True):
            await self.mark()


class More:
    """Waits until a feed has grown, or somebody else says that there is something to do."""

    def __init__(self, feed: Feed) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._leave = feed.subscribe(self._told)

    def _told(self) -> None:
        # The loop may be closed already while the last items are folded.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    def tell(self) -> None:
        """There is something to do. For the loop's own thread."""
        self._event.set()

    async def wait(self) -> None:
        """Return when somebody told since the last call."""
        await self._event.wait()
        self._event.clear()

    def close(self) -> None:
        """Listen no more."""
        self._leave()


async def until_hangup(*works: Callable[[], Awaitable[None]]) -> None:
    """Do all of this at once, until one of them hangs up; raises that `Hangup`."""
    ended: list[Hangup] = []

    async def run(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Hangup as e:
            ended.append(e)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(run, work)
    raise ended[0]


async def hear_out(channel: Channel) -> None:
    """Record what a peer says that has nothing to say, within bounds. Ends by `Hangup`."""
    connection = channel.connection
    heard = 0
    while heard <= MOST_UNASKED:
        data = await connection.receive() or b""
        heard += len(data)
        # A blank line may be that program's way to say that it is there.
        if data.strip(b" \t\r\n\0") and not channel.has_told("speaks"):
            channel.report(
                "speaks",
                f"{channel.relay.name}: {connection.peer} sends to us, and a relay takes nothing:"
                f" {malformed('', data[:QUOTED]).excerpt}",
                "If that is a timing system, its reads do not count: let it send to the port of"
                " a [[source]].",
            )
    await anyio.sleep(SILENCING)
    raise Hangup("the peer sends much to us, and we take nothing: is this the port it means?")
