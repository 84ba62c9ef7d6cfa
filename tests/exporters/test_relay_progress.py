"""What counts as safe is never more than what the peer has read, as far as anybody can know."""

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.relay_progress import BUFFERED, MOST_STEPS, SLOW, Piece, Progress
from tests.kit.around import around
from wire.stamps import MINUTE, NS

OVERLAP = 5 * MINUTE
_MEBI = bytes(1024 * 1024)
_SIZES = (100, 50_000, 1024 * 1024)


class Line:
    """The buffers between us and a peer, which hold at most `BUFFERED`, and what it has read."""

    def __init__(self) -> None:
        self.now = 7 * NS
        self.items = self.read_to = 0
        self.unread: deque[tuple[int, int, int]] = deque()  # item, size, when handed over
        self.progress = Progress(0, OVERLAP)
        self.blocked: int | None = None  # the size of what waits to be handed over

    def give(self, size: int) -> None:
        if self.blocked is not None:
            return
        if sum(each[1] for each in self.unread) + size > BUFFERED:
            self.blocked = size
            self.wait(SLOW + 1)
            return
        self.items += 1
        self.unread.append((self.items, size, self.now))
        self.progress.note(Piece(_MEBI[:size], self.items, 1, 0), self.now)

    def read(self, pieces: int) -> None:
        for _ in range(min(pieces, len(self.unread))):
            self.read_to = self.unread.popleft()[0]
        size, self.blocked = self.blocked, None
        if size is not None:
            self.give(size)

    def wait(self, ns: int) -> None:
        self.now += ns
        if self.blocked is not None:
            self.progress.stall(self.now)
        self.progress.settle(self.now)

    def check(self) -> None:
        hung = self.unread and self.now - self.unread[0][2] >= OVERLAP
        if not hung or self.blocked is not None:
            assert self.progress.safe <= self.read_to


_deeds = st.one_of(
    st.tuples(st.just("give"), st.sampled_from(_SIZES)),
    st.tuples(st.just("give"), st.just(_SIZES[-1])),
    st.tuples(st.just("read"), st.integers(0, 12)),
    st.tuples(st.just("wait"), st.sampled_from((NS, MINUTE, 4 * MINUTE, OVERLAP))),
)


@given(st.lists(_deeds, min_size=10, max_size=60))
@settings(max_examples=200)
def test_nothing_is_safe_that_may_still_be_in_a_buffer(deeds: list[tuple[str, int]]) -> None:
    line = Line()
    for name, amount in deeds:
        getattr(line, name)(amount)
        line.check()


def test_a_peer_that_stopped_reading_long_ago_is_noticed_when_the_buffers_are_full() -> None:
    progress = Progress(0, OVERLAP)
    for n in range(8):
        progress.note(Piece(_MEBI, n + 1, 1, 0), n * 4 * MINUTE)
    assert progress.safe == 6, "six are older than the overlap"
    progress.stall(40 * MINUTE)
    assert progress.safe == 0, "and may all be in the buffers"
    progress.settle(45 * MINUTE)
    assert progress.safe == 8, "it must have read since, or it would have been given up"


@around
def test_steps_are_joined_when_they_are_too_many(more: int) -> None:
    progress = Progress(0, OVERLAP)
    count = MOST_STEPS + more
    for n in range(count):
        progress.note(Piece(b"x", n + 1, 1, 0), n)
    assert len(progress._new) == (count if more <= 0 else MOST_STEPS // 2 + 1)
    progress.settle(OVERLAP + 1)
    assert progress.safe == (2 if more <= 0 else 1), "the second became part of the third"


def test_what_is_remembered_is_bounded_and_the_last_item_becomes_safe() -> None:
    progress = Progress(0, OVERLAP)
    for n in range(3 * MOST_STEPS):
        progress.note(Piece(b"x", n + 1, 1, 0), n)
        if n == 2 * MOST_STEPS:
            progress.settle(OVERLAP)
    assert sum(map(len, (progress._old, progress._new))) <= 2 * MOST_STEPS
    progress.settle(2 * OVERLAP)
    assert progress.safe == 3 * MOST_STEPS
