"""Reading a saved state, on the driver's own connection: a command that only shows has no other."""

import sqlite3

from projections.meet import VERSION, Meet
from store.log import Log, hash_at


def load_snapshot(connection: sqlite3.Connection, log: Log) -> Meet | None:
    """The saved state; None without one of this version and of this very log.

    It is a saving of time only: without it the log is folded anew. Raises
    `sqlite3.Error` where there is no table for it yet.
    """
    rows = connection.execute("SELECT id FROM snapshot WHERE version = ?", (VERSION,)).fetchall()
    if not rows:
        return None
    ((id_,),) = rows
    # As a blob the state is copied once, and it is large. While the blob is open, its row stays
    # what it was for this connection, though a `run` may be saving the next state.
    with connection.blobopen("snapshot", "state", id_, readonly=True) as blob:
        hashes = connection.execute("SELECT hash FROM snapshot WHERE id = ?", (id_,)).fetchall()
        data = blob.read()
    try:
        meet = Meet.load(data)
    except ValueError:
        return None
    return meet if [(hash_at(log, meet.position),)] == hashes else None
