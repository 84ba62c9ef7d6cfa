"""Carrying: which events of a log a capsule needs so that its span gives the same results again.

From some event on, not after the span's first, everything is carried. That
event lies before the start of every race whose times or files belong to the
span. Of what came before, everything is carried but bytes of sockets: every
version of every file, all statements and decisions to publish; but nothing of
what relays queued and sent, of which no result is made. Of the bytes, those
that told a start, since each start decides which heat the next one is of,
those that the times of earlier races are of, and those that an unfinished
message was in.
"""

from collections.abc import Iterator, Set

import msgspec

from exporters.documents import owners
from meetlog.exits import Refused
from projections.decode import Decoder, Stream
from projections.facts import Gun, LocationAnnounced
from projections.folding import fold, settings_at
from projections.meet import Meet
from projections.views import Race
from store.event import (
    APP_STARTED,
    LEFT_OUT,
    RELAY_QUEUED,
    RELAY_SENT,
    RESULT_PUBLISHED,
    SOCKET_CLOSED,
    SOCKET_OPENED,
    SOCKET_READ,
    SOCKET_SENT,
    STATUS_PUBLISHED,
    Event,
    meta_of,
)
from store.forms import misfit
from store.log import Log
from wire.timedrops import RaceKey

_PAGE = 500  # events held at once
_BYTES = (SOCKET_READ, SOCKET_SENT)
# No result is made of what relays sent, and there may be an item for each read.
_RELAYED = (RELAY_QUEUED, RELAY_SENT)
_STREAMS = (SOCKET_OPENED, SOCKET_READ, SOCKET_CLOSED, APP_STARTED)


class Plan(msgspec.Struct, frozen=True):
    """What to carry: all events from `complete_from` on, and of earlier reads those in `reads`."""

    complete_from: int
    reads: frozenset[int] = frozenset()

    def carries(self, event: Event) -> bool:
        """Whether `event` is to be carried."""
        if event.kind in _BYTES:
            return event.position >= self.complete_from or event.position in self.reads
        if event.kind in _RELAYED:
            return event.position >= self.complete_from
        return event.kind != LEFT_OUT


def plan(log: Log, begin: int, end: int) -> Plan:
    """What the span of the events `begin` to `end` needs.

    Raises `Refused` for a log out of a capsule where the span is not all in it.
    """
    whole = _whole_from(log, begin)
    meet = fold(log, end)
    meet.settle()
    first = _first_needed(log, meet, begin, end)
    times = {position for race in meet.races() for position in _positions(meet, race)}
    reads = _reads_before(log, first, times)
    return Plan(max(first, whole), reads | _all_reads(log, first, whole))


def everything(log: Log, begin: int) -> Plan:
    """A plan that leaves nothing out."""
    whole = _whole_from(log, begin)
    return Plan(whole, _all_reads(log, 1, whole))


def _whole_from(log: Log, begin: int) -> int:
    """The event from which on nothing is left out already; 1 but in a log out of a capsule."""
    after = 0
    while events := log.read(after, _PAGE, kinds=(LEFT_OUT,)):
        after = events[-1].position
    if begin <= after:
        raise Refused(
            f"This log came out of a capsule and is complete from event {after + 1} on. "
            "Begin there or later."
        )
    return after + 1


def _all_reads(log: Log, first: int, before: int) -> frozenset[int]:
    events = up_to(log, before - 1) if first < before else ()
    return frozenset(e.position for e in events if e.position >= first and e.kind in _BYTES)


def up_to(log: Log, end: int) -> Iterator[Event]:
    """The events 1 to `end`, a page at a time."""
    after = 0
    while after < end and (events := log.read(after, min(_PAGE, end - after))):
        after = events[-1].position
        yield from events


def _first_needed(log: Log, meet: Meet, begin: int, end: int) -> int:
    """The event from which on everything is carried."""
    needed = {begin}
    keys: set[RaceKey] = set()
    owner = owners(meet.races())
    for event in _published(log, begin, end):
        meta = meta_of(event)
        needed.add(int(meta["as_of"]))
        if event.kind == RESULT_PUBLISHED:
            key = RaceKey(str(meta["session"]), str(meta["event"]), int(meta["heat"]))
            keys |= {key, owner.get(key, key)}
    before = [
        (start.moment, key)
        for key, start in meet.starts().by_race.items()
        if start.position < begin
    ]
    if before:
        keys.add(max(before)[1])  # in the water when the span begins, or just out of it
    for race in meet.races():
        positions = _positions(meet, race)
        key = RaceKey(race.session, race.event, race.heat)
        if key in keys or any(begin <= each <= end for each in positions):
            needed.update(positions)
    return max(1, min(needed))


def _published(log: Log, begin: int, end: int) -> Iterator[Event]:
    after = begin - 1
    while events := log.read(after, _PAGE, kinds=(RESULT_PUBLISHED, STATUS_PUBLISHED)):
        for event in events:
            after = event.position
            if after > end:
                return
            if not misfit(event.kind, event.meta):
                yield event


def _positions(meet: Meet, race: Race) -> list[int]:
    """The events that a race's start and times are of."""
    start = meet.starts().by_race.get(RaceKey(race.session, race.event, race.heat))
    found = [split.position for lane in race.lanes for split in lane.splits]
    if start is not None:
        found.append(start.position)
    return [position for position in found if position > 0]


class _Tail:
    """The reads of a connection that its decoder's state is made of, since some point.

    Where the decoder comes back into a state that it was in before, what lies
    between may be left out: from then on it decodes the same.
    """

    def __init__(self, state: bytes) -> None:
        self._states = [state]
        self._reads: list[int] = []

    def add(self, position: int, state: bytes) -> None:
        """A read left the decoder in `state`."""
        if state in self._states:
            at = self._states.index(state)
            del self._states[at + 1 :], self._reads[at:]
        else:
            self._states.append(state)
            self._reads.append(position)

    def take(self) -> list[int]:
        """The reads that bring the decoder from the last point into its state now; a new point."""
        reads = self._reads
        self._states, self._reads = self._states[-1:], []
        return reads


def _reads_before(log: Log, first: int, times: Set[int]) -> frozenset[int]:
    """The reads before event `first` that are in `times`, or tell a start, and what they need.

    They are understood as in the whole log, and so is all that follows.
    """
    decoder = Decoder(settings_at(log, first - 1))
    tails: dict[tuple[str, int], _Tail] = {}
    taken: set[int] = set()
    for event in up_to(log, first - 1):
        if event.kind not in _STREAMS or misfit(event.kind, event.meta):
            continue
        facts = decoder.facts(event)
        if event.kind == APP_STARTED:
            for tail in tails.values():
                taken.update(tail.take())
            tails.clear()
            continue
        key = event.source, int(meta_of(event)["c"])
        if event.kind == SOCKET_CLOSED:
            if key in tails:
                taken.update(tails.pop(key).take())
            continue
        stream = decoder.streams.get(key[0], {}).get(key[1])
        if stream is None:
            continue
        if event.kind == SOCKET_OPENED or key not in tails:
            tails[key] = _Tail(_state(stream))
            continue
        tail = tails[key]
        if event.position in times or any(isinstance(f, Gun | LocationAnnounced) for f in facts):
            taken.update(tail.take())
            taken.add(event.position)
            tails[key] = _Tail(_state(stream))
        else:
            tail.add(event.position, _state(stream))
    for tail in tails.values():
        taken.update(tail.take())
    return frozenset(taken)


def _state(stream: Stream) -> bytes:
    return msgspec.msgpack.encode(stream.wire)
