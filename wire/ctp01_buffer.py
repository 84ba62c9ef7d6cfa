"""What a CTP01 timing side keeps for those who resume, and how it writes times."""

from collections import deque
from collections.abc import Iterable

import msgspec

from wire.ctp01_messages import Ack, DataLine, encode
from wire.errors import WireError
from wire.stamps import DAY, Stamp, format_clock, format_iso, parse_any


class LineBuffer:
    """The last `limit` lines of each location; older ones are dropped, as real clients drop them.

    Lines carry their own seqs, which the caller numbers per location. Times
    are texts that `parse_any` reads, best ISO with a date.
    """

    def __init__(self, limit: int = 10_000, locations: Iterable[str] = ()) -> None:
        self.limit = limit
        self._lines: dict[str, deque[DataLine]] = {}
        for location in locations:
            self.open(location)

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations that are known, in the order they became so."""
        return tuple(self._lines)

    def open(self, location: str) -> None:
        """Make a location known; it may stay empty. Raises `WireError` if its name holds `~`."""
        encode(Ack("getlocations", (location,)))
        self._lines.setdefault(location, deque(maxlen=self.limit))

    def add(self, line: DataLine) -> None:
        """Keep a line. Raises `WireError` for one that no stream can carry."""
        encode(msgspec.structs.replace(line, format="CT01_33"))
        self.open(line.location)
        self._lines[line.location].append(line)

    def lines(
        self, location: str, seq: int, *, inclusive: bool, by_number: bool
    ) -> list[DataLine] | None:
        """The lines from `seq` on, all for 0; None when `seq` is not there any more."""
        lines = list(self._lines.get(location, ()))
        if not seq:
            return lines
        if by_number:
            return [ln for ln in lines if ln.seq > seq or (inclusive and ln.seq == seq)]
        # From the back: after a rollover the newer of two equal numbers is meant.
        for at in range(len(lines) - 1, -1, -1):
            if lines[at].seq == seq:
                return lines[at if inclusive else at + 1 :]
        return None


def render_time(text: str, form: str) -> str:
    """A time in the format that was asked for: `iso`, `normal`, `unix` or `msecs`; in hundredths.

    A time without a date cannot be written as `iso` or `unix`; it stays
    `normal`, hours past 24 included. What is no time is returned as it is.
    """
    try:
        stamp = parse_any(text)
    except WireError:
        return text
    if form == "msecs":
        return str(_of_day(stamp) // 1_000_000)
    if form == "normal" or not stamp.dated:
        return format_clock(_of_day(stamp))
    if form == "unix":
        # The local clock as if it were UTC, as the sample of revision 8 (PROTOCOLS 1.5, 2).
        return f"{stamp.wall // 10**9}.{stamp.wall // 10**7 % 100:02d}"
    return format_iso(stamp.wall, 2)


def _of_day(stamp: Stamp) -> int:
    return stamp.wall % DAY if stamp.dated else stamp.wall
