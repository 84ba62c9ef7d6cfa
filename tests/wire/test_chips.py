"""The chip table in every form that spreadsheets give it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.chips import MAX_DEPTH, MAX_WARNINGS, encode_csv, parse
from wire.errors import WireError

EXPECTED = {"0001": "7", "A2": "9"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "header",
    [("chip", "swimmer"), ("Tag", "Swimmer ID"), ("TRANSPONDER", "bib"), ("chip_code", " Id "),
     ("Chip", "Name")],
)  # fmt: skip
def test_csv(header: tuple[str, str], delimiter: str, end: str) -> None:
    rows = [header, ("0001", " 7 "), ("A2", '"9"')]
    text = end.join(delimiter.join(row) for row in rows)
    for data in (text.encode(), b"\xef\xbb\xbf" + (text + end).encode(), text.encode("utf-16")):
        table = parse("chips.csv", data)
        assert table.chips == EXPECTED
        assert table.warnings == ()


def test_other_columns_quotes_and_a_line_for_excel() -> None:
    text = 'sep=;\r\nName;Bib;Chip\r\n"Müller; Åsa";7;0001\r\n\r\n;;\r\nO\'Neill;9;A2\r\n'
    for encoding in ("utf-8", "cp1252"):
        table = parse("chips.csv", text.encode(encoding))
        assert table.chips == EXPECTED
        assert table.warnings == ()


def test_a_name_in_the_local_code_page() -> None:
    assert parse("c.csv", "chip,name\n1,Åsa".encode("cp1252")).chips == {"1": "Åsa"}


def test_the_swimmers_id_outranks_the_bib_and_the_name() -> None:
    table = parse("c.csv", b"name,bib,swimmer id,chip\nAnna,12,7,1\n")
    assert table.chips == {"1": "7"}


def test_a_swimmer_may_have_several_chips() -> None:
    table = parse("c.csv", b"chip,bib\n1,7\n2,7\n1,7\n")
    assert table.chips == {"1": "7", "2": "7"}
    assert table.warnings == ()


def test_rows_that_are_wrong_are_named_with_their_line() -> None:
    table = parse("c.csv", b"chip,bib\n1,7\n\n,8\n2,\n1,9\n3,5\x07\n4\n5,6\n")
    assert table.chips == {"1": "9", "5": "6"}
    assert [warning.reason for warning in table.warnings] == [
        "c.csv, line 4: a row without a chip",
        "c.csv, line 5: chip 2 is given to nobody",
        "c.csv, line 6: chip 1 was 7's in line 2 and is 9's from here on",
        "c.csv, line 7: chip 3 is given to nobody",
        "c.csv, line 8: chip 4 is given to nobody",
    ]
    assert [warning.excerpt for warning in table.warnings][:2] == [",8", "2,"]


def test_an_open_quote_costs_its_line_only() -> None:
    table = parse("c.csv", b'chip,bib\n"1,7\n2,8\n')
    assert table.chips == {"2": "8"}
    assert len(table.warnings) == 1


@pytest.mark.parametrize("more", [-1, 0, 1, 900])
def test_warnings_are_bounded(more: int) -> None:
    count = MAX_WARNINGS + more
    table = parse("c.csv", b"chip,bib\n" + b"1,\n" * count + b"2,3\n")
    assert len(table.warnings) == min(count, MAX_WARNINGS)
    assert table.chips == {"2": "3"}


@pytest.mark.parametrize(
    "data",
    [
        b'{"0001": "7", "A2": 9}',
        b'\xef\xbb\xbf{"0001":{"bib":7},"A2":{"id":"9"}}',
        b'[{"chip":"0001","swimmer":7},{"Tag":"A2","bib":"9","name":"x"}]',
        b'{"chips":[{"chip":"0001","swimmerId":"7"},{"chip":"A2","swimmerId":"9"}]}',
        b'[{"chips":["0001"],"id":7},{"transponder":"A2","id":9}]',
    ],
    ids=["map", "map of objects", "list", "wrapped list", "several chips"],
)  # fmt: skip
def test_json(data: bytes) -> None:
    for name in ("chips.json", "chips.csv"):
        table = parse(name, data)
        assert table.chips == EXPECTED
        assert table.warnings == ()


def test_json_rows_that_are_wrong() -> None:
    table = parse("c.json", b'{"1":"7","1":"8","2":null,"3":true,"4":["x"],"":"9"}')
    assert table.chips == {"1": "8"}
    assert [warning.reason for warning in table.warnings] == [
        "c.json, entry 2: chip 1 was 7's in entry 1 and is 8's from here on",
        "c.json, entry 3: chip 2 is given to nobody",
        "c.json, entry 4: chip 3 is given to nobody",
        "c.json, entry 5: chip 4 is given to nobody",
        "c.json, entry 6: a row without a chip",
    ]
    table = parse(
        "c.json", b'[5, {"bib":1}, {"chip":{},"bib":2}, {"chip":12345678901234567890,"id":3}]'
    )
    assert table.chips == {"12345678901234567890": "3"}
    assert len(table.warnings) == 3


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("c.csv", b"", "c.csv is empty"),
        ("c.csv", b" \r\n", "c.csv is empty"),
        ("c.csv", b"sep=,\r\n", "c.csv is empty"),
        ("c.csv", b"1,7\n2,8\n", "no columns for chip and swimmer"),
        ("c.csv", b"chip,colour\n1,red\n", "no columns for chip and swimmer"),
        ("c.csv", b"PK\x03\x04\x14\0\6\0", "no columns for chip and swimmer"),
        ("c.csv", b'"' + b"x" * 200_000, "no columns for chip and swimmer"),
        ("c.json", b"chip,bib\n1,7", "not JSON"),
        ("c.json", b'{"1":"7"', "not JSON"),
        ("c.json", b'{"1":NaN}', "not JSON"),
        ("c.json", b"7", "neither an object nor a list"),
        ("c.json", b"[" * 100_000, f"deeper than {MAX_DEPTH} levels"),
        ("c.csv", b"x" * (16 * 1024 * 1024 + 1), "larger than"),
    ],
)
def test_what_is_no_table(name: str, data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        parse(name, data)


PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=10)


@given(st.dictionaries(PRINTABLE, PRINTABLE, max_size=8))
@settings(max_examples=100)
def test_what_is_encoded_is_read(chips: dict[str, str]) -> None:
    table = parse("chips.csv", encode_csv(chips))
    assert table.chips == chips
    assert table.warnings == ()


@given(
    st.sampled_from(["c.csv", "c.json"]),
    st.binary(max_size=60)
    | st.text('chip,bd;\t\n\r"17{}[]:', max_size=60).map(str.encode)
    | st.text(max_size=30).map(lambda text: b"chip,bib\n" + text.encode()),
)
@settings(max_examples=200)
def test_any_bytes_are_a_table_or_refused(name: str, data: bytes) -> None:
    try:
        table = parse(name, data)
    except WireError:
        return
    assert all(chip and swimmer for chip, swimmer in table.chips.items())
