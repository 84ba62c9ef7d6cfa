"""A script that is played step by step, when a test says so."""

from collections.abc import Callable, Iterable

import anyio.lowlevel

from meetlog.simulate.script import Act
from meetlog.simulate.timing import Timing
from tests.kit.conditions import Conditions
from wire.stamps import NS

STEP = NS  # further apart than reads that one message may hold


class Stepped(Timing):
    """A clock that stands still: the acts of a step are due once it is `released`.

    Several players may share it. A player whose connection is lost connects
    again when `is_up`.
    """

    def __init__(self, base: int, conditions: Conditions, is_up: Callable[[], bool]) -> None:
        super().__init__(base=base)
        self.released = -1
        self._conditions = conditions
        self._is_up = is_up

    def release(self, step: int) -> None:
        """Let this step and all before it be played."""
        self.released = step
        self._conditions.look()

    async def begin(self, length: int) -> None:  # noqa: ARG002 - every length is as good
        """Begin at once."""
        await anyio.lowlevel.checkpoint()

    async def until(self, at: int) -> None:
        """Wait for the release of the act's step."""
        await self._conditions.until(lambda: at <= self.released * STEP)
        await anyio.lowlevel.checkpoint()

    async def pause(self, ns: int) -> None:  # noqa: ARG002 - waiting for an event instead
        """Wait until there is somebody to connect to."""
        await anyio.lowlevel.checkpoint()
        await self._conditions.until(self._is_up)


def in_step(step: int, acts: Iterable[Act]) -> list[Act]:
    """The acts, due in this step."""
    return [Act(step * STEP, act.what, act.copy) for act in acts]
