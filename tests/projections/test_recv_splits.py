"""However a stream is cut into received pieces, the same is made of it."""

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.decode import Decoder
from projections.facts import Delivered, Fact, Quarantined, Reads
from projections.meet import Meet
from tests.kit.days import GARBAGE, PROGRAMS
from tests.kit.meets import Pool, read, utc, wall
from wire.ctp01_messages import Ack, Blank, DataLine, RawController
from wire.ctp01_messages import encode as encode_ctp01
from wire.settings import Settings
from wire.tsv1 import encode as encode_tsv1
from wire.tsv2 import encode as encode_tsv2

_chip = st.sampled_from(["101", "0102", "7", "X9"])
_ms = st.integers(0, 80).map(lambda tick: tick * 500)
_read = st.builds(read, _ms, _chip, st.sampled_from(["Finish", "Turn"]), st.sampled_from([0, 1, 2]))
_reads = st.lists(_read, min_size=1, max_size=3)
_junk = st.sampled_from([*GARBAGE, b"\xef\xbb\xbf", b"\r\n", b'{"Chip":"7","Moment":"soon"}\r'])
_undated = st.builds(
    lambda chip, second: f'{{"Chip":"{chip}","Moment":"09:00:{second:02d}.5",'
    f'"TimingPoint":"Finish"}}\n'.encode(), _chip, st.integers(0, 59),
)  # fmt: skip
_seq = st.integers(1, 12)
_location = st.sampled_from(["Finish", "10k"])
_tag = st.sampled_from(["101", "guntime", "newlocation", "7"])
_data = st.builds(
    lambda seq, location, tag, ms: encode_ctp01(
        DataLine("CT01_33", seq, location, tag, wall(ms, 2), 1, "AB", 1)
    ),
    _seq, _location, _tag, _ms,
)  # fmt: skip
_id = st.sampled_from(["one", "two"]).map(
    lambda name: encode_ctp01(Ack("getconnectionid", (name,)))
)
_blank = st.builds(lambda seq, at: encode_ctp01(Blank("CT01_33", seq, at)), _seq, _location)
_raw = st.builds(
    lambda seq: encode_ctp01(
        RawController(seq, "9511", "160", "18", "1781427610.43", "AB", 1, -65, 1, "P")
    ),
    _seq,
)
STREAMS = {
    "mat": st.lists(st.one_of(_reads.map(encode_tsv1), _junk), max_size=8),
    "loop": st.lists(st.one_of(_reads.map(encode_tsv2), _undated, _junk), max_size=8),
    "chrono": st.lists(st.one_of(_data, _data, _id, _blank, _raw, _junk), max_size=14),
}
streams = st.sampled_from(sorted(STREAMS)).flatmap(
    lambda source: st.tuples(st.just(source), STREAMS[source].map(b"".join))
)
cuts = st.lists(st.integers(0, 2000), max_size=12)


@given(streams, cuts)
@settings(max_examples=120, deadline=None)
def test_any_split_gives_the_same(stream: tuple[str, bytes], places: list[int]) -> None:
    source, body = stream
    bounds = sorted({0, len(body), *(at % (len(body) + 1) for at in places)})
    pieces = [body[a:b] for a, b in pairwise(bounds)]
    whole, cut = _pool(source, [body] if body else []), _pool(source, pieces)
    assert _facts(whole) == _facts(cut)
    assert _shown(whole.meet(), source) == _shown(cut.meet(), source)


@given(streams)
@settings(max_examples=40, deadline=None)
def test_byte_by_byte_gives_the_same(stream: tuple[str, bytes]) -> None:
    source, body = stream
    whole = _pool(source, [body] if body else [])
    cut = _pool(source, [body[i : i + 1] for i in range(len(body))])
    assert _facts(whole) == _facts(cut)
    assert _shown(whole.meet(), source) == _shown(cut.meet(), source)


def _pool(source: str, pieces: list[bytes]) -> Pool:
    """The pieces arrive at one moment: undated stamps take their date from it."""
    pool = Pool()
    pool.load(*PROGRAMS[0])
    pool.chips({"7": "102"})
    pool.now = utc(100_000)
    pool.connect(source)
    for piece in pieces:
        pool.receive(piece, source)
    pool.disconnect(source)
    return pool


def _facts(pool: Pool) -> tuple[object, ...]:
    """The reads; what is quarantined, and how often; the last mark of each location; the rest."""
    decoder = Decoder(Settings())
    reads: list[object] = []
    others: list[object] = []
    quarantined: dict[Fact, int] = {}
    marks: dict[str, object] = {}
    for event in pool.log.read(limit=100_000):
        for fact in decoder.facts(event):
            match fact:
                case Reads():
                    reads += zip(fact.raws, fact.moments, strict=True)
                case Delivered():
                    marks[f"{fact.connection_id} {fact.location}"] = fact.seq
                case Quarantined():
                    same = msgspec.structs.replace(fact, position=0, count=1)
                    quarantined[same] = quarantined.get(same, 0) + fact.count
                case _:
                    others.append(msgspec.structs.replace(fact, position=0))
    return reads, [*quarantined.items()], marks, others


def _shown(meet: Meet, source: str) -> dict[str, object]:
    health = next(s for s in meet.sources() if s.source == source)
    return {
        "crossings": _still(meet.crossings()),
        "races": _still(meet.races()),
        "starts": _still([*meet.starts().by_race.values()]),
        "quarantine": sorted(map(str, _still(meet.quarantine()))),
        "resume": meet.state.resume,
        "locations": meet.state.locations,
        "counts": (health.bytes, health.received, health.known, health.new, health.quarantined),
        "read": health.last_read_ns,
    }


def _still(views: list[Any]) -> list[object]:
    """Views without the positions of events, of which there are as many as pieces."""
    return [_without(msgspec.to_builtins(view)) for view in views]


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without(v) for k, v in value.items() if k != "position"}
    return [_without(v) for v in value] if isinstance(value, list | tuple) else value
