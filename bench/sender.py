"""The sending side of the latency bench: a TsConnector in a process of its own.

It listens on a free loopback port, waits for a word, and then sends its
messages one by one at a steady rate, noting the clock before each. The clock
is `time.monotonic_ns`, which all processes of a machine share on Linux, macOS and
Windows alike.
"""

import socket
import time
from array import array
from multiprocessing.connection import Connection

NS = 1_000_000_000
# A sleep ends some 60 us late; the rest of the way is not slept.
_SLEEP_LATE = 80_000


def send(pipe: Connection) -> None:
    """Serve one peer: tell the port, take (messages, rate), send, tell when each was handed over.

    What is told is a list of ns, one for each message: the moment before the
    call that hands its last byte to the socket. A socket that takes no more
    for a while makes that call long, and the waiting counts.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        peer, _ = listener.accept()
        with peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (order := pipe.recv()) is not None:
                pipe.send(_send_all(peer, *order))


def _send_all(peer: socket.socket, messages: list[bytes], rate: int) -> array:  # type: ignore[type-arg]  # array is generic to the type checker only
    handed = array("q")
    begun = time.monotonic_ns()
    for number, message in enumerate(messages):
        ahead = begun + number * NS // rate - time.monotonic_ns()
        if ahead > _SLEEP_LATE:
            time.sleep((ahead - _SLEEP_LATE) / NS)
        while time.monotonic_ns() < begun + number * NS // rate:
            pass
        handed.append(time.monotonic_ns())
        peer.sendall(message)
    return handed
