"""Checks of a statement before it is made: is what it names there, does it make sense, may they."""

from collections.abc import Mapping

import msgspec

from meetlog.nearby import find_lane, find_statement, name
from meetlog.refusals import NotAllowed, Unsayable
from meetlog.subjects import flat
from projections.clock import iso_local
from projections.facts import Stated
from projections.meet import Meet
from projections.operators import Operator, operators, role_needed, suffices
from projections.races import course_of
from projections.rulings import race_of, rule
from projections.views import Lane, Race
from projections.wording import race_words
from wire.errors import WireError
from wire.settings import Settings
from wire.settings_file import parse
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
    verb_of,
)

MOST_TEXT = 500  # of a reason or a rule: a sentence or two
MOST_NAME = 128  # as of any other name (wire.reads.MAX_NAME)
MOST_TIME_CS = 100 * 3600 * 100  # a hundred hours
_MOST_NUMBER = 2**31 - 1


def check(meet: Meet, statement: AnyStatement) -> None:
    """Raise `Unsayable` or `NotAllowed` for what may not be said, as the settled `meet` stands."""
    check_sense(meet, statement)
    check_author(meet, statement)


def check_author(meet: Meet, statement: AnyStatement) -> None:
    """Raise `NotAllowed` unless the author is who they say, and their role is enough."""
    registered = operators(meet.rulings().in_force)
    if not registered:
        return
    known = registered.get(statement.author)
    if known is None:
        raise NotAllowed(unregistered(statement.author, registered))
    if known.secret and statement.proof != "secret":
        raise NotAllowed(f"{known.name} is registered with a secret, and it was not given.")
    if not known.secret and statement.login != known.name:
        raise NotAllowed(f"{known.name} speaks from their own login only.")
    named = None
    if isinstance(statement, Withdraw):
        named = find_statement(meet, statement.position).statement
    needed = role_needed(statement, named)
    if not suffices(known.role, needed):
        what = f"`{verb_of(statement)}`"
        if isinstance(statement, Withdraw) and named is not None:
            what = f"withdrawing what {named.author} said"
        raise NotAllowed(
            f"{known.name} is registered as {known.role}, and {what} takes a {needed}. "
            f"{_who_is(registered, needed)}"
        )


def unregistered(author: str, registered: Mapping[str, Operator]) -> str:
    """The words for an author who is not registered."""
    close = [n for n in registered if n.casefold() == author.casefold()]
    there = ", ".join(f"{o.name} ({o.role})" for o in registered.values())
    hint = f"Did you mean {close[0]}?" if close else f"Registered: {there}."
    return (
        f"{author} is not registered as an operator. {hint} "
        "Say who speaks with --as NAME, or let a referee add them: meetlog operator add NAME."
    )


def check_sense(meet: Meet, statement: AnyStatement) -> None:
    """Raise `Unsayable` for what is not there, cannot be, or is so already."""
    _check_text(statement.author, "the author's name", MOST_NAME)
    if not statement.author.strip():
        raise Unsayable("The author has no name.")
    _check_text(statement.reason, "the reason", MOST_TEXT)
    match statement:
        case LaneStatement():
            race = _race(meet, statement)
            _check_lane(race, find_lane(race, statement.lane), statement)
        case RaceStatement():
            _check_race(meet, _race(meet, statement), statement)
        case AssignChip() | VoidReads() | AddCrossing():
            _check_chip(meet, statement)
        case ShiftClock(source=source, since=since, until=until):
            if source not in {each.source for each in meet.sources()}:
                raise Unsayable(f"There is no source {source!r}. See meetlog sources.")
            if until and until < since:
                raise Unsayable("The span of the shift ends before it begins.")
            if not statement.shift:
                raise Unsayable("A shift of nothing shifts nothing.")
        case AdoptSettings(toml=toml):
            read_settings(meet, toml)
        case RegisterOperator():
            _check_operator(meet, statement)
        case Acknowledge(alarm=alarm, text=text):
            _check_text(alarm, "the alarm's key", MOST_TEXT)
            _check_text(text, "the alarm", 2 * MOST_TEXT)
            if not alarm:
                raise Unsayable("The alarm has no key.")
            if alarm in meet.rulings().acknowledged:
                by = meet.rulings().acknowledged[alarm].author
                raise Unsayable(f"That alarm was acknowledged already, by {by}.")
        case Withdraw():
            _check_withdrawal(meet, statement)


def read_settings(meet: Meet, toml: str) -> Settings:
    """The settings to be adopted; raises `Unsayable` with all mistakes, or when nothing changes."""
    try:
        settings = parse(toml.encode())
    except WireError as error:
        raise Unsayable(f"These settings cannot be adopted: {error}.") from error
    if settings.log != meet.settings.log:
        raise Unsayable(
            f"These settings name another log, {settings.log.path}; this meet is recorded in "
            f"{meet.settings.log.path}. Write the same [log] path."
        )
    if flat(settings) == flat(meet.settings):
        raise Unsayable("These settings are in force already; nothing would change.")
    return settings


def _race(meet: Meet, statement: RaceStatement) -> Race:
    race = meet.race(race_of(statement))
    if race is None:
        words = race_words(statement.session, statement.event, statement.heat)
        raise Unsayable(f"There is no {words}. See meetlog results.")
    return race


def _check_race(meet: Meet, race: Race, statement: RaceStatement) -> None:
    who, zone = name(race), meet.settings.meet.zone
    match statement:
        case StartHeat():
            if race.start_ns is not None:
                raise Unsayable(
                    f"{who} has started already, at {race.start}. To move its start: meetlog gun. "
                    "If that start was false: meetlog recall."
                )
        case MoveGun(gun=gun):
            if race.start_ns == gun:
                raise Unsayable(f"{who} started at {iso_local(gun, zone)} already.")
        case RecallHeat():
            if meet.starts().by_race.get(race_of(statement)) is None:
                raise Unsayable(f"{who} has not started; there is nothing to recall.")
        case ReSwim(race_number=number):
            _check_number(meet, race, number)
        case CloseHeat():
            if race.state == "closed":
                raise Unsayable(f"{who} is closed already.")
        case ReopenHeat():
            if race.state != "closed":
                raise Unsayable(f"{who} was not closed: it is {race.state}.")


def _check_number(meet: Meet, race: Race, number: int) -> None:
    if not 0 < number <= _MOST_NUMBER:
        raise Unsayable(f"{number} is no race number.")
    if race.start_ns is None and race.origin == "":
        raise Unsayable(f"{name(race)} has not been swum; there is nothing to swim again.")
    others = [r for r in meet.races() if r.session == race.session]
    taken = next((r for r in others if r.race_number == number), None)
    if taken is not None:
        free = max(r.race_number for r in others) + 1
        raise Unsayable(
            f"Race number {number} is taken by event {taken.event}, heat {taken.heat}. "
            f"The next free one of session {race.session} is {free}."
        )


_STATUSES = {Disqualify: "DQ", NoShow: "NS", DidNotFinish: "DNF"}
_STATUS_WORDS = {"DQ": "disqualified", "NS": "a no-show", "DNF": "marked did-not-finish"}


def _check_lane(race: Race, lane: Lane, statement: LaneStatement) -> None:
    who = f"{name(race)}, lane {lane.lane}"
    empty = lane.status == "EMPTY"
    if isinstance(statement, MarkLane):
        if statement.empty == empty:
            raise Unsayable(f"{who} is {'empty' if empty else 'not empty'} already.")
        return
    if empty:
        raise Unsayable(f"{who} is empty. If somebody swims there, say so first: meetlog occupied.")
    match statement:
        case NoShow() | DidNotFinish() if lane.status == _STATUSES[type(statement)]:
            raise Unsayable(f"{who} is {_STATUS_WORDS[lane.status]} already.")
        case Disqualify(code=code, text=text):
            _check_text(code, "the rule", MOST_NAME)
            _check_text(text, "the words of the disqualification", MOST_TEXT)
        case Reinstate() if lane.status not in _STATUS_WORDS:
            raise Unsayable(
                f"{who} is neither disqualified nor a no-show nor marked did-not-finish."
            )
        case SetTime(time_cs=time_cs) if not 0 < time_cs <= MOST_TIME_CS:
            raise Unsayable(f"{time_cs} hundredths are no race time.")
        case ClearTime() if lane.time_cs is None:
            raise Unsayable(f"{who} has no time; there is nothing to clear.")


def _check_chip(meet: Meet, statement: AssignChip | VoidReads | AddCrossing) -> None:
    chip = statement.chip
    _check_text(chip, "the chip", MOST_NAME)
    if not chip.strip():
        raise Unsayable("The chip has no name.")
    startlist = meet.state.startlist
    if isinstance(statement, AssignChip):
        swimmer = statement.swimmer
        _check_text(swimmer, "the swimmer's id", MOST_NAME)
        if swimmer and startlist.tags and swimmer not in startlist.tags.values():
            raise Unsayable(f"Nobody in the program has the id {swimmer}.")
        return
    known = {p.settings.name for p in meet.points()}
    known |= {leg.point for course in meet.settings.courses for leg in course.legs}
    known |= {leg.point for leg in course_of(meet.settings, "").legs}
    if statement.point not in known and (statement.point or isinstance(statement, AddCrossing)):
        raise Unsayable(f"There is no timing point {statement.point!r}. See meetlog crossings.")
    if isinstance(statement, VoidReads):
        if chip not in meet.state.reads.chips:
            raise Unsayable(f"Chip {chip} was never read. See meetlog crossings.")
        if statement.until < statement.since:
            raise Unsayable("The span ends before it begins.")


def _check_operator(meet: Meet, statement: RegisterOperator) -> None:
    who = statement.name
    if not who or who != who.strip():
        raise Unsayable("An operator's name is not empty, and has no spaces around it.")
    _check_text(who, "the operator's name", MOST_NAME)
    made = [*meet.state.stated, _next(meet, statement)]
    _check_referee(made)


def _check_withdrawal(meet: Meet, statement: Withdraw) -> None:
    fact = find_statement(meet, statement.position)
    stated = meet.state.stated
    gone = meet.rulings().withdrawn.get(fact.position)
    if gone is not None:
        raise Unsayable(
            f"Statement {fact.position} was withdrawn already, by statement {gone}. "
            f"To have it count again: meetlog withdraw {gone}."
        )
    _check_referee([*stated, _next(meet, statement)])


def _check_referee(stated: list[Stated]) -> None:
    """Nobody but a referee can register anybody, so there must always be one."""
    registered = operators(rule(stated).in_force)
    if registered and not any(o.role == "referee" for o in registered.values()):
        raise Unsayable(
            "Then no referee would be registered, and nobody could add one. "
            "Add a referee first: meetlog operator add NAME --role referee."
        )


def _next(meet: Meet, statement: AnyStatement) -> Stated:
    return Stated(meet.position + 1, statement)


def _who_is(registered: Mapping[str, Operator], needed: str) -> str:
    names = [o.name for o in registered.values() if o.role == needed]
    return f"Registered as {needed}: {', '.join(names)}." if names else ""


def _check_text(text: str, what: str, most: int) -> None:
    if len(text) > most:
        raise Unsayable(f"{what[0].upper()}{what[1:]} is longer than {most} characters.")
    try:
        msgspec.json.encode(text)
    except UnicodeEncodeError as error:
        raise Unsayable(f"{what[0].upper()}{what[1:]} has characters that are no text.") from error
