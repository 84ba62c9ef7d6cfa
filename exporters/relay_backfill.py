"""Backfill: a relay that is new, or was left behind, takes what it missed from the log itself.

It folds the log a second time, beside the meet that goes on, and a portion
at a time, so that nothing waits for it.
"""

from projections.meet import Meet
from projections.relays import Heard
from store.log import Log
from wire.settings import Settings

PORTION = 250  # events; some milliseconds of folding
PORTION_READS = 2000  # and no more events after so many reads, for one may bring thousands
AT_ONCE = 50  # events read from the log together: bursts are large ones


class Backfill:
    """What came in from the start of the log on, for a meet that is folded already."""

    def __init__(self, log: Log, meet: Meet, settings: Settings | None = None) -> None:
        """`settings` in the place of the meet's, which must have a relay that sends reads."""
        self._log = log
        # Pinned, so that the settings of now read every stamp, as they do in `meet`.
        self._past = Meet(settings or meet.settings, pinned_until=meet.position)

    @property
    def position(self) -> int:
        """Everything up to this event was given."""
        return self._past.position

    def next(self, until: int) -> list[Heard]:
        """Go on by a portion, at most up to event `until`; what came in with it."""
        past, found = self._past, list[Heard]()
        end, size = min(until, past.position + PORTION), 0
        while past.position < end:
            events = self._log.read(past.position, min(AT_ONCE, end - past.position))
            if not events:
                break
            for event in events:
                begin = past.position
                # One at a time: what waits for relays is bounded, and one event is well within it.
                past.feed([event])
                heard = past.state.relays.heard_after(begin)
                past.state.relays.forget(past.position)
                found += heard
                size += sum(each.size for each in heard)
                if size >= PORTION_READS:
                    return found
        return found
