"""Opening a meet for reading: find its log, fold it to the head, beside a `run` that writes it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from meetlog.asof import UpTo
from meetlog.instants import position_at
from meetlog.settings import load, locate
from projections.folding import advance, fold, settings_at
from projections.meet import Meet
from projections.pausing import collection_paused, left_alone
from projections.saving import SavedStateDamaged
from projections.snapshots import lazy_snapshot, load_snapshot
from store.connect import connect
from store.log import Log
from store.migrate import revision, revisions
from store.sqlite import SqliteLog
from wire.settings import Settings

Progress = Callable[[int, int], None]  # done, total


class Place(NamedTuple):
    """Where a meet is: its log, and its settings unless the log alone was named."""

    log: Path
    settings_path: Path | None = None
    settings: Settings | None = None

    @property
    def folder(self) -> Path | None:
        """The Time Drops folder; None when the log alone was named."""
        if self.settings_path is None or self.settings is None:
            return None
        return self.settings_path.parent / self.settings.folder.path


class OpenMeet(NamedTuple):
    """A log and the meet folded from it, settled at `meet.position`.

    `note` says in words what a person should know about the log's file, "" when nothing.
    """

    log: Log
    meet: Meet
    place: Place
    note: str


def find(where: Path) -> Place:
    """The meet at `where`: a folder with `meet.toml`, a settings file, or a log's own file.

    Raises `MeetError` for settings that are missing or wrong; the log itself is not opened.
    """
    if where.is_dir() or where.suffix.casefold() == ".toml":
        settings, _ = load(where)
        path = locate(where)
        return Place(path.parent / settings.log.path, path, settings)
    return Place(where)


@contextmanager
def open_log(where: Path) -> Iterator[tuple[SqliteLog, Place]]:
    """The log at `where`, read-only. Raises `MeetError` and `StoreError`."""
    place = find(where)
    with closing(SqliteLog(place.log, read_only=True)) as log:
        yield log, place


@contextmanager
def open_meet(
    where: Path, progress: Progress | None = None, *, at: str = "", reads: bool = True
) -> Iterator[OpenMeet]:
    """The meet at `where`, folded to the log's present head; nothing is written.

    The state that `run` saved shortens the way where it fits the log. Without
    `reads`, for a look at races only, those saved are left where they are. With
    `at`, a position or an instant, both the log and the meet are as they were
    then. Raises `MeetError`, `StoreError` and `NoSuchInstant`.
    """
    with open_log(where) as (log, place):
        if at:
            yield _as_of(log, place, at, progress)
            return
        head = log.head().position
        told = None if progress is None else lambda done: progress(done, head)
        with ExitStack() as stack:
            with collection_paused():
                saved = _saved(log, None if reads else stack)
                meet = None if saved is None else _advanced(saved, log, head, told)
                if meet is None:
                    meet = fold(log, head, progress=told)
                    meet.settle()
                stack.enter_context(left_alone())
            yield OpenMeet(log, meet, place, _note(place.log))


def _advanced(saved: Meet, log: Log, head: int, told: Callable[[int], None] | None) -> Meet | None:
    """The saved state advanced to the head; None where the log must be folded anew."""
    try:
        advance(saved, log, head, progress=told)
        if not saved.stale:
            saved.settle()
    except SavedStateDamaged:
        return None
    return None if saved.stale else saved


def _as_of(log: Log, place: Place, at: str, progress: Progress | None) -> OpenMeet:
    end = position_at(log, at, settings_at(log).meet.zone)
    past = UpTo(log, end)
    meet = fold(past, progress=None if progress is None else lambda done: progress(done, end))
    meet.settle()
    return OpenMeet(past, meet, place, _note(place.log))


def _saved(log: SqliteLog, keep: ExitStack | None) -> Meet | None:
    """The saved state if there is one that fits.

    With `keep`, its reads are read when they are asked for, and the log's file is held open for
    them until that is closed: briefly, since a `run` cannot begin its write-ahead log anew then.
    """
    try:
        with ExitStack() as stack:
            connection = stack.enter_context(closing(connect(log.path, read_only=True)))
            if keep is None:
                return load_snapshot(connection, log)
            meet = stack.enter_context(lazy_snapshot(connection, log))
            keep.push(stack.pop_all())
            return meet
    except sqlite3.Error:
        return None  # the tables are not there yet, or in use; the log has everything


def _note(path: Path) -> str:
    found = revision(path)
    if found == revisions()[-1]:
        return ""
    return (
        f"{path} has the tables of an older meetlog ({found}). It can be read as it is; "
        "`meetlog run` or `meetlog rebuild` brings it up to date."
    )
