"""Settling: which files of a folder are ready to be read, and which are gone. Pure; no clock.

Programs write a file in several steps, delete before they rewrite, or rewrite
in place (PROTOCOLS 3.2, 3.5). A file is read when its size and mtime have kept
for the settle time, and is gone when it has been absent for that long. Times
here are ns of a steady clock that the caller reads.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from wire.stamps import NS

# File systems keep mtime in steps of up to 2 s (FAT), and a rewrite of the
# same length within a step changes nothing one can see. So each version is
# read once more when that is over.
RECHECK = 5 * NS // 2
# A file that never keeps still, such as a log file of another program, is
# reported after this long.
RESTLESS = 60 * NS


class Stat(NamedTuple):
    """Size in bytes and mtime in ns since the epoch."""

    size: int
    mtime: int


class Tracked(msgspec.Struct, frozen=True):
    """What is known about one file.

    `stat` is that of the last listing, None while it is absent; `since` is
    when it was first seen so, None before the first listing. `restless` is
    since when it has not been settled, None when it is. `read` is the stat
    under which it was last read; `sha256` that content's hash, or the log's
    last at the start, "" when there is none. `recheck` is when it is due to
    be read again, whatever its stat says.
    """

    stat: Stat | None = None
    since: int | None = None
    restless: int | None = None
    read: Stat | None = None
    sha256: str = ""
    recheck: int | None = None
    failures: int = 0


Files = Mapping[str, Tracked]


class Plan(NamedTuple):
    """What a listing calls for: `gone` to record first, then `ready` to read, in this order.

    `files` is the state to go on with. `restless` have not settled for `RESTLESS`.
    """

    files: dict[str, Tracked]
    gone: tuple[str, ...]
    ready: tuple[str, ...]
    restless: tuple[str, ...]


def known_files(versions: Mapping[str, str]) -> dict[str, Tracked]:
    """The state to start from: path -> SHA-256 of the last recorded version of each file."""
    return {path: Tracked(sha256=sha256) for path, sha256 in versions.items()}


def plan(
    files: Files,
    listing: Mapping[str, Stat],
    now: int,
    settle: int,
    touched: Collection[str] = (),
) -> Plan:
    """Compare a complete `listing` of the folder with what is known.

    `touched` are files that the system says have changed: they are read
    again even if size and mtime are as before. Removals stand before reads,
    so that a name that only changed its case (one file, on Windows) ends as
    present; reads are in order of mtime, which is the order of writing.
    """
    after: dict[str, Tracked] = {}
    gone: list[str] = []
    ready: list[tuple[int, str]] = []
    restless: list[str] = []
    for path in sorted({*files, *listing}):
        stat = listing.get(path)
        file = _seen(files.get(path, Tracked()), stat, now, path in touched)
        settled = file.since is not None and now >= file.since + settle
        if stat is None:
            if not file.sha256:
                continue
            if settled:
                gone.append(path)
                continue
        elif settled and _wants_reading(file, now):
            ready.append((stat.mtime, path))
        elif file.restless is not None and now - file.restless >= RESTLESS:
            restless.append(path)
        after[path] = file
    return Plan(
        after,
        tuple(gone),
        tuple(path for _, path in sorted(ready)),
        tuple(restless),
    )


def next_look(files: Files, now: int, settle: int) -> int | None:
    """When something will have settled, or is due to be read again; None when nothing will.

    What is due already and still there has failed, and waits for the rescan.
    """
    times = [
        file.since + settle
        for file in files.values()
        if file.since is not None and (file.stat is None or file.restless is not None)
    ]
    times += [file.recheck for file in files.values() if file.recheck is not None]
    return min((time for time in times if time > now), default=None)


def _wants_reading(file: Tracked, now: int) -> bool:
    return file.restless is not None or (file.recheck is not None and now >= file.recheck)


def _seen(file: Tracked, stat: Stat | None, now: int, touched: bool) -> Tracked:
    """`file` after a listing that shows it as `stat`."""
    if stat is None:
        if file.since is None or file.stat is not None:
            return Tracked(since=now, sha256=file.sha256)
        return file
    if stat != file.stat or (touched and file.restless is None):
        return after_change(file, stat, now)
    return file


def after_read(file: Tracked, stat: Stat, sha256: str, now: int) -> Tracked:
    """`file` after a read that returned a content with this hash and left it as `stat`."""
    fresh = sha256 != file.sha256 or file.read != stat
    return msgspec.structs.replace(
        file,
        read=stat,
        sha256=sha256,
        restless=None,
        recheck=now + RECHECK if fresh else None,
        failures=0,
    )


def after_change(file: Tracked, stat: Stat, now: int) -> Tracked:
    """`file` seen to have become `stat`; what was read while it did so is nobody's version."""
    began = file.restless if file.restless is not None else now
    return msgspec.structs.replace(file, stat=stat, since=now, restless=began)


def after_failure(file: Tracked) -> Tracked:
    """`file` after a read that failed; the next plan asks for it again."""
    return msgspec.structs.replace(file, failures=file.failures + 1)


def after_skip(file: Tracked) -> Tracked:
    """`file` left unread on purpose, until it changes."""
    return msgspec.structs.replace(file, read=file.stat, restless=None, recheck=None, failures=0)
