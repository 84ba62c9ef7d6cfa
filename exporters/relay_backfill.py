"""Backfill: a relay that is new, or was left behind, takes what it missed from the log itself.

It folds the log a second time, beside the meet that goes on, and a portion
at a time, so that nothing waits for it.
"""

from projections.meet import Meet
from projections.relays import Heard
from store.log import Log

PORTION = 500  # events; some milliseconds of folding


class Backfill:
    """What came in from the start of the log on, for a meet that is folded already."""

    def __init__(self, log: Log, meet: Meet) -> None:
        self._log = log
        # Pinned, so that the settings of now read every stamp, as they do in `meet`.
        self._past = Meet(meet.settings, pinned_until=meet.position)

    @property
    def position(self) -> int:
        """Everything up to this event was given."""
        return self._past.position

    def next(self, until: int) -> list[Heard]:
        """Go on by a portion, at most up to event `until`; what came in with it."""
        past, found = self._past, list[Heard]()
        for event in self._log.read(past.position, min(PORTION, until - past.position)):
            begin = past.position
            # One at a time: what waits for relays is bounded, and one event is well within it.
            past.feed([event])
            found += (each for each in past.state.relays.heard if each.until > begin)
        return found
