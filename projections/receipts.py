"""Receipts: what came of it when a source sent again what it had sent before.

After a source that has brought reads connects again, all that comes belongs
to the resend, known or new, until something live comes: an event without
copies whose reads are all of after the reconnect, by the source's own clock.
In the middle of a connection a resend is copies in a row, and ends at the
first event without any. Either ends with its connection. Events are the unit,
so that it makes no difference how many are fed at once.
"""

from itertools import groupby

import msgspec

from projections.facts import Arrived, Span

# A copy now and then in the middle of a connection is a reader's habit, and no resend.
FEW_COPIES = 10


class Receipt(msgspec.Struct):
    """One resend: who, since when (ns UTC, by our clock), and what it brought.

    `reconnected` tells whether it began with the connection; reads with stamps
    after `live` (ns UTC) are then live. `first` and `last` are the events it
    began and ended with, `chips` those of its new reads. `ended` is 0 while it
    goes on.
    """

    source: str
    connection: int
    peer: str
    begun: int
    reconnected: bool
    live: int = 0
    received: int = 0
    known: int = 0
    new: int = 0
    first: int = 0
    last: int = 0
    chips: dict[str, None] = {}
    ended: int = 0

    @property
    def matters(self) -> bool:
        """Whether anybody needs to hear of it."""
        return self.received > 0 and (self.reconnected or self.known >= FEW_COPIES)


class Receipts(msgspec.Struct):
    """The resends going on, by source and connection, and the last of each source that ended."""

    going_on: dict[str, dict[int, Receipt]] = {}
    ended: dict[str, Receipt] = {}

    def opened(self, source: str, connection: int, peer: str, at: int, skew: int) -> None:
        """A source that has brought reads connected again; `skew` (ns) is arrival minus stamp."""
        of_source = self.going_on.setdefault(source, {})
        of_source[connection] = Receipt(
            source, connection, peer, at, reconnected=True, live=at - skew
        )

    def read(self, reads: Arrived, known: list[int], connection: int, peer: str) -> None:
        """Reads of one connection came; `known` has the event of each that was a copy, in order."""
        if not known and connection not in self.going_on.get(reads.source, {}):
            return  # live, as nearly everything is
        copies = {position: len(list(each)) for position, each in groupby(known)}
        of_source = self.going_on.setdefault(reads.source, {})
        for span in reads.spans():
            copied = copies.get(span.position, 0)
            if copied or connection in of_source:
                self._take(reads, span, copied, connection, peer)

    def _take(self, reads: Arrived, span: Span, known: int, connection: int, peer: str) -> None:
        """What one event completed, so many of which are copies."""
        position, at, begin, end = span
        of_source = self.going_on.setdefault(reads.source, {})
        receipt = of_source.get(connection)
        if receipt is None:
            receipt = Receipt(reads.source, connection, peer, at, reconnected=False)
            of_source[connection] = receipt
        elif not known and min(reads.moments[begin:end]) > receipt.live:
            self._end(receipt, at)
            return
        receipt.received += end - begin
        receipt.known += known
        receipt.new += end - begin - known
        receipt.first = receipt.first or position
        receipt.last = position
        if end - begin > known:
            receipt.chips |= dict.fromkeys(reads.chips(begin, end))

    def closed(self, source: str, connection: int, at: int) -> None:
        """A connection ended, and its resend with it."""
        receipt = self.going_on.get(source, {}).get(connection)
        if receipt is not None:
            self._end(receipt, at)

    def restarted(self, at: int) -> None:
        """The program started: whatever was open has ended."""
        for of_source in list(self.going_on.values()):
            for receipt in list(of_source.values()):
                self._end(receipt, at)

    def _end(self, receipt: Receipt, at: int) -> None:
        del self.going_on[receipt.source][receipt.connection]
        receipt.ended = at
        if receipt.matters:
            self.ended[receipt.source] = receipt

    def newest(self, source: str) -> Receipt | None:
        """The source's resend that goes on, else its last one; None when there was none."""
        going_on = [r for r in self.going_on.get(source, {}).values() if r.matters]
        return going_on[-1] if going_on else self.ended.get(source)
