"""The meet folder, to which several programs write: a `Disk`, a `Sink` and a `Watch`."""

import errno
import random
from collections.abc import Callable, Collection
from hashlib import sha256

import anyio
import anyio.lowlevel

from exporters.errors import Collision, ExportError
from ingest.disk import Listing, Version
from ingest.folder import Changed
from ingest.settling import Stat
from meetlog.edges import MeetFolder
from tests.simulation.life import Life

TICK = 2_000_000_000  # FAT keeps mtime in such steps


class Folder:
    """The files, whoever looks at them. `away`: the share is gone. `refusing`: writes fail."""

    def __init__(self, chance: random.Random, clock: Callable[[], int]) -> None:
        self.chance = chance
        self.files: dict[str, tuple[bytes, int]] = {}
        self.away = False
        self.refusing = ""
        self.held = False  # somebody has files open
        self.coarse = chance.random() < 0.2  # mtimes in large steps
        self.quiet = chance.random() < 0.2  # no notifications, as on many shares
        self.identity = (1, 1)
        self.before_write: Callable[[str, bytes], None] = lambda _name, _data: None
        self._clock = clock
        self._watchers: list[Changed] = []

    def put(self, name: str, data: bytes) -> None:
        """Somebody's write, or a step of it."""
        mtime = self._clock()
        if self.coarse:
            mtime = mtime // TICK * TICK
        self.files[name] = data, mtime
        self._tell(name)

    def remove(self, name: str) -> None:
        """Somebody's removal."""
        if self.files.pop(name, None) is not None:
            self._tell(name)

    def content(self, name: str) -> bytes | None:
        """What stands there."""
        found = self.files.get(name)
        return found[0] if found else None

    def vanish(self) -> None:
        """The share is gone."""
        self.away = True

    def come_back(self) -> None:
        """It is there again, for the system perhaps as another one."""
        self.away = False
        if self.chance.random() < 0.5:
            self.identity = (self.identity[0], self.identity[1] + 1)

    def open(self, life: Life) -> MeetFolder:
        """As one process sees it."""
        mine = _Opened(self, life)
        return MeetFolder(mine, _Sink(self, life), mine.watch)

    def watch(self, changed: Changed) -> None:
        """Tell of changes."""
        self._watchers.append(changed)

    def unwatch(self, changed: Changed) -> None:
        """No more."""
        self._watchers.remove(changed)

    def _tell(self, name: str) -> None:
        if self.away or self.quiet or self.chance.random() < 0.1:
            return
        for changed in list(self._watchers):
            changed({name})


class _Opened:
    def __init__(self, folder: Folder, life: Life) -> None:
        self._folder = folder
        self._life = life

    async def list(self) -> Listing:
        """See `Disk.list`."""
        folder = self._folder
        await self._take_a_moment()
        files = {name: Stat(len(body), mtime) for name, (body, mtime) in folder.files.items()}
        return Listing(files, identity=folder.identity)

    async def read(self, name: str) -> Version:
        """See `Disk.read`: another program may be writing meanwhile."""
        folder = self._folder
        await self._take_a_moment()
        body = folder.content(name)
        await self._take_a_moment()
        if body is None or name not in folder.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        now, mtime = folder.files[name]
        if len(now) > len(body) and folder.chance.random() < 0.5:
            body += now[len(body) :]  # torn: the beginning of one version, the end of another
        return Version(body, sha256(body).hexdigest(), Stat(len(now), mtime))

    async def watch(self, changed: Changed) -> None:
        """See `Watch`."""
        if self._folder.away:
            raise FileNotFoundError(errno.ENOENT, "no such folder")
        self._folder.watch(changed)
        try:
            await anyio.sleep_forever()
        finally:
            self._folder.unwatch(changed)

    async def _take_a_moment(self) -> None:
        self._life.point("looking at the folder")
        await anyio.sleep(self._folder.chance.choice((0.0, 0.0001, 0.002)))
        self._life.point("looking at the folder")
        if self._folder.away:
            raise OSError(errno.EHOSTDOWN, "the share does not answer")


class _Sink:
    """Writes whole files or none, as `FolderSink` does."""

    def __init__(self, folder: Folder, life: Life) -> None:
        self._folder = folder
        self._life = life

    def write(self, name: str, data: bytes, *, expect: Collection[str] = ()) -> None:
        """See `Sink.write`."""
        there = self.read(name)
        if there is not None and there != data and sha256(there).hexdigest() not in expect:
            raise Collision("writing", name, "a file that is not ours", "Move it elsewhere.")
        self._life.point("before a file")
        self._folder.before_write(name, data)
        if self._folder.refusing:
            raise ExportError("writing", name, self._folder.refusing, "Look at the disk.")
        if self._folder.held and self._folder.chance.random() < 0.5:
            raise ExportError("writing", name, "another program has it open", "Close it.")
        if there != data:
            self._folder.put(name, data)
        self._life.point("after a file")

    def read(self, name: str) -> bytes | None:
        """See `Sink.read`."""
        self._life.point("reading a file")
        if self._folder.away:
            raise ExportError("reading", name, "the folder is away", "Bring it back.")
        return self._folder.content(name)
