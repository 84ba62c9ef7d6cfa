"""The meet folder: every version of every file in it, recorded when its writer has finished.

Watch first, then list: the system's notifications only say when to look, and
a listing every `rescan` looks anyway, since shares lose notifications. Only
the folder's own files are recorded; Time Drops has no subfolders (PROTOCOLS 3).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path, PurePath
from time import monotonic_ns
from typing import TypeVar

import anyio
import anyio.lowlevel
from watchfiles import awatch

from ingest.desk import Desk, seconds, spell_duration
from ingest.disk import LARGEST_FILE, MOST_FILES, Disk, FolderDisk, Listing
from ingest.recorder import file_draft
from ingest.settling import (
    RESTLESS,
    Plan,
    after_change,
    after_failure,
    after_read,
    after_skip,
    known_files,
    next_look,
    plan,
)
from store.event import FILE_REMOVED, Draft, pack_meta
from wire.settings import FolderSettings
from wire.stamps import NS

FOLDER_SOURCE = "folder"
TEMPORARY_PREFIX = ".meetlog-"
TEMPORARY_SUFFIX = ".meetlog-tmp"
READ_TRIES = 3  # a writer or a virus scanner holds a file for moments; after so many scans, say so
SLOW_DISK = 10 * NS  # a listing takes milliseconds; a share that is gone may never answer
NOTIFY_DEBOUNCE = 100  # ms: one listing for the several steps in which a file is written

T = TypeVar("T")
Changed = Callable[[set[str]], None]
Watch = Callable[[Changed], Awaitable[None]]
IsOwn = Callable[[str, str], bool]


async def watch_folder(
    settings: FolderSettings,
    root: Path,
    desk: Desk,
    versions: Mapping[str, str],
    is_own: IsOwn,
    *,
    disk: Disk | None = None,
    watch: Watch | None = None,
    clock: Callable[[], int] = monotonic_ns,
) -> None:
    """Record `file.changed` and `file.removed` for `root`, until cancelled.

    `versions` is path -> SHA-256 of the last version of each file in the log.
    `is_own(path, sha256)` says whether a content is one that we published
    under that name: such a version is not recorded, any other one of the same file
    is. A folder that cannot be listed is reported and tried again every
    `settings.rescan`; its files are not taken for removed.
    """
    folder = Folder(
        settings, root, desk, versions, is_own, disk=disk or FolderDisk(root), clock=clock
    )
    await folder.run(watch or partial(notifications, root))


class Folder:
    """The state of one watched folder, between one listing and the next."""

    def __init__(
        self,
        settings: FolderSettings,
        root: Path,
        desk: Desk,
        versions: Mapping[str, str],
        is_own: IsOwn,
        *,
        disk: Disk,
        clock: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._root = root
        self._desk = desk
        self._is_own = is_own
        self._disk = disk
        self._clock = clock
        self._files = known_files(versions)
        self._touched: set[str] = set()
        self._noted: set[str] = set()
        self._wake = anyio.Event()

    async def run(self, watch: Watch) -> None:
        """Watch and list for ever, watching anew whenever the folder was away or replaced."""
        while True:
            if await self._list() is None:
                # Starting a watch on a share that hangs would hold up the whole program.
                await anyio.sleep(seconds(self._settings.rescan))
                continue
            async with anyio.create_task_group() as group:
                group.start_soon(self._listen, watch)
                # The watch stands before the first listing, or a file written
                # between the two would wait for the next rescan.
                await anyio.lowlevel.checkpoint()
                await self._scan_while_there()
                group.cancel_scope.cancel()

    async def _scan_while_there(self) -> None:
        """Scan until the folder cannot be listed or is another one than before."""
        identity: tuple[int, int] | None = None
        while True:
            self._wake = anyio.Event()
            touched, self._touched = self._touched, set()
            listing = await self._list()
            if listing is None:
                return
            await self._scan(listing, touched)
            if identity not in (None, listing.identity):
                return
            identity = listing.identity
            wait = self._settings.rescan
            now = self._clock()
            due = next_look(self._files, now, self._settings.settle)
            if due is not None:
                wait = min(wait, due - now)
            with anyio.move_on_after(seconds(wait)):
                await self._wake.wait()

    async def _list(self) -> Listing | None:
        """The folder's listing; None, and an alarm, when it cannot be had."""
        try:
            listing = await self._timed(self._disk.list)
        except OSError as e:
            self._desk.report(
                FOLDER_SOURCE,
                "alarm",
                "away",
                f"the meet folder {self._root} cannot be listed: {e.strerror or e}",
                "Trying again by itself. Check the path in meet.toml, the network drive, and"
                " that this user may read the folder.",
            )
            return None
        self._desk.settle(FOLDER_SOURCE, "away")
        return listing

    async def _listen(self, watch: Watch) -> None:
        """Wake the scan when the system says that something changed."""
        try:
            await watch(self._notified)
        except* (OSError, RuntimeError) as failures:
            self._report_unwatched(failures)

    def _report_unwatched(self, failures: BaseExceptionGroup) -> None:
        failure: BaseException = failures
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        if isinstance(failure, FileNotFoundError):
            return  # the next listing says so better
        self._desk.report(
            FOLDER_SOURCE,
            "info",
            "watch",
            f"the system gives no notifications for {self._root}: {failure}",
            f"It is listed every {spell_duration(self._settings.rescan)} instead.",
        )

    def _notified(self, names: set[str]) -> None:
        self._desk.settle(FOLDER_SOURCE, "watch")
        if len(self._touched) < MOST_FILES:  # a disk that hangs may be told of for hours
            self._touched |= names
        self._wake.set()

    async def _scan(self, listing: Listing, touched: set[str]) -> None:
        """Act on a listing."""
        listed = {name: stat for name, stat in listing.files.items() if not is_temporary(name)}
        todo = plan(self._files, listed, self._clock(), self._settings.settle, touched)
        if listing.truncated:
            # What is missing from a listing that is cut off is not gone.
            missing = {path: self._files[path] for path in todo.gone}
            todo = todo._replace(files=todo.files | missing, gone=())
        self._files = todo.files
        self._report_oddities(listing, todo)
        for path in todo.gone:
            await self._desk.recorder.append(
                Draft(FOLDER_SOURCE, FILE_REMOVED, pack_meta(path=printable(path)))
            )
            self._settle_file(path)
        for path in todo.ready:
            await self._read(path)

    async def _read(self, path: str) -> None:
        file = self._files[path]
        stat = file.stat
        if stat is None:
            return
        if stat.size > LARGEST_FILE:
            self._report_file(
                path,
                f"has {stat.size} bytes and is not recorded",
                f"Files up to {LARGEST_FILE} bytes are. Is it a file of the meet?",
            )
            self._files[path] = after_skip(file)
            return
        try:
            version = await self._timed(partial(self._disk.read, path))
        except FileNotFoundError:
            return  # the next listing sees that it is gone
        except OSError as e:
            self._files[path] = file = after_failure(file)
            if file.failures >= READ_TRIES:
                self._report_file(
                    path,
                    f"cannot be read: {e.strerror or e}",
                    "Trying again by itself. Does another program hold it open,"
                    " or may this user not read it?",
                )
            return
        if version.stat != stat or len(version.body) != stat.size:
            self._files[path] = after_change(file, version.stat, self._clock())
            self._wake.set()
            return
        if version.sha256 != file.sha256 and not self._is_own(path, version.sha256):
            await self._desk.recorder.append(
                file_draft(FOLDER_SOURCE, printable(path), version.body, stat.mtime)
            )
        self._files[path] = after_read(file, stat, version.sha256, self._clock())
        self._settle_file(path)

    async def _timed(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call the disk, and say so while it does not answer."""
        late = asyncio.get_running_loop().call_later(seconds(SLOW_DISK), self._report_slow)
        try:
            return await call()
        finally:
            late.cancel()
            self._desk.settle(FOLDER_SOURCE, "slow")

    def _report_slow(self) -> None:
        self._desk.report(
            FOLDER_SOURCE,
            "alarm",
            "slow",
            f"the meet folder {self._root} does not answer",
            "Still waiting. Is the network drive there?",
        )

    def _report_oddities(self, listing: Listing, todo: Plan) -> None:
        if listing.truncated:
            self._desk.report(
                FOLDER_SOURCE,
                "alarm",
                "many",
                f"the meet folder {self._root} has more than {MOST_FILES} files;"
                " some are not watched",
                "Give the meet a folder of its own.",
            )
        else:
            self._desk.settle(FOLDER_SOURCE, "many")
        for path in self._noted - listing.files.keys():
            self._settle_file(path)
        for path in listing.links:
            self._report_file(
                path,
                "is a symbolic link and is not followed",
                "Put the file itself into the folder.",
            )
        for path in todo.restless:
            self._report_file(
                path,
                f"has kept changing for {spell_duration(RESTLESS)} and cannot be recorded",
                "Does another program write its log into the meet folder?",
            )

    def _report_file(self, path: str, what: str, hint: str) -> None:
        self._noted.add(path)
        text = f"{printable(path)} in the meet folder {what}"
        self._desk.report(FOLDER_SOURCE, "warning", f"file:{path}", text, hint)

    def _settle_file(self, path: str) -> None:
        self._noted.discard(path)
        self._desk.settle(FOLDER_SOURCE, f"file:{path}")


async def notifications(root: Path, changed: Changed) -> None:
    """Call `changed` with the names that the system says have changed, until cancelled.

    Raises `OSError`, or `RuntimeError` for watchfiles' own internal error.
    """
    stop = anyio.Event()

    async def stop_when_cancelled() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            # The thread that waits for the system cannot be cancelled, only asked.
            stop.set()

    async with anyio.create_task_group() as group:
        group.start_soon(stop_when_cancelled)
        try:
            async for changes in awatch(
                root, watch_filter=None, debounce=NOTIFY_DEBOUNCE, recursive=False, stop_event=stop
            ):
                changed({PurePath(path).name for _, path in changes})
        finally:
            group.cancel_scope.cancel()


def is_temporary(name: str) -> bool:
    """Whether the name is that of a file we are about to publish, before it gets its own name."""
    return name.startswith(TEMPORARY_PREFIX) or name.endswith(TEMPORARY_SUFFIX)


def printable(name: str) -> str:
    """The name as text that can be stored, whatever bytes the file system allowed in it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
