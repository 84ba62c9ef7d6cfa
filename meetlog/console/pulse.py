"""The pulse of each source: when bytes came, so that a silence can be told from its usual pauses.

It is pure: it is fed events of the log in order, and remembers the newest
arrivals of each source. How a source was heard lately is all that it knows,
so it is the same however the console came to look at the log.
"""

from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from statistics import median_low

import msgspec

from store.event import SOCKET_READ, Event
from wire.stamps import NS

ARRIVALS = 200  # of each source: some heats of a pool, a minute of a road race
TAIL = 20_000  # events before the head that the pulse is felt from when a console begins to look
_FEW = 6  # arrivals below which nothing is called usual
# A source that speaks in bursts is silent between heats; whoever warns of each pause is not heard.
SHORTEST_SILENCE = 30 * NS
_TIMES_LONGEST = 2


class Pulse(msgspec.Struct, frozen=True):
    """How a source was heard lately. All spans are ns.

    `usual` is the median of the pauses between its newest arrivals, `longest` the longest of
    them; both None of a source that was hardly heard. `last` (ns UTC) is its newest arrival, 0
    without one.
    """

    last: int = 0
    usual: int | None = None
    longest: int | None = None

    def silence(self, now: int) -> int | None:
        """For how long (ns) the source has been silent at `now`, where that is unusual for it."""
        if self.longest is None:
            return None
        pause = now - self.last
        return pause if pause > max(SHORTEST_SILENCE, _TIMES_LONGEST * self.longest) else None


class Pulses:
    """The newest arrivals of every source."""

    def __init__(self) -> None:
        self._arrivals: dict[str, deque[int]] = {}

    def feed(self, events: Iterable[Event]) -> None:
        """Note what arrived; events are in the order of the log."""
        for event in events:
            if event.kind != SOCKET_READ:
                continue
            known = self._arrivals.get(event.source)
            if known is None:
                known = self._arrivals[event.source] = deque(maxlen=ARRIVALS)
            known.append(event.recorded_at)

    def of(self, source: str) -> Pulse:
        """The pulse of a source; that of one never heard says nothing."""
        arrivals = self._arrivals.get(source)
        if not arrivals:
            return Pulse()
        times = list(arrivals)
        if len(times) < _FEW:
            return Pulse(times[-1])
        pauses = [later - sooner for sooner, later in pairwise(times)]
        return Pulse(times[-1], median_low(pauses), max(pauses))
