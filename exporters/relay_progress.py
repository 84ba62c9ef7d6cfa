"""How far a peer is that cannot say so: TsV1 and TsV2 acknowledge nothing (PROTOCOLS 2).

What was handed to the network may still be in a buffer when the line is cut:
of this system, of the other one, or of the program there. So an item counts
as safe only when much was sent after it, or some time has passed in which the
peer took what it was given; whatever is not safe is sent again. A duplicate
does no harm, a missing read does.
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
    `safe` goes back when it turns out that the peer has not been reading.
    """

    def __init__(self, start: int, overlap: int) -> None:
        """The connection begins after item `start`."""
        self.through = self.safe = start
        self.sent = self.again = 0
        self._overlap = overlap
        self._total = 0
        self._gone = start  # the last item that no buffer can hold any more
        self._old: deque[_Step] = deque()  # handed over `overlap` ago, and perhaps in a buffer
        self._new: deque[_Step] = deque()

    def note(self, piece: Piece, now: int) -> None:
        """A piece was handed over.

        What a filter of the peer kept back counts as handed over.
        """
        self.through = piece.through
        self.sent += piece.items
        self.again += piece.again
        self._total += len(piece.data)
        self._new.append(_Step(piece.through, self._total, now))
        self._new, self._old = _fewer(self._new), _fewer(self._old)
        self.settle(now)

    def stall(self, now: int) -> None:
        """The peer takes nothing: the buffers are full, and all in them may be as old as this."""
        self.settle(now)
        self._new = deque(step._replace(at=now) for step in (*self._old, *self._new))
        self._old.clear()
        self.settle(now)

    def settle(self, now: int) -> None:
        """See what is safe by now."""
        old, new = self._old, self._new
        while new and now - new[0].at >= self._overlap:
            old.append(new.popleft())
        for steps in (old, new):
            while steps and self._total - steps[0].total >= BUFFERED:
                self._gone = steps.popleft().through
        self.safe = old[-1].through if old else self._gone


def _fewer(steps: deque[_Step]) -> deque[_Step]:
    """The steps, every other one when they are too many: more is sent again then."""
    return steps if len(steps) <= MOST_STEPS else deque(list(steps)[::-2][::-1])


SLOW = 500_000_000  # ns; a healthy peer takes what it is given at once
