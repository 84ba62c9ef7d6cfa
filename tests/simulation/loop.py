"""An event loop whose time jumps, and on which the order of what is ready comes from a seed.

Nothing waits: when nothing can run, time moves on to the next timer. What is
ready at the same time runs in an order drawn from the seed, as threads and
other machines would have it; callbacks that are no tasks keep theirs, which
asyncio promises.
"""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

from wire.stamps import NS


class StandsStillError(AssertionError):
    """Nothing is ready and nothing is timed: everybody waits for somebody else."""


class Step(asyncio.Task[Any]):
    """A task with a number. Sets of tasks have an order by it that is the same in each run."""

    def __init__(self, number: int, coro: Any, loop: asyncio.AbstractEventLoop, **more: Any):
        self.number = number  # first: the task is put into a set while it is being made
        super().__init__(coro, loop=loop, **more)

    def __hash__(self) -> int:
        return self.number


class _Ready(deque[asyncio.Handle]):
    """The loop's queue of what can run: taken from it in an order of the seed's."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self.before: Callable[[], None] = lambda: None  # called before each step

    def popleft(self) -> asyncio.Handle:
        """The next to run: the first callback, or any of the tasks."""
        self.before()
        if len(self) == 1:
            return super().popleft()
        choice: list[tuple[int, int]] = []
        for at, handle in enumerate(self):
            task = getattr(getattr(handle, "_callback", None), "__self__", None)
            if isinstance(task, Step):
                choice.append((task.number, at))
            elif not choice or choice[0][0] >= 0:
                choice.insert(0, (-1, at))  # of those only the first
        choice.sort()
        at = choice[self._chance.randrange(len(choice))][1] if len(choice) > 1 else choice[0][1]
        handle = self[at]
        del self[at]
        return handle


class _Selector(selectors.BaseSelector):
    """There is nothing to select from: a call makes time jump."""

    jump: Callable[[float | None], None]

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.jump(timeout)
        return []

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return {}

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        raise KeyError(fileobj)


class SeededLoop(asyncio.SelectorEventLoop):
    """See the module. `steps` counts what has run; `before` is called before each step."""

    def __init__(self, seed: int) -> None:
        selector = _Selector()
        selector.jump = self._jump
        self._moment = 0.0
        self._numbers = 0
        super().__init__(selector)
        self.ready = _Ready(random.Random(seed))
        # The loop appends to and takes from its queue only, whatever kind of queue it is.
        self._ready = self.ready
        self.set_task_factory(self._number)

    def time(self) -> float:
        """Seconds since the world began."""
        return self._moment

    def now(self) -> int:
        """The same in ns."""
        return round(self._moment * NS)

    def pass_time(self, seconds: float) -> None:
        """Let time pass while something runs: the machine is slow."""
        self._moment += seconds

    def _jump(self, timeout: float | None) -> None:
        if timeout is None:
            raise StandsStillError("nothing is ready, and nothing will be")
        if timeout > 0:
            self._moment += timeout

    def _write_to_self(self) -> None:
        """There is one thread, so nobody has to be woken."""

    def _number(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        context: Context | None = None,
    ) -> asyncio.Future[Any]:
        self._numbers += 1
        return Step(self._numbers, coro, loop, context=context)


def the_loop() -> SeededLoop:
    """The running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SeededLoop)
    return loop
