"""Which crossings a relay has to send: what is true now against what it sent last.

A crossing grows while its chip is read. Its best-seen moment is sent when it
has stood unchanged for the relay's `hold`; a first-seen one at once. When a
better read or a statement changes what was sent, the new moment is sent; the
protocols know no way to take the old one back (PROTOCOLS 1.3, 2).
"""

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from projections.relayed import Item, ItemKind, Key, key_of


class Span(msgspec.Struct, frozen=True):
    """The part of a chip's crossings that was looked at: at `point` ("" is all) from `since` on."""

    point: str = ""
    since: int = 0

    def covers(self, item: Item) -> bool:
        """Whether an item is of that part."""
        return item.moment >= self.since and self.point in ("", item.at_point)


WHOLE = Span()


class _Wait(msgspec.Struct):
    item: Item
    since: int


_Place = tuple[str, bool, Key]  # chip, whether it holds no more, and which item


class Corrections:
    """What one relay is to send or withdraw, and waits for its hold. Times are monotonic ns."""

    def __init__(self, hold: int) -> None:
        self._hold = hold
        # Whoever waits longest is in front. A plain dict is slow at losing what is in front.
        self._waiting: OrderedDict[_Place, _Wait] = OrderedDict()
        self._of_chip: dict[str, dict[_Place, None]] = {}
        self._at_once: dict[_Place, Item] = {}

    def note(
        self, chip: str, wanted: Iterable[Item], standing: Iterable[Item], now: int, span: Span
    ) -> None:
        """What holds for a chip now, and what was sent of that; both of the part in `span` only.

        What waits already and is still to be sent or withdrawn goes on waiting.
        """
        present = {key_of(i): i for i in wanted}
        past = {key_of(i): i for i in standing}
        found = {(chip, False, k): i for k, i in present.items() if k not in past}
        found |= {(chip, True, k): i for k, i in past.items() if k not in present}
        for place in list(self._of_chip.get(chip, ())):
            if place not in found and span.covers(self._waiting[place].item):
                self._end(place)
        for place, item in found.items():
            if place in self._waiting:
                self._waiting[place].item = item
            elif item.kind == ItemKind.FIRST_SEEN and not place[1]:
                self._at_once[place] = item
            else:
                self._waiting[place] = _Wait(item, now)
                self._of_chip.setdefault(chip, {})[place] = None

    def due(self, now: int, most: int) -> tuple[list[Item], list[Item]]:
        """What to send and what to withdraw now, oldest moment first; it waits no longer.

        About `most` of what waited longest; what belongs together stays together.
        """
        add = list(self._at_once.values())
        withdraw: list[Item] = []
        self._at_once.clear()
        chip = ""
        while self._waiting:
            place, wait = next(iter(self._waiting.items()))
            enough = place[0] != chip and len(add) + len(withdraw) >= most
            if enough or now - wait.since < self._hold:
                break
            chip = place[0]
            (withdraw if place[1] else add).append(wait.item)
            self._end(place)
        add.sort(key=lambda i: (i.moment, i.location, i.tag, i.kind))
        return add, withdraw

    def next_due(self, now: int) -> int | None:
        """How long (ns) until something is due; None when nothing waits."""
        if self._at_once:
            return 0
        if not self._waiting:
            return None
        return max(0, next(iter(self._waiting.values())).since + self._hold - now)

    def _end(self, place: _Place) -> None:
        del self._waiting[place]
        of_chip = self._of_chip[place[0]]
        del of_chip[place]
        if not of_chip:
            del self._of_chip[place[0]]
