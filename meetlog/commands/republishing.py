"""`replay --into`: every published file computed again, and compared with what was published."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

from exporters.sink import FolderSink
from meetlog import show
from meetlog.asof import UpTo, require
from meetlog.comparison import RaceChange
from meetlog.exits import Refused
from meetlog.folders import compare_folder
from meetlog.instants import position_at
from meetlog.opening import open_log
from meetlog.output import Rows, progress, put, say
from meetlog.pace import paced
from meetlog.replay import Publication, Replay, pending, publications, replay_all
from meetlog.reports import ComparedFile, PendingFile, ReplayedFile, ReplayReport
from meetlog.settings import load
from meetlog.show_changes import changes_table
from meetlog.whatif import against_recorded
from projections.clock import iso_local
from projections.folding import settings_at
from store.verify import verify
from wire.stamps import NS

FOLDER_SOURCE = "folder"  # what the log calls the meet folder
_FILE_STATES = ("identical", "changed", "missing", "extra", "later", "foreign")
_STATES = {
    "unpublished": "not published yet",
    "differs": "differs from the last revision",
    "withdrawn": "published, and no longer holds",
}


def republish(
    log: Path,
    into: Path,
    *,
    until: str,
    pace: Fraction | None,
    settings: Path | None,
    compare: Path | None,
    plain: bool,
) -> ReplayReport:
    """Write the files of a log into the new folder `into`, and compare; nothing else is changed.

    `plain`: tell how far it is, and each file as it appears.
    """
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise Refused(
            f"{into} is not an empty folder. Name a new one, so that nothing is mixed up."
        )
    other = None if settings is None else load(settings)[0]
    with open_log(log) as (opened, place):
        zone = settings_at(opened).meet.zone
        end = position_at(opened, until, zone) if until else opened.head().position
        past = UpTo(opened, end)
        with progress("Verifying", plain=plain) as told:
            require(verify(past, progress=told), place.log)
        with progress("Replaying", plain=plain) as told:
            replayed = replay_all(past, told, settings=other)
        changed = against_recorded(past, replayed.meet).races if other else ()
        later = {p.name: p.position for p in publications(opened) if p.position > end}
    files = tuple(each.report for each in replayed.files)
    given = replayed.newest()
    foreign = replayed.meet.state.files.get(FOLDER_SOURCE, {})
    compared = tuple(compare_folder(compare, given, foreign, later)) if compare else ()
    into.mkdir(parents=True, exist_ok=True)
    for each in _written(replayed, FolderSink(into), pace):
        if pace is not None and plain:
            at = show.local(iso_local(each.recorded_at, zone, 3))
            say(f"{at}  {each.name} (event {each.position})")
    return ReplayReport(
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


def print_report(report: ReplayReport) -> None:
    """What was replayed, what differs, and what is pending."""
    if report.files:
        put(files_table(report.files))
    differing = [each for each in report.files if not each.identical]
    if not report.settings:  # what other settings change is told once, for the end
        for each in differing:
            print_changes(each.name, each.races)
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
        print_pending(report.pending)
    else:
        say(
            f"WHAT IF: the files in {report.into} are by the settings in {report.settings}, "
            "not by those of the meet. Nothing was adopted; keep them away from the meet folder."
        )
        if report.races:
            print_changes("At the end, from the recorded settings to those", report.races)
        else:
            say("At the end no result is another than by the recorded settings.")


def files_table(files: Sequence[ReplayedFile]) -> Rows:
    """One row per publication: whether it came out as it was published."""
    table = Rows("event", "file", "sha256", "compared", right=("event",))
    for each in files:
        said = "identical" if each.identical else f"DIFFERS: {each.difference}"
        table.add(each.position, each.name, each.recorded[:12], said)
    return table


def print_changes(title: str, races: Sequence[RaceChange]) -> None:
    """What differs lane by lane; nothing where nothing does."""
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
    print_changes(f"From {folder} to what the log gives", [r for c in compared for r in c.races])
    counts = Counter(each.state for each in compared)
    said = ", ".join(f"{counts[state]} {state}" for state in _FILE_STATES if counts[state])
    say(f"Compared with {folder}: {said or 'no file on either side'}.")


def print_pending(pending: Sequence[PendingFile]) -> None:
    """The races that a `run` would publish next, and how."""
    if not pending:
        return
    table = Rows("race", "at the end of the log", "last revision")
    for each in pending:
        table.add(f"{each.session}/{each.event}/{each.heat}", _STATES[each.state], each.name)
    put(table)
    print_changes(
        "From the last revision to the end of the log", [r for p in pending for r in p.races]
    )
