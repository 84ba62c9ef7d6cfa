"""What the console's pages share: the lookout, the newest snapshot, the past, and who signed in."""

import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import anyio
import anyio.to_thread
import msgspec

from meetlog.asof import UpTo
from meetlog.console.lookout import Lookout
from meetlog.console.sessions import TRIES_AT_ONCE, Sessions, Tries
from meetlog.console.signs import Signs
from meetlog.console.snapshots import Snapshot, take, take_past
from meetlog.instants import position_at
from meetlog.opening import OpenMeet
from projections.folding import fold, settings_at
from store.log import StoreUnavailable
from wire.settings import ConsoleSettings
from wire.stamps import NS

T = TypeVar("T")
EVERY = 0.25  # seconds between two looks while somebody looks; nobody reads faster
AGEING = NS  # words that tell how long ago something was are told anew so often
IDLE = 5.0  # seconds between two looks while nobody does, so that the first need not wait long
PASTS = 4  # folded pasts kept: a slider goes back and forth


class Past(msgspec.Struct, frozen=True):
    """The meet as it was known at a position."""

    opened: OpenMeet
    snapshot: Snapshot


class Console:
    """Shared by all requests of one event loop. `now` is ns UTC, `steady` only runs forward."""

    def __init__(
        self,
        opened: OpenMeet,
        settings: ConsoleSettings,
        signs: Signs,
        *,
        login: str,
        now: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.settings = settings
        self.lookout = Lookout(opened)
        self.signs = signs
        self.sessions = Sessions()
        self.tries = Tries()
        self.login = login
        self.now = now
        self.steady = steady
        self.zone = opened.meet.settings.meet.zone
        self.snapshot = take(self.lookout, signs.newest(), now())
        self._taken = steady()
        self._watchers = 0
        self._ended = False
        self._changed = anyio.Event()
        self._woken = anyio.Event()
        self._one = anyio.Lock()
        self._folding = anyio.CapacityLimiter(1)
        self.proving = anyio.CapacityLimiter(TRIES_AT_ONCE)
        self._pasts: OrderedDict[int, Past] = OrderedDict()

    async def fresh(self) -> Snapshot:
        """A snapshot that is no older than `EVERY`."""
        async with self._one:
            if self.steady() - self._taken >= EVERY * NS:
                await self._look()
            return self.snapshot

    async def looking(self, ask: Callable[[OpenMeet], T], at: str = "") -> T:
        """What `ask` finds in the meet as it is, or as it was known at a position or an instant.

        It is asked in a thread. Raises what it raises, and `NoSuchInstant`.
        """
        if at:
            past = await self.past(at)
            return await anyio.to_thread.run_sync(ask, past.opened)
        return await anyio.to_thread.run_sync(self._ask, ask)

    def _ask(self, ask: Callable[[OpenMeet], T]) -> T:
        with self.lookout.looking() as opened:
            return ask(opened)

    async def past(self, at: str) -> Past:
        """The meet as it was known at a position or an instant. Raises `NoSuchInstant`."""
        return await anyio.to_thread.run_sync(self._past, at, limiter=self._folding)

    def _past(self, at: str) -> Past:
        with self.lookout.looking() as opened:
            log, place, note = opened.log, opened.place, opened.note
        position = position_at(log, at, settings_at(log).meet.zone)
        known = self._pasts.get(position)
        if known is None:
            until = UpTo(log, position)
            meet = fold(until)
            meet.settle()
            then = OpenMeet(until, meet, place, note)
            known = self._pasts[position] = Past(then, take_past(then))
            if len(self._pasts) > PASTS:
                self._pasts.popitem(last=False)
        self._pasts.move_to_end(position)
        return known

    async def watch(self) -> AsyncGenerator[Snapshot, None]:
        """Every new snapshot until the console ends; a slow watcher is not told those it missed."""
        self._watchers += 1
        self._woken.set()
        try:
            snapshot = await self.fresh()
            while not self._ended:
                yield snapshot
                changed = self._changed
                if self.snapshot is snapshot and not self._ended:
                    await changed.wait()
                snapshot = self.snapshot
        finally:
            self._watchers -= 1

    def end(self) -> None:
        """Let everybody who watches go: the console ends. Called on its event loop."""
        self._ended = True
        self._changed.set()

    async def run(self) -> None:
        """Look at the log again and again, often while somebody watches; ends when cancelled."""
        while True:
            if self._watchers:
                await anyio.sleep(EVERY)
            else:
                self._woken = anyio.Event()
                with anyio.move_on_after(IDLE):
                    await self._woken.wait()
            async with self._one:
                await self._look()

    async def _look(self) -> None:
        self._taken = self.steady()
        sign, now = self.signs.newest(), self.now()
        try:
            newest = await anyio.to_thread.run_sync(take, self.lookout, sign, now)
        except StoreUnavailable:
            return  # what is shown grows older, and says so; the next look may go through
        old = self.snapshot
        ageing = newest.taken_at - old.taken_at >= AGEING
        if newest.place.position != old.place.position or newest.sign != old.sign or ageing:
            self.snapshot = newest
            self._changed.set()
            self._changed = anyio.Event()
