"""Positions and instants: which event a typed text names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlog.instants import NoSuchInstant, moment_of, position_at
from projections.clock import iso_local
from store.event import Draft
from store.memory import MemoryLog
from wire.stamps import HOUR, NS, parse_iso

ZONE = "Europe/Berlin"
NINE = parse_iso("2026-06-14T09:00:00").wall - 2 * HOUR  # ns UTC


def log_of(moments: list[int]) -> MemoryLog:
    """A log whose events were recorded at these moments."""
    times = iter(moments)
    log = MemoryLog(clock=lambda: next(times))
    for number in range(len(moments)):
        log.append([Draft("finish-mat", "socket.read", body=b"%d" % number)])
    return log


@given(
    gaps=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    asked=st.integers(-5, 130),
)
def test_an_instant_is_the_last_event_at_or_before_it(gaps: list[int], asked: int) -> None:
    moments = [NINE + sum(gaps[: n + 1]) * NS for n in range(len(gaps))]
    log = log_of(moments)
    expected = sum(m <= NINE + asked * NS for m in moments)
    text = iso_local(NINE + asked * NS, ZONE)
    if expected:
        assert position_at(log, text, "UTC") == expected
        assert position_at(log, text.removesuffix("+02:00"), ZONE) == expected
        assert position_at(log, text[11:].removesuffix("+02:00"), ZONE) == expected
    else:
        with pytest.raises(NoSuchInstant, match="before the first event"):
            position_at(log, text, ZONE)


def test_every_position_names_itself() -> None:
    log = log_of([NINE] * 5)
    assert [position_at(log, str(p), ZONE) for p in range(1, 6)] == [1, 2, 3, 4, 5]
    assert position_at(log, " 3 ", ZONE) == 3


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-14T09:00", NINE),
        ("2026-06-14 09:00:00", NINE),
        ("2026-06-14T09:00:00.25", NINE + NS // 4),
        ("2026-06-14T07:00Z", NINE),
        ("2026-06-14T09:00+02:00", NINE),
        ("2026-06-14T03:00:00-0400", NINE),
        ("09:00", NINE),
        ("9:00:01.5", NINE + 3 * NS // 2),
        ("00:00", NINE - 9 * HOUR),
        # The hour that repeats: the first of the two, unless the offset says otherwise.
        ("2026-10-25T02:30", parse_iso("2026-10-25T00:30:00").wall),
        ("2026-10-25T02:30+01:00", parse_iso("2026-10-25T01:30:00").wall),
    ],
)
def test_the_forms_of_an_instant(text: str, moment: int) -> None:
    assert moment_of(text, ZONE, NINE + HOUR) == moment


def test_a_time_of_day_is_of_the_day_in_the_meets_zone() -> None:
    late = parse_iso("2026-06-14T23:30:00").wall  # UTC; in Berlin the next day has begun
    assert moment_of("01:00", ZONE, late) == parse_iso("2026-06-14T23:00:00").wall
    assert moment_of("01:00", "UTC", late) == parse_iso("2026-06-14T01:00:00").wall


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0", "events 1 to 3"),
        ("4", "events 1 to 3"),
        ("9" * 400, "events 1 to 3"),
        ("24:00", "24 hours"),
        ("14:60", "minutes out of range"),
        ("14:05:61", "out of range"),
        ("noon", "write an event's position"),
        ("", "write an event's position"),
        ("2026-06-14", "not a date and time"),
        ("2026-13-14T10:00", "not a date and time"),
        ("2026-06-14T10:00+99:00", "offset"),
        ("-1", "names no event"),
        ("1.5", "names no event"),
        ("٣", "names no event"),
        ("1969-01-01T10:00", "not a date and time"),
        ("1999-01-01T10:00", "before the first event, which was recorded at 2026-06-14T09:00"),
    ],
)
def test_what_names_nothing_says_so(text: str, said: str) -> None:
    with pytest.raises(NoSuchInstant) as caught:
        position_at(log_of([NINE] * 3), text, ZONE)
    assert said in str(caught.value)


def test_an_empty_log_has_no_instant() -> None:
    for text in ("1", "14:05"):
        with pytest.raises(NoSuchInstant, match="nothing is recorded yet"):
            position_at(log_of([]), text, ZONE)


def test_a_long_log_is_not_read_through() -> None:
    class Counting(MemoryLog):
        reads = 0

        def read(self, *args: object, **named: object) -> list:  # type: ignore[type-arg]  # it only counts
            self.reads += 1
            return super().read(*args, **named)  # type: ignore[arg-type]  # the same

    times = iter(range(NINE, NINE + 5000 * NS, NS))
    log = Counting(clock=lambda: next(times))
    for _ in range(5000):
        log.append([Draft("a", "socket.read")])
    assert position_at(log, iso_local(NINE + 1234 * NS, ZONE), ZONE) == 1235
    assert log.reads < 20
