"""The chip table: which chip is on whom, from CSV or JSON in the meet folder.

A swimmer may carry several chips; a chip is on one swimmer. What stands for
the swimmer is the program's swimmer id, or the bib.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

import msgspec

from wire.errors import Malformed, WireError, malformed

MAX_BYTES = 16 * 1024 * 1024  # a quarter of a million rows; more is another file
MAX_DEPTH = 16
MAX_WARNINGS = 100  # the first say what is wrong; a wrong file has as many as rows
MAX_NAME = 128

# The better first: where a table has a bib beside a swimmer's id, the id counts.
CHIP_KEYS = ("chip", "chipcode", "chipid", "tag", "tagid", "transponder", "transponderid")
SWIMMER_KEYS = (
    "swimmer", "swimmerid", "id", "athlete", "athleteid", "bib", "bibnumber", "startnumber", "name",
)  # fmt: skip
_LINE_END = re.compile(r"\r\n|\r|\n")
_HINT = 'the table begins with a line such as "chip,swimmer"'
_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


class ChipTable(msgspec.Struct, frozen=True):
    """Chip -> swimmer id or bib, both as text; `warnings` name the rows that were read past."""

    chips: dict[str, str]
    warnings: tuple[Malformed, ...] = ()


def parse(name: str, data: bytes) -> ChipTable:
    """The table in a file called `name` (JSON when it ends so or begins with a bracket, else CSV).

    CSV: a header line names the columns; comma, semicolon or tab; UTF-8,
    UTF-16 with its mark, else cp1252. JSON: `{"chip": "swimmer"}` or a list
    of objects. A row without chip or swimmer is passed over with a warning. A
    chip given to two swimmers goes to the later one, with a warning: people
    append corrections. Raises `WireError` when there is no table at all.
    """
    if len(data) > MAX_BYTES:
        raise WireError(f"{name} is larger than {MAX_BYTES} bytes", data, "is this a chip table?")
    text = _text(data)
    if not text.strip():
        raise WireError(f"{name} is empty", data, _HINT)
    if name.casefold().endswith(".json") or text.lstrip()[0] in "[{":
        rows = _json_rows(name, text)
    else:
        rows = _csv_rows(name, text)
    return _table(name, rows)


def encode_csv(chips: Mapping[str, str]) -> bytes:
    """A CSV file that `parse` reads as `chips`: UTF-8, comma, CRLF."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("chip", "swimmer"))
    writer.writerows(chips.items())
    return out.getvalue().encode()


def _text(data: bytes) -> str:
    """Spreadsheets write UTF-8 with or without a mark, UTF-16 with one, or the local code page."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # cp1252 leaves five bytes undefined; a name with one of them is still a name.
        return data.decode("cp1252", "replace")


class _Row(NamedTuple):
    where: str  # `line 3` of CSV, `entry 3` of JSON
    chip: Any
    swimmer: Any
    raw: str


def _table(name: str, rows: Iterable[_Row]) -> ChipTable:
    chips: dict[str, str] = {}
    given: dict[str, str] = {}
    warnings: list[Malformed] = []
    for row in rows:
        chip, swimmer = _name(row.chip), _name(row.swimmer)
        problem = ""
        if not chip:
            problem = "a row without a chip" if row.chip in ("", None) else "no possible chip"
        elif not swimmer:
            problem = f"chip {chip} is given to nobody"
        elif chips.get(chip, swimmer) != swimmer:
            problem = (
                f"chip {chip} was {chips[chip]}'s in {given[chip]} and is {swimmer}'s from here on"
            )
        if chip and swimmer:
            chips[chip], given[chip] = swimmer, row.where
        if problem and len(warnings) < MAX_WARNINGS:
            reason = f"{name}, {row.where}: {problem}"
            warnings.append(malformed(reason, row.raw, "correct the row and save the file"))
    return ChipTable(chips, tuple(warnings))


def _name(value: object) -> str:
    """A chip or swimmer as text without blanks around it; "" for what can be neither."""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    return text if len(text) <= MAX_NAME and text.isprintable() else ""


def _column(header: list[str], keys: tuple[str, ...]) -> int:
    """The column named by the best of `keys`; -1 when none is there."""
    plain = ["".join(c for c in cell.casefold() if c.isalnum()) for cell in header]
    return next((plain.index(key) for key in keys if key in plain), -1)


def _csv_rows(name: str, text: str) -> Iterator[_Row]:
    lines = [(i, line) for i, line in enumerate(_LINE_END.split(text), 1) if line.strip()]
    if lines[0][1].casefold().startswith("sep="):  # a line for Excel
        del lines[0]
    if not lines:
        raise WireError(f"{name} is empty", text, _HINT)
    for delimiter in ",;\t":
        header = _cells(lines[0][1], delimiter)
        chip, swimmer = _column(header, CHIP_KEYS), _column(header, SWIMMER_KEYS)
        if chip >= 0 and swimmer >= 0:
            break
    else:
        raise WireError(f"{name} has no columns for chip and swimmer", lines[0][1], _HINT)
    # One line is one row: a quote that is never closed costs its own row only.
    for number, line in lines[1:]:
        cells = _cells(line, delimiter)
        if any(cell.strip() for cell in cells):
            cells += [""] * (max(chip, swimmer) + 1 - len(cells))
            yield _Row(f"line {number}", cells[chip], cells[swimmer], line)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    except csv.Error:  # a field beyond csv's own ceiling
        return []


class _Object(list[tuple[str, Any]]):
    """A JSON object as pairs, so that a key that stands twice is seen."""


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _json_rows(name: str, text: str) -> Iterator[_Row]:
    depth = deepest = 0
    for token in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise WireError(f"{name} is nested deeper than {MAX_DEPTH} levels", text)
    try:
        document = json.loads(
            text, object_pairs_hook=_Object, parse_int=str, parse_float=str,
            parse_constant=_no_constant,
        )  # fmt: skip
    except ValueError as error:
        raise WireError(f"{name} is not JSON: {error}", text, "save it again") from error
    if isinstance(document, _Object) and len(document) == 1:
        key, value = document[0]
        if _column([key], ("chips", "chiptable")) == 0 and isinstance(value, list):
            document = value
    if not isinstance(document, list):
        hint = 'write {"chip": "swimmer"} or a list of objects'
        raise WireError(f"{name} is neither an object nor a list", text, hint)
    if isinstance(document, _Object):
        return _map_rows(document)
    return _list_rows(document)


def _map_rows(pairs: _Object) -> Iterator[_Row]:
    for i, (chip, value) in enumerate(pairs, 1):
        swimmer = _pick(value, SWIMMER_KEYS) if isinstance(value, _Object) else value
        yield _Row(f"entry {i}", chip, swimmer, f"{chip}: {_show(value)}")


def _list_rows(items: list[Any]) -> Iterator[_Row]:
    for i, item in enumerate(items, 1):
        if not isinstance(item, _Object):
            yield _Row(f"entry {i}", item, None, _show(item))
            continue
        found = _pick(item, (*CHIP_KEYS, "chips"))
        several = isinstance(found, list) and not isinstance(found, _Object)
        for chip in found if several else [found]:
            yield _Row(f"entry {i}", chip, _pick(item, SWIMMER_KEYS), _show(item))


def _pick(item: _Object, keys: tuple[str, ...]) -> Any:
    at = _column([key for key, _ in item], keys)
    return item[at][1] if at >= 0 else None


def _show(value: object) -> str:
    if isinstance(value, _Object):
        return "{" + ", ".join(f"{key}: {_show(v)}" for key, v in value[:8]) + "}"
    return str(value)[:200]
