"""TsV2: any framing, any spelling, and any cut of the stream."""

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wire import tsv2
from wire.errors import Malformed
from wire.jsonkeys import ALIASES
from wire.jsonreads import MAX_DEPTH, MAX_FRAME, Decoded
from wire.reads import RawRead

SAMPLE = (
    b'[{"Chip":"0009511","Moment":"2021-05-08T07:24:28.6400000",'
    b'"UtcMoment":"2021-05-07T19:24:28.6400000Z","TimingPoint":"START1","Type":2,"Antenna":8,'
    b'"Source":"12000C","Rssi":-63,"Epc":"E28011600000000000002527"}]\r'
)
SAMPLE_READ = RawRead(
    "0009511", "2021-05-08T07:24:28.6400000", "START1", 2, 8, "12000C",
    utc_moment="2021-05-07T19:24:28.6400000Z", rssi=-63, epc="E28011600000000000002527",
)  # fmt: skip
ONE = SAMPLE[:-1]  # a message without an end
OBJECT = ONE[1:-1]
JUNK = b"hello"


def feed(*pieces: bytes) -> Decoded:
    decoder = tsv2.Decoder()
    return [item for piece in pieces for item in decoder.feed(piece)] + decoder.close()


def one_by_one(data: bytes) -> Decoded:
    return feed(*(data[i : i + 1] for i in range(len(data))))


def both(data: bytes) -> Decoded:
    whole = feed(data)
    assert one_by_one(data) == whole
    return whole


def reasons(results: Decoded) -> list[str]:
    return [item.reason if isinstance(item, Malformed) else "" for item in results]


def test_the_sample_with_junk_around_it() -> None:
    assert both(SAMPLE) == [SAMPLE_READ]
    assert reasons(both(JUNK + SAMPLE + JUNK + b"\r" + SAMPLE + JUNK)) == [
        "bytes between messages", "", "bytes between messages", "", "bytes between messages",
    ]  # fmt: skip


@pytest.mark.parametrize("end", [b"", b"\r", b"\n", b"\r\n", b" ", b"\0", b"\r\n\r\n"])
@pytest.mark.parametrize("message", [ONE, OBJECT], ids=["array", "object"])
def test_any_end_or_none_ends_a_message(message: bytes, end: bytes) -> None:
    assert both((message + end) * 3) == [SAMPLE_READ] * 3


def test_a_message_over_several_lines() -> None:
    pretty = msgspec.json.format(ONE, indent=2)
    assert b"\n" in pretty
    assert both((pretty + b"\r\n") * 2) == [SAMPLE_READ] * 2
    assert both(pretty.replace(b"\n", b"\r")) == [SAMPLE_READ]


def test_blanks_marks_and_empty_messages_say_nothing() -> None:
    assert both(b"\xef\xbb\xbf" + ONE + b"\r\n \t\0[]\r\n[ ]" + SAMPLE) == [SAMPLE_READ] * 2


@pytest.mark.parametrize("concept", ["chip", "moment", "utc_moment", "timing_point", "source"])
def test_every_alias_of_a_text(concept: str) -> None:
    base = {"Chip": "a", "Moment": "m", "TimingPoint": "p"}
    canonical = {"chip": "Chip", "moment": "Moment", "timing_point": "TimingPoint"}
    base.pop(canonical.get(concept, ""), None)
    for alias in ALIASES[concept]:
        for key in (alias, alias.upper(), alias.title()):
            (read,) = feed(msgspec.json.encode({**base, key: "007"}))
            assert getattr(read, concept) == "007"


@pytest.mark.parametrize("concept", ["antenna", "rssi", "seq", "type"])
def test_every_alias_of_a_number(concept: str) -> None:
    for alias in ALIASES[concept]:
        keys = {"Chip": "a", "Moment": "m", "TimingPoint": "p", alias: 1}
        (read,) = feed(msgspec.json.encode(keys))
        assert getattr(read, concept) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Gun", 0), ("Wave", 0), ("gun-shot", 0), ("0", 0),
        ("First", 1), ("FirstSeen", 1), ("first seen", 1), ("1", 1), (1.0, 1),
        ("BestSeen", 2), ("BEST_SEEN", 2), ("best", 2), (2, 2),
    ],
)  # fmt: skip
def test_a_type_may_be_a_number_or_a_name(text: object, kind: int) -> None:
    keys = {"Tag": "a", "Moment": "m", "Point": "p", "ReadType": text}
    assert feed(msgspec.json.encode(keys)) == [RawRead("a", "m", "p", kind)]


def test_a_read_with_a_utc_stamp_only() -> None:
    assert both(b'{"Tag":"a","UtcMoment":"u","Point":"p"}') == [
        RawRead("a", "", "p", utc_moment="u")
    ]


def test_a_sequence_that_is_a_guid_costs_nothing() -> None:
    guid = b'{"Id":"6f9619ff-8b86-d011-b42d-00c04fc964ff","Tag":"a","Moment":"m","Point":"p"}'
    assert both(guid) == [RawRead("a", "m", "p")]
    assert both(guid.replace(b"6f9619ff-8b86-d011-b42d-00c04fc964ff", b"12")) == [
        RawRead("a", "m", "p", seq=12)
    ]


def test_unknown_keys_can_be_shown() -> None:
    message = b'[{"Tag":"1","Moment":"m","Point":"p","Battery":{"mV":[3000]}},7,{"x":1}]'
    assert tsv2.objects(message) == [
        {"Tag": "1", "Moment": "m", "Point": "p", "Battery": {"mV": [3000]}}, {"x": 1},
    ]  # fmt: skip
    assert feed(message)[0] == RawRead("1", "m", "p")
    assert tsv2.objects(b"[" * 100_000) == []
    assert tsv2.objects(b'\xff{"a":}{"b":2}') == [{"b": 2}]


CUTS = [*range(1, len(ONE) - 1)]


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_a_message_cut_anywhere_does_not_swallow_the_next(end: bytes) -> None:
    for cut in CUTS:
        results = feed(ONE[:cut] + end + SAMPLE + SAMPLE)
        assert results[-2:] == [SAMPLE_READ] * 2, ONE[:cut]
        assert any(isinstance(item, Malformed) for item in results[:-2]), ONE[:cut]


def test_a_cut_message_keeps_its_whole_objects() -> None:
    results = both(ONE[:-1] + b"," + OBJECT[:50] + b"\r" + SAMPLE)
    assert [type(item) for item in results] == [RawRead, Malformed, RawRead]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"8\r", ["bytes between messages"]),
        (b"ping\r\npong\n", ["bytes between messages"] * 2),
        (b"]]}\r", ["bytes between messages"]),
        (b'"[]"\r', ["bytes between messages", "bytes between messages"]),
        (b"[1]", ["an element that is not an object"]),
        (b"{}", ["a read without a chip"]),
        (b"[{},{}]", ["a read without a chip"] * 2),
        (b"{]", ["not JSON"]),
        (b'[{"a":1]', ["not JSON"]),
        (b"{world}", ["not JSON"]),
        (b"[{", ["not JSON"]),
        (b'{"a', ["not JSON"]),
        (b'{"a\\', ["not JSON"]),
        (b'{"a\\\r', ["not JSON"]),
        (b'{"a\r', ["not JSON"]),
        (b"\xef\xbb\xbfx\r", ["bytes between messages"]),
        (b"x" * 100_000, ["bytes between messages"]),
    ],
)
def test_junk_is_named_and_what_follows_is_read(data: bytes, words: list[str]) -> None:
    end = b"" if data[-1:] == b"\r" else b"\r"
    results = both(data + end + SAMPLE)
    assert results[-1] == SAMPLE_READ
    assert [reason.split(":")[0] for reason in reasons(results[:-1])] == words


def test_nesting_too_deep_is_passed_over_to_the_end_of_the_line() -> None:
    deep = b'{"a":' * (MAX_DEPTH + 1)
    for tail in (b"", b"1" + b"}" * (MAX_DEPTH + 1), b'{"a":' * 10_000):
        results = feed(deep + tail + b"\r" + SAMPLE)
        assert reasons(results) == [f"nested deeper than {MAX_DEPTH} levels", ""]
        assert feed(*(deep + tail + b"\r" + SAMPLE).partition(b"1")) == results
    allowed = b'{"Tag":"1","Moment":"m","Point":"p","x":' + b'{"a":' * (MAX_DEPTH - 1) + b"1"
    assert both(allowed + b"}" * MAX_DEPTH) == [RawRead("1", "m", "p")]


@pytest.mark.parametrize("piece", [1 << 30, 65536, 1460, 997])
@pytest.mark.parametrize(
    "long", [b"[" + b"1," * MAX_FRAME, b'{"a":"' + b"x" * 2 * MAX_FRAME, b"[" + b" " * MAX_FRAME]
)
def test_a_message_too_long_is_named_once(long: bytes, piece: int) -> None:
    data = SAMPLE + long + b"\r" + SAMPLE
    decoder = tsv2.Decoder()
    results: Decoded = []
    for i in range(0, len(data), piece):
        results += decoder.feed(data[i : i + piece])
        assert len(decoder.held) <= MAX_FRAME
    assert reasons(results) == ["", f"a message longer than {MAX_FRAME} bytes", ""]


@pytest.mark.parametrize("piece", [1 << 30, 65536])
@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("end", [b"", b"\r"])
def test_the_ceiling_is_exact(end: bytes, over: int, piece: int) -> None:
    data = ONE[:-1] + b" " * (MAX_FRAME - len(ONE) + over) + ONE[-1:] + end
    pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
    expected = [f"a message longer than {MAX_FRAME} bytes"] if over else [""]
    assert reasons(feed(*pieces)) == expected


@pytest.mark.parametrize("piece", [1 << 30, 65536, 997, 1])
@pytest.mark.parametrize("more", [-1, 0, 1, 1000])
def test_messages_that_break_off_without_end(more: int, piece: int) -> None:
    # The last bracket of them is the first of what follows.
    data = b"[" * (tsv2.MOST_BROKEN + more) + SAMPLE + b"\r" + SAMPLE
    results = feed(*(data[i : i + piece] for i in range(0, len(data), piece)))
    told = reasons(results)
    assert told[-1] == ""
    assert len(told) == tsv2.MOST_BROKEN + 2 + min(more, 0)
    assert ("message after message that breaks off" in told) == (more > 0)
    assert told.count("") == (1 if more > 0 else 2)
    # Broken off by the ends of their lines, they are as many as there are.
    assert len(feed(b"[\n" * 1000 + SAMPLE)) == 1001


def test_long_junk_is_not_held() -> None:
    decoder = tsv2.Decoder()
    for _ in range(100):
        assert decoder.feed(b"x" * 1000) == []
        assert len(decoder.held) < 1000
    assert len(decoder.feed(b"\r")) == 1


def test_a_closed_decoder_is_as_new() -> None:
    for data in (ONE[:60], b'{"a\\', b"junk", b'{"a":' * 30, b"[" * 5):
        decoder = tsv2.Decoder()
        decoder.feed(data)
        decoder.close()
        assert decoder == tsv2.Decoder()
        assert decoder.close() == []


PIECES = st.one_of(
    st.sampled_from([SAMPLE, ONE, OBJECT, JUNK, ONE[:-1] + b"," + OBJECT + b"]\n"]),
    st.sampled_from(
        [b"\r", b"\n", b"[", b"]", b"{", b"}", b'"', b"\\", b",", b":", b"\0", b"\xef\xbb\xbf",
         b" ", b'{"a":[{}]}', b'{"a":' * 17, b"]" * 3]
    ),
    st.binary(max_size=8),
    st.integers(0, len(SAMPLE)).map(lambda n: SAMPLE[:n]),
    st.integers(0, len(SAMPLE)).map(lambda n: SAMPLE[n:]),
)  # fmt: skip
STREAMS = st.lists(PIECES, max_size=12).map(b"".join)


@given(STREAMS, st.lists(st.integers(1, 400), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
@example(SAMPLE + b"\0", [210])
def test_any_cut_of_any_stream_gives_the_same_results(data: bytes, sizes: list[int]) -> None:
    pieces = []
    at = i = 0
    while at < len(data):
        size = sizes[i % len(sizes)]
        pieces.append(data[at : at + size])
        at, i = at + size, i + 1
    whole = feed(data)
    assert feed(*pieces) == whole
    assert one_by_one(data) == whole


@given(STREAMS)
@settings(max_examples=100, deadline=None)
def test_whatever_came_before_a_line_end_reads_go_on(data: bytes) -> None:
    """One message may still be lost to an open bracket, the one after it never is."""
    assert feed(data + b"\r\n" + SAMPLE + SAMPLE)[-1] == SAMPLE_READ


@given(STREAMS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_saved_decoder_goes_on_where_it_was(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    first = tsv2.Decoder()
    results = first.feed(data[:cut])
    second = msgspec.msgpack.decode(msgspec.msgpack.encode(first), type=tsv2.Decoder)
    assert results + second.feed(data[cut:]) + second.close() == feed(data)


NAMES = st.text(min_size=1, max_size=20)
READS = st.builds(
    RawRead,
    chip=NAMES, moment=NAMES, timing_point=NAMES, type=st.integers(0, 2),
    antenna=st.integers(0, 99), source=st.text(max_size=20), utc_moment=st.just("") | NAMES,
    rssi=st.none() | st.integers(-120, 0) | st.floats(-120, 0), epc=st.just("") | NAMES,
    seq=st.integers(0, 2**63 - 1),
)  # fmt: skip


@given(st.lists(READS, max_size=4))
@settings(max_examples=100, deadline=None)
def test_what_is_encoded_is_decoded(reads: list[RawRead]) -> None:
    assert feed(tsv2.encode(reads)) == reads
    assert feed(tsv2.encode(reads)[:-1]) == reads


def test_encode_writes_the_sample() -> None:
    assert tsv2.encode([SAMPLE_READ]) == SAMPLE
    assert tsv2.encode([RawRead(7, "", "p", utc_moment="u")]) == (
        b'[{"Chip":"7","UtcMoment":"u","TimingPoint":"p","Type":2,"Antenna":0,"Source":""}]\r'
    )
