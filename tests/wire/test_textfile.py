"""Bytes to text to JSON: encodings, padding, unfinished against malformed, ceilings."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import WireError
from wire.textfile import MAX_DEPTH, NotWhole, clean, decode_text, parse_json

CEILING = 1 << 20
TEXT = '{"name": "Zoë Müller", "club": "Ål"}'
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdXYZ", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        b"\xff\xfe" + TEXT.encode("utf-16-le"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
        TEXT.encode() + b"\r\n" + bytes(512),
        TEXT.encode("utf-16-le") + bytes(64),
        b"\xff\xfe" + TEXT.encode("utf-16-le") + bytes(64),
        TEXT.encode() + b"\x1a",
    ],
    ids=["utf-8", "utf-8 bom", "utf-16-le bom", "utf-16-be bom", "utf-16-le", "utf-16-be",
         "cp1252", "nul tail", "utf-16 nul tail", "utf-16 bom nul tail", "ctrl-z"],
)  # fmt: skip
def test_encodings_and_padding_give_one_text(data: bytes) -> None:
    assert decode_text(data) == TEXT
    assert parse_json(data, CEILING).value == {"name": "Zoë Müller", "club": "Ål"}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_line_ending(ending: str) -> None:
    data = ending.join(["{", '"a":', "1", "}", ""]).encode()
    assert parse_json(data, CEILING).value == {"a": 1}


def test_every_byte_of_windows_1252_decodes() -> None:
    assert decode_text(b'"\x81\x80"') == '"�€"'


def test_half_a_utf16_character_is_unfinished() -> None:
    with pytest.raises(WireError, match="unfinished"):
        decode_text(b"\xff\xfe" + TEXT.encode("utf-16-le")[:-1])


def test_broken_utf16_is_refused() -> None:
    with pytest.raises(WireError, match="broken"):
        decode_text(b"\xff\xfe\x00\xd8\x41\x00")


@pytest.mark.parametrize("data", [b"", b" \r\n", bytes(4096), b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_says_so(data: bytes) -> None:
    with pytest.raises(WireError, match="empty") as caught:
        parse_json(data, CEILING)
    assert "read again" in caught.value.problem.hint


def test_keys_are_folded_and_the_last_of_equal_keys_wins() -> None:
    data = b'{"Lane": 1, "lane": 2, "LANE": {"swimmerTeamID": 7}}'
    assert parse_json(data, CEILING).value == {"lane": {"swimmerteamid": 7}}


@pytest.mark.parametrize("number", ["1.5", "1.0", "1e3", "-0.0", "9" * 19, "9" * 5000, "1e99999"])
def test_a_number_that_is_not_whole_stays_text(number: str) -> None:
    assert parse_json(f"[{number}]".encode(), CEILING).value == [NotWhole(number)]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_at_all_stays_text(number: str) -> None:
    assert parse_json(f"[{number}]".encode(), CEILING).value == [NotWhole(number)]


@pytest.mark.parametrize("cut", range(1, len(TEXT)))
def test_a_file_cut_anywhere_is_unfinished(cut: int) -> None:
    with pytest.raises(WireError, match="unfinished"):
        parse_json(TEXT[:cut].encode(), CEILING)


@pytest.mark.parametrize("text", ["[tru", "[-", "[1.", '["\\', '["\\u12', "[12", '{"a"', '{"a":1,'])
def test_a_file_cut_inside_a_token_is_unfinished(text: str) -> None:
    with pytest.raises(WireError, match="unfinished"):
        parse_json(text.encode(), CEILING)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1 "b": 2}', r"not JSON: expecting ',' delimiter \(line 1, column 9\)"),
        ('{\n"a": 1,\n}', r"not JSON: .* \(line 3, column 1\)"),
        ("{'a': 1}", "not JSON"),
        ('{"a": 1}\n"b": 2}', r"more text after the end of the document \(line 2"),
        ('["\\x"]', "not JSON"),
    ],
)
def test_a_malformed_file_names_the_place(text: str, reason: str) -> None:
    with pytest.raises(WireError, match=reason) as caught:
        parse_json(text.encode(), CEILING)
    assert caught.value.problem.excerpt
    assert caught.value.problem.hint


def test_a_file_beyond_its_ceiling_is_not_parsed() -> None:
    assert parse_json(b"[1]", 3).value == [1]
    with pytest.raises(WireError, match="4 bytes; more than 3"):
        parse_json(b"[12]", 3)


def test_depth_has_a_ceiling_that_brackets_in_text_do_not_reach() -> None:
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, CEILING)
    parse_json(b'["' + b"[" * 5000 + b'\\"["]', CEILING)
    for deep in (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), b"[" * 100_000, b'{"a":' * 9999):
        with pytest.raises(WireError, match="nested deeper than 32"):
            parse_json(deep, CEILING)


def test_a_last_resort_reads_past_what_the_published_sample_has() -> None:
    text = """{
        “lane”: 3, // it's from the program
        "url": "http://x/[1,]…",
        "list": [ {"a": 1}, {"b": 2}, // two
            …… more to follow
        ],
        }"""
    wanted = {"lane": 3, "url": "http://x/[1,]…", "list": [{"a": 1}, {"b": 2}]}
    for ending in ("\n", "\r\n", "\r"):
        found = parse_json(text.replace("\n", ending).encode(), CEILING, last_resort=True)
        assert found.repaired
        assert found.value == wanted
    with pytest.raises(WireError):
        parse_json(text.encode(), CEILING)


def test_a_last_resort_is_not_taken_without_need_and_not_reported_in_vain() -> None:
    good = parse_json('{"a": "“//”…,]"}'.encode(), CEILING, last_resort=True)
    assert not good.repaired
    assert good.value == {"a": "“//”…,]"}
    with pytest.raises(WireError, match="unfinished"):
        parse_json(b'{"a": 1, // cut', CEILING, last_resort=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("  Zoë \t Ann\n", "Zoë   Ann"), ("a\x00b\x1fc", "a b c"), ("\ud800x", "?x"), ("ok", "ok")],
)
def test_names_are_made_showable(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(json_values)
def test_valid_json_reads_as_json_does(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    found = parse_json(text.encode("utf-8", "replace"), CEILING)
    assert found.value == _fold(json.loads(text.encode("utf-8", "replace")))
    assert not found.repaired


@given(st.binary(max_size=200), st.booleans())
def test_garbage_raises_nothing_else(data: bytes, last_resort: bool) -> None:
    with contextlib.suppress(WireError):
        parse_json(data, CEILING, last_resort=last_resort)


@given(st.text('{}[]",:\\/“”…0123eE.-+ntu \n\r', max_size=40), st.booleans())
def test_near_json_raises_nothing_else(text: str, last_resort: bool) -> None:
    with contextlib.suppress(WireError):
        parse_json(text.encode(), CEILING, last_resort=last_resort)


def _fold(value: object) -> object:
    if isinstance(value, dict):
        return {key.casefold(): _fold(item) for key, item in value.items()}
    return [_fold(item) for item in value] if isinstance(value, list) else value
