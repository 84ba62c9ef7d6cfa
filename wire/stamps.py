"""Stamps: the texts that devices write for a moment, as exact integer nanoseconds.

No float and no `datetime` comes near: TsConnector sends 100 ns ticks that
`datetime` would truncate (PROTOCOLS 2), and CTP01 hours may pass 24 (1.4).
What a stamp means in UTC depends on the source's zone and is decided
elsewhere; here a stamp is only the wall clock that it shows.
"""

from datetime import date
from functools import lru_cache

import msgspec

from wire.errors import WireError

NS = 1_000_000_000
MINUTE = 60 * NS
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_HYPHENS = "-\u2011\u2212"  # Time Drops' own document prints the second (PROTOCOLS 3.1)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# Seconds since the epoch are ten digits from 2001 to 2286; milliseconds of a
# day stay below nine even after 277 hours, so the two cannot be confused.
_UNIX_DIGITS = 10
# Nanoseconds of one unit of a fraction with so many digits.
_SCALE = tuple(int("1" + "0" * (9 - digits)) for digits in range(10))


class Stamp(msgspec.Struct, frozen=True):
    """A moment as the device wrote it.

    `wall` is integer nanoseconds: since 1970-01-01T00:00 of the wall clock
    shown when `dated`, else since that clock's midnight (it may pass 24 h).
    `offset` is the seconds east of UTC that the text itself claims, 0 for
    `Z`, None when it claims nothing. Whether to believe it is not decided here.
    """

    wall: int
    dated: bool = True
    offset: int | None = None


@lru_cache(maxsize=8192)
def _minute(text: str) -> int:
    """Nanoseconds of `YYYY-MM-DDTHH:MM` since 1970; -1 when it is no such thing."""
    if (
        len(text) != 16
        or text[4] != "-"
        or text[7] != "-"
        or text[10] not in "T "
        or text[13] != ":"
        or not (text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:]).isascii()
        or not (text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:]).isdigit()
    ):
        return -1
    hour, minute = int(text[11:13]), int(text[14:])
    if hour > 23 or minute > 59:
        return -1
    try:
        day = date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return -1
    if day.year < 1970:
        return -1
    return (day.toordinal() - _EPOCH_ORDINAL) * DAY + hour * HOUR + minute * MINUTE


def parse_iso(text: str) -> Stamp:
    """`2026-04-22T10:15:42.1234567Z` in all its forms: seconds and zone optional, 0 to 9 digits.

    A time past 24:00 or a second of 60 is refused, not guessed at.
    """
    body, offset = _split_offset(text.strip())
    base = _minute(body[:16])
    rest = body[16:]
    if base < 0:
        raise WireError("not a date and time", text, "expected YYYY-MM-DDTHH:MM:SS.fff")
    if not rest:
        return Stamp(base, offset=offset)
    if rest[0] != ":":
        raise WireError("not a date and time", text, "expected YYYY-MM-DDTHH:MM:SS.fff")
    return Stamp(base + _seconds(rest[1:], text), offset=offset)


def parse_clock(text: str) -> Stamp:
    """`HH:MM:SS.hh`, a time of day without a date; the hours may exceed 24 (PROTOCOLS 1.4)."""
    parts = text.strip().split(":")
    if len(parts) != 3 or not _digits(parts[0]) or len(parts[0]) > 4 or not _digits(parts[1]):
        raise WireError("not a time of day", text, "expected HH:MM:SS.hh")
    if len(parts[1]) != 2 or parts[1] > "59":
        raise WireError("minutes out of range", text, "expected HH:MM:SS.hh")
    wall = int(parts[0]) * HOUR + int(parts[1]) * MINUTE + _seconds(parts[2], text)
    return Stamp(wall, dated=False)


def parse_unix(text: str) -> Stamp:
    """Seconds since the epoch with a decimal fraction; a local clock's, unless told otherwise.

    CTP01's own sample is the local time encoded as if UTC (PROTOCOLS 1.5, 2).
    """
    whole, point, fraction = text.strip().partition(".")
    if not _digits(whole) or len(whole) > 11 or (point and not fraction):
        raise WireError("not seconds since 1970", text, "expected 1620458716.43")
    return Stamp(int(whole) * NS + _fraction(fraction, text))


def parse_msecs(text: str) -> Stamp:
    """Milliseconds since midnight, without a date (PROTOCOLS 1.5, 3)."""
    shown = text.strip()  # of more than `int` takes for blanks
    if not _digits(shown) or len(shown) > 10:
        raise WireError("not milliseconds since midnight", text, "expected 43455310")
    return Stamp(int(shown) * 1_000_000, dated=False)


def parse_any(text: str) -> Stamp:
    """A stamp in any of the four CTP01 formats, told apart by its shape."""
    shape = text.strip()
    if not any(map(str.isdecimal, shape)):
        raise WireError("not a time", text, "expected YYYY-MM-DDTHH:MM:SS.fff or HH:MM:SS.hh")
    if ":" in shape:
        dated = any(hyphen in shape[:8] for hyphen in _HYPHENS)
        return parse_iso(shape) if dated else parse_clock(shape)
    if "." in shape or len(shape) >= _UNIX_DIGITS:
        return parse_unix(shape)
    return parse_msecs(shape)


def format_iso(wall: int, digits: int = 7, suffix: str = "") -> str:
    """The ISO text of `wall` with exactly `digits` (0 to 9) of fraction; further digits are cut."""
    seconds, fraction = divmod(wall, NS)
    return _second(seconds) + (f".{fraction:09d}"[: digits + 1] if digits else "") + suffix


@lru_cache(maxsize=4096)
def _second(since_epoch: int) -> str:
    """`2026-04-22T10:15:42`; remembered, for many reads share a second."""
    days, seconds = divmod(since_epoch, DAY // NS)
    return (
        f"{date.fromordinal(days + _EPOCH_ORDINAL).isoformat()}T"
        f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    )


def format_clock(since_midnight: int, digits: int = 2) -> str:
    """`HH:MM:SS.hh` of nanoseconds since midnight; hours run past 24 where they must."""
    seconds, fraction = divmod(since_midnight, NS)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return text + (f".{fraction:09d}"[: digits + 1] if digits else "")


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _fraction(text: str, whole: str) -> int:
    if not text:
        return 0
    if not _digits(text) or len(text) > 9:
        raise WireError("bad fraction of a second", whole, "one to nine digits are read")
    return int(text) * _SCALE[len(text)]


def _seconds(text: str, whole: str) -> int:
    seconds, point, fraction = text.replace(",", ".").partition(".")
    if point and not fraction:
        raise WireError("bad fraction of a second", whole, "one to nine digits are read")
    if not _digits(seconds) or len(seconds) != 2 or seconds > "59":
        raise WireError("seconds out of range", whole, "expected 00 to 59")
    return int(seconds) * NS + _fraction(fraction, whole)


def _split_offset(text: str) -> tuple[str, int | None]:
    """Take `Z`, `+HH:MM`, `+HHMM` or `+HH` off the end of an ISO stamp.

    U+2011 and U+2212 are read as `-`.
    """
    for hyphen in _HYPHENS:
        text = text.replace(hyphen, "-")
    if text[-1:] in ("Z", "z"):
        return text[:-1], 0
    for at in range(len(text) - 3, max(len(text) - 7, 15), -1):
        if text[at] in "+-":
            digits = text[at + 1 :].replace(":", "")
            if not _digits(digits) or len(digits) not in (2, 4):
                raise WireError("bad offset from UTC", text, "expected Z or +HH:MM")
            seconds = int(digits[:2]) * 3600 + int(digits[2:] or "0") * 60
            if seconds > 18 * 3600 or int(digits[2:] or "0") > 59:
                raise WireError("bad offset from UTC", text, "expected Z or +HH:MM")
            return text[:at], seconds if text[at] == "+" else -seconds
    return text, None
