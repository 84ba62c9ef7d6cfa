"""Recovery: the files that the log says were published, put back where they are missing."""

from collections.abc import Iterator

from exporters.actions import Action, Actions, Own
from exporters.errors import ExportError
from exporters.sink import Sink
from projections.decode import published
from projections.facts import Published
from store.event import RESULT_PUBLISHED, STATUS_PUBLISHED, Event, meta_of
from store.log import Log
from wire.timedrops import STATUS_FILE

CHUNK = 100  # documents read from the log at once


def restore(log: Log, sink: Sink | None, own: Own, actions: Actions) -> Iterator[Published]:
    """All decisions of the log on results, in its order; each is `own` from then on.

    Results that the sink lacks or has otherwise, and the newest status, are
    put into `actions` with the bytes of the log. With no sink nothing is.
    """
    status: Event | None = None
    readable = True
    after = 0
    while events := log.read(after, CHUNK, kinds=(RESULT_PUBLISHED, STATUS_PUBLISHED)):
        for event in events:
            after = event.position
            meta = meta_of(event)
            name = str(meta["name"])
            own.add(name, str(meta["sha256"]))
            if event.kind == STATUS_PUBLISHED:
                status = event
                continue
            yield published(event)
            if sink is None:
                continue
            try:
                # A share that is gone may take seconds to say so: it is asked once.
                there = sink.read(name) if readable else None
            except ExportError:
                there, readable = None, False
            if there != event.body:
                actions.put(Action(name, event.body, event.position))
    if status is not None and sink is not None:
        actions.put(Action(STATUS_FILE, status.body, status.position))
