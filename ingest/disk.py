"""The disk: listing and reading the meet folder, which may be a share that hangs or vanishes."""

import os
import stat as modes
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

import anyio.to_thread

from ingest.settling import Stat

# Programs of the largest meets have some hundred kilobytes; what is larger is
# no file of Time Drops, and reading it would hold up the folder.
LARGEST_FILE = 16 * 1024 * 1024
# A meet of 500 races with a few revisions each stays below 5000.
MOST_FILES = 20_000

_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)  # Windows would translate line ends
    | getattr(os, "O_NOFOLLOW", 0)  # see `Listing.links`
    | getattr(os, "O_NONBLOCK", 0)  # a pipe put in the place of a file must not hold us
)


class Listing(NamedTuple):
    """The plain files of the folder, and what stands there but is not read.

    `links` are symbolic links: following them would let whoever can write to
    the folder have any file of this machine recorded. `truncated` says that
    there are more than `MOST_FILES`, links counted too. `identity` changes when
    another folder takes the place of this one.
    """

    files: dict[str, Stat]
    links: tuple[str, ...] = ()
    truncated: bool = False
    identity: tuple[int, int] = (0, 0)


class Version(NamedTuple):
    """A file's bytes, their SHA-256 in hex, and its stat after they were read."""

    body: bytes
    sha256: str
    stat: Stat


class Disk(Protocol):
    """A folder, not its subfolders. Both calls raise `OSError`."""

    async def list(self) -> Listing:
        """All files by name, as their names are on disk."""

    async def read(self, name: str) -> Version:
        """The whole file, up to `LARGEST_FILE` bytes and one more."""


class FolderDisk:
    """A `Disk` on a real folder. A call that hangs does not hold up a shutdown."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def list(self) -> Listing:
        """See `Disk.list`."""
        return await anyio.to_thread.run_sync(list_folder, self._root, abandon_on_cancel=True)

    async def read(self, name: str) -> Version:
        """See `Disk.read`."""
        return await anyio.to_thread.run_sync(
            read_version, self._root / name, abandon_on_cancel=True
        )


def list_folder(root: Path) -> Listing:
    """The files in `root`. Raises `OSError` when it is not there or cannot be listed."""
    here = root.stat()
    files: dict[str, Stat] = {}
    links: list[str] = []
    truncated = False
    with os.scandir(root) as entries:
        for entry in entries:
            full = len(files) + len(links) >= MOST_FILES
            if entry.is_symlink():
                if full:
                    truncated = True
                    break
                links.append(entry.name)
                continue
            try:
                # Not the entry's own stat: Windows keeps stale sizes there
                # while a writer has the file open.
                info = os.stat(entry.path, follow_symlinks=False)  # noqa: PTH116 - no Path per file
            except FileNotFoundError:
                continue
            if not modes.S_ISREG(info.st_mode):
                continue
            if full:
                truncated = True
                break
            files[entry.name] = Stat(info.st_size, info.st_mtime_ns)
    return Listing(files, tuple(sorted(links)), truncated, (here.st_dev, here.st_ino))


def read_version(path: Path) -> Version:
    """The whole file. Raises `OSError`, also when `path` is no plain file any more."""
    handle = os.open(path, _OPEN_FLAGS)
    with os.fdopen(handle, "rb") as file:
        if not modes.S_ISREG(os.fstat(handle).st_mode):
            raise FileNotFoundError(f"{path} is no longer a file")
        body = file.read(LARGEST_FILE + 1)
    # By name, as in the listing: a share may answer differently for an open file,
    # and another file may have taken the name.
    info = path.stat(follow_symlinks=False)
    return Version(body, sha256(body).hexdigest(), Stat(info.st_size, info.st_mtime_ns))
