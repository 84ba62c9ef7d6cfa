"""Which lines are due to the peer of a CTP01 timing side, by their numbers (PROTOCOLS 1.3, 1.6).

In push mode each started location is a stream that goes on with the shelf; in
pull mode one `getdata` at a time is owed a number of lines that was told.
Nothing here knows a line: a place is a number, whatever the size of the shelf.
"""

from collections.abc import Sequence

import msgspec

from wire.ctp01_messages import MAX_SEQ
from wire.ctp01_shelf import Shelf


class Place(msgspec.Struct):
    """Where the peer is in a location: `next` is the number of the line it gets next.

    For a peer that compares numbers, lines before `until` are passed over
    unless their seq is `least` or more.
    """

    next: int
    least: int = 0
    until: int = 0


class Dues:
    """The places of one connection.

    `inclusive`: a seq that is asked for is sent again. `by_number`: seqs are
    compared, instead of the one asked for being looked up.
    """

    def __init__(self, shelf: Shelf, *, inclusive: bool, by_number: bool) -> None:
        self.owed = 0  # lines promised to the last `getdata` and not yet passed
        self._owed_of = ""  # the location it named, "" for any
        self._shelf = shelf
        self._inclusive = inclusive
        self._by_number = by_number
        self._streams: dict[str, Place] = {}
        self._fetched: dict[str, Place] = {}

    # Push.

    def start(self, locations: Sequence[str], seq: int | None, *, refuse: bool) -> bool:
        """Stream these locations from `seq` on; whether it was possible.

        Without a seq, and with 0, from the first line kept; but a stream that
        runs is moved by a seq only, since some servers repeat `start` for ever
        (PROTOCOLS 1.7, RM). A seq that is not there is refused, nothing being
        started, or else brings the whole location: resending beats missing.
        """
        found: dict[str, Place] = {}
        for location in locations:
            if seq is None and location in self._streams:
                continue
            place = self._place(location, seq or 0)
            if place is None:
                if refuse:
                    return False
                place = self._place(location, 0)
            if place is not None:
                found[location] = place
        self._streams |= found
        return True

    def stop(self, location: str = "") -> bool:
        """End a stream, or all of them; whether there was one of that name."""
        if not location:
            self._streams.clear()
            return True
        return self._streams.pop(location, None) is not None

    def streams(self, location: str) -> bool:
        """Whether the location was started."""
        return location in self._streams

    # Pull.

    def fetch(self, most: int, location: str, seq: int | None) -> int | None:
        """Owe up to `most` lines, of one location or of all that are known; how many are owed now.

        With a seq from there on, with 0 from the first line kept; without, on
        from what this connection has got, so that a peer that repeats itself
        gets on. Without a location a seq other than 0 means nothing: each
        location has its own. None if the seq is not there, and nothing is owed.
        """
        names = (location,) if location else self._shelf.locations
        if not location and seq:
            seq = None
        places: dict[str, Place] = {}
        for name in names:
            place = self._fetched.get(name) if seq is None else self._after(name, seq)
            if place is None and seq is None:
                place = self._place(name, 0)
            if place is None:
                return None
            places[name] = place
        self._fetched |= places
        self._owed_of = location
        self.owed = min(most, sum(self._left(name, places[name]) for name in names))
        return self.owed

    # Both.

    def wants(self, location: str) -> int | None:
        """The number of the line of this location that is due next; None when none is."""
        place = self._current(location)
        if place is None:
            return None
        self._skip(location, place)
        return place.next if place.next < self._shelf.span(location)[1] else None

    def take(self, location: str) -> None:
        """The line that `wants` named was sent, or passed over by a filter."""
        place = self._current(location)
        if place is not None:
            place.next += 1
            self.owed = max(0, self.owed - 1)

    def reached(self, location: str) -> int | None:
        """The number of the first line this connection has not got; None if it never asked."""
        place = self._streams.get(location) or self._fetched.get(location)
        if place is None:
            return None
        self._skip(location, place)
        return place.next

    def _current(self, location: str) -> Place | None:
        """The place that counts now. A promise is kept first, even if the mode has changed."""
        if not self.owed:
            return self._streams.get(location)
        if self._owed_of and location != self._owed_of:
            return None
        if location not in self._fetched and location in self._shelf.locations:
            self._fetched[location] = Place(self._shelf.span(location)[0])
        return self._fetched.get(location)

    def _place(self, location: str, seq: int) -> Place | None:
        first, end = self._shelf.span(location)
        if not seq:
            return Place(first)
        least = seq if self._inclusive else seq + 1
        if self._by_number:
            return Place(first, least, end)
        at = self._shelf.find(location, seq)
        return None if at is None else Place(at if self._inclusive else at + 1)

    def _after(self, location: str, seq: int) -> Place | None:
        """The place of a `getdata` with a seq, which may be that of the line to come.

        Where a seq means itself ("starting from", PROTOCOLS 1.6), a peer that
        has everything asks for the next one.
        """
        place = self._place(location, seq)
        if place is not None or not self._inclusive:
            return place
        first, end = self._shelf.span(location)
        newest = self._shelf.find(location, seq - 1 or MAX_SEQ)
        if newest == end - 1 or (first == end == 1 and seq == 1):
            return Place(end)
        return None

    def _skip(self, location: str, place: Place) -> None:
        """Pass over what was dropped since, and what a comparison of numbers leaves out."""
        place.next = max(place.next, self._shelf.span(location)[0])
        while place.next < place.until and not self._matches(location, place, place.next):
            place.next += 1

    def _left(self, location: str, place: Place) -> int:
        """How many lines are left from a place on."""
        self._skip(location, place)
        end = self._shelf.span(location)[1]
        if place.next >= place.until:
            return end - place.next
        compared = range(place.next, place.until)
        return end - place.until + sum(self._matches(location, place, n) for n in compared)

    def _matches(self, location: str, place: Place, number: int) -> bool:
        return self._shelf.seq(location, number) >= place.least
