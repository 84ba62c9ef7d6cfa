"""Folding bit by bit, with stops, saves and loads anywhere, equals folding from nothing."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.crossed import CrossingKey
from projections.folding import fold, follow
from projections.meet import Changes, Meet
from projections.views import Crossing, Race
from store.log import Log
from tests.kit import sayings as say
from tests.kit.at_once import held
from tests.kit.days import Deed, day, deeds, fewer_deeds
from tests.kit.heats import swum
from tests.kit.meets import SWIM, Pool, read
from wire.settings_file import parse
from wire.timedrops import RaceKey

steps = st.lists(
    st.tuples(
        st.integers(1, 7),
        st.sampled_from(["go on", "settle", "settle", "save", "settle and save", "compare"]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("long", [1, 100])
@given(done=deeds, plan=steps)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_incremental_equals_rebuild_at_every_split(
    done: list[Deed], plan: list[tuple[int, str]], long: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Of crossings that are no longer than this, all reads are looked at again.
        patch.setattr("projections.ongoing.LONG", long)
        _follow_and_compare(day(done).log, plan)


def _follow_and_compare(log: Log, plan: list[tuple[int, str]]) -> None:
    head = log.head().position
    meet = Meet()
    mirror = Mirror()
    turn = 0
    while meet.position < head:
        size, then = plan[turn % len(plan)]
        turn += 1
        followed = follow(meet, log, size)
        if followed is not meet:
            mirror = Mirror()
        meet = followed
        if then == "save":
            meet = Meet.load(meet.save())
            mirror = Mirror()
            mirror.take(meet, meet.everything())
        if then == "settle and save":
            # Crossings are then worked out when they are asked for, and the mirror goes on.
            mirror.take(meet, meet.settle())
            meet = Meet.load(meet.save())
        if then == "settle":
            mirror.take(meet, meet.settle())
        if then == "compare":
            mirror.take(meet, meet.settle())
            _compare(meet, _rebuilt(log, meet.position))
            mirror.compare(meet)
    mirror.take(meet, meet.settle())
    _compare(meet, _rebuilt(log, head))
    mirror.compare(meet)


@given(deeds, st.integers(1, 600), st.integers(1, 40))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_at_once_are_what_they_are_one_by_one(
    done: list[Deed], at_once: int, events: int
) -> None:
    """A replay takes reads in columns; what comes out does not depend on how many there are."""
    log = day(done).log
    head = log.head().position
    one_by_one, at_one_go = Meet(), Meet()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("projections.intake.MUCH", sys.maxsize)
        while one_by_one.position < head:
            one_by_one = follow(one_by_one, log, 1)
            one_by_one.settle()
        patch.setattr("projections.intake.MUCH", 1)
        patch.setattr("projections.crossed.MANY", 1)
        patch.setattr("projections.stretches.AT_ONCE", at_once)
        while at_one_go.position < head:
            at_one_go = follow(at_one_go, log, events)
        at_one_go.settle()
    _compare(at_one_go, one_by_one)
    assert at_one_go.state.health.receipts == one_by_one.state.health.receipts
    assert list(at_one_go.state.guns) == list(one_by_one.state.guns)
    assert held(at_one_go.state.reads) == held(one_by_one.state.reads)


@given(fewer_deeds)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_other_settings_interpret_a_whole_log(done: list[Deed]) -> None:
    """What-if: settings given from outside outrank those recorded, now and later."""
    log = day(done).log
    chosen = parse(SWIM.replace("Berlin", "Lisbon").encode())
    meet = fold(log, settings=chosen)
    meet.settle()
    assert meet.settings == chosen
    again = Meet.load(fold(log, settings=chosen).save())
    again.settle()
    _compare(meet, again)


LATER = SWIM.replace('feeds = ["Finish",', 'feeds = [{ name = "Finish", shift = "1s" },')
CHANGES: dict[str, Callable[[Pool], object]] = {
    "a read": lambda pool: pool.hear(read(29_900, "101")),
    "a new feed of a point": lambda pool: pool.hear(read(29_500, "101", "Backup"), source="loop"),
    "a new point": lambda pool: pool.hear(read(29_500, "101", "Elsewhere")),
    "reads that are void": lambda pool: pool.say(say.void("101")),
    "somebody who was seen": lambda pool: pool.say(say.crossing("101", 20_000)),
    "a clock that is shifted": lambda pool: pool.say(say.shift("mat", 700)),
    "a chip of somebody else": lambda pool: pool.say(say.chip("101", "103")),
    "another chip table": lambda pool: pool.chips({"101": "103"}),
    "another shift of a feed": lambda pool: pool.file("meet.toml", LATER.encode(), "settings"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_a_start_the_same_is_said_to_have_changed(change: Callable[[Pool], object]) -> None:
    pool = swum()
    kept = follow(Meet(), pool.log, 10_000)
    kept.settle()
    loaded = Meet.load(kept.save())
    assert loaded.settle() == Changes()
    change(pool)
    told = follow(kept, pool.log).settle()
    assert follow(loaded, pool.log).settle() == told
    assert told != Changes()
    _compare(loaded, kept)


def test_a_start_decodes_the_reads_of_a_chip_when_it_is_asked_for() -> None:
    kept = follow(Meet(), swum().log, 10_000)
    kept.settle()
    saved = kept.save()
    loaded = Meet.load(saved)
    assert loaded.settle() == Changes()
    assert (loaded.races(), loaded.quarantine()) == (kept.races(), kept.quarantine())
    reads = loaded.state.reads.chips
    assert not reads.decoded
    assert loaded.save() == saved  # nothing of it was looked at
    assert loaded.crossings(["101"]) == kept.crossings(["101"])
    assert list(reads.decoded) == ["101"]
    assert reads == kept.state.reads.chips


class Mirror:
    """What somebody shows who only looks at what `settle` says has changed."""

    def __init__(self) -> None:
        self.crossings: dict[str, list[Crossing]] = {}
        self.rows: dict[CrossingKey, Crossing] = {}
        self.races: dict[RaceKey, Race | None] = {}

    def take(self, meet: Meet, changes: Changes) -> None:
        for chip in changes.chips:
            self.crossings[chip] = meet.crossings([chip])
        for key, passing in changes.crossings.items():
            self.rows.pop(key, None)
            if passing is not None:
                self.rows[key] = meet.crossing(key[0], key[1], passing)
        for key in changes.races:
            self.races[key] = meet.race(key)

    def compare(self, meet: Meet) -> None:
        shown = (c for each in self.crossings.values() for c in each)
        assert sorted(shown, key=_place) == meet.crossings()
        assert sorted(self.rows.values(), key=_place) == meet.crossings()
        assert self.races == {RaceKey(r.session, r.event, r.heat): r for r in meet.races()}


def _place(crossing: Crossing) -> tuple[int, str, str]:
    return crossing.moment_ns, crossing.point, crossing.chip


def _rebuilt(log: object, until: int) -> Meet:
    meet = fold(log, until)  # type: ignore[arg-type]  # a MemoryLog
    meet.settle()
    return meet


def _points(meet: Meet) -> list[object]:
    """The points with their feeds by name: which got a number first says nothing."""
    feeds = meet.state.reads.feeds
    return [
        (point.settings, [(feeds[feed.id], feed.backup, feed.shift) for feed in point.feeds])
        for point in meet.points()
    ]


def _compare(one: Meet, other: Meet) -> None:
    assert one.position == other.position
    assert one.settings == other.settings
    assert one.crossings() == other.crossings()
    assert one.races() == other.races()
    assert one.starts() == other.starts()
    assert one.next_race() == other.next_race()
    assert one.current_race() == other.current_race()
    assert one.revisions() == other.revisions()
    assert one.quarantine() == other.quarantine()
    assert one.alarms() == other.alarms()
    assert one.sources() == other.sources()
    assert one.relays() == other.relays()
    assert _points(one) == _points(other)
    assert one.state.resume == other.state.resume
    assert one.state.locations == other.state.locations
    assert one.state.files == other.state.files
