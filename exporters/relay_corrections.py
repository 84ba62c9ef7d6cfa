"""Which crossings a relay has to send: what is true now against what it sent last.

A crossing grows while its chip is read. Its best-seen moment is sent when it
has stood unchanged for the relay's `hold`; a first-seen one at once. When a
better read or a statement changes what was sent, the new moment is sent; the
protocols know no way to take the old one back (PROTOCOLS 1.3, 2).
"""

from collections.abc import Sequence

import msgspec

from projections.relayed import Item, ItemKind

Key = tuple[int, str, str, int]  # kind, location, tag, moment: what makes an item another one


def key_of(item: Item) -> Key:
    """What a peer can tell items apart by, as far as it matters."""
    return item.kind, item.location, item.tag, item.moment


class Difference(msgspec.Struct, frozen=True):
    """Items to send, and those that were sent and no longer hold, at one point for one chip."""

    add: tuple[Item, ...]
    withdraw: tuple[Item, ...]

    @property
    def signature(self) -> tuple[frozenset[Key], frozenset[Key]]:
        """Two differences with the same one say the same."""
        return frozenset(map(key_of, self.add)), frozenset(map(key_of, self.withdraw))

    @property
    def first_seen(self) -> tuple[Item, ...]:
        """What is not held back."""
        return tuple(i for i in self.add if i.kind == ItemKind.FIRST_SEEN)


def differences(wanted: Sequence[Item], standing: Sequence[Item]) -> dict[str, Difference]:
    """What to send and what no longer holds, by location, of one chip."""
    now, then = {key_of(i) for i in wanted}, {key_of(i) for i in standing}
    add = [i for i in wanted if key_of(i) not in then]
    withdraw = [i for i in standing if key_of(i) not in now]
    places = dict.fromkeys(i.location for i in (*add, *withdraw))
    return {
        place: Difference(
            tuple(i for i in add if i.location == place),
            tuple(i for i in withdraw if i.location == place),
        )
        for place in places
    }


class _Wait(msgspec.Struct):
    difference: Difference
    since: int


class Corrections:
    """The differences of one relay that wait for their hold. All times are monotonic ns."""

    def __init__(self, hold: int) -> None:
        self._hold = hold
        self._waiting: dict[tuple[str, str], _Wait] = {}

    def note(self, chip: str, found: dict[str, Difference], now: int) -> None:
        """What differs for a chip now; a wait goes on where it is the same as before."""
        for place in [p for c, p in self._waiting if c == chip and p not in found]:
            del self._waiting[chip, place]
        for place, difference in found.items():
            before = self._waiting.get((chip, place))
            if before is None or before.difference.signature != difference.signature:
                self._waiting[chip, place] = _Wait(difference, now)

    def due(self, now: int) -> tuple[list[Item], list[Item]]:
        """What to send and what to withdraw now, oldest moment first; it waits no longer."""
        add: list[Item] = []
        withdraw: list[Item] = []
        for where, wait in list(self._waiting.items()):
            difference = wait.difference
            if now - wait.since >= self._hold:
                add += difference.add
                withdraw += difference.withdraw
                del self._waiting[where]
            elif early := difference.first_seen:
                add += early
                rest = tuple(i for i in difference.add if i not in early)
                wait.difference = Difference(rest, difference.withdraw)
                if not rest and not difference.withdraw:
                    del self._waiting[where]
        add.sort(key=lambda i: (i.moment, i.location, i.tag, i.kind))
        return add, withdraw

    def next_due(self, now: int) -> int | None:
        """How long (ns) until something is due; None when nothing waits."""
        if not self._waiting:
            return None
        return max(0, min(w.since for w in self._waiting.values()) + self._hold - now)
