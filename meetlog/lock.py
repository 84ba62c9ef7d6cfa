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
