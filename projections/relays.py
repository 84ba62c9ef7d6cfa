"""What is known of each relay: its stream so far, who listens, and how far they are.

The items themselves stay in the log. Here are their counts and a sparse
index, so that a peer that asks for an old item is led to its event.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from projections.facts import Gun, Reads
from projections.relayed import Item, ItemKind, Key, Queued, Sent, key_of
from store.event import Meta
from wire.settings import Settings

# Items between two entries of the index: some kilobytes of log to search. An
# entry has a count for each location, so with more locations than this there
# are fewer entries: a peer that invents locations must not make the index
# grow as the square of them.
BLOCK = 1000
MOST_HEARD = 200_000  # reads that wait for a relay that does not keep up; the log has them all
MOST_PEERS = 256  # whose progress is remembered; one that is forgotten is sent everything
MOST_GONE = 200  # what no longer holds, and somebody may want to remove by hand

_NEAR = 2  # neighbours on each side that are tried; all of them would be the square of many guns
_moment = attrgetter("moment")
_until = attrgetter("until")


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A place in the stream: event `position` has the item after `before` others.

    `counts` are the items that each location had before it, in the order of `Stream.counts`.
    """

    position: int
    before: int
    counts: tuple[int, ...]


class Gone(msgspec.Struct, frozen=True, array_like=True):
    """A crossing or gun that was queued and no longer holds, as event `position` decided.

    `instead` is the moment (ns UTC) of what holds in its place, 0 where nothing does.
    """

    item: Item
    instead: int
    position: int


class Stream(msgspec.Struct):
    """The items of one relay, by number. `counts` has the items of each location, in their order.

    Where reads are sent, those of events up to `as_of` were taken, and guns.
    Where crossings are, `standing` has those of each chip as they were last
    queued, in order of moment, and the guns as those of no chip. `gone` has
    the newest of those that were queued and do not hold now, `withdrawn` how
    many these are in all. `locations` and `tags` have what was sent for those
    that the protocol has no room for.
    """

    items: int = 0
    as_of: int = 0
    counts: dict[str, int] = {}
    blocks: list[Block] = []
    standing: dict[str, list[Item]] = {}
    locations: dict[str, str] = {}
    tags: dict[str, str] = {}
    withdrawn: int = 0
    gone: list[Gone] = []
    last: int = 0  # when an item was last queued, ns UTC by our clock

    def take(self, fact: Queued) -> None:
        """Number the next items."""
        # In a log out of a capsule, earlier decisions are left out.
        self.items = max(self.items, fact.before)
        room = max(BLOCK, len(self.counts))
        if not self.blocks or self.items >= self.blocks[-1].before + room:
            self.blocks.append(Block(fact.position, self.items, tuple(self.counts.values())))
        counts = self.counts
        for item in fact.items:
            counts[item.location] = counts.get(item.location, 0) + 1
            if item.full:
                self.tags[item.full] = item.tag
            if item.point:
                self.locations[item.point] = item.location
        self.items += len(fact.items)
        if fact.items:
            self.last = fact.recorded_at
        if fact.crossings:
            self._withdraw(fact)
            self._stand(fact.items)
        else:
            self.as_of = max(self.as_of, fact.as_of)

    def _withdraw(self, fact: Queued) -> None:
        added = _by_place(fact.items)
        for place, gone in _by_place(fact.withdrawn).items():
            standing = self.standing.get(place.chip, [])
            for item in gone:
                _remove(item, standing)
            laps = {
                item.lap: item.moment
                for item in (standing if len(added.get(place, ())) < len(gone) else ())
                if item.lap and _place_of(item) == place
            }
            instead = _instead(gone, added.get(place, []))
            for n, item in enumerate(gone):
                moment = instead.get(n) or laps.get(item.lap, 0)
                self.gone.append(Gone(item, moment, fact.position))
        self.withdrawn += len(fact.withdrawn)
        del self.gone[:-MOST_GONE]

    def _stand(self, items: Iterable[Item]) -> None:
        gone = {key_of(each.item) for each in self.gone}
        again: set[Key] = set()
        for item in items:
            if item.kind != ItemKind.LOCATION:
                insort(self.standing.setdefault(item.of_chip, []), item, key=_moment)
                if key_of(item) in gone:
                    again.add(key_of(item))
        if again:  # what was taken back holds again
            kept = [each for each in self.gone if key_of(each.item) not in again]
            self.withdrawn -= len(self.gone) - len(kept)
            self.gone = kept


class _Place(NamedTuple):
    """What items must have in common for one to be in the place of another."""

    kind: int
    location: str
    chip: str


def _place_of(item: Item) -> _Place:
    return _Place(item.kind, item.location, item.of_chip)


def _by_place(items: Iterable[Item]) -> dict[_Place, list[Item]]:
    """The items of each place, in order of moment."""
    found: dict[_Place, list[Item]] = {}
    for item in sorted(items, key=_moment):
        found.setdefault(_place_of(item), []).append(item)
    return found


def _remove(item: Item, standing: list[Item]) -> None:
    at = bisect_left(standing, item.moment, key=_moment)
    while at < len(standing) and standing[at].moment == item.moment:
        if standing[at] == item:
            del standing[at]
            return
        at += 1


def _instead(gone: Sequence[Item], added: Sequence[Item]) -> dict[int, int]:
    """The moments of what is in the place of those withdrawn, by their places in `gone`.

    All are of one place in order of moment. Each of those that were queued
    with the withdrawal is in the place of one, of the nearest first; where
    many moved together, they did so in their order.
    """
    if len(gone) == len(added):
        return {n: item.moment for n, item in enumerate(added)}
    pairs = []
    for n, one in enumerate(gone):
        at = bisect_left(added, one.moment, key=_moment)
        near = range(max(0, at - _NEAR), min(len(added), at + _NEAR))
        pairs += [(abs(one.moment - added[m].moment), n, m) for m in near]
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, n, m in sorted(pairs):
        if n not in found and m not in taken:
            found[n] = added[m].moment
            taken.add(m)
    return found


class Peer(msgspec.Struct):
    """How far one peer of a relay is: see `Sent`. `at` is when that was known, ns UTC."""

    through: int = 0
    safe: int = 0
    at: int = 0


class Talk(msgspec.Struct):
    """A connection of a relay: with whom, since when, and what it sent. `until` is 0 while open.

    `cut` is when the last connection with that machine ended over which
    anything was sent, 0 without one.
    """

    peer: str
    since: int
    until: int = 0
    sent: int = 0
    again: int = 0
    reason: str = ""
    cut: int = 0


class Relay(msgspec.Struct):
    """One relay: its stream, its peers by address, and its connections.

    `through` is the last item that any peer was handed, and `cuts` has when
    the last connection of each machine ended. Since `waiting_since` (ns UTC)
    nobody was handed anything though there are more items, the first of them
    of event `waiting_from`; 0 when none waits.
    """

    stream: Stream = msgspec.field(default_factory=Stream)
    peers: dict[str, Peer] = {}
    open: dict[int, Talk] = {}
    last: Talk | None = None
    cuts: dict[str, int] = {}
    protocol: str = ""
    through: int = 0
    again: int = 0
    last_sent: int = 0
    waiting_since: int = 0
    waiting_from: int = 0


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What came in: reads, or a gun; `copies` are the places of those that said nothing new.

    The place of a gun is 0.
    """

    reads: Reads | None
    gun: Gun | None
    copies: frozenset[int]

    @property
    def until(self) -> int:
        """The last event that had part in it."""
        return self.reads.positions[-1] if self.reads else self.gun.position if self.gun else 0

    @property
    def size(self) -> int:
        """How many reads and guns it has."""
        return len(self.reads.raws) if self.reads else 1


class Relays(msgspec.Struct):
    """All relays that the log knows, by name, and what came in that they have not queued yet.

    `heard` has all of that from events after `heard_from`, in their order;
    `feeding` are the relays that are to take it.
    """

    relays: dict[str, Relay] = {}
    feeding: tuple[str, ...] = ()
    heard: list[Heard] = []
    heard_size: int = 0
    heard_from: int = 0

    @property
    def hearing(self) -> bool:
        """Whether any relay sends reads as they come in."""
        return bool(self.feeding)

    def attend(self, settings: Settings) -> None:
        """The settings say which relays there are."""
        self.feeding = tuple(r.name for r in settings.relays if r.send != "crossings")
        if not self.feeding and self.heard:
            self.forget(self.heard[-1].until)

    def hear(self, fact: Reads | Gun, copies: Iterable[int]) -> None:
        """Something came in. What no relay takes in time is found in the log again."""
        reads = fact if isinstance(fact, Reads) else None
        gun = fact if isinstance(fact, Gun) else None
        heard = Heard(reads, gun, frozenset(copies))
        if not self.feeding:
            # A relay that is added later begins in the log.
            self.heard_from = max(self.heard_from, heard.until)
            return
        self.heard.append(heard)
        self.heard_size += heard.size
        if self.heard_size > MOST_HEARD:
            self.forget(self.heard[len(self.heard) // 2].until)

    def heard_after(self, position: int) -> list[Heard]:
        """What came in that has part in an event later than `position`, as far as it is kept."""
        return self.heard[bisect_right(self.heard, position, key=_until) :]

    def forget(self, until: int) -> None:
        """Drop what came in by event `until`."""
        self.heard = self.heard_after(until)
        self.heard_size = sum(each.size for each in self.heard)
        self.heard_from = max(self.heard_from, until)

    def of(self, name: str) -> Relay:
        """The relay's record, made when it first does something."""
        found = self.relays.get(name)
        if found is None:
            found = self.relays[name] = Relay()
        return found

    def stream(self, name: str) -> Stream:
        """The relay's stream, an empty one before it did anything. Only for looking at."""
        found = self.relays.get(name)
        return Stream() if found is None else found.stream

    def queue(self, fact: Queued) -> None:
        """Items were queued."""
        relay = self.of(fact.relay)
        waited = relay.stream.items > relay.through
        relay.stream.take(fact)
        if not waited and relay.stream.items > relay.through:
            relay.waiting_since, relay.waiting_from = fact.recorded_at, fact.position
        if self.heard and fact.relay in self.feeding:
            taken = min(self.stream(name).as_of for name in self.feeding)
            if self.heard[0].until <= taken:
                self.forget(min(taken, self.heard[-1].until))

    def opened(self, name: str, meta: Meta, at: int) -> None:
        """A connection was made."""
        relay = self.of(name)
        relay.protocol = str(meta.get("protocol", ""))
        peer = str(meta.get("peer", ""))
        relay.open[int(meta["c"])] = Talk(peer, at, cut=relay.cuts.get(_machine(peer), 0))

    def closed(self, name: str, c: int, reason: str, at: int) -> None:
        """A connection ended."""
        relay = self.of(name)
        talk = relay.open.pop(c, None)
        if talk is not None:
            talk.until, talk.reason = at, reason
            relay.last = talk
            if talk.sent:
                relay.cuts.pop(_machine(talk.peer), None)
                relay.cuts[_machine(talk.peer)] = at
                _bound(relay.cuts)

    def restarted(self, at: int) -> None:
        """The program started: connections that were never closed ended with the run before."""
        for name, relay in self.relays.items():
            for c in list(relay.open):
                self.closed(name, c, "meetlog stopped without closing the connection", at)

    def mark(self, fact: Sent) -> None:
        """A connection told how far it is."""
        relay = self.of(fact.relay)
        peer = relay.peers.pop(fact.peer, None) or Peer()
        relay.peers[fact.peer] = peer  # at the end: who was heard of last is forgotten last
        _bound(relay.peers)
        peer.through = max(peer.through, fact.through)
        # A peer that went back to an earlier item may not have got what followed.
        peer.safe, peer.at = fact.safe, fact.recorded_at
        if fact.through > relay.through:
            relay.through = fact.through
            waits = relay.stream.items > fact.through
            relay.waiting_since = fact.recorded_at if waits else 0
            relay.waiting_from = fact.position if waits else 0
        talk = relay.open.get(fact.connection)
        if talk is not None:
            if fact.sent > talk.sent:
                relay.last_sent = fact.recorded_at
            relay.again += fact.again - talk.again
            talk.sent, talk.again = fact.sent, fact.again


def _machine(peer: str) -> str:
    """A peer's address without its port, which is another each time."""
    return peer.rpartition(":")[0]


def _bound(known: dict[str, Any]) -> None:
    """Forget whom nothing was heard of for longest."""
    while len(known) > MOST_PEERS:
        del known[next(iter(known))]


def block_of(blocks: Sequence[Block], number: int) -> Block | None:
    """The last place of the index that is not after item `number` (from 1); None before any."""
    at = bisect_right(blocks, number - 1, key=lambda block: block.before)
    return blocks[at - 1] if at else None
