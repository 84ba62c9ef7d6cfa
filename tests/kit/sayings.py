"""Statements made short, and everything that a meet shows, to compare one log with another."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from projections.meet import Meet
from tests.kit.meets import MS, SWIM, utc
from wire.statements import (
    Acknowledge,
    AddCrossing,
    AdoptSettings,
    AssignChip,
    ClearTime,
    CloseHeat,
    DidNotFinish,
    Disqualify,
    LaneStatement,
    MarkLane,
    MoveGun,
    NoShow,
    RaceStatement,
    RecallHeat,
    RegisterOperator,
    Reinstate,
    ReopenHeat,
    ReSwim,
    SetTime,
    ShiftClock,
    StartHeat,
    Statement,
    VoidReads,
    Withdraw,
)

FOREVER = 2**63 - 1
S = TypeVar("S", bound=Statement)


def said(kind: type[S], **fields: object) -> S:
    """A statement of Ada's; where nothing else is given about event 1, heat 1, lane 1."""
    common: dict[str, Any] = {
        "author": "Ada", "channel": "cli", "at": 0, "seen": 0, "reason": "seen"
    }  # fmt: skip
    if issubclass(kind, RaceStatement):
        common |= {"session": "67", "event": "1", "heat": 1}
    if issubclass(kind, LaneStatement):
        common["lane"] = 1
    return kind(**{**common, **fields})


def start(ms: int, **more: object) -> StartHeat:
    return said(StartHeat, gun=utc(ms), **more)


def gun(ms: int, **more: object) -> MoveGun:
    return said(MoveGun, gun=utc(ms), **more)


def recall(ms: int, position: int = 0, **more: object) -> RecallHeat:
    return said(RecallHeat, gun=utc(ms), start=position, **more)


def re_swim(number: int, **more: object) -> ReSwim:
    return said(ReSwim, race_number=number, **more)


def close(**more: object) -> CloseHeat:
    return said(CloseHeat, **more)


def reopen(**more: object) -> ReopenHeat:
    return said(ReopenHeat, **more)


def dq(lane: int = 1, code: str = "SW 4.4", text: str = "false start", **m: object) -> Disqualify:
    return said(Disqualify, lane=lane, code=code, text=text, **m)


def no_show(lane: int = 1, **more: object) -> NoShow:
    return said(NoShow, lane=lane, **more)


def dnf(lane: int = 1, **more: object) -> DidNotFinish:
    return said(DidNotFinish, lane=lane, **more)


def reinstate(lane: int = 1, **more: object) -> Reinstate:
    return said(Reinstate, lane=lane, **more)


def set_time(cs: int, lane: int = 1, **more: object) -> SetTime:
    return said(SetTime, lane=lane, time_cs=cs, **more)


def clear_time(lane: int = 1, **more: object) -> ClearTime:
    return said(ClearTime, lane=lane, **more)


def mark(empty: bool, lane: int = 1, **more: object) -> MarkLane:
    return said(MarkLane, lane=lane, empty=empty, **more)


def chip(tag: str, swimmer: str, ms: int | None = None) -> AssignChip:
    """From a moment on, or for the whole meet."""
    return said(AssignChip, chip=tag, swimmer=swimmer, since=0 if ms is None else utc(ms))


def void(
    tag: str, since: int | None = None, until: int | None = None, *, point: str = "",
    restore: bool = False,
) -> VoidReads:  # fmt: skip
    """Reads of a span, by the stamps of the wall clock, or all."""
    return said(
        VoidReads, chip=tag, point=point, since=0 if since is None else utc(since),
        until=FOREVER if until is None else utc(until), restore=restore,
    )  # fmt: skip


def crossing(tag: str, ms: int, point: str = "Finish") -> AddCrossing:
    return said(AddCrossing, chip=tag, point=point, moment=utc(ms))


def shift(source: str, by: int, since: int | None = None, until: int | None = None) -> ShiftClock:
    return said(
        ShiftClock, source=source, shift=by * MS, since=0 if since is None else utc(since),
        until=0 if until is None else utc(until),
    )  # fmt: skip


def adopt(toml: str = SWIM) -> AdoptSettings:
    return said(AdoptSettings, toml=toml)


def operator(name: str = "Bo") -> RegisterOperator:
    return said(RegisterOperator, name=name, role="timer")


def acknowledge(alarm: str, text: str = "", **more: object) -> Acknowledge:
    return said(Acknowledge, alarm=alarm, text=text, **more)


def withdraw(position: int) -> Withdraw:
    return said(Withdraw, position=position)


def shown(meet: Meet, positions: Mapping[int, int] | None = None) -> dict[str, Any]:
    """Everything a settled meet shows but its own position and statements.

    With `positions`, those of events are replaced by what they are in another log.
    """
    starts = meet.starts()
    views = {
        "settings": meet.settings,
        "points": [p.settings for p in meet.points()],
        "crossings": meet.crossings(),
        "races": meet.races(),
        "starts": {str(k): s for k, s in sorted(starts.by_race.items())},
        "unused": starts.unused,
        "next": meet.next_race(),
        "current": meet.current_race(),
        "revisions": meet.revisions(),
        "alarms": meet.alarms(),
        "quarantine": meet.quarantine(),
        "sources": meet.sources(),
        "relays": meet.relays(),
    }
    found: dict[str, Any] = _moved(msgspec.to_builtins(views), positions)
    found["quarantine"].sort(key=lambda entry: (entry["position"], entry["reason"]))
    return found


def _moved(value: Any, positions: Mapping[int, int] | None) -> Any:
    if isinstance(value, list | tuple):
        return [_moved(each, positions) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _moved(each, positions) for key, each in value.items()}
    was = value.get("position")
    if was and positions is not None:
        found["position"] = positions[was]
        if isinstance(key := found.get("key"), str):  # an alarm's ends in its position
            found["key"] = key.removesuffix(str(was)) + (
                str(positions[was]) if key.endswith(f" {was}") else ""
            )
    return found
