"""The protocol: uvicorn's HTTP/1.1, with an end to what a slow or greedy peer may hold.

uvicorn waits without end for the rest of a request, and for a peer that does
not take its answer; and it takes any number of connections, of which those
that ask nothing cost it nothing but a socket each. Here each of that ends.
"""

import asyncio
from collections import Counter
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from meetlog.console.guard import is_loopback

MOST_CONNECTIONS = 300  # in all; the last are for this computer, whoever else comes
MOST_REMOTE = 250  # from other computers
MOST_OF_ONE = 60  # from one other computer; a browser needs some seven for each page it has open
MOST_HEAD = 16 * 1024  # bytes of a request's first line and headers; a browser sends one or two KiB
REQUEST_SECONDS = 20  # in which a whole request must have come, from its connection or first byte
PATIENCE_SECONDS = 30  # for a peer that takes nothing of what it asked for
LEAST_TAKEN = 4 * 1024  # bytes; a peer that takes less from one look to the next takes nothing
LOOK_SECONDS = 5  # between two looks


class BoundedProtocol(H11Protocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._host = ""
        self._asked_since: float | None = None
        self._stuck_since: float | None = None
        self._owed = 0
        self._looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its base
        """See `asyncio.Protocol`. A connection too many is closed without a word."""
        peer = transport.get_extra_info("peername")
        self._host = str(peer[0]) if peer else ""
        super().connection_made(transport)
        if self._is_one_too_many():
            transport.abort()
            return
        self._asked_since = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._asked_since = None  # all of the request is here
        elif self._asked_since is None:
            self._asked_since = self.loop.time()

    def _is_one_too_many(self) -> bool:
        if is_loopback(self._host):
            return False  # uvicorn's own bound answers these in words
        hosts = Counter(c._host for c in self.connections if isinstance(c, BoundedProtocol))
        remote = sum(count for host, count in hosts.items() if not is_loopback(host))
        return remote > MOST_REMOTE or hosts[self._host] > MOST_OF_ONE

    def _look(self) -> None:
        """See whether the peer keeps us waiting; again in `LOOK_SECONDS`."""
        now = self.loop.time()
        owed = self.transport.get_write_buffer_size()
        if not owed or owed <= self._owed - LEAST_TAKEN:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        self._owed = owed
        asking = self._asked_since is not None and now - self._asked_since >= REQUEST_SECONDS
        stuck = self._stuck_since is not None and now - self._stuck_since >= PATIENCE_SECONDS
        if asking or stuck:
            # What it was sent may never leave, and a polite end would wait for that.
            self.transport.abort()
            return
        self._looking = self.loop.call_later(LOOK_SECONDS, self._look)
