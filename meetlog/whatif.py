"""What if: the meet by other settings than those it was recorded with."""

import msgspec

from meetlog.comparison import RaceChange, compare
from projections.folding import Progress, fold
from projections.meet import Meet
from store.log import Log
from wire.settings import Settings


class Comparison(msgspec.Struct, frozen=True):
    """Two views of the races as of event `position`: what differs in `races`, () when nothing."""

    position: int
    races: tuple[RaceChange, ...]

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return not self.races


def what_if(
    log: Log, settings: Settings, until: int | None = None, progress: Progress | None = None
) -> Comparison:
    """What the results as of `until` (the head when None) would be by `settings`.

    `before` are the races by the recorded settings, `after` those by
    `settings`, which then interpret the whole log. Nothing is written.
    """
    end = log.head().position if until is None else until
    other = fold(log, end, settings=settings, progress=progress)
    other.settle()
    return against_recorded(log, other)


def against_recorded(log: Log, other: Meet) -> Comparison:
    """The same for a meet that was folded by other settings already, and is settled."""
    recorded = fold(log, other.position)
    recorded.settle()
    return Comparison(other.position, compare(recorded.races(), other.races()))
