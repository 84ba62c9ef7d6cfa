"""Ports for servers of programs that are started again and again."""

import itertools
import os
import socket

# Below the ports that systems give to outgoing connections, so that none of
# those takes a server's port while the server is being restarted.
_LOWEST = 20_000
_COUNT = 1_500
# Tests that run side by side have ports of their own.
_SIDE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_candidates = itertools.count(os.getpid() * 61)


def free_port() -> int:
    """A port that nobody listens on now, and that was not given before."""
    while True:
        port = _LOWEST + _SIDE * _COUNT + next(_candidates) % _COUNT
        with socket.socket() as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
