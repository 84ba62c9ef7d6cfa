"""`verify`, `seal`, `backup`, `restore`: what a log proves, and copies that prove the same."""

from pathlib import Path
from typing import Annotated

import typer

from meetlog import show
from meetlog.commands.options import HERE, JsonOption, LogArgument, MeetOption
from meetlog.exits import Exit, Refused
from meetlog.instants import position_at
from meetlog.opening import find, open_log
from meetlog.output import print_json, progress, say
from meetlog.published import AS_PUBLISHED, missing_revisions, published_files
from meetlog.reports import CodeCheck, SealReport, VerifyReport
from meetlog.safekeeping import CopyReport, head_at, place_for
from meetlog.safekeeping import backup as back_up
from meetlog.safekeeping import restore as put_back
from projections.clock import iso_local
from projections.folding import settings_at
from store.log import Log
from store.seal import Seal, SealError, read_seal, seal_of
from store.verify import Verdict
from store.verify import verify as verify_log

HOLDS = "holds"

FolderOption = Annotated[
    Path | None,
    typer.Option(
        help="Check the published results in this folder, instead of the meet's own.",
        metavar="DIR",
    ),
]
CodeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--code",
        help="A code from `meetlog seal`, a result page or an audit page: does the log have "
        "exactly that past? May be given again.",
        metavar="CODE",
    ),
]
AtOption = Annotated[
    str,
    typer.Option(
        help="Seal the log as it was at this position or instant, instead of its newest event.",
        metavar="POSITION|INSTANT",
    ),
]
BackupArgument = Annotated[
    Path, typer.Argument(help="The new file to copy the log into.", metavar="FILE")
]
RestoreArgument = Annotated[
    Path, typer.Argument(help="A backup, or another copy of a log.", metavar="FILE")
]
IntoOption = Annotated[
    Path,
    typer.Option(
        help="The log's own file to make, or a meet's folder, to be made or without a log.",
        metavar="PATH",
    ),
]


def verify(
    *,
    log: LogArgument = HERE,
    folder: FolderOption = None,
    code: CodeOption = None,
    json: JsonOption = False,
) -> None:
    """Check that nothing in the log was changed.

    The published results in the meet's folder (or in --folder) are checked
    too: each revision is there, as it was published, and no other. With
    --code: the log has exactly the past that the code stands for.

    Exit code 4 tells that the log was changed, 1 that a published file was or
    that a code stands for another past.
    """
    seals = [seal_named(text) for text in code or ()]
    with open_log(log) as (opened, place), progress("Verifying", plain=not json) as told:
        if folder is not None and not folder.is_dir():
            raise Refused(f"{folder} is not a folder. Name the one with the published results.")
        where = folder or place.folder
        verdict = verify_log(opened, progress=told)
        files = published_files(opened, where) if verdict.ok and where else []
        missing = missing_revisions(opened, [f.name for f in files]) if verdict.ok else []
        codes = tuple(_check(opened, verdict, seal) for seal in seals)
    report = VerifyReport(
        log=str(place.log),
        ok=verdict.ok,
        verified=verdict.head.position,
        head=verdict.head.hash.hex(),
        first_bad=verdict.first_bad,
        problem=verdict.problem,
        files=tuple(files),
        seal=seal_of(verdict.head),
        codes=codes,
        missing=tuple(missing),
    )
    if json:
        print_json("verify", report.verified, [report])
    else:
        _print(report, where)
    if not report.ok:
        raise typer.Exit(Exit.DAMAGED)
    if (
        missing
        or any(file.state != AS_PUBLISHED for file in files)
        or any(each.state != HOLDS for each in codes)
    ):
        raise typer.Exit(Exit.DIFFERS)


def seal_named(text: str) -> Seal:
    """The seal of a `--code`; raises `typer.BadParameter` for one that was mistyped."""
    try:
        return read_seal(text)
    except SealError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--code'") from None


def _check(log: Log, verdict: Verdict, seal: Seal) -> CodeCheck:
    """Whether the part of the log that holds has the past that `seal` stands for."""
    if seal.position > verdict.head.position:
        state = "beyond the end" if verdict.ok else "not reached"
    else:
        state = HOLDS if seal.fits(head_at(log, seal.position).hash) else "another past"
    return CodeCheck(str(seal), seal.position, state)


def _print(report: VerifyReport, folder: Path | None) -> None:
    wrong = [file for file in report.files if file.state != AS_PUBLISHED]
    for file in wrong:
        newest = " (the newest revision of its race)" if file.newest else ""
        has = f"event {file.position} has it" if file.position else "nobody knows who wrote it"
        say(f"{file.name} is {file.state}{newest} in {folder}; {has}")
    if wrong and all(file.state in ("missing", "not in the log") for file in report.files):
        say(f"Not one published file is in {folder}: is it the folder of another meet?")
    if any(file.state in ("missing", "changed") and file.position for file in wrong):
        say(
            "The log still has what was published. `meetlog run` writes a missing file again, and "
            "a changed one once it is moved away. Elsewhere: meetlog replay LOG --into NEW"
        )
    for lost in report.missing:
        say(
            f"Session {lost.session}, event {lost.event}, heat {lost.heat}: revision "
            f"{lost.revision} is nowhere in the log, though a later one is"
        )
    if report.files:
        sound = len(report.files) - len(wrong)
        say(f"{sound} of {show.count(len(report.files), 'result file')} as published")
    for check in report.codes:
        say(f"{check.code}: {_told(check, report)}")
    if report.ok:
        say(
            f"verified {show.count(report.verified, 'event')}, head {report.head[:12]}, "
            f"seal {report.seal}"
        )
    else:
        say(
            f"{report.log}: event {report.first_bad} does not hold: {report.problem}. "
            f"The {report.verified} before it do. Keep this file as it is and work on with a copy."
        )


def _told(check: CodeCheck, report: VerifyReport) -> str:
    match check.state:
        case "holds":
            return f"HOLDS. The first {check.position} events are those that it was made of."
        case "beyond the end":
            return (
                f"DIFFERS. It stands for {check.position} events, and the log has only "
                f"{report.verified}: it is another log, a copy of earlier, or was cut off."
            )
        case "not reached":
            return f"NOT KNOWN. It stands for {check.position} events, which do not all hold."
    return (
        f"DIFFERS. The first {check.position} events of this log are others than those "
        "that it was made of."
    )


def seal(*, log: LogArgument = HERE, at: AtOption = "", json: JsonOption = False) -> None:
    """Print a short code for all that the log has.

    Printed on results, noted on paper or read to somebody, it proves later,
    with `meetlog verify --code`, that the log has exactly this past.
    """
    with open_log(log) as (opened, place):
        zone = (place.settings or settings_at(opened)).meet.zone
        head = head_at(opened, position_at(opened, at, zone)) if at else opened.head()
    if not head.position:
        raise Refused(f"{place.log}: nothing is recorded yet, so there is nothing to seal.")
    report = SealReport(
        log=str(place.log),
        position=head.position,
        recorded_at=iso_local(head.recorded_at, zone),
        recorded_at_ns=head.recorded_at,
        code=seal_of(head),
        head=head.hash.hex(),
    )
    if json:
        print_json("seal", report.position, [report])
        return
    say(report.code, "bold")
    say(
        f"It stands for the first {show.count(report.position, 'event')} of {report.log}, the "
        f"last of them recorded {show.to_ms(report.recorded_at)} ({zone})."
    )


def backup(*, file: BackupArgument, meet: MeetOption = HERE, json: JsonOption = False) -> None:
    """Copy the log into a new file, also while `run` records.

    The copy is opened, verified and compared with the log before it gets its
    name. Nothing is overwritten.
    """
    with progress("Copying", plain=not json) as told:
        report = back_up(find(meet).log, file, told)
    if json:
        print_json("backup", report.position, [report])
        return
    say(f"{_copied(report)} It is in {report.copy}.")


def restore(*, file: RestoreArgument, into: IntoOption, json: JsonOption = False) -> None:
    """Make a log of a backup.

    The backup is verified first. Nothing is overwritten, and nothing is done
    while `run` records there. Into a folder without a meet.toml the settings
    that the log recorded are written too.
    """
    target, settings = place_for(file, into)
    with progress("Restoring", plain=not json) as told:
        report = put_back(file, target, told, settings=settings)
    if json:
        print_json("restore", report.position, [report])
        return
    say(f"{_copied(report)} It is in {report.copy}.")
    if report.settings:
        say(f"{report.settings} is what the log recorded. To go on: meetlog run --meet {into}")


def _copied(report: CopyReport) -> str:
    return (
        f"{show.count(report.position, 'event')} of {report.log} copied and verified, "
        f"{show.size(report.bytes)}, seal {report.seal}."
    )
