"""What the connections of all relays share: waiting for more, patience with slow peers, marks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import msgspec

from exporters.relay_feed import Feed
from exporters.relay_ledger import Ledger
from exporters.relay_progress import Piece, Progress
from ingest.connections import CLOSE_TIME, Connection, Hangup
from ingest.desk import Desk, spell_duration
from store.event import RELAY_SENT, pack_meta
from wire.settings import RelaySettings
from wire.stamps import NS

MARK_EVERY = NS  # how much a crash of ours makes us send again, at most
SLOW_AFTER = 10 * NS  # a peer that has not read for so long is pointed out,
PATIENCE = 120 * NS  # and for so long, is given up: it may come back and read
MOST_UNASKED = 64 * 1024  # bytes from a peer that has nothing to say


class Office(msgspec.Struct, frozen=True):
    """What all connections of one relay work with. `clock` is monotonic, ns."""

    relay: RelaySettings
    feed: Feed
    desk: Desk
    ledger: Ledger
    clock: Callable[[], int] = time.monotonic_ns


class Channel:
    """One connection of a relay, and how far it is."""

    def __init__(
        self,
        connection: Connection,
        office: Office,
        progress: Progress,
        name: str,
    ) -> None:
        """`name` is what the peer is called in the ledger."""
        self.relay = office.relay
        self.feed = office.feed
        self.progress = progress
        self.connection = connection
        self.desk = office.desk
        self._ledger = office.ledger
        self._name = name
        self._clock = office.clock
        self._marked = (0, 0, 0)
        self._marked_at = office.clock()
        self._sending = 0

    def now(self) -> int:
        """Monotonic ns."""
        return self._clock()

    async def deliver(self, piece: Piece) -> None:
        """Hand over items.

        Raises `Hangup`. The mark in the log follows, at most every `MARK_EVERY`.
        """
        begun = self._clock()
        if piece.data:
            self._sending = begun
            try:
                await self.connection.pass_on(piece.data, PATIENCE)
            finally:
                self._sending = 0
        now = self._clock()
        if piece.data and now - begun > SLOW_AFTER:
            self.desk.settle(self.relay.name, self._slow)
        self.progress.note(piece, begun, now)
        if now - self._marked_at >= MARK_EVERY:
            await self.mark()

    async def mark(self) -> None:
        """Tell the log how far this connection is, if that is news."""
        progress = self.progress
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

    async def watch(self) -> None:
        """Point out a peer that does not read; until cancelled."""
        name = self.relay.name
        while True:
            await anyio.sleep(SLOW_AFTER / NS / 2)
            since = self._sending
            if since and self._clock() - since >= SLOW_AFTER:
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
        where = f"{key}:{self.connection.number}"
        self.desk.report(self.relay.name, "warning", where, text, hint)

    async def close(self) -> None:
        """The connection is over: tell the log how far it was, whatever is being cancelled."""
        self.desk.settle(self.relay.name, self._slow)
        self._ledger.leave(self._name)
        with anyio.move_on_after(CLOSE_TIME / NS, shield=True):
            await self.mark()

    @property
    def _slow(self) -> str:
        return f"slow:{self.connection.number}"


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


async def hear_out(connection: Connection) -> None:
    """Record what a peer says that has nothing to say, within bounds. Ends by `Hangup`."""
    heard = 0
    while heard <= MOST_UNASKED:
        data = await connection.receive()
        heard += len(data or b"")
    raise Hangup("the peer sends much to us, and we take nothing: is this the port it means?")
