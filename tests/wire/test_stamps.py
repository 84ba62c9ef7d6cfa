"""Stamps: four formats, every digit, and nothing guessed at."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wire.errors import WireError
from wire.stamps import (
    DAY,
    HOUR,
    MINUTE,
    NS,
    Stamp,
    format_clock,
    format_iso,
    parse_any,
    parse_clock,
    parse_iso,
    parse_msecs,
    parse_unix,
)


def wall(year: int, month: int, day: int, clock: str = "00:00:00") -> int:
    """The calendar's own count, to the second, as an oracle."""
    shown = datetime.fromisoformat(f"{year:04d}-{month:02d}-{day:02d}T{clock}+00:00")
    return (shown - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * NS


SAMPLE = wall(2026, 4, 22, "10:15:42")


@pytest.mark.parametrize(
    ("text", "fraction", "offset"),
    [
        ("2026-04-22T10:15:42.1234567Z", 123_456_700, 0),
        ("2026-04-22T10:15:42.1234567", 123_456_700, None),
        ("2026-04-22 10:15:42,1234567", 123_456_700, None),
        ("2026-04-22T10:15:42.123456789Z", 123_456_789, 0),
        ("2026-04-22T10:15:42.000000001", 1, None),
        ("2026-04-22T10:15:42.9999999Z", 999_999_900, 0),
        ("2026-04-22T10:15:42.04", 40_000_000, None),
        ("2026-04-22T10:15:42.4", 400_000_000, None),
        ("2026-04-22T10:15:42", 0, None),
        ("2026-04-22T10:15:42z", 0, 0),
        (" 2026-04-22T10:15:42Z\r\n", 0, 0),
        ("2026-04-22T10:15:42.12+02:00", 120_000_000, 7200),
        ("2026-04-22T10:15:42.12-0330", 120_000_000, -12600),
        ("2026-04-22T10:15:42+13", 0, 46800),
        ("2026\u201104\u201122T10:15:42.5", 500_000_000, None),
        ("2026\u201104\u201122T10:15:42.5\u201104:00", 500_000_000, -14400),
    ],
)
def test_iso(text: str, fraction: int, offset: int | None) -> None:
    stamp = Stamp(SAMPLE + fraction, offset=offset)
    assert parse_iso(text) == stamp
    assert parse_any(text) == stamp


def test_iso_without_seconds() -> None:
    assert parse_iso("2026-04-22T10:15") == Stamp(SAMPLE - 42 * NS)
    assert parse_iso("2026-04-22T10:15Z") == Stamp(SAMPLE - 42 * NS, offset=0)
    assert parse_iso("2026-04-22T10:15-04:00") == Stamp(SAMPLE - 42 * NS, offset=-14400)


def test_leap_days_and_the_first_and_last_moment() -> None:
    assert parse_iso("2024-02-29T00:00:00.0000000Z").wall == wall(2024, 2, 29)
    assert parse_iso("2000-02-29T23:59:59.9999999Z").wall == wall(2000, 3, 1) - 100
    assert parse_iso("1970-01-01T00:00:00.0000000Z").wall == 0
    assert parse_iso("9999-12-31T23:59:59.9999999Z").wall == wall(9999, 12, 31) + DAY - 100


BAD_ISO = [
    "", "Z", "2026", "2026-04-22", "2026-04-22T", "2026-04-22T10", "2026-04-22T10:15:",
    "2026-04-22T10:15:4", "2026-04-22T10:15:42.", "2026-04-22T10:15:42.Z", "2026-04-22T10:15:42,",
    "2026-04-22T10:15:42.1234567890Z", "2026-04-22T10:15:42.123_567Z",
    "2026-04-22T10:15:42.12 4567Z",
    "2026-04-22T10:15:42.123456\u0667Z", "2026-04-22T10:15:42.123456\u00b2Z",
    "2026-04-22T10:15:42.-234567Z", "2026-04-22T10:15:42.+234567Z",
    "2026-04-22T1\u0660:15:42.1234567Z",
    "2026-04-22T24:00:00.0000000Z", "2026-04-22T10:60:00.0000000Z", "2026-04-22T10:15:60.0000000Z",
    "2026-02-29T10:15:42.1234567Z", "2026-13-01T10:15:42.1234567Z", "2026-00-10T10:15:42.1234567Z",
    "2026-04-31T10:15:42.1234567Z", "1969-12-31T10:15:42.1234567Z", "0000-01-01T10:15:42.1234567Z",
    "-026-04-22T10:15:42.1234567Z", "2_26-04-22T10:15:42.1234567Z", "2026/04/22T10:15:42.1234567Z",
    "2026-04-22x10:15:42.1234567Z", "2026-04-22T10.15.42.1234567Z", "2026-04-22T10:15.42.1234567Z",
    "2026-04-22T10:15:42:1234567Z", "2026-04-22T10:15:42.1234567ZZ", "2026-04-22T10:15:42.1234567X",
    "2026-04-22T10:15:42.12+2", "2026-04-22T10:15:42.12+02:0", "2026-04-22T10:15:42.12+19:00",
    "2026-04-22T10:15:42.12+02:60", "2026-04-22T10:15:42.12+ab:cd", "2026-04-22T10:15:42.1.2",
    "2026-04-22T10:15:42.1,2", " 026-04-22T10:15:42.1234567Z", "2026-04-22T 0:15:42.1234567Z",
    "2026-04-22T10:15: 2.1234567Z", "2026-04-22T10:15:-2.1234567Z",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_ISO)
def test_what_is_no_iso_stamp_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        parse_iso(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("08:30:22.04", 8 * HOUR + 30 * MINUTE + 22 * NS + 40_000_000),
        ("00:00:00", 0),
        ("23:59:59.99", DAY - 10_000_000),
        ("24:00:00.00", DAY),
        ("102:12:32.37", 102 * HOUR + 12 * MINUTE + 32 * NS + 370_000_000),
        ("7:45:01.01", 7 * HOUR + 45 * MINUTE + 1_010_000_000),
        ("14:02:15.310000001", 14 * HOUR + 2 * MINUTE + 15_310_000_001),
    ],
)
def test_clock(text: str, expected: int) -> None:
    assert parse_clock(text) == Stamp(expected, dated=False)
    assert parse_any(text) == Stamp(expected, dated=False)


@pytest.mark.parametrize(
    "text",
    ["", "08:30", "08:30:60", "08:60:00", "-8:30:22", "08:3:22", "08:30:2", "08:30:22.",
     "08:30:22:1",
     "0_8:30:22", "08:30:2\u0662", "08: 0:22", "99999:00:00", "08:30:22.1234567890", "8.30.22"],
)  # fmt: skip
def test_what_is_no_clock_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        parse_clock(text)


def test_unix_shows_the_controllers_wall_clock() -> None:
    """PROTOCOLS 1.5, 2: the sample is 14:02:15.31 of the local clock, encoded as if UTC."""
    expected = Stamp(wall(2008, 10, 16, "14:02:15") + 310_000_000)
    assert parse_unix("1224165735.31") == parse_any("1224165735.31") == expected
    assert parse_any("1224165735") == Stamp(wall(2008, 10, 16, "14:02:15"))
    assert parse_unix("315532800.000000001") == Stamp(wall(1980, 1, 1) + 1)


def test_msecs_are_of_the_day() -> None:
    """PROTOCOLS 1.5, 3: 50535310 is 14:02:15.31; the specification's 43455310 is 12:04:15.31."""
    expected = Stamp(14 * HOUR + 2 * MINUTE + 15_310_000_000, dated=False)
    assert parse_msecs("50535310") == parse_any("50535310") == expected
    assert parse_msecs("\x1c50535310\x1f") == parse_any("50535310\x1d") == expected
    assert format_clock(parse_any("43455310").wall) == "12:04:15.31"
    assert parse_any("367952370").wall == parse_clock("102:12:32.37").wall


@pytest.mark.parametrize(
    "text", ["", "-1", "1_0", "1e3", "\u0661", "1 0", "12345678901", "1.", ".5", "0x10"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        parse_msecs(text)
    if text != "12345678901":
        with pytest.raises(WireError):
            parse_unix(text)
        with pytest.raises(WireError):
            parse_any(text)


def test_unix_out_of_range_is_refused() -> None:
    for text in ("123456789012", "1.1234567890", "1.-5"):
        with pytest.raises(WireError):
            parse_unix(text)


def test_format() -> None:
    at = SAMPLE + 123_456_789
    assert format_iso(at) == "2026-04-22T10:15:42.1234567"
    assert format_iso(at, 9, "Z") == "2026-04-22T10:15:42.123456789Z"
    assert format_iso(at, 2) == "2026-04-22T10:15:42.12"
    assert format_iso(at, 0) == "2026-04-22T10:15:42"
    assert format_clock(102 * HOUR + 12 * MINUTE + 32 * NS + 379_999_999) == "102:12:32.37"
    assert format_clock(5 * NS, 0) == "00:00:05"


WALLS = st.integers(0, wall(9999, 12, 31))


@given(WALLS, st.sampled_from(["", "Z"]))
@settings(max_examples=200)
def test_nine_digits_survive(at: int, suffix: str) -> None:
    text = format_iso(at, 9, suffix)
    assert parse_iso(text).wall == parse_any(text).wall == at


@given(WALLS, st.integers(0, 8), st.sampled_from(["", "Z", "+02:00", "-11:30"]))
@settings(max_examples=200)
def test_fewer_digits_are_cut_never_rounded(at: int, digits: int, suffix: str) -> None:
    unit = NS // 10**digits
    text = format_iso(at, digits, suffix)
    assert parse_iso(text).wall == at // unit * unit


@given(st.integers(0, 9999 * HOUR), st.integers(0, 9))
@settings(max_examples=100)
def test_clocks_survive(since: int, digits: int) -> None:
    unit = NS // 10**digits
    assert parse_clock(format_clock(since, digits)) == Stamp(since // unit * unit, dated=False)


NEARLY = st.builds(
    lambda text, at, insert, cut: text[:at] + insert + text[at + cut :],
    st.sampled_from(
        ["2026-04-22T10:15:42.1234567Z", "2026-04-22T10:15:42.1234567", "2026-04-22T10:15:42.04",
         "2026-04-22T10:15:42.1234567+02:00", "2026-04-22T10:15:42Z", "2026-04-22T10:15"]
    ),
    st.integers(0, 33),
    st.text(st.sampled_from("0123456789:.,-+TZz _\u0661\u00b2\u2011"), max_size=3)
    | st.text(max_size=2),
    st.integers(0, 3),
)  # fmt: skip


@given(NEARLY | st.text(max_size=12) | st.from_regex(r"\A[0-9:.\-]{0,14}\Z"))
@settings(max_examples=500)
@example("2026-04-22T10:15:42.123456\u0667")
@example("2026-04-22T10:15:42.1234567X")
@example("2026-04-22T10:15:42x1234567Z")
@example("2026-04-22T10:15:72.1234567Z")
@example("2026-04-22T10:15:42.0\u0662")
def test_any_text_is_a_stamp_or_refused(text: str) -> None:
    with suppress(WireError):
        assert parse_any(text).wall >= 0
