"""Testimony: the statements that bear on a race or on a lane, as an explanation shows them."""

from collections.abc import Callable, Collection

from meetlog.explanations import Said
from projections.clock import iso_local
from projections.facts import Stated
from projections.meet import Meet
from projections.rulings import race_of
from projections.startlist import canonical
from projections.wording import describe
from wire.statements import (
    AddCrossing,
    AdoptSettings,
    AnyStatement,
    AssignChip,
    LaneStatement,
    MoveGun,
    RaceStatement,
    ReSwim,
    ShiftClock,
    StartHeat,
    VoidReads,
    Withdraw,
)
from wire.timedrops import RaceKey


def said(meet: Meet, stated: Stated) -> Said:
    """A statement as it is shown."""
    statement, zone = stated.statement, meet.settings.meet.zone
    return Said(
        position=stated.position,
        at=iso_local(statement.at or None, zone),
        at_ns=statement.at,
        author=statement.author,
        channel=statement.channel,
        proof=statement.proof,
        reason=statement.reason,
        words=describe(statement, zone),
        withdrawn_by=meet.rulings().withdrawn.get(stated.position),
    )


def said_at(meet: Meet, position: int | None) -> Said | None:
    """The statement at event `position`, None when there is none."""
    return next((said(meet, s) for s in meet.state.stated if s.position == position), None)


def about_race(meet: Meet, key: RaceKey) -> tuple[Said, ...]:
    """Every statement about the race or its lanes, withdrawn ones and withdrawals included."""
    return _shown(meet, lambda s: isinstance(s, RaceStatement) and race_of(s) == key)


def about_lane(
    meet: Meet, key: RaceKey, lane: int, chips: Collection[str], sources: Collection[str]
) -> tuple[Said, ...]:
    """Every statement that bears on a lane: its race's and its own, its chips', its sources'."""
    known = {canonical(chip) for chip in chips}

    def bears(statement: AnyStatement) -> bool:
        match statement:
            case LaneStatement():
                return race_of(statement) == key and statement.lane == lane
            case RaceStatement():
                return race_of(statement) == key
            case AssignChip() | VoidReads() | AddCrossing():
                return canonical(statement.chip) in known
            case ShiftClock():
                return statement.source in sources
            case _:
                return isinstance(statement, AdoptSettings)

    return _shown(meet, bears)


def decisive(
    meet: Meet, key: RaceKey, kinds: tuple[type[AnyStatement], ...], lane: int | None = None
) -> Said | None:
    """The last statement in force of some kinds about a race or its lane; a re-swim ends earlier
    ones."""
    found = None
    for stated in meet.rulings().in_force:
        statement = stated.statement
        if not isinstance(statement, RaceStatement) or race_of(statement) != key:
            continue
        if isinstance(statement, ReSwim):
            found = None
        elif isinstance(statement, kinds) and getattr(statement, "lane", None) == lane:
            found = stated
    return None if found is None else said(meet, found)


def start_said(meet: Meet, key: RaceKey, position: int) -> Said | None:
    """The statement that set a race's start: a gun time, else the start by hand at `position`."""
    if key in meet.rulings().guns:
        moved = decisive(meet, key, (MoveGun,))
        if moved is not None:
            return moved
    started = decisive(meet, key, (StartHeat,))
    return started if started is not None and started.position == position else None


def _shown(meet: Meet, bears: Callable[[AnyStatement], bool]) -> tuple[Said, ...]:
    found: dict[int, Said] = {}
    for stated in meet.state.stated:
        statement = stated.statement
        # A withdrawal bears on what it withdraws, and so does the withdrawal of that.
        back = isinstance(statement, Withdraw) and statement.position in found
        if back or bears(statement):
            found[stated.position] = said(meet, stated)
    return tuple(found.values())
