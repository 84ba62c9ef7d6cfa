import threading
from collections.abc import Sequence
from hashlib import sha256

import anyio
import pytest

from ingest.recorder import GroupCommitRecorder, record_file_version
from store.event import FILE_CHANGED, SOCKET_READ, Draft, Head, meta_of
from store.log import StoreError, StoreUnavailable
from store.memory import MemoryLog
from store.writer import GroupCommit
from tests.kit.recorders import HeldRecorder

pytestmark = pytest.mark.anyio


def draft(body: bytes) -> Draft:
    return Draft("finish", SOCKET_READ, body=body)


class FullDisk(MemoryLog):
    """A log that cannot be written until there is space."""

    def __init__(self) -> None:
        super().__init__()
        self.space = threading.Event()

    def append_each(self, groups: Sequence[Sequence[Draft]]) -> list[Head]:
        if not self.space.is_set():
            raise StoreUnavailable("the disk is full")
        return super().append_each(groups)


async def test_append_returns_when_the_drafts_are_in_the_log() -> None:
    log = MemoryLog()
    writer = GroupCommit(log)
    recorder = GroupCommitRecorder(writer)

    assert (await recorder.append(draft(b"a"), draft(b"b"))).position == 2
    assert [event.body for event in log.read()] == [b"a", b"b"]
    assert (await recorder.append(draft(b"c"))) == log.head()
    writer.close()


async def test_while_the_disk_is_full_append_does_not_return_and_then_it_does() -> None:
    log = FullDisk()
    stalled, recovered = threading.Event(), threading.Event()
    writer = GroupCommit(
        log,
        on_stall=lambda _message: stalled.set(),
        on_recover=lambda _seconds, _count: recovered.set(),
        wait=lambda _seconds: log.space.wait(),
    )
    done: list[Head] = []

    async def append() -> None:
        done.append(await GroupCommitRecorder(writer).append(draft(b"a")))

    async with anyio.create_task_group() as group:
        group.start_soon(append)
        await anyio.to_thread.run_sync(stalled.wait)
        await anyio.wait_all_tasks_blocked()
        assert done == []
        log.space.set()
    assert [head.position for head in done] == [1]
    assert recovered.is_set()
    writer.close()


async def test_what_was_handed_over_is_recorded_though_nobody_waits_any_more() -> None:
    log = FullDisk()
    stalled = threading.Event()
    writer = GroupCommit(
        log, on_stall=lambda _message: stalled.set(), wait=lambda _seconds: log.space.wait()
    )
    recorder = GroupCommitRecorder(writer)
    async with anyio.create_task_group() as group:
        group.start_soon(recorder.append, draft(b"first"))
        await anyio.to_thread.run_sync(stalled.wait)
        group.start_soon(recorder.append, draft(b"second"))
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    log.space.set()
    await recorder.append(draft(b"third"))

    assert [event.body for event in log.read()] == [b"first", b"second", b"third"]
    writer.close()


async def test_a_log_that_is_closed_says_so() -> None:
    writer = GroupCommit(MemoryLog())
    writer.close()

    with pytest.raises(StoreError, match="closed"):
        await GroupCommitRecorder(writer).append(draft(b"a"))


async def test_a_file_version_is_recorded_when_it_differs_from_the_last() -> None:
    recorder = HeldRecorder()

    async def record(body: bytes, last: bytes | None) -> Head | None:
        known = sha256(last).hexdigest() if last is not None else None
        return await record_file_version(
            recorder, "settings", "meet.toml", body, mtime=5, last_sha256=known
        )

    assert await record(b"[meet]", None) is not None
    assert await record(b"[meet]", b"[meet]") is None
    assert await record(b"[meet]\n", b"[meet]") is not None
    assert [event.body for event in recorder.of(FILE_CHANGED)] == [b"[meet]", b"[meet]\n"]
    first = recorder.events[0]
    assert first.source == "settings"
    assert meta_of(first) == {"path": "meet.toml", "mtime": 5, "size": 6}
