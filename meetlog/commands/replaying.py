"""`replay` and `upgrade-preview`: what a log gives again, beside what was published."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from exporters.sink import FolderSink
from meetlog import show
from meetlog.asof import UpTo, require
from meetlog.commands.options import HERE, JsonOption, LogArgument
from meetlog.comparison import RaceChange
from meetlog.exits import Exit, Refused, explain
from meetlog.folders import compare_folder
from meetlog.instants import position_at
from meetlog.opening import open_log
from meetlog.output import Rows, print_json, progress, put, say
from meetlog.pace import paced, parse_speed
from meetlog.replay import Publication, Replay, pending, publications, replay_all
from meetlog.reports import ComparedFile, PendingFile, PreviewReport, ReplayedFile, ReplayReport
from meetlog.settings import MeetError, load
from meetlog.show_changes import changes_table
from meetlog.whatif import against_recorded
from projections.clock import iso_local
from projections.folding import settings_at
from store.log import StoreError
from store.verify import verify
from wire.stamps import NS

IntoOption = Annotated[
    Path,
    typer.Option(
        "--into", help="The folder to write into; it must be new or empty.", metavar="DIR"
    ),
]
UntilOption = Annotated[
    str,
    typer.Option(
        "--until",
        help="Replay the log up to here only: a position, 14:05 of the last day, or a date and "
        "time.",
        metavar="POSITION|INSTANT",
    ),
]
SpeedOption = Annotated[
    str,
    typer.Option(
        "--speed",
        help="Let the files appear at the pace of then (1x), faster (10x), or at once (max).",
        metavar="SPEED",
    ),
]
WhatIfOption = Annotated[
    Path | None,
    typer.Option(
        "--settings", help="What if: interpret the log by this meet.toml instead.", metavar="FILE"
    ),
]
CompareOption = Annotated[
    Path | None,
    typer.Option(
        "--compare", help="Compare the files with those of this folder too.", metavar="DIR"
    ),
]
LogsArgument = Annotated[
    list[Path],
    typer.Argument(help="Logs' own files, or meets: their folders.", metavar="LOG..."),
]
FOLDER_SOURCE = "folder"  # what the log calls the meet folder
_FILE_STATES = ("identical", "changed", "missing", "extra", "later", "foreign")
_STATES = {
    "unpublished": "not published yet",
    "differs": "differs from the last revision",
    "withdrawn": "published, and no longer holds",
}


def replay(
    *,
    into: IntoOption,
    log: LogArgument = HERE,
    until: UntilOption = "",
    speed: SpeedOption = "max",
    settings: WhatIfOption = None,
    compare: CompareOption = None,
    json: JsonOption = False,
) -> None:
    """Publish again from the log, and compare.

    Every published file is computed anew from what was received, written into
    DIR, and compared with what was published then; with --compare, also with
    the files of a folder. The log is verified first, and never changed.

    Exit code 0 tells that all is identical, 1 that a file differs; with
    --settings, also that a result does.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Refused(
            f"{into} is not an empty folder. Name a new one, so that nothing is mixed up."
        )
    try:
        pace = parse_speed(speed)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--speed'") from error
    other = None if settings is None else load(settings)[0]
    with open_log(log) as (opened, place):
        zone = settings_at(opened).meet.zone
        end = position_at(opened, until, zone) if until else opened.head().position
        past = UpTo(opened, end)
        with progress("Verifying", plain=not json) as told:
            require(verify(past, progress=told), place.log)
        with progress("Replaying", plain=not json) as told:
            replayed = replay_all(past, told, settings=other)
        changed = against_recorded(past, replayed.meet).races if other else ()
        later = {p.name: p.position for p in publications(opened) if p.position > end}
    files = tuple(each.report for each in replayed.files)
    given = replayed.newest()
    foreign = replayed.meet.state.files.get(FOLDER_SOURCE, {})
    compared = tuple(compare_folder(compare, given, foreign, later)) if compare else ()
    into.mkdir(parents=True, exist_ok=True)
    for each in _written(replayed, FolderSink(into), pace):
        if pace is not None and not json:
            at = show.local(iso_local(each.recorded_at, zone, 3))
            say(f"{at}  {each.name} (event {each.position})")
    report = ReplayReport(
        log=str(place.log),
        position=end,
        settings="" if settings is None else str(settings),
        into=str(into),
        written=sum(each.data is not None for each in given.values()),
        identical=(
            all(each.identical for each in files)
            and all(each.state in ("identical", "foreign") for each in compared)
            and not changed
        ),
        files=files,
        races=changed,
        pending=tuple(pending(replayed)),
        folder="" if compare is None else str(compare),
        compared=compared,
    )
    if json:
        print_json("replay", end, [report])
    else:
        _print(report)
    if not report.identical:
        raise typer.Exit(Exit.DIFFERS)


def _written(replayed: Replay, sink: FolderSink, pace: Fraction | None) -> Iterator[Publication]:
    """Write the files, at `pace` one revision after the other, else only what is there at last."""
    newest = replayed.newest()
    ours: dict[str, str] = {}
    for each in paced(
        [r for r in replayed.files if pace is not None or newest[r.publication.name] is r],
        lambda r: r.publication.recorded_at,
        pace,
        clock=time.monotonic_ns,
        sleep=lambda ns: time.sleep(ns / NS),
    ):
        name = each.publication.name
        if each.data is not None:
            sink.write(name, each.data, expect=[ours[name]] if name in ours else [])
            ours[name] = sha256(each.data).hexdigest()
            yield each.publication


def _print(report: ReplayReport) -> None:
    if report.files:
        put(_files_table(report.files))
    differing = [each for each in report.files if not each.identical]
    if not report.settings:  # what other settings change is told once, for the end
        for each in differing:
            _changes(each.name, each.races)
    told = (
        f"{len(differing)} of them differ" if differing else "all identical to what was published"
    )
    told = told if report.files else "none to compare"
    say(
        f"{show.count(len(report.files), 'publication')} replayed, {told}. "
        f"{show.count(report.written, 'file')} in {report.into}."
    )
    if report.folder:
        _print_compared(report.folder, report.compared)
    if not report.settings:
        _print_pending(report.pending)
    else:
        say(
            f"WHAT IF: the files in {report.into} are by the settings in {report.settings}, "
            "not by those of the meet. Nothing was adopted; keep them away from the meet folder."
        )
        if report.races:
            _changes("At the end, from the recorded settings to those", report.races)
        else:
            say("At the end no result is another than by the recorded settings.")


def _files_table(files: Sequence[ReplayedFile]) -> Rows:
    table = Rows("event", "file", "sha256", "compared", right=("event",))
    for each in files:
        said = "identical" if each.identical else f"DIFFERS: {each.difference}"
        table.add(each.position, each.name, each.recorded[:12], said)
    return table


def _changes(title: str, races: Sequence[RaceChange]) -> None:
    if races:
        say(f"{title}:", "bold")
        put(changes_table(races))


def _print_compared(folder: str, compared: Sequence[ComparedFile]) -> None:
    table = Rows("file", "in the folder", "what differs")
    for each in compared:
        if each.state != "identical":
            table.add(each.name, each.state.upper(), each.difference)
    if table.cells:
        put(table)
    _changes(f"From {folder} to what the log gives", [r for c in compared for r in c.races])
    counts = Counter(each.state for each in compared)
    said = ", ".join(f"{counts[state]} {state}" for state in _FILE_STATES if counts[state])
    say(f"Compared with {folder}: {said or 'no file on either side'}.")


def _print_pending(pending: Sequence[PendingFile]) -> None:
    if not pending:
        return
    table = Rows("race", "at the end of the log", "last revision")
    for each in pending:
        table.add(f"{each.session}/{each.event}/{each.heat}", _STATES[each.state], each.name)
    put(table)
    _changes("From the last revision to the end of the log", [r for p in pending for r in p.races])


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
        put(_files_table(report.differing))
        for each in report.differing:
            _changes(each.name, each.races)
    _print_pending(report.pending)
    say(
        f"{show.count(report.identical, 'publication')} identical, "
        f"{len(report.differing)} would change.\n"
    )
