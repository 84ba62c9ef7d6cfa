"""What a relay sends: its items, as they are kept in the log.

Whatever a relay sends was queued first: a `relay.queued` event holds the next
items of its stream, and only then do they leave. So the stream, its numbers
and every text in it are a function of the log, a peer may go back to any
item, and two runs on one log say the same.
"""

from enum import IntEnum

import msgspec

from store.event import RELAY_QUEUED, Draft, Event, meta_of, pack_meta
from wire.errors import WireError

MOST_ITEMS = 1000  # in an event: a reader holds a few of them, and none is large


class ItemKind(IntEnum):
    """TimingSense's read types (PROTOCOLS 2), and CTP01's announcement of a location."""

    GUN = 0
    FIRST_SEEN = 1
    BEST_SEEN = 2
    LOCATION = 3


class Item(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One thing for a peer to know. `moment` is ns UTC, `kind` an `ItemKind`.

    `location` and `tag` are the texts that are sent, `tag` "" for a gun and a
    location. `point` and `chip` are what they stand for where that is another
    text, else "". `full` is the tag as it would be if the protocol had room
    for it, "" when it has. `lap` counts the crossings of a chip at a point
    from 1, 0 where nobody counted. `origin` is the event that brought it.
    """

    kind: int
    location: str
    tag: str
    moment: int
    origin: int = 0
    antenna: int = 0
    reader: str = ""
    rssi: int | float | None = None
    lap: int = 0
    epc: str = ""
    point: str = ""
    chip: str = ""
    full: str = ""

    @property
    def of_chip(self) -> str:
        """The chip that it is about."""
        return self.chip or self.tag

    @property
    def at_point(self) -> str:
        """The point, or the wire's name of it, where it happened."""
        return self.point or self.location


Key = tuple[int, str, str, int]  # kind, location, tag, moment: what makes an item another one


def key_of(item: Item) -> Key:
    """What a peer can tell items apart by, as far as it matters."""
    return item.kind, item.location, item.tag, item.moment


class Queued(msgspec.Struct, frozen=True, tag=True):
    """Items that `relay` is to send, in order; the first is the one after `before` others.

    Made from the log up to `as_of`. `crossings`: the items are crossings, and
    `withdrawn` are those that were queued and no longer hold; the protocols
    have no way to take anything back.
    """

    position: int
    recorded_at: int
    relay: str
    as_of: int
    before: int
    crossings: bool
    items: tuple[Item, ...]
    withdrawn: tuple[Item, ...]


class Sent(msgspec.Struct, frozen=True, tag=True):
    """How far a connection of a relay is: items up to `through` were handed to the network.

    Items up to `safe` have left the buffers of both sides, as far as can be
    known without an answer. `sent` counts what this connection sent so far,
    `again` those of them that the peer had been sent before.
    """

    position: int
    recorded_at: int
    relay: str
    connection: int
    peer: str
    through: int
    safe: int
    sent: int
    again: int


class _Body(msgspec.Struct, frozen=True, array_like=True):
    items: tuple[Item, ...]
    withdrawn: tuple[Item, ...] = ()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Body)


def queued_draft(
    relay: str,
    items: tuple[Item, ...],
    *,
    as_of: int,
    before: int,
    crossings: bool = False,
    withdrawn: tuple[Item, ...] = (),
) -> Draft:
    """The decision to send `items`, as an event."""
    meta = pack_meta(as_of=as_of, before=before, items=len(items), crossings=crossings)
    return Draft(relay, RELAY_QUEUED, meta, _encoder.encode(_Body(items, withdrawn)))


def queued(event: Event) -> Queued:
    """The decision in a `relay.queued` event; raises `WireError` for what is none."""
    try:
        body = _decoder.decode(event.body)
        meta = meta_of(event)
        return Queued(
            event.position, event.recorded_at, event.source, int(meta["as_of"]),
            int(meta["before"]), bool(meta["crossings"]), body.items, body.withdrawn,
        )  # fmt: skip
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as e:
        hint = "the log was written by another program, or by a newer meetlog"
        raise WireError(f"not the items of a relay: {e}", "", hint) from e


def sent(event: Event) -> Sent:
    """The mark in a `relay.sent` event; raises `WireError` for what is none."""
    told = meta_of(event) | {
        "position": event.position,
        "recorded_at": event.recorded_at,
        "relay": event.source,
        "type": "Sent",
    }
    told["connection"] = told.pop("c", None)
    try:
        return msgspec.convert(told, Sent)
    except msgspec.ValidationError as e:
        hint = "the log was written by another program, or by a newer meetlog"
        raise WireError(f"not a mark of a relay: {e}", "", hint) from e
