"""Folding a log: from nothing, up to a position, by other settings, or on from a fold."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from projections.decode import SETTINGS_SOURCE
from projections.facts import Stated
from projections.meet import DEFAULTS, Meet
from projections.pausing import collection_paused
from projections.rulings import adopted
from store.event import FILE_CHANGED, STATEMENT, Event
from store.forms import misfit
from store.log import Log
from wire.errors import WireError
from wire.settings import Settings
from wire.settings_file import parse
from wire.statements import decode

Progress = Callable[[int], None]
CHUNK = 2000  # events read at once: enough to make reading cheap, little enough to keep memory flat
CHUNK_BYTES = 16 * 1024 * 1024  # bursts and files are large events


def settings_at(log: Log, until: int | None = None) -> Settings:
    """The settings in force as of event `until`: the newest that a file or a statement gives.

    Files and statements that cannot be read are passed over; they are
    quarantined where they are folded. A statement that was withdrawn by then
    does not count.
    """
    versions: list[tuple[int, bytes | str]] = []
    stated: list[Stated] = []
    for event in _events(log, (FILE_CHANGED, STATEMENT), until):
        if event.kind == STATEMENT:
            with suppress(WireError):
                stated.append(Stated(event.position, decode(event.body)))
        elif event.source == SETTINGS_SOURCE:
            versions.append((event.position, event.body))
    versions += adopted(stated)
    for _, text in sorted(versions, key=lambda version: version[0], reverse=True):
        with suppress(WireError):
            return parse(text.encode() if isinstance(text, str) else text)
    return DEFAULTS


def _events(log: Log, kinds: Sequence[str], until: int | None) -> Iterator[Event]:
    after = 0
    while events := log.read(after, CHUNK, kinds=kinds, most_bytes=CHUNK_BYTES):
        for event in events:
            after = event.position
            if until is not None and after > until:
                return
            if not misfit(event.kind, event.meta):  # one that is not folded says nothing here
                yield event


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
    meet = Meet(settings_at(log, end) if settings is None else settings, pinned_until=end)
    advance(meet, log, end, progress=progress)
    return meet


def advance(meet: Meet, log: Log, until: int, *, progress: Progress | None = None) -> None:
    """Feed the events up to `until`; stops early when the meet becomes stale."""
    with collection_paused():
        while meet.position < until and not meet.stale:
            size = min(CHUNK, until - meet.position)
            events = log.read(meet.position, size, most_bytes=CHUNK_BYTES)
            if not events:
                return
            meet.feed(events)
            if progress is not None:
                progress(meet.position)


def follow(
    meet: Meet, log: Log, limit: int = CHUNK, progress: Callable[[int, int], None] | None = None
) -> Meet:
    """The meet advanced by at most `limit` events, unsettled; folded anew if settings ask it.

    That may take minutes: `progress` is called with each position reached, and the last.
    """
    events = log.read(meet.position, limit, most_bytes=CHUNK_BYTES)
    if events:
        meet.feed(events)
    if not meet.stale:
        return meet
    end = meet.position
    return fold(log, end, progress=None if progress is None else lambda done: progress(done, end))


def recorded_settings(log: Log) -> bytes | None:
    """The newest settings file in the log, None without one; looks through all files in it."""
    found = None
    for event in _events(log, (FILE_CHANGED,), None):
        if event.source == SETTINGS_SOURCE:
            found = event.body
    return found
