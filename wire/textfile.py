"""Files of other people's programs: bytes to text, and text to JSON, tolerantly, never guessing.

Encodings: a byte order mark is believed, then UTF-8, then Windows-1252, which
reads any byte (PROTOCOLS 3.5). JSON keys come back case-folded and the last of
equal keys wins, since that is how the other readers of these files look keys
up. Numbers that are no whole number stay text, so that no float comes near a
time.
"""

import codecs
import json
import re
from typing import Any

import msgspec

from wire.errors import WireError

# The deepest documented file, a program with tiered time standards inside a
# dialect's wrapper, nests 9 levels. A fixed ceiling also keeps the answer
# independent of how deep our own call stack happens to be.
MAX_DEPTH = 32
MAX_DIGITS = 18  # fits 64 bits; a longer "whole number" is garbage, not a time or an id

_WAIT = "nothing to do if it is being written: it is read again when it changes"
_PADDING = " \t\r\n\0\x1a"  # blocks filled up with NUL, and Ctrl-Z of old text files
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_PARTIAL = re.compile(r"[-+.\w]*|\\?u?[0-9a-fA-F]{0,3}")
# What a last resort reads past: text that must stay, `//` comments, lines of dots. A text that
# has no end on its line is taken as it is up to there: looking for its end again from each quote
# in it would take hours for a file that was made to be read so.
_TEXT = r'("[^"\\\n]*(?:\\.[^"\\\n]*)*"?)'
_STRING_OR_NOTE = re.compile(_TEXT + r"|//[^\n]*|…[^\n]*")
_STRING_OR_COMMA = re.compile(_TEXT + r"|,(?=\s*[\]}])")
_TYPOGRAPHIC = str.maketrans({"“": '"', "”": '"', "„": '"', "\r": "\n"})


class NotWhole(msgspec.Struct, frozen=True):
    """A JSON number, as written, that is no whole number of at most `MAX_DIGITS` digits."""

    text: str


class Document(msgspec.Struct, frozen=True):
    """A parsed file. `repaired` says that it was no valid JSON and was read as a last resort."""

    value: Any
    repaired: bool = False


def decode_text(data: bytes) -> str:
    """The text of a file: by its byte order mark, else UTF-8, else Windows-1252; padding cut off.

    UTF-16 without a mark is recognised by the NUL beside its first character,
    as JSON begins with an ASCII one. Raises `WireError` for broken UTF-16 only.
    """
    if data.startswith(codecs.BOM_UTF8):
        data = data.removeprefix(codecs.BOM_UTF8)
    elif data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return _decode_utf16(data, "utf-16")
    elif len(data) >= 2 and data[0] and not data[1] and data.strip(b"\0")[1:]:
        return _decode_utf16(data, "utf-16-le")
    elif len(data) >= 2 and not data[0] and data[1]:
        return _decode_utf16(data, "utf-16-be")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.rstrip(_PADDING)


def parse_json(data: bytes, ceiling: int, *, last_resort: bool = False) -> Document:
    """One JSON document with case-folded keys; the last of equal keys wins.

    `ceiling` is the largest size in bytes that is read. With `last_resort`, a
    text that is no JSON is tried once more without `//` comments, typographic
    quotes, lines of dots and trailing commas, all of which the published
    sample of a result file has (PROTOCOLS 3.4). Raises `WireError`, which
    tells a file that stops in the middle from one that is wrong.
    """
    if len(data) > ceiling:
        raise WireError(
            f"the file has {len(data)} bytes; more than {ceiling} are not read",
            data,
            "check what wrote it: this is no file of a meet",
        )
    text = decode_text(data)
    if not text.strip(_PADDING):
        raise WireError("the file is empty", hint=_WAIT)
    try:
        return Document(_load(text))
    except json.JSONDecodeError as error:
        if last_resort:
            try:
                return Document(_load(_repair(text)), repaired=True)
            except json.JSONDecodeError as second:
                # What is wrong with the text as it came says more, unless only its end is missing.
                error = second if _unfinished(second) else error
        raise _explain(error) from None


def clean(text: str) -> str:
    """`text` on one line, trimmed, without what cannot be shown or written: names and ids."""
    if not text.isprintable():
        text = "".join(" " if c.isspace() or ord(c) < 32 or c == "\x7f" else c for c in text)
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text.strip()


def _decode_utf16(data: bytes, codec: str) -> str:
    try:
        return data.decode(codec).rstrip(_PADDING)
    except UnicodeDecodeError:
        reason = "the text is UTF-16 and broken"
        if len(data) % 2:
            reason = "the text is UTF-16 and stops inside a character: it looks unfinished"
        raise WireError(reason, data, _WAIT) from None


def _load(text: str) -> Any:
    depth = deepest = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = text[token.start()]
        depth += (first in "[{") - (first in "]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise WireError(
            f"nested deeper than {MAX_DEPTH} levels", text, "no file of a meet folder is so deep"
        )
    return json.loads(
        text,
        object_pairs_hook=lambda pairs: {key.casefold(): value for key, value in pairs},
        parse_int=_whole,
        parse_float=NotWhole,
        parse_constant=NotWhole,
        strict=False,  # a tab inside a name is no reason to lose a program
    )


def _whole(text: str) -> int | NotWhole:
    return int(text) if len(text.removeprefix("-")) <= MAX_DIGITS else NotWhole(text)


def _repair(text: str) -> str:
    text = _STRING_OR_NOTE.sub(_keep_string, text.translate(_TYPOGRAPHIC))
    return _STRING_OR_COMMA.sub(_keep_string, text)


def _keep_string(match: re.Match[str]) -> str:
    return match[1] or ""


def _unfinished(error: json.JSONDecodeError) -> bool:
    """Whether nothing is wrong before the last token of the text."""
    return error.msg.startswith("Unterminated string") or bool(
        _PARTIAL.fullmatch(error.doc, error.pos)
    )


def _explain(error: json.JSONDecodeError) -> WireError:
    """Unfinished or malformed, and where."""
    near = error.doc[max(0, error.pos - 40) : error.pos + 80]
    if _unfinished(error):
        end = error.doc[-80:]
        return WireError("the file stops in the middle: it looks unfinished", end, _WAIT)
    where = f"line {error.lineno}, column {error.colno}"
    if error.msg == "Extra data":
        return WireError(
            f"more text after the end of the document ({where})",
            near,
            "perhaps the rest of an older, longer version: have the file written again",
        )
    return WireError(
        f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} ({where})",
        near,
        "have the file written again by the program that made it",
    )
