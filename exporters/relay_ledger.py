"""How far each peer of a relay is, peers being known by their machine.

A peer's port is another one each time, and TsV1 and TsV2 have no name for it
(PROTOCOLS 2). Several programs of one machine are told apart only while they
are connected at once: each connection has a place of its own then, and a
later one takes a place that is free. Nobody can tell whose it was. So it
begins where the furthest behind of the free places is, and takes the one that
is furthest ahead: what is left to those who come after it is never too far.
"""

from collections.abc import Mapping
from itertools import count
from typing import NamedTuple

from projections.relays import MOST_PEERS, Peer
from wire.settings import RelaySettings


class Place(NamedTuple):
    """A peer's `name` here, the item up to which it is safe, and the last it may have been sent.

    `through` is -1 for a place where nobody was before.
    """

    name: str
    safe: int = 0
    through: int = -1


class Had(NamedTuple):
    """What a peer that asks by itself was sent of each location, for its receipts.

    Before this run it may have been sent items up to `before`; in it, of each
    location in `places`, the items up to that place.
    """

    before: int
    places: dict[str, int]

    def has(self, number: int, location: str, place: int) -> bool:
        """Whether it was sent this item."""
        return number <= self.before or place <= self.places.get(location, 0)

    def take(self, location: str, place: int) -> None:
        """It is sent this item."""
        self.places[location] = max(place, self.places.get(location, 0))


class Ledger:
    """The places of one relay's peers: as the log had them at the start, and as they went on."""

    def __init__(self, relay: RelaySettings, known: Mapping[str, Peer]) -> None:
        self._relay = relay
        self._known = {key: (peer.through, peer.safe) for key, peer in known.items()}
        self._open: set[str] = set()
        self._had = {key: Had(peer.through, {}) for key, peer in known.items()}

    def had(self, name: str) -> Had:
        """What the peer of this name was sent, to be kept up by whoever sends to it."""
        return self._had.setdefault(name, Had(0, {}))

    def enter(self, peer: str) -> Place:
        """A connection begins; its place, from which nothing was sent to a peer that is new."""
        relay = self._relay
        host = f"{relay.host}:{relay.port}" if relay.role == "client" else _host(peer)
        free = [name for name in self._known if _is_of(name, host) and name not in self._open]
        if not free:
            names = (f"{host}#{n}" if n > 1 else host for n in count(1))
            name = next(name for name in names if name not in self._open)
            self._open.add(name)
            return Place(name)
        name = max(free, key=lambda each: self._known[each][1])
        self._open.add(name)
        safe = min(self._known[each][1] for each in free)
        return Place(name, safe, max(self._known[each][0] for each in free))

    def note(self, name: str, through: int, safe: int) -> None:
        """A peer is so far."""
        before = self._known.pop(name, (0, 0))
        self._known[name] = max(before[0], through), safe
        while len(self._known) > MOST_PEERS and (idle := self._oldest_idle()):
            del self._known[idle]

    def leave(self, name: str) -> None:
        """The connection is over."""
        self._open.discard(name)

    def _oldest_idle(self) -> str | None:
        return next((name for name in self._known if name not in self._open), None)


def _host(peer: str) -> str:
    return peer.rpartition(":")[0]


def _is_of(name: str, host: str) -> bool:
    return name == host or name.startswith(f"{host}#")
