"""The meet folder judged: can it be written, and does the system tell when a file changes there."""

import msgspec

from meetlog.doctor.disk import milliseconds
from meetlog.doctor.findings import Finding, look, ok, wrong
from wire.settings import format_duration

FOLDER = "meet folder"


class FolderFact(msgspec.Struct, frozen=True):
    """What came of making and renaming a file in the meet folder `path`.

    `there`: the folder was there. `told_ns`: how long until the system told of the file, None
    when it had not within a second. `listed`: a listing showed it. `reason`: what the system said
    when the file could not be made, or when it would not watch.
    """

    path: str
    there: bool
    told_ns: int | None = None
    listed: bool = False
    reason: str = ""


def judge_folder(fact: FolderFact, rescan: int) -> Finding:
    """`rescan` is how often (ns) a run lists the folder whatever the system tells."""
    if not fact.there:
        return look(
            FOLDER,
            f"{fact.path} is not there.",
            "A run makes it. If the meet manager has one already, its path in meet.toml is wrong, "
            "or the network drive is not connected.",
        )
    if not fact.listed:
        return wrong(
            FOLDER,
            f"No file can be made in {fact.path}: {fact.reason or 'it did not appear'}.",
            "May this user write there? Is it the right folder, and its drive connected?",
        )
    if fact.told_ns is None:
        every = format_duration(rescan)
        why = f" ({fact.reason})" if fact.reason else ""
        return look(
            FOLDER,
            f"The system did not tell of a new file in {fact.path} within a second{why}.",
            f"Shares do that. A run lists the folder every {every}, so files are seen that much "
            "later; nothing is missed. A smaller rescan in meet.toml makes it quicker.",
        )
    return ok(FOLDER, f"A new file in {fact.path} is noticed after {milliseconds(fact.told_ns)}.")
