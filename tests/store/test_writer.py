"""Group commit: durable before it is told, in order, patient, and never silent."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from itertools import count
from threading import Event, Semaphore, Thread

import pytest

from store import writer as writer_module
from store.event import Draft, Head
from store.log import BatchLog, LogDamaged, StoreError, StoreUnavailable
from store.memory import MemoryLog
from store.verify import verify
from store.writer import EVENT_OVERHEAD, FIRST_RETRY, LAST_RETRY, GroupCommit, Overrun
from tests.kit.around import around

SECOND = 1_000_000_000


class GatedLog(MemoryLog):
    """A memory log whose commits wait for `gate`, note their sizes, and fail as `failures` say."""

    def __init__(self, *, open_gate: bool = False) -> None:
        super().__init__(clock=count(1_000).__next__)
        self.gate = Semaphore(1_000_000 if open_gate else 0)
        self.entered = Semaphore(0)
        self.commits: list[int] = []
        self.failures: list[Exception] = []

    def append_each(self, groups: Sequence[Sequence[Draft]]) -> list[Head]:
        self.entered.release()
        self.gate.acquire()
        if self.failures:
            raise self.failures.pop(0)
        self.commits.append(len(groups))
        return super().append_each(groups)


def drafts(*bodies: bytes) -> list[Draft]:
    return [Draft("mat", "socket.read", body=body) for body in bodies]


@contextmanager
def closing(writer: GroupCommit, log: GatedLog) -> Iterator[GroupCommit]:
    """Opens the gate and closes the writer, whatever the test found."""
    try:
        yield writer
    finally:
        log.gate.release(1_000_000)
        writer.close()


def results(futures: Sequence["Future[Head]"]) -> list[Head]:
    return [future.result(timeout=30) for future in futures]


def bodies(log: BatchLog) -> list[bytes]:
    return [e.body for e in log.read(limit=100_000)]


def test_a_future_resolves_after_the_commit_to_its_own_head() -> None:
    log = GatedLog()
    with closing(GroupCommit(log), log) as writer:
        first = writer.submit(drafts(b"a"))
        log.entered.acquire()
        assert not first.done(), "told before it was durable"
        second, third = writer.submit(drafts(b"b", b"c")), writer.submit(drafts(b"d"))
        log.gate.release(2)
        heads = results([first, second, third])
    events = log.read()
    assert heads == [(e.position, e.hash, e.recorded_at) for e in (events[0], *events[2:])]
    assert log.commits == [1, 2], "what waited went in together"


def test_commits_are_closed_at_their_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("MAX_COMMIT_EVENTS", 3), ("MAX_COMMIT_BYTES", 1_000)):
        with monkeypatch.context() as patch:
            patch.setattr(writer_module, name, value)
            log = GatedLog()
            with closing(GroupCommit(log), log) as writer:
                futures = [writer.submit(drafts(b"first"))]
                log.entered.acquire()
                futures += [writer.submit(drafts(bytes(300))) for _ in range(6)]
                log.gate.release(100)
                results(futures)
            assert log.commits == [1, 3, 3]


def test_many_threads_keep_their_own_order() -> None:
    log = GatedLog(open_gate=True)
    with closing(GroupCommit(log), log) as writer:

        def submit(name: bytes) -> None:
            wait([writer.submit(drafts(b"%s %d" % (name, n))) for n in range(300)])

        threads = [Thread(target=submit, args=(name,)) for name in (b"x", b"y", b"z")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for name in (b"x", b"y", b"z"):
        own = [b for b in bodies(log) if b.startswith(name)]
        assert own == [b"%s %d" % (name, n) for n in range(300)]
    assert verify(log).ok


def test_a_stall_is_told_once_and_ends_by_itself_in_order() -> None:
    log = GatedLog(open_gate=True)
    log.failures = [StoreUnavailable("disk is full")] * 9
    told: list[tuple[object, ...]] = []
    pauses: list[float] = []
    now = count(0, 7 * SECOND).__next__
    writer = GroupCommit(
        log,
        on_stall=lambda message: told.append(("stall", message)),
        on_recover=lambda seconds, events: told.append(("recover", seconds, events)),
        wait=pauses.append,
        monotonic_ns=now,
    )
    with closing(writer, log):
        results([writer.submit(drafts(b"a", b"b"))])
        assert told == [("stall", "disk is full"), ("recover", 7, 2)]
        assert pauses[:3] == [FIRST_RETRY, 2 * FIRST_RETRY, 4 * FIRST_RETRY]
        assert len(pauses) == 9
        assert max(pauses) == LAST_RETRY
        log.failures = [StoreUnavailable("locked")]
        results([writer.submit(drafts(b"c"))])
    assert told[2:] == [("stall", "locked"), ("recover", 7, 1)]
    assert bodies(log) == [b"a", b"b", b"c"]


def test_closing_drains_what_was_submitted() -> None:
    log = GatedLog()
    writer = GroupCommit(log)
    futures = [writer.submit(drafts(b"%d" % n)) for n in range(10)]
    log.gate.release(100)
    writer.close()
    writer.close()
    assert all(future.done() for future in futures)
    assert bodies(log) == [b"%d" % n for n in range(10)]
    with pytest.raises(StoreError, match="closed"):
        writer.submit(drafts(b"late"))


def test_closing_during_a_stall_ends_it_and_says_what_was_not_written() -> None:
    log = GatedLog(open_gate=True)
    log.failures = [StoreUnavailable("disk is full") for _ in range(1_000)]
    stalled = Event()
    writer = GroupCommit(log, on_stall=lambda _: stalled.set())
    first = writer.submit(drafts(b"a"))
    stalled.wait(30)
    second = writer.submit(drafts(b"b"))
    writer.close()
    for future in (first, second):
        with pytest.raises(StoreUnavailable, match="disk is full"):
            future.result(timeout=0)
    assert bodies(log) == []


def test_damage_fails_everything_from_there_on() -> None:
    log = GatedLog(open_gate=True)
    log.failures = [LogDamaged("page 7")]
    with closing(GroupCommit(log), log) as writer:
        for body in (b"a", b"b"):
            with pytest.raises(LogDamaged, match="page 7"):
                writer.submit(drafts(body)).result(timeout=30)
    assert bodies(log) == []


def test_submissions_cannot_be_cancelled() -> None:
    log = GatedLog()
    with closing(GroupCommit(log), log) as writer:
        blocker, future = writer.submit(drafts(b"a")), writer.submit(drafts(b"b"))
        assert not future.cancel()
        log.gate.release(2)
        results([blocker, future])
    assert bodies(log) == [b"a", b"b"]


@around
@pytest.mark.parametrize(("name", "most"), [("MAX_COMMIT_EVENTS", 7), ("MAX_COMMIT_BYTES", 5000)])
def test_a_commit_ends_with_what_reaches_its_ceiling(
    monkeypatch: pytest.MonkeyPatch, name: str, most: int, more: int
) -> None:
    monkeypatch.setattr(writer_module, name, most)
    log = GatedLog()
    size = most + more - len(Draft("mat", "socket.read").meta) - EVENT_OVERHEAD
    bodies = [b"x"] * (most + more) if name == "MAX_COMMIT_EVENTS" else [bytes(size)]
    with closing(GroupCommit(log), log) as writer:
        futures = [writer.submit(drafts(b"first"))]
        log.entered.acquire()
        futures.append(writer.submit(drafts(*bodies)))
        futures.append(writer.submit(drafts(b"last")))
        log.gate.release(3)
        results(futures)
    assert log.commits == ([1, 2] if more < 0 else [1, 1, 1])


@around
def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    log = GatedLog()
    size = 1_000 + len(Draft("mat", "socket.read").meta) + EVENT_OVERHEAD
    monkeypatch.setattr(writer_module, "MAX_PENDING_BYTES", 2 * size - more)
    with closing(GroupCommit(log), log) as writer:
        futures = [writer.submit(drafts(bytes(1_000)))]
        if more > 0:
            with pytest.raises(Overrun, match=r"wait for each submission's future"):
                writer.submit(drafts(bytes(1_000)))
        else:
            futures.append(writer.submit(drafts(bytes(1_000))))
        log.gate.release(2)
        results(futures)


def test_misuse_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_PENDING_BYTES", 1_000)
    log = GatedLog()
    with closing(GroupCommit(log), log) as writer:
        with pytest.raises(ValueError, match="nothing to append"):
            writer.submit([])
        large = writer.submit(drafts(bytes(5_000)))  # alone, it may pass the ceiling
        with pytest.raises(Overrun, match=r"wait for each submission's future"):
            writer.submit(drafts(b"more"))
        log.gate.release(2)
        results([large])
        results([writer.submit(drafts(b"fits again"))])


def test_subscribers_learn_each_new_head() -> None:
    log = GatedLog(open_gate=True)
    heads: list[Head] = []
    with closing(GroupCommit(log), log) as writer:
        stop = writer.subscribe(heads.append)
        first = results([writer.submit(drafts(b"a", b"b"))])
        # The subscriber is called after the futures: the next commit is surely later.
        results([writer.submit(drafts(b"c"))])
        assert heads[:1] == first
        stop()
        results([writer.submit(drafts(b"d"))])
    assert [h.position for h in heads] in ([2], [2, 3])


def test_a_listener_that_raises_does_not_stop_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log = GatedLog(open_gate=True)
    log.failures = [StoreUnavailable("busy")]
    calls: list[Head] = []

    def fail(head: object) -> None:
        raise RuntimeError(f"the loop is closed at {head}")

    def wrong(head: Head) -> None:
        calls.append(head)
        fail(head)

    writer = GroupCommit(log, on_stall=fail, wait=lambda _: None)
    with closing(writer, log), caplog.at_level(logging.ERROR):
        writer.subscribe(wrong)
        for body in (b"a", b"b", b"c"):
            results([writer.submit(drafts(body))])
    assert bodies(log) == [b"a", b"b", b"c"]
    assert len(calls) == 1, "dropped after its first mistake"
    assert len(caplog.records) == 2


def test_a_dying_writer_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    died: list[object] = []
    hook: Callable[[object], None] = died.append
    monkeypatch.setattr("threading.excepthook", hook)
    log = GatedLog()
    log.failures = [ZeroDivisionError("our own mistake")]
    writer = GroupCommit(log)
    futures = [writer.submit(drafts(b"a")), writer.submit(drafts(b"b"))]
    log.gate.release(10)
    for future in futures:
        with pytest.raises(StoreError, match="restart meetlog"):
            future.result(timeout=30)
    with pytest.raises(StoreError, match="closed"):
        writer.submit(drafts(b"c"))
    writer.close()
    assert len(died) == 1
