"""The rows of a heat as pages show it: official times, and provisional ones as such. Pure."""

from collections.abc import Mapping

import msgspec

from meetlog.console.snapshots import Snapshot
from projections.views import Crossing, Lane, Race
from wire.stamps import NS

_CS = NS // 100


class Leg(msgspec.Struct, frozen=True):
    """A column of a heat: a point and its distance (0 when the course has none)."""

    point: str
    distance: int


class Row(msgspec.Struct, frozen=True):
    """A lane: its splits by the heat's columns, and a time that only first-seen reads give.

    `provisional_cs` is where the lane was last seen since the gun, at `provisional_at`; it is
    never official, and None where there is an official time since.
    """

    lane: Lane
    splits: tuple[int | None, ...]
    provisional_cs: int | None = None
    provisional_at: str = ""


class Heat(msgspec.Struct, frozen=True):
    """A race, its columns before the final time, and its rows.

    `combined`: lanes of several events; `told`: some lane has a status or a note.
    """

    race: Race
    legs: tuple[Leg, ...]
    rows: tuple[Row, ...]
    combined: bool
    told: bool


def shown_race(s: Snapshot) -> Race | None:
    """The current heat; where none is to come, the one that started last."""
    swum = (race for race in s.races if race.start_ns is not None)
    return s.current or max(swum, key=lambda race: race.start_ns or 0, default=None)


def heat_of(race: Race, snapshot: Snapshot) -> Heat:
    """The race as it is to be shown."""
    seen: dict[tuple[int, str], Leg] = {}
    for lane in race.lanes:
        for split in lane.splits:
            seen.setdefault((split.distance, split.point), Leg(split.point, split.distance))
    legs = [seen[key] for key in sorted(seen)]
    # The finish has its own column; a console, whose splits have no point, may list it among them.
    finals = {
        (split.distance, split.point)
        for lane in race.lanes
        for split in lane.splits
        if split.finish or (not split.point and split.time_cs == lane.time_cs)
    }
    legs = [leg for leg in legs if (leg.distance, leg.point) not in finals]
    newest = _newest(race, snapshot)
    rows = tuple(_row(race, lane, tuple(legs), newest) for lane in race.lanes)
    combined = any(lane.event != race.event for lane in race.lanes)
    told = any(lane.status or lane.note for lane in race.lanes)
    return Heat(race, tuple(legs), rows, combined, told)


def _row(race: Race, lane: Lane, legs: tuple[Leg, ...], newest: Mapping[str, Crossing]) -> Row:
    by_leg = {(s.distance, s.point): s.time_cs for s in lane.splits}
    splits = tuple(by_leg.get((leg.distance, leg.point)) for leg in legs)
    crossing = None if lane.time_cs is not None else _provisional(lane, newest)
    if crossing is None or race.start_ns is None:
        return Row(lane, splits)
    return Row(lane, splits, (crossing.moment_ns - race.start_ns) // _CS, crossing.point)


def _newest(race: Race, snapshot: Snapshot) -> dict[str, Crossing]:
    """The newest crossing of each swimmer since the gun, while the race goes on."""
    if race.start_ns is None or race.state != "started":
        return {}
    return {c.swimmer: c for c in reversed(snapshot.recent) if c.moment_ns > race.start_ns}


def _provisional(lane: Lane, newest: Mapping[str, Crossing]) -> Crossing | None:
    """The lane's newest crossing, where it is a provisional one."""
    mine = [newest[swimmer] for swimmer in lane.swimmer_ids if swimmer in newest]
    found = max(mine, key=lambda crossing: crossing.moment_ns, default=None)
    return found if found is not None and found.provisional else None
