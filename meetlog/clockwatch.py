"""Watching this computer's clock while it records: was it set, and is the log ahead of it.

The order of the log does not depend on the clock, and times of races come from
the timing systems. But people read when something was recorded, and stamps
without a date take theirs from it.
"""

from collections.abc import Callable

from ingest.notices import Notice, Notices
from meetlog.show import age
from projections.clock import iso_local
from store.event import Head
from wire.stamps import NS

US = "meetlog"
AHEAD, SET = "clock:ahead", "clock:set"
# A clock that a time server keeps right is moved by less, and a run that records meanwhile
# has its newest event in the last second.
AHEAD_TOLERANCE = NS
SET_TOLERANCE = 5 * NS
_BY_HAND = "Set it right, best by a time server: `meetlog doctor` says how."


class ClockWatch:
    """Raises a notice while the clock is not where it should be, by two signs.

    `now` is the clock, ns UTC; `steady` runs on whatever is set. `newest` is
    when the log's newest event was recorded; `recorded` may be called from any
    thread.
    """

    def __init__(
        self, notices: Notices, now: Callable[[], int], steady: Callable[[], int], newest: int
    ) -> None:
        self._notices = notices
        self._now = now
        self._steady = steady
        self._newest = newest
        self._begun = now() - steady()
        self._told = 0

    def recorded(self, head: Head) -> None:
        """The log has a new head, whose time is never before that of the one before."""
        self._newest = head.recorded_at

    def look(self) -> None:
        """Compare the clock with the log, and with what has passed since the beginning."""
        now = self._now()
        self._compare_log(now)
        moved = now - self._steady() - self._begun
        if abs(moved) <= SET_TOLERANCE:
            self._told = 0
            self._notices.clear(SET)
        elif abs(moved - self._told) > NS:  # else the same words again, or nearly
            self._told = moved
            # A computer that slept has not counted the time either.
            slept = ", or the computer slept" if moved > 0 else ""
            where = "forward" if moved > 0 else "back"
            self._raise(
                now,
                SET,
                f"This computer's clock was set {where} by {age(abs(moved))} since recording "
                f"began{slept}",
                f"Nothing is lost, and the order of what is recorded stays right. {_BY_HAND}",
            )

    def _compare_log(self, now: int) -> None:
        newest = self._newest
        if newest - now <= AHEAD_TOLERANCE:
            self._notices.clear(AHEAD)
            return
        self._raise(
            now,
            AHEAD,
            f"The log is ahead of this computer's clock, which was set back: until it is "
            f"{iso_local(newest // NS * NS, 'UTC')}, everything is recorded as of then",
            "Nothing is lost, and the order of what is recorded stays right. Stamps without a "
            f"date may get a wrong one. {_BY_HAND}",
        )

    def _raise(self, now: int, key: str, text: str, hint: str) -> None:
        self._notices.raise_(Notice(now, US, "warning", key, text, hint))
