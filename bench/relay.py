"""Relays: how fast a stream goes out, and how long a read takes from a mat to a scoring program.

    python -m bench --only relay

Throughput: a log that has a race is opened with a new relay; the queue takes
the race from it (backfill), and then a peer in a process of its own takes the
whole stream. Latency: a sender and a receiver, each in a process of its own,
on both sides of a house as `meetlog run` opens it. All clocks are
`time.monotonic_ns`.
"""

import multiprocessing
import socket
import tempfile
import time
from bisect import bisect_left
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median

import anyio
import msgspec

from bench import race
from bench.figures import Figure
from bench.latency import percentile
from bench.receiver import Arrivals, receive
from bench.sender import send
from meetlog.house import House, open_house
from wire.settings_file import parse
from wire.stamps import MINUTE, NS

PROTOCOLS = ("tsv1", "tsv2", "ctp01")
READS = 200_000
RATES = (1_000, 10_000)
SECONDS = 5
REPETITIONS = 3
PARTICIPANTS = 2_000
PATIENCE = 120  # seconds


class Throughput(msgspec.Struct, frozen=True):
    """Reads a second: taken from the log into the stream, and out to a peer."""

    queued: float
    sent: float


def settings_body(protocol: str, port: int, source_port: int = 7701) -> bytes:
    """A `meet.toml` of a race that relays all its reads; nothing is published."""
    role = "client" if protocol == "ctp01" else "server"
    return (
        race.settings_text(source_port, '[folder]\npublish = "off"\n')
        + (
            f'[[relay]]\nname = "scoring"\nprotocol = "{protocol}"\nrole = "{role}"\n'
            f'port = {port}\nkinds = ["gun", "first-seen", "best-seen"]\n'
        ).encode()
    )


async def _until(holds: object) -> None:
    assert callable(holds)
    with anyio.fail_after(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is awaited is told in other threads
            await anyio.sleep(0.02)


def _queued(opened: House) -> int:
    return sum(relay.queued for relay in opened.overview.relays)


async def _open_and_drain(folder: Path, protocol: str, reads: int, pipe: Pipe) -> Throughput:
    port = _free_port()
    if protocol == "ctp01":
        # It listens from the beginning; it is not called before there is a relay.
        pipe.send((protocol, 0, reads))
        port = await anyio.to_thread.run_sync(pipe.recv)
    body = settings_body(protocol, port)
    begun = time.monotonic_ns()
    async with open_house(folder, parse(body), body) as opened:
        await _until(lambda: _queued(opened) >= reads)
        queued = time.monotonic_ns()
        if protocol != "ctp01":
            pipe.send((protocol, port, reads))
        arrivals: Arrivals = await anyio.to_thread.run_sync(pipe.recv)
        if opened.failure is not None:
            raise opened.failure
    assert arrivals[-1][1] >= reads, "reads are missing"
    # Of CTP01 the stream begins while it is queued; what counts is what came after.
    before = next((had for at, had in reversed(arrivals) if at <= queued), 0)
    last = max(arrivals[-1][0], queued + 1)
    return Throughput(reads * NS / (queued - begun), max(1, reads - before) * NS / (last - queued))


def throughput(protocol: str, reads: int, pipe: Pipe) -> Throughput:
    """One run over a fresh log."""
    with tempfile.TemporaryDirectory(prefix="meetlog-bench-") as folder:
        path = Path(folder)
        arrivals = race.arrivals(reads, participants=PARTICIPANTS, resends=0)
        race.write_log(path / "meet.db", arrivals, 100, participants=PARTICIPANTS)
        return anyio.run(_open_and_drain, path, protocol, reads, pipe)


async def _pass_through(
    folder: Path, protocol: str, messages: list[bytes], rate: int, pipes: tuple[Pipe, Pipe]
) -> list[int]:
    sender, receiver = pipes
    source_port = await anyio.to_thread.run_sync(sender.recv)
    port = _free_port()
    receiver.send((protocol, port, len(messages)))
    if protocol == "ctp01":
        port = await anyio.to_thread.run_sync(receiver.recv)
    body = settings_body(protocol, port, source_port)
    async with open_house(folder, parse(body), body) as opened:
        await _until(
            lambda: (
                all(s.state == "connected" for s in opened.overview.sources)
                and all(r.state == "connected" for r in opened.overview.relays)
                and bool(opened.overview.sources)
            )
        )
        sender.send((messages, rate))
        handed: list[int] = await anyio.to_thread.run_sync(sender.recv)
        arrivals: Arrivals = await anyio.to_thread.run_sync(receiver.recv)
        sender.send(None)
        if opened.failure is not None:
            raise opened.failure
    assert arrivals[-1][1] >= len(messages), "reads are missing"
    had = [count for _, count in arrivals]
    return [arrivals[bisect_left(had, n)][0] - at for n, at in enumerate(handed, 1)]


def latency(protocol: str, rate: int, seconds: int, pipe: Pipe) -> list[int]:
    """For each read, ns from its handing over until the scoring program had it."""
    messages = [
        race.message(
            race.first_chip(n * 7 % PARTICIPANTS),
            race.START + n * (10 * MINUTE // (rate * seconds)) // 100 * 100,
            race.POINTS[n % 3],
        )
        for n in range(rate * seconds)
    ]
    ours, theirs = multiprocessing.Pipe()
    sender = multiprocessing.get_context("spawn").Process(target=send, args=(theirs,), daemon=True)
    sender.start()
    try:
        with tempfile.TemporaryDirectory(prefix="meetlog-bench-") as folder:
            return anyio.run(_pass_through, Path(folder), protocol, messages, rate, (ours, pipe))
    finally:
        sender.terminate()
        sender.join()


def measure(
    repetitions: int = REPETITIONS, reads: int = READS, seconds: int = SECONDS
) -> list[Figure]:
    """Alternate the protocols; medians of the repetitions."""
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(
        target=receive, args=(theirs,), daemon=True
    )
    receiver.start()
    through: dict[str, list[Throughput]] = {protocol: [] for protocol in PROTOCOLS}
    late: dict[tuple[str, int], list[list[int]]] = {}
    try:
        for _ in range(repetitions):
            for protocol in PROTOCOLS:
                through[protocol].append(throughput(protocol, reads, ours))
                for rate in RATES:
                    runs = late.setdefault((protocol, rate), [])
                    runs.append(latency(protocol, rate, seconds, ours))
    finally:
        receiver.terminate()
        receiver.join()
    figures = []
    note = f"median of {repetitions} runs of {reads:,} reads"
    for protocol, found in through.items():
        queued, sent = median(t.queued for t in found), median(t.sent for t in found)
        figures += [
            Figure("relay", f"{protocol}, queued from the log", queued, "reads/s", note=note),
            Figure("relay", f"{protocol}, sent to a peer", sent, "reads/s", note=note),
        ]
    for (protocol, rate), runs in late.items():
        for hundredths in (50, 99):
            value = median(percentile(run, hundredths) for run in runs)
            name = f"{protocol}, mat to peer, {rate:,} reads/s, p{hundredths}"
            note = f"median of {repetitions} runs of {rate * seconds:,} reads"
            figures.append(Figure("relay", name, value, "ms", note=note))
    return figures


def _free_port() -> int:
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        port: int = trying.getsockname()[1]
        return port
