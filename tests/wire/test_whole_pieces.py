"""Plain pieces read all at once are read as one by one, in every language, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.at_once import fed, whole
from wire.ctp01 import MAX_LINE, ClientDecoder
from wire.jsonreads import MAX_FRAME
from wire.reads import RawRead
from wire.tsv1 import Decoder as TsV1
from wire.tsv1 import encode as encode_tsv1
from wire.tsv2 import Decoder as TsV2
from wire.tsv2 import encode as encode_tsv2

READ = RawRead("7", "2026-06-14T09:00:00.5", "Finish", 2, 3, "R1")
LINE = b"CT01_33~12~Finish~7~2026-06-14T09:00:00.50~1~R1~3\r\n"
_reads = st.builds(
    RawRead,
    st.one_of(st.sampled_from(["7", "007", "Ü"]), st.integers(0, 99)),
    st.sampled_from(["2026-06-14T09:00:00.5", "09:00:00.5"]),
    st.just("Finish"),
    st.integers(0, 2),
)
_lines = st.builds(
    lambda *fields: "~".join(fields).encode(),
    st.sampled_from(["CT01_33", "CT01_13", "TO", ""]),
    st.sampled_from(["1", "12", "", "x", "9" * 19, "²"]),
    st.sampled_from(["Finish", "", "10k"]),
    st.sampled_from(["7", "guntime", "newlocation", "", "CT01_33"]),
    st.sampled_from(["2026-06-14T09:00:00.50", "", "soon"]),
    st.sampled_from(["1", "", "x", "9" * 10]),
    st.sampled_from(["R1", "", "a b", "a~b"]),
    st.sampled_from(["3", "", "-1"]),
)
_ends = st.sampled_from([b"\r\n", b"\n", b"\r", b"\0"])
_tagged = st.sampled_from([b"guntime", b"newlocation", b"CT01_33", b"007"]).map(
    lambda tag: LINE.replace(b"~7~", b"~" + tag + b"~")
)
_ctp01 = st.one_of(st.just(LINE), _tagged, st.builds(lambda line, end: line + end, _lines, _ends))
_json = st.one_of(
    st.lists(_reads, max_size=3).map(encode_tsv1),
    st.lists(_reads, max_size=3).map(encode_tsv2),
    st.sampled_from([b"[]\r", b"\r", b"[1]\r", b'{"Chip":"7"}\r', b"]\r[", b"\n", b"\xff\r"]),
)


def pieces_of(messages: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.lists(messages, min_size=1, max_size=4).map(b"".join), min_size=1)


@pytest.mark.parametrize("kind", [TsV1, TsV2, ClientDecoder])
@given(st.data())
def test_whole_pieces_are_what_feeding_them_gives(
    kind: type[ClientDecoder | TsV1 | TsV2], data: st.DataObject
) -> None:
    pieces = data.draw(pieces_of(_ctp01 if kind is ClientDecoder else _json))
    decoder = kind()
    plain = decoder.whole(pieces)
    assert decoder == kind(), "looking leaves no trace"
    if plain is not None:
        assert whole(plain) == fed([decoder.feed(piece) for piece in pieces])
        assert decoder == kind()


@pytest.mark.parametrize(
    ("decoder", "piece"),
    [
        (TsV1(), encode_tsv1([READ, READ])),
        (TsV2(), encode_tsv2([READ]) * 3),
        (ClientDecoder(), LINE * 3),
        (ClientDecoder(), LINE.replace(b"\r", b"") * 3),
    ],
)
def test_plain_pieces_are_read_at_once(decoder: ClientDecoder | TsV1 | TsV2, piece: bytes) -> None:
    plain = decoder.whole([piece, piece])
    assert plain is not None
    assert len(plain.chips) == sum(plain.counts) == 2 * plain.counts[0] > 2


@pytest.mark.parametrize(
    ("decoder", "started", "piece"),
    [
        (TsV1(), b"[", encode_tsv1([READ])),
        (TsV2(), b"[", encode_tsv2([READ])),
        (TsV2(), b"junk", encode_tsv2([READ])),
        (ClientDecoder(), b"CT01_33~1", LINE),
        (ClientDecoder(), b"x" * (MAX_LINE + 1), LINE),
        (TsV1(), b"x" * (MAX_FRAME + 1), encode_tsv1([READ])),
    ],
)
def test_nothing_is_whole_after_the_beginning_of_something(
    decoder: ClientDecoder | TsV1 | TsV2, started: bytes, piece: bytes
) -> None:
    decoder.feed(started)
    assert decoder.whole([piece]) is None


def test_a_line_that_is_too_long_is_not_plain() -> None:
    long = LINE.replace(b"R1", b"R" * MAX_LINE)
    assert ClientDecoder().whole([LINE, long]) is None
    fits = LINE.replace(b"R1", b"R" * (MAX_LINE - len(LINE) + 4))
    assert ClientDecoder().whole([fits]) is not None
