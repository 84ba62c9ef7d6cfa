"""How the log grows: its pace so far, and how long the disk lasts at that pace."""

import shutil
from pathlib import Path

import msgspec

from meetlog.instants import last_until
from store.log import Log
from wire.stamps import HOUR, MINUTE

# What a read that arrives by itself adds to the file, with its event, its index entries and its
# share of the read tables: 370 measured, rounded up. Each relay tells it on, and records that.
BYTES_PER_READ = 500
_LOOKED_BACK = 24  # hours: the meet's day; an earlier one may have been another sport
_LEAST = 5 * MINUTE  # what a younger log did says nothing about an hour


class Growth(msgspec.Struct, frozen=True):
    """How fast the log grows, and for how long the disk has room.

    `bytes_per_hour` in the busiest hour of the log's last day; `free` are the bytes that its disk
    has left now, and `hours_left` how long they last at that pace.
    """

    bytes_per_hour: int
    free: int
    hours_left: int


def forecast(bytes_per_hour: int, free: int) -> Growth:
    """How long `free` bytes last; at least a byte an hour is reckoned with."""
    return Growth(bytes_per_hour, free, free // max(1, bytes_per_hour))


def lasting(hours: int) -> str:
    """`30 h`, `12 days`, `more than a year`."""
    if hours < 2 * 24:
        return f"{hours} h"
    days = hours // 24
    return f"{days} days" if days < 365 else "more than a year"


def growth_of(log: Log, path: Path) -> Growth | None:
    """The growth of `log` in the file at `path`, and the room on its disk; None as for `pace`."""
    rate = pace(log, size_of(path))
    return None if rate is None else forecast(rate, shutil.disk_usage(path.parent).free)


def pace(log: Log, size: int) -> int | None:
    """Bytes per hour in the busiest hour of the last day of `log`, whose file has `size` bytes.

    None while it is younger than some minutes. The file's bytes are spread evenly over its events;
    a few reads of the log are enough, however long it is.
    """
    head = log.head()
    if not head.position:
        return None
    first = log.read(0, 1)[0].recorded_at
    began = max(first, head.recorded_at - _LOOKED_BACK * HOUR)
    if head.recorded_at - began < _LEAST:
        return None
    busiest, upper, until = 0, head.position, head.recorded_at
    while until > began:
        since = until - HOUR
        lower = last_until(log, since, head) if since > first else 0
        events = upper - lower
        if since < began and until == head.recorded_at:
            # Younger than an hour: as if it went on like that.
            events = events * HOUR // (until - began)
        busiest = max(busiest, events)
        upper, until = lower, since
    return busiest * size // head.position


def size_of(path: Path) -> int:
    """The bytes of the log at `path` with its write-ahead file, which may be gone at any moment."""
    total = 0
    for each in (path, path.with_name(path.name + "-wal")):
        try:
            total += each.stat().st_size
        except FileNotFoundError:
            continue
    return total
