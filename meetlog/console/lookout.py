"""The lookout: the console's own fold of the log, followed while somebody looks.

The console runs in a process of its own, so that nothing it does takes time
from those who receive and append; it reads the log like any other command.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from heapq import nlargest
from operator import itemgetter

from meetlog.console.pulse import TAIL, Pulses
from meetlog.opening import OpenMeet
from projections.crossed import CrossingKey
from projections.crossings import Passing
from projections.derived import Changes
from projections.folding import CHUNK_BYTES, fold
from projections.views import Crossing
from store.event import Event

STEP_EVENTS = 2000
RECENT = 400  # crossings kept ready; a page that asks for others looks through all of them


class Lookout:
    """A meet that is followed. Safe to use from several threads; one of them looks at a time."""

    def __init__(self, opened: OpenMeet) -> None:
        """`opened` stays the caller's to close, and is looked at through this from now on."""
        self._log = opened.log
        self._place = opened.place
        self._note = opened.note
        self._meet = opened.meet
        self._lock = threading.Lock()
        self._pulses = Pulses()
        self._pulses.feed(_tail(opened))
        # All crossings that are not sooner than `_since`, in ns UTC.
        self._recent: dict[tuple[str, str, int], Crossing] = {}
        self._since = 0
        self._gather()

    @contextmanager
    def looking(self) -> Iterator[OpenMeet]:
        """The meet, folded to the log's head and settled; for the length of the block only."""
        with self._lock:
            self._follow()
            yield OpenMeet(self._log, self._meet, self._place, self._note)

    @contextmanager
    def speaking(self) -> Iterator[OpenMeet]:
        """As `looking`, for whoever may fold the meet on and settle it: making a statement does."""
        with self._lock:
            self._follow()
            before = self._meet.position
            try:
                yield OpenMeet(self._log, self._meet, self._place, self._note)
            finally:
                if self._meet.stale:
                    self._meet = fold(self._log, self._meet.position)
                    self._meet.settle()
                if self._meet.position != before:
                    self._gather()

    @property
    def pulses(self) -> Pulses:
        """How the sources were heard lately; look at it within `looking` only."""
        return self._pulses

    def recent(self) -> list[Crossing]:
        """The newest crossings, the newest first; within `looking` only."""
        return sorted(self._recent.values(), key=_moment, reverse=True)[:RECENT]

    def _follow(self) -> None:
        refolded = False
        before = self._meet.position
        while events := self._log.read(self._meet.position, STEP_EVENTS, most_bytes=CHUNK_BYTES):
            self._meet.feed(events)
            self._pulses.feed(events)
            if self._meet.stale:
                self._meet = fold(self._log, self._meet.position)
                refolded = True
        if self._meet.position == before:
            return
        changes = self._meet.settle()
        if refolded:
            self._gather()
        else:
            self._note_changes(changes)

    def _note_changes(self, changes: Changes) -> None:
        fresh: list[tuple[CrossingKey, Passing]] = []
        for key, passing in changes.crossings.items():
            self._recent.pop(key, None)
            if passing is not None and passing.moment >= self._since:
                fresh.append((key, passing))
        for key, passing in nlargest(RECENT, fresh, key=lambda each: each[1].moment):
            self._recent[key] = self._meet.crossing(key[0], key[1], passing)
        if len(fresh) > RECENT or len(self._recent) > 2 * RECENT:
            self._keep(self._recent.values())
        elif self._since and len(self._recent) < RECENT:
            self._gather()  # some are no more, and sooner ones are among the newest now

    def _gather(self) -> None:
        # A view is made of those only that are kept: a long race has a hundred thousand more.
        meet = self._meet
        every = (
            (passing.moment, chip, point, passing)
            for chip in meet.chips()
            for point, each in meet.passings(chip).items()
            for passing in each
        )
        newest = nlargest(RECENT, every, key=itemgetter(0))
        self._keep(meet.crossing(chip, point, passing) for _, chip, point, passing in newest)

    def _keep(self, crossings: Iterable[Crossing]) -> None:
        found = nlargest(RECENT, crossings, key=_moment)
        self._recent = {(c.chip, c.point, c.first_ns): c for c in found}
        self._since = found[-1].moment_ns if len(found) == RECENT else 0


def _tail(opened: OpenMeet) -> Iterator[Event]:
    """The newest events that the meet was folded from."""
    after = max(0, opened.meet.position - TAIL)
    while after < opened.meet.position:
        size = min(STEP_EVENTS, opened.meet.position - after)
        events = opened.log.read(after, size, most_bytes=CHUNK_BYTES)
        if not events:
            return
        yield from events
        after = events[-1].position


def _moment(crossing: Crossing) -> int:
    return crossing.moment_ns
