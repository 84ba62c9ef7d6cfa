"""A relay's stream as its connections see it: how much there is, and any part of it, from the log.

The projector tells how far the stream has grown; each connection reads at its
own pace, from the log, so that a slow peer holds nobody up.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from projections.relayed import Item, queued
from projections.relays import Block, Stream, block_of
from store.event import RELAY_QUEUED, Event
from store.log import Log
from wire.errors import WireError

EVENTS = 16  # read at once: at most as many times `MOST_ITEMS` items in memory


class Numbered(NamedTuple):
    """An item with its number in the stream and its place among those of its location, from 1."""

    number: int
    place: int
    item: Item


class View(msgspec.Struct, frozen=True):
    """The stream up to item `items`: the items of each location, and the index."""

    items: int = 0
    counts: Mapping[str, int] = {}
    blocks: tuple[Block, ...] = ()


class Feed:
    """The stream of one relay. `show` is for the projector's thread, the rest for any."""

    def __init__(self, log: Log, name: str, *, locations: Iterable[str] = ()) -> None:
        """`locations` are known even before anything happened there."""
        self.name = name
        self.log = log
        self.view = View()
        self._configured = tuple(locations)
        self._listeners: list[Callable[[], None]] = []

    def show(self, stream: Stream) -> None:
        """The stream has grown to this; all who listen are told."""
        self.view = View(stream.items, dict(stream.counts), tuple(stream.blocks))
        for tell in list(self._listeners):
            tell()

    def subscribe(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` in the projector's thread when there is more; returns how to end that."""
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell)

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations that are known now, in order."""
        return tuple(dict.fromkeys((*self._configured, *self.view.counts)))

    def span(self, location: str) -> tuple[int, int]:
        """The places of a location's items: the first, and one past the last."""
        return 1, self.view.counts.get(location, 0) + 1

    def at(self, number: int) -> "Cursor":
        """A cursor from item `number` on."""
        return Cursor(self, self.view, block_of(self.view.blocks, number), number)

    def at_place(self, location: str, place: int) -> "Cursor":
        """A cursor from not after the item in this place of a location on."""
        view = self.view
        order = list(view.counts)
        if location not in order:
            return self.at(view.items + 1)
        column = order.index(location)
        before = bisect_right(
            view.blocks, place - 1, key=lambda b: b.counts[column] if column < len(b.counts) else 0
        )
        block = view.blocks[before - 1] if before else None
        return Cursor(self, view, block, block.before + 1 if block else 1)


class Cursor:
    """Reads the stream forward. Not for several threads at once."""

    def __init__(self, feed: Feed, view: View, block: Block | None, number: int) -> None:
        self.number = number  # of the item that comes next
        self._feed = feed
        self._after = block.position - 1 if block else 0
        self._before = block.before if block else 0
        order = list(view.counts)
        self._counts = dict(zip(order, block.counts, strict=False)) if block else {}
        # The place of the last item of each location that lies behind.
        self.passed = dict(self._counts)
        self._held: deque[Numbered] = deque()

    def read(self, limit: int) -> list[Numbered]:
        """The next items, at most `limit`, none beyond what the feed shows; [] at its end.

        Raises `StoreError`.
        """
        end = self._feed.view.items
        found: list[Numbered] = []
        while len(found) < limit and self.number <= end:
            if not self._held:
                if not self._fetch():
                    break
                continue  # all of them may have been other relays' events
            each = self._held.popleft()
            self.passed[each.item.location] = each.place
            if each.number < self.number:
                continue
            found.append(each)
            self.number += 1
        return found

    def _fetch(self) -> bool:
        """Hold the items of the next events; False when there are none."""
        events = self._feed.log.read(self._after, EVENTS, kinds=(RELAY_QUEUED,))
        for event in events:
            self._after = event.position
            if event.source != self._feed.name:
                continue
            for item in _items(event):
                self._before += 1
                place = self._counts[item.location] = self._counts.get(item.location, 0) + 1
                self._held.append(Numbered(self._before, place, item))
        return bool(events)


def _items(event: Event) -> tuple[Item, ...]:
    """The items of a decision; none of one that cannot be read, as the fold counts none."""
    try:
        return queued(event).items
    except WireError:
        return ()
