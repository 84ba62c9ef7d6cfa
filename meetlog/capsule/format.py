"""The capsule's file: a zip of a manifest in JSON and of the carried events, in order.

`capsule.json` says what is in it. `events` has the events, each after its
length (u32, big-endian) as a msgpack array of the fields of `Carried`.
"""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import msgspec

from store.event import FORM, MAX_EVENT_BYTES, Head, chain_hash
from store.forms import misfit
from store.log import LogDamaged
from store.seal import seal_of

FORMAT = 1
MANIFEST = "capsule.json"
EVENTS = "events"
MAX_MANIFEST = 1024 * 1024  # a manifest has some five hundred bytes
MAX_RECORD = MAX_EVENT_BYTES + 64 * 1024
# What is left out is made up when a capsule is opened; a damaged or malicious
# one must not fill the disk with it. A day of ten thousand reads a second is less.
MAX_POSITION = 1_000_000_000

_LENGTH = struct.Struct(">I")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same capsule has the same bytes
# All that a damaged zip makes Python's own module raise.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, KeyError, ValueError,
    NotImplementedError, RuntimeError, struct.error, OverflowError, IndexError,
)  # fmt: skip


class CapsuleError(LogDamaged):
    """A file is no capsule, is damaged, or of a newer meetlog; the message says which."""


class Carried(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as a capsule carries it, with the position, time and hash that it has in its log.

    `before` is the hash of the event before it where that one is not carried,
    else empty. In a masked capsule both hashes are empty.
    """

    position: int
    recorded_at: int
    source: str
    kind: str
    form: int
    meta: bytes
    body: bytes
    hash: bytes
    before: bytes


class Manifest(msgspec.Struct, frozen=True):
    """What a capsule says of itself.

    `capsule` is the version of its format, `meetlog` the program's that made
    it. The span is the events `begin` to `end`, recorded from `begin_at` to
    `end_at`; `begin_code` and `end_code` are the log's seals there. From
    `complete_from` on nothing is left out. `carried` counts the events in it,
    `bytes` and `sha256` are those of the events before they were compressed.
    """

    capsule: int
    meetlog: str
    meet: str
    zone: str
    begin: int
    end: int
    begin_at: str
    end_at: str
    begin_code: str
    end_code: str
    complete_from: int
    masked: bool
    carried: int
    bytes: int
    sha256: str


class _Version(msgspec.Struct, frozen=True):
    capsule: int
    meetlog: str = "unknown"


def write_capsule(
    path: Path, events: Iterable[Carried], manifest: Callable[[int, int, str], Manifest]
) -> Manifest:
    """Write a capsule; `manifest(carried, bytes, sha256)` is asked for when all events are in."""
    digest, size, carried = sha256(), 0, 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(_entry(EVENTS), "w", force_zip64=True) as out:
            for event in events:
                record = msgspec.msgpack.encode(event)
                piece = _LENGTH.pack(len(record)) + record
                out.write(piece)
                digest.update(piece)
                size += len(piece)
                carried += 1
        told = manifest(carried, size, digest.hexdigest())
        archive.writestr(_entry(MANIFEST), msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    return told


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


@contextmanager
def open_capsule(path: Path) -> Iterator[tuple[Manifest, Iterator[Carried]]]:
    """The manifest of the capsule at `path`, and its events, which are checked as they are read.

    Raises `CapsuleError`, also while the events are read, and `OSError` with
    the path. A capsule is whole once its last event has been read.
    """
    with path.open("rb") as file:
        archive, manifest = _begin(path, file)
        with archive:
            yield manifest, _events(path, archive, manifest)


def _begin(path: Path, file: IO[bytes]) -> tuple[zipfile.ZipFile, Manifest]:
    with _explained(path):
        archive = zipfile.ZipFile(file)
        with archive.open(MANIFEST) as entry:
            text = entry.read(MAX_MANIFEST + 1)
        if len(text) > MAX_MANIFEST:
            raise ValueError("its manifest is too large")
        version = msgspec.json.decode(text, type=_Version)
    if version.capsule > FORMAT:
        raise CapsuleError(
            f"{path} is of a newer meetlog ({version.meetlog}): its format is {version.capsule}, "
            f"this program knows up to {FORMAT}; install that version"
        )
    with _explained(path):
        manifest = msgspec.json.decode(text, type=Manifest)
        sound = 1 <= manifest.complete_from <= manifest.begin <= manifest.end <= MAX_POSITION
        if not sound or version.capsule < 1:
            raise ValueError("its manifest contradicts itself")
    return archive, manifest


def _events(path: Path, archive: zipfile.ZipFile, manifest: Manifest) -> Iterator[Carried]:
    check = _Check(manifest)
    with _explained(path):
        entry: IO[bytes] = archive.open(EVENTS)
    with entry:
        while True:
            with _explained(path):
                event = check.next(entry)
            if event is None:
                return
            yield event


class _Check:
    """Reads the events of a capsule, and holds each against those before it and the manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._digest = sha256()
        self._size = 0
        self._carried = 0
        self._last = Head(0, b"", 0)

    def next(self, entry: IO[bytes]) -> Carried | None:
        """The next event; None after the last. Raises one of `_DAMAGE`, or a `msgspec` error."""
        length = self._read(entry, _LENGTH.size, may_end=True)
        if not length:
            self._end()
            return None
        (size,) = _LENGTH.unpack(length)
        if size > MAX_RECORD:
            raise ValueError(f"an event of {size} bytes is too large")
        event = msgspec.msgpack.decode(self._read(entry, size), type=Carried)
        self._follow(event)
        self._carried += 1
        self._last = Head(event.position, event.hash, event.recorded_at)
        return event

    def _read(self, entry: IO[bytes], size: int, *, may_end: bool = False) -> bytes:
        if self._size + size > self._manifest.bytes and not may_end:
            raise ValueError("its events are longer than its manifest says")
        data = entry.read(size)
        if len(data) != size and not (may_end and not data):
            raise EOFError("its events stop in the middle")
        self._digest.update(data)
        self._size += len(data)
        return data

    def _follow(self, event: Carried) -> None:
        manifest, last = self._manifest, self._last
        if event.form != FORM:
            raise ValueError(f"event {event.position} has the form {event.form}")
        follows = event.position == last.position + 1
        if not last.position < event.position <= manifest.end or (
            event.position > manifest.complete_from and not follows
        ):
            raise ValueError(f"event {event.position} is not in its place")
        if not last.recorded_at <= event.recorded_at < 1 << 63:
            raise ValueError(f"event {event.position} has an impossible time")
        if problem := misfit(event.kind, event.meta):
            raise ValueError(f"event {event.position}: {problem}")
        if manifest.masked:
            return
        before = last.hash if follows and last.position else event.before
        if follows and not last.position:
            before = bytes(32)
        if chain_hash(
            before, event.position, event.recorded_at, event.source, event.kind, event.meta,
            event.body,
        ) != event.hash:  # fmt: skip
            raise ValueError(f"event {event.position} does not have its hash")
        for position, code in (
            (manifest.begin, manifest.begin_code),
            (manifest.end, manifest.end_code),
        ):
            if event.position == position and code != seal_of(
                Head(position, event.hash, event.recorded_at)
            ):
                raise ValueError(f"the code {code} is not that of event {position}")

    def _end(self) -> None:
        manifest = self._manifest
        found = (self._carried, self._size, self._digest.hexdigest(), self._last.position)
        if found != (manifest.carried, manifest.bytes, manifest.sha256, manifest.end):
            raise ValueError("its events are not those that its manifest names")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (*_DAMAGE, msgspec.DecodeError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the disk's trouble, not the file's
        raise CapsuleError(
            f"{path} is no capsule, or was altered or cut off: {_words(error)}. "
            "Nothing was written. Ask for it to be sent again."
        ) from error


def _words(error: Any) -> str:
    if isinstance(error, KeyError):
        return "it does not have the parts of one"
    return str(error) or type(error).__name__
