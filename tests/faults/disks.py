"""Small disks that are real ones: file systems in memory, which only root can mount."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

MB = 1024 * 1024
BALLAST = ".ballast"


class SmallDisk:
    """A file system of `megabytes` at `path`."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        self.megabytes = megabytes

    def mount(self) -> None:
        """Put a new, empty one there."""
        _run("mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "meetlog", str(self.path))

    def unmount(self, *, lazily: bool = False) -> None:
        """Take it away; `lazily` also from those who still have files of it open."""
        _run("umount", *(["--lazy"] if lazily else []), str(self.path))

    def remount(self, option: str) -> None:
        """Change it: `ro`, `rw`."""
        _run("mount", "-o", f"remount,{option}", str(self.path))

    def move(self, to: Path) -> None:
        """Have it at another path."""
        _run("mount", "--move", str(self.path), str(to))

    def fill(self, but: int = 0) -> None:
        """Leave no more than so many bytes free."""
        with (self.path / BALLAST).open("ab") as file:
            while (free := self.free()) > but:
                try:
                    os.posix_fallocate(file.fileno(), file.tell(), free - but)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    break
                file.seek(0, os.SEEK_END)

    def empty(self) -> None:
        """Free what was filled."""
        (self.path / BALLAST).unlink()

    def free(self) -> int:
        """How many bytes are free."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize


@contextmanager
def small_disk(path: Path, megabytes: int = 24) -> Iterator[SmallDisk]:
    """A disk at `path`, which is made; taken away at the end. Who may not mount skips the test.

    In CI, which runs as root, it is never skipped.
    """
    disk = SmallDisk(path, megabytes)
    path.mkdir()
    try:
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"this user may not mount a file system here: {error}")
    try:
        yield disk
    finally:
        with suppress(subprocess.CalledProcessError):  # a test may have taken it away
            disk.unmount(lazily=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
