"""The sink: the only code that writes files into the meet folder.

A file appears whole or not at all: it is written under a temporary name,
synced, renamed, and then the folder is synced. Programs that read the folder
look at names and read at once (PROTOCOLS 3.5), so none may ever see a half.
"""

import errno
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import sleep
from typing import NoReturn, Protocol

from exporters.errors import Collision, ExportError

TEMPORARY_PREFIX = ".meetlog-"
TEMPORARY_SUFFIX = ".tmp"
# A manager that reads a result, or a virus scanner, holds it for moments; a
# program that holds it for longer is told about.
TRIES = 10
PAUSE = 0.02  # seconds between two tries
LARGEST = 64 * 1024 * 1024  # a foreign file of our name is read to compare, but not without end

# ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION: what
# Windows says of a file that somebody has open.
_SHARING = (5, 32, 33)
# Some shares cannot sync a folder. The file's own bytes are synced there too.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
_READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)  # Windows would translate line ends
    | getattr(os, "O_NOFOLLOW", 0)  # a link in a shared folder may point anywhere
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in the place of a file must not hold us
)
_WRITE_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_TRUNC
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
_HINTS = {
    errno.ENOSPC: "The disk is full: free some space.",
    errno.EDQUOT: "The quota of this user is used up: free some space.",
    errno.ENOENT: "Is the folder still there? Check its path in meet.toml and the network drive.",
    errno.ENOTDIR: "The path in meet.toml is not a folder.",
    errno.EACCES: "May this user write to the folder? Does another program hold the file open?",
    errno.EPERM: "May this user write to the folder?",
    errno.EROFS: "The disk is read-only: check its switch or its mount.",
    errno.EISDIR: "A folder has the name of a file to be written: rename it.",
    errno.ELOOP: "A link has the name of a file to be written: remove it.",
    errno.ENAMETOOLONG: "Shorten the session's id or the event's number in the program.",
}
_HINT = "Check the disk or the network drive."


class Sink(Protocol):
    """Where published files go. Both calls raise `ExportError`."""

    def write(self, name: str, data: bytes, *, expect: Collection[str] = ()) -> None:
        """Put `data` under `name`, durable on return.

        `expect` are the SHA-256 (hex) of contents that may be there and are
        replaced; the same content may be there too. For anything else
        `Collision` is raised and it is left alone.
        """

    def read(self, name: str) -> bytes | None:
        """What is under `name` now; None when nothing is."""


class FolderSink:
    """A `Sink` on a folder, which must exist. `wait(seconds)` pauses between two tries."""

    def __init__(self, path: Path | str, *, wait: Callable[[float], None] = sleep) -> None:
        self.path = Path(path)
        self._wait = wait

    def write(self, name: str, data: bytes, *, expect: Collection[str] = ()) -> None:
        """See `Sink.write`. After a failure the old content or the new one is there, whole.

        A file that another program puts there between our look and our rename
        is overwritten; the two are next to each other, and no file system
        that shares offer does both in one step.
        """
        path = self._inside(name)
        there = self.read(name)
        if there is not None and there != data and sha256(there).hexdigest() not in expect:
            raise Collision(
                "writing",
                str(path),
                "a file that is not ours has this name, and it was left alone",
                "Move it elsewhere. If another timing system writes here, give one of the two "
                "another folder.",
            )
        temporary = self.path / f"{TEMPORARY_PREFIX}{name}{TEMPORARY_SUFFIX}"
        try:
            if there != data:
                _write_synced(temporary, data)
                self._replace(temporary, path)
            _sync_folder(self.path)
        except OSError as e:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            _fail("writing", path, e)

    def read(self, name: str) -> bytes | None:
        """See `Sink.read`. Of a file too large to be ours, only the beginning."""
        path = self._inside(name)
        try:
            with open(os.open(path, _READ_FLAGS), "rb") as file:  # noqa: PTH123 - it wraps a descriptor
                return file.read(LARGEST)
        except FileNotFoundError:
            return None
        except OSError as e:
            _fail("reading", path, e)

    def _replace(self, temporary: Path, path: Path) -> None:
        for left in range(TRIES - 1, -1, -1):
            try:
                os.replace(temporary, path)  # noqa: PTH105 - the step the faults are injected at
            except PermissionError as e:
                if not left or getattr(e, "winerror", None) not in _SHARING:
                    raise
                self._wait(PAUSE)
            else:
                return

    def _inside(self, name: str) -> Path:
        """The path of `name`, which must be the plain name of a file in the folder."""
        plain = name and name.isprintable() and not set(name) & set('/\\:*?"<>|')
        if not plain or name.startswith(".") or name.endswith((".", " ")):
            raise ExportError(
                "publishing",
                repr(name),
                "this is not the plain name of a file",
                "Check the session ids and event numbers in the program.",
            )
        return self.path / name


def _write_synced(path: Path, data: bytes) -> None:
    with open(os.open(path, _WRITE_FLAGS, 0o666), "wb") as file:  # noqa: PTH123 - it wraps a descriptor
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a folder to sync it; NTFS journals the rename
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as e:
        if e.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _fail(operation: str, path: Path, error: OSError) -> NoReturn:
    cause = error.strerror or str(error)
    raise ExportError(operation, str(path), cause, _HINTS.get(error.errno or 0, _HINT)) from error
