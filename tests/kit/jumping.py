"""A clock that jumps: an event loop on which waiting for time takes none.

When nothing can run, the loop's time moves to the next timer at once. Only
for tests whose bytes come from memory: a socket or a thread would be left
behind by the jump.
"""

import asyncio
import selectors
from collections.abc import Callable

from wire.stamps import NS


class _Selector(selectors.DefaultSelector):
    jump: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self.jump(timeout)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """`anyio_backend` is `("asyncio", {"loop_factory": JumpingLoop})`."""

    def __init__(self) -> None:
        selector = _Selector()
        selector.jump = self._jump
        self._moment = 0.0
        super().__init__(selector)

    def time(self) -> float:
        return self._moment

    def _jump(self, seconds: float) -> None:
        self._moment += seconds


def loop_clock() -> int:
    """The running loop's time in ns."""
    return round(asyncio.get_running_loop().time() * NS)
