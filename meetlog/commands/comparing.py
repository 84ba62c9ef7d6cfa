"""`diff`: what differs between two instants of a meet, or between two logs."""

import re
from pathlib import Path
from typing import Annotated

import typer

from meetlog import show
from meetlog.commands.options import (
    HERE,
    JsonOption,
    MeetOption,
    RaceOption,
    is_wanted,
    wanted_race,
)
from meetlog.comparison import compare
from meetlog.exits import Exit
from meetlog.instants import position_at
from meetlog.opening import open_log
from meetlog.output import print_json, progress, put, say
from meetlog.reports import DiffReport, Side
from meetlog.show_changes import changes_table
from projections.clock import iso_local
from projections.folding import fold, settings_at
from projections.meet import Meet
from projections.views import Race

_SideArgument = typer.Argument(
    help="A position (1200), 14:05 of the meet's last day, a date and time, or a log's own file.",
    show_default=False,
)
BeforeArgument = Annotated[str, _SideArgument]
AfterArgument = Annotated[str, _SideArgument]
# What begins like a number or a clock is an instant; a file of such a name is written ./1200.
_INSTANT = re.compile(r"\s*[0-9]+\s*|\s*[0-9]+[-:][0-9T:+., Z-]*", re.ASCII)


def diff(
    a: BeforeArgument,
    b: AfterArgument,
    *,
    meet: MeetOption = HERE,
    race: RaceOption = "",
    json: JsonOption = False,
) -> None:
    """Show which results differ between A and B.

    Both are instants or positions of one meet, or both are logs: races,
    lanes, times, statuses and places, as they were at A and are at B.

    Exit code 0 tells that none does, 1 that some do.
    """
    wanted = wanted_race(race)
    instants = [bool(_INSTANT.fullmatch(each)) for each in (a, b)]
    if instants[0] != instants[1]:
        raise typer.BadParameter(
            f"{a!r} and {b!r} cannot be compared: give two instants of one meet, or two logs."
        )
    told = _of_instants if instants[0] else _of_logs
    before, after, old, new = told(a, b, meet)
    found = compare(
        [each for each in old if is_wanted(each, wanted)],
        [each for each in new if is_wanted(each, wanted)],
    )
    report = DiffReport(before, after, found)
    if json:
        print_json("diff", after.position, [report])
    else:
        _print(report)
    if found:
        raise typer.Exit(Exit.DIFFERS)


_Sides = tuple[Side, Side, list[Race], list[Race]]


def _of_instants(a: str, b: str, meet: Path) -> _Sides:
    """Two places in one log."""
    with open_log(meet) as (log, place):
        zone = settings_at(log).meet.zone
        ends = [position_at(log, text, zone) for text in (a, b)]
        with progress("Folding the log") as told:
            total = sum(ends)
            old = fold(log, ends[0], progress=lambda done: told(done, total))
            new = fold(log, ends[1], progress=lambda done: told(ends[0] + done, total))
    return *_sides(old, new, str(place.log), str(place.log)), *_races(old, new)


def _of_logs(a: str, b: str, _: Path) -> _Sides:
    """The ends of two logs."""
    (old, before), (new, after) = _end_of(Path(a)), _end_of(Path(b))
    return *_sides(old, new, before, after), *_races(old, new)


def _end_of(where: Path) -> tuple[Meet, str]:
    with open_log(where) as (log, place):
        end = log.head().position
        with progress(f"Folding {place.log}") as told:
            return fold(log, end, progress=lambda done: told(done, end)), str(place.log)


def _sides(old: Meet, new: Meet, a: str, b: str) -> tuple[Side, Side]:
    return _side(old, a), _side(new, b)


def _side(meet: Meet, log: str) -> Side:
    at = meet.state.recorded_at or None
    return Side(log, meet.position, iso_local(at, meet.settings.meet.zone), at)


def _races(old: Meet, new: Meet) -> tuple[list[Race], list[Race]]:
    old.settle()
    new.settle()
    return old.races(), new.races()


def _print(report: DiffReport) -> None:
    if report.races:
        put(changes_table(report.races))
    lanes = sum(len(race.lanes) for race in report.races)
    differ = (
        f"{show.count(len(report.races), 'race')} and {show.count(lanes, 'lane')} differ"
        if report.races
        else "no result differs"
    )
    before, after = report.before, report.after
    one = before.log == after.log
    names = [f"event {s.position} ({show.to_ms(s.recorded_at)})" for s in (before, after)]
    if not one:
        names = [f"{s.log} ({name})" for s, name in zip((before, after), names, strict=True)]
    said = f"From {names[0]} to {names[1]}"
    say(f"{said}: {differ}.")
