"""How a CTP01 timing side writes a line: in the formats that its peer has set (PROTOCOLS 1.2)."""

import re

import msgspec

from wire.ctp01_messages import DataLine, encode
from wire.errors import WireError
from wire.stamps import DAY, Stamp, format_clock, format_iso, parse_any

FALLBACK = "CT01_33"  # what every server reads
# Just what `iso` is; nearly every line comes so.
_WRITTEN = re.compile(r"(?a)[12]\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d")


def render_line(line: DataLine, tagevent_format: str, time_format: str) -> bytes:
    """The line's bytes in the settings' formats; in CT01_33 where its format cannot hold it.

    Raises `WireError` for a line that CT01_33 cannot hold either.
    """
    time = render_time(line.time, time_format)
    if time == line.time and line.format == tagevent_format == FALLBACK:
        return encode(line)
    for form in (tagevent_format, FALLBACK):
        try:
            return encode(msgspec.structs.replace(line, format=form, time=time))
        except WireError:
            # A format for files, or one whose separator the location holds.
            continue
    return encode(msgspec.structs.replace(line, format=FALLBACK))


def render_time(text: str, form: str) -> str:
    """A time in the format that was asked for: `iso`, `normal`, `unix` or `msecs`; in hundredths.

    A time without a date cannot be written as `iso` or `unix`; it stays
    `normal`, hours past 24 included. What is no time is returned as it is.
    """
    if form == "iso" and _WRITTEN.fullmatch(text):
        return text
    try:
        stamp = parse_any(text)
    except WireError:
        return text
    if form == "msecs":
        return str(_of_day(stamp) // 1_000_000)
    if form == "normal" or not stamp.dated:
        return format_clock(_of_day(stamp))
    if form == "unix":
        # The local clock as if it were UTC, as the sample of revision 8 (PROTOCOLS 1.5, 2).
        return f"{stamp.wall // 10**9}.{stamp.wall // 10**7 % 100:02d}"
    return format_iso(stamp.wall, 2)


def _of_day(stamp: Stamp) -> int:
    return stamp.wall % DAY if stamp.dated else stamp.wall
