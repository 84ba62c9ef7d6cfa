"""A recorder in memory that can be held up, like a log on a full disk."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.lowlevel

from ingest.desk import Desk
from ingest.notices import Notice, NoticeBoard
from ingest.streams import Network
from store.event import SOCKET_READ, SOCKET_SENT, Draft, Event, Head, Meta, meta_of
from tests.kit.conditions import Conditions

T = TypeVar("T")


class HeldRecorder:
    """Keeps the promises of `Recorder`. While it is held, `append` does not return.

    What was handed over while it was held waits in `waiting` and is appended
    on `release`, whether or not the caller still waits.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.waiting: list[tuple[tuple[Draft, ...], anyio.Event]] = []
        self._held = False
        self._conditions = Conditions()

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False
        waiting, self.waiting = self.waiting, []
        for drafts, durable in waiting:
            self._write(drafts)
            durable.set()
        self._conditions.look()

    async def append(self, *drafts: Draft) -> Head:
        if self._held:
            durable = anyio.Event()
            self.waiting.append((drafts, durable))
            self._conditions.look()
            await durable.wait()
        else:
            self._write(drafts)
            self._conditions.look()
            await anyio.lowlevel.checkpoint()
        return Head(len(self.events), bytes(32), 0)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`, which is asked whenever something was handed over or appended."""
        await self._conditions.until(holds)

    async def until_count(self, kind: str, count: int) -> None:
        """Wait until `count` events of `kind` are durable."""
        await self.until(lambda: len(self.of(kind)) >= count)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]

    def metas(self, kind: str) -> list[Meta]:
        return [meta_of(event) for event in self.of(kind)]

    def received(self, number: int) -> bytes:
        """All that the connection `number` brought."""
        return self._joined(SOCKET_READ, number)

    def sent(self, number: int) -> bytes:
        """All that went out on the connection `number`."""
        return self._joined(SOCKET_SENT, number)

    def _joined(self, kind: str, number: int) -> bytes:
        return b"".join(e.body for e in self.of(kind) if meta_of(e)["c"] == number)

    def _write(self, drafts: tuple[Draft, ...]) -> None:
        for d in drafts:
            position = len(self.events) + 1
            self.events.append(Event(position, 0, d.source, d.kind, d.meta, d.body, bytes(32)))


class WatchedBoard(NoticeBoard):
    """A notice board that one can wait for."""

    def __init__(self) -> None:
        super().__init__(lambda _notice, _over: self._conditions.look())
        self._conditions = Conditions()

    async def until(self, holds: Callable[[tuple[str, ...]], bool]) -> tuple[Notice, ...]:
        """Wait until `holds` for the texts that stand; the notices then."""
        await self._conditions.until(lambda: holds(tuple(n.text for n in self.standing())))
        return self.standing()


def desk_on(
    recorder: HeldRecorder, network: Network | None = None, chance: float = 1.0
) -> tuple[Desk, WatchedBoard]:
    """A desk that writes to `recorder` at the moment 1, and the board of its notices.

    What blocks is done at once: a clock that jumps would run away meanwhile.
    """
    board = WatchedBoard()
    desk = Desk(
        recorder, board, now=lambda: 1, network=network, chance=lambda: chance, work=work_here
    )
    return desk, board


async def work_here(work: Callable[[], T], /) -> T:
    """See `ingest.desk.Work`."""
    await anyio.lowlevel.checkpoint()
    return work()
