"""The life of a process, which may end at any step and leaves only what is durable."""

from collections.abc import Callable

import anyio


class Crash(BaseException):
    """The process ends here."""


class Dead(OSError):  # noqa: N818 - what a process finds that has ended already
    """The process is gone; whatever its code still tries has no effect."""


class Life:
    """One run of the hub. `doom` counts the places where it may end; at 0 it does.

    A process that has ended is unwound like any other, since Python can do no
    less, but whatever it touches is out of its reach by then.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.doom: int | None = None
        self.power = False
        self.died_at = ""
        self.scope = anyio.CancelScope()
        self._at_death: list[Callable[[], object]] = []

    def point(self, where: str) -> None:
        """A place where it may end. Raises `Crash` there, and wherever it has ended already."""
        if self.alive and self.doom is not None:
            self.doom -= 1
            if self.doom <= 0:
                self.end(where)
        if not self.alive:
            raise Crash(where)

    def end(self, where: str) -> None:
        """It ends now."""
        if self.alive:
            self.alive = False
            self.died_at = where
            for tell in self._at_death:
                tell()
            self.scope.cancel()

    def at_death(self, tell: Callable[[], object]) -> None:
        """Call `tell` when it ends in a crash."""
        self._at_death.append(tell)
