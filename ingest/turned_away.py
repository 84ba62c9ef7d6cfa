"""Peers that are turned away: the first are recorded one by one, a knocking without end is counted.

Nothing is read from a peer that is turned away, so a count loses nothing that
was received. Without it, whoever may reach the port could fill the disk at
two events a knock.
"""

from collections import Counter
from typing import Any

import anyio

from wire.stamps import NS

SPAN = 60 * NS  # what is counted is told so often; then the first are recorded one by one again
MOST_RECORDED = 3  # knocks of one address in a span that have events of their own
MOST_ADDRESSES = 16  # told apart in a span, however many addresses an attacker has


class TurnedAway:
    """Who was turned away in the present span. The caller says when a span is over."""

    def __init__(self) -> None:
        self._knocks: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._others = 0
        self._begun = anyio.Event()

    async def begun(self) -> None:
        """Return when somebody has been turned away in this span."""
        await self._begun.wait()

    def note(self, host: str, reason: str) -> bool:
        """Take a knock over; whether it is recorded by itself, or else counted."""
        self._begun.set()
        known = host in self._knocks or len(self._knocks) < MOST_ADDRESSES
        if known:
            self._knocks[host] += 1
            if self._knocks[host] <= MOST_RECORDED:
                return True
            self._counted[host] += 1
        else:
            self._others += 1
        self._reasons[reason] += 1
        return False

    def take(self) -> dict[str, Any] | None:
        """What was counted in this span, and begin the next; None if nothing was.

        `count` knocks, by `reasons` and by `peers`; `others` are those of further addresses.
        """
        counted, reasons, others = self._counted, self._reasons, self._others
        self._knocks, self._counted, self._reasons = Counter(), Counter(), Counter()
        self._others = 0
        self._begun = anyio.Event()
        if not reasons:
            return None
        return {
            "count": reasons.total(),
            "reasons": dict(reasons),
            "peers": dict(counted),
            "others": others,
        }


def host_of(peer: str) -> str:
    """The address in `host:port`, without its port."""
    return peer.rpartition(":")[0].strip("[]").partition("%")[0]
