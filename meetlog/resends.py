"""Resends as people see them: received, known, new, and the results that changed."""

from collections.abc import Iterable

import msgspec

from projections.clock import iso_local
from projections.crossings import SEEN
from projections.meet import Meet
from projections.receipts import Receipt
from projections.views import SourceHealth, Split


class ResendReceipt(msgspec.Struct, frozen=True):
    """What a source sent again: `received` reads, of which `known` were copies and `new` were not.

    `reconnected` tells whether it was after a reconnect; else there were copies in the middle of
    a connection. `races` (`SESSION/EVENT/HEAT`) have a time that comes from one of the new reads.
    `until` is "" and `until_ns` None while it goes on.
    """

    source: str
    peer: str
    reconnected: bool
    since: str
    since_ns: int
    until: str
    until_ns: int | None
    received: int
    known: int
    new: int
    races: tuple[str, ...]


class SourceReport(SourceHealth, frozen=True):
    """A source's health, and its newest resend, None without any."""

    resend: ResendReceipt | None = None


def source_reports(meet: Meet) -> list[SourceReport]:
    """Every source, by name."""
    return [
        SourceReport(
            **{field: getattr(health, field) for field in health.__struct_fields__},
            resend=resend_of(meet, health.source),
        )
        for health in meet.sources()
    ]


def resends(meet: Meet, before: Iterable[ResendReceipt] = ()) -> tuple[ResendReceipt, ...]:
    """The newest resend of every source that had one; those over in `before` are as they were."""
    over = {(r.source, r.since_ns, r.until_ns): r for r in before if r.until_ns is not None}
    found = []
    for source in sorted(meet.state.health.sources):
        receipt = meet.state.health.receipts.newest(source)
        if receipt is not None:
            known = over.get((source, receipt.begun, receipt.ended))
            found.append(known or _view(meet, receipt))
    return tuple(found)


def resend_of(meet: Meet, source: str) -> ResendReceipt | None:
    """The newest resend of a source; None without any."""
    receipt = meet.state.health.receipts.newest(source)
    return None if receipt is None else _view(meet, receipt)


def _view(meet: Meet, receipt: Receipt) -> ResendReceipt:
    zone = meet.settings.meet.zone
    return ResendReceipt(
        source=receipt.source,
        peer=receipt.peer,
        reconnected=receipt.reconnected,
        since=iso_local(receipt.begun, zone),
        since_ns=receipt.begun,
        until=iso_local(receipt.ended or None, zone),
        until_ns=receipt.ended or None,
        received=receipt.received,
        known=receipt.known,
        new=receipt.new,
        races=changed_races(meet, receipt),
    )


def changed_races(meet: Meet, receipt: Receipt) -> tuple[str, ...]:
    """The races with a time that comes from one of the resend's reads, in program order."""
    if not receipt.new:
        return ()
    return tuple(
        f"{race.session}/{race.event}/{race.heat}"
        for race in meet.races()
        if any(
            _brought(meet, receipt, chip, split)
            for lane in race.lanes
            for chip in lane.chips
            if chip in receipt.chips  # first: it is few of a long race's
            for split in lane.splits
            if receipt.first <= split.position <= receipt.last
        )
    )


def _brought(meet: Meet, receipt: Receipt, chip: str, split: Split) -> bool:
    """Whether a split is of a crossing of this chip whose read the resend's source brought."""
    feeds = meet.state.reads.feeds
    return any(
        passing.position == split.position
        and passing.feed != SEEN.id
        and feeds[passing.feed][0] == receipt.source
        for passing in meet.passings(chip).get(split.point, ())
    )


def resend_words(resend: ResendReceipt) -> str:
    """`finish sent 58 reads again after it reconnected: 50 known, 8 new; results changed: 1/4A/2`.

    Nothing about results before a new read.
    """
    after = " after it reconnected" if resend.reconnected else ""
    told = f"{resend.known} known, {resend.new} new"
    changed = ""
    if resend.new:
        changed = f"; results changed: {', '.join(resend.races) or 'none'}"
    reads = "1 read" if resend.received == 1 else f"{resend.received} reads"
    return f"{resend.source} sent {reads} again{after}: {told}{changed}"
