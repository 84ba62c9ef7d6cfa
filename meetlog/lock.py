"""The lock that one process holds on a log while it must be the only one of its kind."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from meetlog.exits import Refused
from projections.clock import iso_local
from wire.stamps import NS

_LONGEST = 200  # bytes of what a holder says of itself


@contextmanager
def alone(log: Path, advice: str) -> Iterator[None]:
    """Hold the lock of `log`; raises `Refused`, with the advice, while another process does.

    The system takes the lock back when its holder dies. Whatever link leads to
    the log, its lock is the same. A log of two names (hard links) is refused:
    the newest events stand in a file beside it that is called by its name, so
    under each name there would be other ones.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    _refuse_two_names(log)
    path = _path_of(log)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Refused(f"A `meetlog run` is recording into {log}{_holder(path)}. {advice}") from None
    try:
        with suppress(OSError):  # it helps to find the holder, no more
            now = iso_local(time.time_ns() // NS * NS, "UTC")
            path.write_text(f"process {os.getpid()}, since {now}", "ascii")
        yield
    finally:
        lock.release()


def is_taken(log: Path) -> bool | None:
    """Whether a process holds the lock of `log` now; None when that cannot be found out.

    No lock file is made. One that is there is taken for an instant, as nothing else tells.
    """
    path = _path_of(log)
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return None
    lock.release()
    return False


def _path_of(log: Path) -> Path:
    real = log.resolve()
    return real.with_name(real.name + ".lock")


def _holder(path: Path) -> str:
    """What the holder says of itself, in brackets; "" where the system keeps others from it."""
    try:
        with path.open(encoding="ascii") as file:
            told = file.read(_LONGEST)
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({told})" if told.isprintable() and told else ""


def _refuse_two_names(log: Path) -> None:
    try:
        names = log.stat().st_nlink
    except OSError:
        return  # it is not there yet, or what opens it says more
    if names > 1:
        raise Refused(
            f"{log} has another name too (a hard link), and its newest events would be kept "
            "under one name only. Remove the other name; for a copy, use `meetlog backup`."
        )
