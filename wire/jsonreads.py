"""Reads as JSON objects: what TsV1 and TsV2 share once a message has been cut from the stream.

A message in the documented shape goes straight through msgspec. Anything
else is read key by key with the aliases of PROTOCOLS 2, one element at a
time, so that a bad element costs itself only.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from wire.errors import Malformed, malformed
from wire.reads import MAX_NAME, RawRead, ReadKind

MAX_FRAME = 256 * 1024  # a thousand reads in one message; more is no timing system
MAX_DEPTH = 16  # arrays of objects need 2; a ceiling keeps the JSON reader off its own limit

Decoded = list[RawRead | Malformed]

# A list is invariant to the type checker, yet nothing but reads is put into this one.
_reads = cast("msgspec.json.Decoder[Decoded]", msgspec.json.Decoder(list[RawRead]))
_read = msgspec.json.Decoder(RawRead)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_element = msgspec.json.Decoder(msgspec.Raw)
_object = msgspec.json.Decoder(dict[str, Any])

decode_plain = _reads.decode  # raises ValueError or RecursionError for all but the plain shape

_BLANK = b" \t\r\n\0"  # NUL is no JSON, but padding with it is an old habit
_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_MESSAGE_HINT = 'a message is [{"Chip":…,"Moment":…,"TimingPoint":…,"Type":2}] and a CR'

# Concept -> accepted keys, the better first (PROTOCOLS 2); compared without case.
ALIASES = {
    "chip": ("chip", "tag", "chipcode", "transponder"),
    "moment": ("moment", "localmoment"),
    "utc_moment": ("utcmoment", "momentutc"),
    "timing_point": ("timingpoint", "point", "location"),
    "type": ("type", "readtype"),
    "antenna": ("antenna", "antennaport", "port"),
    "source": ("source", "reader", "device"),
    "rssi": ("rssi",),
    "epc": ("epc", "fullepc", "tagepc"),
    "seq": ("seq", "sequence", "id"),
    "lap": ("lap",),
}
_CONCEPTS = {
    alias: (concept, rank)
    for concept, names in ALIASES.items()
    for rank, name in enumerate(names)
    for alias in (name,)
}
_KINDS = {
    "gun": ReadKind.GUN, "wave": ReadKind.GUN, "gunshot": ReadKind.GUN,
    "first": ReadKind.FIRST_SEEN, "firstseen": ReadKind.FIRST_SEEN,
    "best": ReadKind.BEST_SEEN, "bestseen": ReadKind.BEST_SEEN,
}  # fmt: skip
_JSON_NAMES = {bool: "true or false", str: "text", int: "a number", float: "a number",
               list: "an array", dict: "an object", type(None): "null"}  # fmt: skip


def decode(message: bytes) -> Decoded:
    """The reads of one message, with a `Malformed` in the place of each bad element. Never raises.

    `message` is an array of objects or one object, its terminator taken off
    or not; a byte order mark before it and NULs around it are ignored.
    """
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
        return [malformed("neither a JSON array nor an object", text, _MESSAGE_HINT)]
    if len(text) > MAX_FRAME:
        return [oversize(text)]
    if _depth(text) > MAX_DEPTH:
        return [malformed(f"nested deeper than {MAX_DEPTH} levels", text, _MESSAGE_HINT)]
    out: Decoded = []
    try:
        pieces = _elements.decode(text) if text[:1] == b"[" else [_element.decode(text)]
    except ValueError as error:
        return _decode_broken(text, _words(error))
    for piece in pieces:
        _decode_element(bytes(piece), out)
    return out


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
    out: Decoded = []
    for piece, complete in _salvage(text):
        if complete:
            _decode_element(piece, out)
        else:
            out.append(malformed(why, piece, _MESSAGE_HINT))
    if not any(isinstance(item, Malformed) for item in out):
        out.append(malformed(why, text, _MESSAGE_HINT))
    return out


def _salvage(text: bytes) -> Iterator[tuple[bytes, bool]]:
    """The outermost objects in `text`, each with True; what lies between them with False."""
    depth = start = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in b"[{" and (depth or first == ord("{")):
            if not depth:
                if junk := text[start : token.start()].strip(_BLANK + b",[]"):
                    yield junk, False
                start = token.start()
            depth += 1
        elif first in b"]}" and depth:
            depth -= 1
            if not depth:
                yield text[start : token.end()], True
                start = token.end()
    if junk := text[start:].strip(_BLANK + b",[]"):
        yield junk, False


def _decode_element(raw: bytes, out: Decoded) -> None:
    """Append the read of one object, or what is wrong with it."""
    try:
        out.append(_read.decode(raw))
    except ValueError:
        pass
    else:
        return
    if raw.lstrip()[:1] != b"{":
        out.append(malformed("an element that is not an object", raw, _MESSAGE_HINT))
        return
    try:
        keys = _object.decode(raw)
    except ValueError as error:
        out.append(malformed(_words(error), raw, _MESSAGE_HINT))
        return
    out.extend(_from_keys(keys, raw))


def _words(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"text that is not UTF-8 (byte 0x{error.object[error.start]:02x})"
    text = str(error)
    return f"not JSON: {text.removeprefix('JSON is malformed: ')}"


def _from_keys(keys: dict[str, Any], raw: bytes) -> Decoded:
    """A read from any accepted keys.

    Of two keys for one thing the better alias wins, of two spellings of one
    alias the last; null is as good as absent. Chip, moment, point and type
    must be right. A bad antenna, source, EPC or signal strength does not cost
    the read: it is left out and named in a `Malformed` after the read. A
    sequence that is no number is ignored (it may well be a GUID).
    """
    found: dict[str, tuple[int, str, Any]] = {}
    for key, value in keys.items():
        concept, rank = _CONCEPTS.get(key.casefold(), ("", 0))
        if concept and value is not None and rank <= found.get(concept, (rank,))[0]:
            found[concept] = (rank, key, value)

    def refuse(problem: str, hint: str = _MESSAGE_HINT) -> Decoded:
        return [malformed(problem, raw, hint)]

    def named(concept: str) -> tuple[str, Any]:
        return found[concept][1:] if concept in found else ("", None)

    key, value = named("type")
    kind = ReadKind.BEST_SEEN if value is None else _kind(value)
    if kind is None:
        return refuse(f"{key} is not a read type", "0 or Gun, 1 or FirstSeen, 2 or BestSeen")

    key, value = named("chip")
    chip: str | int | None = _name(value) if isinstance(value, str) else _whole(value)
    if value is None or value == "":
        if kind is not ReadKind.GUN:
            return refuse("a read without a chip")
        chip = ""
    if chip is None or (isinstance(chip, int) and not 0 <= chip < 2**63):
        return refuse(
            f"{key} is {_json_name(value)} that cannot be a chip",
            f"a chip is a whole number or text of at most {MAX_NAME} characters",
        )

    texts = {}
    for concept in ("moment", "utc_moment", "timing_point"):
        key, value = named(concept)
        text = "" if value is None else _name(value)
        if text is None:
            return refuse(f"{key} is {_json_name(value)}, not text of 1 to {MAX_NAME} characters")
        texts[concept] = text
    if not texts["moment"] and not texts["utc_moment"]:
        return refuse("a read without a moment")
    if not texts["timing_point"]:
        return refuse("a read without a timing point")

    left_out: list[str] = []

    def whole(concept: str) -> int:
        key, value = named(concept)
        number = 0 if value is None else _whole(value)
        if number is None or abs(number) > 65535:
            left_out.append(key)
            return 0
        return number

    def text_of(concept: str) -> str:
        key, value = named(concept)
        text = "" if value is None or value == "" else _name(value)
        if text is None and concept == "source" and (number := _whole(value)) is not None:
            text = _name(str(number))
        if text is None:
            left_out.append(key)
            return ""
        return text

    key, rssi = named("rssi")
    if isinstance(rssi, str):
        rssi = _whole(rssi)
        if rssi is None:
            left_out.append(key)
    elif rssi is not None and (
        isinstance(rssi, bool) or not isinstance(rssi, int | float) or abs(rssi) > 65535
    ):
        left_out.append(key)
        rssi = None
    seq, lap = (_whole(named(concept)[1]) or 0 for concept in ("seq", "lap"))
    out: Decoded = [
        RawRead(
            chip=chip,
            moment=texts["moment"],
            timing_point=texts["timing_point"],
            type=int(kind),
            antenna=whole("antenna"),
            source=text_of("source"),
            utc_moment=texts["utc_moment"],
            rssi=rssi,
            epc=text_of("epc"),
            seq=seq if 0 <= seq < 2**63 else 0,
            lap=lap if 0 <= lap < 2**63 else 0,
        )
    ]
    if left_out:
        out.append(
            malformed(
                f"a read kept without its {' and '.join(left_out)}, which cannot be read",
                raw,
                "nothing to do unless it happens often: the chip, moment and point are good",
            )
        )
    return out


def _json_name(value: object) -> str:
    return _JSON_NAMES.get(type(value), "a value")


def _name(value: object) -> str | None:
    """`value` when it is text of a sensible length, else None."""
    return value if isinstance(value, str) and 1 <= len(value) <= MAX_NAME else None


def _whole(value: object) -> int | None:
    """A whole number from a JSON number or decimal text; None for anything else, true included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, str) and len(value) <= 18 and value.isascii():
        digits = value.removeprefix("-")
        return int(value) if digits.isdigit() else None
    return None


def _kind(value: object) -> ReadKind | None:
    """A read type from a number or a name such as `BestSeen`, `best-seen` or `Gun`."""
    number = _whole(value)
    if number is not None:
        return ReadKind(number) if 0 <= number <= 2 else None
    if not isinstance(value, str):
        return None
    return _KINDS.get("".join(c for c in value.casefold() if c.isalnum()))


def chip_number(chip: str | int) -> int | None:
    """The JSON number that a chip can be without loss: no leading zeros, at most 18 digits."""
    if isinstance(chip, int):
        return chip
    plain = chip.isascii() and chip.isdigit() and len(chip) <= 18
    return int(chip) if plain and (chip[0] != "0" or chip == "0") else None
