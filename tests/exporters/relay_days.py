"""Invented days of relays, for properties: turns, crashes and faults, anywhere in between."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from exporters import relay_backfill, relay_queue, relay_work
from projections import relays
from projections.meet import Meet
from tests.exporters.relay_stand import Crash, Stand
from tests.kit.meets import MS


class Course:
    """A stand, what was told to it and by which event, and its meet as it was saved."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.told: list[tuple[int, object]] = []
        self.saved: list[bytes] = []


Deed = Callable[[Course], object]


def _step(size: int, hurry: bool, ms: int) -> Deed:
    def deed(course: Course) -> None:
        stand = course.stand
        stand.now += ms * MS
        try:
            (stand.hurry if hurry else stand.step)(size)
        except Crash:
            stand.begin()

    return deed


def _save(course: Course) -> None:
    course.saved.append(course.stand.meet.save())


def _crash(course: Course) -> None:
    course.stand.begin(Meet.load(course.saved[-1]) if course.saved else None)


def _forget(course: Course) -> None:
    course.stand.begin()


def _finish(course: Course) -> None:
    if not course.stand.log.full and not course.stand.log.crash:
        course.stand.finish()
        _save(course)
        _crash(course)


def fault(crash: str, *, full: bool = False) -> Deed:
    """From now on appends of the queue fail, or end the process."""

    def deed(course: Course) -> None:
        course.stand.log.crash, course.stand.log.full = crash, full

    return deed


def adopt(*relays: str, toml: str = "") -> Deed:
    """Other settings."""
    return lambda course: course.stand.adopt(*relays, toml=toml)


steps: st.SearchStrategy[Deed] = st.builds(
    _step, st.sampled_from([1, 2, 3, 5, 100]), st.booleans(), st.sampled_from([1, 100, 700])
)
ends: st.SearchStrategy[Deed] = st.sampled_from([_save, _crash, _forget, _finish])
faults: st.SearchStrategy[Deed] = st.sampled_from(
    [fault("before append"), fault("after append"), fault("", full=True), fault("")]
)
turns: st.SearchStrategy[Deed] = st.one_of(steps, steps, steps, ends, faults)

bounds = st.fixed_dictionaries(
    {
        "heard": st.sampled_from([6, 20, 200_000]),
        "items": st.sampled_from([2, 1000]),
        "portion": st.sampled_from([1, 3, 500]),
        "mark": st.sampled_from([20, 20_000]),
    }
)


@contextmanager
def within(bound: dict[str, int]) -> Iterator[None]:
    """All bounds as small as this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relays, "MOST_HEARD", bound["heard"])
        patch.setattr(relays, "BLOCK", bound["items"])
        patch.setattr(relay_queue, "MOST_ITEMS", bound["items"])
        patch.setattr(relay_work, "MARK_EVERY", bound["mark"])
        patch.setattr(relay_work, "MOST_READS", 3 * bound["portion"])
        patch.setattr(relay_work, "MOST_LOOKS", bound["portion"])
        patch.setattr(relay_work, "MOST_DUE", bound["portion"])
        patch.setattr(relay_backfill, "PORTION", bound["portion"])
        yield


def play(course: Course, day: Iterable[Deed], *last: str) -> None:
    """Do all of a day; then the `last` relays come to the end of their work, however long."""
    for each in day:
        each(course)
    fault("")(course)
    if last:
        course.stand.adopt(*last)
    course.stand.settle()
    course.stand.now += 10_000 * MS  # whatever failed is tried again
    course.stand.settle()
