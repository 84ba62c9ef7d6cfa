"""Subjects: what a statement is about, as it stands, so that two positions can be compared.

A subject is what its author must have seen to mean what is said. What
happens elsewhere meanwhile, even in the next lane, does not touch it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from projections.clock import iso_local
from projections.meet import Meet
from projections.operators import operators
from projections.rounding import format_cs
from projections.rulings import Rulings, race_of
from projections.startlist import canonical
from projections.views import Lane, Race
from wire.settings import Settings, format_duration
from wire.statements import (
    Acknowledge,
    AddCrossing,
    AdoptSettings,
    AnyStatement,
    AssignChip,
    CloseHeat,
    Disqualify,
    LaneStatement,
    RaceStatement,
    RegisterOperator,
    Reinstate,
    ReopenHeat,
    ReSwim,
    ShiftClock,
    VoidReads,
    Withdraw,
)

Subject = Mapping[str, str]  # what it is -> what it says, "" for nothing
Changed = tuple[str, str, str]  # what it is, what it said, what it says


def subject_of(meet: Meet, statement: AnyStatement) -> Subject:
    """What `statement` is about as the settled `meet` has it."""
    rulings = meet.rulings()
    match statement:
        case LaneStatement():
            return _lane(meet, statement)
        case RaceStatement():
            race = meet.race(race_of(statement))
            if race is None:
                return {"the race": "unknown"}
            whole = isinstance(statement, CloseHeat | ReopenHeat | ReSwim)
            return _start(race) | (_standing(race) if whole else {})
        case AssignChip(chip=chip):
            return {f"whose chip {chip} is": _owner(meet, rulings, chip)}
        case VoidReads(chip=chip, point=point):
            void = ", ".join(str(r.position) for r in rulings.reads.get(chip, ()))
            crossings = _crossings(meet, chip, point, statement.since, statement.until)
            return {f"crossings of chip {chip}": crossings, "voided or restored by": void}
        case AddCrossing(chip=chip, point=point):
            return {f"crossings of chip {chip} at {point}": _crossings(meet, chip, point)}
        case ShiftClock(source=source):
            shifts = [format_duration(s.shift) for s in rulings.shifts.get(source, ())]
            return {f"the clock of {source} is corrected by": ", ".join(shifts)}
        case AdoptSettings():
            return flat(meet.settings)
        case RegisterOperator(name=name):
            known = operators(rulings.in_force).get(name)
            return {f"operator {name}": f"{known.role} since {known.position}" if known else ""}
        case Acknowledge(alarm=alarm):
            said = rulings.acknowledged.get(alarm)
            return {"the alarm": f"seen by {said.author}" if said else ""}
        case Withdraw(position=position):
            gone = rulings.withdrawn.get(position)
            return {f"statement {position}": f"withdrawn by {gone}" if gone else "counts"}


def changes(then: Subject, now: Subject) -> tuple[Changed, ...]:
    """What differs between a subject as it was seen and as it is; () when nothing does."""
    return tuple(
        (what, then.get(what, ""), now.get(what, ""))
        for what in dict.fromkeys([*then, *now])
        if then.get(what, "") != now.get(what, "")
    )


def flat(settings: Settings) -> dict[str, str]:
    """Every setting as `meet.zone` and what it says, to show two versions side by side."""
    found: dict[str, str] = {}
    _flatten(found, "", msgspec.to_builtins(settings))
    return found


def stamps_of(meet: Meet, chip: str, point: str, first: int, last: int) -> tuple[int, int] | None:
    """The span (ns UTC) of the stamps, before any shift, of the reads shown from `first` to `last`.

    Those of the chip at the point; None when it has none there.
    """
    known = next((p for p in meet.points() if p.settings.name == point), None)
    reads = meet.state.reads
    rulings = meet.rulings()
    stamps = [
        stamp
        for feed in (known.feeds if known else ())
        if (columns := reads.chips.get(chip, {}).get(feed.id)) is not None
        for stamp in columns.moments
        if first <= rulings.shifted(reads.feeds[feed.id][0], stamp) + feed.shift <= last
    ]
    return (min(stamps), max(stamps)) if stamps else None


def _flatten(found: dict[str, str], path: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            _flatten(found, f"{path}.{key}" if path else key, each)
    elif isinstance(value, list | tuple) and any(isinstance(each, dict) for each in value):
        for number, each in enumerate(value, 1):
            name = each.get("name", "") if isinstance(each, dict) else ""
            _flatten(found, f"{path}[{name or number}]", each)
    else:
        shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        found[path] = shown


def _lane(meet: Meet, statement: LaneStatement) -> Subject:
    race = meet.race(race_of(statement))
    lane = next((x for x in race.lanes if x.lane == statement.lane), None) if race else None
    if race is None or lane is None:
        return {"the lane": "unknown"}
    found = {"race number": str(race.race_number), "swimmer": _who(lane), "status": lane.status}
    if not isinstance(statement, Disqualify | Reinstate):
        # A judge decides on the swim, whether its time has come in yet or not.
        found["time"] = format_cs(lane.time_cs)
    return found


def _start(race: Race) -> dict[str, str]:
    return {"race number": str(race.race_number), "start": race.start}


def _standing(race: Race) -> dict[str, str]:
    closed = "closed" if race.state == "closed" else "open"
    found = {"state": closed}
    for lane in race.lanes:
        found[f"lane {lane.lane}"] = " ".join(
            each for each in (_who(lane), format_cs(lane.time_cs), lane.status) if each
        )
    return found


def _who(lane: Lane) -> str:
    return lane.name or ", ".join(lane.swimmer_ids)


def _owner(meet: Meet, rulings: Rulings, chip: str) -> str:
    startlist = meet.state.startlist
    listed = startlist.swimmer_of(chip) or "nobody's"
    later = [f"{s or 'nobody'} since {since}" for since, s in _owners(rulings, chip)]
    return "; ".join([listed, *later])


def _owners(rulings: Rulings, chip: str) -> tuple[tuple[int, str], ...]:
    return rulings.owners.get(canonical(chip), ())


def _crossings(meet: Meet, chip: str, point: str, since: int = 0, until: int = 2**63 - 1) -> str:
    zone = meet.settings.meet.zone
    return ", ".join(
        f"{c.point} {iso_local(c.moment_ns, zone)}{' provisional' if c.provisional else ''}"
        for c in meet.crossings([chip], point or None)
        if c.last_ns >= since and c.first_ns <= until
    )
