"""What a CTP01 timing side must know of the lines it keeps for a peer: their numbers, not them.

The lines of a location are numbered from 1 without gaps, in the order in which
they became so. A number never changes its line, and is not the line's seq,
which wraps (PROTOCOLS 1.4, 1.6).
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from wire.ctp01_messages import MAX_SEQ, Ack, DataLine, encode


class Shelf(Protocol):
    """Lines kept elsewhere: in memory (`LineBuffer`), or to be rendered from a log on demand.

    Whatever is on it can be sent: `check_location` and `check_line` say what cannot.
    """

    @property
    def locations(self) -> Sequence[str]:
        """The locations known now, in the order they became so; one of them may be empty."""
        ...

    def span(self, location: str) -> tuple[int, int]:
        """The numbers of the lines kept: the first, and one past the last. Both grow only."""
        ...

    def find(self, location: str, seq: int) -> int | None:
        """The number of the newest line with this seq; None if it is not, or no longer, there."""
        ...

    def seq(self, location: str, number: int) -> int:
        """The seq of a line kept. Asked only for a peer that resumes by comparing numbers."""
        ...


class NumberedShelf(Shelf, Protocol):
    """A shelf whose lines are counted: number n has the seq `seq_of(n)`.

    Needs only `locations` and `span` of those who derive from it.
    """

    def find(self, location: str, seq: int) -> int | None:
        """The number of the newest line with this seq, worked out from the span alone."""
        first, end = self.span(location)
        return number_of(seq, first, end)

    def seq(self, location: str, number: int) -> int:  # noqa: ARG002 - the same in every location
        """The seq of a line kept."""
        return seq_of(number)


def seq_of(number: int) -> int:
    """The seq of the line with this number, which is 1 or more: 1 to 999,999, then again from 1."""
    return (number - 1) % MAX_SEQ + 1


def number_of(seq: int, first: int, end: int) -> int | None:
    """The greatest number from `first` on and before `end` that has this seq, if there is one."""
    if not 1 <= seq <= MAX_SEQ:
        return None
    newest = end - 1
    number = newest - (newest - seq) % MAX_SEQ
    return number if number >= first else None


def check_location(name: str) -> None:
    """Raise `WireError` for a location that no command can name: there is no escaping."""
    encode(Ack("getlocations", (name,)))


def check_line(line: DataLine) -> None:
    """Raise `WireError` for a line that CT01_33 cannot carry, the format every server reads."""
    encode(msgspec.structs.replace(line, format="CT01_33"))
