"""A whole `run` with the worst peers there are: what it takes of the memory stays bounded.

Each attack is made again and again. What is remembered of it may fill up to a
ceiling in the first rounds; if it went on to grow, it would in the later ones.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.console.test_companion import line_with, running
from tests.kit.ports import free_port
from wire.reads import RawRead
from wire.tsv2 import encode

MB = 1_000_000
# Python itself, what is imported, and the caches of SQLite take some 100 MB of a run.
MOST_RUN = 250 * MB
MOST_CONSOLE = 300 * MB
MOST_GROWTH = 12 * MB  # from the first round to the last: the allocator's own, not the attack's
# The console looks now and then, and makes its pages for the first time when somebody asks: it
# counts from the second round on, and one step of 40 MB, in whichever round that falls, is usual.
MOST_CONSOLE_GROWTH = 80 * MB
ROUNDS = 3
LOUD = 6 * MB  # bytes in a round; a second of a fast network
TOML = """
[console]
port = {console}
[[source]]
name = "mat"
protocol = "tsv2"
role = "server"
port = {mat}
[[source]]
name = "lines"
protocol = "ctp01"
port = {lines}
[[source]]
name = "closed"
protocol = "tsv2"
role = "server"
port = {closed}
allow = ["192.0.2.0/24"]
"""


class Ports:
    def __init__(self) -> None:
        self.console, self.mat, self.lines, self.closed = (free_port() for _ in range(4))


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def shout(port: int, data: bytes) -> None:
    """Say this and hang up; whoever listens may hang up before."""
    with connect(port) as peer, suppress(OSError):
        if data:
            peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65_536):
            pass


def lines_that_never_end(ports: Ports, _turn: int) -> None:
    shout(ports.mat, b'[{"Chip":"' + b"7" * LOUD)
    shout(ports.mat, b"[" * LOUD)
    shout(ports.mat, b'{"a":' * (LOUD // 5))
    shout(ports.lines, b"x" * LOUD)


def junk(ports: Ports, turn: int) -> None:
    """Each line another one, so that none is counted with those before."""
    shout(ports.mat, b"".join(b"junk %d of %d\n" % (n, turn) for n in range(20_000)))
    shout(ports.lines, b"".join(b"CT01_33~junk~%d~%d\r\n" % (n, turn) for n in range(20_000)))


def knocks(ports: Ports, _turn: int) -> None:
    for _ in range(1500):
        shout(ports.closed, b"")
    for _ in range(100):
        shout(ports.mat, b"")


def requests(ports: Ports, _turn: int) -> None:
    """To the console: heads that never end, bodies and heads too large, answers nobody takes."""
    host = b"Host: localhost:%d\r\n" % ports.console
    with ExitStack() as held:
        for _ in range(60):
            slow = held.enter_context(connect(ports.console))
            slow.sendall(b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 10_000)
        for _ in range(60):
            deaf = held.enter_context(connect(ports.console))
            deaf.sendall(b"GET /live?parts=strip,crossings HTTP/1.1\r\n" + host + b"\r\n")
        for _ in range(20):
            deaf = held.enter_context(connect(ports.console))
            deaf.sendall((b"GET / HTTP/1.1\r\n" + host + b"\r\n") * 100)
        for _ in range(20):
            shout(ports.console, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200_000)
            shout(ports.console, b"POST /sign-in HTTP/1.1\r\n" + host
                  + b"Content-Length: 9999999\r\n\r\n" + b"z" * MB)  # fmt: skip


class Watched:
    """A run at work: what it and its console take of the memory now."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        self.ports = ports
        self._running = running(folder)
        self._asked = 0

    def __enter__(self) -> "Watched":
        self._process = self._running.__enter__()
        url = line_with(self._process, "console at ").split()[-1]
        httpx.get(f"{url}events", timeout=60)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.__exit__(None, None, None)

    def sizes(self) -> tuple[int, int]:
        """Once all that was sent is folded: a read that comes after it is told."""
        self._asked += 1
        chip = f"88{self._asked}"
        moment = f"2026-06-14T09:{self._asked:02d}:00.1200000"
        with connect(self.ports.mat) as mat:
            mat.sendall(encode([RawRead(chip, moment, "Finish")]))
            line_with(self._process, f"chip {chip} ")
        run = psutil.Process(self._process.pid)
        return run.memory_info().rss, sum(c.memory_info().rss for c in run.children())


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    ports, folder = Ports(), tmp_path_factory.mktemp("meet")
    (folder / "meet.toml").write_text(TOML.format(**vars(ports)))
    with Watched(folder, ports) as found:
        found.sizes()
        yield found


@pytest.mark.parametrize("attack", [lines_that_never_end, junk, knocks, requests])
def test_the_worst_peers_cost_no_memory(
    watched: Watched, attack: Callable[[Ports, int], None]
) -> None:
    sizes = []
    for turn in range(ROUNDS):
        attack(watched.ports, turn)
        sizes.append(watched.sizes())
    (run, console), (run_then, _), (_, console_then) = sizes[-1], sizes[0], sizes[1]
    told = f"run and console after each round: {[(r // MB, c // MB) for r, c in sizes]} MB"
    assert run < MOST_RUN, told
    assert console < MOST_CONSOLE, told
    assert run - run_then < MOST_GROWTH, told
    assert console - console_then < MOST_CONSOLE_GROWTH, told
    print(told)
