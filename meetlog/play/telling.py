"""What a person is told while a log is played, and the report of it."""

from collections.abc import Callable, Sequence

import msgspec

from exporters.relay_connection import Rest
from ingest.connections import ENDED
from ingest.notices import Notice
from store.event import EMPTY_HEAD, RELAY_SENT, SOCKET_CLOSED, SOCKET_OPENED, Draft, Head, Meta
from wire.settings import Role

AGAIN = {
    "client": "Trying again by itself; Ctrl-C ends it.",
    "server": "It may call again; Ctrl-C ends the waiting.",
}


class PlayReport(msgspec.Struct, frozen=True):
    """What was played of events `begin` to `position` of a log, and to whom.

    `items` are the reads, guns or crossings to be sent, `locations` how many
    of them each location has, and `shortened` the texts for which the protocol
    has no room, with what was sent for them. `sent` counts what all
    connections sent together, `again` those of them that went before.
    `complete` tells whether a peer got everything; if not, `owed` are the
    locations that it did not ask for to their end (CTP01 only), and `ended`
    says why it ended.
    """

    log: str
    begin: int
    position: int
    to: str
    send: str
    speed: str
    items: int
    locations: dict[str, int]
    shortened: dict[str, str]
    peers: tuple[str, ...]
    connections: int
    sent: int
    again: int
    complete: bool
    owed: tuple[str, ...]
    ended: str


class Tally:
    """Keeps the promises of `Recorder`, and no events: only what a report needs of them.

    What is played is on record already; what the peer says decides what it is
    sent, and nothing else.
    """

    def __init__(self, role: Role, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._role = role
        self.peers: dict[str, None] = {}
        self.connections = 0
        self.open: set[int] = set()
        self.through = 0
        self._sent: dict[int, tuple[int, int]] = {}
        self._rests: dict[int, Rest] = {}
        self._owed: tuple[str, ...] = ()
        self._last = Rest(0, 0, 0, asked=False, owed=())  # of a peer that closed in order
        self._names: dict[int, str] = {}
        self._say = say
        self._changed = changed

    async def append(self, *drafts: Draft) -> Head:
        """See `ingest.recorder.Recorder`."""
        for draft in drafts:
            self._take(draft.kind, msgspec.msgpack.decode(draft.meta, type=dict))
        return EMPTY_HEAD

    def rest(self, number: int, rest: Rest) -> None:
        """A connection has nothing to hand over now."""
        self._rests[number] = rest
        self._owed = rest.owed
        self._note(number, rest.through, rest.sent, rest.again)
        self._changed()

    @property
    def sent(self) -> int:
        """How many items went out, over all connections."""
        return sum(sent for sent, _ in self._sent.values())

    @property
    def again(self) -> int:
        """How many of them had gone before."""
        return sum(again for _, again in self._sent.values())

    @property
    def owed(self) -> tuple[str, ...]:
        """The locations that the peer heard of last has not asked for to their end."""
        return self._owed

    @property
    def asked(self) -> bool:
        """Whether any peer that is connected wants anything."""
        return any(rest.asked for number, rest in self._rests.items() if number in self.open)

    def complete(self, items: int) -> bool:
        """Whether somebody was handed all `items`, and nobody who is connected lacks any."""
        rests = [self._rests.get(number) for number in self.open]
        return bool(rests) and all(rest is not None and _is_all(rest, items) for rest in rests)

    def taken(self, items: int) -> bool:
        """Whether somebody who was handed all `items` then closed in order, having read them.

        A system resets a connection whose program left anything unread.
        """
        return _is_all(self._last, items)

    def _take(self, kind: str, meta: Meta) -> None:
        number = meta["c"]
        if kind == SOCKET_OPENED:
            self._names[number] = str(meta["peer"])
            self.peers[self._names[number]] = None
            self.connections += 1
            self.open.add(number)
            self._say(f"Connected with {self._names[number]}.")
        elif kind == SOCKET_CLOSED:
            self.open.discard(number)
            rest = self._rests.pop(number, None)
            if rest is not None and meta["reason"] == ENDED:
                self._last = rest
            self._say(
                f"The connection with {self._names[number]} ended: {meta['reason']}. "
                f"{AGAIN[self._role]}"
            )
        elif kind == RELAY_SENT:
            self._note(number, meta["through"], meta["sent"], meta["again"])
        self._changed()

    def _note(self, number: int, through: int, sent: int, again: int) -> None:
        self.through = max(self.through, through)
        self._sent[number] = sent, again


def _is_all(rest: Rest, items: int) -> bool:
    return rest.asked and not rest.owed and rest.through >= items


def notice_words(notice: Notice, role: Role) -> str:
    """A condition in words. Remedies in meet.toml are none of a log that is played by hand."""
    text = notice.text.rstrip(".")
    if notice.key.endswith(":connection"):
        return f"{text}. {AGAIN[role]}"
    return f"{text}. {notice.hint}" if notice.hint else f"{text}."


def summary(report: PlayReport) -> str:
    """What was played, in a sentence or two."""
    what = {"reads": "reads", "raw": "reads, every copy", "crossings": "crossings"}[report.send]
    places = ", ".join(f"{name} {number}" for name, number in report.locations.items())
    again = f", {report.again} of them again" if report.again else ""
    whom = ", ".join(_machines(report.peers)) or "nobody"
    told = (
        f"Events {report.begin} to {report.position} ({what}): {report.items} items ({places}). "
        f"{report.sent} sent to {whom}{again}."
    )
    if report.complete:
        kept = report.items - report.sent
        asked = f" but {kept} that it did not ask for (gun times)" if kept > 0 else ""
        return f"{told} It has everything{asked}."
    owed = f" {', '.join(report.owed)} was not asked for to the end." if report.owed else ""
    return f"{told} NOT everything: {report.ended}.{owed}"


def _machines(peers: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(peer.rpartition(":")[0] or peer for peer in peers))
