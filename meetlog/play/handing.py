"""Handing it over: the ordinary connections of a relay, until the peer has everything."""

import threading
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from functools import partial

import anyio
import msgspec
from anyio.abc import TaskGroup

from exporters.relay_connection import Office
from exporters.relay_feed import Feed
from exporters.relay_ledger import Ledger
from ingest.clients import run_client
from ingest.desk import Desk
from ingest.errors import IngestError
from ingest.notices import Notice, NoticeBoard
from ingest.servers import run_server
from meetlog.pace import paced
from meetlog.play.scratch import decisions
from meetlog.play.telling import Tally, notice_words
from meetlog.relaying import talk_of
from meetlog.stopping import asked_to_stop
from projections.relays import Stream
from store.log import Log
from wire.settings import RelaySettings, Settings
from wire.stamps import NS

LOOK_EVERY = 0.25  # seconds, between two looks at whether anything still happens
# What was handed over may still be in buffers: a peer that is reset meanwhile is waited for.
GRACE = NS
Start = Callable[[TaskGroup, Office, Settings, str], Awaitable[tuple[str, ...]]]


async def start(
    group: TaskGroup, office: Office, settings: Settings, password: str
) -> tuple[str, ...]:
    """Be the relay in `group`; the addresses that it listens on, () for a client.

    Raises `IngestError` when it cannot.
    """
    relay = office.relay
    talk = talk_of(office, settings, lambda: password)
    if relay.role == "client":
        group.start_soon(run_client, relay, office.desk, talk)
        return ()
    addresses: tuple[str, ...] = await group.start(run_server, relay, office.desk, talk)
    return addresses


def sleep_unless(stop: threading.Event, ns: int) -> None:
    """Wait so many ns, or until `stop` is set."""
    stop.wait(ns / NS)


class Playing(msgspec.Struct, frozen=True):
    """What is to be played: a scratch log of `items`, whose locations have `counts`.

    `moment` has the time (ns) of then for an event; `pace` is how many times
    faster it is told, None at once. After `patience` ns (0 is for ever) in
    which nothing was handed over, it is given up.
    """

    scratch: Log
    relay: RelaySettings
    settings: Settings
    password: str
    stream: Stream
    moment: Callable[[int], int]
    pace: Fraction | None
    patience: int


class Ears(msgspec.Struct, frozen=True):
    """Who hears sentences, and how many items were handed over."""

    say: Callable[[str], None]
    progress: Callable[[int], None] = lambda _: None


class Player:
    """One playing. `tally` may be read at any time.

    `ended` says why the peer has not got everything, "" when it has.
    """

    def __init__(
        self,
        playing: Playing,
        ears: Ears,
        *,
        start: Start = start,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[threading.Event, int], None] = sleep_unless,
    ) -> None:
        """`clock` is monotonic, ns; `sleep` waits so many ns, or until its event is set."""
        self.playing = playing
        self._ears = ears
        self._start = start
        self._clock = clock
        self._sleep = sleep
        self.ended = ""
        self.interrupted = False
        self._complete_since: int | None = None
        self._begun = anyio.Event()
        self._done = anyio.Event()
        self._progressed = (0, 0, 0)
        self._progressed_at = clock()
        self.tally = Tally(playing.relay.role, self._say, self._look)
        # Every location is known from the start: a program that starts what there is, once,
        # must not miss those that came later.
        self._feed = Feed(playing.scratch, playing.relay.name, locations=playing.stream.counts)

    async def play(self) -> None:
        """Return when the peer has everything, or why not is in `ended`. Raises `IngestError`."""
        relay = self.playing.relay
        board = NoticeBoard(self._notice)
        desk = Desk(self.tally, board)
        office = Office(relay, self._feed, desk, Ledger(relay, {}), rested=self.tally.rest)
        stop = threading.Event()
        with asked_to_stop() as asked:
            async with anyio.create_task_group() as group:
                try:
                    if self.playing.pace is None:
                        self._feed.show(self.playing.stream)
                    else:
                        group.start_soon(self._tell, stop)
                    addresses = await self._open(group, office)
                    for address in addresses:
                        self._say(f"Listening on {address}; a program may call.")
                    group.start_soon(self._watch)
                    group.start_soon(self._stopped, asked)
                    await self._done.wait()
                finally:
                    stop.set()  # a thread that waits for its time cannot be cancelled
                    group.cancel_scope.cancel()

    async def _open(self, group: TaskGroup, office: Office) -> tuple[str, ...]:
        try:
            return await self._start(group, office, self.playing.settings, self.playing.password)
        except IngestError as e:
            raise IngestError(str(e).replace(" in meet.toml", " with --to")) from e

    async def _stopped(self, asked: anyio.Event) -> None:
        await asked.wait()
        self.interrupted = True
        self._end("stopped by Ctrl-C")

    async def _watch(self) -> None:
        """Give up when nothing happens for too long."""
        patience = self.playing.patience
        while True:
            await anyio.sleep(LOOK_EVERY)
            self._look()
            now = (self.tally.through, self.tally.sent, self._feed.view.items)
            if now != self._progressed:
                self._progressed, self._progressed_at = now, self._clock()
            elif patience and self._clock() - self._progressed_at >= patience:
                who = "the peer took nothing" if self.tally.open else "nobody was there"
                self._end(f"{who} for {patience / NS:g} s")

    async def _tell(self, stop: threading.Event) -> None:
        """Tell of the items at the pace of then, from the moment on at which somebody listens."""
        await self._begun.wait()
        await anyio.to_thread.run_sync(self._tell_at_pace, stop)

    def _tell_at_pace(self, stop: threading.Event) -> None:
        playing, stream = self.playing, Stream()
        for fact in paced(
            decisions(playing.scratch),
            lambda decision: playing.moment(decision.as_of),
            playing.pace,
            clock=self._clock,
            sleep=partial(self._sleep, stop),
        ):
            if stop.is_set():
                return
            stream.take(fact)
            self._feed.show(stream)

    def _look(self) -> None:
        """Something happened: is it all?"""
        self._ears.progress(self.tally.through)
        if self.tally.asked:
            self._begun.set()
        items = self.playing.stream.items
        if self.tally.taken(items) and not self.tally.open:
            self._end("")
        if not self.tally.complete(items):
            self._complete_since = None
        elif self._complete_since is None:
            self._complete_since = self._clock()
        elif self._clock() - self._complete_since >= GRACE:
            self._end("")

    def _end(self, why: str) -> None:
        if not self._done.is_set():
            self.ended = why
            self._done.set()

    def _say(self, text: str) -> None:
        if not self._done.is_set():
            self._ears.say(text)

    def _notice(self, notice: Notice, over: bool) -> None:
        # The end of a connection was told already.
        if not over and " is lost: " not in notice.text and " is gone: " not in notice.text:
            self._say(notice_words(notice, self.playing.relay.role))
