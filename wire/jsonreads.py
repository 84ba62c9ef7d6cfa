"""Reads as JSON objects: what TsV1 and TsV2 share once a message has been cut from the stream.

A message in the documented shape goes straight through msgspec. Anything
else is read one element at a time and key by key (`wire.jsonkeys`), so that a
bad element costs itself only.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any, cast

import msgspec

from wire.errors import Malformed, malformed
from wire.jsonkeys import HINT, read_keys
from wire.reads import Plain, RawRead, in_columns

MAX_FRAME = 256 * 1024  # a thousand reads in one message; more is no timing system
MAX_DEPTH = 16  # arrays of objects need 2; a ceiling keeps the JSON reader off its own limit
# Nothing shorter is a read: it has a chip (or is a gun), a moment and a point. Junk costs most for
# its bytes where it comes in small pieces, and of these it is enough to say what is wrong.
SHORTEST = len(b'{"tag":1,"moment":"1","point":"1"}')
REMEMBERED = 1024  # small pieces of junk with what was said of them: most are the same again

Decoded = list[RawRead | Malformed]

# A list is invariant to the type checker, yet nothing but reads is put into this one.
_reads = cast("msgspec.json.Decoder[Decoded]", msgspec.json.Decoder(list[RawRead]))
_read = msgspec.json.Decoder(RawRead)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_element = msgspec.json.Decoder(msgspec.Raw)
_object = msgspec.json.Decoder(dict[str, Any])

decode_plain = _reads.decode  # raises ValueError or RecursionError for all but the plain shape
_decode_series = msgspec.json.Decoder(list[RawRead]).decode_lines  # of arrays, one after the other

_BLANK = b" \t\r\n\0"  # NUL is no JSON, but padding with it is an old habit
_BETWEEN = _BLANK + b",[]"  # and of the objects of an array
_BOM = b"\xef\xbb\xbf"
_KEYLESS = re.compile(rb'\{[^\[\]{}"]*\}')  # an object, empty or no JSON
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


def whole_pieces(pieces: Sequence[bytes]) -> Plain | None:
    """The reads of successive pieces, where each is whole, plain messages with a read at least.

    None where any piece is otherwise. A CR is white space to a JSON decoder,
    which reads all pieces in one call; that is the same as one message after
    the other exactly where each CR stands between two top-level arrays.
    """
    joined = b"".join(pieces)
    ends = [piece.count(b"\r") for piece in pieces]
    if (
        joined.count(b"]\r[") != sum(ends) - 1
        or b"\n" in joined
        or not all(piece[-2:] == b"]\r" and len(piece) <= MAX_FRAME for piece in pieces)
    ):
        return None
    try:
        arrays = _decode_series(joined)
    except (ValueError, RecursionError):
        return None
    counts = [len(array) for array in arrays]
    if len(arrays) != sum(ends) or 0 in counts:
        return None
    if len(arrays) != len(pieces):
        series = iter(counts)
        counts = [sum(islice(series, messages)) for messages in ends]
    return in_columns(list(chain.from_iterable(arrays)), counts)


def decode(message: bytes) -> Decoded:
    """The reads of one message, with a `Malformed` in the place of each bad element. Never raises.

    `message` is an array of objects or one object, its terminator taken off
    or not; a byte order mark before it and NULs around it are ignored.
    """
    if len(message) < SHORTEST:
        return [*said_of(message)]
    try:
        return decode_plain(message)
    except (ValueError, RecursionError):
        return _decode_slowly(message)


def objects(message: bytes) -> list[dict[str, Any]]:
    """Every object of a message with its keys and values as they arrived, unknown ones included.

    For showing; what is no JSON object is left out.
    """
    text = _strip(message)
    if _depth(text) > MAX_DEPTH:
        return []
    found = []
    for piece, complete in _salvage(text):
        if complete:
            try:
                found.append(_object.decode(piece))
            except ValueError:
                continue
    return found


def _strip(message: bytes) -> bytes:
    return message.strip(_BLANK).removeprefix(_BOM).strip(_BLANK)


def _depth(text: bytes) -> int:
    deepest = depth = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest


def _decode_slowly(message: bytes) -> Decoded:
    text = _strip(message)
    if not text:
        return []
    if text[:1] not in (b"[", b"{"):
        return [malformed("neither a JSON array nor an object", text, HINT)]
    if len(text) > MAX_FRAME:
        return [oversize(text)]
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH < _depth(text):
        return [malformed(f"nested deeper than {MAX_DEPTH} levels", text, HINT)]
    if _KEYLESS.fullmatch(text):
        return _read_element(text)
    out: Decoded = []
    try:
        pieces = _elements.decode(text) if text[:1] == b"[" else [_element.decode(text)]
    except ValueError as error:
        return _decode_broken(text, _words(error))
    for piece in pieces:
        _decode_element(bytes(piece), out)
    return out


@lru_cache(maxsize=REMEMBERED)
def said_of(message: bytes) -> tuple[RawRead | Malformed, ...]:
    """What is said of a message too short for a read."""
    return tuple(_decode_slowly(message))


def oversize(message: bytes) -> Malformed:
    """What is said of a message longer than `MAX_FRAME`, given at least its beginning."""
    return malformed(
        f"a message longer than {MAX_FRAME} bytes", message,
        "check that the peer speaks this protocol and ends its messages",
    )  # fmt: skip


def _decode_broken(text: bytes, why: str) -> Decoded:
    """Keep the whole objects of a message that is not JSON as a whole: a cut must cost one read.

    TsV1 cannot send again what was cut or garbled (PROTOCOLS 2).
    """
    closed = b"}" in text or b"]" in text
    if not (closed if text[:1] == b"{" else b"{" in text):  # no object, or only a beginning of one
        return [malformed(why, text.strip(_BETWEEN) or text, HINT)]
    out: Decoded = []
    for piece, complete in _salvage(text):
        if complete:
            _decode_element(piece, out)
        else:
            out.append(malformed(why, piece, HINT))
    if not any(isinstance(item, Malformed) for item in out):
        out.append(malformed(why, text, HINT))
    return out


def _salvage(text: bytes) -> Iterator[tuple[bytes, bool]]:
    """The outermost objects in `text`, each with True; what lies between them with False."""
    depth = start = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in b"[{" and (depth or first == ord("{")):
            if not depth:
                if junk := text[start : token.start()].strip(_BETWEEN):
                    yield junk, False
                start = token.start()
            depth += 1
        elif first in b"]}" and depth:
            depth -= 1
            if not depth:
                yield text[start : token.end()], True
                start = token.end()
    if junk := text[start:].strip(_BETWEEN):
        yield junk, False


def _decode_element(raw: bytes, out: Decoded) -> None:
    """Append the read of one object, or what is wrong with it."""
    if len(raw) < SHORTEST:
        out += _said_of_element(raw)
        return
    try:
        out.append(_read.decode(raw))
    except ValueError:
        out += _read_element(raw)


def _read_element(raw: bytes) -> list[RawRead | Malformed]:
    """A read from any accepted keys of one object, or what is wrong with it."""
    if raw.lstrip()[:1] != b"{":
        return [malformed("an element that is not an object", raw, HINT)]
    try:
        keys = _object.decode(raw)
    except ValueError as error:
        return [malformed(_words(error), raw, HINT)]
    return read_keys(keys, raw)


@lru_cache(maxsize=REMEMBERED)
def _said_of_element(raw: bytes) -> tuple[RawRead | Malformed, ...]:
    """What is said of an element too short for a read."""
    return tuple(_read_element(raw))


def _words(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"text that is not UTF-8 (byte 0x{error.object[error.start]:02x})"
    text = str(error)
    return f"not JSON: {text.removeprefix('JSON is malformed: ')}"


def chip_number(chip: str | int) -> int | None:
    """The JSON number that a chip can be without loss: no leading zeros, at most 18 digits."""
    if isinstance(chip, int):
        return chip
    plain = chip.isascii() and chip.isdigit() and len(chip) <= 18
    return int(chip) if plain and (chip[0] != "0" or chip == "0") else None
