"""Disk, folder and files measured. Probe files are made under names that no run records."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns

import anyio
import anyio.lowlevel
import msgspec
import psutil

from ingest.disk import list_folder
from ingest.errors import IngestError
from ingest.folder import TEMPORARY_PREFIX, notifications
from meetlog.doctor.disk import PROBES, DiskFact, WritesFact
from meetlog.doctor.folder import FolderFact
from meetlog.doctor.rights import FileFact
from meetlog.passwords import read_password
from wire.settings import RelaySettings, Settings, SourceSettings

PROBE_PREFIX = f"{TEMPORARY_PREFIX}doctor-"
TOLD_SECONDS = 1.0
_LINE = bytes(200)  # as long as an event of one read


def measure_disk(folder: Path) -> DiskFact:
    """The disk that `folder`, or the nearest folder above it that is there, is on."""
    there = nearest(folder)
    kind, remote = _kind(there)
    return DiskFact(str(there), shutil.disk_usage(there).free, kind, remote)


def nearest(folder: Path) -> Path:
    """`folder`, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _kind(folder: Path) -> tuple[str, bool]:
    """The file system's type, and whether the system says that it is on another computer."""
    where = folder.resolve()
    if str(where).startswith("\\\\"):
        return "share", True
    try:
        mounts = psutil.disk_partitions(all=True)
    except (psutil.Error, OSError):
        return "", False
    holding = [m for m in mounts if where.is_relative_to(m.mountpoint)]
    if not holding:
        return "", False
    # The last of those with the longest path: a mount may hide another.
    nearest_mount = max(reversed(holding), key=lambda m: len(Path(m.mountpoint).parts))
    return nearest_mount.fstype, "remote" in nearest_mount.opts.split(",")


def measure_writes(folder: Path, clock: Callable[[], int] = monotonic_ns) -> WritesFact:
    """Append and sync some small lines to a probe file in `folder`, and remove it."""
    times: list[int] = []
    try:
        handle, name = tempfile.mkstemp(prefix=PROBE_PREFIX, dir=nearest(folder))
        try:
            for _ in range(PROBES):
                began = clock()
                os.write(handle, _LINE)
                _sync(handle)
                times.append(clock() - began)
        finally:
            os.close(handle)
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        return WritesFact((), error.strerror or str(error))
    return WritesFact(tuple(times))


def _sync(handle: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        # fsync leaves the bytes in the drive's cache there; the log asks for this one too.
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)


async def measure_folder(root: Path, clock: Callable[[], int] = monotonic_ns) -> FolderFact:
    """Make and rename a probe file in the meet folder, as a run's own watch would see it."""
    if not await anyio.Path(root).is_dir():
        return FolderFact(str(root), there=False)
    made = root / f"{PROBE_PREFIX}{os.getpid()}"
    renamed = made.with_name(f"{made.name}-renamed")
    told = anyio.Event()
    reasons: list[str] = []

    def changed(names: set[str]) -> None:
        if renamed.name in names:
            told.set()

    async def watch() -> None:
        try:
            await notifications(root, changed)
        except* (OSError, RuntimeError) as group:
            reasons.append(str(group.exceptions[0]))

    took: int | None = None
    listed = False
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await anyio.lowlevel.checkpoint()  # the watch stands before the file is made
            began = clock()
            made.write_bytes(_LINE)
            made.replace(renamed)
            with anyio.move_on_after(TOLD_SECONDS):
                await told.wait()
                took = clock() - began
            listed = renamed.name in list_folder(root).files
            group.cancel_scope.cancel()
    except* OSError as group_of_errors:
        error = group_of_errors.exceptions[0]
        reasons.append(getattr(error, "strerror", None) or str(error))
    finally:
        for probe in (made, renamed):
            with suppress(OSError):
                probe.unlink(missing_ok=True)
    return FolderFact(str(root), True, took, listed, reasons[0] if reasons else "")


def measure_files(log: Path, folder: Path, settings: Settings) -> list[FileFact]:
    """The log with what SQLite keeps beside it, and the password files of sources and relays."""
    beside = (("the log", ""), ("its write-ahead file", "-wal"), ("its index of that", "-shm"))
    facts = [_file(what, log.with_name(log.name + ending)) for what, ending in beside]
    lock = _file("its lock", log.with_name(f"{log.name}.lock"))
    facts.append(msgspec.structs.replace(lock, bare=True))
    meet_folder = (folder / settings.folder.path).resolve()
    endpoints: tuple[SourceSettings | RelaySettings, ...] = (*settings.sources, *settings.relays)
    for each in endpoints:
        if each.password_file:
            path = folder / each.password_file
            fact = _file(f"the password of {each.name}", path, secret=True)
            recorded = path.resolve().parent == meet_folder
            empty, problem = (
                _password(each, folder) if fact.there and fact.readable else (False, "")
            )
            facts.append(
                msgspec.structs.replace(fact, recorded=recorded, empty=empty, problem=problem)
            )
    return facts


def _password(endpoint: SourceSettings | RelaySettings, folder: Path) -> tuple[bool, str]:
    """Whether the password is empty, and why it cannot be made out, in words."""
    try:
        return not read_password(endpoint, folder), ""
    except IngestError as error:
        return False, str(error)


def _file(what: str, path: Path, *, secret: bool = False) -> FileFact:
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return FileFact(what, str(path), there=False, secret=secret)
    return FileFact(
        what,
        str(path),
        readable=os.access(path, os.R_OK),
        writable=os.access(path, os.W_OK),
        mode=None if sys.platform == "win32" else mode,
        secret=secret,
    )
