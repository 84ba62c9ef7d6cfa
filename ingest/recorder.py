"""The recorder: how ingest, on the event loop, appends to the log and waits until it is durable."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from hashlib import sha256
from typing import Protocol

from store.event import FILE_CHANGED, Draft, Head, pack_meta

SETTINGS_SOURCE = "settings"
SETTINGS_PATH = "meet.toml"


class Recorder(Protocol):
    """What every adapter writes to."""

    async def append(self, *drafts: Draft) -> Head:
        """Append `drafts` together; returns only when they are durable.

        While the log cannot be written (disk full), this does not return. That
        is the backpressure: whoever awaits it reads no further. Drafts handed
        over are appended even if the caller is cancelled while it waits.
        """


class Submitter(Protocol):
    """The writer thread's side: `store.writer.GroupCommit` is one."""

    def submit(self, drafts: Sequence[Draft]) -> Future[Head]:
        """Queue `drafts`; the future is done when they are durable."""


class GroupCommitRecorder:
    """A `Recorder` on a group-committing writer thread."""

    def __init__(self, writer: Submitter) -> None:
        self._writer = writer

    async def append(self, *drafts: Draft) -> Head:
        """See `Recorder.append`."""
        # Shielded, because cancelling the future would withdraw drafts that the
        # thread has not begun with: bytes read from a socket would be lost.
        writing = asyncio.wrap_future(self._writer.submit(drafts))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # Nobody waits any more. That the log could not be written is told as its own trouble.
            writing.add_done_callback(_take_note)
            raise


def _take_note(written: "asyncio.Future[Head]") -> None:
    if not written.cancelled():
        written.exception()


async def record_file_version(
    recorder: Recorder,
    source: str,
    path: str,
    body: bytes,
    *,
    mtime: int,
    last_sha256: str | None,
) -> Head | None:
    """Append `body` as a version of `path`, unless the last recorded version has its SHA-256.

    `mtime` is in ns since the epoch; `last_sha256` is lower-case hex, None
    when the log has no version. Returns None when nothing was appended.
    """
    if sha256(body).hexdigest() == last_sha256:
        return None
    return await recorder.append(file_draft(source, path, body, mtime))


def file_draft(source: str, path: str, body: bytes, mtime: int) -> Draft:
    """A whole version of a file, as an event."""
    return Draft(source, FILE_CHANGED, pack_meta(path=path, mtime=mtime, size=len(body)), body)
