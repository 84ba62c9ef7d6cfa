"""From what a device wrote to UTC: zones, missing dates, and the hour that repeats in autumn.

A source's stamps are `local` or `utc` because its settings say so; a `Z` at
the end of a stamp is not believed (PROTOCOLS 2: TsV1's sample shows `Z`
though local time is its default). An explicit offset such as `+02:00` is.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from wire.errors import WireError
from wire.stamps import DAY, HOUR, MINUTE, NS, Stamp, format_iso, parse_any, parse_iso

# Real reads arrive up to seconds out of order (PROTOCOLS 1.4); clocks within a
# meet differ by seconds. Half an hour of going back is the repeated hour.
_BACKWARDS = 30 * MINUTE
# A stamp without a date belongs to the last such time of day before it
# arrived; a device clock up to this far ahead of ours is still today.
_AHEAD = 2 * HOUR
_EARLIEST = (datetime(2000, 1, 1) - datetime(1970, 1, 1)).days * DAY  # noqa: DTZ001 - whole days of a calendar, no clock
_LATEST = (datetime(2100, 1, 1) - datetime(1970, 1, 1)).days * DAY  # noqa: DTZ001 - the same


class SourceClock(msgspec.Struct, frozen=True):
    """How a source's stamps are to be read: `mode` is `local` or `utc`, `zone` an IANA name."""

    mode: str = "local"
    zone: str = "UTC"

    def second(self, text: str) -> int:
        """UTC of `YYYY-MM-DDTHH:MM:SS.`; 0 where such a text does not tell it all.

        That is where it is none, in the repeated hour, and at a time that is absurd.
        """
        found: int = _second(self.mode, self.zone, text)
        return found

    def to_utc(self, text: str, arrival: int, previous: int = 0) -> int:
        """Nanoseconds UTC of a stamp that arrived at `arrival` (ns UTC).

        `previous` is the moment of the read before it from the same stream and
        point, 0 if none; it decides in the repeated hour. Raises `WireError`
        for a stamp that is no time, or one outside the years 2000 to 2099: a
        clock that was never set (PROTOCOLS 1.4: controllers show 1980).
        """
        return self.usual(text) or self._closely(text, arrival, previous)

    def usual(self, text: str) -> int:
        """The same of a stamp in the usual form; 0 for one that needs a closer look."""
        fraction = text[20:]
        if fraction[-1:] == "Z":
            fraction = fraction[:-1]
        if not (fraction.isdigit() and fraction.isascii() and len(fraction) < len(_SCALES)):
            return 0
        base: int = _second(self.mode, self.zone, text[:20])
        return base and base + int(fraction) * _SCALES[len(fraction)]

    def _closely(self, text: str, arrival: int, previous: int) -> int:
        stamp = parse_any(text)
        if stamp.offset is not None and text.rstrip()[-1:] not in "Zz":
            return _sane(stamp.wall - stamp.offset * NS, text)
        wall = stamp.wall if stamp.dated else self._dated(stamp, arrival)
        utc = wall
        if self.mode != "utc":
            first, second = offsets(self.zone, wall // MINUTE)
            utc = wall - first
            if first != second:
                utc = _repeated(utc, wall - second, arrival, previous)
        return _sane(utc, text) if stamp.dated else utc

    def _dated(self, stamp: Stamp, arrival: int) -> int:
        """The wall clock on the latest day on which it is not after `arrival` plus a tolerance."""
        wall_now = arrival + offset_at("UTC" if self.mode == "utc" else self.zone, arrival)
        midnight = wall_now // DAY * DAY
        days = (wall_now + _AHEAD - midnight - stamp.wall) // DAY
        return midnight + days * DAY + stamp.wall


_SCALES = tuple(10 ** (9 - digits) for digits in range(10))  # ns of the last of so many digits


UTC = SourceClock("utc")


@lru_cache(maxsize=100_000)  # a day and more of them
def _second(mode: str, zone: str, text: str) -> int:
    """The reads of a meet share few seconds, so nearly all of a stamp is understood only once."""
    try:
        wall = parse_iso(text[:-1]).wall
        first, second = (0, 0) if mode == "utc" else offsets(zone, wall // MINUTE)
        usual = text[16:17] == ":" and text[19:] == "." and first == second
        return _sane(wall - first, text) if usual else 0
    except WireError:
        return 0


def _repeated(first: int, second: int, arrival: int, previous: int) -> int:
    """Which of two moments a stamp in the repeated hour means: by order, then by arrival."""
    if second > arrival + _AHEAD // 4:
        return first
    if previous:
        return first if first >= previous - _BACKWARDS else second
    return first if abs(arrival - first) <= abs(arrival - second) else second


def _sane(utc: int, text: str) -> int:
    if _EARLIEST <= utc < _LATEST:
        return utc
    raise WireError(
        "the time is absurd", text, "the device's clock is not set; set it and resend the reads"
    )


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=65536)
def offsets(zone: str, wall_minute: int) -> tuple[int, int]:
    """The two offsets (ns east of UTC) that a wall-clock minute may have; equal but in autumn."""
    wall = datetime(1970, 1, 1) + timedelta(minutes=wall_minute)  # noqa: DTZ001 - a wall clock has no zone yet
    tz = _zone(zone)
    first, second = (_ns(wall.replace(tzinfo=tz, fold=fold).utcoffset()) for fold in (0, 1))
    # In the hour that spring skips, the offset before the change is used for both.
    return (first, second) if first > second else (first, first)


@lru_cache(maxsize=65536)
def _offset_at_minute(zone: str, utc_minute: int) -> int:
    utc = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=utc_minute)
    return _ns(utc.astimezone(_zone(zone)).utcoffset())


def offset_at(zone: str, utc: int) -> int:
    """The zone's offset (ns east of UTC) at a moment."""
    return _offset_at_minute(zone, utc // MINUTE)


def _ns(delta: timedelta | None) -> int:
    return 0 if delta is None else (delta.days * 86400 + delta.seconds) * NS


def iso_local(utc: int | None, zone: str, digits: int = 9) -> str:
    """ISO text of a moment in `zone` with its offset, without trailing zeros; "" for None."""
    if utc is None:
        return ""
    offset = offset_at(zone, utc)
    text = format_iso(utc + offset, digits)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    minutes = abs(offset) // MINUTE
    sign = "-" if offset < 0 else "+"
    return f"{text}{sign}{minutes // 60:02d}:{minutes % 60:02d}"
