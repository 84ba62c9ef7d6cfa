"""New files: each appears whole under its name or not at all, and never in the place of another."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meetlog.exits import Refused

# What an SQLite database may leave beside its file.
SIDE_FILES = ("-wal", "-shm", "-journal")
PRIVATE = 0o600  # where the system has such rights; whoever wants others to read it says so
# Sticks and some shares know no second name of a file.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary file's path beside `path`; what is in it when the block ends becomes `path`.

    It must be written and synced then, and only its owner may read it: backups and
    capsules have all that was sent. If the block raises, nothing stays.
    Raises `Refused` when there is something at `path`, also if it came
    meanwhile, and `OSError` with the path for a folder that is not there.
    """
    refuse_existing(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    # So that a folder that is missing or may not be written is told by its own name.
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    try:
        yield temporary
        _publish(temporary, path)
    finally:
        for name in ("", *SIDE_FILES):
            with suppress(FileNotFoundError):
                temporary.with_name(temporary.name + name).unlink()
    _sync_folder(path.parent)


def refuse_existing(path: Path) -> None:
    """Raise `Refused` when there is a file or folder at `path`, or a database's rest beside it."""
    if os.path.lexists(path):
        raise Refused(f"{path} is there already and is left alone. Name another file.")
    for name in ("-wal", "-journal"):
        rest = path.with_name(path.name + name)
        # Who only read the log may have left an empty one.
        if rest.exists() and rest.stat().st_size:
            raise Refused(
                f"{rest} belongs to a log that was at {path}. Move it away first: "
                "it may have that log's newest events."
            )


def _publish(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)  # which fails where a file is, at the same moment
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        refuse_existing(path)
        temporary.rename(path)


def _sync_folder(path: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a folder to sync it; NTFS journals the rename
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some shares cannot; the file's own bytes are synced
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
