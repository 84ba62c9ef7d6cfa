"""The event: what the log keeps, its canonical form, and the hash that chains it.

The canonical form of form 1 is, in this order: the previous hash (32 bytes),
then big-endian the form (u8), position (u64), recorded_at (i64), then source
and kind in UTF-8, meta and body, each after its length (u32). An event's
`hash` is the SHA-256 of that. The first event's previous hash is `GENESIS`.
"""

import struct
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

FORM = 1
GENESIS = bytes(32)
# SQLite refuses a row of 1 GB (SQLITE_MAX_LENGTH); half of it leaves no doubt.
MAX_EVENT_BYTES = 500_000_000

SOCKET_OPENED = "socket.opened"
SOCKET_READ = "socket.read"
SOCKET_SENT = "socket.sent"
SOCKET_CLOSED = "socket.closed"
# Peers that were turned away and have no events of their own: how many, of which addresses.
PEERS_REFUSED = "peers.refused"
FILE_CHANGED = "file.changed"
FILE_REMOVED = "file.removed"
STATEMENT = "statement"
# Somebody said to be `actor` and could not prove it. No statement, and no secret is in it.
STATEMENT_REFUSED = "statement.refused"
RESULT_PUBLISHED = "result.published"
STATUS_PUBLISHED = "status.published"
# A relay is to send the items in the body, which are numbered by the order of these events.
RELAY_QUEUED = "relay.queued"
# How far a connection of a relay has handed its items to the network.
RELAY_SENT = "relay.sent"
APP_STARTED = "app.started"
APP_STOPPED = "app.stopped"
# In a log that came out of a capsule: an event that the capsule did not carry.
# `begin` in its meta is the first event of the capsule's span.
LEFT_OUT = "capsule.left-out"

Meta = dict[str, Any]


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What is handed to `append`: an event before it has a place in the order.

    `meta` is msgpack of a small map; `pack_meta` makes it. Raises `TypeError`
    for anything but `bytes` (a bytearray could change before it is written)
    and `ValueError` for text that is not Unicode or a row past `MAX_EVENT_BYTES`.
    """

    source: str
    kind: str
    meta: bytes = b"\x80"
    body: bytes = b""

    def __post_init__(self) -> None:
        if type(self.meta) is not bytes or type(self.body) is not bytes:
            raise TypeError(f"meta and body of a {self.kind!r} event must be bytes")
        size = len(self.body) + len(self.meta) + len(self.source.encode()) + len(self.kind.encode())
        if size > MAX_EVENT_BYTES:
            raise ValueError(
                f"a {self.kind!r} event of {size} bytes from {self.source!r} is too large: "
                f"the log takes at most {MAX_EVENT_BYTES}"
            )


class Event(msgspec.Struct, frozen=True, gc=False):
    """One row of the log. `recorded_at` is ns since the epoch, UTC; `meta` is msgpack."""

    position: int
    recorded_at: int
    source: str
    kind: str
    meta: bytes
    body: bytes
    hash: bytes
    form: int = FORM


class Head(NamedTuple):
    """The newest event's position, hash and time; `EMPTY_HEAD` for an empty log."""

    position: int
    hash: bytes
    recorded_at: int


EMPTY_HEAD = Head(0, GENESIS, 0)

_HEADER = struct.Struct(">BQqI")
_LENGTH = struct.Struct(">I")


def pack_meta(**fields: Any) -> bytes:
    """Msgpack of a small map, keys in the order given."""
    return msgspec.msgpack.encode(fields)


@lru_cache(maxsize=4096)
def _unpack(meta: bytes) -> Meta:
    return msgspec.msgpack.decode(meta, type=dict[str, Any])


def meta_of(event: Event) -> Meta:
    """The map in `event.meta`. Do not change it: equal metas share one map."""
    return _unpack(event.meta)


def chain_hash(  # noqa: PLR0917 - the row's columns, in their canonical order
    previous: bytes,
    position: int,
    recorded_at: int,
    source: str,
    kind: str,
    meta: bytes,
    body: bytes,
    form: int = FORM,
) -> bytes:
    """The hash of a row in the place after `previous`; see the module for the exact bytes."""
    s, k = source.encode(), kind.encode()
    return sha256(
        b"".join(
            (
                previous,
                _HEADER.pack(form, position, recorded_at, len(s)),
                s,
                _LENGTH.pack(len(k)),
                k,
                _LENGTH.pack(len(meta)),
                meta,
                _LENGTH.pack(len(body)),
                body,
            )
        )
    ).digest()
