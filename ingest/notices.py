"""Notices: what the people at the meet should know now, in words, and when it is over.

A notice stands for a condition, not for an occurrence: it is raised when the
condition begins or its words change, and cleared by its key when it ends.
"""

import threading
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

Severity = Literal["info", "warning", "alarm"]

# More conditions at once than anybody can read. The oldest of the least grave give way,
# so that a folder of ten thousand unreadable files neither fills the memory nor pushes out
# what really is wrong.
MOST_NOTICES = 200
MOST_WORDS = 2000  # characters of a notice's text, and of its hint; each quotes what others wrote
_GRAVITY: tuple[Severity, ...] = ("info", "warning", "alarm")


class Notice(msgspec.Struct, frozen=True):
    """A condition: since when (ns UTC), of which source, how grave, in words, and what to do.

    `alarm` means that data is or may soon be missing; `warning` that someone
    should look; `info` that something happened. Two notices with one `key`
    are about one condition; the later replaces the earlier.
    """

    at: int
    source: str
    severity: Severity
    key: str
    text: str
    hint: str = ""


class Notices(Protocol):
    """Where notices go. Safe to call from any thread; neither call blocks."""

    def raise_(self, notice: Notice) -> None:
        """A condition began, or its words changed."""

    def clear(self, key: str) -> None:
        """The condition ended; a key that was not raised is passed over."""


class NoticeBoard:
    """The conditions that hold now, at most `MOST_NOTICES`, oldest first.

    `changed(notice, over)` is called in the thread that reported: with False
    when a condition began or its words changed, with True when it ended.
    Saying the same again is no change.
    """

    def __init__(self, changed: Callable[[Notice, bool], None] | None = None) -> None:
        self._changed = changed or (lambda _notice, _over: None)
        self._standing: dict[str, Notice] = {}
        self._lock = threading.Lock()

    def raise_(self, notice: Notice) -> None:
        """Put the notice up in the place of an older one with its key."""
        if max(len(notice.text), len(notice.hint)) > MOST_WORDS:
            notice = msgspec.structs.replace(notice, text=_cut(notice.text), hint=_cut(notice.hint))
        with self._lock:
            old = self._standing.get(notice.key)
            if old is not None and _words(old) == _words(notice):
                return
            self._standing[notice.key] = notice
            if len(self._standing) > MOST_NOTICES:
                # The first of equals, which is the oldest.
                least = min(self._standing.values(), key=lambda n: _GRAVITY.index(n.severity))
                del self._standing[least.key]
        self._changed(notice, False)

    def clear(self, key: str) -> None:
        """Take the notice with this key down, if it is up."""
        with self._lock:
            notice = self._standing.pop(key, None)
        if notice is not None:
            self._changed(notice, True)

    def standing(self) -> tuple[Notice, ...]:
        """The conditions that hold now, oldest first."""
        with self._lock:
            return tuple(self._standing.values())


def _cut(text: str) -> str:
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"


def _words(notice: Notice) -> tuple[str, str, str]:
    return notice.severity, notice.text, notice.hint
