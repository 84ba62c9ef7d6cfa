"""Instants: a text that a person typed for a place in the log, as the position that it names."""

from projections.clock import iso_local, offset_at, offsets
from store.event import Head
from store.log import Log
from wire.errors import WireError
from wire.stamps import DAY, MINUTE, NS, parse_clock, parse_iso

FORMS = (
    "write an event's position (1200), a time of the meet's last day (14:05 or 14:05:30), "
    "or a date and time (2026-06-14T14:05:30, if need be with an offset such as +02:00)"
)
_MOST_DIGITS = 18  # of a position: what SQLite can count


class NoSuchInstant(Exception):  # noqa: N818 - named for what it is, as the words of the message are
    """A text names no place in the log. The message says why, and what can be written."""


def position_at(log: Log, text: str, zone: str) -> int:
    """The position that `text` names, from 1 to the log's head.

    A whole number is a position. Anything else is an instant, and means the
    last event recorded at or before it: ISO text with an offset, or without
    one in `zone` (an IANA name), or `HH:MM[:SS]` of the day in `zone` on
    which the newest event was recorded. In the hour that repeats in autumn
    the first is meant; an offset tells the second. Raises `NoSuchInstant`.
    """
    head = log.head()
    shown = text.strip()
    if not head.position:
        raise NoSuchInstant(f"{shown!r} names no event: nothing is recorded yet.")
    if shown.isascii() and shown.isdigit():
        position = int(shown) if len(shown) <= _MOST_DIGITS else 0
        if not 1 <= position <= head.position:
            raise NoSuchInstant(
                f"There is no event {shown}: the log has the events 1 to {head.position}."
            )
        return position
    moment = moment_of(shown, zone, head.recorded_at)
    found = last_until(log, moment, head)
    if not found:
        began = iso_local(log.read(0, 1)[0].recorded_at, zone, 3)
        raise NoSuchInstant(f"{shown!r} is before the first event, which was recorded at {began}.")
    return found


def first_from(log: Log, text: str, zone: str) -> int:
    """The event that a span begins with: a position, or the first recorded at or after an instant.

    See `position_at` for the rest.
    """
    shown = text.strip()
    if shown.isascii() and shown.isdigit():
        return position_at(log, text, zone)
    head = log.head()
    moment = moment_of(shown, zone, head.recorded_at)
    found = last_until(log, moment - 1, head) + 1
    if found > head.position:
        raise NoSuchInstant(f"{shown!r} is after the newest event, {head.position}.")
    return found


def moment_of(text: str, zone: str, newest: int) -> int:
    """The moment (ns UTC) of an instant's text; `newest` (ns UTC) is on the meet's last day.

    Raises `NoSuchInstant` for what is no instant.
    """
    try:
        if "-" in text[:8]:
            stamp = parse_iso(text)
        else:
            stamp = parse_clock(f"{text}:00" if text.count(":") == 1 else text)
    except WireError as error:
        raise NoSuchInstant(f"{text!r} names no event: {error.problem.reason}; {FORMS}.") from error
    wall, offset = stamp.wall, stamp.offset
    if not stamp.dated:
        if wall >= DAY:
            raise NoSuchInstant(f"{text!r} names no event: a day has 24 hours.")
        wall += (newest + offset_at(zone, newest)) // DAY * DAY
    if offset is not None:
        return wall - offset * NS
    return wall - offsets(zone, wall // MINUTE)[0]


def last_until(log: Log, moment: int, head: Head) -> int:
    """The position of the last event recorded at or before `moment` (ns UTC); 0 if none was.

    `recorded_at` never decreases, so it takes a few reads, however long the log is.
    """
    if head.recorded_at <= moment:
        return head.position
    low, high = 0, head.position  # event `low` is not after the moment, event `high` is
    while high - low > 1:
        middle = (low + high) // 2
        if log.read(middle - 1, 1)[0].recorded_at <= moment:
            low = middle
        else:
            high = middle
    return low
