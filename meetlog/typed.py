"""What people type for times: race times, moments, and how far to move a clock. Exact integers."""

import re

from meetlog.instants import NoSuchInstant
from meetlog.instants import moment_of as instant
from meetlog.refusals import Unsayable
from projections.clock import iso_local
from wire.errors import WireError
from wire.settings import parse_duration
from wire.stamps import DAY, MINUTE, NS

NOW = "now"
# Windows consoles and documents write these for a minus.
MINUSES = str.maketrans({"\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-"})
_RACE_TIME = re.compile(r"(?:(?:([0-9]{1,2}):)?([0-9]{1,3}):)?([0-9]{1,4})(?:[.,]([0-9]{1,2}))?")
INSTANT_FORMS = (
    "write a time of the meet's last day such as 14:05:31.25, a date and time such as "
    "2026-06-14T14:05:31.25, or `now`"
)


def race_time_cs(text: str) -> int:
    """Hundredths of `1:02.34`, `62.34`, `59.07` or `2:09:45`; raises `Unsayable` otherwise."""
    match = _RACE_TIME.fullmatch(text.strip())
    if match is None:
        raise Unsayable(f"{text!r} is no race time: write it as 59.07, 1:02.34 or 2:09:45.00.")
    hours, minutes, seconds, fraction = match.groups()
    too_much = (minutes is not None and int(seconds) > 59) or (
        hours is not None and int(minutes) > 59
    )
    if too_much:
        raise Unsayable(f"{text!r} is no race time: after a colon there are at most 59.")
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
    cs = whole * 100 + int((fraction or "0").ljust(2, "0"))
    if not cs:
        raise Unsayable("A race time of nothing is none: to say that there is none, clear it.")
    return cs


def moment(text: str, zone: str, newest: int, now: int) -> int:
    """The moment (ns UTC) that `text` says: `now`, or see `meetlog.instants.moment_of`.

    `newest` is a moment on the meet's last day. Raises `Unsayable` for what
    is none, and for one more than a day ahead of both `now` and `newest`.
    """
    shown = text.strip()
    if shown.casefold() == NOW:
        return now
    try:
        found = instant(shown, zone, newest)
    except NoSuchInstant as error:
        raise Unsayable(f"{text!r} is no instant: {INSTANT_FORMS}.") from error
    if found > max(now, newest) + DAY:
        told = iso_local(max(now, newest), zone, 0)
        raise Unsayable(f"{text!r} is still to come: it is {told} now. Check the date.")
    if found < 0:
        raise Unsayable(f"{text!r} is no instant: {INSTANT_FORMS}.")
    return found


def precision(text: str) -> int:
    """How many ns an instant's text leaves open: `14:05:31.2` is a tenth of a second."""
    fraction = re.search(r":[0-9]{2}[.,]([0-9]{1,9})", text)
    if fraction:
        return int("1" + "0" * (9 - len(fraction[1])))
    return NS if re.search(r":[0-9]{2}:[0-9]{2}", text) else MINUTE


def is_shift(text: str) -> bool:
    """Whether `text` says how far to move, by its sign, rather than a moment."""
    return text.translate(MINUSES)[:1] in ("+", "-")


def shift(text: str) -> int:
    """Nanoseconds of `+1.5s`, `-300ms` or `1.5s`; raises `Unsayable` for anything else."""
    plain = text.translate(MINUSES).strip().removeprefix("+")
    try:
        found = parse_duration(plain)
    except WireError as error:
        raise Unsayable(
            f"{text!r} says nothing to move by: {error.problem.reason}; write +1.5s or -300ms."
        ) from error
    if not found:
        raise Unsayable(f"{text!r} moves nothing.")
    if abs(found) > DAY:
        raise Unsayable(f"{text!r} is more than a day; write +1.5s or -300ms.")
    return found
