"""Every explained time ends in bytes that are in the log where it says, and that say so."""

from collections.abc import Iterator

import pytest

from meetlog.auditing import gather
from meetlog.explaining import explain
from meetlog.explanations import ExplainedRead, Explanation, Raw
from store.event import Event
from tests.meetlog.rehearsed import PROTOCOLS, RehearsedPool
from wire.ctp01 import ClientDecoder, to_raw_read
from wire.ctp01_messages import DataLine
from wire.reads import RawRead
from wire.tsv1 import Decoder as TsV1
from wire.tsv2 import Decoder as TsV2


@pytest.fixture(scope="module", params=[1, 2], ids=["pieces", "crumbs"])
def pool(request: pytest.FixtureRequest) -> RehearsedPool:
    played = RehearsedPool(seed=request.param, most=[400, 17][request.param - 1])
    played.play()
    return played


@pytest.fixture(scope="module")
def explained(pool: RehearsedPool) -> list[Explanation]:
    meet = pool.meet()
    papers = gather(pool.log, meet)
    return [e for race in meet.races() for e in explain(pool.log, meet, papers, race)]


def bytes_at(pool: RehearsedPool, raw: Raw) -> bytes:
    """The bytes that a sceptic finds at the positions and offsets."""
    found = b""
    for part in raw.parts:
        event: Event = pool.log.read(part.position - 1, 1)[0]
        assert event.position == part.position
        assert event.source == raw.source
        piece = event.body[part.offset : part.offset + part.length]
        assert len(piece) == part.length > 0
        found += piece
    return found


def decoded(protocol: str, data: bytes) -> list[RawRead]:
    """What the bytes say, alone, by the protocol's own decoder."""
    if protocol == "ctp01":
        lines = ClientDecoder().feed(data)
        return [to_raw_read(line) for line in lines if isinstance(line, DataLine)]
    decoder = TsV1() if protocol == "tsv1" else TsV2()
    return [r for r in [*decoder.feed(data), *decoder.close()] if isinstance(r, RawRead)]


def reads(explained: list[Explanation]) -> Iterator[ExplainedRead]:
    for e in explained:
        yield from (leg.chosen for leg in e.legs if leg.chosen is not None)
        yield from e.others


def test_each_lane_has_the_time_that_was_swum_and_its_finish_is_explained(
    pool: RehearsedPool, explained: list[Explanation]
) -> None:
    swum = {
        (heat.race.event, heat.race.heat, lane): time
        for heat in pool.rehearsal.heats
        for lane, time in heat.finals_cs.items()
    }
    assert len(swum) >= 9
    found = {(e.event, e.heat, e.lane): e for e in explained}
    for key, time in swum.items():
        e = found[key]
        assert e.time_cs == time
        assert e.time_from == "crossing"
        finish = e.legs[-1]
        assert finish.finish
        assert finish.time_cs == time
        assert finish.chosen is not None
        assert finish.chosen.raw is not None


def test_the_bytes_are_there_and_say_the_chip_and_the_stamp(
    pool: RehearsedPool, explained: list[Explanation]
) -> None:
    told, protocols, spanning = 0, set(), 0
    for read in reads(explained):
        raw = read.raw
        assert raw is not None
        assert raw.exact
        data = bytes_at(pool, raw)
        assert data == (raw.text.encode() if raw.text is not None else bytes.fromhex(raw.hex or ""))
        assert raw.protocol == PROTOCOLS[read.source]
        (said,) = decoded(raw.protocol, data)
        assert str(said.chip) == read.chip
        assert said.moment == read.stamp
        assert (said.timing_point, said.type, said.antenna) == (read.feed, read.kind, read.antenna)
        # What closes the message may come with a later event than the read in it.
        assert raw.parts[-1].position <= read.position
        if raw.protocol == "ctp01":
            assert raw.parts[-1].position == read.position
        told += 1
        protocols.add(raw.protocol)
        spanning += len(raw.parts) > 1
    assert told > 100
    assert protocols == {"tsv1", "tsv2", "ctp01"}
    assert spanning > 10


def test_each_start_is_explained_by_the_bytes_of_its_gun(
    pool: RehearsedPool, explained: list[Explanation]
) -> None:
    for e in explained:
        assert e.start is not None
        assert e.start.raw is not None
        (said,) = decoded(e.start.raw.protocol, bytes_at(pool, e.start.raw))
        assert said.type == 0
        assert said.moment == e.start.stamp
        for leg in e.legs:
            if leg.moment_ns is not None:
                assert leg.time_cs == (leg.moment_ns - e.start.moment_ns) // 10_000_000


def test_the_connection_is_the_one_that_brought_the_bytes(
    pool: RehearsedPool, explained: list[Explanation]
) -> None:
    events = {event.position: event for event in pool.log.read(limit=10**6)}
    connections = set()
    for read in reads(explained):
        raw = read.raw
        assert raw is not None
        opened = events[raw.opened]
        assert (opened.kind, opened.source) == ("socket.opened", raw.source)
        for part in raw.parts:
            assert events[part.position].meta == events[raw.parts[0].position].meta
            assert part.position > raw.opened
        connections.add((raw.source, raw.connection))
    assert len(connections) == 4  # three, and one that came back


def test_every_distinct_read_and_every_copy_of_a_lanes_chips_is_told_once(
    pool: RehearsedPool, explained: list[Explanation]
) -> None:
    meet = pool.meet()
    received = sum(s.received for s in meet.sources())
    guns = len(meet.state.guns)
    for heat in pool.rehearsal.heats:
        for lane in heat.lanes:
            e = next(
                x
                for x in explained
                if (x.event, x.heat, x.lane) == (heat.race.event, heat.race.heat, lane.lane)
            )
            told = [*(leg.chosen for leg in e.legs if leg.chosen), *e.others]
            places = [(r.raw.parts, r.point) for r in told if r.raw]
            assert len(places) == len(set(places))
            distinct = meet.state.reads.chips[lane.chip]
            originals = [r for r in told if r.why != "resend"]
            assert len(originals) == sum(len(c.moments) for c in distinct.values())
            for copy in (r for r in told if r.why == "resend"):
                assert copy.copy_of is not None
                assert f"event {copy.copy_of}" in copy.reason
    assert guns
    assert received > 100
