"""The projector: folds the log as it grows, publishes, and keeps the read tables.

It runs in a thread of its own, one step at a time: read some events, fold
them, settle, let the publisher consider, and from time to time write the read
tables. It never appends what arrived, so nothing waits for it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from heapq import nlargest

import msgspec
from sqlalchemy import Connection

from exporters.publisher import Publisher
from exporters.relay_queue import Queue
from meetlog.resends import ResendReceipt, resends
from projections import readtables
from projections.crossings import Passing
from projections.derived import Changes, merged
from projections.folding import CHUNK, follow
from projections.meet import Meet
from projections.views import Alarm, Crossing, Race, RelayHealth, Revision, SourceHealth
from store.log import Log, StoreUnavailable, hash_at
from wire.stamps import NS

# Small enough that a step takes some milliseconds, so that a result is out
# soon after its last read even while much arrives.
STEP_EVENTS = 500
STEP_BYTES = 4 * 1024 * 1024  # bursts are large events, and a step's reads are all in memory
TABLES_EVERY = NS // 2  # rewriting a busy heat's rows for every read would be work for nobody
# What a crash costs at the next start is folding this much again; of a meet of
# millions of reads the state is large, and is saved the less often.
SNAPSHOT_EVERY = 60 * NS
# While tables are written, appends wait. As long as events keep coming, the
# tables get no more than this part of the time, so that hardly a read waits.
TABLES_SHARE = 200
LULL = NS // 10  # nothing for so long: nobody is kept waiting
OVERVIEW_EVERY = NS // 4
# Between two steps. Steps cost much the same for one read and for forty, and
# they take the interpreter from the threads that receive and append.
REST = 2 * NS // 1000
EASY = NS // 200  # a settle that takes no longer is done in each step
IDLE = NS // 4  # how soon an append of another process is noticed
RECENT = 12
REVISIONS = 5
TABLES_ROWS = 200  # a few milliseconds, for which appends wait

Tables = Callable[[], AbstractContextManager[Connection]]


class Overview(msgspec.Struct, frozen=True):
    """How the meet stands, for a display.

    `recent` are the newest crossings, the last one last, one for each chip at
    a point; `names` those of their swimmers by id. `publishing` are those of
    the alarms that the log does not know: the publisher's, the relays'.
    """

    position: int = 0
    sources: tuple[SourceHealth, ...] = ()
    relays: tuple[RelayHealth, ...] = ()
    current: Race | None = None
    following: Race | None = None
    recent: tuple[Crossing, ...] = ()
    names: dict[str, str] = {}
    revisions: tuple[Revision, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    publishing: tuple[Alarm, ...] = ()
    quarantined: int = 0
    resends: tuple[ResendReceipt, ...] = ()


class Projector:
    """Owns the meet. All methods are called from one thread, except reading `overview`."""

    def __init__(
        self,
        log: Log,
        meet: Meet,
        publisher: Publisher,
        tables: Tables,
        clock: Callable[[], int],
        *,
        queue: Queue | None = None,
        on_crossings: Callable[[Sequence[Crossing]], None] | None = None,
        on_trouble: Callable[[str], None] = lambda _: None,
        on_folding: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> None:
        """`clock` is monotonic, ns. `on_trouble` gets words for what failed, "" when it is over.

        `on_folding` hears how far it is where other settings have the whole log folded anew.
        """
        self.meet = meet
        self.overview = Overview()
        self._log = log
        self._publisher = publisher
        self._queue = queue or Queue(log, {})
        self.most_events = STEP_EVENTS  # that one step folds
        self._limit = STEP_EVENTS
        self._tables = tables
        self._clock = clock
        self._on_crossings = on_crossings
        self._on_trouble = on_trouble
        self.on_folding = on_folding
        self._troubled = False
        self._recent: dict[tuple[str, str], Passing] = {}
        self._pending: list[Changes] = []
        self._rewrite = False
        self._writing: Iterator[bool] | None = None
        self._written = 0
        self._shown = -1
        self._settle_at = 0
        self._settled = meet.position
        self._anew = False
        self._bytes = 0
        self._tables_due = self._tables_next = self._overview_due = 0
        self._fed_at = clock()
        self._snapshot_due = self._fed_at + SNAPSHOT_EVERY

    def step(self) -> tuple[bool, int]:
        """Fold what is new, relay, and where it is time settle, publish and write tables.

        Returns whether more events wait already, and else for how long (ns)
        nothing needs to be done.
        """
        before = self.meet.position
        followed = follow(self.meet, self._log, self._limit, self.on_folding)
        # Other settings for stamps were recorded, and the whole log was folded by them.
        if followed is not self.meet:
            self._anew = self._rewrite = True
            self._snapshot_due = 0  # it took long, and a crash should not have it done again
            self._writing = None
            self._pending.clear()
        self.meet = followed
        more = self.meet.position - before >= self._limit
        self._limit = self._next_limit(self.meet.position - before)
        now = self._clock()
        if self.meet.position != before:
            self._fed_at = now
        waits: tuple[int | None, ...]
        if now < self._settle_at:
            waits = (self._queue.pass_on(self.meet, now), self._settle_at - now)
        else:
            waits = self._settle(now, more=more)
        return more, max(0, min((IDLE, *(wait for wait in waits if wait is not None))))

    def _settle(self, now: int, *, more: bool) -> tuple[int | None, ...]:
        """Work out what the events since the last time changed; for how long nothing is due."""
        changes = self.meet.settle()
        self._note(changes, self._settled, silent=self._settled == 0 or self._anew)
        self._settled, self._anew = self.meet.position, False
        begun, now = now, self._clock()
        if now - begun > EASY:
            # A race of thousands takes a while. What is relayed does not wait for it.
            self._settle_at = 2 * now - begun
        relaying = self._queue.consider(self.meet, changes, now)
        # While a backlog is folded, results would be published that the next events change.
        due = None if more else self._publisher.consider(self.meet, now)
        busy = now - self._fed_at < LULL
        if self._writing is None and now >= (self._tables_due if busy else self._tables_next):
            self._writing, self._written = self._write_tables(now >= self._snapshot_due), 0
        if self._writing is not None:
            # A portion in each step, so that results do not wait for the tables.
            self._write_portion()
        if now >= self._overview_due:
            self._look()
            self._overview_due = now + OVERVIEW_EVERY
        if self._writing is not None:
            return (0,)
        return relaying, None if due is None else due - now

    def _next_limit(self, folded: int) -> int:
        """How many events the next step takes, going by how large those of this one were."""
        received = sum(s.bytes for s in self.meet.state.health.sources.values())
        size, self._bytes = received - self._bytes, received
        if not folded or size <= 0:
            return self.most_events
        return max(1, min(self.most_events, STEP_BYTES * folded // size))

    def _write_portion(self) -> None:
        begun = self._clock()
        going_on = self._writing is not None and next(self._writing, False)
        now = self._clock()
        self._written += now - begun
        if not going_on:
            self._writing = None
            self._tables_next = now + TABLES_EVERY
            self._tables_due = now + max(TABLES_EVERY, TABLES_SHARE * self._written)

    def finish(self) -> None:
        """Fold to the head, publish what is due, and save everything for the next start."""
        # What is published in the last step belongs to what the tables show, too.
        self._exhaust()
        self._queue.conclude(self.meet)
        self._exhaust()
        while self._writing is not None:
            self._write_portion()
        for _ in self._write_tables(snapshot=True):
            pass
        self._look()

    def _exhaust(self) -> None:
        """Step until all is folded, settled and published, that included."""
        while True:
            more, _ = self.step()
            if more or self.meet.position < self._log.head().position:
                continue
            if self._settled == self.meet.position:
                return
            self._settle_at = 0

    def adopt_tables(self) -> None:
        """At the start: go on to where the tables are; if they are not of this log, they go."""
        with self._tables() as connection:
            done = readtables.checkpoint(connection)
        loaded, log = self.meet, self._log
        fits = done.hash == hash_at(log, done.position)
        while fits and self.meet is loaded and loaded.position < done.position:
            size = min(CHUNK, done.position - loaded.position)
            self.meet = follow(loaded, log, size, self.on_folding)
        self.meet.settle()
        if not fits or self.meet is not loaded or loaded.position != done.position:
            self._pending = [self.meet.everything()]
            self._rewrite = True
            self._snapshot_due = 0

    def _note(self, changes: Changes, before: int, *, silent: bool) -> None:
        if changes != Changes():
            self._pending.append(changes)
        if silent:
            return
        fresh = [
            (chip, point, passing)
            for (chip, point, _), passing in changes.crossings.items()
            if passing is not None and passing.position > before
        ]
        # Views are made when somebody looks: much can happen between two looks.
        for chip, point, passing in nlargest(RECENT, fresh, key=_moment)[::-1]:
            self._recent.pop((chip, point), None)
            self._recent[chip, point] = passing
        while len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        if self._on_crossings is not None and fresh:
            fresh.sort(key=_moment)
            self._on_crossings([self.meet.crossing(*each) for each in fresh])

    def _write_tables(self, snapshot: bool) -> Iterator[bool]:
        """Write what is pending, a portion for each True; ends when all is written or it failed."""
        if not snapshot and not self._pending and self._shown == self.meet.position:
            return
        begun = self._clock()
        # Reading may fail, and then what is pending must still be.
        position, hash_ = self.meet.position, hash_at(self._log, self.meet.position)
        taken, self._pending = self._pending, []
        state = self.meet.save() if snapshot else None
        try:
            since = 0 if self._rewrite else max(0, self._shown)
            changes = merged(taken)
            for portion in readtables.portions(self.meet, changes, hash_, TABLES_ROWS, since):
                with self._tables() as connection:
                    if self._rewrite:
                        readtables.empty(connection)
                    readtables.put(connection, portion)
                    if state is not None and portion.position is not None:
                        readtables.save_snapshot(connection, position, hash_, state)
                self._rewrite = False  # not before the transaction is through
                if portion.position is None:
                    yield True
        except StoreUnavailable as e:
            # The tables are disposable and the log is not: they catch up later.
            self._pending = [*taken, *self._pending]
            self._troubled = True
            self._on_trouble(f"The read tables are behind: {e}")
            return
        if self._troubled:
            self._troubled = False
            self._on_trouble("")
        self._shown = position
        if snapshot:
            now = self._clock()
            self._snapshot_due = now + max(SNAPSHOT_EVERY, TABLES_SHARE * (now - begun))

    def _look(self) -> None:
        meet = self.meet
        recent = tuple(meet.crossing(*where, p) for where, p in self._recent.items())
        current, following = meet.current_race(), meet.next_race()
        publishing = (*self._publisher.alarms(), *self._queue.alarms())
        self.overview = Overview(
            position=meet.position,
            sources=tuple(meet.sources()),
            relays=tuple(meet.relays()),
            current=meet.race(current) if current else None,
            following=meet.race(following) if following else None,
            recent=recent,
            names={c.swimmer: meet.name_of(c.swimmer) for c in recent if c.swimmer},
            revisions=tuple(meet.revisions(newest=REVISIONS)),
            alarms=(*meet.alarms(), *publishing),
            publishing=publishing,
            quarantined=sum(q.count for q in meet.quarantine()),
            resends=resends(meet, self.overview.resends),
        )


def _moment(told: tuple[str, str, Passing]) -> int:
    return told[2].moment


class ProjectorThread:
    """Steps a projector until told to stop; `wake` it when the log has grown."""

    def __init__(self, projector: Projector, on_failure: Callable[[BaseException], None]) -> None:
        self._projector = projector
        self._on_failure = on_failure
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self, _head: object = None) -> None:
        """There is something new. Callable from any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Finish folding what is there, save, and return when done."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._wake.clear()
                more, wait = self._projector.step()
                if not more:
                    self._stopping.wait(REST / NS)
                    self._wake.wait(wait / NS)
            self._projector.finish()
        except BaseException as e:  # noqa: BLE001 - handed to the main thread, which ends `run` with it
            self._on_failure(e)
