"""A meet that goes on while one looks: a read arrives a moment after its stamp."""

from collections.abc import Iterable
from pathlib import Path

from tests.meetlog.meets import MORNING, RecordedMeet
from wire.reads import RawRead
from wire.stamps import HOUR, NS, parse_iso

LATE = NS // 5


class LivelyMeet(RecordedMeet):
    """`at` is the clock of the log (ns UTC): ten milliseconds on for each event."""

    def __init__(self, folder: Path) -> None:
        self.at = MORNING - 2 * HOUR
        super().__init__(folder, clock=self._tick)

    def _tick(self) -> int:
        self.at += NS // 100
        return self.at

    def receive(self, reads: Iterable[RawRead], number: int = 1) -> int:
        """Reads that arrive a moment after the last of them was stamped."""
        told = list(reads)
        stamps = [parse_iso(each.moment.rstrip("Z")).wall - 2 * HOUR for each in told]
        self.at = max([self.at, *(stamp + LATE for stamp in stamps)])
        return super().receive(told, number)


def lively(folder: Path) -> LivelyMeet:
    """The first heat swum and published, a chip that nobody knows, a line that is no JSON."""
    meet = LivelyMeet(folder)
    meet.load()
    meet.connect()
    meet.publish()
    meet.swim()
    meet.publish()
    meet.lost()
    meet.publish()
    return meet
