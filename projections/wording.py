"""Wording: what each statement says, in a sentence for people."""

from projections.clock import iso_local
from projections.rounding import format_cs
from wire.settings import format_duration
from wire.statements import (
    Acknowledge,
    AddCrossing,
    AdoptSettings,
    AnyStatement,
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
    VoidReads,
    Withdraw,
)

# What a `VoidReads` without an end says: further than any clock goes.
FOREVER = 2**63 - 1


def describe(statement: AnyStatement, zone: str = "UTC") -> str:
    """One sentence without a full stop: what the statement says. Moments are shown in `zone`.

    A secret's hash and the text of settings are left out.
    """
    if isinstance(statement, LaneStatement):
        return f"{_race(statement)}, lane {statement.lane}: {_lane(statement)}"
    if isinstance(statement, RaceStatement):
        return f"{_race(statement)}: {_heat(statement, zone)}"
    match statement:
        case AssignChip(chip=chip, swimmer=swimmer, since=since):
            whose = f"belongs to swimmer {swimmer}" if swimmer else "belongs to nobody"
            return f"chip {chip} {whose} {_since(since, zone)}"
        case VoidReads(chip=chip, point=point, restore=restore):
            where = f" at {point}" if point else ""
            count = "count again" if restore else "do not count"
            span = _span(statement.since, statement.until, zone)
            return f"the reads of chip {chip}{where} {count}{span}"
        case AddCrossing(chip=chip, point=point, moment=moment):
            return f"chip {chip} crossed {point} at {iso_local(moment, zone)}"
        case ShiftClock(source=source, shift=shift):
            sign = "" if shift < 0 else "+"
            span = _span(statement.since, statement.until or FOREVER, zone)
            return f"the stamps of {source} are corrected by {sign}{format_duration(shift)}{span}"
        case AdoptSettings():
            return "the log is read by other settings from here on"
        case RegisterOperator(name=name, role=role, secret=secret):
            if role == "viewer":
                return f"{name} may look on, and say nothing"
            proof = "a secret" if secret else "the login"
            return f"{name} may speak as {role}, proven by {proof}"
        case Acknowledge(alarm=alarm, text=text):
            return f"the alarm is seen: {text or alarm}"
        case Withdraw(position=position):
            return f"statement {position} counts no more"


def race_words(session: str, event: str, heat: int) -> str:
    """`event 4A, heat 2 of session 1`."""
    return f"event {event}, heat {heat} of session {session}"


def _race(statement: RaceStatement) -> str:
    return race_words(statement.session, statement.event, statement.heat)


def _heat(statement: RaceStatement, zone: str) -> str:
    match statement:
        case StartHeat(gun=gun):
            return f"started at {iso_local(gun, zone)}"
        case MoveGun(gun=gun):
            return f"the start counts as of {iso_local(gun, zone)}"
        case RecallHeat(gun=gun):
            return f"the start at {iso_local(gun, zone)} was false and is recalled"
        case ReSwim(race_number=number):
            return f"is swum again as race {number}"
        case CloseHeat():
            return "is complete as it stands"
        case ReopenHeat():
            return "is open again"
    raise AssertionError(f"no words for {statement!r}")


def _lane(statement: LaneStatement) -> str:
    match statement:
        case Disqualify(code=code, text=text):
            rule = f" by rule {code}" if code else ""
            return f"disqualified{rule}{f': {text}' if text else ''}"
        case NoShow():
            return "nobody started (no show)"
        case DidNotFinish():
            return "did not finish"
        case Reinstate():
            return "is reinstated"
        case SetTime(time_cs=time_cs):
            return f"the time is {format_cs(time_cs)}"
        case ClearTime():
            return "has no time"
        case MarkLane(empty=empty):
            return "is empty" if empty else "is not empty"
    raise AssertionError(f"no words for {statement!r}")


def _since(since: int, zone: str) -> str:
    return f"from {iso_local(since, zone)} on" if since else "during the whole meet"


def _span(since: int, until: int, zone: str) -> str:
    """The words for a span; "" for all of the meet."""
    begin = f" from {iso_local(since, zone)}" if since else ""
    return begin if until >= FOREVER else f"{begin} until {iso_local(until, zone)}"
