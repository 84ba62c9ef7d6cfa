"""How fast a log grows, from a few reads of it, and how long the disk lasts."""

from collections.abc import Sequence
from contextlib import closing
from itertools import count

import pytest

from meetlog.growth import Growth, forecast, lasting, pace
from meetlog.reports import StatusReport
from store.event import APP_STARTED, Draft, Event, pack_meta
from store.memory import MemoryLog
from store.sqlite import SqliteLog
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import MORNING, RecordedMeet
from wire.stamps import HOUR, MINUTE, NS


def log_of(*moments: int) -> MemoryLog:
    """A log whose events were recorded at these moments (ns)."""
    ticks = iter(moments)
    log = MemoryLog(clock=lambda: next(ticks))
    for _ in moments:
        log.append([Draft("mat", "socket.read")])
    return log


def every(step: int, since: int, until: int) -> list[int]:
    return list(range(since, until, step))


def test_a_young_log_says_nothing() -> None:
    assert pace(MemoryLog(), 4096) is None
    assert pace(log_of(*every(NS, 0, 4 * MINUTE)), 4096) is None


def test_a_log_younger_than_an_hour_goes_on_like_that() -> None:
    log = log_of(*every(NS, 0, 10 * MINUTE + NS))
    assert pace(log, 601_000) == 601 * 6 * 1000


def test_the_busiest_hour_counts() -> None:
    quiet = every(MINUTE, 0, 3 * HOUR)
    busy = every(NS, 3 * HOUR, 4 * HOUR)
    after = every(MINUTE, 4 * HOUR, 6 * HOUR)
    moments = [*quiet, *busy, *after]
    # Hours are counted back from the newest event, a minute before the full hour.
    found = pace(log_of(*moments), len(moments) * 100)
    assert found is not None
    assert 3540 * 100 <= found <= 3601 * 100


def test_another_day_does_not_count() -> None:
    yesterday = every(NS, 0, HOUR)
    today = every(MINUTE, 30 * HOUR, 32 * HOUR)
    moments = [*yesterday, *today]
    assert pace(log_of(*moments), len(moments) * 100) == 60 * 100


def test_few_reads_of_a_long_log_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(*every(10 * NS, 0, 30 * HOUR))
    reads = count()
    read = log.read

    def counted(after: int = 0, limit: int = 1000, *, kinds: Sequence[str] = ()) -> list[Event]:
        next(reads)
        return read(after, limit, kinds=kinds)

    monkeypatch.setattr(log, "read", counted)
    assert pace(log, 10_800 * 100) == 360 * 100
    assert next(reads) < 24 * 16


def test_a_forecast_in_words() -> None:
    assert forecast(1000, 10_500) == Growth(1000, 10_500, 10)
    assert forecast(0, 10).hours_left == 10
    assert [lasting(h) for h in (5, 47, 48, 24 * 364, 24 * 365)] == [
        "5 h", "47 h", "2 days", "364 days", "more than a year",
    ]  # fmt: skip


def test_status_tells_how_the_log_grows(ended: RecordedMeet) -> None:
    later = MORNING - 2 * HOUR + 10 * MINUTE
    with closing(SqliteLog(ended.path, clock=lambda: later)) as log:
        log.append([Draft("meetlog", APP_STARTED, pack_meta(version="0"))])
    (report,) = ask(StatusReport, "status", "-m", ended.folder).items
    assert report.growth is not None
    assert report.growth.bytes_per_hour > report.bytes  # ten minutes made that many
    assert report.growth.hours_left == report.growth.free // report.growth.bytes_per_hour
    told = call("status", "-m", ended.folder).stdout
    assert " in its busiest hour; " in told
    (past,) = ask(StatusReport, "status", "-m", ended.folder, "--at", "3").items
    assert past.growth is None
