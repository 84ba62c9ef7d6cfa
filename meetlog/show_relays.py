"""Relays for people: a table, and in words what was sent again, shortened, or no longer holds."""

from collections.abc import Iterable, Iterator

from meetlog.output import Rows
from meetlog.show import ago, count, local
from projections.views import RelayHealth, RelayReceipt

SHORTENED = 20  # lines of each relay; thousands of chips may be too long for CTP01


def relays_table(relays: Iterable[RelayHealth], now_ns: int) -> Rows:
    """One row per relay: its state, and how many items are where."""
    counts = ("queued", "sent", "waiting", "again", "withdrawn")
    table = Rows("relay", "state", *counts, "last sent", right=(*counts, "last sent"))
    for r in relays:
        who = f"{r.relay} ({r.protocol})" if r.protocol else r.relay
        state = f"{r.state}: {', '.join(r.peers)}" if r.peers else r.state
        table.add(who, state, r.queued, r.sent, r.waiting, r.again, r.withdrawn,
            ago(r.last_sent_ns, now_ns),
        )  # fmt: skip
    return table


def location_words(relay: RelayHealth) -> str:
    """`scoring sends crossings: Finish 12, Start 3`; of one that has none, that it has none."""
    what = {"reads": "each read once", "raw": "every copy of each read", "crossings": "crossings"}
    sends = f"{relay.relay} sends {what[relay.send]}" if relay.send else f"{relay.relay} sent"
    places = ", ".join(f"{name} {number}" for name, number in relay.locations.items())
    return f"{sends}: {places or 'nothing yet'}"


def receipt_words(relay: str, receipt: RelayReceipt) -> str:
    """`scoring resent 120 of 800 items to 10.0.0.7 after the cut at 14:05:12`, or that it sent."""
    items = count(receipt.sent, "item")
    if receipt.again:
        told = f"{relay} resent {receipt.again} of {items} to {_machine(receipt.peer)}"
        if receipt.cut:
            told += f" after the cut at {local(receipt.cut)[11:19]}"
    else:
        told = f"{relay} sent {items} to {_machine(receipt.peer)}"
    since = f"connected since {local(receipt.since)[:19]}"
    if not receipt.until:
        return f"{told} ({since})"
    return f"{told} (connected from {local(receipt.since)[:19]} to {local(receipt.until)[11:19]})"


def shortened_words(relay: RelayHealth) -> Iterator[str]:
    """A line for each name that does not fit, up to `SHORTENED`, and how many more there are."""
    for name, short in list(relay.shortened.items())[:SHORTENED]:
        yield f"{relay.relay} sends {short!r} for {name!r}"
    if len(relay.shortened) > SHORTENED:
        more = len(relay.shortened) - SHORTENED
        yield f"{relay.relay}: and {more} more; meetlog relays --json has all of them"


def withdrawals_table(relays: Iterable[RelayHealth]) -> Rows:
    """One row per crossing that was queued and no longer holds, the newest last."""
    table = Rows(
        "relay", "chip", "point", "kind", "was sent as", "holds instead", "event",
        right=("event",),
    )  # fmt: skip
    for r in relays:
        for w in r.withdrawals:
            table.add(r.relay, w.chip, w.point, w.kind, local(w.moment),
                local(w.instead) or "nothing", w.position,
            )  # fmt: skip
    return table


def _machine(peer: str) -> str:
    return peer.rpartition(":")[0] or peer
