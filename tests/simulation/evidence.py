"""What is durable, put in order as it becomes so, to hold against what is seen from outside."""

from collections import defaultdict
from hashlib import sha256

from projections.relayed import Item, key_of, queued
from store import event as kinds
from store.event import Event, meta_of

Race = tuple[str, str, int]


class Evidence:
    """The log by what it is about: connections (`local>peer`), decisions, relays."""

    def __init__(self) -> None:
        self.position = 0
        self.read: defaultdict[str, bytearray] = defaultdict(bytearray)
        self.sent: defaultdict[str, bytearray] = defaultdict(bytearray)
        self.revisions: defaultdict[Race, list[int]] = defaultdict(list)
        self.documents: dict[str, bytes] = {}  # result files by name, as decided
        self.published: set[tuple[str, str]] = set()  # name and SHA-256
        self.items: defaultdict[str, list[Item]] = defaultdict(list)  # of each relay
        self.keys: defaultdict[str, set[tuple[int, str, str, int]]] = defaultdict(set)
        self.kinds: defaultdict[str, int] = defaultdict(int)
        self.relayed = 0  # items, of all relays
        self._names: dict[int, str] = {}

    def add(self, events: list[Event]) -> None:
        """These are durable now."""
        for event in events:
            self.position = event.position
            self.kinds[event.kind] += 1
            match event.kind:
                case kinds.APP_STARTED:
                    self._names.clear()
                case kinds.SOCKET_OPENED:
                    meta = meta_of(event)
                    self._names[meta["c"]] = f"{meta['local']}>{meta['peer']}"
                case kinds.SOCKET_READ:
                    self.read[self._names[meta_of(event)["c"]]] += event.body
                case kinds.SOCKET_SENT:
                    self.sent[self._names[meta_of(event)["c"]]] += event.body
                case kinds.RESULT_PUBLISHED:
                    meta = meta_of(event)
                    race = (meta["session"], meta["event"], meta["heat"])
                    self.revisions[race].append(meta["revision"])
                    self.documents[meta["name"]] = event.body
                    self.published.add((meta["name"], sha256(event.body).hexdigest()))
                case kinds.STATUS_PUBLISHED:
                    self.published.add((meta_of(event)["name"], sha256(event.body).hexdigest()))
                case kinds.RELAY_QUEUED:
                    items = queued(event).items
                    self.items[event.source] += items
                    self.relayed += len(items)
                    self.keys[event.source].update(map(key_of, items))
