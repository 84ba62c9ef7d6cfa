"""The contract of a log engine. Every engine passes `tests/store/contract.py`."""

from collections.abc import Sequence
from typing import Protocol

from store.event import GENESIS, Draft, Event, Head


class StoreError(Exception):
    """The log could not be read or written: the message says which file, why, and what to do."""


class StoreUnavailable(StoreError):  # noqa: N818 - named for the condition, as callers speak of it
    """A passing condition (disk full, locked, I/O error): nothing was written; try again later."""


class LogDamaged(StoreError):  # noqa: N818 - named for the condition, as callers speak of it
    """The log contradicts itself, or is not a meetlog log. Trying again will not help."""


class LogMissing(StoreError):  # noqa: N818 - named for the condition, as callers speak of it
    """There is no log at that path, and none was to be made."""


class Conflict(StoreError):  # noqa: N818 - named for the condition, as callers speak of it
    """`append` was given an `after` that is no longer the head; `head` is the present one."""

    def __init__(self, head: Head, message: str) -> None:
        self.head = head
        super().__init__(message)


class Log(Protocol):
    """An append-only log of events; position is contiguous from 1 and is the only order.

    Safe to use from several threads, and for SQLite from several processes.
    """

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:
        """Append all of `drafts` in one transaction, durable on return; the new head is returned.

        Their positions are the `len(drafts)` up to the head's. `recorded_at`
        comes from the engine's clock and never decreases. With `after`, the
        head must be at that position or `Conflict` is raised. Raises
        `StoreUnavailable` with nothing written, `LogDamaged`, or `ValueError`
        when there is nothing to append.
        """

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        kinds: Sequence[str] = (),
        most_bytes: int | None = None,
    ) -> list[Event]:
        """Events with position > `after` in order, at most `limit`; only of `kinds` if given.

        Never skips a position that may still appear (no late commits below the last returned).
        With `most_bytes`, fewer where the bodies are large: so many bytes and `BATCH` events more.
        A negative `after` reads from the first row, whatever its position.
        """

    def head(self) -> Head:
        """The newest event's place in the chain."""

    def close(self) -> None:
        """Release what the engine holds. Calling it again does nothing."""


class BatchLog(Log, Protocol):
    """A log that can also take several submissions in one transaction."""

    def append_each(self, groups: Sequence[Sequence[Draft]]) -> list[Head]:
        """Append all `groups` in order in one transaction: all of them or none.

        Returns for each group the head as of its own last event. Otherwise as `append`.
        """


# Events that are taken from a file at once, and so held beyond `most_bytes` of a read.
BATCH = 32


def hash_at(log: Log, position: int) -> bytes:
    """The chain's hash at a position: `GENESIS` at 0, b"" where the log has no such event."""
    if position == 0:
        return GENESIS
    found = log.read(position - 1, 1)
    return found[0].hash if found else b""
