"""What people type for times, read exactly or refused with an example of how to write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlog.refusals import Unsayable
from meetlog.typed import is_shift, moment, precision, race_time_cs, shift
from projections.rounding import format_cs
from wire.settings import format_duration
from wire.stamps import DAY, HOUR, NS, parse_iso

ZONE = "Europe/Berlin"
MORNING = parse_iso("2026-06-14T09:00:00").wall - 2 * HOUR  # nine o'clock there


@given(st.integers(1, 100 * 360_000 - 1))
def test_a_time_that_is_shown_can_be_typed(cs: int) -> None:
    assert race_time_cs(format_cs(cs)) == cs


@pytest.mark.parametrize(
    ("text", "cs"), [("62.34", 6234), ("1:02", 6200), ("1:02.3", 6230), ("59,07", 5907)]
)
def test_race_times(text: str, cs: int) -> None:
    assert race_time_cs(text) == cs


@pytest.mark.parametrize(
    "text", ["", "1:02.345", "1:62.00", "1:75:00.00", "-5", "0.00", "1.2.3", "abc", "1:2:3:4"]
)
def test_what_is_no_race_time(text: str) -> None:
    with pytest.raises(Unsayable):
        race_time_cs(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("09:00:31.25", MORNING + 31 * NS + NS // 4),
        ("09:00:00.123456789", MORNING + 123_456_789),
        ("2026-06-14T09:00:00", MORNING),
        ("2026-06-14T07:00:00Z", MORNING),
        ("09:00", MORNING),
        ("now", MORNING + HOUR),
    ],
)
def test_moments(text: str, ns: int) -> None:
    assert moment(text, ZONE, MORNING, MORNING + HOUR) == ns


@pytest.mark.parametrize("text", ["", "noon", "25:00:00", "2026-13-01T00:00:00", "12:61"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(Unsayable, match=r"14:05:31\.25"):
        moment(text, ZONE, MORNING, MORNING)


def test_a_moment_to_come_is_a_wrong_date() -> None:
    with pytest.raises(Unsayable, match="still to come"):
        moment("2027-06-14T09:00:00", ZONE, MORNING, MORNING + DAY)


@pytest.mark.parametrize(
    ("text", "ns"),
    [("09:00:31.25", NS // 100), ("09:00:31", NS), ("09:00", 60 * NS), ("09:00:00.123456789", 1)],
)
def test_how_much_an_instant_leaves_open(text: str, ns: int) -> None:
    assert precision(text) == ns


@given(st.integers(-DAY, DAY).filter(bool))
def test_shifts(ns: int) -> None:
    text = format_duration(ns)
    assert shift(text) == shift(text.replace("-", "\u2212")) == ns
    if ns > 0:
        assert shift(f"+{text}") == ns


@pytest.mark.parametrize("text", ["", "+", "1.5", "0s", "+2d", "48h", "++1s"])
def test_what_is_no_shift(text: str) -> None:
    with pytest.raises(Unsayable):
        shift(text)


def test_a_sign_tells_a_shift_from_an_instant() -> None:
    assert [is_shift(t) for t in ("+1s", "-1s", "\u22121s", "09:00", "now")] == [
        True, True, True, False, False,
    ]  # fmt: skip
