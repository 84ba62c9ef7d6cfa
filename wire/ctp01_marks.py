"""Where to resume a CTP01 location after a cut, so that nothing is lost (PROTOCOLS 1.6).

The protocol leaves open whether `start~loc~seq` includes `seq`, whether seqs
are contiguous per location, and whether they arrive in order; one controller
swapped neighbours 21 times. If 5 arrived and 4 had not when the line was cut,
asking for 5 would lose 4 at a client that compares numbers. So the mark is
the greatest seq up to which the last `WINDOW` lines received have no hole; in
the usual case, without holes, that is the last line seen. It was received
itself, so that both readings of `seq` lose nothing, and so does a client that
looks the line up in its buffer instead of comparing numbers. Numbering across
locations looks like holes: then up to `WINDOW` lines come again.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from wire.ctp01_messages import MAX_SEQ, Ack, Blank, DataLine, Message
from wire.errors import Malformed

# Lines that may overtake one another without loss. The swaps seen were of neighbours.
WINDOW = 32
# Where the numbers start again from 1 is not specified. This close to it, new lines could have
# lower numbers than the mark, and only a start without a number is sure to bring them.
ROLLOVER_MARGIN = 10_000
# A client makes a new id when its session is new; old ids forgotten only cost a full start.
MAX_IDS = 64
_NUMBERED = (DataLine, Blank)


class Marks(msgspec.Struct):
    """The lines last received of each location under each connection id, in order of arrival.

    The field is the whole state and can be saved as msgpack. A window starts
    with 0, the place before the first line, or with the mark resumed from.
    """

    windows: dict[str, dict[str, list[int]]] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, marks: Mapping[str, Mapping[str, int]]) -> "Marks":
        """Marks that `table` once gave, by connection id and location."""
        return cls({id: {loc: [seq] for loc, seq in locs.items()} for id, locs in marks.items()})

    def see(self, connection_id: str, location: str, seqs: Sequence[int]) -> None:
        """Note lines received (one at least), in order."""
        locations = self.windows.get(connection_id)
        if locations is None:
            locations = self.windows[connection_id] = {}
            while len(self.windows) > MAX_IDS:
                del self.windows[next(iter(self.windows))]
        window = locations.setdefault(location, [0])
        for begin in range(0, len(seqs), WINDOW):
            some = seqs[begin : begin + WINDOW]
            fresh = set(some)
            if len(fresh) == len(some) and fresh.isdisjoint(window):
                window += some  # as below, all at once: nearly always lines just go on
                del window[:-WINDOW]
                continue
            for seq in some:
                # A line that comes again must not push out older ones that still guard a hole.
                if seq not in window:
                    window.append(seq)
                    if len(window) > WINDOW:
                        del window[0]

    def observe(
        self, connection_id: str, messages: Iterable[Message | Malformed]
    ) -> tuple[str, list[tuple[str, str, int]]]:
        """Follow one connection passively, from what its client said.

        `connection_id` is what the last call for that connection returned, ""
        at first. Also returned: (connection id, location, mark) of each
        location that had lines. Lines before the id is known leave no mark.
        """
        seen: dict[str, dict[str, list[int]]] = {}
        for message in messages:
            if isinstance(message, _NUMBERED):
                if connection_id:
                    seqs = seen.setdefault(connection_id, {})
                    seqs.setdefault(message.location, []).append(message.seq)
            elif type(message) is Ack and message.command == "getconnectionid":
                connection_id = message.fields[0] if message.fields else ""
        return connection_id, [
            mark for id, locations in seen.items() for mark in self.receive(id, locations)
        ]

    def receive(
        self, connection_id: str, lines: Mapping[str, Sequence[int]]
    ) -> list[tuple[str, str, int]]:
        """Note lines received, by location; (connection id, location, mark) of each."""
        for location, seqs in lines.items():
            self.see(connection_id, location, seqs)
        return [(connection_id, each, self.mark(connection_id, each)) for each in lines]

    def floor(self, connection_id: str, location: str) -> int:
        """The greatest seq without a hole below it among the last lines; 0 is before the first."""
        window = sorted(self.windows.get(connection_id, {}).get(location, (0,)))
        mark = window[0]
        for seq in window:
            if seq > mark + 1:
                break
            mark = seq
        return mark

    def mark(self, connection_id: str, location: str) -> int:
        """The seq to resume from; 0 asks for everything, without a seq."""
        window = self.windows.get(connection_id, {}).get(location, (0,))
        if max(window) > MAX_SEQ - ROLLOVER_MARGIN:
            return 0
        return self.floor(connection_id, location)

    def restart(self, connection_id: str, location: str) -> None:
        """The location is being sent from its beginning."""
        self.windows.setdefault(connection_id, {})[location] = [0]

    def table(self) -> dict[str, dict[str, int]]:
        """All marks, by connection id and location."""
        return {
            id: {location: self.mark(id, location) for location in locations}
            for id, locations in self.windows.items()
            if id
        }
