"""How sources do: states, counts, gaps in what was heard, and clocks that cannot be right."""

import pytest

from projections.health import GAPS_KEPT, clock_warning
from projections.views import SourceHealth
from store.event import APP_STARTED
from tests.kit.meets import DELAY, MS, SWIM, Pool, heat, read, utc
from wire.reads import RawRead
from wire.settings import MeetSettings, Settings, SourceSettings
from wire.stamps import HOUR, MINUTE, NS, format_iso
from wire.tsv1 import encode


def health(pool: Pool, source: str = "mat") -> SourceHealth:
    return next(s for s in pool.meet().sources() if s.source == source)


def spans(found: SourceHealth) -> list[tuple[int, int | None]]:
    """The gaps in milliseconds after nine."""
    return [
        ((g.since_ns - utc(0)) // MS, None if g.until_ns is None else (g.until_ns - utc(0)) // MS)
        for g in found.gaps
    ]


def at(pool: Pool, ms: int) -> None:
    pool.now = utc(ms)


def test_sources_are_those_configured_and_those_that_spoke() -> None:
    pool = Pool()
    pool.receive(b"[]\r", "stranger")
    found = {s.source: s for s in pool.meet().sources()}
    assert list(found) == ["chrono", "loop", "mat", "stranger"]
    assert found["mat"].state == "never connected"
    assert (found["mat"].protocol, found["mat"].last_byte, found["mat"].gaps) == ("tsv1", "", ())
    assert (found["stranger"].state, found["stranger"].bytes) == ("connected", 3)


def test_states_and_peers() -> None:
    pool = Pool()
    pool.connect("mat", 1, "10.0.0.9:1")
    pool.connect("mat", 2, "10.0.0.7:1")
    assert health(pool).state == "connected"
    assert health(pool).peers == ("10.0.0.7:1", "10.0.0.9:1")
    pool.disconnect("mat", 1)
    assert (health(pool).state, health(pool).peers) == ("connected", ("10.0.0.7:1",))
    pool.disconnect("mat", 2)
    assert health(pool).state == "disconnected: the peer closed the connection"
    assert health(pool).peers == ()


def test_counts_of_received_known_and_new() -> None:
    pool = Pool()
    body = encode([read(0, "101"), read(500, "102"), read(0, "", kind=0)])
    pool.receive(body)
    pool.receive(body)
    pool.passes(900, "103")
    pool.receive(b"[{oops\r")
    found = health(pool)
    assert (found.received, found.known, found.new, found.quarantined) == (7, 3, 4, 1)
    assert found.bytes == 2 * len(body) + len(encode([read(900, "103")])) + 7
    assert found.last_read_ns == utc(900) + DELAY
    assert found.last_read == "2026-06-14T09:00:00.95+02:00"


@pytest.mark.parametrize("source", ["mat", "loop"])
def test_a_silence_of_a_source_that_cannot_resume_is_a_gap(source: str) -> None:
    pool = Pool()
    at(pool, 0)
    pool.connect(source)
    at(pool, 10_000)
    pool.disconnect(source)
    assert spans(health(pool, source)) == [(10_000, None)]
    assert health(pool, source).gaps[0].until == ""
    at(pool, 25_000)
    pool.connect(source)
    assert spans(health(pool, source)) == [(10_000, 25_000)]
    assert health(pool, source).gaps[0].since == "2026-06-14T09:00:10+02:00"


def test_while_one_of_two_connections_stands_there_is_no_gap() -> None:
    pool = Pool()
    pool.connect("mat", 1)
    pool.connect("mat", 2)
    pool.disconnect("mat", 1)
    pool.connect("mat", 3)
    assert spans(health(pool)) == []


def test_ctp01_resumes_and_has_no_gaps() -> None:
    pool = Pool()
    pool.line(0, "101")
    pool.disconnect("chrono")
    pool.line(60_000, "101")
    pool.add("meetlog", APP_STARTED)
    pool.connect("chrono", 2)
    assert spans(health(pool, "chrono")) == []


def test_after_a_crash_a_gap_counts_from_the_last_that_was_heard() -> None:
    pool = Pool()
    pool.passes(5_000, "101")
    at(pool, 60_000)
    pool.add("meetlog", APP_STARTED)
    assert health(pool).state == "disconnected: meetlog stopped without closing the connection"
    assert spans(health(pool)) == [(5_050, None)]
    at(pool, 61_000)
    pool.connect("mat", 2)
    # And again, before a byte came: the connection itself was the last that was heard.
    at(pool, 90_000)
    pool.add("meetlog", APP_STARTED)
    at(pool, 95_000)
    pool.connect("mat", 3)
    assert spans(health(pool)) == [(5_050, 61_000), (61_000, 95_000)]


def test_what_a_crash_cut_short_is_named() -> None:
    pool = Pool()
    message = encode([read(0, "101")])
    pool.receive(message[:-1])  # whole but for its end
    pool.receive(b'[{"Chip":1', "loop")
    pool.add("meetlog", APP_STARTED)
    meet = pool.meet()
    assert [c.chip for c in meet.crossings()] == ["101"]
    assert [q.source for q in meet.quarantine()] == ["loop"]
    assert [(s.received, s.quarantined) for s in meet.sources()] == [(0, 0), (0, 1), (1, 0)]


@pytest.mark.parametrize("more", [-1, 0, 1, 20])
def test_gaps_of_a_flapping_link_are_bounded(more: int) -> None:
    pool = Pool()
    count = GAPS_KEPT + more
    for n in range(count + 1):
        at(pool, 1000 * n)
        pool.connect()
        pool.disconnect()
    *ended, last = spans(health(pool))
    assert ended == [(1000 * n, 1000 * (n + 1)) for n in range(max(0, more), count)]
    assert last == (1000 * count, None), "which lasts, and is not one of them"


def _stamped(pool: Pool, source: str, shift: int, count: int = 6) -> None:
    """Reads whose stamps are `shift` ns ahead of what the pool's wall clock shows."""
    for n in range(count):
        at(pool, 1000 * n)
        stamp = format_iso(pool.now + 2 * HOUR + shift, 7, "Z")
        pool.receive(encode([RawRead(f"A{n}", stamp, "Finish")]), source)


def test_skew_is_the_median_of_arrival_minus_stamp() -> None:
    pool = Pool()
    _stamped(pool, "mat", -250 * MS)
    assert health(pool).skew_ms == 250
    assert health(pool).warning == ""
    few = Pool()
    _stamped(few, "mat", -250 * MS, 4)
    assert health(few).skew_ms is None


@pytest.mark.parametrize(
    ("clock", "shift", "warning"),
    [
        ("local", -2 * HOUR, "mat appears to send UTC, but is set to local"),
        ("local", -2 * HOUR - 3 * MINUTE, "mat appears to send UTC, but is set to local"),
        ("utc", 0, "mat appears to send local time, but is set to utc"),
        ("utc", -2 * HOUR, ""),
        ("local", 0, ""),
        ("local", -10 * NS, ""),  # networks and readers hold reads back
        ("local", -5 * HOUR, "mat runs 5 h 00 min behind this computer: check its time zone"),
        ("local", 75 * MINUTE, "mat runs 1 h 15 min ahead of this computer: check its time zone"),
        ("local", 9 * NS, "mat stamps reads 9 s in the future"),
        ("local", -40 * MINUTE, ""),  # no zone differs by that
    ],
)
def test_a_skew_that_looks_like_a_zone_is_named(clock: str, shift: int, warning: str) -> None:
    toml = SWIM.replace('protocol = "tsv1"', f'protocol = "tsv1"\nclock = "{clock}"')
    pool = Pool(toml)
    _stamped(pool, "mat", shift)
    found = health(pool).warning
    assert found.startswith(warning) if warning else found == ""


def test_a_clock_that_was_set_right_is_no_longer_blamed() -> None:
    pool = Pool()
    _stamped(pool, "mat", -2 * HOUR, 30)
    assert "UTC" in health(pool).warning
    _stamped(pool, "mat", 0, 51)
    assert health(pool).warning == ""


def test_zones_of_a_quarter_of_an_hour() -> None:
    source = SourceSettings("mat", "tsv1", "client", 1)
    settings = Settings(meet=MeetSettings(zone="Asia/Kathmandu"), sources=(source,))
    skew = 5 * HOUR + 45 * MINUTE + NS
    assert clock_warning("mat", skew, utc(0), settings) == (
        "mat appears to send UTC, but is set to local"
    )
    london = Settings(meet=MeetSettings(zone="Europe/London"), sources=(source,))
    winter = utc(0) - 180 * 24 * HOUR
    assert clock_warning("mat", NS, winter, london) == ""


def test_a_source_of_another_zone_is_judged_by_its_own() -> None:
    toml = SWIM.replace('protocol = "tsv1"', 'protocol = "tsv1"\nzone = "America/New_York"')
    pool = Pool(toml)
    _stamped(pool, "mat", -6 * HOUR)
    pool.load(heat("1", 1, 1, {1: "101"}))
    assert health(pool).skew_ms == 0
    assert health(pool).warning == ""
