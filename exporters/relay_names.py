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
_TRIES = 8  # with so many digits of a hash, before one more is taken


def fits(name: str, most: int) -> bool:
    """Whether a name can be sent as it is. Blanks at its ends might get lost on the way."""
    return (
        0 < len(name) <= most
        and name.isascii()
        and name.isprintable()
        and name not in _RESERVED
        and name == name.strip()
        and name.translate(_SEPARATORS) == name.replace(" ", "_")
    )


class Names:
    """What is sent for each name: itself where it fits, else a shorter text that is no other's.

    A name that fits is sent as another text too, once its own stands for
    somebody else.
    """

    def __init__(
        self, most: int, known: Mapping[str, str], taken: Callable[[str], bool], *, end: bool
    ) -> None:
        """`known` has what was sent for names before that did not fit.

        `taken` says whether a text is, or may be, sent as somebody's own name.
        With `end` the last characters of a name are kept, which is where
        chips differ, else the first ones.
        """
        self._most = most
        self._taken = taken
        self._end = end
        self._texts = dict(known)
        self._used = set(known.values())

    def of(self, name: str) -> str:
        """What is sent for a name, from now on."""
        found = self._texts.get(name)
        if found is None:
            own = fits(name, self._most) and name not in self._used
            found = self._texts[name] = name if own else self._shortened(name)
            self._used.add(found)
        return found

    def _shortened(self, name: str) -> str:
        clean = "".join(c if c.isascii() and c.isprintable() else "_" for c in name)
        clean = clean.translate(_SEPARATORS) or "_"
        short = self._cut(clean, self._most)
        number = 0
        while short in self._used or short in _RESERVED or self._taken(short):
            # A hash of the name, so that the same name is nearly always sent as the same text.
            digits = min(self._most, _DIGITS + number // _TRIES)
            mark = sha256(f"{number}{name}".encode()).hexdigest()[:digits].upper()
            rest = self._cut(clean, self._most - digits)
            short = mark + rest if self._end else rest + mark
            number += 1
        return short

    def _cut(self, text: str, most: int) -> str:
        return text[max(0, len(text) - most) :] if self._end else text[:most]
