"""The hub in a simulated world: the real house, on edges that belong to one life of it."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel

from meetlog.edges import Edges
from meetlog.projector import REST, Projector
from store.event import Draft, Head
from store.log import BatchLog, StoreError
from store.writer import Commits
from tests.simulation.disk import Store, StoreLog
from tests.simulation.folder import Folder
from tests.simulation.life import Crash, Life
from tests.simulation.loop import SeededLoop, the_loop
from tests.simulation.network import HubNetwork, Internet, Watch
from wire.stamps import NS

T = TypeVar("T")


class Writer(Commits):
    """`GroupCommit` on the loop: a sync takes the time that the disk takes."""

    def __init__(
        self,
        life: Life,
        store: Store,
        log: BatchLog,
        on_stall: Callable[[str], object],
        on_recover: Callable[[int, int], object],
    ) -> None:
        super().__init__(log, on_stall=on_stall, on_recover=on_recover, monotonic_ns=the_loop().now)
        self._life = life
        self._store = store
        self._appending = False
        self._woken = asyncio.Event()
        self._task = the_loop().create_task(self._run(), name="writer")
        life.at_death(self._task.cancel)

    def submit(self, drafts: Sequence[Draft]) -> Future[Head]:
        """See `Commits.submit`."""
        if not self._life.alive:
            raise StoreError("the process is gone")
        future = super().submit(drafts)
        self._woken.set()
        return future

    def hurry(self) -> None:
        """The sync that is under way comes to its end now."""
        if self._batch and not self._appending:
            self.attempt()

    def attempt(self) -> float | None:
        """See `Commits.attempt`."""
        self._appending = True
        try:
            return super().attempt()
        finally:
            self._appending = False

    def close(self) -> None:
        """See `GroupCommit.close`."""
        if not self._life.alive:
            return
        self._task.cancel()
        self.end()
        if self._batch:
            self.attempt()
        while self.gather():
            self.attempt()
        self.abandon()

    async def _run(self) -> None:
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while not self._queue.empty():
                    self.gather()
                    await asyncio.sleep(self._store.sync_time())
                    while self._batch and (pause := self.attempt()) is not None:  # noqa: ASYNC110 - it is the pause that is meant
                        await asyncio.sleep(pause)
        except Crash:
            pass


class Projecting:
    """`ProjectorThread` on the loop: each step is whole, and others come between two of them."""

    def __init__(
        self,
        life: Life,
        chance: random.Random,
        projector: Projector,
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.projector = projector
        # In some worlds few events make a backlog, which is folded in several steps.
        projector.most_events = chance.choice((500, 500, 20, 3))
        self.starving = 0.0  # seconds more that a rest may take: others have the machine
        self._life = life
        self._chance = chance
        self._on_failure = on_failure
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """See `ProjectorThread.start`."""
        self._task = the_loop().create_task(self._run(), name="projector")
        self._life.at_death(self._task.cancel)

    def wake(self, _head: object = None) -> None:
        """See `ProjectorThread.wake`."""
        self._woken.set()

    def stop(self) -> None:
        """See `ProjectorThread.stop`."""
        if self._task is not None:
            self._task.cancel()
        if self._life.alive:
            self._attempt(self.projector.finish)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            stepped = self._attempt(self.projector.step)
            if stepped is None:
                return
            more, wait = stepped
            await asyncio.sleep(REST / NS + self._chance.random() * self.starving)
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), wait / NS)

    def _attempt(self, do: Callable[[], T]) -> T | None:
        try:
            return do()
        except Crash:
            return None
        except Exception as e:  # noqa: BLE001 - handed to the house, as the thread does
            self._on_failure(e)
            return None


class Machine:
    """What all lives of the hub run on, one after the other."""

    def __init__(
        self,
        chance: random.Random,
        wall: Callable[[], int],
        *,
        store: Store,
        folder: Folder,
        internet: Internet,
        watch: Watch,
    ) -> None:
        self.chance = chance
        self.loop: SeededLoop = the_loop()
        self.slow = 0.0  # how often looking at the clock takes a moment
        self.holder: Life | None = None
        self.writer: Writer | None = None
        self.projecting: Projecting | None = None
        self._store = store
        self._folder = folder
        self._internet = internet
        self._watch = watch
        self._wall = wall

    def edges(self, life: Life) -> Edges:
        """The machine as one life sees it."""

        def open_writer(
            log: BatchLog,
            on_stall: Callable[[str], object],
            on_recover: Callable[[int, int], object],
        ) -> Writer:
            self.writer = Writer(life, self._store, log, on_stall, on_recover)
            return self.writer

        def open_projecting(
            projector: Projector, on_failure: Callable[[BaseException], None]
        ) -> Projecting:
            self.projecting = Projecting(life, self.chance, projector, on_failure)
            return self.projecting

        async def work(do: Callable[[], T], /) -> T:
            # A thread that was begun is waited for.
            with anyio.CancelScope(shield=True):
                await anyio.sleep(self.chance.choice((0.0, 0.0, 0.001)))
            life.point("before work")
            return do()

        @contextmanager
        def alone(_path: Path, _advice: str) -> Iterator[None]:
            assert self.holder is None or not self.holder.alive, "two hubs record into one log"
            self.holder = life
            yield
            if self.holder is life:
                self.holder = None

        return Edges(
            wall=self._wall,
            monotonic=self.monotonic,
            chance=self.chance.random,
            work=work,
            network=HubNetwork(self._internet, life, self._watch),
            alone=alone,
            steady=nullcontext,
            log=lambda _path, _clock: StoreLog(self._store, life),
            writer=open_writer,
            folder=lambda _root: self._folder.open(life),
            projecting=open_projecting,
        )

    def monotonic(self) -> int:
        """The hub's clock; on a slow machine time passes while it works."""
        if self.slow and self.chance.random() < self.slow:
            self.loop.pass_time(self.chance.choice((0.001, 0.02, 0.15)))
        return self.loop.now()
