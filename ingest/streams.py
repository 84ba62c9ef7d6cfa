"""Streams: TCP sockets on the event loop, one `recv` at a time and never ahead.

The log keeps what one `recv` returned, and a socket must not be read while
the log cannot be written. The stream classes of asyncio and anyio read
ahead into a queue (an accepted connection is read before anyone asks), so
these wait until the socket is ready and then make the one call themselves.
That call is never interrupted: a timeout or a shutdown loses no byte.
"""

import asyncio
import errno
import socket
import sys
from collections.abc import Sequence
from typing import Protocol

import anyio

from ingest.errors import IngestError

RECEIVE_BYTES = 64 * 1024  # a burst of some 400 reads in one event; larger bodies gain nothing
BACKLOG = 16  # peers that connect at the same instant; the rest are asked by TCP to try again
KEEPALIVE_IDLE = 15  # seconds of silence before TCP asks whether the peer is there,
KEEPALIVE_INTERVAL = 5  # seconds between questions,
KEEPALIVE_PROBES = 3  # and how many unanswered ones mean a pulled cable
# Milliseconds until data that nobody acknowledges means the same; TCP itself
# would try for a quarter of an hour, and what was sent meanwhile looked sent.
UNACKNOWLEDGED = 30_000


class Stream(Protocol):
    """One TCP connection, or what stands for one in a test."""

    peer: str
    local: str

    async def receive(self) -> bytes:
        """What one `recv` returns, at most `RECEIVE_BYTES`; empty at the end. Raises `OSError`."""

    async def send(self, data: bytes) -> None:
        """Hand all of `data` to the system. Raises `OSError`."""

    def close(self) -> None:
        """Close both directions. Calling it again does nothing."""


class Listener(Protocol):
    """A place where peers find us."""

    address: str

    async def accept(self) -> Stream:
        """The next peer. Raises `OSError` when the system has no socket left to give."""

    def close(self) -> None:
        """Take no peer any more. Calling it again does nothing."""


class Network(Protocol):
    """How connections come about: the system's own, or what stands for it in a test."""

    async def connect(self, host: str, port: int) -> Stream:
        """A connection to whoever listens there. Raises `OSError`."""

    async def listen(self, who: str, host: str, port: int) -> Sequence[Listener]:
        """Listen on every address of `host`; port 0 takes a free one of the system's.

        Raises `IngestError` naming `who` wanted to listen, the port and the remedy: a
        server that cannot listen would lose reads in silence, so nothing is retried.
        """


class SocketStream:
    """A `Stream` on a connected non-blocking socket, which it owns from now on."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.peer = spell_address(connected.getpeername())
        self.local = spell_address(connected.getsockname())
        keep_alive(connected)

    async def receive(self) -> bytes:
        """See `Stream.receive`."""
        while True:
            try:
                return self._socket.recv(RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                await anyio.wait_readable(self._socket)

    async def send(self, data: bytes) -> None:
        """See `Stream.send`."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except (BlockingIOError, InterruptedError):
                await anyio.wait_writable(self._socket)

    def close(self) -> None:
        """See `Stream.close`."""
        self._socket.close()


def spell_address(address: tuple[str | int, ...]) -> str:
    """`127.0.0.1:61611` or `[::1]:61611`."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def keep_alive(connected: socket.socket) -> None:
    """Ask TCP to notice a peer that vanished without a word, where the system can be told how."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
        ("TCP_USER_TIMEOUT", UNACKNOWLEDGED),
    ):
        if hasattr(socket, option):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


async def connect(host: str, port: int) -> Stream:
    """A connection to the first address of `host` that takes one. Raises `OSError`."""
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    for family, kind, proto, _, address in await _resolve(host, port):
        try:
            return SocketStream(await _connect_address(family, kind, proto, address))
        except OSError as e:
            failure = e
    raise failure


_Resolved = list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]


async def _resolve(host: str, port: int, flags: int = 0) -> _Resolved:
    try:
        return await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as e:  # a label that no name can have
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no host name") from e


async def _connect_address(
    family: int, kind: int, proto: int, address: tuple[str, int]
) -> socket.socket:
    trying = socket.socket(family, kind, proto)
    try:
        trying.setblocking(False)
        await asyncio.get_running_loop().sock_connect(trying, address)
    except BaseException:  # also when cancelled: an abandoned socket must not stay open
        trying.close()
        raise
    return trying


class SocketListener:
    """A `Listener` on a listening non-blocking socket, which it owns from now on."""

    def __init__(self, listening: socket.socket) -> None:
        self._socket = listening
        self.address = spell_address(listening.getsockname())

    async def accept(self) -> Stream:
        """See `Listener.accept`."""
        while True:
            try:
                accepted, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                await anyio.wait_readable(self._socket)
                continue
            accepted.setblocking(False)
            try:
                return SocketStream(accepted)
            except OSError:  # it was gone before it could be looked at
                accepted.close()

    def close(self) -> None:
        """See `Listener.close`."""
        self._socket.close()


class Sockets:
    """The `Network` of this machine."""

    async def connect(self, host: str, port: int) -> Stream:
        """See `Network.connect`."""
        return await connect(host, port)

    async def listen(self, who: str, host: str, port: int) -> Sequence[Listener]:
        """See `Network.listen`."""
        return await bind(who, host, port)


async def bind(who: str, host: str, port: int) -> list[SocketListener]:
    """See `Network.listen`."""
    bound: list[SocketListener] = []
    try:
        found = await _resolve(host, port, socket.AI_PASSIVE)
        for family, kind, proto, _, address in found:
            listening = _listen(family, kind, proto, (address[0], port, *address[2:]))
            bound.append(SocketListener(listening))
    except OSError as e:
        for listener in bound:
            listener.close()
        raise IngestError(_why_not_bound(who, host, port, e)) from e
    return bound


def _listen(family: int, kind: int, proto: int, address: tuple[str | int, ...]) -> socket.socket:
    listener = socket.socket(family, kind, proto)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let a second program steal the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _why_not_bound(who: str, host: str, port: int, e: OSError) -> str:
    where = f"{who}: cannot listen on {host} port {port}"
    if e.errno == errno.EADDRINUSE:
        return (
            f"{where}: another program has the port. Stop that program (perhaps a second meetlog),"
            f" or give the {who} another port in meet.toml and tell the other side."
        )
    if e.errno in (errno.EACCES, errno.EPERM):
        return f"{where}: the system does not allow it. Choose a port above 1023 in meet.toml."
    if e.errno == errno.EADDRNOTAVAIL or isinstance(e, socket.gaierror):
        return (
            f"{where}: this machine has no such address. Use 127.0.0.1 for programs on this"
            " machine, 0.0.0.0 for all networks, or one of this machine's own addresses."
        )
    return f"{where}: {e.strerror or e}. Check its host and port in meet.toml."
