"""Published files: those in a folder beside what the log says was published, and the revisions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from exporters.sink import FolderSink
from meetlog.reports import MissingRevision, PublishedFile
from store.event import FILE_CHANGED, RESULT_PUBLISHED, Event, meta_of
from store.log import Log
from wire.timedrops import is_result_name, parse_result_name

AS_PUBLISHED = "as published"
_DOCUMENTS = 100  # documents read from the log at once


def published_files(log: Log, folder: Path) -> list[PublishedFile]:
    """Every result that `log` published as it is in `folder`, then result files it knows not of.

    Of one name the newest content counts. Result files that another timing
    system wrote and the log recorded are left out. From a folder that is not
    there all are missing. Raises `OSError` for a
    folder that cannot be listed, `ExportError` for a file.
    """
    sink = FolderSink(folder)
    # A share or a Windows disk may show a name in another case than it was written in.
    there = {path.name.casefold(): path.name for path in _listed(folder)}
    found: dict[str, PublishedFile] = {}
    newest: dict[tuple[str, str, int], str] = {}
    for event in _events(log, RESULT_PUBLISHED):
        meta = meta_of(event)
        name = str(meta["name"])
        newest[meta["session"], meta["event"], meta["heat"]] = name
        now = sink.read(there.get(name.casefold(), name))
        found[name] = PublishedFile(name, event.position, _state(event, now))
    latest = set(newest.values())
    files = [PublishedFile(f.name, f.position, f.state, f.name in latest) for f in found.values()]
    known = {name.casefold() for name in (*found, *_foreign(log))}
    strangers = [n for f, n in there.items() if f not in known and is_result_name(n)]
    return files + [PublishedFile(name, 0, "not in the log", False) for name in strangers]


def missing_revisions(log: Log, names: Iterable[str] = ()) -> list[MissingRevision]:
    """Numbers below a race's newest revision that nothing in `log` has.

    A number may be another's: of the other documents of a combined heat,
    which are numbered together, or of another timing system's file, recorded
    or one of `names` in the folder.
    """
    documents: dict[tuple[str, int, str], set[int]] = defaultdict(set)
    races: dict[tuple[str, int, str], set[int]] = defaultdict(set)
    numbers: dict[tuple[str, int, int], set[int]] = defaultdict(set)
    for event in _events(log, RESULT_PUBLISHED):
        meta = meta_of(event)
        key = meta["session"], meta["heat"], meta["event"]
        documents[key].add(meta["revision"])
        races[key].add(meta["race_number"])
        numbers[meta["session"], meta["heat"], meta["race_number"]].add(meta["revision"])
    for name in (*_foreign(log), *names):
        told = parse_result_name(name)
        if told is not None:
            numbers[told.session_id, told.heat, told.race_number].add(told.revision)
    found = []
    for (session, heat, number), own in documents.items():
        known = set(own)
        for race in races[session, heat, number]:
            known |= numbers[session, heat, race]
        lost = sorted(set(range(1, max(own))) - known)
        found += [MissingRevision(session, number, heat, revision) for revision in lost]
    return found


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _state(event: Event, now: bytes | None) -> str:
    if sha256(event.body).hexdigest() != meta_of(event)["sha256"]:
        return "not of the recorded hash"
    if now is None:
        return "missing"
    return AS_PUBLISHED if now == event.body else "changed"


def _foreign(log: Log) -> Sequence[str]:
    """The names of the result files that were recorded as another's."""
    paths = (str(meta_of(event)["path"]) for event in _events(log, FILE_CHANGED))
    return list(dict.fromkeys(path for path in paths if is_result_name(path)))


def _events(log: Log, kind: str) -> Iterable[Event]:
    after = 0
    while events := log.read(after, _DOCUMENTS, kinds=(kind,)):
        after = events[-1].position
        yield from events
