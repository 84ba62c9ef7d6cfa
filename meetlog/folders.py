"""Folders of published files, beside what a log gives: what is the same, and what is not."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from exporters.errors import ExportError
from exporters.sink import FolderSink
from meetlog.readback import document_changes
from meetlog.replay import Replayed, difference
from meetlog.reports import ComparedFile
from wire.timedrops import STATUS_FILE, is_result_name


def compare_folder(
    folder: Path,
    given: Mapping[str, Replayed],
    foreign: Mapping[str, str],
    later: Mapping[str, int],
) -> list[ComparedFile]:
    """Every file that the log gives, then every other result file of `folder`, by name.

    `given` is what the log gives by name, `foreign` the SHA-256 by path of
    what others wrote, as the log recorded it, `later` the event that
    published a name only after what is compared. Nothing is written. Raises
    `OSError` for a folder that cannot be listed, `ExportError` for a file.
    """
    sink = FolderSink(folder)
    # A share or a Windows disk may show a name in another case than it was written in.
    there = {path.name.casefold(): path.name for path in sorted(folder.iterdir())}
    found = [
        _given(name, each, sink.read(there.get(name.casefold(), name)))
        for name, each in given.items()
        if each.data is not None
    ]
    known = {name.casefold() for name, each in given.items() if each.data is not None}
    theirs = {path.casefold(): digest for path, digest in foreign.items()}
    for folded, name in there.items():
        if folded not in known and (folded == STATUS_FILE or is_result_name(name)):
            found.append(_other(sink, name, theirs.get(folded), later.get(name, 0)))
    return found


def _given(name: str, replayed: Replayed, there: bytes | None) -> ComparedFile:
    position, now = replayed.publication.position, replayed.data
    if there == now:
        return ComparedFile(name, "identical", position, "", ())
    if there is None:
        return ComparedFile(name, "missing", position, "it is not in the folder", ())
    return ComparedFile(
        name,
        "changed",
        position,
        difference(there, now, where="in the folder"),
        document_changes(name, there, now, replayed.race),
    )


def _other(sink: FolderSink, name: str, recorded: str | None, later: int) -> ComparedFile:
    if later:
        return ComparedFile(name, "later", later, f"event {later} published it", ())
    try:
        there = sink.read(name)
    except ExportError as error:
        return ComparedFile(name, "extra", 0, str(error), ())
    if there is not None and sha256(there).hexdigest() == recorded:
        return ComparedFile(name, "foreign", 0, "", ())
    told = "the log has this name with another content" if recorded else "the log has no such file"
    return ComparedFile(name, "extra", 0, told, ())
