"""What relays of reads queue: each distinct read of the log once, whatever happens meanwhile.

The oracle goes by what was told, in its order, and knows nothing of folds.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporters import relay_backfill, relay_queue, relay_work
from projections import relays
from projections.meet import Meet
from projections.relayed import Item, ItemKind
from tests.exporters.relay_stand import Crash, Stand, relay
from tests.kit.meets import MS, read, utc

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


class Course(NamedTuple):
    """A stand, what was told to it, and by which event; the meet as it was last saved."""

    stand: Stand
    told: list[tuple[int, Told]]
    saved: list[bytes]


Deed = Callable[[Course], None]


def _tell(reads: list[Told]) -> Deed:
    def deed(course: Course) -> None:
        for source in ("mat", "loop"):  # one message each, and a gun one of its own
            whole = [r for r in reads if r.source == source and r.kind]
            for message in [whole, *([r] for r in reads if r.source == source and not r.kind)]:
                if message:
                    pool = course.stand.pool
                    pool.now += MS
                    position = pool.hear(*map(_raw, message), source=source)
                    # TsV1 has no signal.
                    course.told.extend(
                        (position, r if source == "loop" else r._replace(rssi=None))
                        for r in message
                    )

    return deed


def _raw(told: Told):  # type: ignore[no-untyped-def]  # as `read` is
    more = {} if told.rssi is None else {"rssi": told.rssi}
    chip = "" if told.kind == 0 else told.chip
    return read(told.tick * 500, chip, told.point, told.kind, antenna=told.antenna, **more)


def _step(size: int, hurry: bool) -> Deed:
    def deed(course: Course) -> None:
        stand = course.stand
        stand.now += 100 * MS
        try:
            (stand.hurry if hurry else stand.step)(size)
        except Crash:
            course.stand.begin()

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
        course.saved.append(course.stand.meet.save())
        _crash(course)


def _fault(crash: str, full: bool) -> Deed:
    def deed(course: Course) -> None:
        course.stand.log.crash, course.stand.log.full = crash, full

    return deed


def _adopt(house: tuple[str, ...]) -> Deed:
    return lambda course: course.stand.adopt(*house)


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
_steps = st.builds(_step, st.sampled_from([1, 2, 3, 5, 100]), st.booleans())
_faults = st.sampled_from([("before append", False), ("after append", False), ("", True)])
deed = st.one_of(
    _tells,
    _tells,
    _tells,
    _steps,
    _steps,
    st.just(_save),
    st.sampled_from([_crash, _forget, _finish]),
    _faults.map(lambda f: _fault(*f)),
    st.just(_fault("", full=False)),
    st.sampled_from(HOUSES).map(_adopt),
)
days = st.lists(deed, max_size=40)
bounds = st.fixed_dictionaries(
    {
        "heard": st.sampled_from([6, 20, 200_000]),
        "items": st.sampled_from([2, 1000]),
        "portion": st.sampled_from([1, 3, 500]),
        "mark": st.sampled_from([20, 20_000]),
    }
)


def _play(day: Iterable[Deed], bound: dict[str, int], house: tuple[str, ...]) -> Course:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relays, "MOST_HEARD", bound["heard"])
        patch.setattr(relay_queue, "MOST_ITEMS", bound["items"])
        patch.setattr(relay_work, "MARK_EVERY", bound["mark"])
        patch.setattr(relay_backfill, "PORTION", bound["portion"])
        patch.setattr(relay_work, "MOST_READS", 3 * bound["portion"])
        course = Course(Stand(*house), [], [])
        for each in day:
            each(course)
        _fault("", full=False)(course)
        course.stand.adopt(*HOUSES[0])
        course.stand.settle()
        course.stand.now += 10_000 * MS  # whatever failed is tried again
        course.stand.settle()
    return course


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


@given(days, bounds, st.sampled_from(HOUSES))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_distinct_read_is_queued_once_in_the_order_of_the_log(
    day: list[Deed], bound: dict[str, int], house: tuple[str, ...]
) -> None:
    course = _play(day, bound, house)
    stand, everything = course.stand, _expected(course.told)
    assert list(map(_item, stand.items("all"))) == everything
    assert list(map(_item, stand.items("raw"))) == _expected(course.told, raw=True)
    narrow = [
        r for r in course.told
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
