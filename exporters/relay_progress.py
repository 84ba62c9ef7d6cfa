"""How far a peer is that cannot say so: TsV1 and TsV2 acknowledge nothing (PROTOCOLS 2).

What was handed to the network may still be in a buffer when the line is cut:
of this system, of the other one, or of the program there. So an item counts
as safe only when much was sent after it, or some time after; whatever is not
safe is sent again. A duplicate does no harm, a missing read does.
"""

from collections import deque
from typing import NamedTuple

# What the buffers of both systems can hold: some megabytes on Linux and on Windows.
BUFFERED = 8 * 1024 * 1024
MOST_STEPS = 4096  # remembered; with more, neighbours are joined and more is sent again


class Piece(NamedTuple):
    """The bytes of `items` items, `again` of which the peer was handed before.

    After it, items up to `through` are handed over.
    """

    data: bytes
    through: int
    items: int
    again: int


class _Step(NamedTuple):
    through: int
    total: int
    at: int


class Progress:
    """What one connection has handed over. Times are monotonic ns.

    `through` is the last item handed over, `safe` the last that need not be
    sent again; `sent` counts items, `again` those of them that went before.
    """

    def __init__(self, start: int, overlap: int) -> None:
        """The connection begins after item `start`."""
        self.through = self.safe = start
        self.sent = self.again = 0
        self._overlap = overlap
        self._total = 0
        self._steps: deque[_Step] = deque()

    def note(self, piece: Piece, begun: int, now: int) -> None:
        """A piece was handed over, beginning at one time and done at another.

        What a filter of the peer kept back counts as handed over.
        """
        self.through, size = piece.through, len(piece.data)
        self.sent += piece.items
        self.again += piece.again
        self._total += size
        if now - begun > SLOW:
            # The buffers were full: all that is in them may be as old as this.
            self._steps = deque(
                step if self._total - step.total > BUFFERED else step._replace(at=now)
                for step in self._steps
            )
        self._steps.append(_Step(piece.through, self._total, now))
        if len(self._steps) > MOST_STEPS:
            # Of two the later one stays, and so does the last of all.
            self._steps = deque(list(self._steps)[::-2][::-1])
        self.settle(now)

    def settle(self, now: int) -> None:
        """See what is safe by now."""
        steps = self._steps
        while steps and (
            self._total - steps[0].total >= BUFFERED or now - steps[0].at >= self._overlap
        ):
            self.safe = steps.popleft().through


SLOW = 1_000_000_000  # ns; a healthy peer takes what it is given at once
