"""The receiving side of the relay bench: a scoring program in a process of its own.

It takes everything as fast as it comes, and notes how many reads it had after
each piece. It does as little as a peer can: of TsV1 and TsV2 it counts the
ends of objects, of CTP01 the ends of lines.
"""

import socket
import time
from multiprocessing.connection import Connection

_RECEIVE = 256 * 1024
_SETTINGS = (
    b"RunScore~Bench~6\r\nguntimes=true\r\nnewlocations=false\r\nauthentication=none\r\n"
    b"stream-mode=push\r\ntime-format=iso\r\nconnection-id=false\r\n"
)

Arrivals = list[tuple[int, int]]  # monotonic ns, and how many reads had come by then


def receive(pipe: Connection) -> None:
    """Take orders until None: (protocol, port, reads to expect).

    A CTP01 scoring program listens: it tells its port first, whatever the
    order says. Of the others it calls the port. What is told in the end is
    `Arrivals`.
    """
    while (order := pipe.recv()) is not None:
        protocol, port, expected = order
        if protocol == "ctp01":
            with socket.create_server(("127.0.0.1", 0)) as listener:
                pipe.send(listener.getsockname()[1])
                peer, _ = listener.accept()
        else:
            peer = _call(port)
        with peer:
            end = b"}"
            if protocol == "ctp01":
                end = b"\n"
                _begin(peer)
            pipe.send(_take(peer, end, expected))


def _call(port: int) -> socket.socket:
    """A connection to a port that may not listen yet."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.02)


def _begin(peer: socket.socket) -> None:
    greeting = b""
    while not greeting.endswith(b"\n"):
        greeting += peer.recv(_RECEIVE)
    peer.sendall(_SETTINGS + b"start\r\n")


def _take(peer: socket.socket, end: bytes, expected: int) -> Arrivals:
    found: Arrivals = []
    had = 0
    while had < expected:
        data = peer.recv(_RECEIVE)
        if not data:
            break
        had += data.count(end)
        found.append((time.monotonic_ns(), had))
    return found
