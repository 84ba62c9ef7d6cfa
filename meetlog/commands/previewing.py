"""`upgrade-preview`: which files of past logs this version would make otherwise."""

from pathlib import Path
from typing import Annotated

import typer

from meetlog import show
from meetlog.asof import UpTo, require
from meetlog.commands.options import JsonOption
from meetlog.commands.republishing import files_table, print_changes, print_pending
from meetlog.exits import Exit, explain
from meetlog.opening import open_log
from meetlog.output import print_json, progress, put, say
from meetlog.replay import pending, replay_all
from meetlog.reports import PreviewReport
from meetlog.settings import MeetError
from store.log import StoreError
from store.verify import verify

LogsArgument = Annotated[
    list[Path],
    typer.Argument(help="Logs' own files, or meets: their folders.", metavar="LOG..."),
]


def upgrade_preview(*, logs: LogsArgument, json: JsonOption = False) -> None:
    """Replay past logs by this version, before it is used at a meet.

    Lists every published file that this version would make otherwise. The
    logs are only read, also those of older versions.

    Exit code 1 tells that a file would be another, 4 or 5 that a log could
    not be replayed.
    """
    reports = []
    worst = Exit.OK
    for each in logs:
        report, code = _preview(each, plain=not json)
        reports.append(report)
        worst = max(worst, code)
    if json:
        print_json("upgrade-preview", 0, reports)
    else:
        for report in reports:
            _print_preview(report)
    if worst is not Exit.OK:
        raise typer.Exit(worst)


def _preview(where: Path, *, plain: bool) -> tuple[PreviewReport, Exit]:
    """One log's report, and the exit code it asks for. What is wrong with it ends only its own."""
    try:
        with open_log(where) as (opened, place):
            past = UpTo(opened, opened.head().position)
            with progress(f"Verifying {place.log}", plain=plain) as told:
                require(verify(past, progress=told), place.log)
            with progress(f"Replaying {place.log}", plain=plain) as told:
                replayed = replay_all(past, told)
    except (MeetError, StoreError) as error:
        code, text = explain(error) or (Exit.UNAVAILABLE, str(error))
        return PreviewReport(str(where), 0, 0, (), (), text), code
    files = [each.report for each in replayed.files]
    differing = tuple(each for each in files if not each.identical)
    report = PreviewReport(
        log=str(place.log),
        position=replayed.meet.position,
        identical=len(files) - len(differing),
        differing=differing,
        pending=tuple(pending(replayed)),
        problem="",
    )
    return report, Exit.DIFFERS if differing else Exit.OK


def _print_preview(report: PreviewReport) -> None:
    say(report.log, "bold")
    if report.problem:
        say(f"It could not be replayed: {report.problem}\n")
        return
    if report.differing:
        put(files_table(report.differing))
        for each in report.differing:
            print_changes(each.name, each.races)
    print_pending(report.pending)
    say(
        f"{show.count(report.identical, 'publication')} identical, "
        f"{len(report.differing)} would change.\n"
    )
