"""Folding a log: from nothing, up to a position, by other settings, or on from a fold."""

from collections.abc import Callable

from projections.decode import SETTINGS_SOURCE
from projections.meet import DEFAULTS, Meet
from store.event import FILE_CHANGED
from store.log import Log
from wire.errors import WireError
from wire.settings import Settings
from wire.settings_file import parse

Progress = Callable[[int], None]
CHUNK = 2000  # events read at once: enough to make reading cheap, little enough to keep memory flat


def settings_at(log: Log, until: int | None = None) -> tuple[Settings, int]:
    """The newest readable settings up to event `until`, and their position, 0 if none."""
    found, position = DEFAULTS, 0
    after = 0
    while events := log.read(after, CHUNK, kinds=(FILE_CHANGED,)):
        for event in events:
            after = event.position
            if until is not None and after > until:
                return found, position
            if event.source == SETTINGS_SOURCE:
                try:
                    found, position = parse(event.body), after
                except WireError:
                    continue  # it is quarantined where it is folded
    return found, position


def fold(
    log: Log,
    until: int | None = None,
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Meet:
    """The meet as of event `until` (the log's head when None), folded from nothing, unsettled.

    With `settings`, those interpret the log instead of the recorded ones.
    `progress` is called with each position reached.
    """
    end = log.head().position if until is None else until
    chosen, pinned_until = settings_at(log, end) if settings is None else (settings, end)
    meet = Meet(chosen, pinned_until=pinned_until)
    advance(meet, log, end, progress=progress)
    return meet


def advance(meet: Meet, log: Log, until: int, *, progress: Progress | None = None) -> None:
    """Feed the events up to `until`; stops early when the meet becomes stale."""
    while meet.position < until and not meet.stale:
        events = log.read(meet.position, min(CHUNK, until - meet.position))
        if not events:
            return
        meet.feed(events)
        if progress is not None:
            progress(meet.position)


def follow(meet: Meet, log: Log, limit: int = CHUNK) -> Meet:
    """The meet advanced by at most `limit` events, unsettled; folded anew if settings ask it."""
    events = log.read(meet.position, limit)
    if events:
        meet.feed(events)
    return fold(log, meet.position) if meet.stale else meet
