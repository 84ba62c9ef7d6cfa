"""Backup and restore: a log's copy, proven whole before it is called one."""

from contextlib import closing
from pathlib import Path

import msgspec

from meetlog.exits import Refused
from meetlog.lock import alone
from meetlog.newfiles import new_file, refuse_existing
from meetlog.settings import FILE_NAME, load
from projections.decode import SETTINGS_SOURCE
from store.copies import Progress, copy_log
from store.event import EMPTY_HEAD, FILE_CHANGED, Head
from store.log import Log, LogDamaged
from store.seal import seal_of
from store.sqlite import SqliteLog
from store.verify import verify
from wire.errors import WireError
from wire.settings_file import parse

_IN_USE = "Stop it first, and move its log away: what it records now would be lost."


class CopyReport(msgspec.Struct, frozen=True):
    """A copy that was made: `copy` of `log`, both of which have event `position` with `head`.

    `seal` is the code of that past. `settings` is the meet.toml that `restore` wrote, "" for none.
    """

    log: str
    copy: str
    bytes: int
    position: int
    head: str
    seal: str
    settings: str = ""


def backup(path: Path, target: Path, progress: Progress | None = None) -> CopyReport:
    """Copy the log at `path` to the new file `target`, beside a `run` if need be.

    The copy is opened, its whole chain verified, and its head compared with
    the log's event at that position, before it gets its name. Raises
    `Refused`, `StoreError` and `OSError`; nothing is left then.
    """
    with new_file(target) as temporary:
        copy_log(path, temporary, progress)
        head = _sound(temporary, path)
        with closing(SqliteLog(path, read_only=True)) as log:
            here = head_at(log, head.position)
        if here != head:
            raise LogDamaged(
                f"{path}: event {head.position} is not what was copied a moment ago. "
                "Something else than meetlog writes to this file; verify it."
            )
    return _report(path, target, head)


def restore(
    copy: Path, target: Path, progress: Progress | None = None, *, settings: Path | None = None
) -> CopyReport:
    """Make a log at `target` of a backup, which is proven whole first.

    With `settings`, the newest settings in the log become that file. Raises
    `Refused` when something is at `target` or a `run` holds its lock, and
    `StoreError` and `OSError`; there is no log at `target` then.
    """
    if not target.parent.is_dir():
        target.parent.mkdir(parents=True)
    refuse_existing(target)
    with alone(target, _IN_USE), new_file(target) as temporary:
        copy_log(copy, temporary, progress)
        head = _sound(temporary, copy)
        if settings is not None:
            with closing(SqliteLog(temporary, read_only=True)) as log:
                body = newest_settings(log)
            with new_file(settings) as file:
                file.write_bytes(body)
    report = _report(copy, target, head)
    return msgspec.structs.replace(report, settings=str(settings or ""))


def place_for(copy: Path, into: Path) -> tuple[Path, Path | None]:
    """Where the log of `copy` goes for `restore --into`, and the meet.toml to write with it.

    A folder, there or not, gets both; one with a meet.toml gets the log that
    this names; anything with a suffix is the log's own file. Raises `Refused`.
    """
    if not into.is_dir() and into.suffix:
        return into, None
    file = into / FILE_NAME
    if file.exists():
        return into / load(file)[0].log.path, None
    with closing(SqliteLog(copy, read_only=True)) as log:
        named = Path(parse(newest_settings(log)).log.path)
    if named.is_absolute() or ".." in named.parts:
        raise Refused(
            f"The settings in {copy} put the log at {named}, outside the meet's folder. "
            "Name the file to restore it into."
        )
    return into / named, file


def newest_settings(log: Log) -> bytes:
    """The bytes of the newest settings file in `log` that can be read; raises `Refused`."""
    found = b""
    after = 0
    while events := log.read(after, kinds=(FILE_CHANGED,)):
        for event in events:
            after = event.position
            if event.source == SETTINGS_SOURCE:
                try:
                    parse(event.body)
                except WireError:
                    continue
                found = event.body
    if not found:
        raise Refused("There are no settings in that log. Name the file to restore it into.")
    return found


def head_at(log: Log, position: int) -> Head:
    """The log's head as of `position`; `EMPTY_HEAD` where there is no such event."""
    events = log.read(position - 1, 1) if position else []
    if not events or events[0].position != position:
        return EMPTY_HEAD
    return Head(position, events[0].hash, events[0].recorded_at)


def _sound(copy: Path, of: Path) -> Head:
    """The head of a copy whose chain holds; raises `LogDamaged`, which names what was copied."""
    with closing(SqliteLog(copy, read_only=True)) as log:
        verdict = verify(log)
    if not verdict.ok:
        raise LogDamaged(
            f"{of}: event {verdict.first_bad} does not hold: {verdict.problem}. Nothing was "
            "written. Keep this file as it is, and use another copy."
        )
    return verdict.head


def _report(log: Path, copy: Path, head: Head) -> CopyReport:
    return CopyReport(
        log=str(log),
        copy=str(copy),
        bytes=copy.stat().st_size,
        position=head.position,
        head=head.hash.hex(),
        seal=seal_of(head),
    )
