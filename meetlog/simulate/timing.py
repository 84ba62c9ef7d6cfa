"""The time of a rehearsal: when an act is due, and what date its reads bear.

Several players may share one `Timing`, so that a gun sent by one and a finish
sent by another belong together.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, tzinfo
from fractions import Fraction

import anyio
import anyio.lowlevel

from meetlog.simulate.script import Detection
from wire.reads import RawRead, ReadKind
from wire.stamps import NS, format_iso

_GRAIN = NS // 100  # guns fall on whole hundredths, which every protocol can carry


class Timing:
    """The clock of a rehearsal.

    `speed` is how many times faster than life, None as fast as possible. Life
    begins when `parties` players are ready. `base` is the moment (ns UTC) of
    the script's beginning; left out, it is chosen so that the last read is
    stamped with the moment at which it is sent, and none lies in the future.
    Stamps are those of a clock in `zone`, the machine's own when None.
    """

    def __init__(
        self,
        speed: Fraction | None = Fraction(1),
        *,
        parties: int = 1,
        base: int | None = None,
        zone: tzinfo | None = None,
        now: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        if speed is not None and speed <= 0:
            raise ValueError("the speed must be above 0")
        self.speed = speed
        self.zone = zone
        self._parties = parties
        self._base = base
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._began = 0
        self._length = 0
        self._ready = 0
        self._begun = anyio.Event()

    @property
    def base(self) -> int:
        """The moment of the script's beginning, ns UTC, once it has begun."""
        if self._base is None:
            raise ValueError("the rehearsal has not begun")
        return self._base

    def now(self) -> int:
        """The present moment, ns UTC."""
        return self._now()

    async def begin(self, length: int) -> None:
        """Say that a player is ready with a script of so many ns; return when all are."""
        self._ready += 1
        self._length = max(self._length, length)
        if self._ready == self._parties:
            self._began = self._monotonic()
            if self._base is None:
                self._base = self._now() - self._length + self._scaled(self._length)
            self._base -= self._base % _GRAIN
            self._begun.set()
        await self._begun.wait()

    async def begun(self) -> None:
        """Wait until life begins."""
        await self._begun.wait()

    async def until(self, at: int) -> None:
        """Wait until `at` ns of the script are over."""
        left = self._began + self._scaled(at) - self._monotonic()
        if self.speed is None or left <= 0:
            await anyio.lowlevel.checkpoint()
        else:
            await self.pause(left)

    async def pause(self, ns: int) -> None:
        """Wait so long in real time."""
        await self._sleep(ns / NS)

    def read(self, what: Detection | RawRead) -> RawRead:
        """The read that a mat sends; one from a file keeps its own stamps."""
        if isinstance(what, RawRead):
            return what
        utc = self.base + what.moment
        return RawRead(
            chip=what.chip,
            # TsConnector ends local stamps by Z too (PROTOCOLS 2).
            moment=format_iso(self.wall(utc), 7, "Z"),
            timing_point=what.point,
            type=int(what.kind),
            antenna=what.antenna,
            source=what.reader,
            utc_moment=format_iso(utc, 7, "Z"),
            rssi=what.rssi,
            epc="" if what.kind is ReadKind.GUN else f"E28011600000{what.chip:0>12}",
            lap=what.lap,
        )

    def wall(self, utc: int) -> int:
        """What a clock in the zone shows at this moment, as ns since 1970 of its own."""
        return utc + offset_at(utc, self.zone) * NS

    def _scaled(self, ns: int) -> int:
        if self.speed is None:
            return 0
        return ns * self.speed.denominator // self.speed.numerator


def iso_at(utc: int, zone: tzinfo | None) -> str:
    """The moment as a clock in the zone shows it, in milliseconds and with its offset."""
    offset = offset_at(utc, zone)
    minutes = abs(offset) // 60
    suffix = f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    return format_iso(utc + offset * NS, 3, suffix)


def offset_at(utc: int, zone: tzinfo | None) -> int:
    """Seconds that `zone` (None: the machine's) is ahead of UTC at this moment."""
    # Whole seconds only: no zone has changed within one.
    moment = datetime.fromtimestamp(utc // NS, zone) if zone else _here(utc // NS)
    offset = moment.utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _here(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds).astimezone()
