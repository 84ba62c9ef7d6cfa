"""Stretches of a log in which only connections speak: what a replay spends its time on.

Reads that come in plain pieces are taken in columns (`projections.bulk`), as
nearly all are; what is not plain is taken event by event. What comes out is
the same. Nothing depends on the order among sources, so that many pieces of
one connection are taken at once however they mix with those of others.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from projections.bulk import Batch, add
from projections.clock import UTC
from store.event import Event, meta_of
from store.forms import misfit

if TYPE_CHECKING:
    from projections.intake import Intake

AT_ONCE = 64 * 1024  # bytes that are decoded at once: of more, not all stays in the cache
_AGAIN = 8  # parts of those that are tried where not all of it is plain


def take(intake: "Intake", events: Sequence[Event], much: int) -> None:
    """Take in successive events of kind `socket.read`, whose places have been noted.

    Those of a connection that are fewer bytes than `much` are taken one by one.
    """
    sources: dict[str, list[Event]] = {}
    for event in events:
        sources.setdefault(event.source, []).append(event)
    guns = len(intake.state.guns)
    for each in sources.values():
        for meta, several in groupby(each, attrgetter("meta")):
            run = list(several)
            if sum([len(e.body) for e in run]) >= much and not misfit(run[0].kind, meta):
                _take_run(intake, run)
            else:
                for event in run:
                    intake.take_event(event)
    if len(sources) > 1 and len(intake.state.guns) > guns:
        intake.order_guns()


def _take_run(intake: "Intake", events: Sequence[Event]) -> None:
    """Take in pieces of one connection."""
    batch = Batch(events[0].source)
    for large in _cut(events, AT_ONCE):
        if _take_plain(intake, large, batch):
            continue
        for some in _cut(large, AT_ONCE // _AGAIN):
            if not _take_plain(intake, some, batch):
                _put(intake, batch)
                batch = Batch(batch.source)
                for event in some:
                    intake.take_event(event)
    _put(intake, batch)


def _cut(events: Sequence[Event], size: int) -> Iterator[Sequence[Event]]:
    """Parts of so many bytes, or of one event."""
    begin = held = 0
    for at, event in enumerate(events):
        if held and held + len(event.body) > size:
            yield events[begin:at]
            begin, held = at, 0
        held += len(event.body)
    yield events[begin:]


def _take_plain(intake: "Intake", events: Sequence[Event], batch: Batch) -> bool:
    """Take pieces into the batch where they are plain."""
    decoder = intake.state.decoder
    plain = decoder.plain(events)
    if plain is None:
        return False
    return batch.take(events, plain, UTC if plain.utc else decoder.clock(batch.source))


def _put(intake: "Intake", batch: Batch) -> None:
    """Put what a batch holds into the set of reads."""
    if not batch.events:
        return
    if batch.utc is None:
        for event in batch.events:
            intake.take_event(event)
        return
    state, last = intake.state, batch.events[-1]
    source = state.health.of(batch.source)
    source.bytes += sum([len(event.body) for event in batch.events])
    source.last_byte = last.recorded_at
    intake.foresee(batch.chip_column[0])
    known = add(state.reads, batch, batch.utc, intake.pending.chips)
    state.relays.heard_from = max(state.relays.heard_from, last.position)
    state.health.read(batch, known, meta_of(last)["c"])
    intake.take_facts(last, state.decoder.passed(last, batch.moments[-1], batch.lines))
