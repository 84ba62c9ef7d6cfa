"""The events of relays for people: what was queued to be sent, and how far a connection is."""

from collections import Counter
from collections.abc import Iterator

from meetlog.reports import ItemReport
from meetlog.show import count, local
from projections import relayed
from projections.clock import iso_local
from projections.relayed import Item, Queued
from store.event import RELAY_QUEUED, RELAY_SENT, Event
from wire.errors import WireError

KINDS = {0: "gun", 1: "first-seen", 2: "best-seen", 3: "new location"}


def items_of(event: Event, zone: str) -> tuple[ItemReport, ...] | None:
    """The items of a `relay.queued` event, then those it withdraws; None for any other event."""
    fact = _queued(event)
    if fact is None:
        return None
    queued = [_report(item, zone, fact.before + n) for n, item in enumerate(fact.items, 1)]
    return (*queued, *(_report(item, zone, 0) for item in fact.withdrawn))


def relay_words(event: Event) -> str:
    """What an event of a relay says, in a line; "" for any other, and for one that is none."""
    fact = _queued(event)
    if fact is not None:
        return _queued_words(fact)
    if event.kind != RELAY_SENT:
        return ""
    try:
        mark = relayed.sent(event)
    except WireError:
        return ""
    again = f", {mark.again} of them again" if mark.again else ""
    return (
        f"handed over up to item {mark.through} to {mark.peer} (safe up to {mark.safe}): "
        f"{count(mark.sent, 'item')} in connection {mark.connection}{again}"
    )


def item_lines(items: tuple[ItemReport, ...]) -> Iterator[str]:
    """A line for each item: its number, its kind, what is sent, and what that stands for."""
    for each in items:
        sent = f"{each.location} {each.tag}".strip()
        stands = [
            f"{what} {name}"
            for what, name in (("point", each.point), ("chip", each.chip))
            if name not in ("", each.tag, each.location)
        ]
        told = f" ({', '.join(stands)})" if stands else ""
        place = f"item {each.number}" if each.number else "no longer holds"
        origin = f" from event {each.origin}" if each.origin else ""
        yield f"{place}: {each.kind} {sent}{told} {local(each.moment)}{origin}"


def _queued(event: Event) -> Queued | None:
    if event.kind != RELAY_QUEUED:
        return None
    try:
        return relayed.queued(event)
    except WireError:
        return None


def _queued_words(fact: Queued) -> str:
    made = f"of the events up to {fact.as_of}"
    if not fact.items and not fact.withdrawn:
        return f"nothing to send {made}"
    places = Counter(item.location for item in fact.items)
    where = ", ".join(f"{name} {number}" for name, number in places.items())
    told = []
    if fact.items:
        told.append(f"{count(len(fact.items), 'item')} from number {fact.before + 1} ({where})")
    if fact.withdrawn:
        told.append(f"{count(len(fact.withdrawn), 'crossing')} withdrawn")
    return f"{', '.join(told)}, {made}"


def _report(item: Item, zone: str, number: int) -> ItemReport:
    return ItemReport(
        number=number,
        kind=KINDS.get(item.kind, str(item.kind)),
        location=item.location,
        tag=item.tag,
        moment=iso_local(item.moment, zone),
        moment_ns=item.moment,
        point=item.at_point,
        chip=item.of_chip if item.kind in (1, 2) else "",
        origin=item.origin,
    )
