"""The memory engine keeps the contract."""

from pathlib import Path

import pytest

from store.event import MAX_EVENT_BYTES, Draft
from store.log import BatchLog
from store.memory import MemoryLog
from tests.kit.around import around
from tests.store.contract import Clock, LogContract


class TestMemoryLog(LogContract):
    def make(self, folder: Path, clock: Clock) -> BatchLog:  # noqa: ARG002 - it needs no folder
        return MemoryLog(clock=clock)


def test_drafts_hold_only_what_cannot_change_or_overflow() -> None:
    with pytest.raises(TypeError, match="must be bytes"):
        Draft("mat", "socket.read", b"\x80", bytearray(b"x"))  # type: ignore[arg-type]  # the mistake
    with pytest.raises(TypeError, match="must be bytes"):
        Draft("mat", "socket.read", {}, b"x")  # type: ignore[arg-type]  # the mistake
    with pytest.raises(UnicodeEncodeError):
        Draft("\ud800", "socket.read")


@around
def test_an_event_is_bounded(more: int) -> None:
    """Its body, its meta and its names together."""
    room = MAX_EVENT_BYTES - len("matsocket.read") - 1
    if more > 0:
        with pytest.raises(ValueError, match="too large"):
            Draft("mat", "socket.read", b"\x80", bytes(room + more))
    else:
        assert len(Draft("mat", "socket.read", b"\x80", bytes(room + more)).body) == room + more
