"""Comparison: what differs between two views of the same races, race by race and lane by lane.

It is pure, and it knows no field by name but those it passes over: whatever
a race or a lane comes to say is compared. Passed over are event positions
and fields that end in `_ns`: positions tell where something stands in a log,
and a moment stands beside the time or the text that is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from projections.views import Lane, Race

Presence = Literal["both", "before", "after"]
_IDENTITY = frozenset({"session", "event", "heat"})  # of a race (DESIGN 6)
_NOTHING: dict[str, Any] = {}


class FieldChange(msgspec.Struct, frozen=True):
    """A field of a race or a lane, and what it says before and after; None where it is missing."""

    field: str
    before: Any
    after: Any


class LaneChange(msgspec.Struct, frozen=True):
    """A lane that differs. `presence` tells whether it is in both, or only `before` or `after`."""

    lane: int
    name: str
    presence: Presence
    fields: tuple[FieldChange, ...]


class RaceChange(msgspec.Struct, frozen=True):
    """A race that differs, identity first; `fields` are its own, `lanes` those that differ."""

    session: str
    event: str
    heat: int
    race_number: int
    presence: Presence
    fields: tuple[FieldChange, ...]
    lanes: tuple[LaneChange, ...]


def compare(before: Iterable[Race], after: Iterable[Race]) -> tuple[RaceChange, ...]:
    """What differs, in the order of `after`, then what is in `before` only; () when nothing does.

    Of a race or lane that is on one side only, every field that says something is listed.
    """
    old = {(r.session, r.event, r.heat): r for r in before}
    new = {(r.session, r.event, r.heat): r for r in after}
    keys = [*new, *(key for key in old if key not in new)]
    found = (_race_change(old.get(key), new.get(key)) for key in keys)
    return tuple(change for change in found if change is not None)


def _race_change(before: Race | None, after: Race | None) -> RaceChange | None:
    shown = after or before
    if shown is None or before == after:
        return None
    lanes = _lane_changes(before.lanes if before else (), after.lanes if after else ())
    fields = tuple(f for f in _field_changes(before, after) if f.field not in _IDENTITY)
    presence = _presence(before, after)
    if presence == "both" and not fields and not lanes:
        return None
    return RaceChange(
        shown.session, shown.event, shown.heat, shown.race_number, presence, fields, lanes
    )


def _lane_changes(before: Sequence[Lane], after: Sequence[Lane]) -> tuple[LaneChange, ...]:
    old, new = _by_number(before), _by_number(after)
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, is_ = old.get(key), new.get(key)
        fields = tuple(f for f in _field_changes(was, is_) if f.field != "lane")
        presence = _presence(was, is_)
        if fields or presence != "both":
            name = (is_ and is_.name) or (was and was.name) or ""
            found.append(LaneChange(key[0], name, presence, fields))
    return tuple(found)


def _by_number(lanes: Sequence[Lane]) -> dict[tuple[int, int], Lane]:
    """Lanes by their number, and by which of that number they are where a program has several."""
    found: dict[tuple[int, int], Lane] = {}
    for lane in lanes:
        nth = 0
        while (lane.lane, nth) in found:
            nth += 1
        found[lane.lane, nth] = lane
    return found


def _presence(before: object, after: object) -> Presence:
    if before is None:
        return "after"
    return "before" if after is None else "both"


def _field_changes(before: Race | Lane | None, after: Race | Lane | None) -> list[FieldChange]:
    if before == after:
        return []  # nearly always, and telling takes a hundred times as long
    old, new = _told(before), _told(after)
    return [
        FieldChange(field, old.get(field), new.get(field))
        for field in dict.fromkeys([*old, *new])
        if not _same(old, new, field)
    ]


def _same(old: Mapping[str, Any], new: Mapping[str, Any], field: str) -> bool:
    if old and new:
        return bool(old.get(field) == new.get(field))
    return not (old or new)[field]  # of what is on one side only, what says nothing is left out


def _told(view: Race | Lane | None) -> dict[str, Any]:
    """A view's fields without its lanes, as JSON has them."""
    if view is None:
        return _NOTHING
    if isinstance(view, Race):
        view = msgspec.structs.replace(view, lanes=())
    fields: dict[str, Any] = _results(msgspec.to_builtins(view))
    fields.pop("lanes", None)
    return fields


def _results(value: Any) -> Any:
    """`value` without positions and `_ns` moments, at any depth."""
    if isinstance(value, dict):
        return {k: _results(v) for k, v in value.items() if not _passed_over(k)}
    return [_results(each) for each in value] if isinstance(value, list | tuple) else value


def _passed_over(field: str) -> bool:
    return field == "position" or field.endswith(("_ns", "_position"))
