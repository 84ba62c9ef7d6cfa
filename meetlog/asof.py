"""A log as it was: what stood in it when some position was the newest."""

from collections.abc import Sequence

from store.event import EMPTY_HEAD, Draft, Event, Head
from store.log import Log, LogDamaged, StoreError
from store.verify import Verdict


class UpTo:
    """A `Log` that ends at `position`, whatever was appended since. It can only be read.

    What is worked out from it cannot know what came later, and does not
    change while a `run` goes on recording.
    """

    def __init__(self, log: Log, position: int) -> None:
        self._log = log
        self._position = position

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:  # noqa: ARG002 - the contract's
        """Raises `StoreError`: the past is not written to."""
        raise StoreError(f"the log as of event {self._position} can only be read")

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        kinds: Sequence[str] = (),
        most_bytes: int | None = None,
    ) -> list[Event]:
        """As `Log.read`, without what came after `position`."""
        if after >= self._position:
            return []
        events = self._log.read(after, limit, kinds=kinds, most_bytes=most_bytes)
        return [event for event in events if event.position <= self._position]

    def head(self) -> Head:
        """The event at `position`."""
        events = self._log.read(self._position - 1, 1) if self._position else []
        if not events:
            return EMPTY_HEAD
        return Head(events[0].position, events[0].hash, events[0].recorded_at)

    def close(self) -> None:
        """Does nothing: the log belongs to whoever opened it."""


def require(verdict: Verdict, log: object) -> None:
    """Raise `LogDamaged` for a log that does not hold, saying from where on and what to do."""
    if verdict.ok:
        return
    sound = verdict.head.position
    rest = f" The events up to {sound} hold: `--until {sound}` looks at those." if sound else ""
    raise LogDamaged(
        f"{log}: event {verdict.first_bad} does not hold: {verdict.problem}. Nothing was written. "
        f"Keep this file as it is and work on with a copy.{rest}"
    )
