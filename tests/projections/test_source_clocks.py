"""Stamps become UTC exactly, whatever the zone does; `datetime` and `zoneinfo` are the oracle."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from projections.clock import SourceClock, iso_local, offset_at
from tests.kit.at_once import moments_at_once
from tests.kit.meets import DELAY, Pool, read, utc
from wire.errors import WireError
from wire.reads import RawRead
from wire.stamps import DAY, HOUR, MINUTE, NS
from wire.tsv2 import encode

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Auckland",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "UTC",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BERLIN = SourceClock("local", "Europe/Berlin")

zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(2000, 1, 2), datetime(2037, 12, 30))  # noqa: DTZ001 - a wall clock


def ns(moment: datetime) -> int:
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * NS + since.microseconds * 1000


@given(moments, zones, st.sampled_from([3, 6, 7, 9]), st.sampled_from(["", "Z"]))
@example(datetime(2026, 3, 29, 2, 30), "Europe/Berlin", 7, "Z")  # noqa: DTZ001 - skipped there
@settings(max_examples=300, deadline=None)
def test_local_stamps_are_those_of_zoneinfo(
    wall: datetime, zone: str, digits: int, suffix: str
) -> None:
    """Arriving when they happen, also in the repeated hour; `Z` is not believed."""
    clock = SourceClock("local", zone)
    for fold in (0, 1):
        there = wall.replace(tzinfo=ZoneInfo(zone), fold=fold)
        real = there.astimezone(UTC).astimezone(there.tzinfo).replace(tzinfo=None) == wall
        if not real and fold == 1:
            continue  # the hour that spring skips has one meaning: the offset before it
        text = wall.isoformat(timespec="microseconds")
        text = (text + "000")[: 20 + digits] + suffix
        expected = ns(there) // 10 ** (9 - digits) * 10 ** (9 - digits)
        assert clock.to_utc(text, ns(there) + DELAY) == expected
        quick = moments_at_once(clock, [text])
        ambiguous = there.utcoffset() != there.replace(fold=1 - fold).utcoffset()
        assert quick == (None if ambiguous and real else [expected]) or not real


@given(st.text(st.sampled_from("0123456789-:T.+ Zz,"), max_size=32) | moments.map(str))
@settings(max_examples=400, deadline=None)
def test_the_quick_way_knows_nothing_that_the_other_does_not(text: str) -> None:
    for clock in (BERLIN, SourceClock("utc", "Europe/Berlin")):
        if clock.usual(text):
            assert clock.usual(text) == clock._closely(text, 0, 0)
        quick = moments_at_once(clock, [text])
        if quick is not None:
            assert quick == [clock.usual(text)]


@pytest.mark.parametrize(
    "text", ["2026-04-22T10:15+02.5", "2026-04-22T10:15:42.5+02:00", "2026-04-22 10:15:42.5z"]
)
def test_stamps_that_end_oddly_are_left_to_the_slow_way(text: str) -> None:
    assert moments_at_once(BERLIN, [text]) is None
    assert not BERLIN.usual(text)


@given(st.integers(0, 10**9 - 1), st.integers(1, 9))
def test_every_digit_up_to_nine_counts(fraction: int, digits: int) -> None:
    text = f"2026-04-22T10:15:42.{fraction:09d}"[: 20 + digits] + "Z"
    base = ns(datetime(2026, 4, 22, 8, 15, 42, tzinfo=UTC))
    scale = 10 ** (9 - digits)
    expected = base + fraction // scale * scale
    assert BERLIN.to_utc(text, base) == expected
    assert moments_at_once(BERLIN, [text]) == [expected]


@given(st.lists(st.integers(0, 3 * 3600), min_size=1, max_size=30).map(sorted))
def test_the_repeated_hour_is_resolved_by_the_order_of_arrival(seconds: list[int]) -> None:
    """Reads of three hours around it, at least one each ten minutes, arriving long after."""
    begin = ns(datetime(2026, 10, 24, 23, 30, tzinfo=UTC))
    truth = sorted({begin + s * NS for s in [*seconds, *range(0, 3 * 3600, 600)]})
    arrival = truth[-1] + 5 * HOUR
    previous = 0
    for moment in truth:
        text = iso_local(moment, "Europe/Berlin")[:19]
        previous = BERLIN.to_utc(text, arrival, previous)
        assert previous == moment


def test_the_repeated_hour_through_a_log_also_for_stamps_without_a_date() -> None:
    truth = [ns(datetime(2026, 10, 25, 0, 59, 50, tzinfo=UTC)) + s * 10 * NS for s in range(4)]
    for form in (slice(0, 19), slice(11, 19)):
        pool = Pool()
        pool.now = truth[-1] + NS
        stamps = [iso_local(moment, "Europe/Berlin")[form] for moment in truth]
        assert stamps[0][-8:] == "02:59:50"
        assert stamps[1][-8:] == "02:00:00"
        for n, stamp in enumerate(stamps):
            pool.receive(encode([RawRead(f"A{n}", stamp, "Finish")]), "loop")
        assert [c.moment_ns for c in pool.meet().crossings()] == truth


@given(moments, zones, st.integers(-2 * 3600 + 60, 20 * 3600))
@settings(max_examples=200, deadline=None)
def test_a_stamp_without_a_date_takes_it_from_arrival_across_midnight(
    wall: datetime, zone: str, late: int
) -> None:
    clock = SourceClock("local", zone)
    moment = ns(wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
    arrival = moment + late * NS
    if offset_at(zone, arrival) != offset_at(zone, moment):
        return  # the clock was changed meanwhile, so that the day is not 24 hours long
    shown = iso_local(moment, zone).split("T")[1][:15]
    if "+" in shown or "-" in shown:
        shown = shown.replace("-", "+").split("+")[0]
    found = clock.to_utc(shown, arrival, moment)
    assert abs(found - moment) < 1000


@pytest.mark.parametrize(
    ("text", "arrival", "expected"),
    [
        # the fifth day of a race that began on June 10th
        ("102:12:32.37", (2026, 6, 14, 4, 13), (2026, 6, 14, 4, 12, 32, 370_000)),
        ("24:00:00.5", (2026, 6, 13, 22, 0, 2), (2026, 6, 13, 22, 0, 0, 500_000)),
        ("23:59:59.99", (2026, 6, 13, 22, 0, 2), (2026, 6, 13, 21, 59, 59, 990_000)),
        ("00:00:01.00", (2026, 6, 13, 21, 59, 59), (2026, 6, 13, 22, 0, 1)),
        ("50535310", (2026, 6, 14, 12, 3), (2026, 6, 14, 12, 2, 15, 310_000)),
        ("1781445735.31", (2026, 6, 14, 12, 3), (2026, 6, 14, 12, 2, 15, 310_000)),
    ],
)
def test_forms_of_ctp01(text: str, arrival: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """Hours past 24; milliseconds of a day; the local clock as epoch seconds (PROTOCOLS 1.5)."""
    at = ns(datetime(*arrival, tzinfo=UTC))  # type: ignore[arg-type,misc]  # year, month, day...
    found = BERLIN.to_utc(text, at)
    assert found == ns(datetime(*expected, tzinfo=UTC))  # type: ignore[arg-type,misc]  # the same


@pytest.mark.parametrize("mode", ["local", "utc"])
@pytest.mark.parametrize("hours", [-5, 0, 2, 5.75])
def test_an_explicit_offset_is_believed(mode: str, hours: float) -> None:
    there = datetime(2026, 6, 14, 9, 0, 0, 250_000, timezone(timedelta(hours=hours)))
    clock = SourceClock(mode, "Europe/Berlin")
    assert clock.to_utc(there.isoformat(), 0) == ns(there)


def test_utc_sources_have_no_zone() -> None:
    clock = SourceClock("utc", "Europe/Berlin")
    noon = ns(datetime(2026, 6, 14, 12, tzinfo=UTC))
    for text in ("2026-06-14T12:00:00", "2026-06-14T12:00:00.0000000Z", "12:00:00.00"):
        assert clock.to_utc(text, noon + NS) == noon


@pytest.mark.parametrize("year", [1970, 1980, 1999, 2100, 9999])
def test_absurd_years_are_refused(year: int) -> None:
    for mode in ("local", "utc"):
        clock = SourceClock(mode, "Europe/Berlin")
        text = f"{year}-06-14T09:00:00.0000000Z"
        assert moments_at_once(clock, [text]) is None
        with pytest.raises(WireError, match="absurd"):
            clock.to_utc(text, utc(0))


def test_a_read_with_an_absurd_time_is_quarantined_and_its_neighbours_count() -> None:
    pool = Pool()
    bad = RawRead("102", "1980-01-01T00:00:00.0000000Z", "Finish")
    pool.hear(read(0, "101"), bad, read(500, "103"))
    meet = pool.meet()
    assert [c.chip for c in meet.crossings()] == ["101", "103"]
    [entry] = meet.quarantine()
    assert entry.reason == "chip 102 at Finish: the time is absurd"
    assert entry.excerpt == "1980-01-01T00:00:00.0000000Z"
    assert "set it" in entry.hint
    assert meet.sources()[-1].received == 2
    assert meet.sources()[-1].quarantined == 1


def test_the_utc_stamp_of_tsv2_wins() -> None:
    pool = Pool()
    told = RawRead(
        "101", "2026-06-14T05:00:00", "Finish", utc_moment="2026-06-14T07:00:00.1234567Z"
    )
    pool.hear(told, source="loop")
    assert [c.moment_ns for c in pool.meet().crossings()] == [utc(0) + 123_456_700]


def test_a_utc_stamp_that_is_none_leaves_the_local_one() -> None:
    """.NET writes the year 1 where a time was never set."""
    pool = Pool()
    told = RawRead("101", "2026-06-14T09:00:00", "Finish", utc_moment="0001-01-01T00:00:00Z")
    pool.hear(told, read(5000, "101", "Turn"), source="loop")
    meet = pool.meet()
    assert [c.moment_ns for c in meet.crossings()] == [utc(0), utc(5000)]
    assert [q.excerpt for q in meet.quarantine()] == ["0001-01-01T00:00:00Z"]


def test_iso_local_shows_the_offset_of_the_moment() -> None:
    assert iso_local(utc(0), "Europe/Berlin") == "2026-06-14T09:00:00+02:00"
    assert iso_local(utc(0) + 120, "Asia/Kathmandu") == "2026-06-14T12:45:00.00000012+05:45"
    assert iso_local(utc(0) + 10 * NS, "America/New_York") == "2026-06-14T03:00:10-04:00"
    assert iso_local(None, "UTC") == ""
    assert offset_at("Europe/Berlin", utc(0) - 180 * DAY) == HOUR
    assert offset_at("Asia/Kathmandu", utc(0)) == 345 * MINUTE
