"""A read that is sent and decoded again is the same read at the same moment."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.relay_feed import Numbered
from exporters.relay_stamps import DIGITS, Stamps
from exporters.relay_tsv import encoder
from projections.clock import UTC, SourceClock
from projections.relayed import Item, ItemKind
from tests.kit.at_once import moments_at_once
from wire import tsv1, tsv2
from wire.errors import Malformed
from wire.reads import RawRead
from wire.settings import MeetSettings, RelaySettings, Settings
from wire.stamps import DAY, HOUR, MINUTE, NS, parse_iso

TICK = 100  # ns; what seven digits tell apart
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
YEARS = (parse_iso("2000-01-02T00:00:00").wall, parse_iso("2099-12-30T00:00:00").wall)
moments = st.integers(YEARS[0] // TICK, YEARS[1] // TICK).map(lambda tick: tick * TICK)
clocks = st.sampled_from(["local", "utc"])
zones = st.sampled_from(ZONES)

# The hours that Berlin has twice in 2026: 01:00 and then again 01:00 UTC is 03:00 and 02:00 there.
AUTUMN = parse_iso("2026-10-25T01:00:00").wall


def stamps(clock: str, zone: str, meet: str = "UTC") -> Stamps:
    relay: Any = RelaySettings("out", "tsv2", "server", 7000, clock=clock, zone=zone)  # type: ignore[arg-type]  # a clock
    return Stamps(relay, Settings(meet=MeetSettings(zone=meet)))


def one(reads: list[RawRead | Malformed]) -> RawRead:
    (read,) = reads
    assert isinstance(read, RawRead)
    return read


@given(moments, clocks, zones)
@settings(max_examples=200)
def test_a_stamp_is_read_back_as_the_moment_it_was_written_for(
    moment: int, clock: str, zone: str
) -> None:
    """By whoever is told the same clock and zone, when it arrives soon."""
    text = stamps(clock, zone).local(moment)
    assert text.endswith("Z"), "as TsConnector's, whatever the clock (PROTOCOLS 2)"
    assert len(text) == len("2026-06-14T09:00:00.") + DIGITS + 1
    assert SourceClock(clock, zone).to_utc(text, moment + NS, moment - NS) == moment


@given(moments, st.integers(1, TICK - 1))
def test_what_is_finer_than_a_tick_is_cut(moment: int, rest: int) -> None:
    writer = stamps("local", "Europe/Berlin")
    assert writer.local(moment + rest) == writer.local(moment)


@given(st.integers(-3 * 3600, 3 * 3600), st.integers(0, 3 * 3600))
def test_the_repeated_hour_is_told_by_the_order_of_the_reads(second: int, before: int) -> None:
    moment, previous = AUTUMN + second * NS, AUTUMN + (second - before) * NS
    text = stamps("local", "Europe/Berlin").local(moment)
    clock = SourceClock("local", "Europe/Berlin")
    # Half an hour of going back is the repeated hour; what is nearer decides by arrival.
    if before < 1800:
        assert clock.to_utc(text, moment + NS, previous) == moment


def test_the_hour_before_and_after_the_clocks_go_back() -> None:
    writer = stamps("local", "Europe/Berlin")
    assert writer.local(AUTUMN - 1).startswith("2026-10-25T02:59:59.9999999")
    assert writer.local(AUTUMN).startswith("2026-10-25T02:00:00.0000000")
    assert writer.wall(AUTUMN) == AUTUMN + HOUR
    assert writer.wall(AUTUMN - 1) == AUTUMN - 1 + 2 * HOUR


@pytest.mark.parametrize(
    ("clock", "zone", "meet", "text"),
    [
        ("local", "", "Europe/Berlin", "2026-06-14T11:00:00.0000000Z"),
        ("local", "America/New_York", "Europe/Berlin", "2026-06-14T05:00:00.0000000Z"),
        ("utc", "", "Europe/Berlin", "2026-06-14T09:00:00.0000000Z"),
        ("utc", "America/New_York", "Europe/Berlin", "2026-06-14T09:00:00.0000000Z"),
    ],
)
def test_which_clock_is_shown(clock: str, zone: str, meet: str, text: str) -> None:
    moment = parse_iso("2026-06-14T09:00:00").wall
    assert stamps(clock, zone, meet).local(moment) == text


items = st.builds(
    Item,
    kind=st.sampled_from([ItemKind.FIRST_SEEN, ItemKind.BEST_SEEN]),
    location=st.text(min_size=1, max_size=20),
    tag=st.one_of(st.integers(0, 10**20).map(str), st.text(min_size=1, max_size=20)),
    moment=moments,
    antenna=st.integers(-9, 99),
    reader=st.text(max_size=9),
    rssi=st.none() | st.integers(-99, 0) | st.sampled_from([-60.5]),
    epc=st.text("0123456789ABCDEF", max_size=24),
)


@given(items, clocks, zones)
@settings(max_examples=300)
def test_a_read_through_tsv1_says_the_same(item: Item, clock: str, zone: str) -> None:
    """But for the signal and the EPC, which TsV1 does not carry."""
    data = encoder("tsv1", stamps(clock, zone))([Numbered(7, 1, item)])
    read = one(tsv1.Decoder().feed(data))
    found = SourceClock(clock, zone).to_utc(read.moment, item.moment + NS, item.moment)
    assert found == item.moment
    assert (str(read.chip), read.timing_point, read.type) == (item.tag, item.location, item.kind)
    assert (read.antenna, read.source) == (item.antenna, item.reader)
    assert (read.rssi, read.epc, read.utc_moment) == (None, "", "")


@given(items, clocks, zones)
@settings(max_examples=300)
def test_a_read_through_tsv2_says_the_same_whatever_the_zone(
    item: Item, clock: str, zone: str
) -> None:
    """It has both stamps, and UTC wins, also where many are read at once."""
    data = encoder("tsv2", stamps(clock, zone))([Numbered(7, 1, item)])
    read = one(tsv2.Decoder().feed(data))
    assert UTC.to_utc(read.utc_moment, item.moment + DAY) == item.moment
    plain = tsv2.Decoder().whole([data])
    assert plain is not None
    assert plain.utc
    assert moments_at_once(UTC, plain.stamps) == [item.moment]
    local = SourceClock(clock, zone).to_utc(read.moment, item.moment + NS, item.moment)
    assert local == item.moment
    assert (str(read.chip), read.timing_point, read.type) == (item.tag, item.location, item.kind)
    assert (read.antenna, read.source, read.rssi) == (item.antenna, item.reader, item.rssi)
    assert (read.epc, read.seq) == (item.epc, 7)


@pytest.mark.parametrize("protocol", ["tsv1", "tsv2"])
def test_a_gun_says_the_same(protocol: str) -> None:
    gun = Item(ItemKind.GUN, "Start", "", YEARS[0] + 5 * MINUTE)
    data = encoder(protocol, stamps("local", "Europe/Berlin"))([Numbered(1, 1, gun)])
    decoder = tsv1.Decoder() if protocol == "tsv1" else tsv2.Decoder()
    read = one(decoder.feed(data))
    assert (read.type, read.timing_point) == (0, "Start")
    clock = SourceClock("local", "Europe/Berlin")
    assert clock.to_utc(read.moment, gun.moment + NS) == gun.moment


@pytest.mark.parametrize("protocol", ["tsv1", "tsv2"])
def test_what_the_protocol_has_no_word_for_is_left_out(protocol: str) -> None:
    encode = encoder(protocol, stamps("utc", ""))
    announced = Numbered(1, 1, Item(ItemKind.LOCATION, "Start", "", YEARS[0]))
    assert encode([announced]) == b""
    read = Numbered(2, 2, Item(ItemKind.BEST_SEEN, "Start", "7", YEARS[0]))
    assert encode([announced, read]) == encode([read])


@given(st.integers(0, 200))
@settings(max_examples=30)
def test_many_reads_go_in_messages_of_a_size_that_a_reader_may_bound(count: int) -> None:
    many = [
        Numbered(n, n, Item(ItemKind.BEST_SEEN, "Start", str(n), YEARS[0]))
        for n in range(1, count + 1)
    ]
    data = encoder("tsv1", stamps("utc", ""))(many)
    assert all(len(message) < 8192 for message in data.split(b"\r"))
    found = tsv1.Decoder().feed(data)
    assert [str(r.chip) for r in found if isinstance(r, RawRead)] == [n.item.tag for n in many]
