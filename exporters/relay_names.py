"""Names within a protocol's limits: what is sent where the protocol has no room for a name.

CTP01 has 16 characters for a location, 8 for a tag, and no escaping
(PROTOCOLS 1.4). What does not fit is shortened in a way that keeps two names
two, and the log keeps which text stands for which.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256

MOST_LOCATION = 16
MOST_TAG = 8
_SEPARATORS = str.maketrans(dict.fromkeys(",;~|\t\0\r\n ", "_"))
# Tags that mean something else in the protocol.
_RESERVED = frozenset(("guntime", "newlocation"))
_DIGITS = 4


def fits(name: str, most: int) -> bool:
    """Whether a name can be sent as it is."""
    return 0 < len(name) <= most and name.isascii() and name not in _RESERVED and _plain(name)


def _plain(name: str) -> bool:
    return name.translate(_SEPARATORS) == name.replace(" ", "_") and name.isprintable()


def shortened(
    name: str, most: int, known: Mapping[str, str], taken: Callable[[str], bool], *, end: bool
) -> str:
    """What is sent for a name that does not fit.

    `known` has what was sent for it before; `taken` says whether a text means
    something else already. With `end` its last characters are kept, which is
    where chips differ, else its first ones.
    """
    before = known.get(name)
    if before is not None:
        return before
    clean = "".join(c if c.isascii() and c.isprintable() else "_" for c in name)
    clean = clean.translate(_SEPARATORS) or "_"
    short = clean[-most:] if end else clean[:most]
    used = set(known.values())
    number = 0
    while short in used or short in _RESERVED or taken(short):
        # A hash of the name, so that the same name is always sent as the same text.
        mark = sha256(f"{number}{name}".encode()).hexdigest()[:_DIGITS].upper()
        keep = most - _DIGITS
        short = mark + clean[-keep:] if end else clean[:keep] + mark
        number += 1
    return short
