"""Stamps of many reads at once, in columns of numpy: see `projections.bulk`."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from projections.clock import SourceClock
from wire.stamps import NS

Numbers = NDArray[np.int64]

# YYYY-MM-DDTHH:MM:SS.fffffffff
_MARKS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":", 19: "."}
_MINUTE = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15)  # the digits down to the minute
_FRACTION = 20
_MOST_DIGITS = 9


class Stamps:
    """Stamps of the usual form, in the order of their reads."""

    def __init__(self) -> None:
        self._pieces: list[tuple[SourceClock, int, str]] = []  # width, and all in one text

    def take(self, clock: SourceClock, stamps: Sequence[str]) -> bool:
        """Further stamps, one at least; false when they are of another form at first sight."""
        if not clock.second(stamps[0][:_FRACTION]):
            return False
        width = len(stamps[0])
        if len(set(map(len, stamps))) > 1:
            width = _FRACTION + _MOST_DIGITS
            stamps = [stamp.removesuffix("Z") for stamp in stamps]
            if not _FRACTION < min(map(len, stamps)) <= max(map(len, stamps)) <= width:
                return False
            stamps = [stamp.ljust(width, "0") for stamp in stamps]
        self._pieces.append((clock, width, "".join(stamps)))
        return True

    def moments(self) -> Numbers | None:
        """What `SourceClock.to_utc` says of each.

        None when any needs a closer look: with another offset or without a
        date, in the repeated hour, or absurd.
        """
        found = []
        for (clock, width), pieces in groupby(self._pieces, itemgetter(0, 1)):
            some = _moments(clock, width, "".join([text for _, _, text in pieces]))
            if some is None:
                return None
            found.append(some)
        return np.concatenate(found)


def _moments(clock: SourceClock, width: int, text: str) -> Numbers | None:
    """The moments of stamps of one width, written one after the other."""
    if not text.isascii():
        return None
    cells = np.frombuffer(text.encode(), np.uint8).reshape(-1, width).T
    if text[width - 1] == "Z":
        if (cells[-1] != ord("Z")).any():
            return None
        cells = cells[:-1]
    if not _FRACTION < len(cells) <= _FRACTION + _MOST_DIGITS:
        return None
    if any((cells[at] != ord(mark)).any() for at, mark in _MARKS.items()):
        return None
    digits = cells - ord("0")  # of 8 bits without a sign: what is less wraps around
    digits[list(_MARKS)] = 0
    seconds = _number(digits, (17, 18))
    if (digits > 9).any() or (seconds > 59).any():
        return None
    _, firsts, places = np.unique(_number(digits, _MINUTE), return_index=True, return_inverse=True)
    begins = [width * int(first) for first in firsts]
    bases = [clock.second(text[begin : begin + 17] + "00.") for begin in begins]
    if 0 in bases:
        return None
    fraction = range(_FRACTION, len(digits))
    scale = 10 ** (_MOST_DIGITS - len(fraction))
    moments: Numbers = np.array(bases, np.int64)[places]
    moments += seconds * NS + _number(digits, fraction) * scale
    return moments


def _number(digits: NDArray[np.uint8], columns: Sequence[int]) -> Numbers:
    """The number that the digits in these columns are, of each stamp."""
    found: Numbers = digits[columns[0]].astype(np.int64)
    for column in columns[1:]:
        found *= 10
        found += digits[column]
    return found
