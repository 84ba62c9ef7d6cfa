"""Making a capsule, and trying it out before it is handed on."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from meetlog import __version__
from meetlog.asof import UpTo, require
from meetlog.capsule.carrying import Plan, everything, plan, up_to
from meetlog.capsule.format import Carried, Manifest, write_capsule
from meetlog.capsule.masking import Masker
from meetlog.capsule.unpacking import LOG, unpack
from meetlog.newfiles import new_file
from meetlog.replay import replay
from meetlog.reports import CodeCheck
from projections.clock import iso_local
from projections.folding import settings_at
from store.event import GENESIS, Event, Head
from store.log import Log
from store.seal import seal_of
from store.sqlite import SqliteLog
from store.verify import verify

Progress = Callable[[int, int], None]  # done, total


class CapsuleReport(msgspec.Struct, frozen=True):
    """A capsule in `file`, of `size` bytes, and what it says of itself.

    Of the span's `publications`, `identical` are given by the capsule as they
    were published; the rest the log itself gives otherwise, by this version.
    """

    file: str
    size: int
    manifest: Manifest
    publications: int
    identical: int


class OpenedCapsule(msgspec.Struct, frozen=True):
    """The `log` that was made of a capsule, what the capsule says, and the codes that were asked.

    A code's `state` is `holds`, `another past` or `not in the capsule`.
    """

    log: str
    manifest: Manifest
    codes: tuple[CodeCheck, ...]


def make(
    log: Log,
    begin: int,
    end: int,
    out: Path,
    *,
    mask: bool = False,
    name: object = "the log",
    progress: Progress | None = None,
) -> CapsuleReport:
    """Put the events `begin` to `end` of `log` and all they need into the new file `out`.

    The chain is verified first. The capsule is then opened in a temporary
    folder and everything that was published in the span is computed from it;
    if anything comes out otherwise than it was published, the capsule is made
    again with all of the log up to `end`. Raises `LogDamaged`, `Refused` and
    `OSError`; there is no `out` then.
    """
    past = UpTo(log, end)
    require(verify(past, progress=progress), name)
    masker = Masker(past, end) if mask else None
    plans = (plan(past, begin, end), everything(past, begin))
    with new_file(out) as temporary:
        for chosen in dict.fromkeys(plans):
            manifest = _write(past, begin, end, temporary, chosen=chosen, masker=masker)
            total, identical = _try_out(temporary, begin)
            if identical == total:
                break
    return CapsuleReport(str(out), out.stat().st_size, manifest, total, identical)


def _write(
    log: Log, begin: int, end: int, target: Path, *, chosen: Plan, masker: Masker | None
) -> Manifest:
    settings = settings_at(log, end).meet
    ends: dict[int, Event] = {}

    def manifest(carried: int, size: int, digest: str) -> Manifest:
        first, last = ends[begin], ends[end]
        return Manifest(
            capsule=1,
            meetlog=__version__,
            meet=masker.text(settings.name) if masker else settings.name,
            zone=settings.zone,
            begin=begin,
            end=end,
            begin_at=iso_local(first.recorded_at, settings.zone),
            end_at=iso_local(last.recorded_at, settings.zone),
            begin_code=seal_of(Head(begin, first.hash, first.recorded_at)),
            end_code=seal_of(Head(end, last.hash, last.recorded_at)),
            complete_from=chosen.complete_from,
            masked=masker is not None,
            carried=carried,
            bytes=size,
            sha256=digest,
        )

    def carried() -> Iterator[Carried]:
        previous, follows = GENESIS, True
        for event in up_to(log, end):
            if event.position in (begin, end):
                ends[event.position] = event
            carries = chosen.carries(event)
            if carries:
                yield _carry(event, masker, b"" if follows else previous)
            previous, follows = event.hash, carries

    return write_capsule(target, carried(), manifest)


def _carry(event: Event, masker: Masker | None, before: bytes) -> Carried:
    meta, body, hash_ = event.meta, event.body, event.hash
    if masker is not None:
        meta, body = masker.mask(event)
        # With hashes, what is masked could be guessed and the guess confirmed.
        hash_, before = b"", b""
    return Carried(
        event.position, event.recorded_at, event.source, event.kind, event.form, meta, body,
        hash_, before,
    )  # fmt: skip


def _try_out(capsule: Path, begin: int) -> tuple[int, int]:
    """How much was published in the span, and how much of it the capsule gives identically."""
    with tempfile.TemporaryDirectory(prefix="meetlog-capsule-") as folder:
        path = Path(folder) / LOG
        unpack(capsule, path)
        with closing(SqliteLog(path, read_only=True)) as log:
            files = [each.report for each in replay(log) if each.publication.position >= begin]
    return len(files), sum(each.identical for each in files)
