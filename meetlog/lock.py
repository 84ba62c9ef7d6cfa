"""The lock that one process holds on a log while it must be the only one of its kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from meetlog.exits import Refused


@contextmanager
def alone(log: Path, advice: str) -> Iterator[None]:
    """Hold the lock of `log`; raises `Refused`, with the advice, while another process does.

    The system takes the lock back when its holder dies.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(log.with_name(log.name + ".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Refused(f"A `meetlog run` is recording into {log}. {advice}") from None
    try:
        yield
    finally:
        lock.release()


def is_taken(log: Path) -> bool | None:
    """Whether a process holds the lock of `log` now; None when that cannot be found out.

    No lock file is made. One that is there is taken for an instant, as nothing else tells.
    """
    path = log.with_name(log.name + ".lock")
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
