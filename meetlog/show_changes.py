"""Tables of what differs: races, lanes, times, statuses and places, before and after."""

from collections.abc import Iterable
from typing import Any

from meetlog import show
from meetlog.comparison import FieldChange, LaneChange, RaceChange
from meetlog.output import Rows
from projections.rounding import format_cs

_OWN_COLUMNS = ("time_cs", "place", "status")
_ONE_SIDED = {"before": "only before", "after": "only after"}
# What a lane on one side only needs not repeat: who swims there is in its row already.
_KNOWN_OF_LANE = frozenset({"event", "swimmer_ids", "name", "team", "chips"})


COLUMNS = ("race", "lane", "name", "time", "place", "status", "and")


def changes_table(races: Iterable[RaceChange]) -> Rows:
    """A row for each race that differs itself, and one for each of its lanes that do."""
    table = Rows(*COLUMNS, right=("lane",))
    for cells in cells_of(races):
        table.add(*cells)
    return table


def cells_of(races: Iterable[RaceChange]) -> list[list[str]]:
    """The cells of those rows, by `COLUMNS`."""
    rows: list[list[str]] = []
    for race in races:
        name = f"{race.session}/{race.event}/{race.heat}"
        said = [_words(f) for f in race.fields] if race.presence == "both" else []
        if race.presence != "both":
            said = [f"{_ONE_SIDED[race.presence]}, {show.count(len(race.lanes), 'lane')}"]
        if said:
            rows.append([name, "", "", "", "", "", "; ".join(said)])
        for lane in race.lanes:
            if race.presence == "both" or any(f.field in _OWN_COLUMNS for f in lane.fields):
                rows.append([name, str(lane.lane), lane.name, *_lane_cells(lane)])
    return rows


def _lane_cells(lane: LaneChange) -> list[str]:
    by_field = {f.field: f for f in lane.fields}
    cells = [_change(by_field[field]) if field in by_field else "" for field in _OWN_COLUMNS]
    others = [f for f in lane.fields if f.field not in _OWN_COLUMNS]
    said = []
    if lane.presence != "both":
        said.append(_ONE_SIDED[lane.presence])
        others = [f for f in others if f.field not in _KNOWN_OF_LANE]
    return [*cells, "; ".join([*said, *map(_words, others)])]


def _words(change: FieldChange) -> str:
    return f"{change.field.removesuffix('_cs').replace('_', ' ')}: {_change(change)}"


def _change(change: FieldChange) -> str:
    before, after = (_value(change.field, v) for v in (change.before, change.after))
    return f"{before} -> {after}"


def _value(field: str, value: Any) -> str:
    """A value in words; `none` for what says nothing."""
    if value in (None, "", [], {}):
        return "none"
    if field.endswith("_cs") and isinstance(value, int):
        return format_cs(value)
    if isinstance(value, list):
        return ", ".join(_value(field, each) for each in value)
    if isinstance(value, dict):
        if "time_cs" in value:  # a split
            return f"{value.get('distance') or value.get('point')} {format_cs(value['time_cs'])}"
        return " ".join(f"{key} {_value(key, each)}" for key, each in value.items() if each)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
