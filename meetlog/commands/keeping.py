"""`verify` and `rebuild`: whether the log holds, and whether the read tables are what it gives."""

from pathlib import Path

import typer

from exporters.sink import FolderSink
from meetlog import show
from meetlog.commands.options import HERE, JsonOption, LogArgument, MeetOption
from meetlog.exits import Exit
from meetlog.lock import alone
from meetlog.opening import find, open_log
from meetlog.output import Rows, print_json, progress, put, say
from meetlog.reports import PublishedFile, RebuildReport, VerifyReport
from store.event import RESULT_PUBLISHED, meta_of
from store.log import Log
from store.migrate import revision
from store.sqlite import SqliteLog
from store.verify import verify as verify_log

AS_PUBLISHED = "as published"
_DOCUMENTS = 100  # documents read from the log at once


KEEPS_TABLES = "Stop it first: it keeps the read tables itself."


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
    with alone(place.log, KEEPS_TABLES), progress("Folding the log", plain=not json) as told:
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
