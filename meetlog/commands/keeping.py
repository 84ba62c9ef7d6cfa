"""`verify`, `rebuild` and `replay`: whether the log holds, and what it gives again."""

from pathlib import Path
from typing import Annotated

import typer

from exporters.sink import FolderSink
from meetlog import show
from meetlog.commands.options import HERE, JsonOption, LogArgument, MeetOption
from meetlog.exits import Exit, Refused
from meetlog.opening import alone, find, open_log
from meetlog.output import Rows, print_json, progress, put, say
from meetlog.reports import PublishedFile, RebuildReport, ReplayedFile, VerifyReport
from store.event import RESULT_PUBLISHED, meta_of
from store.log import Log
from store.migrate import revision
from store.sqlite import SqliteLog
from store.verify import verify as verify_log

AS_PUBLISHED = "as published"
_DOCUMENTS = 100  # documents read from the log at once

IntoOption = Annotated[
    Path,
    typer.Option(
        "--into", help="The folder to write into; it must be new or empty.", metavar="DIR"
    ),
]


def verify(*, log: LogArgument = HERE, json: JsonOption = False) -> None:
    """Check that nothing in the log was changed.

    Of a meet, the published results in its folder are checked too. Exit code
    4 tells that the log was changed, 1 that a published file was.
    """
    with open_log(log) as (opened, place), progress("Verifying", plain=not json) as told:
        verdict = verify_log(opened, progress=told)
        files = _files(opened, place.folder) if verdict.ok and place.folder else ()
    report = VerifyReport(
        log=str(place.log),
        ok=verdict.ok,
        verified=verdict.head.position,
        head=verdict.head.hash.hex(),
        first_bad=verdict.first_bad,
        problem=verdict.problem,
        files=files,
    )
    wrong = [file for file in files if file.state != AS_PUBLISHED]
    if json:
        print_json("verify", report.verified, [report])
    elif report.ok:
        for file in wrong:
            say(f"{file.name} is {file.state} in {place.folder}; event {file.position} has it")
        if files:
            say(
                f"{len(files) - len(wrong)} of {show.count(len(files), 'result file')} as published"
            )
        say(f"verified {show.count(report.verified, 'event')}, head {report.head[:12]}")
    else:
        say(
            f"{report.log}: event {report.first_bad} does not hold: {report.problem}. "
            f"The {report.verified} before it do. Keep this file as it is and work on with a copy."
        )
    if not report.ok:
        raise typer.Exit(Exit.DAMAGED)
    if wrong:
        raise typer.Exit(Exit.DIFFERS)


def _files(log: Log, folder: Path) -> tuple[PublishedFile, ...]:
    """The published results as they are in `folder` now; of one name, the newest counts."""
    sink = FolderSink(folder)
    newest: dict[str, PublishedFile] = {}
    after = 0
    while events := log.read(after, _DOCUMENTS, kinds=(RESULT_PUBLISHED,)):
        for event in events:
            after = event.position
            name = str(meta_of(event)["name"])
            there = sink.read(name)
            state = AS_PUBLISHED if there == event.body else "changed"
            if there is None:
                state = "missing"
            newest[name] = PublishedFile(name, event.position, state)
    return tuple(newest.values())


def rebuild(*, meet: MeetOption = HERE, json: JsonOption = False) -> None:
    """Fill the read tables anew from the whole log.

    They are emptied and filled in one transaction, which changes nothing if
    nothing was wrong. No `run` may be recording meanwhile.
    """
    place = find(meet)
    # Opening for writing would make a log where there is none.
    revision(place.log)
    with alone(place.log), progress("Folding the log", plain=not json) as told:
        from meetlog.rebuild import rebuild as refold

        log = SqliteLog(place.log)
        try:
            report = refold(log, told)
        finally:
            log.close()
    if json:
        print_json("rebuild", report.position, [report])
        return
    table = Rows("table", "rows before", "rows now", "content", right=("rows before", "rows now"))
    for each in report.tables:
        table.add(each.table, each.rows_before, each.rows, "same" if each.same else "other")
    put(table)
    say(_told(report))


def _told(report: RebuildReport) -> str:
    done = f"Rebuilt from {show.count(report.position, 'event')}."
    if report.corrected:
        return f"{done} The tables showed the same position, but not the same rows: now they do."
    if report.shown == report.position:
        return f"{done} Every row is as it was."
    if not report.shown:
        return f"{done} The tables were empty, or of another version."
    return f"{done} The tables had shown event {report.shown}."


def replay(*, into: IntoOption, log: LogArgument = HERE, json: JsonOption = False) -> None:
    """Publish again from the log, and compare.

    Every published file is computed anew from what was received, written into
    DIR, and compared with what was published then.

    Exit code 1 tells that a file differs.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Refused(
            f"{into} is not an empty folder. Name a new one, so that nothing is mixed up."
        )
    with open_log(log) as (opened, _), progress("Replaying", plain=not json) as told:
        from meetlog.replay import replay as compute

        files: list[ReplayedFile] = []
        newest: dict[str, tuple[int, bytes]] = {}
        for each in compute(opened, told):
            files.append(each.report)
            name, position = each.publication.name, each.publication.position
            if each.data is not None and position > newest.get(name, (0, b""))[0]:
                newest[name] = position, each.data
        head = opened.head().position
    into.mkdir(parents=True, exist_ok=True)
    sink = FolderSink(into)
    for name, (_, data) in newest.items():
        sink.write(name, data)
    files.sort(key=lambda each: each.position)
    differing = sum(not each.identical for each in files)
    if json:
        print_json("replay", head, files)
    else:
        _print(files, differing, into, len(newest))
    if differing:
        raise typer.Exit(Exit.DIFFERS)


def _print(files: list[ReplayedFile], differing: int, into: Path, written: int) -> None:
    table = Rows("event", "file", "sha256", "compared", right=("event",))
    for each in files:
        said = "identical" if each.identical else f"DIFFERS: {each.difference}"
        table.add(each.position, each.name, each.recorded[:12], said)
    if files:
        put(table)
    told = f"{differing} of them differ" if differing else "all identical to what was published"
    told = told if files else "none to compare"
    say(
        f"{show.count(len(files), 'publication')} replayed, {told}. "
        f"{show.count(written, 'file')} in {into}."
    )
