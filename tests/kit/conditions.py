"""Waiting for a condition, which is looked at whenever something happened; no polling."""

from collections.abc import Callable

import anyio


class Conditions:
    """What tests wait for. Whoever changes something calls `look`."""

    def __init__(self) -> None:
        self._awaited: list[tuple[Callable[[], bool], anyio.Event]] = []

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`; it is asked now and at each `look`."""
        if not holds():
            waiting = (holds, anyio.Event())
            self._awaited.append(waiting)
            try:
                await waiting[1].wait()
            finally:  # also when the wait was cut short: nobody asks for it any more
                self._awaited = [each for each in self._awaited if each is not waiting]

    def look(self) -> None:
        """Something happened."""
        for holds, event in self._awaited:
            if holds():
                event.set()
        self._awaited = [(holds, event) for holds, event in self._awaited if not event.is_set()]
