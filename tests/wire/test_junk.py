"""Junk: what is said of it in a row is what is said of each, and nothing so short is a read."""

from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire import jsonreads, tsv1, tsv2
from wire.errors import Malformed
from wire.jsonkeys import ALIASES
from wire.jsonreads import SHORTEST, Decoded
from wire.reads import RawRead

LEAST = b'{"tag":1,"moment":"1","point":"1"}'
READ = RawRead(1, "1", "1")
DECODERS = (tsv1.Decoder, tsv2.Decoder)
BITS = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b"a", b",", b":", b"\r", b"\n", b" ", b"\0", b"\\", b"{}",
     b"[]", b'"a":', b"1", b"\xff", b"\xef\xbb\xbf", b"\t", LEAST, b'{"Chip":1}', b"x" * 29,
     b" " * 30, b"{]", b"[}", b"[{", b"{{", b"[a{", b"{a:\r", b"{a: ", b'"a\\"b"']
)  # fmt: skip


def feed(decoder: tsv1.Decoder | tsv2.Decoder, *pieces: bytes) -> Decoded:
    return [item for piece in pieces for item in decoder.feed(piece)] + decoder.close()


def test_nothing_shorter_is_a_read() -> None:
    stamps = ALIASES["moment"] + ALIASES["utc_moment"]
    least = [
        msgspec.json.encode({who: 1 if who in ALIASES["chip"] else 0, stamp: "1", point: "1"})
        for who, stamp, point in product(
            ALIASES["chip"] + ALIASES["type"], stamps, ALIASES["timing_point"]
        )
    ]
    assert min(map(len, least)) == SHORTEST == len(LEAST)
    for message in least:
        for decoder in DECODERS:
            (read,) = feed(decoder(), message + b"\r")
            assert isinstance(read, RawRead)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(
    "around", [b"%s\r", b"[%s]\r", b"[1,%s,{}]\r", b"[{},%s", b"[%s\r", b"{]\r%s\r", b"x\r%s\r"]
)
def test_the_shortest_read_is_one(decoder: type, around: bytes) -> None:
    results = feed(decoder(), around % LEAST)
    assert [item for item in results if isinstance(item, RawRead)] == [READ]
    assert not any(isinstance(item, RawRead) for item in feed(decoder(), around % LEAST[:-1]))


@given(st.lists(BITS, max_size=60).map(b"".join), st.lists(st.integers(1, 40), min_size=1))
@settings(max_examples=400, deadline=None)
def test_in_a_row_or_byte_by_byte_the_same_is_said(data: bytes, sizes: list[int]) -> None:
    """A byte alone is never a short message, so that byte by byte each is followed."""
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
    for decoder in DECODERS:
        whole = feed(decoder(), data)
        assert feed(decoder(), *(bytes([byte]) for byte in data)) == whole
        assert feed(decoder(), *pieces) == whole


@given(st.lists(BITS, max_size=12).map(b"".join))
@settings(max_examples=200, deadline=None)
def test_what_is_remembered_is_what_was_said(message: bytes) -> None:
    first = jsonreads.decode(message)
    assert jsonreads.decode(message) == first
    jsonreads.said_of.cache_clear()
    assert jsonreads.decode(message) == first


def test_what_was_said_is_nobody_elses_list() -> None:
    first = jsonreads.decode(b"{}")
    first.clear()
    (said,) = jsonreads.decode(b"{}")
    assert isinstance(said, Malformed)


@pytest.mark.parametrize("end", [b"\r", b"\n", b" \r\n", b"\0\n"])
@pytest.mark.parametrize("broken", [b"{]", b"{", b"[[", b"x{]", b"[{]"])
def test_messages_that_break_off_are_counted_on_one_line(end: bytes, broken: bytes) -> None:
    line = broken * (tsv2.MOST_BROKEN // len(broken))
    data = (line + end) * 9 + b"{]" + LEAST + b"\r"
    whole = feed(tsv2.Decoder(), data)
    assert whole[-1] == READ
    assert feed(tsv2.Decoder(), *(bytes([byte]) for byte in data)) == whole
    told = {item.reason for item in whole if isinstance(item, Malformed)}
    assert "message after message that breaks off" not in told


@pytest.mark.parametrize("blanks", [0, 1, 9, 10, 30])
def test_blanks_in_an_array_are_none_of_what_breaks_it_off(blanks: int) -> None:
    data = b"[" + b" " * blanks + LEAST + b"]"
    for decoder in DECODERS:
        assert feed(decoder(), data) == [READ]


def test_what_is_broken_is_said_piece_by_piece() -> None:
    quoted = [item.excerpt for item in jsonreads.decode(b"[1,{") if isinstance(item, Malformed)]
    assert quoted == ["1", "{"]


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_levels_are_counted_where_there_are_so_many_brackets(more: int) -> None:
    levels = jsonreads.MAX_DEPTH + more
    (said,) = jsonreads.decode(b"[" * levels + b"]" * levels)
    assert isinstance(said, Malformed)
    assert said.reason.startswith("nested deeper") == (more > 0)
