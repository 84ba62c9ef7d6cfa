"""Rulings: what the statements in force amount to, as a pure function of all that were made.

A withdrawn statement counts as never made, and so does a withdrawal that was
itself withdrawn. Of several statements about the same thing the last counts,
in the order of the log.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from projections.facts import Stated
from projections.startlist import canonical
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
    Reinstate,
    ReopenHeat,
    ReSwim,
    SetTime,
    ShiftClock,
    StartHeat,
    VoidReads,
    Withdraw,
)
from wire.timedrops import RaceKey

K = TypeVar("K")
V = TypeVar("V")
# Since when (ns UTC, 0 for ever), and whose: a swimmer's id, "" for nobody's.
Owners = tuple[tuple[int, str], ...]


class LaneRuling(msgspec.Struct, frozen=True):
    """What was said of one lane.

    `status` is `DQ`, `NS`, `DNF` or ""; `note` the code and words of a
    disqualification. `time_cs` is the time set, `cleared` that there is none.
    `empty` is None while nothing was said of it. `reinstated`: what the
    timing system says against the swimmer holds no more.
    """

    status: str = ""
    note: str = ""
    time_cs: int | None = None
    cleared: bool = False
    empty: bool | None = None
    reinstated: bool = False


class ReadRuling(msgspec.Struct, frozen=True):
    """Reads of a chip from `since` to `until` (ns UTC) at `point` ("" is all) are void, or not."""

    point: str
    since: int
    until: int
    void: bool
    position: int


class Sighting(msgspec.Struct, frozen=True):
    """A crossing that somebody saw: its point, moment (ns UTC), and the statement's position."""

    point: str
    moment: int
    position: int


class Shift(msgspec.Struct, frozen=True):
    """Stamps from `since` to `until` (ns UTC; 0 is open) move by `shift` ns."""

    shift: int
    since: int
    until: int

    def covers(self, moment: int) -> bool:
        """Whether a stamp, unshifted, is in the span."""
        return self.since <= moment and (not self.until or moment <= self.until)


class Repeat(msgspec.Struct, frozen=True):
    """A heat is to be swum again under `race_number`, said at event `position`."""

    race_number: int
    position: int


def owner_at(owners: Owners, moment: int) -> tuple[int, str]:
    """The owner at a moment, and since when; (0, "") where nobody is known."""
    found = (0, "")
    for owner in owners:
        if owner[0] > moment:
            break
        found = owner
    return found


class Rulings(msgspec.Struct, frozen=True):
    """What holds, by what it is about, in the order of the log.

    `owners` has for each chip (without leading zeros) since when (ns UTC) it
    is whose; `withdrawn` the positions of what does not count, and of what says so;
    `acknowledged` the first who has seen an alarm, by its key.
    """

    in_force: tuple[Stated, ...] = ()
    withdrawn: dict[int, int] = {}
    closed: frozenset[RaceKey] = frozenset()
    lanes: dict[RaceKey, dict[int, LaneRuling]] = {}
    guns: dict[RaceKey, int] = {}
    repeats: dict[RaceKey, Repeat] = {}
    owners: dict[str, Owners] = {}
    reads: dict[str, tuple[ReadRuling, ...]] = {}
    sightings: dict[str, tuple[Sighting, ...]] = {}
    shifts: dict[str, tuple[Shift, ...]] = {}
    acknowledged: dict[str, Acknowledge] = {}

    def shifted(self, source: str, moment: int) -> int:
        """A moment by the clock of `source`, after all shifts in force that cover it."""
        shifts = self.shifts.get(source)
        if not shifts:
            return moment
        return moment + sum(s.shift for s in shifts if s.covers(moment))


def race_of(statement: RaceStatement) -> RaceKey:
    """The identity of the race that a statement is about."""
    return RaceKey(statement.session, statement.event, statement.heat)


def withdrawals(stated: Sequence[Stated]) -> dict[int, int]:
    """The positions of the statements that do not count, and of the withdrawals that say so.

    A withdrawal of something later than itself means nothing.
    """
    found: dict[int, int] = {}
    for s in reversed(stated):
        said = s.statement
        if isinstance(said, Withdraw) and s.position not in found and said.position < s.position:
            found.setdefault(said.position, s.position)
    return found


def rule(stated: Sequence[Stated]) -> Rulings:
    """What all statements of a log amount to."""
    withdrawn = withdrawals(stated)
    in_force = tuple(s for s in stated if s.position not in withdrawn)
    closed: set[RaceKey] = set()
    lanes: dict[RaceKey, dict[int, LaneRuling]] = {}
    guns: dict[RaceKey, int] = {}
    repeats: dict[RaceKey, Repeat] = {}
    owners: dict[str, Owners] = {}
    reads: dict[str, tuple[ReadRuling, ...]] = {}
    sightings: dict[str, tuple[Sighting, ...]] = {}
    shifts: dict[str, tuple[Shift, ...]] = {}
    acknowledged: dict[str, Acknowledge] = {}
    for s in in_force:
        match s.statement:
            case CloseHeat():
                closed.add(race_of(s.statement))
            case ReopenHeat():
                closed.discard(race_of(s.statement))
            case MoveGun(gun=gun):
                guns[race_of(s.statement)] = gun
            case StartHeat() | RecallHeat():
                # A new start, or none, takes the place of a gun time said before.
                guns.pop(race_of(s.statement), None)
                if isinstance(s.statement, RecallHeat):
                    closed.discard(race_of(s.statement))  # it is to be swum, after all
            case ReSwim(race_number=number):
                key = race_of(s.statement)
                repeats[key] = Repeat(number, s.position)
                # What was said of the swim before is not said of this one.
                guns.pop(key, None)
                lanes.pop(key, None)
                closed.discard(key)
            case LaneStatement():
                of_race = lanes.setdefault(race_of(s.statement), {})
                before = of_race.get(s.statement.lane, LaneRuling())
                of_race[s.statement.lane] = _lane(before, s.statement)
            case AssignChip(chip=chip, swimmer=swimmer, since=since):
                known = canonical(chip)
                kept = tuple(o for o in owners.get(known, ()) if o[0] < since)
                owners[known] = (*kept, (since, swimmer))
            case VoidReads(chip=chip) as said:
                ruling = ReadRuling(
                    said.point, said.since, said.until, not said.restore, s.position
                )
                reads[chip] = (*reads.get(chip, ()), ruling)
            case AddCrossing(chip=chip) as said:
                seen = Sighting(said.point, said.moment, s.position)
                sightings[chip] = (*sightings.get(chip, ()), seen)
            case ShiftClock(source=source) as said:
                moved = Shift(said.shift, said.since, said.until)
                shifts[source] = (*shifts.get(source, ()), moved)
            case Acknowledge(alarm=alarm) as said:
                acknowledged.setdefault(alarm, said)
            case _:
                pass
    return Rulings(
        in_force, withdrawn, frozenset(closed), lanes, guns, repeats, owners, reads, sightings,
        shifts, acknowledged,
    )  # fmt: skip


def differing(one: Mapping[K, V], other: Mapping[K, V]) -> set[K]:
    """The keys of what is in one only, or other in the other."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def ruled_otherwise(one: Rulings, other: Rulings) -> set[RaceKey]:
    """The races of which something else holds, but for their starts."""
    lanes, repeats = differing(one.lanes, other.lanes), differing(one.repeats, other.repeats)
    return lanes | repeats | (one.closed ^ other.closed)


def _lane(before: LaneRuling, said: LaneStatement) -> LaneRuling:
    replace = msgspec.structs.replace
    match said:
        case Disqualify(code=code, text=text):
            note = " ".join(filter(None, (code, text)))
            return replace(before, status="DQ", note=note, reinstated=False)
        case NoShow():
            return replace(before, status="NS", note="", reinstated=False)
        case DidNotFinish():
            return replace(before, status="DNF", note="", reinstated=False)
        case Reinstate():
            return replace(before, status="", note="", reinstated=True)
        case SetTime(time_cs=time_cs):
            return replace(before, time_cs=time_cs, cleared=False)
        case ClearTime():
            return replace(before, time_cs=None, cleared=True)
        case MarkLane(empty=empty):
            return replace(before, empty=empty)
        case _:
            return before


def is_void(rulings: Iterable[ReadRuling], point: str, moment: int) -> ReadRuling | None:
    """The ruling that voids a read at `point`, by its unshifted moment; None when it counts."""
    last = None
    for ruling in rulings:
        if ruling.point in ("", point) and ruling.since <= moment <= ruling.until:
            last = ruling
    return last if last is not None and last.void else None


def adopted(stated: Sequence[Stated]) -> list[tuple[int, str]]:
    """The positions and texts of the settings that statements in force adopted."""
    withdrawn = withdrawals(stated)
    return [
        (s.position, s.statement.toml)
        for s in stated
        if isinstance(s.statement, AdoptSettings) and s.position not in withdrawn
    ]
