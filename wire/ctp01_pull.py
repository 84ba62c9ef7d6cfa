"""The order of `getdata` commands in pull mode: one per location and round (PROTOCOLS 1.3)."""

from collections import deque
from collections.abc import Iterable

import msgspec


class Rounds(msgspec.Struct):
    """Goes round the locations until a whole round brought no new line, then rests.

    A client without news sends the lines from the mark on again, so that a
    round ends by what was new, not by an `ack~getdata~0`. `memory` is how
    many lines of a location are remembered for that; it must exceed what one
    answer can bring, or two answers could look new to each other for ever.
    """

    memory: int

    queue: deque[str] = msgspec.field(default_factory=deque)
    locations: tuple[str, ...] = ()
    location: str = ""  # the one last asked for
    waiting: bool = False  # for the answer to `getdata`
    listing: bool = False  # for the answer to `getlocations`
    due: int = 0  # lines promised and not yet received
    fresh: bool = False  # whether this round brought a new line
    busy: bool = False  # false while resting
    refused: set[str] = msgspec.field(default_factory=set)  # locations that could not resume
    recent: dict[str, dict[int, None]] = msgspec.field(default_factory=dict)  # ordered sets

    def list(self) -> None:
        """The locations have been asked for; a round follows."""
        self.busy = self.listing = True

    def begin(self, locations: Iterable[str]) -> None:
        """A new series of rounds over these locations."""
        self.locations = tuple(locations)
        self.queue = deque(self.locations)
        self.listing = self.waiting = self.fresh = False
        self.due = 0
        self.busy = True

    def next(self) -> str:
        """The location to ask for now; "" when the last round brought nothing."""
        if not self.queue and self.fresh:
            self.fresh = False
            self.queue.extend(self.locations)
        self.location = self.queue.popleft() if self.queue else ""
        self.busy = self.waiting = bool(self.location)
        return self.location

    def expect(self, count: int) -> None:
        """The answer came: this many lines follow it."""
        self.waiting = False
        self.due = count

    def give_up(self) -> None:
        """What was asked for did not come; rest, and ask again at the next poll."""
        self.waiting = self.listing = self.busy = False
        self.due = 0

    def see(self, location: str, seqs: Iterable[int]) -> None:
        """Lines that came; the round is fresh when one of them is new."""
        recent = self.recent.setdefault(location, {})
        for seq in seqs:
            if seq not in recent:
                recent[seq] = None
                self.fresh = True
        while len(recent) > self.memory:
            del recent[next(iter(recent))]
