"""Statements about races and lanes: starts, decisions, times."""

from typing import Annotated, Any

import msgspec
import typer

from meetlog.commands.saying import Speaker
from meetlog.nearby import find_lane, find_race, name
from meetlog.refusals import Unsayable
from meetlog.typed import NOW, is_shift, race_time_cs, shift
from projections.rulings import race_of
from wire.statements import (
    ClearTime,
    CloseHeat,
    DidNotFinish,
    Disqualify,
    MarkLane,
    MoveGun,
    NoShow,
    RecallHeat,
    Reinstate,
    ReopenHeat,
    ReSwim,
    SetTime,
    StartHeat,
)

RaceArgument = Annotated[
    str,
    typer.Argument(
        help="SESSION/EVENT/HEAT, EVENT/HEAT of the current session, or a race number: '#12'.",
        metavar="RACE",
    ),
]
LaneArgument = Annotated[int, typer.Argument(help="The lane's number.", metavar="LANE", min=0)]
GunOption = Annotated[
    str,
    typer.Option("--gun", help="When: 14:05:31.25, a date and time, or now.", metavar="INSTANT"),
]
GunArgument = Annotated[
    str,
    typer.Argument(
        help="When it started (14:05:31.25), or how far to move its start (+1.5s, -300ms).",
        metavar="INSTANT|SHIFT",
    ),
]
NumberOption = Annotated[
    int | None,
    typer.Option(
        "--number",
        "-n",
        help="The new race number; without it, the next free one of the session.",
        metavar="N",
        show_default=False,
    ),
]
CodeOption = Annotated[str, typer.Option("--code", help="The rule, such as 6.2.", metavar="CODE")]
TextOption = Annotated[str, typer.Option("--text", help="What was done.", metavar="TEXT")]
TimeArgument = Annotated[
    str, typer.Argument(help="The final time: 59.07, 1:02.34 or 2:09:45.00.", metavar="TIME")
]


def start(speaker: Speaker, race: RaceArgument, *, gun: GunOption = NOW) -> StartHeat:
    """Say that a heat has started.

    A start signal close to it is the same start.
    """
    return StartHeat(**speaker.common, **_race(speaker, race), gun=speaker.moment(gun))


def gun(speaker: Speaker, race: RaceArgument, when: GunArgument) -> MoveGun:
    """Set or move the start of a heat; its times follow."""
    fields = _race(speaker, race)
    if not is_shift(when):
        return MoveGun(**speaker.common, **fields, gun=speaker.moment(when))
    found = find_race(speaker.meet, race)
    if found.start_ns is None:
        raise Unsayable(f"{name(found)} has not started; give the instant of its start.")
    return MoveGun(**speaker.common, **fields, gun=found.start_ns + shift(when))


def recall(speaker: Speaker, race: RaceArgument) -> RecallHeat:
    """Say that the start of a heat was false.

    Its gun starts nothing, and the next one starts the heat anew.
    """
    statement = RecallHeat(**speaker.common, **_race(speaker, race), gun=0)
    found = speaker.meet.starts().by_race.get(race_of(statement))
    if found is None:  # refused where all statements are checked
        return statement
    return msgspec.structs.replace(statement, gun=found.moment, start=found.position)


def re_swim(speaker: Speaker, race: RaceArgument, *, number: NumberOption = None) -> ReSwim:
    """Have a heat swum again, under a new race number.

    What was timed and decided before counts no more.
    """
    fields = _race(speaker, race)
    if number is None:
        of_session = (r for r in speaker.meet.races() if r.session == fields["session"])
        number = max(r.race_number for r in of_session) + 1
    return ReSwim(**speaker.common, **fields, race_number=number)


def close(speaker: Speaker, race: RaceArgument) -> CloseHeat:
    """Close a heat: it is complete as it stands."""
    return CloseHeat(**speaker.common, **_race(speaker, race))


def reopen(speaker: Speaker, race: RaceArgument) -> ReopenHeat:
    """Open a closed heat again."""
    return ReopenHeat(**speaker.common, **_race(speaker, race))


def dq(
    speaker: Speaker,
    race: RaceArgument,
    lane: LaneArgument,
    *,
    code: CodeOption = "",
    text: TextOption = "",
) -> Disqualify:
    """Disqualify a lane."""
    return Disqualify(**speaker.common, **_lane(speaker, race, lane), code=code, text=text)


def no_show(speaker: Speaker, race: RaceArgument, lane: LaneArgument) -> NoShow:
    """Say that nobody started in a lane."""
    return NoShow(**speaker.common, **_lane(speaker, race, lane))


def dnf(speaker: Speaker, race: RaceArgument, lane: LaneArgument) -> DidNotFinish:
    """Say that who started in a lane did not finish."""
    return DidNotFinish(**speaker.common, **_lane(speaker, race, lane))


def reinstate(speaker: Speaker, race: RaceArgument, lane: LaneArgument) -> Reinstate:
    """Undo the disqualification, no-show or did-not-finish of a lane."""
    return Reinstate(**speaker.common, **_lane(speaker, race, lane))


def set_time(
    speaker: Speaker, race: RaceArgument, lane: LaneArgument, time: TimeArgument
) -> SetTime:
    """Set the final time of a lane, whatever was measured."""
    fields = _lane(speaker, race, lane)
    return SetTime(**speaker.common, **fields, time_cs=race_time_cs(time))


def clear_time(speaker: Speaker, race: RaceArgument, lane: LaneArgument) -> ClearTime:
    """Say that a lane has no final time, whatever was measured."""
    return ClearTime(**speaker.common, **_lane(speaker, race, lane))


def empty(speaker: Speaker, race: RaceArgument, lane: LaneArgument) -> MarkLane:
    """Say that nobody swims in a lane, whatever the program says."""
    return MarkLane(**speaker.common, **_lane(speaker, race, lane), empty=True)


def occupied(speaker: Speaker, race: RaceArgument, lane: LaneArgument) -> MarkLane:
    """Say that somebody swims in a lane, whatever the program says."""
    return MarkLane(**speaker.common, **_lane(speaker, race, lane), empty=False)


def _race(speaker: Speaker, text: str) -> dict[str, Any]:
    """The fields by which a statement names the race that somebody typed."""
    race = find_race(speaker.meet, text)
    return {"session": race.session, "event": race.event, "heat": race.heat}


def _lane(speaker: Speaker, text: str, number: int) -> dict[str, Any]:
    race = find_race(speaker.meet, text)
    return _race(speaker, text) | {"lane": find_lane(race, number).lane}
