"""Unpacking: a capsule's log, made anew at the positions and times that the events had."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path

import msgspec

from meetlog.capsule.format import MANIFEST, Carried, Manifest, open_capsule
from meetlog.exits import Refused
from store.copies import write_log
from store.event import LEFT_OUT, Draft, pack_meta

LOG = "meet.db"

Progress = Callable[[int, int], object]  # done, total


Hashes = MutableMapping[int, bytes]


def unpack(
    capsule: Path, target: Path, progress: Progress | None = None, hashes: Hashes | None = None
) -> Manifest:
    """Make the log of `capsule` at the new file `target`.

    Where `hashes` has positions, it gets the hashes that these have in the
    log the capsule is of, if they are in its complete part and not masked.

    Each event has its own position and time; one that was left out stands
    there as `capsule.left-out`. Where any is, or names are masked, the hashes
    are others than in the log that the capsule is of. Raises `CapsuleError`,
    and `OSError` with the path; `target` may then be there in part.
    """
    with open_capsule(capsule) as (manifest, events):
        write_log(target, _drafts(manifest, events, progress, hashes or {}))
    return manifest


def open_into(
    capsule: Path, folder: Path, progress: Progress | None = None, hashes: Hashes | None = None
) -> Manifest:
    """Unpack `capsule` into `folder`, which must be new or empty: its log, and its manifest.

    For `hashes` see `unpack`.

    Raises `Refused`, `CapsuleError` and `OSError`; nothing is written then.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is not an empty folder. Name a new one.")
    there = next(parent for parent in folder.absolute().parents if parent.is_dir())
    with tempfile.TemporaryDirectory(prefix=".meetlog-", dir=there) as name:
        temporary = Path(name)
        manifest = unpack(capsule, temporary / LOG, progress, hashes)
        text = json.dumps(msgspec.to_builtins(manifest), ensure_ascii=False, indent=2)
        (temporary / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
        for each in (MANIFEST, LOG):
            shutil.move(temporary / each, folder / each)
    return manifest


def _drafts(
    manifest: Manifest, events: Iterator[Carried], progress: Progress | None, hashes: Hashes
) -> Iterator[tuple[int, Draft]]:
    left_out = Draft("meetlog", LEFT_OUT, pack_meta(begin=manifest.begin))
    position, recorded_at = 0, 0
    for event in events:
        for _ in range(event.position - position - 1):
            yield recorded_at or event.recorded_at, left_out
        position, recorded_at = event.position, event.recorded_at
        if position in hashes and position >= manifest.complete_from:
            hashes[position] = event.hash
        yield recorded_at, Draft(event.source, event.kind, event.meta, event.body)
        if progress is not None:
            progress(position, manifest.end)
