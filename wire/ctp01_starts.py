"""Which locations of a CTP01 client are known, and which were started (PROTOCOLS 1.3)."""

from collections import deque

import msgspec

from wire.ctp01_messages import Command

# More locations than a race has; one who invents names must not cost memory without end.
MAX_LOCATIONS = 256


class Starts(msgspec.Struct):
    """The starts of one conversation: each location once, in the order they were heard of."""

    locations: dict[str, None] = msgspec.field(default_factory=dict)  # an ordered set
    asked: dict[str, int] = msgspec.field(default_factory=dict)  # location -> seq, 0 in full
    acks: deque[str] = msgspec.field(default_factory=deque)  # starts not yet answered
    bare: bool = False  # whether one `start` without a location was sent
    told: set[str] = msgspec.field(default_factory=set)  # problems, each said once

    def note(self, location: str) -> str:
        """A location was heard of; a problem with it in words, the first time, else ""."""
        problem = ""
        if "~" in location:
            # In CT01_13 a location can hold what no command can (PROTOCOLS 1.4).
            problem = "has a location with ~ in its name, which cannot be started; rename it"
        elif len(self.locations) >= MAX_LOCATIONS:
            problem = f"has more than {MAX_LOCATIONS} locations; the rest are left out"
        elif location:
            self.locations[location] = None
        new = problem and problem not in self.told
        self.told.add(problem)
        return problem if new else ""

    def start(self, location: str, seq: int, *, acked: bool) -> Command | None:
        """The command for a location that was not started; RM's server repeats it for ever."""
        if location in self.asked or location not in self.locations:
            return None
        self.asked[location] = seq
        if acked:
            self.acks.append(location)
        return Command("start", (location, str(seq)) if seq else (location,))

    def answered(self, location: str) -> None:
        """An `ack~start` came; without a location it answers the oldest open start."""
        if location in self.acks:
            self.acks.remove(location)
        elif not location and self.acks:
            self.acks.popleft()

    def refused(self, text: str) -> tuple[str, int]:
        """The location that an `err~start` means, and the seq it was asked from.

        It may name its location, or else answers the oldest open start. After
        a refusal to resume, the location may be started once more.
        """
        named = text.partition("~")[0]
        location = named if named in self.acks else self.acks[0]
        self.acks.remove(location)
        seq = self.asked[location]
        if seq:
            del self.asked[location]
        return location, seq

    def again(self) -> None:
        """A new conversation with the same locations."""
        self.asked.clear()
        self.acks.clear()
        self.bare = False
