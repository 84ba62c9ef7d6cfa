"""A rehearsal's clock that passes only by waiting."""

from fractions import Fraction

import anyio.lowlevel

from meetlog.simulate.timing import Timing
from wire.stamps import NS

BASE = 1_776_849_342_120_000_000


class FakeTime:
    """Time that passes only by waiting, and then at once."""

    def __init__(self) -> None:
        self.ns = 0

    def monotonic(self) -> int:
        return self.ns

    def now(self) -> int:
        return BASE + self.ns

    async def sleep(self, seconds: float) -> None:
        self.ns += round(seconds * NS)
        await anyio.lowlevel.checkpoint()


def timing(speed: Fraction | None = None, base: int | None = BASE) -> Timing:
    fake = FakeTime()
    return Timing(
        speed, base=base, now=fake.now, monotonic=fake.monotonic, sleep=fake.sleep, zone=None
    )
