"""The contract every engine keeps. An engine joins by subclassing `LogContract` and `make`."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.event import EMPTY_HEAD, GENESIS, SOCKET_READ, Draft, chain_hash, meta_of, pack_meta
from store.log import BATCH, BatchLog, Conflict, StoreError
from store.verify import Verdict, verify
from tests.kit.around import around

Clock = Callable[[], int]
Make = Callable[[Clock], BatchLog]

drafts = st.builds(
    Draft,
    st.sampled_from(["finish-mat", "operator", "piscina-größe"]),
    st.sampled_from(["socket.read", "statement", "file.changed"]),
    st.dictionaries(st.text(max_size=5), st.integers(0, 9), max_size=2).map(
        lambda fields: pack_meta(**fields)
    ),
    st.binary(max_size=40),
)


def read_of(body: bytes, kind: str = "socket.read") -> Draft:
    return Draft("finish-mat", kind, pack_meta(connection=1), body)


def ticking() -> Clock:
    return count(1_000).__next__


class LogContract:
    """Subclasses say how a log is made; each call of the fixture's value makes a new, empty one."""

    def make(self, folder: Path, clock: Clock) -> BatchLog:
        raise NotImplementedError

    @pytest.fixture
    def new(self, tmp_path: Path) -> Iterator[Make]:
        made: list[BatchLog] = []

        def make(clock: Clock) -> BatchLog:
            folder = tmp_path / str(len(made))
            folder.mkdir()
            made.append(self.make(folder, clock))
            return made[-1]

        yield make
        for log in made:
            log.close()

    @pytest.fixture
    def log(self, new: Make) -> BatchLog:
        return new(ticking())

    def test_new_log_is_empty(self, log: BatchLog) -> None:
        assert log.head() == EMPTY_HEAD
        assert log.read() == []
        assert verify(log).ok

    def test_positions_are_contiguous_from_one_in_the_order_given(self, log: BatchLog) -> None:
        first = log.append([read_of(b"a"), read_of(b"b")])
        second = log.append([read_of(b"c")])
        events = log.read()
        assert [(e.position, e.body) for e in events] == [(1, b"a"), (2, b"b"), (3, b"c")]
        assert (first.position, second.position) == (2, 3)
        assert log.head() == second == (3, events[2].hash, events[2].recorded_at)

    def test_hash_chains_each_row_to_the_one_before(self, log: BatchLog) -> None:
        log.append([read_of(b"a"), read_of(b"b")])
        log.append([read_of(b"c")])
        previous = GENESIS
        for e in log.read():
            assert e.hash == chain_hash(
                previous, e.position, e.recorded_at, e.source, e.kind, e.meta, e.body
            )
            previous = e.hash

    @pytest.mark.parametrize(
        "body", [b"", b"\0", b"\0a\0", b"\xff\xfe\r\n", bytes(range(256)), b"\xa5" * (1 << 20)]
    )
    def test_bytes_are_kept_exactly(self, log: BatchLog, body: bytes) -> None:
        meta = pack_meta(path="Größe 🏊.json", peer="\0", n=-1, raw=b"\0\xff")
        log.append([Draft("mat\N{BULLET}1", "file.changed", meta, body)])
        (event,) = log.read()
        assert (event.source, event.kind, event.meta, event.body) == (
            "mat\N{BULLET}1", "file.changed", meta, body,
        )  # fmt: skip
        assert meta_of(event) == {"path": "Größe 🏊.json", "peer": "\0", "n": -1, "raw": b"\0\xff"}
        assert type(event.body) is bytes

    def test_empty_append_is_refused(self, log: BatchLog) -> None:
        for attempt in (lambda: log.append([]), lambda: log.append_each([])):
            with pytest.raises(ValueError, match="nothing to append"):
                attempt()
        with pytest.raises(ValueError, match="nothing to append"):
            log.append_each([[read_of(b"a")], []])
        assert log.head() == EMPTY_HEAD

    def test_time_never_decreases_when_the_clock_runs_backwards(self, new: Make) -> None:
        times = iter([500, 300, 400, 600])
        log = new(lambda: next(times))
        for _ in range(4):
            log.append([read_of(b"")])
        assert [e.recorded_at for e in log.read()] == [500, 500, 500, 600]
        assert verify(log).ok

    def test_after_appends_only_at_that_head(self, log: BatchLog) -> None:
        head = log.append([read_of(b"a")], after=0)
        with pytest.raises(Conflict, match="position 0, but the log is at 1") as caught:
            log.append([read_of(b"b"), read_of(b"c")], after=0)
        assert caught.value.head == head
        assert [e.body for e in log.read()] == [b"a"]
        assert log.append([read_of(b"b")], after=1).position == 2

    def test_groups_go_in_together_and_each_learns_its_own_head(self, log: BatchLog) -> None:
        log.append([read_of(b"first")])
        heads = log.append_each([[read_of(b"a"), read_of(b"b")], [read_of(b"c")]])
        events = log.read()
        assert heads == [(e.position, e.hash, e.recorded_at) for e in (events[2], events[3])]
        assert log.head() == heads[-1]

    def test_a_batch_that_fails_half_way_leaves_nothing(self, log: BatchLog) -> None:
        log.append([read_of(b"a")])

        class Sabotage(list[Draft]):
            """A sequence whose second event cannot be fetched."""

            def __iter__(self) -> Iterator[Draft]:
                yield read_of(b"b")
                raise InterruptedError("half-way")

        with pytest.raises(InterruptedError):
            log.append(Sabotage([read_of(b"b"), read_of(b"c")]))
        assert [e.body for e in log.read()] == [b"a"]
        assert log.append([read_of(b"d")]).position == 2
        assert verify(log).ok

    def test_reading_pages_by_position(self, log: BatchLog) -> None:
        log.append([read_of(b"%d" % n) for n in range(10)])
        assert [e.position for e in log.read(3, 4)] == [4, 5, 6, 7]
        assert [e.position for e in log.read(8, 4)] == [9, 10]
        assert log.read(10) == log.read(99) == []
        assert len(log.read(-5)) == len(log.read(-(1 << 63))) == 10

    def test_kinds_choose(self, log: BatchLog) -> None:
        kinds = ["socket.read", "statement", "app.started", "socket.read", "statement"]
        log.append([read_of(b"", kind) for kind in kinds])

        def positions(*kinds: str, after: int = 0, limit: int = 100) -> list[int]:
            return [e.position for e in log.read(after, limit, kinds=kinds)]

        assert positions("statement") == [2, 5]
        assert positions("statement", "app.started", "statement") == [2, 3, 5]
        assert positions("app.started", "statement", limit=2) == [2, 3]
        assert positions("app.started", "statement", after=2) == [3, 5]
        assert positions("socket.read", "statement") == [1, 2, 4, 5]
        assert positions("socket.read") == [1, 4]
        assert positions("no.such") == []

    def test_racing_writers_never_fork_or_interleave_a_batch(self, log: BatchLog) -> None:
        barrier = Barrier(3)

        def write(name: bytes) -> None:
            barrier.wait()
            for n in range(40):
                log.append([read_of(b"%s %d" % (name, n)), read_of(b"%s %d" % (name, n))])

        threads = [Thread(target=write, args=(name,)) for name in (b"x", b"y", b"z")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bodies = [e.body for e in log.read(limit=1_000)]
        assert bodies[::2] == bodies[1::2], "a batch was interleaved"
        for name in (b"x", b"y", b"z"):
            own = [b for b in bodies[::2] if b.startswith(name)]
            assert own == [b"%s %d" % (name, n) for n in range(40)]
        assert verify(log).ok

    def test_large_bodies_make_a_page_shorter_and_leave_nothing_out(self, log: BatchLog) -> None:
        many, size = 3 * BATCH, 1000
        log.append([Draft("mat", SOCKET_READ, b"", bytes(size)) for _ in range(many)])
        for most in (0, 1, 10 * size, many * size - 1):
            page = log.read(0, many, most_bytes=most)
            assert 0 < len(page) <= most // size + BATCH
            found: list[object] = []
            after = 0
            while some := log.read(after, many, most_bytes=most):
                found += some
                after = some[-1].position
            assert found == log.read(0, many)
        assert len(log.read(0, many, most_bytes=many * size)) == many
        assert len(log.read(0, 5, most_bytes=many * size)) == 5

    @around
    def test_a_page_goes_on_until_it_has_its_bytes(self, log: BatchLog, more: int) -> None:
        log.append([Draft("mat", SOCKET_READ, b"", bytes(10)) for _ in range(2 * BATCH)])
        assert (len(log.read(0, 2 * BATCH, most_bytes=10 * BATCH - more)) > BATCH) == (more <= 0)

    def test_tailing_reader_sees_no_gap_and_no_repeat(self, log: BatchLog) -> None:
        done, seen = Event(), list[int]()

        def tail() -> None:
            last = False
            while True:
                page = log.read(seen[-1] if seen else 0, 7)
                seen.extend(e.position for e in page)
                if not page and last:
                    return
                last = done.is_set()

        def write() -> None:
            for _ in range(100):
                log.append([read_of(b"a")] * 3)

        reader, writers = Thread(target=tail), [Thread(target=write) for _ in range(2)]
        reader.start()
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        done.set()
        reader.join()
        assert seen == list(range(1, 601))

    def test_what_was_appended_is_what_is_read(self, log: BatchLog) -> None:
        @settings(max_examples=25, deadline=None)
        @given(st.lists(st.lists(st.lists(drafts, min_size=1, max_size=3), min_size=1, max_size=3)))
        def holds(commits: list[list[list[Draft]]]) -> None:
            before = log.head().position
            for groups in commits:
                log.append_each(groups)
            submitted = [d for groups in commits for group in groups for d in group]
            events = log.read(before, 10_000)
            assert [Draft(e.source, e.kind, e.meta, e.body) for e in events] == submitted
            assert verify(log) == Verdict(True, log.head())

        holds()

    def test_closed_log_says_so(self, log: BatchLog) -> None:
        log.close()
        log.close()
        for attempt in (log.read, log.head, lambda: log.append([read_of(b"")])):
            with pytest.raises(StoreError, match="closed"):
                attempt()
