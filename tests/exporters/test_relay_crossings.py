"""What relays of crossings queue: in the end what is true, whatever was thought before."""

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.meet import Meet
from projections.relayed import Item, ItemKind, key_of
from projections.views import Crossing
from tests.exporters.relay_days import (
    Course,
    Deed,
    adopt,
    bounds,
    fault,
    play,
    steps,
    turns,
    within,
)
from tests.exporters.relay_stand import Stand, relay
from tests.kit import sayings
from tests.kit.meets import MS, SWIM, heat, read, utc
from tests.kit.sayings import said
from wire.statements import AnyStatement, Withdraw

ALL = relay("all", send="crossings")
EARLY = relay(
    "early", send="crossings", kinds=["gun", "first-seen", "best-seen"], hold="3s", tag="bib"
)
PART = relay("part", send="crossings", points=["Finish"], chips=["1-150"], sources=["mat"])
HEAT = relay("heat", send="crossings", heats=["67/1/1", "67/2/*"])
TIGHT = relay("tight", "ctp01", send="crossings", hold="12s")
EVERY = (ALL, EARLY, PART, HEAT, TIGHT)
TURN = relay("all", send="crossings", points=["Turn"])
HOUSES = (EVERY, (ALL, HEAT), (), (TURN, TIGHT))

CHIPS = ("101", "102", "0102", "7", "X9", "E2000017221101441890")
PROGRAMS = (
    (heat("1", 1, 1, {1: "101", 2: "102"}), heat("1", 2, 2, {1: "103", 2: ("101", "104")})),
    (heat("1", 1, 1, {1: "102"}), heat("2", 1, 2, {3: "101", 4: "104"})),
)
TABLES: tuple[dict[str, str], ...] = (
    {"7": "101", "X9": "102"},
    {"7": "103", "E2000017221101441890": "104"},
    {},
)
WIDER = SWIM.replace('name = "Turn"', 'name = "Turn"\ngap = "3s"')
TOMLS = (SWIM, SWIM.replace("Berlin", "Lisbon"), WIDER)

_ms = st.integers(0, 120).map(lambda tick: tick * 500)
_chip = st.sampled_from(CHIPS)
_point = st.sampled_from(["Finish", "Finish", "Backup", "Turn", "A place far away from all"])
_seen_at = st.sampled_from(["Finish", "A hill that has no mat at all"])
_swimmer = st.sampled_from(["101", "102", "103", "104", ""])
_span = st.tuples(st.none() | _ms, st.none() | _ms)


def _passes(ms: int, chip: str, point: str, kind: int, more: dict[str, int]) -> Deed:
    def deed(course: Course) -> None:
        pool = course.stand.pool
        pool.now = max(pool.now, utc(ms)) + MS
        pool.hear(read(ms, chip, point, kind, **more), source="loop" if more else "mat")

    return deed


def _gun(ms: int, point: str, source: str) -> Deed:
    return lambda course: course.stand.pool.gun(ms, point, source)


def _says(statement: AnyStatement) -> Deed:
    def deed(course: Course) -> None:
        course.told.append((course.stand.pool.say(statement), statement))

    return deed


def _withdraws(at: int) -> Deed:
    def deed(course: Course) -> None:
        if course.told:
            position = course.told[at % len(course.told)][0]
            _says(said(Withdraw, position=position))(course)

    return deed


_about = st.sampled_from([{"event": "1", "heat": 1}, {"event": "1", "heat": 2}, {"event": "2"}])
_statements: st.SearchStrategy[Deed] = st.one_of(
    st.builds(
        lambda chip, span, point, restore: _says(
            sayings.void(chip, *span, point=point, restore=restore)
        ),
        _chip, _span, st.just("") | _point, st.booleans(),
    ),
    st.builds(lambda *a: _says(sayings.crossing(*a)), _chip, _ms, _seen_at),
    st.builds(lambda *a: _says(sayings.chip(*a)), _chip, _swimmer, st.none() | _ms),
    st.builds(
        lambda source, by, span: _says(sayings.shift(source, by, *span)),
        st.sampled_from(["mat", "loop"]), st.sampled_from([-1500, 12_000]), _span,
    ),
    st.builds(lambda ms, race: _says(sayings.start(ms, **race)), _ms, _about),
    st.builds(lambda ms, race: _says(sayings.gun(ms, **race)), _ms, _about),
    st.builds(lambda ms, race: _says(sayings.recall(ms, **race)), _ms, _about),
    st.builds(_withdraws, st.integers(0, 20)),
    st.builds(_withdraws, st.integers(0, 20)),
)  # fmt: skip
_reads: st.SearchStrategy[Deed] = st.builds(
    _passes, _ms, _chip, _point, st.sampled_from([1, 2, 2, 2]),
    st.sampled_from([{}, {"rssi": -70}, {"rssi": -60}, {"rssi": -50, "antenna": 2}]),
)  # fmt: skip
_guns = st.builds(_gun, _ms, _point, st.sampled_from(["mat", "loop"]))
_papers: st.SearchStrategy[Deed] = st.one_of(
    st.sampled_from(PROGRAMS).map(lambda heats: lambda c: c.stand.pool.load(*heats)),
    st.sampled_from(TABLES).map(lambda table: lambda c: c.stand.pool.chips(table)),
)
_settings = st.builds(
    lambda house, toml: adopt(*house, toml=toml), st.sampled_from(HOUSES), st.sampled_from(TOMLS)
)


_disks = st.sampled_from([fault("", full=True), fault("")])


def _days(*more: st.SearchStrategy[Deed]) -> st.SearchStrategy[list[Deed]]:
    """Some reads and a program first, for little would come of a day without."""
    return st.tuples(
        st.lists(st.one_of(_reads, _papers), max_size=8),
        st.lists(
            st.one_of(_reads, _reads, _reads, _reads, steps, steps, *more), min_size=15, max_size=40
        ),
    ).map(lambda parts: [*parts[0], *parts[1]])


Told = tuple[int, str, str, int]  # kind, point, tag, moment


@given(_days(steps, _statements, _statements, _guns, _papers, _disks), bounds)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_in_the_end_what_stands_is_what_a_fold_from_nothing_finds(
    day: list[Deed], bound: dict[str, int]
) -> None:
    with within(bound):
        course = Course(Stand(*EVERY, toml=SWIM))
        play(course, day)
    _check(course.stand)


@given(_days(turns, _statements, _statements, _guns, _papers, _settings), bounds)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_so_it_is_with_other_settings_and_crashes_in_between(
    day: list[Deed], bound: dict[str, int]
) -> None:
    with within(bound):
        course = Course(Stand(*EVERY, toml=SWIM))
        play(course, day)
        _check(course.stand)
        play(course, [], *EVERY)
    _check(course.stand)


def _check(stand: Stand) -> None:
    meet = stand.pool.meet()
    everything = meet.crossings()
    owner = {(c.chip, c.moment_ns): c.swimmer for c in everything}
    there = {r.name: r for r in meet.settings.relays}
    for name, expected in {
        "all": _told(
            c for c in everything
            if c.point in ((there["all"].points if "all" in there else ()) or (c.point,))
        ),
        "tight": _told(everything),
        "early": [
            *(_as(c, 1, c.swimmer or c.chip) for c in everything),
            *(_as(c, 2, c.swimmer or c.chip) for c in everything if not c.provisional),
        ],
        "part": _told(
            c for c in everything
            if "Finish" in (c.point, c.feed) and c.source in ("mat", "operator")
            and c.chip.isdigit() and int(c.chip) <= 150
        ),
        "heat": _told(c for c in everything if _swum(c, meet, owner)),
    }.items():  # fmt: skip
        if name not in there:
            continue
        standing = _standing(stand, name)
        crossings = [i for i in standing if i.kind != ItemKind.GUN]
        tags = [i.full or i.tag for i in crossings]
        found = [(i.kind, i.at_point, t, i.moment) for i, t in zip(crossings, tags, strict=True)]
        assert sorted(found) == sorted(expected), name
        kept = stand.meet.state.relays.stream(name).standing
        assert sorted(i for each in kept.values() for i in map(repr, each)) == sorted(
            map(repr, standing)
        )
        assert stand.read_by(name) == stand.items(name)
    for name in there.keys() & {"tight", "early"}:
        guns = {(i.at_point, i.moment) for i in _standing(stand, name) if i.kind == ItemKind.GUN}
        shifted = meet.rulings().shifted
        assert guns == {
            (meet.point_of(g.source, g.feed), shifted(g.source, g.moment))
            for g in meet.state.guns.values()
        }


def _told(crossings: Iterable[Crossing]) -> list[Told]:
    return [_as(c, 2, c.chip) for c in crossings if not c.provisional]


def _as(crossing: Crossing, kind: int, tag: str) -> Told:
    moment = crossing.moment_ns if kind == 2 else crossing.first_ns
    return kind, crossing.point, tag, moment


def _swum(crossing: Crossing, meet: Meet, owner: dict[tuple[str, int], str]) -> bool:
    """Whether it is of somebody in event 1 heat 1 or in event 2, between the start and the next."""
    moment, swimmer = crossing.moment_ns, owner[crossing.chip, crossing.moment_ns]
    starts = meet.starts().by_race
    mine = [key for key, e in meet.state.startlist.entries.items()
            if any(swimmer in lane.swimmer_ids for lane in e.lanes)]  # fmt: skip
    later = [starts[key].moment for key in mine if key in starts]
    for key in mine:
        if (key.event, key.heat) != ("1", 1) and key.event != "2":
            continue
        start = starts.get(key)
        if start is None:
            return True
        if start.moment <= moment and not any(start.moment < m <= moment for m in later):
            return True
    return False


def _standing(stand: Stand, name: str) -> list[Item]:
    """What was queued and not withdrawn, by the log alone."""
    standing: list[Item] = []
    withdrawn: list[Item] = []
    for decision in stand.decisions(name):
        if not decision.crossings:
            continue
        for item in decision.withdrawn:
            standing.remove(item)
        standing += (i for i in decision.items if i.kind != ItemKind.LOCATION)
        withdrawn += decision.withdrawn
        again = {*map(key_of, decision.items)}
        withdrawn = [item for item in withdrawn if key_of(item) not in again]
    health = next(r for r in stand.meet.relays() if r.relay == name)
    assert health.withdrawn == len(withdrawn), "what was taken back and told again holds"
    return standing
