"""What is to be played: the items of a span, queued as a relay's are, in a log that is thrown away.

The recorded log is only read. Each decision in the scratch log names, as
`as_of`, the event of the recorded log with which its items were known, so
that they can be told at the pace of then.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import msgspec

from exporters.relay_backfill import Backfill
from exporters.relay_choice import Choice
from meetlog.asof import UpTo
from meetlog.instants import last_until
from projections.folding import fold
from projections.meet import Meet
from projections.relayed import MOST_ITEMS, Item, ItemKind, Queued, queued, queued_draft
from projections.relays import Stream
from store.event import RELAY_QUEUED, Draft
from store.log import Log
from wire.settings import RelaySettings, Settings

AT_ONCE = 200  # decisions appended together: a disk is synced for each append
_EVENTS = 50  # decisions read together

Known = tuple[int, Item]  # the event with which an item was known, and the item
Progress = Callable[[int], None]


class Span(msgspec.Struct, frozen=True):
    """The events `begin` to `end` of a log, whose newest is `end`."""

    log: UpTo
    begin: int
    end: int


def known_items(
    span: Span, relay: RelaySettings, settings: Settings, progress: Progress = lambda _: None
) -> Iterator[Known]:
    """The items that a relay sends of what came in the span, in the order in which it was known.

    Crossings, chips and heats are those known at the span's end. No
    announcement of a location is among them: all are known from the start.
    """
    attended = msgspec.structs.replace(settings, relays=(relay,))
    meet = fold(span.log, span.end, settings=msgspec.structs.replace(settings, relays=()))
    meet.settle()
    choice = Choice(relay, meet, Stream())
    if relay.send == "crossings":
        yield from _crossings(span, meet, choice)
        return
    past = Backfill(span.log, meet, attended)
    while past.position < span.end:
        heard = past.next(span.end)
        for item in choice.heard(heard, span.begin - 1):
            if item.kind != ItemKind.LOCATION:
                yield item.origin, item
        progress(past.position)


def _crossings(span: Span, meet: Meet, choice: Choice) -> Iterator[Known]:
    items = choice.guns(0)
    items += (item for chip in meet.chips() for item in choice.crossings(chip))
    head = span.log.head()
    # A first-seen moment is known by no single event.
    known = [(i.origin or last_until(span.log, i.moment, head), i) for i in items]
    known.sort(key=lambda each: (each[0], each[1].moment, each[1].location, each[1].tag))
    for origin, item in known:
        if origin >= span.begin and item.kind != ItemKind.LOCATION:
            yield origin, item


def queue_items(scratch: Log, relay: str, known: Iterable[Known], *, paced: bool) -> int:
    """Queue them in the scratch log; how many there are.

    With `paced` what was known with one event is one decision, so that it can
    be told when its time has come; else decisions are as large as they may be.
    """
    before = 0
    drafts: list[Draft] = []
    for as_of, items in _decisions(known, paced=paced):
        drafts.append(queued_draft(relay, tuple(items), as_of=as_of, before=before))
        before += len(items)
        if len(drafts) == AT_ONCE:
            scratch.append(drafts)
            drafts = []
    if drafts:
        scratch.append(drafts)
    return before


def _decisions(known: Iterable[Known], *, paced: bool) -> Iterator[tuple[int, list[Item]]]:
    groups = groupby(known, key=lambda each: each[0] if paced else 0)
    for _, group in groups:
        held: list[Item] = []
        as_of = 0
        for as_of, item in group:
            held.append(item)
            if len(held) == MOST_ITEMS:
                yield as_of, held
                held = []
        if held:
            yield as_of, held


def decisions(scratch: Log) -> Iterator[Queued]:
    """All that was queued, in order."""
    after = 0
    while events := scratch.read(after, _EVENTS, kinds=(RELAY_QUEUED,)):
        for event in events:
            after = event.position
            yield queued(event)
