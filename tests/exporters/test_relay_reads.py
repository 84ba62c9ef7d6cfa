"""What relays of reads queue: each distinct read of the log once, whatever happens meanwhile.

The oracle goes by what was told, in its order, and knows nothing of folds.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.relayed import Item, ItemKind
from tests.exporters.relay_days import Course, Deed, adopt, bounds, play, turns, within
from tests.exporters.relay_stand import Stand, relay
from tests.kit.meets import MS, TOML, read, utc

LONG = ("E20000172211014418900001", "E20000172211014418900002", "18900001", "guntime", "a,b")
CHIPS = ("7", "07", "X9", *LONG)
POINTS = ("Finish", "Turn", "The far side of the lake", "The far side of ", "Start|1")

ALL = relay("all")
RAW = relay("raw", "tsv1", send="raw")
NARROW = relay(
    "narrow", points=["Finish"], kinds=["gun", "best-seen"], chips=["1-10", "X9"], sources=["loop"]
)
TIGHT = relay("tight", "ctp01", kinds=["gun", "first-seen", "best-seen"])
CROSSED = relay("crossed", send="crossings")
# The relays that there are, at some time; each is as it ever was, or is not there.
HOUSES = (
    (ALL, RAW, NARROW, TIGHT),
    (ALL,),
    (),
    (RAW, CROSSED),
    (TIGHT, ALL, CROSSED),
    (NARROW, TIGHT),
)


class Told(NamedTuple):
    """A read as it is told; a gun has the kind 0 and no chip."""

    source: str
    point: str
    chip: str
    tick: int
    kind: int
    antenna: int
    rssi: int | None


def _tell(reads: list[Told]) -> Deed:
    """One message for each source; the guns in a message are understood first."""

    def deed(course: Course) -> None:
        for source in ("mat", "loop"):
            message = [r for r in reads if r.source == source]
            if not message:
                continue
            pool = course.stand.pool
            pool.now += MS
            position = pool.hear(*map(_raw, message), source=source)
            for each in sorted(message, key=lambda r: r.kind > 0):
                # TsV1 has no signal.
                course.told.append(
                    (position, each if source == "loop" else each._replace(rssi=None))
                )

    return deed


def _raw(told: Told):  # type: ignore[no-untyped-def]  # as `read` is
    more = {} if told.rssi is None else {"rssi": told.rssi}
    chip = "" if told.kind == 0 else told.chip
    return read(told.tick * 500, chip, told.point, told.kind, antenna=told.antenna, **more)


told = st.builds(
    Told,
    source=st.sampled_from(["mat", "loop"]),
    point=st.sampled_from(POINTS),
    chip=st.sampled_from(CHIPS),
    tick=st.integers(0, 6),
    kind=st.sampled_from([0, 1, 2, 2, 2]),
    antenna=st.sampled_from([1, 1, 2]),
    rssi=st.sampled_from([None, -70, -60, -50]),
)
_tells = st.lists(told, min_size=1, max_size=6).map(_tell)


def _days(houses: Sequence[Deed]) -> st.SearchStrategy[list[Deed]]:
    return st.lists(
        st.one_of(_tells, _tells, _tells, turns, st.sampled_from(houses)), min_size=15, max_size=40
    )


Expected = tuple[int, int, str, str, int, float | None]  # what an item is to say, and from where


def _item(item: Item) -> Expected:
    return item.origin, item.kind, item.at_point, item.of_chip, item.moment, item.rssi


def _expected(told: Iterable[tuple[int, Told]], *, raw: bool = False) -> list[Expected]:
    """Reads that are new, or stronger than the same read before, in their order."""
    strongest: dict[object, float] = {}
    found: list[Expected] = []
    for position, r in told:
        chip = "" if r.kind == 0 else r.chip
        identity = r.source, r.point, chip, r.tick, r.kind, r.kind and r.antenna
        signal = -1000 if r.rssi is None or r.kind == 0 else r.rssi
        if raw or signal > strongest.get(identity, -10_000):
            rssi = None if r.kind == 0 else r.rssi
            found.append((position, r.kind, r.point, chip, utc(r.tick * 500), rssi))
        strongest[identity] = max(signal, strongest.get(identity, signal))
    return found


def _reads(course: Course) -> list[tuple[int, Told]]:
    return [(at, each) for at, each in course.told if isinstance(each, Told)]


@given(_days([adopt(*house) for house in HOUSES]), bounds, st.sampled_from(HOUSES))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_distinct_read_is_queued_once_in_the_order_of_the_log(
    day: list[Deed], bound: dict[str, int], house: tuple[str, ...]
) -> None:
    with within(bound):
        course = Course(Stand(*house))
        play(course, day, *HOUSES[0])
    stand, told = course.stand, _reads(course)
    everything = _expected(told)
    assert list(map(_item, stand.items("all"))) == everything
    assert list(map(_item, stand.items("raw"))) == _expected(told, raw=True)
    narrow = [
        r for r in told
        if r[1].source == "loop" and r[1].point == "Finish" and r[1].kind != 1
        and (r[1].kind == 0 or r[1].chip in ("7", "07", "X9"))
    ]  # fmt: skip
    assert list(map(_item, stand.items("narrow"))) == _expected(narrow)
    tight = stand.items("tight")
    assert [_item(i) for i in tight if i.kind != ItemKind.LOCATION] == everything
    _check_names(tight)
    for name in ("all", "raw", "narrow", "tight"):
        _check_numbers(stand, name)


def _check_names(items: list[Item]) -> None:
    """Texts within CTP01's limits, none for two names, and each new location announced once."""
    places: dict[str, str] = {}
    tags: dict[str, str] = {}
    announced = {"Turn"}  # a point of the settings, and what feeds of others are called
    announced |= {"Finish", "Backup"}
    for item in items:
        assert 0 < len(item.location) <= 16
        assert not set(item.location) & set(",;~|")
        if item.kind == ItemKind.LOCATION:
            assert item.location not in announced
            announced.add(item.location)
            continue
        assert item.location in announced
        assert places.setdefault(item.location, item.at_point) == item.at_point
        if item.kind != ItemKind.GUN:
            assert 0 < len(item.tag) <= 8
            assert item.tag != "guntime"
            assert tags.setdefault(item.tag, item.of_chip) == item.of_chip


def _check_numbers(stand: Stand, name: str) -> None:
    """Each decision says how many came before, and a reader of the stream finds all."""
    before = 0
    for decision in stand.decisions(name):
        assert decision.before == before
        before += len(decision.items)
    assert stand.feeds[name].view.items == before
    assert stand.read_by(name) == stand.items(name)


Passes = Callable[[Told], bool]
FILTERS: dict[str, tuple[str, Passes]] = {
    "none": (ALL, lambda _: True),
    "finish": (relay("all", points=["Finish"]), lambda r: r.point == "Finish"),
    "chips": (relay("all", chips=["X9"]), lambda r: not r.kind or r.chip == "X9"),
    "kinds": (relay("all", kinds=["best-seen"]), lambda r: r.kind == 2),
    "sources": (relay("all", sources=["mat"]), lambda r: r.source == "mat"),
}


@given(
    st.lists(st.sampled_from(sorted(FILTERS)), min_size=1, max_size=3).flatmap(
        lambda names: st.tuples(st.just(names), _days([adopt(FILTERS[n][0]) for n in names]))
    ),
    bounds,
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_filters_were_in_between_nothing_is_queued_twice(
    case: tuple[list[str], list[Deed]], bound: dict[str, int]
) -> None:
    names, day = case
    with within(bound):
        course = Course(Stand(FILTERS[names[0]][0]))
        play(course, day, FILTERS[names[-1]][0])
    told = _reads(course)
    found = [_item(i) for i in course.stand.items("all")]
    # Identical copies are told by their places: a stronger one may be both new and a copy.
    everything = _expected(told)
    left = iter(everything)
    assert all(item in left for item in found), "not in the order of the log, or twice"
    sure = [r for r in told if all(FILTERS[n][1](r[1]) for n in names)]
    assert [i for i in found if i in _expected(sure)] == _expected(sure)
    maybe = [r for r in told if any(FILTERS[n][1](r[1]) for n in names)]
    assert all(i in _expected(maybe) for i in found)


ELSEWHERE = TOML.replace("Berlin", "Lisbon")  # an hour west
HOUR = 3600 * 1000 * MS


@given(_days([adopt(ALL, RAW), adopt(ALL, RAW, toml=ELSEWHERE)]), bounds)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_another_zone_queues_nothing_again(day: list[Deed], bound: dict[str, int]) -> None:
    """What was queued keeps its moment, for that is what was sent; what follows has the new one."""
    with within(bound):
        course = Course(Stand(ALL, RAW))
        play(course, day)
        last = course.stand.log.head().position
        _tell([Told("loop", "Turn", "X9", n, 2, 1, None) for n in range(20, 22)])(course)
        play(course, [], ALL, RAW)
    stand = course.stand
    for name, expected in (("all", _expected(_reads(course))),
                           ("raw", _expected(_reads(course), raw=True))):  # fmt: skip
        found = list(map(_item, stand.items(name)))
        assert [(*i[:4], i[5]) for i in found] == [(*e[:4], e[5]) for e in expected]
        late = HOUR if stand.toml == ELSEWHERE else 0
        for one, other in zip(found, expected, strict=True):
            assert one[4] - other[4] in ((0, HOUR) if one[0] <= last else (late,))


def test_a_relay_that_is_being_brought_up_goes_by_the_zone_of_now() -> None:
    with within({"heard": 6, "items": 1000, "portion": 1, "mark": 20}):
        stand = Stand()
        for tick in range(8):
            _tell([Told("loop", "Turn", "X9", tick, 2, 1, None)])(Course(stand))
        stand.adopt(ALL)
        while len(stand.items("all")) < 3:
            stand.step()
        stand.adopt(ALL, toml=ELSEWHERE)
        stand.settle()
    late = [item.moment - utc(tick * 500) for tick, item in enumerate(stand.items("all"))]
    assert late == sorted(late)
    assert (len(late), late[0], late[-1]) == (8, 0, HOUR)


def test_a_decision_is_folded_at_once() -> None:
    """Only then its items leave: a read that nothing follows must not wait for the next one."""
    stand = Stand(ALL)
    assert stand.step() is None
    _tell([Told("mat", "Finish", "7", 0, 2, 1, None)])(Course(stand))
    assert stand.step() == 0
    assert stand.feeds["all"].view.items == 0
    assert stand.step() is None
    assert stand.feeds["all"].view.items == 1
    _tell([Told("mat", "Finish", "7", 1, 2, 1, None)])(Course(stand))
    assert stand.hurry() == 0
    assert stand.hurry() is None
    assert stand.feeds["all"].view.items == 2


def test_while_the_log_cannot_be_written_somebody_is_told_and_it_is_tried_again() -> None:
    stand = Stand(ALL)
    stand.step()
    _tell([Told("mat", "Finish", "7", 0, 2, 1, None)])(Course(stand))
    stand.log.full = True
    wait = stand.step()
    assert wait
    assert [alarm.key for alarm in stand.queue.alarms()] == ["relays"]
    stand.log.full = False
    assert stand.step() == wait, "it was tried too soon"
    stand.now += wait
    assert stand.step() == 0
    assert not stand.queue.alarms()
    assert len(stand.items("all")) == 1
