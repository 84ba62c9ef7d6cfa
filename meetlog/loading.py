"""Loading the meet when `run` starts, what it says meanwhile, and how it is stopped then.

Nearly always a saved state shortens the way to a second. After an update, with
another time zone of a source, or where the log was restored, millions of events
are worked out before sources may connect: that takes a minute or two, in which
nobody should take it for dead.
"""

import time
from collections.abc import Callable
from hashlib import sha256

from ingest.recorder import SETTINGS_PATH, SETTINGS_SOURCE
from meetlog.edges import MeetLog
from projections.folding import fold, recorded_settings
from projections.meet import Meet
from projections.readtables import load_snapshot
from store.log import Log

MUCH = 50_000  # events; fewer are worked out before anybody wonders
EVERY = 5.0  # seconds


class StoppedLoading(Exception):  # noqa: N818 - named for what happened
    """`run` was asked to stop before it listened; nothing had arrived."""


class Loading:
    """Called with the position reached and the log's head, as often as one likes.

    Raises `StoppedLoading` when `asked` says so. `tell` gets words; `clock` gives seconds.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        asked: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._asked = asked
        self._clock = clock
        self._due: float | None = None

    def __call__(self, done: int, head: int) -> None:
        """Say how far it is, where that is due."""
        if self._asked():
            raise StoppedLoading
        if self._due is None:
            if head - done < MUCH:
                return
            self._tell(
                f"no saved state fits this log and its settings: all {head:,} events are worked "
                "out before sources can connect"
            )
        elif self._clock() < self._due:
            return
        else:
            self._tell(f"worked out {done:,} of {head:,} events")
        self._due = self._clock() + EVERY


def load_saved(log: MeetLog) -> Meet | None:
    """The meet as of some position by the saved state, None where none fits the log."""
    with log.views() as connection:
        return load_snapshot(connection, log)


def last_settings(log: Log, saved: Meet | None) -> str | None:
    """The SHA-256 of the newest settings file in the log, None where there is none."""
    if saved is not None:
        return saved.state.files.get(SETTINGS_SOURCE, {}).get(SETTINGS_PATH)
    body = recorded_settings(log)
    return None if body is None else sha256(body).hexdigest()


def load_meet(log: Log, saved: Meet | None, loading: Callable[[int, int], None]) -> Meet:
    """The meet that was saved, else as of the log's head, folded from nothing."""
    if saved is not None:
        return saved
    head = log.head().position
    return fold(log, head, progress=lambda done: loading(done, head))
