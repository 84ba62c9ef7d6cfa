"""A meet folder in memory, and what watching it records."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import anyio
import anyio.lowlevel

from ingest.disk import Listing, Version
from ingest.folder import watch_folder
from ingest.settling import Stat
from store.event import FILE_CHANGED, meta_of
from tests.kit.conditions import Conditions
from tests.kit.jumping import loop_clock
from tests.kit.recorders import HeldRecorder, desk_on
from wire.settings import FolderSettings

PROGRAM = "meet_program.json"
ROOT = Path("the meet folder")


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()


class FakeDisk:
    """A folder in memory. `broken` and `unreadable` are what its calls raise."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, int]] = {}
        self.links: tuple[str, ...] = ()
        self.broken: OSError | None = None
        self.unreadable: dict[str, OSError] = {}
        self.before_read: Callable[[], None] = lambda: None
        self.identity = (1, 1)
        self.truncated = False
        self.answers = True
        self.listed = 0
        self.was_read: list[str] = []
        self._mtime = 0
        self._conditions = Conditions()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`, which is asked at each listing and each read."""
        await self._conditions.until(holds)

    def write(self, name: str, body: bytes) -> None:
        self._mtime += 1
        self.files[name] = body, self._mtime

    async def list(self) -> Listing:
        self.listed += 1
        self._conditions.look()
        if not self.answers:
            await anyio.sleep_forever()
        if self.broken:
            raise self.broken
        files = {name: Stat(len(body), mtime) for name, (body, mtime) in self.files.items()}
        await anyio.lowlevel.checkpoint()
        return Listing(files, self.links, self.truncated, self.identity)

    async def read(self, name: str) -> Version:
        self.was_read.append(name)
        self._conditions.look()
        if name in self.unreadable:
            raise self.unreadable[name]
        if name not in self.files:
            raise FileNotFoundError(name)
        body, _ = self.files[name]
        self.before_read()
        await anyio.lowlevel.checkpoint()
        now_body, mtime = self.files[name]
        return Version(body, digest(body), Stat(len(now_body), mtime))


class Watched:
    """A folder that is being watched: its disk, what it recorded, what it said."""

    def __init__(self, disk: FakeDisk) -> None:
        self.disk = disk
        self.recorder = HeldRecorder()
        self.desk, self.board = desk_on(self.recorder)
        self.own: set[tuple[str, str]] = set()
        self._changed: Callable[[set[str]], None] = lambda _names: None
        self.watches = 0

    async def notify(self, changed: Callable[[set[str]], None]) -> None:
        self.watches += 1
        self._changed = changed
        await anyio.sleep_forever()

    def tell(self, *names: str) -> None:
        """The system says that these files changed."""
        self._changed(set(names))

    def bodies(self, name: str = PROGRAM) -> list[bytes]:
        changed = self.recorder.of(FILE_CHANGED)
        return [event.body for event in changed if meta_of(event)["path"] == name]

    async def until_body(self, body: bytes, name: str = PROGRAM) -> None:
        await self.recorder.until(lambda: body in self.bodies(name))

    async def pass_time(self, scans: int = 3) -> None:
        """Wait until the folder has been listed so many times more."""
        after = self.disk.listed + scans
        await self.disk.until(lambda: self.disk.listed >= after)


@asynccontextmanager
async def watching(
    disk: FakeDisk, versions: dict[str, str] | None = None, settings: FolderSettings | None = None
) -> AsyncIterator[Watched]:
    watched = Watched(disk)
    async with anyio.create_task_group() as group:
        group.start_soon(
            partial(
                watch_folder,
                settings or FolderSettings(),
                ROOT,
                watched.desk,
                versions or {},
                lambda path, sha: (path, sha) in watched.own,
                disk=disk,
                watch=watched.notify,
                clock=loop_clock,
            )
        )
        yield watched
        group.cancel_scope.cancel()
