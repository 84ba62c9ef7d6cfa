"""Reading a saved state, on the driver's own connection: a command that only shows has no other."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from projections.meet import VERSION, Meet
from projections.saving import SavedStateDamaged
from store.log import Log, hash_at


def load_snapshot(connection: sqlite3.Connection, log: Log) -> Meet | None:
    """The saved state; None without one of this version and of this very log.

    It is a saving of time only: without it the log is folded anew. Raises
    `sqlite3.Error` where there is no table for it yet.
    """
    with lazy_snapshot(connection, log) as meet:
        try:
            if meet is not None:
                meet.state.reads.chips.read()
        except SavedStateDamaged:
            return None
    return meet


@contextmanager
def lazy_snapshot(connection: sqlite3.Connection, log: Log) -> Iterator[Meet | None]:
    """`load_snapshot` by `Meet.load_lazily`: the reads can be read until the block ends."""
    rows = connection.execute("SELECT id FROM snapshot WHERE version = ?", (VERSION,)).fetchall()
    if not rows:
        yield None
        return
    ((id_,),) = rows
    # As a blob the state is copied once, and it is large. While the blob is open, its row stays
    # what it was for this connection, though a `run` may be saving the next state.
    with connection.blobopen("snapshot", "state", id_, readonly=True) as blob:
        hashes = connection.execute("SELECT hash FROM snapshot WHERE id = ?", (id_,)).fetchall()
        yield _load(blob, hashes, log)


def _load(blob: sqlite3.Blob, hashes: list[tuple[bytes]], log: Log) -> Meet | None:
    def read(size: int) -> bytes:
        try:
            return blob.read(size)
        except sqlite3.Error as e:
            raise SavedStateDamaged(f"the saved state cannot be read: {e}") from e

    try:
        meet = Meet.load_lazily(read)
    except SavedStateDamaged:
        return None
    return meet if [(hash_at(log, meet.position),)] == hashes else None
