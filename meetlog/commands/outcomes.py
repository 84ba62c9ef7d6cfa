"""`crossings`, `results` and `revisions`: what the log was folded into."""

from typing import Annotated

import typer

from meetlog import pauses as gaps
from meetlog import show
from meetlog.commands.options import (
    HERE,
    AtOption,
    JsonOption,
    MeetOption,
    RaceOption,
    is_wanted,
    reading,
    wanted_race,
)
from meetlog.output import Rows, print_json, put, say
from meetlog.reports import PausesReport
from projections.crossings import pauses as pauses_of
from projections.startlist import canonical

PointOption = Annotated[
    str, typer.Option("--point", "-p", help="Only crossings of this timing point.", metavar="NAME")
]
ChipOption = Annotated[
    list[str] | None,
    typer.Option(
        "--chip", "-c", help="Only crossings of this chip; may be given again.", metavar="CHIP"
    ),
]
PausesOption = Annotated[
    bool,
    typer.Option(
        "--pauses",
        help="Show how long the pauses between reads are at each point, and the gap they suggest.",
    ),
]


def crossings(
    *,
    meet: MeetOption = HERE,
    point: PointOption = "",
    chip: ChipOption = None,
    pauses: PausesOption = False,
    at: AtOption = "",
    json: JsonOption = False,
) -> None:
    """Show who passed where and when.

    Each crossing with the read that gave it its moment, and whether it is
    official or still provisional. With --pauses: how far apart the reads of a
    chip are, to choose a gap by.
    """
    if pauses and chip:
        raise typer.BadParameter("--pauses looks at all chips; leave --chip out.")
    with reading(meet, at) as opened:
        position, zone = opened.meet.position, opened.meet.settings.meet.zone
        if pauses:
            points = [p for p in opened.meet.points() if point in ("", p.settings.name)]
            found = pauses_of(opened.meet.state.reads, points)
            reports = [gaps.report(p.settings.name, found[p.settings.name], p.settings.gap)
                       for p in points]  # fmt: skip
            _pauses(reports, position, json=json)
            return
        chips = None
        if chip:
            # Typed as people read them off a chip: TsV1 loses leading zeros (PROTOCOLS 2).
            wanted = {canonical(each) for each in chip}
            chips = [each for each in opened.meet.state.reads.chips if canonical(each) in wanted]
        each_one = opened.meet.crossings(chips, point or None)
        names = sorted({p.settings.name for p in opened.meet.points()})
    if json:
        print_json("crossings", position, each_one)
        return
    if each_one:
        put(show.crossings_table(each_one))
    if point and point not in names:
        there = f"There are {', '.join(names)}." if names else "Nothing was read yet."
        say(f"There is no timing point {point!r}. {there}")
    provisional = sum(c.provisional for c in each_one)
    say(
        f"{show.count(len(each_one), 'crossing')} of "
        f"{show.count(len({c.chip for c in each_one}), 'chip')}, {provisional} provisional. "
        f"Times in {zone}." + (f" As of event {position}." if at else "")
    )


def _pauses(reports: list[PausesReport], position: int, *, json: bool) -> None:
    if json:
        print_json("pauses", position, reports)
        return
    for report in reports:
        table = Rows(
            "pause from", "to below", "times", right=("pause from", "to below", "times"),
        )  # fmt: skip
        for b in report.buckets:
            end = "" if b.until_ns is None else show.seconds(b.until_ns)
            table.add(show.seconds(b.from_ns), end, b.count)
        say(f"Point {report.point}", "bold")
        if report.buckets:
            put(table)
        say(f"{report.advice}\n")
    total = sum(report.pauses for report in reports)
    say(f"{show.count(total, 'pause')} at {show.count(len(reports), 'point')}.")


def results(
    *,
    meet: MeetOption = HERE,
    race: RaceOption = "",
    at: AtOption = "",
    json: JsonOption = False,
) -> None:
    """Show the races: lanes, times, places, splits.

    With --at, as they were known then: what came later is not looked at.
    """
    wanted = wanted_race(race)
    with reading(meet, at, reads=False) as opened:
        found = [each for each in opened.meet.races() if is_wanted(each, wanted)]
        position, zone = opened.meet.position, opened.meet.settings.meet.zone
    if json:
        print_json("results", position, found)
        return
    for each in found:
        put(show.race_heading(each))
        put(show.race_table(each))
        say("")
    states: dict[str, int] = {}
    for each in found:
        states[each.state] = states.get(each.state, 0) + 1
    if not found and not race:
        say("The meet manager's program has not been read yet; results need it.")
    told = show.races_line(states)
    then = f" As of event {position}." if at else ""
    say(f"{told[0].upper()}{told[1:]}. Times in {zone}.{then}")


def revisions(*, meet: MeetOption = HERE, race: RaceOption = "", json: JsonOption = False) -> None:
    """Show the history of the result files.

    Each revision: when it was published, by whom or what, and why.
    """
    wanted = wanted_race(race)
    with reading(meet, reads=False) as opened:
        found = [each for each in opened.meet.revisions() if is_wanted(each, wanted)]
        position, zone = opened.meet.position, opened.meet.settings.meet.zone
    found.sort(key=lambda r: (r.session, r.event, r.heat, r.position))
    if json:
        print_json("revisions", position, found)
        return
    if found:
        put(show.revisions_table(found))
    races = len({(r.session, r.event, r.heat) for r in found})
    say(f"{show.count(len(found), 'revision')} of {show.count(races, 'race')}. Times in {zone}.")
