"""Group commit: one thread that makes durable, in one transaction, all that waits.

A commit costs one sync of the disk whatever it holds. While one is under
way, submissions gather; the next takes them together, in the order they
were submitted. Nobody is told that an event is in the log before it is durable.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

from store.event import Draft, Head
from store.log import BatchLog, StoreError, StoreUnavailable

# A commit is closed to further submissions at either, so that the first of
# them does not wait long for the last; one large submission may exceed them.
MAX_COMMIT_BYTES = 4 * 1024 * 1024
MAX_COMMIT_EVENTS = 2_000
# Adapters await their own submission before they read on, so what waits is at
# most connections x receive size. More is a mistake, or a folder of huge files.
MAX_PENDING_BYTES = 256 * 1024 * 1024
EVENT_OVERHEAD = 128  # what an event weighs beyond its body and meta, roughly

FIRST_RETRY = 0.05  # seconds; doubled at each further attempt
LAST_RETRY = 2.0  # seconds; soon enough after someone has freed some space

_log = logging.getLogger(__name__)


class Overrun(StoreError):  # noqa: N818 - named for the condition, like its siblings
    """More was submitted than may wait. The submitter did not await what it submitted before."""


class _Submission:
    __slots__ = ("drafts", "future", "size")

    def __init__(self, drafts: Sequence[Draft], size: int) -> None:
        self.drafts = drafts
        self.size = size
        self.future: Future[Head] = Future()
        # What was received is recorded even if nobody waits for it any more.
        self.future.set_running_or_notify_cancel()


class Commits:
    """What waits to be written to `log`, and how it is; the thread that does so is not here.

    `gather` takes what waits, and `attempt` is called until it is through.
    While the log is unavailable the batch at hand is kept and tried again for
    ever, in order: `on_stall(message)` is called once, `on_recover(seconds,
    count)` when it has been written, with the length of the stall and the
    number of events written. `monotonic_ns` measures the stall.

    Callbacks run in the writing thread and must be short; one that raises is
    logged, and a subscriber that raises is dropped. Once the log is found
    damaged every future fails with that error, so no later event is written
    after a lost one.
    """

    def __init__(
        self,
        log: BatchLog,
        *,
        on_stall: Callable[[str], object] | None = None,
        on_recover: Callable[[int, int], object] | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._log = log
        self._on_stall = on_stall
        self._on_recover = on_recover
        self._monotonic_ns = monotonic_ns
        self._queue: SimpleQueue[_Submission | None] = SimpleQueue()
        self._lock = Lock()  # guards the three below, and the order of the queue
        self._pending = 0
        self._closed = False
        self._subscribers: tuple[Callable[[Head], object], ...] = ()
        self._batch: list[_Submission] = []
        self._failure: StoreError | None = None
        self._stalled_at: int | None = None
        self._pause = FIRST_RETRY

    @property
    def pending(self) -> int:
        """The bytes that were submitted and are not written yet."""
        return self._pending

    def submit(self, drafts: Sequence[Draft]) -> Future[Head]:
        """Have `drafts` appended, contiguously; never blocks.

        The future resolves once they are durable, to the head as of their own
        last event: its position, hash and time, whatever else the commit
        held. It cannot be cancelled. It fails with `LogDamaged`, or with
        `StoreUnavailable` when the log could not be written while closing.
        Raises `ValueError` for no drafts, `Overrun`, and `StoreError` after `end`.
        """
        if not drafts:
            raise ValueError("nothing to append: every append needs at least one event")
        size = 0
        for draft in drafts:
            size += len(draft.body) + len(draft.meta) + EVENT_OVERHEAD
        submission = _Submission(drafts, size)
        with self._lock:
            if self._closed:
                raise StoreError("the log's writer is closed; nothing more can be recorded")
            if self._pending and self._pending + size > MAX_PENDING_BYTES:
                raise Overrun(
                    f"{self._pending} bytes wait to be written to the log, and {size} more would "
                    f"pass the ceiling of {MAX_PENDING_BYTES}: wait for each submission's future "
                    f"before submitting more"
                )
            self._pending += size
            self._queue.put(submission)
        return submission.future

    @property
    def failure(self) -> StoreError | None:
        """Why submissions were not written and never will be; None while none was given up."""
        return self._failure

    def subscribe(self, callback: Callable[[Head], object]) -> Callable[[], None]:
        """Call `callback(head)` after each commit, its futures resolved; returns how to stop it."""
        with self._lock:
            self._subscribers += (callback,)
        return lambda: self._unsubscribe(callback)

    def end(self) -> None:
        """Take nothing more. If the log is unavailable, what waits is not tried for ever."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)

    def gather(self) -> bool:
        """Wait for a submission, and take with it all that have come since; False at the end."""
        first = self._queue.get()
        if first is None:
            return False
        self._batch = batch = [first]
        size, count = first.size, len(first.drafts)
        while size < MAX_COMMIT_BYTES and count < MAX_COMMIT_EVENTS:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                self._queue.put(None)  # it is the last there will be; found again next time
                break
            batch.append(following)
            size += following.size
            count += len(following.drafts)
        return True

    def attempt(self) -> float | None:
        """Write the batch and tell all who wait for it.

        Returns for how many seconds to pause before another attempt, and None
        when there is no need for one.
        """
        heads: list[Head] = []
        if self._failure is None:
            try:
                heads = self._log.append_each([each.drafts for each in self._batch])
            except StoreUnavailable as error:
                if not self._closed:
                    return self._stall(error)
                self._failure = error
            except StoreError as error:
                self._failure = error
            else:
                self._recover()
        self._tell_all(heads)
        return None

    def abandon(self) -> None:
        """Nobody will write any more: whatever still waits is told so, rather than left waiting."""
        with self._lock:
            self._closed = True
        waiting = self._batch
        while True:
            try:
                submission = self._queue.get_nowait()
            except Empty:
                break
            if submission is not None:
                waiting.append(submission)
        for submission in waiting:
            if not submission.future.done():
                submission.future.set_exception(
                    StoreError("the log's writer stopped on an error of its own; restart meetlog")
                )

    def _stall(self, error: StoreUnavailable) -> float:
        if self._stalled_at is None:
            self._stalled_at, self._pause = self._monotonic_ns(), FIRST_RETRY
            _tell(self._on_stall, str(error))
        pause, self._pause = self._pause, min(2 * self._pause, LAST_RETRY)
        return pause

    def _recover(self) -> None:
        if self._stalled_at is not None:
            seconds = (self._monotonic_ns() - self._stalled_at) // 1_000_000_000
            self._stalled_at = None
            _tell(self._on_recover, seconds, sum(len(each.drafts) for each in self._batch))

    def _tell_all(self, heads: list[Head]) -> None:
        batch, self._batch = self._batch, []
        with self._lock:
            self._pending -= sum(submission.size for submission in batch)
            subscribers = self._subscribers
        if self._failure is not None:
            for submission in batch:
                submission.future.set_exception(self._failure)
            return
        for submission, head in zip(batch, heads, strict=True):
            submission.future.set_result(head)
        for callback in subscribers:
            if not _tell(callback, heads[-1]):
                self._unsubscribe(callback)

    def _unsubscribe(self, callback: Callable[[Head], object]) -> None:
        with self._lock:
            self._subscribers = tuple(c for c in self._subscribers if c is not callback)


class GroupCommit(Commits):
    """Appends submissions to `log` from one thread of its own, which starts at once.

    Between two attempts the pauses grow: `wait(seconds)` makes them, and may return early.
    """

    def __init__(
        self,
        log: BatchLog,
        *,
        on_stall: Callable[[str], object] | None = None,
        on_recover: Callable[[int, int], object] | None = None,
        wait: Callable[[float], object] | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(log, on_stall=on_stall, on_recover=on_recover, monotonic_ns=monotonic_ns)
        self._closing = Event()
        self._wait = wait or self._closing.wait
        self._thread = Thread(target=self._run, name="meetlog-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what was submitted, then stop. Calling it again does nothing.

        If the log is unavailable now, what waits is not tried for ever: its
        futures fail with `StoreUnavailable`. The log itself stays open.
        """
        self.end()
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self.gather():
                while (pause := self.attempt()) is not None:
                    self._wait(pause)
        finally:
            self.abandon()


def _tell(callback: Callable[..., object] | None, *args: Any) -> bool:
    """Call `callback`; False if it raised, which is logged. A listener must not stop the log."""
    if callback is not None:
        try:
            callback(*args)
        except Exception:  # noqa: BLE001 - it is logged, and what a listener raises is not ours to know
            _log.exception("a listener of the log's writer failed")
            return False
    return True
