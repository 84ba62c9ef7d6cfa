"""Starts: which gun started which heat, as a pure function of guns, programs and statements.

Guns close together are one start; the starts, in order of moment, go to the
heats in program order, each to the one after the heat started before it. A
timing system's status file, or a start by hand, says otherwise; a recall
takes one gun out, and the next one starts the heat anew (DESIGN 6).
"""

from collections.abc import Iterable, Sequence

import msgspec

from projections.facts import Gun
from projections.rulings import Rulings, race_of
from projections.startlist import StartList
from wire.statements import MoveGun, RecallHeat, ReSwim, StartHeat
from wire.timedrops import RaceKey


class Call(msgspec.Struct, frozen=True):
    """A timing system's status file named its current heat, at event `position`."""

    position: int
    key: RaceKey


class Start(msgspec.Struct, frozen=True):
    """A heat's start: its moment (ns UTC), and the event that told it."""

    moment: int
    position: int
    by_hand: bool = False


class Starts(msgspec.Struct, frozen=True):
    """The outcome: started heats, and signals that started none because no heat was left.

    `given` has also the starts of swims that count no more; `last` is the heat that
    the latest signal started, at event `last_position`. The next gun goes by these.
    """

    by_race: dict[RaceKey, Start]
    unused: tuple[Gun, ...] = ()
    given: dict[RaceKey, Start] = {}
    last: RaceKey | None = None
    last_position: int = 0


Repeats = Sequence[tuple[RaceKey, int]]  # heats to be swum again, and the events that said so
Signal = tuple[int, int, RaceKey | None, Gun | None]  # moment, position, the heat named, the gun


def group_guns(guns: Iterable[Gun], window: int) -> list[list[Gun]]:
    """Guns in order of moment; those within `window` ns of a group's first are one start."""
    groups: list[list[Gun]] = []
    for gun in sorted(set(guns), key=lambda g: (g.moment, g.source, g.feed, g.raw)):
        if groups and gun.moment - groups[-1][0].moment <= window:
            groups[-1].append(gun)
        else:
            groups.append([gun])
    return groups


def assign(
    guns: Iterable[Gun],
    startlist: StartList,
    calls: Sequence[Call],
    rulings: Rulings,
    window: int,
) -> Starts:
    """Give each start its heat.

    A start by hand names its heat and moment; a gun within `window` of it is
    the same start, and is recalled with it. Of several starts of a heat by
    hand the last one said holds. A heat to be swum again has its starts of
    before no more, and comes after all others. A gun time that was said
    moves a start; where nothing had started the heat by then, it is one.
    `guns` may hold copies; `position` of a group is its first gun's.
    """
    repeats = _repeats(rulings)
    calls = _news(calls, repeats)
    groups = group_guns(_not_recalled(guns, rulings, window), window)
    said = _said(rulings)

    def walk() -> Starts:
        told = [moment for moment, _, _ in said.starts] + said.taken_back
        signals: list[Signal] = [
            (group[0].moment, group[0].position, None, group[0])
            for group in groups
            if not any(abs(group[0].moment - moment) <= window for moment in told)
        ]
        signals += [(moment, position, key, None) for moment, position, key in said.starts]
        return _walk(signals, startlist, calls, repeats)

    starts = walk()
    for key, (_, position) in said.gun_times.items():
        start = starts.by_race.get(key)
        if start is None or start.position > position:
            said.starts.append((*said.gun_times[key], key))
            starts = walk()
    for key, (moment, position) in said.gun_times.items():
        start = starts.by_race.get(key)
        starts.by_race[key] = Start(moment, start.position if start else position, by_hand=True)
    return starts


class _Said(msgspec.Struct):
    """What people said of starts: moment, position and heat of each, and moments taken back."""

    starts: list[tuple[int, int, RaceKey]] = []
    taken_back: list[int] = []
    gun_times: dict[RaceKey, tuple[int, int]] = {}


def _said(rulings: Rulings) -> _Said:
    found = _Said()
    by_hand: dict[RaceKey, tuple[int, int]] = {}
    moments: list[tuple[int, int]] = []
    for s in rulings.in_force:
        match s.statement:
            case StartHeat(gun=gun):
                by_hand[race_of(s.statement)] = (gun, s.position)
                moments.append((gun, s.position))
            case MoveGun(gun=gun):
                moments.append((gun, s.position))
                found.gun_times.pop(race_of(s.statement), None)
                if race_of(s.statement) in rulings.guns:
                    found.gun_times[race_of(s.statement)] = (gun, s.position)
            case RecallHeat(gun=gun, start=start):
                back = [m for m in moments if (m[1] == start if start else m[0] == gun)]
                found.taken_back += [moment for moment, _ in back]
                by_hand = {key: each for key, each in by_hand.items() if each not in back}
            case ReSwim():
                # A start of the swim before goes on saying which gun that one's was.
                before = by_hand.pop(race_of(s.statement), None)
                if before:
                    found.starts.append((*before, race_of(s.statement)))
            case _:
                pass
    found.starts += [(*each, key) for key, each in by_hand.items()]
    return found


def _not_recalled(guns: Iterable[Gun], rulings: Rulings, window: int) -> list[Gun]:
    """The guns by the shifted clocks of their sources, without the recalled and their company."""
    shifted = [
        msgspec.structs.replace(gun, moment=rulings.shifted(gun.source, gun.moment))
        if gun.source in rulings.shifts
        else gun
        for gun in guns
    ]
    recalls = [s.statement for s in rulings.in_force if isinstance(s.statement, RecallHeat)]
    recalled: list[Gun] = []
    for recall in recalls:
        if recall.start:
            # One event may bring several guns, when a line was cut.
            brought = [gun for gun in shifted if gun.position == recall.start]
            recalled += sorted(brought, key=lambda gun: abs(gun.moment - recall.gun))[:1]
        else:
            recalled += [gun for gun in shifted if gun.moment == recall.gun]
    if not recalled:
        return shifted
    groups = group_guns(shifted, window)
    return [g for group in groups if not any(gun in recalled for gun in group) for g in group]


def _walk(
    signals: Iterable[Signal], startlist: StartList, calls: Sequence[Call], repeats: Repeats
) -> Starts:
    """Give each signal, in order of moment, the heat it names, or the next one."""
    given: dict[RaceKey, Start] = {}
    last: RaceKey | None = None
    last_position = 0
    unused = []
    for moment, position, named, gun in sorted(signals, key=lambda s: (s[0], s[1])):
        key = named or _called(calls, last_position, position, given, repeats)
        key = key or _next(startlist.in_force(position).order, last, given)
        key = key or _repeated(repeats, position, given)
        if key is None:
            if gun is not None:
                unused.append(gun)
            continue
        before = given.get(key)
        if before is None or _swim(repeats, key, before) <= _swim(repeats, key, position):
            given[key] = Start(moment, position, by_hand=gun is None)
        last, last_position = key, position
    newest = {key: start for key, start in given.items() if _counts(repeats, key, start)}
    return Starts(newest, tuple(unused), given, last, last_position)


def _repeats(rulings: Rulings) -> Repeats:
    return [
        (race_of(s.statement), s.position)
        for s in rulings.in_force
        if isinstance(s.statement, ReSwim)
    ]


def _swim(repeats: Repeats, key: RaceKey, start: Start | int) -> int:
    """How often the heat had been sent back before this start of it."""
    position = start if isinstance(start, int) else start.position
    return sum(again == key and said < position for again, said in repeats)


def _counts(repeats: Repeats, key: RaceKey, start: Start) -> bool:
    return not any(again == key and said > start.position for again, said in repeats)


def _repeated(repeats: Repeats, position: int, given: dict[RaceKey, Start]) -> RaceKey | None:
    """The first heat to be swum again, as said before event `position`, that has not been yet."""
    for key, said in repeats:
        again = key in given and given[key].position > said
        if said < position and not again:
            return key
    return None


def _news(calls: Sequence[Call], repeats: Repeats) -> Sequence[Call]:
    """The calls without those that name the heat of the call before once more.

    After it was said that the heat is to be swum again, that is news.
    """
    kept: list[Call] = []
    for call in calls:
        if kept and kept[-1].key == call.key:
            since = kept[-1].position
            if not any(k == call.key and since < said < call.position for k, said in repeats):
                continue
        kept.append(call)
    return kept


def _called(
    calls: Sequence[Call],
    after: int,
    before: int,
    given: dict[RaceKey, Start],
    repeats: Repeats,
) -> RaceKey | None:
    """The heat a status file called between two starts, unless it has started already."""
    for call in reversed(calls):
        if after < call.position < before:
            start = given.get(call.key)
            waits = start is None or any(
                key == call.key and start.position < said < call.position for key, said in repeats
            )
            return call.key if waits else None
    return None


def _next(
    order: tuple[RaceKey, ...], last: RaceKey | None, given: dict[RaceKey, Start]
) -> RaceKey | None:
    """The first heat in `order` after the last one started that has not started itself."""
    at = order.index(last) + 1 if last in order else 0
    return next((key for key in order[at:] if key not in given), None)


def next_race(
    startlist: StartList, calls: Sequence[Call], starts: Starts, rulings: Rulings, position: int
) -> RaceKey | None:
    """The heat that the next gun would start, as of event `position`."""
    repeats, given = _repeats(rulings), starts.given
    return (
        _called(_news(calls, repeats), starts.last_position, position + 1, given, repeats)
        or _next(startlist.in_force(position).order, starts.last, given)
        or _repeated(repeats, position + 1, given)
    )
