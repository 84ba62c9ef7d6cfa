"""`audit` and `explain`: who changed what and why, and where a time comes from."""

from pathlib import Path
from typing import Annotated

import typer

from exporters.documents import owners, race_key
from meetlog import show, show_audit
from meetlog.auditing import AuditedRevision, gather
from meetlog.auditing import audit as audited
from meetlog.commands.options import (
    HERE,
    AtOption,
    JsonOption,
    MeetOption,
    reading,
)
from meetlog.explaining import explain as explained
from meetlog.explanations import Explanation
from meetlog.nearby import find_lane, find_race
from meetlog.opening import OpenMeet
from meetlog.output import print_json, progress, put, say
from meetlog.protests import print_page
from meetlog.refusals import Unsayable
from projections.views import Lane, Race
from wire.timedrops import RaceKey

_RACE = "SESSION/EVENT/HEAT, EVENT/HEAT of the current session, or a race number: '#12'."

RaceArgument = Annotated[str, typer.Argument(help=f"The race: {_RACE}", metavar="RACE")]
AnyRaceArgument = Annotated[
    str, typer.Argument(help=f"Only this race: {_RACE}", metavar="[RACE]", show_default=False)
]
LaneArgument = Annotated[int, typer.Argument(help="The lane's number.", metavar="LANE", min=0)]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        help="Write a page to print, with everything about the race, into this file.",
        metavar="FILE",
    ),
]


def audit(
    *,
    race: AnyRaceArgument = "",
    meet: MeetOption = HERE,
    at: AtOption = "",
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Show who or what changed which result, and how.

    Each revision of a race's result file: when, by whom or what, why, what it
    says otherwise than the one before, lane by lane, and where it stands in
    the log. With --html: a page for a protest file, down to the bytes.
    """
    if html is not None and not race:
        raise typer.BadParameter("A page is about one race; name it.", param_hint="'--html'")
    if html is not None and json:
        raise typer.BadParameter("--html writes a page, and --json prints a document.")
    with reading(meet, at) as opened:
        position, zone = opened.meet.position, opened.meet.settings.meet.zone
        papers = gather(opened.log, opened.meet)
        found = audited(opened.meet, papers)
        if race:
            chosen = _race(opened, race)
            found = of_race(opened, chosen, found)
            if html is not None:
                with progress("Reading the log") as told:
                    print_page(opened, papers, chosen, found, html, progress=told)
                say(f"Wrote {html}: {show.race_name(chosen)}.")
                return
    found.sort(key=lambda r: (r.session, r.event, r.heat, r.position))
    if json:
        print_json("audit", position, found)
        return
    for each in found:
        _print_revision(each)
    races = len({(r.session, r.event, r.heat) for r in found})
    say(f"{show.count(len(found), 'revision')} of {show.count(races, 'race')}. Times in {zone}.")


def _print_revision(revision: AuditedRevision) -> None:
    say(f"Session {revision.session}, event {revision.event}, heat {revision.heat}")
    for line in show_audit.revision_lines(revision):
        put(line)
    if revision.changes:
        put(show_audit.changes_table(revision.changes))
    say("")


def explain(
    *,
    race: RaceArgument,
    lane: LaneArgument,
    meet: MeetOption = HERE,
    at: AtOption = "",
    json: JsonOption = False,
) -> None:
    """Show where a lane's time comes from, down to the bytes.

    The published file, the decision, the start, each crossing, the read that
    was chosen and why, and its bytes in the log; then every read of the
    swimmer's chips that was not chosen, with the reason.
    """
    with reading(meet, at) as opened, progress("Reading the log") as told:
        position, zone = opened.meet.position, opened.meet.settings.meet.zone
        chosen = _race(opened, race)
        _lane(chosen, lane)
        papers = gather(opened.log, opened.meet)
        found = explained(
            opened.log, opened.meet, papers, chosen, lanes=[lane],
            progress=lambda done: told(done, position),
        )  # fmt: skip
    if json:
        print_json("explain", position, found)
        return
    for each in found:
        _print_explanation(each)
    say(f"As of event {position}. Times in {zone}.")


def _print_explanation(e: Explanation) -> None:
    for line in show_audit.explanation_lines(e):
        put(line)
    if e.statements:
        say("\nStatements about it", "bold")
        put(show_audit.statements_table(e.statements))
    here, away = show_audit.sorted_out(e)
    say("\nReads that were not chosen", "bold")
    if here:
        put(show_audit.others_table(here))
    else:
        say("None of this swim.")
    for when, number in away.items():
        say(f"{show.count(number, 'read')} {when}; --json lists them.")
    say("")


def _race(opened: OpenMeet, text: str) -> Race:
    try:
        return find_race(opened.meet, text)
    except Unsayable as error:
        raise typer.BadParameter(str(error), param_hint="'RACE'") from error


def _lane(race: Race, number: int) -> Lane:
    try:
        return find_lane(race, number)
    except Unsayable as error:
        raise typer.BadParameter(str(error), param_hint="'LANE'") from error


def of_race(
    opened: OpenMeet, race: Race, revisions: list[AuditedRevision]
) -> list[AuditedRevision]:
    """The revisions of the race's documents, those of the other events of a combined heat too."""
    owner = owners(opened.meet.races())
    mine = race_key(race)
    return [
        r
        for r in revisions
        if owner.get(key := RaceKey(r.session, r.event, r.heat), key) == mine or key == mine
    ]
