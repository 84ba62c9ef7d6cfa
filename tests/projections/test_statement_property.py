"""Whatever was said and withdrawn: all shows what it would had it never been said."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from projections.folding import fold, follow
from projections.meet import Meet
from store.log import Log
from tests.kit import sayings
from tests.kit.days import CHIPS, PROGRAMS, SETTINGS, TABLES, Deed, deed
from tests.kit.meets import Pool
from tests.kit.sayings import shown
from wire.statements import AnyStatement

NOWHERE = 10**9  # the position of what was never said

Saying = Callable[["Told"], AnyStatement]
Step = Deed | tuple[Saying]

_race = st.sampled_from([("1", 1), ("1", 1), ("1", 2), ("2", 1), ("9", 9)]).map(
    lambda race: {"event": race[0], "heat": race[1]}
)
_lane = st.integers(1, 4)
_ms = st.integers(0, 240).map(lambda tick: tick * 500)
_chip = st.sampled_from(CHIPS)
_swimmer = st.sampled_from(["101", "102", "103", "104", "7", ""])
_point = st.sampled_from(["Finish", "Turn", "Elsewhere", "Nowhere"])
_source = st.sampled_from(["mat", "loop", "chrono"])
_index = st.integers(0, 40)
_span = st.tuples(st.none() | _ms, st.none() | _ms)


def _plain(build: Callable[..., AnyStatement], *args: Any, **named: Any) -> Any:
    return st.builds(lambda *a, **k: (lambda told: build(*a, **k),), *args, **named)  # noqa: ARG005 - it needs no position


def _about(build: Callable[..., AnyStatement], *args: Any) -> Any:
    return st.builds(
        lambda race, *a: (lambda told: build(*a, **race),),  # noqa: ARG005 - the same
        _race, *args,
    )  # fmt: skip


_recall = st.builds(
    lambda race, ms, at: (lambda told: sayings.recall(ms, told.step(at), **race),),
    _race,
    _ms,
    _index,
)
_withdraw = st.builds(lambda at: (lambda told: sayings.withdraw(told.saying(at)),), _index)
sayings_of_all_kinds: list[Any] = [
    _about(sayings.start, _ms),
    _about(sayings.gun, _ms),
    _about(sayings.recall, _ms),
    _recall,
    _about(sayings.re_swim, st.integers(7, 9)),
    _about(sayings.close),
    _about(sayings.reopen),
    _about(sayings.dq, _lane),
    _about(sayings.no_show, _lane),
    _about(sayings.dnf, _lane),
    _about(sayings.reinstate, _lane),
    _about(sayings.set_time, st.integers(2900, 3100), _lane),
    _about(sayings.clear_time, _lane),
    _about(sayings.mark, st.booleans(), _lane),
    _plain(sayings.chip, _chip, _swimmer, st.none() | _ms),
    st.builds(
        lambda tag, span, point, restore: (
            lambda told: sayings.void(tag, *span, point=point, restore=restore),  # noqa: ARG005 - the same
        ),
        _chip, _span, st.just("") | _point, st.booleans(),
    ),
    _plain(sayings.crossing, _chip, _ms, _point),
    st.builds(
        lambda source, by, span: (lambda told: sayings.shift(source, by, *span),),  # noqa: ARG005 - the same
        _source, st.sampled_from([-1500, -500, 250, 12_000]), _span,
    ),
    _plain(sayings.adopt, st.sampled_from(SETTINGS)),
    _plain(sayings.operator),
    _withdraw,
]  # fmt: skip
_saying: st.SearchStrategy[tuple[Saying]] = st.one_of(sayings_of_all_kinds)


_first: list[st.SearchStrategy[Step]] = [
    st.sampled_from(PROGRAMS).map(lambda heats: lambda pool: pool.load(*heats)),
    st.sampled_from(TABLES).map(lambda table: lambda pool: pool.chips(table)),
    st.sampled_from([0, 20_000]).map(lambda ms: lambda pool: pool.gun(ms)),
]
_read = st.builds(lambda ms, tag: lambda pool: pool.passes(ms, tag), _ms, _chip)
_then: st.SearchStrategy[Step] = st.one_of(deed, _read, _read, _saying, _saying, _saying)
# A program, chips and a gun in any order, and then whatever happens or is said.
stories: st.SearchStrategy[list[Step]] = st.builds(
    lambda first, then: [*first, *then],
    st.tuples(*_first).flatmap(st.permutations),
    st.lists(_then, min_size=6, max_size=22),
)
# Without the search for an explanation, which would take longer than all else.
searching = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


class Told:
    """A story told to a pool, and which events each step of it made: the first, and the end."""

    def __init__(self, story: Sequence[Step], without: frozenset[int] = frozenset()) -> None:
        self.pool = Pool()
        self.first = range(1, self.head + 1)
        self.made: list[range] = []
        self.spoken: list[int] = []
        for number, step in enumerate(story):
            before = self.head + 1
            if isinstance(step, tuple):
                if number not in without:
                    self.pool.say(step[0](self))
                self.spoken.append(number)
            else:
                step(self.pool)
            self.made.append(range(before, self.head + 1))

    @property
    def head(self) -> int:
        return self.pool.log.head().position

    def step(self, number: int) -> int:
        """The first event of one of the steps so far; `NOWHERE` for one that was left out."""
        made = self.made[number % len(self.made)]
        return made[0] if made else NOWHERE

    def saying(self, number: int) -> int:
        """The position of one of the statements so far, or `NOWHERE`."""
        return self.step(self.spoken[number % len(self.spoken)]) if self.spoken else NOWHERE

    def withdraw(self, gone: Sequence[int]) -> None:
        for number in gone:
            self.pool.say(sayings.withdraw(self.step(number)))

    def positions(self, other: "Told") -> dict[int, int]:
        """The positions of the same events in the other's log."""
        pairs = zip([self.first, *self.made], [other.first, *other.made], strict=True)
        return {p: q for mine, its in pairs for p, q in zip(mine, its, strict=False)}


def _folded(log: Log) -> Meet:
    meet = fold(log)
    meet.settle()
    return meet


def _chosen(story: Sequence[Step], chosen: set[int]) -> list[int]:
    return [n for n, step in enumerate(story) if isinstance(step, tuple) and n in chosen]


@given(stories, st.sets(st.integers(3, 24)), st.randoms(use_true_random=False))
@searching
def test_withdrawing_equals_never_having_said(
    story: list[Step], chosen: set[int], random: Any
) -> None:
    gone = _chosen(story, chosen)
    told, without = Told(story), Told(story, frozenset(gone))
    random.shuffle(gone)
    told.withdraw(gone)
    event(f"withdrawn: {min(len(gone), 5)}")
    with_all, plain = _folded(told.pool.log), _folded(without.pool.log)
    assert shown(with_all, told.positions(without)) == shown(plain)


@given(
    stories,
    st.sets(st.integers(3, 24)),
    st.lists(
        st.tuples(
            st.integers(1, 5), st.sampled_from(["go on", "settle", "settle", "save", "look"])
        ),
        min_size=1,
        max_size=12,
    ),
)
@searching
def test_following_event_by_event_equals_folding_from_nothing(
    story: list[Step], chosen: set[int], plan: list[tuple[int, str]]
) -> None:
    told = Told(story)
    told.withdraw(_chosen(story, chosen))
    log, head = told.pool.log, told.head
    meet = Meet()
    turn = 0
    while meet.position < head:
        size, then = plan[turn % len(plan)]
        turn += 1
        meet = follow(meet, log, size)
        if then == "save":
            meet = Meet.load(meet.save())
        if then in ("settle", "look"):
            meet.settle()
        if then == "look":
            again = fold(log, meet.position)
            again.settle()
            assert shown(meet) == shown(again)
    meet.settle()
    again = _folded(log)
    assert shown(meet) == shown(again)
    assert meet.starts() == again.starts()
    assert meet.rulings() == again.rulings()
