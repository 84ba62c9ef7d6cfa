"""TsV1: the documented message, everything around it, and any cut of the stream."""

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wire import tsv1
from wire.errors import EXCERPT_BYTES, Malformed
from wire.jsonreads import MAX_DEPTH, MAX_FRAME, Decoded
from wire.reads import RawRead

# The sample of PROTOCOLS 2, byte for byte.
SAMPLE = (
    b'[{"Chip":123456,"Moment":"2026-04-22T10:15:42.1234567Z","TimingPoint":"Finish",'
    b'"Type":2,"Antenna":2,"Source":"Reader-01"}]\r'
)
SAMPLE_READ = RawRead(123456, "2026-04-22T10:15:42.1234567Z", "Finish", 2, 2, "Reader-01")


def element(**keys: object) -> bytes:
    """One object with good values, and `keys` in their place."""
    good = {"Chip": 1, "Moment": "2026-04-22T10:15:42.1234567", "TimingPoint": "Finish"}
    return msgspec.json.encode({**good, **keys})


def feed(*pieces: bytes) -> Decoded:
    decoder = tsv1.Decoder()
    return [item for piece in pieces for item in decoder.feed(piece)] + decoder.close()


def one_by_one(data: bytes) -> Decoded:
    return feed(*(data[i : i + 1] for i in range(len(data))))


def only(results: Decoded) -> RawRead | Malformed:
    (result,) = results
    return result


def reason(results: Decoded) -> str:
    result = only(results)
    assert isinstance(result, Malformed)
    return result.reason


def test_the_sample_whole_byte_by_byte_and_with_junk_around_it() -> None:
    assert feed(SAMPLE) == [SAMPLE_READ]
    assert one_by_one(SAMPLE) == [SAMPLE_READ]
    for data in (
        b"junk\r" + SAMPLE + b"more junk\r" + SAMPLE,
        b"\x80\xff\r" + SAMPLE + b"[\r" + SAMPLE,
    ):
        whole = feed(data)
        assert [type(item) for item in whole] == [Malformed, RawRead, Malformed, RawRead]
        assert one_by_one(data) == whole


def test_encode_writes_the_sample() -> None:
    assert tsv1.encode([SAMPLE_READ]) == SAMPLE
    assert tsv1.encode([]) == b"[]\r"


@pytest.mark.parametrize(
    ("chip", "written"),
    [
        (7, b"7"), ("7", b"7"), ("0", b"0"), ("007", b'"007"'), ("A7", b'"A7"'), ("", b'""'),
        ("-7", b'"-7"'), ("\u0661", '"\u0661"'.encode()), ("1" * 30, b'"' + b"1" * 30 + b'"'),
    ],
)  # fmt: skip
def test_a_chip_is_a_number_when_nothing_is_lost(chip: str | int, written: bytes) -> None:
    assert tsv1.encode([RawRead(chip, "m", "p")]).startswith(b'[{"Chip":' + written + b',"Moment"')


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n\n"])
def test_any_line_end_ends_a_message(end: bytes) -> None:
    message = SAMPLE[:-1]
    assert feed(message + end + message + end) == [SAMPLE_READ] * 2
    assert one_by_one(message + end + message + end) == [SAMPLE_READ] * 2


def test_blank_and_empty_messages_say_nothing() -> None:
    assert feed(b"\r\n\r  \t\r[]\r [ ] \r\0\0\r\n" + SAMPLE) == [SAMPLE_READ]


def test_a_single_object_is_a_message() -> None:
    assert feed(SAMPLE[1:-2] + b"\r") == [SAMPLE_READ]


def test_a_mark_before_and_nuls_around_a_message_are_ignored() -> None:
    assert feed(b"\xef\xbb\xbf" + SAMPLE) == [SAMPLE_READ]
    assert feed(b"\0" + SAMPLE[:-1] + b"\0\r\0") == [SAMPLE_READ]


def test_lower_case_keys_are_read_and_never_half_read() -> None:
    """`type` beside the good required keys must not become the default, best-seen."""
    lower = SAMPLE.replace(b'"Type":2', b'"type":1')
    assert feed(lower) == [msgspec.structs.replace(SAMPLE_READ, type=1)]
    assert feed(SAMPLE.lower().replace(b"t10", b"T10").replace(b"z", b"Z")) == [
        msgspec.structs.replace(SAMPLE_READ, timing_point="finish", source="reader-01")
    ]


def test_missing_or_null_optional_keys_take_their_defaults() -> None:
    expected = RawRead(1, "2026-04-22T10:15:42.1234567", "Finish")
    assert feed(b"[" + element() + b"]\r") == [expected]
    nothing = element(Type=None, Antenna=None, Source=None, Unknown={"a": [1]})
    assert feed(b"[" + nothing + b"]\r") == [expected]


def test_a_gun_needs_no_chip() -> None:
    for chip in (None, "", 0):
        (gun,) = feed(element(Chip=chip, Type=0) + b"\r")
        assert isinstance(gun, RawRead)
        assert (gun.type, gun.chip) == (0, chip or ("" if chip != 0 else 0))
    assert feed(b'{"Moment":"m","TimingPoint":"Start","Type":"Gun"}\r') == [
        RawRead("", "m", "Start", 0)
    ]


GOOD = {
    "chip text": (element(Chip="0042"), RawRead("0042", "2026-04-22T10:15:42.1234567", "Finish")),
    "whole floats": (
        element(Chip=5.0, Type=1.0, Antenna=3.0),
        RawRead(5, "2026-04-22T10:15:42.1234567", "Finish", 1, 3),
    ),
    "numbers as text": (
        element(Type="1", Antenna="3", Source=7),
        RawRead(1, "2026-04-22T10:15:42.1234567", "Finish", 1, 3, "7"),
    ),
    "a key twice, the last counts": (
        b'{"Chip":1,"Chip":2,"chip":3,"Moment":"m","TimingPoint":"p"}',
        RawRead(3, "m", "p"),
    ),
    "of two aliases the better": (
        b'{"Chip":1,"Tag":"2","Moment":"m","TimingPoint":"p","Location":"q"}',
        RawRead(1, "m", "p"),
    ),
    "brackets and escapes in text": (
        element(TimingPoint='a]}[{,"\\é\n', extra=1),
        RawRead(1, "2026-04-22T10:15:42.1234567", 'a]}[{,"\\é\n'),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_tolerated(name: str) -> None:
    raw, read = GOOD[name]
    assert feed(b"[" + raw + b"]\r") == [read]


BAD = {
    "chip of true": (element(Chip=True), "Chip is true or false that cannot be a chip"),
    "chip with a fraction": (element(Chip=1.5), "Chip is a number that cannot be a chip"),
    "negative chip": (element(Chip=-1), "Chip is a number that cannot be a chip"),
    "huge chip": (element(Chip=2**63), "Chip is a number that cannot be a chip"),
    "endless chip": (element().replace(b":1,", b":" + b"9" * 9999 + b","), "out of range"),
    "chip beyond numbers": (element().replace(b":1,", b":1e999,"), "out of range"),
    "chip of an array": (element(Chip=[1]), "Chip is an array that cannot be a chip"),
    "chip too long": (element(Chip="1" * 129), "Chip is text that cannot be a chip"),
    "no chip": (element(Chip=None), "a read without a chip"),
    "empty chip": (element(Chip=""), "a read without a chip"),
    "no moment": (element(Moment=None), "a read without a moment"),
    "moment of a number": (element(Moment=1713780942), "Moment is a number, not text"),
    "no point": (element(TimingPoint=None), "a read without a timing point"),
    "unknown type": (element(Type=3), "Type is not a read type"),
    "type of true": (element(Type=True), "Type is not a read type"),
    "type in other words": (element(Type="lap"), "Type is not a read type"),
    "a number": (b"5", "an element that is not an object"),
    "an array": (b"[[]]", "an element that is not an object"),
    "NaN": (element().replace(b":1,", b":NaN,"), "not JSON"),
    "leading zeros": (element().replace(b":1,", b":0042,"), "not JSON"),
    "no UTF-8": (element(TimingPoint="Z").replace(b'"Z"', b'"Z\xfcrich"'), "not UTF-8 (byte 0xfc)"),
    "NUL in text": (element(TimingPoint="Z").replace(b'"Z"', b'"Z\0"'), "not JSON"),
    "half a surrogate": (element(TimingPoint="Z").replace(b'"Z"', rb'"\ud800"'), "not JSON"),
    "single quotes": (b"{'Chip':1}", "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_element_costs_itself_only(name: str) -> None:
    raw, words = BAD[name]
    before, after = RawRead(10, "m", "p"), RawRead(11, "m", "p")
    good = tsv1.encode([before])[1:-2], tsv1.encode([after])[1:-2]
    data = b"[" + good[0] + b"," + raw + b"," + good[1] + b"]\r"
    results = feed(data, SAMPLE)
    bad = results[1]
    assert isinstance(bad, Malformed)
    assert words in bad.reason
    assert bad.excerpt
    assert bad.hint
    assert results == [before, bad, after, SAMPLE_READ]
    assert one_by_one(data + SAMPLE) == results


def test_a_read_is_kept_without_an_incidental_value_that_cannot_be_read() -> None:
    read, note = feed(element(Antenna="left", Source=[1], Epc=3, Rssi="weak") + b"\r")
    assert read == RawRead(1, "2026-04-22T10:15:42.1234567", "Finish")
    assert isinstance(note, Malformed)
    assert note.reason == (
        "a read kept without its Rssi and Antenna and Source and Epc, which cannot be read"
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"8", "neither a JSON array nor an object"),
        (b"null", "neither a JSON array nor an object"),
        (b'"[]"', "neither a JSON array nor an object"),
        (b"\xff\xfe[\0]\0", "neither a JSON array nor an object"),
        (b"[" * 500_00, f"nested deeper than {MAX_DEPTH} levels"),
        (b'[{"a":' * 20 + b"}]" * 20, f"nested deeper than {MAX_DEPTH} levels"),
        (b"[1 2]", "not JSON: "),
        (b"[]]", "not JSON: "),
    ],
)
def test_a_message_that_is_none(message: bytes, words: str) -> None:
    results = feed(message + b"\r" + SAMPLE)
    assert results[1:] == [SAMPLE_READ]
    assert reason(results[:1]).startswith(words)


def test_a_cr_inside_a_text_is_not_json_and_costs_that_message_only() -> None:
    cut = SAMPLE.replace(b"Finish", b"Fin\rish")
    results = feed(cut + SAMPLE)
    assert [type(item) for item in results] == [Malformed, Malformed, RawRead]


def test_a_cut_message_keeps_its_whole_objects() -> None:
    two = SAMPLE[:-2] + b"," + SAMPLE[1:-1]
    results = feed(two[:-20] + b"\r" + SAMPLE)
    assert [type(item) for item in results] == [RawRead, Malformed, RawRead]
    assert feed(SAMPLE[:-2] + b"\r")[0] == SAMPLE_READ
    assert reason(feed(SAMPLE[:-2] + b"\r")[1:]).startswith("not JSON")


def test_the_end_of_the_connection() -> None:
    assert feed(SAMPLE[:-1]) == [SAMPLE_READ]  # whole, but for its CR
    assert reason(feed(SAMPLE[:40])).startswith("not JSON")
    assert feed(SAMPLE, b"  ") == [SAMPLE_READ]
    decoder = tsv1.Decoder()
    decoder.feed(SAMPLE[:40])
    assert len(decoder.close()) == 1
    assert decoder.close() == []
    assert decoder == tsv1.Decoder()


@pytest.mark.parametrize("piece", [1 << 30, 65536, 1460, 997])
def test_a_message_too_long_is_named_once_and_passed_over_in_bounded_memory(piece: int) -> None:
    data = SAMPLE + b"[" + b"1," * MAX_FRAME + b"\r" + SAMPLE + b"x" * (MAX_FRAME + 1)
    decoder = tsv1.Decoder()
    results: Decoded = []
    for i in range(0, len(data), piece):
        results += decoder.feed(data[i : i + piece])
        assert len(decoder.held) <= MAX_FRAME
    results += decoder.close()
    assert results[:3:2] == [SAMPLE_READ] * 2
    for at in (1, 3):
        bad = results[at]
        assert isinstance(bad, Malformed)
        assert bad.reason == f"a message longer than {MAX_FRAME} bytes"
        assert len(bad.excerpt) == EXCERPT_BYTES + 1
    assert len(results) == 4


def test_a_message_as_long_as_may_be_is_read() -> None:
    padded = b"[" + b" " * (MAX_FRAME - len(SAMPLE) + 1) + SAMPLE[1:]
    assert len(padded) == MAX_FRAME + 1
    assert feed(padded) == [SAMPLE_READ]
    assert reason(feed(b" " + padded)) == f"a message longer than {MAX_FRAME} bytes"


PIECES = st.one_of(
    st.just(SAMPLE),
    st.sampled_from([raw + b"\r" for raw, _ in (*GOOD.values(), *BAD.values())]),
    st.sampled_from(
        [b"\r", b"\n", b"[", b"]", b"{", b"}", b'"', b"\\", b",", b"\0", b"\xef\xbb\xbf", b"\xff"]
    ),
    st.binary(max_size=8),
    st.integers(0, len(SAMPLE)).map(lambda n: SAMPLE[:n]),
    st.integers(0, len(SAMPLE)).map(lambda n: SAMPLE[n:]),
)
STREAMS = st.lists(PIECES, max_size=12).map(b"".join)


@given(STREAMS, st.lists(st.integers(1, 300), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
@example(b"[\n" + SAMPLE[1:], [1])
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


@given(STREAMS, st.data())
@settings(max_examples=60, deadline=None)
def test_a_saved_decoder_goes_on_where_it_was(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    first = tsv1.Decoder()
    results = first.feed(data[:cut])
    second = msgspec.msgpack.decode(msgspec.msgpack.encode(first), type=tsv1.Decoder)
    assert results + second.feed(data[cut:]) + second.close() == feed(data)


NAMES = st.text(min_size=1, max_size=20)


@given(
    st.lists(
        st.builds(
            RawRead,
            chip=st.integers(0, 2**63 - 1) | NAMES.filter(lambda t: not t.isdigit()),
            moment=NAMES, timing_point=NAMES, type=st.integers(0, 2),
            antenna=st.integers(0, 99), source=st.text(max_size=20),
        ),
        max_size=4,
    )
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_what_is_encoded_is_decoded(reads: list[RawRead]) -> None:
    assert feed(tsv1.encode(reads)) == reads
