"""Recordings of real reads: files of CT01 lines or of TsV2 arrays, made into a script."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from meetlog.simulate.script import Act, Detection, FolderTrouble
from wire import tsv2
from wire.ctp01 import ClientDecoder, to_raw_read
from wire.ctp01_messages import DataLine
from wire.errors import Malformed, WireError
from wire.reads import RawRead, ReadKind
from wire.stamps import parse_any

PIECE = 64 * 1024
_BLANK = b" \t\r\n\0"
_BOM = b"\xef\xbb\xbf"

Problem = Callable[[Malformed], None]


def load_reads(path: Path, on_problem: Problem = lambda _problem: None) -> list[RawRead]:
    """All reads of a recording, in the order of the file; see `iterate_reads`."""
    return list(iterate_reads(path, on_problem))


def iterate_reads(path: Path, on_problem: Problem = lambda _problem: None) -> Iterator[RawRead]:
    """The reads of a recording, one piece of the file in memory at a time.

    The content tells the format: JSON is TsV1 or TsV2, `CT01_` lines are
    CTP01, whatever the name says. Bad places go to `on_problem` and are passed
    over; announcements of locations are no reads. Raises `FolderTrouble` when
    the file cannot be read or is neither.
    """
    try:
        with path.open("rb") as file:
            first = file.read(PIECE)
            decoder = _decoder(path, first)
            piece = first
            while piece:
                yield from _reads(decoder.feed(piece), on_problem)
                piece = file.read(PIECE)
            yield from _reads(decoder.close(), on_problem)
    except OSError as e:
        reason = e.strerror or str(e)
        raise FolderTrouble(f"{path} cannot be read: {reason}. Check --file.") from e


def acts_of(reads: Iterable[RawRead], *, restamp: bool = False) -> list[Act]:
    """A script that sends `reads` in their order, at the pace of their stamps.

    A read that is stamped before one that came ahead of it arrived late: it
    is sent right after that one. With `restamp` the reads get new stamps, the
    first one that of the beginning, the others as far from it as they were.
    A read whose stamp cannot be read keeps it, and is sent with its neighbour.
    """
    acts: list[Act] = []
    first: int | None = None
    latest = 0
    for read in reads:
        try:
            wall = parse_any(read.moment or read.utc_moment).wall
        except WireError:
            acts.append(Act(latest, read))
            continue
        first = wall if first is None else first
        latest = max(latest, wall - first)
        acts.append(Act(latest, _undated(read, wall - first) if restamp else read))
    return acts


def _undated(read: RawRead, moment: int) -> Detection:
    return Detection(
        read.timing_point,
        str(read.chip),
        moment,
        ReadKind(read.type),
        read.source,
        read.antenna,
        read.rssi,
        read.lap,
    )


def _decoder(path: Path, first: bytes) -> tsv2.Decoder | ClientDecoder:
    start = first.removeprefix(_BOM).lstrip(_BLANK)
    if start[:1] in (b"[", b"{"):
        return tsv2.Decoder()  # reads TsV1 too
    if b"CT01_" in start:  # not only at the start: a whole conversation may have been recorded
        return ClientDecoder()
    what = "is empty" if not start else "is no recording that can be played"
    raise FolderTrouble(
        f"{path} {what}. It must hold CT01_33 lines (CTP01) or JSON arrays (TsV1, TsV2)."
    )


def _reads(items: Iterable[object], on_problem: Problem) -> Iterator[RawRead]:
    for item in items:
        if isinstance(item, RawRead):
            yield item
        elif isinstance(item, DataLine) and not item.is_newlocation:
            yield to_raw_read(item)
        elif isinstance(item, Malformed):
            on_problem(item)
