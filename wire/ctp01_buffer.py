"""A shelf in memory: what a simulated CTP01 timing side keeps for those who resume."""

from collections import deque
from collections.abc import Iterable, Iterator

from wire.ctp01_client import ClientSession
from wire.ctp01_messages import DataLine
from wire.ctp01_shelf import check_line, check_location


class LineBuffer:
    """The last `limit` lines of each location; older ones are dropped, as real clients drop them.

    A `Shelf` for `ClientSession`. Lines carry their own seqs, which the caller
    chooses. Times are texts that `parse_any` reads, best ISO with a date.
    """

    def __init__(self, limit: int = 10_000, locations: Iterable[str] = ()) -> None:
        self.limit = limit
        self._lines: dict[str, deque[DataLine]] = {}
        self._ends: dict[str, int] = {}  # one past the number of the newest line
        for location in locations:
            self.open(location)

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations that are known, in the order they became so."""
        return tuple(self._lines)

    def open(self, location: str) -> None:
        """Make a location known; it may stay empty. Raises `WireError` if its name holds `~`."""
        check_location(location)
        if location not in self._lines:
            self._lines[location] = deque(maxlen=self.limit)
            self._ends[location] = 1

    def add(self, line: DataLine) -> None:
        """Keep a line. Raises `WireError` for one that no stream can carry."""
        check_line(line)
        self.open(line.location)
        self._lines[line.location].append(line)
        self._ends[line.location] += 1

    def span(self, location: str) -> tuple[int, int]:
        """The numbers of the lines kept: the first, and one past the last."""
        end = self._ends.get(location, 1)
        return end - len(self._lines.get(location, ())), end

    def find(self, location: str, seq: int) -> int | None:
        """The number of the newest line with this seq; None if it is not, or no longer, there."""
        end = self._ends.get(location, 1)
        lines = enumerate(reversed(self._lines.get(location, ())), 1)
        return next((end - back for back, line in lines if line.seq == seq), None)

    def seq(self, location: str, number: int) -> int:
        """The seq of a line kept."""
        return self.line(location, number).seq

    def line(self, location: str, number: int) -> DataLine:
        """A line kept."""
        return self._lines[location][number - self._ends[location]]


def due_lines(session: ClientSession, buffer: LineBuffer) -> Iterator[bytes]:
    """The bytes of each line that is due now, location after location, until none is."""
    found = True
    while found:  # the last line of a `getdata` may let another one begin that waited
        found = False
        for location in buffer.locations:
            while (number := session.wants(location)) is not None:
                found = True
                if data := session.line(location, number, buffer.line(location, number)):
                    yield data
