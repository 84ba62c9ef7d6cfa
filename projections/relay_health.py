"""How relays do, as people see it: who listens, what waits, and what somebody should look at."""

from collections.abc import Iterator, Mapping

from projections.clock import iso_local
from projections.relayed import Item, ItemKind
from projections.relays import Gone, Relay, Relays, Talk
from projections.views import Alarm, RelayHealth, RelayReceipt, Withdrawal
from wire.settings import RelaySettings, Settings
from wire.stamps import MINUTE

LONG = MINUTE  # a healthy peer takes its items within a second
NEVER = "never connected"
GONE = "no longer in meet.toml"
_KINDS: dict[int, str] = {
    ItemKind.GUN: "gun",
    ItemKind.FIRST_SEEN: "first-seen",
    ItemKind.BEST_SEEN: "best-seen",
}
_QUOTED = 3  # of each kind; the view has them all


def relay_health(relays: Relays, name: str, settings: Settings) -> RelayHealth:
    """The view of one relay; one that did nothing yet has zeros."""
    relay = relays.relays.get(name) or Relay()
    configured = next((r for r in settings.relays if r.name == name), None)
    zone, stream = settings.meet.zone, relay.stream
    talk = max(relay.open.values(), key=lambda t: t.since, default=relay.last)
    return RelayHealth(
        relay=name,
        protocol=configured.protocol if configured else relay.protocol,
        send=configured.send if configured else "",
        state=_state(relay, configured),
        peers=tuple(sorted(t.peer for t in relay.open.values())),
        queued=stream.items,
        sent=min(relay.through, stream.items),
        waiting=max(0, stream.items - relay.through),
        waiting_since=iso_local(relay.waiting_since or None, zone),
        waiting_since_ns=relay.waiting_since or None,
        again=relay.again,
        withdrawn=stream.withdrawn,
        last_queued=iso_local(stream.last or None, zone),
        last_queued_ns=stream.last or None,
        last_sent=iso_local(relay.last_sent or None, zone),
        last_sent_ns=relay.last_sent or None,
        # Copies, for a view is shown in other threads while the stream grows.
        locations=dict(stream.counts),
        shortened=stream.locations | stream.tags,
        withdrawals=tuple(_withdrawal(each, zone) for each in stream.gone),
        receipt=None if talk is None else _receipt(talk, zone),
        warnings=_warnings(name, relay, configured) if configured else (),
    )


def relay_alarms(relays: Relays, settings: Settings, now: int) -> list[Alarm]:
    """What waits for long as of `now` (ns UTC), and what was queued and no longer holds."""
    found: list[Alarm] = []
    for configured in settings.relays:
        relay = relays.relays.get(configured.name)
        if relay is not None:
            found += _waiting(relay, configured, settings.meet.zone, now)
            found += _gone(relay, configured.name, settings.meet.zone)
    return found


def _waiting(relay: Relay, configured: RelaySettings, zone: str, now: int) -> Iterator[Alarm]:
    if not relay.waiting_since or now - relay.waiting_since < LONG:
        return
    waiting = relay.stream.items - relay.through
    items = "1 item waits" if waiting == 1 else f"{waiting} items wait"
    since = iso_local(relay.waiting_since, zone, 0)[11:19]
    yield Alarm(
        f"relay {configured.name} waits {relay.waiting_from}",
        f"{configured.name}: {items} since {since}, and nobody takes them. Nothing is lost.",
        _remedy(relay, configured),
        relay.waiting_from,
    )


def _gone(relay: Relay, name: str, zone: str) -> Iterator[Alarm]:
    """One alarm for all of them; with another that is gone it is a new one to be seen."""
    alone = [each for each in relay.stream.gone if not each.instead]
    if not alone:
        return
    told = "; ".join(_named(each.item, zone) for each in alone[-_QUOTED:])
    more = "; and others" if len(alone) > _QUOTED else ""
    what = (
        "1 crossing or gun that was queued no longer holds, and nothing is in its place"
        if len(alone) == 1
        else f"{len(alone)} crossings or guns that were queued no longer hold, and nothing is in "
        "their place"
    )
    yield Alarm(
        f"relay {name} gone {alone[-1].position}",
        f"{name}: {what} ({told}{more}).",
        "No protocol can take it back: remove it by hand in the program that got it, and "
        "acknowledge this. `meetlog relays` lists all.",
        alone[-1].position,
    )


def _remedy(relay: Relay, configured: RelaySettings) -> str:
    if relay.open and configured.protocol == "ctp01":
        return (
            "A program is connected and does not ask for all of it: let it start (or fetch) "
            f"every location. There are: {', '.join(relay.stream.counts)}."
        )
    if relay.open:
        return "A program is connected and does not read: look for a window that waits there."
    if configured.role == "client":
        return (
            f"Let the scoring program listen on port {configured.port} at {configured.host}; "
            "or remove the relay from meet.toml if nobody is to get it."
        )
    return (
        f"Let the scoring program connect to port {configured.port} of this computer; "
        "or remove the relay from meet.toml if nobody is to get it."
    )


def _warnings(name: str, relay: Relay, configured: RelaySettings) -> tuple[str, ...]:
    stream = relay.stream
    found = []
    shortened = stream.locations | stream.tags
    if shortened and configured.protocol == "ctp01":
        count = len(shortened)
        names = "1 name is" if count == 1 else f"{count} names are"
        found.append(
            f"{name}: {names} sent as another text, since CTP01 has no room for it: the scoring "
            f"program must know {_quoted(shortened)}"
        )
    return tuple(found)


def _named(item: Item, zone: str) -> str:
    who = "gun" if item.kind == ItemKind.GUN else item.of_chip
    return f"{who} at {item.at_point} {_clock(item.moment, zone)}"


def _quoted(shortened: Mapping[str, str]) -> str:
    some = list(shortened.items())[:_QUOTED]
    told = ", ".join(f"{name!r} as {short!r}" for name, short in some)
    return told if len(some) == len(shortened) else f"{told} and others"


def _clock(moment: int, zone: str) -> str:
    return iso_local(moment, zone, 2)[11:].partition("+")[0].partition("-")[0]


def _withdrawal(gone: Gone, zone: str) -> Withdrawal:
    item = gone.item
    return Withdrawal(
        chip=item.of_chip,
        point=item.at_point,
        kind=_KINDS.get(item.kind, ""),
        moment=iso_local(item.moment, zone),
        moment_ns=item.moment,
        tag=item.tag,
        location=item.location,
        instead=iso_local(gone.instead or None, zone),
        instead_ns=gone.instead or None,
        position=gone.position,
    )


def _receipt(talk: Talk, zone: str) -> RelayReceipt:
    return RelayReceipt(
        peer=talk.peer,
        since=iso_local(talk.since, zone),
        since_ns=talk.since,
        until=iso_local(talk.until or None, zone),
        until_ns=talk.until or None,
        sent=talk.sent,
        again=talk.again,
        cut=iso_local(talk.cut or None, zone),
        cut_ns=talk.cut or None,
        reason=talk.reason,
    )


def _state(relay: Relay, configured: RelaySettings | None) -> str:
    if relay.open:
        return "connected"
    if configured is None:
        return GONE
    if relay.last is not None:
        return f"disconnected: {relay.last.reason}"
    return NEVER
