"""One read from a JSON object whose keys are not quite the documented ones (PROTOCOLS 2)."""

from typing import Any

from wire.errors import Malformed, malformed
from wire.reads import MAX_NAME, RawRead, ReadKind

HINT = 'a message is [{"Chip":…,"Moment":…,"TimingPoint":…,"Type":2}] and a CR'

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
    for concept, aliases in ALIASES.items()
    for rank, alias in enumerate(aliases)
}
_KINDS = {
    "gun": ReadKind.GUN, "wave": ReadKind.GUN, "gunshot": ReadKind.GUN,
    "first": ReadKind.FIRST_SEEN, "firstseen": ReadKind.FIRST_SEEN,
    "best": ReadKind.BEST_SEEN, "bestseen": ReadKind.BEST_SEEN,
}  # fmt: skip
_JSON_NAMES = {bool: "true or false", str: "text", int: "a number", float: "a number",
               list: "an array", dict: "an object", type(None): "null"}  # fmt: skip


def read_keys(keys: dict[str, Any], raw: bytes) -> list[RawRead | Malformed]:
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

    def refuse(problem: str, hint: str = HINT) -> list[RawRead | Malformed]:
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
    out: list[RawRead | Malformed] = [
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
