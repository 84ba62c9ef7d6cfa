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
from wire.statements import RecallHeat, StartHeat
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
    """The outcome: started heats, and signals that started none because no heat was left."""

    by_race: dict[RaceKey, Start]
    unused: tuple[Gun, ...] = ()


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
    moves a start, or is one. `guns` may hold copies; `position` of a group
    is its first gun's.
    """
    by_race: dict[RaceKey, Start] = {}
    recalls = [s.statement for s in rulings.in_force if isinstance(s.statement, RecallHeat)]
    recalled = {r.gun for r in recalls if not r.start}
    recalled_events = {r.start for r in recalls if r.start}
    by_hand: dict[RaceKey, tuple[int, int]] = {}
    taken_back: set[int] = set()
    for s in rulings.in_force:
        if isinstance(s.statement, StartHeat):
            if s.statement.gun in recalled or s.position in recalled_events:
                taken_back.add(s.statement.gun)
            else:
                by_hand[race_of(s.statement)] = (s.statement.gun, s.position)
    signals: list[tuple[int, int, RaceKey | None, Gun | None]] = [
        (moment, position, key, None) for key, (moment, position) in by_hand.items()
    ]
    told = taken_back | {moment for moment, _ in by_hand.values()}
    shifted = [
        msgspec.structs.replace(gun, moment=rulings.shifted(gun.source, gun.moment))
        if gun.source in rulings.shifts
        else gun
        for gun in guns
    ]
    for group in group_guns(shifted, window):
        gun = group[0]
        if any(g.moment in recalled or g.position in recalled_events for g in group):
            continue
        if any(abs(gun.moment - moment) <= window for moment in told):
            continue
        signals.append((gun.moment, gun.position, None, gun))
    last: RaceKey | None = None
    last_position = 0
    unused = []
    for moment, position, named, signal in sorted(signals, key=lambda s: (s[0], s[1])):
        key = named or _called(calls, last_position, position, by_race)
        key = key or _next(startlist.in_force(position).order, last, by_race)
        key = key or _repeated(rulings, position, by_race)
        if key is None:
            if signal is not None:
                unused.append(signal)
            continue
        by_race[key] = Start(moment, position, by_hand=signal is None)
        last, last_position = key, position
    for key, repeat in rulings.repeats.items():
        if key in by_race and by_race[key].position < repeat.position:
            del by_race[key]
    for key, moment in rulings.guns.items():
        position = by_race[key].position if key in by_race else 0
        by_race[key] = Start(moment, position, by_hand=True)
    return Starts(by_race, tuple(unused))


def _repeated(rulings: Rulings, position: int, started: dict[RaceKey, Start]) -> RaceKey | None:
    """The first heat to be swum again, as said before event `position`, that has not been yet."""
    for key, repeat in rulings.repeats.items():
        again = key in started and started[key].position > repeat.position
        if repeat.position < position and not again:
            return key
    return None


def _called(
    calls: Sequence[Call], after: int, before: int, started: dict[RaceKey, Start]
) -> RaceKey | None:
    """The heat a status file called between two starts, unless it has started already."""
    for call in reversed(calls):
        if after < call.position < before:
            return None if call.key in started else call.key
    return None


def _next(
    order: tuple[RaceKey, ...], last: RaceKey | None, started: dict[RaceKey, Start]
) -> RaceKey | None:
    """The first heat in `order` after the last one started that has not started itself."""
    at = order.index(last) + 1 if last in order else 0
    return next((key for key in order[at:] if key not in started), None)


def next_race(
    startlist: StartList, calls: Sequence[Call], starts: Starts, rulings: Rulings, position: int
) -> RaceKey | None:
    """The heat that the next gun would start, as of event `position`."""
    started = starts.by_race
    latest = max(started.items(), key=lambda item: (item[1].moment, item[1].position), default=None)
    last, after = (latest[0], latest[1].position) if latest else (None, 0)
    return (
        _called(calls, after, position + 1, started)
        or _next(startlist.in_force(position).order, last, started)
        or _repeated(rulings, position + 1, started)
    )
