"""Forms: what the meta of an event must hold, by its kind.

A log may come from somewhere else: in a capsule, or as a file that another
program wrote. Its chain says that nothing was changed since, not that whoever
wrote it knew what a meta holds. Whoever reads metas asks here first; further
keys are nobody's business, so that a newer meetlog may add some.
"""

from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from store import event as ev

Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # what a table and a saved state can hold


class _Talk(msgspec.Struct):
    c: Whole


class _Opened(_Talk):
    protocol: str = ""
    role: str = ""
    peer: str = ""
    local: str = ""
    relay: bool = False


class _Closed(_Talk):
    reason: str = ""


class _File(msgspec.Struct):
    path: str


class _Status(msgspec.Struct):
    name: str
    sha256: str


class _Result(_Status):
    session: str
    event: str
    heat: Whole
    race_number: Whole
    revision: Whole
    as_of: Whole
    cause: str
    author: str
    reason: str


class _Queued(msgspec.Struct):
    as_of: Whole
    before: Whole
    crossings: bool = False


class _Sent(_Talk):
    peer: str
    through: Whole
    safe: Whole
    sent: Whole
    again: Whole


class _Refused(msgspec.Struct):
    actor: str = ""
    channel: str = ""
    login: str = ""
    why: str = ""
    at: Whole = 0


class _Started(msgspec.Struct):
    version: str = ""


class _LeftOut(msgspec.Struct):
    begin: Whole


_FORMS: dict[str, Any] = {
    ev.SOCKET_OPENED: _Opened,
    ev.SOCKET_READ: _Talk,
    ev.SOCKET_SENT: _Talk,
    ev.SOCKET_CLOSED: _Closed,
    ev.FILE_CHANGED: _File,
    ev.FILE_REMOVED: _File,
    ev.STATEMENT_REFUSED: _Refused,
    ev.RESULT_PUBLISHED: _Result,
    ev.STATUS_PUBLISHED: _Status,
    ev.RELAY_QUEUED: _Queued,
    ev.RELAY_SENT: _Sent,
    ev.APP_STARTED: _Started,
    ev.LEFT_OUT: _LeftOut,
}


@lru_cache(maxsize=4096)
def misfit(kind: str, meta: bytes) -> str:
    """What is wrong with the meta of an event of a kind, in words; "" for one that is as it should.

    A kind that this version does not know may have any map.
    """
    try:
        told = msgspec.msgpack.decode(meta, type=dict[str, Any])  # keys of nobody's are text too
        if form := _FORMS.get(kind):
            msgspec.convert(told, form)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return f"not a {kind} event: {error}"
    return ""
