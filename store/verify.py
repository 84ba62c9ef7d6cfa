"""Verification: walk the chain from the first row and name the first that does not hold.

It finds any change to any column of any row, a row that is missing between
others, added or moved. It cannot know of rows cut off at the end: a shorter
log is a whole log too. To rule that out, compare the head with one noted
elsewhere: a published file's cause, a copy, a paper.
"""

from collections.abc import Callable

import msgspec

from store.event import EMPTY_HEAD, FORM, Event, Head, chain_hash
from store.log import Log, LogDamaged

CHUNK = 500  # events held at once
_BEFORE_ALL = -(1 << 63)  # so that a row moved below 1 is seen too
_TEXTS = ("source", "kind")
_BYTES = ("meta", "body", "hash")


class Verdict(msgspec.Struct, frozen=True):
    """What verification found.

    `head` is the last event that holds: the log's own head when `ok`. Else
    `first_bad` is the first position that does not hold and `problem` says
    what is wrong there; they are None and "" when `ok`.
    """

    ok: bool
    head: Head
    first_bad: int | None = None
    problem: str = ""


def verify(log: Log, *, progress: Callable[[int, int], object] | None = None) -> Verdict:
    """Check every row of `log`; `progress(done, total)` is called after each chunk.

    Raises `StoreUnavailable` if the log cannot be read now. Damage is a
    verdict, not an error.
    """
    head = EMPTY_HEAD
    after = _BEFORE_ALL
    chunk = CHUNK
    total = log.head().position if progress else 0
    while True:
        try:
            events = log.read(after, chunk)
        except LogDamaged as error:
            if chunk == 1:
                return Verdict(False, head, head.position + 1, f"it cannot be read: {error}")
            chunk = 1  # the rows before the unreadable one still count
            continue
        if not events:
            return Verdict(True, head)
        for event in events:
            problem = _problem(event, head)
            if problem:
                bad = event.position if event.position < 1 else head.position + 1
                return Verdict(False, head, bad, problem)
            head = Head(event.position, event.hash, event.recorded_at)
        after = head.position
        if progress:
            progress(after, max(total, after))


def _problem(event: Event, before: Head) -> str:
    """What keeps `event` from following `before`; "" when nothing does."""
    expected = before.position + 1
    if event.position != expected:
        if event.position < 1:
            return f"a row stands at position {event.position}, before the first"
        return f"position {expected} is missing; the next row is {event.position}"
    if event.form != FORM:
        return f"its form is {event.form!r}, but this meetlog knows only {FORM}"
    if type(event.recorded_at) is not int:
        return f"its recorded_at is {event.recorded_at!r}, not an integer"
    for name in _TEXTS:
        if not isinstance(getattr(event, name), str):
            return f"its {name} is not text"
    for name in _BYTES:
        if not isinstance(getattr(event, name), bytes):
            return f"its {name} is not bytes"
    computed = chain_hash(
        before.hash,
        event.position,
        event.recorded_at,
        event.source,
        event.kind,
        event.meta,
        event.body,
        event.form,
    )
    if computed != event.hash:
        return "its hash does not match its content and the hash before it: one of them was changed"
    if event.recorded_at < before.recorded_at:
        return (
            f"its recorded_at {event.recorded_at} is before its predecessor's {before.recorded_at}"
        )
    return ""
