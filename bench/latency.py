"""From the last byte at a socket to durable, and to the result file, on real sockets.

    python -m bench --only latency

A sender in a process of its own sends single reads at a steady rate to a
house as `meetlog run` opens it, with nothing held back (`quiet` is 0). In
between are heats: a gun, and one finishing read for each lane.

Durable is when the writer says that its commit has reached the position
whose `socket.read` holds the read's last byte; bytes are counted from the
log itself afterwards. A result is out when the sink's `write` has returned:
the file is then renamed into its place and its folder synced, so a reader
may have seen it a little earlier. Both clocks are `time.monotonic_ns`, to the
nanosecond; no polling is involved.
"""

import functools
import multiprocessing
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import accumulate
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import msgspec

from bench import race
from bench.figures import Figure
from bench.sender import send
from exporters.sink import FolderSink
from meetlog.edges import Edges, MeetFolder, Writer, open_folder, open_writer
from meetlog.house import House, open_house
from store.event import SOCKET_READ, Head
from store.log import BatchLog
from store.sqlite import SqliteLog
from wire.settings_file import parse
from wire.stamps import MINUTE, NS
from wire.timedrops import PROGRAM_FILE, parse_result_name

RATES = (1_000, 10_000)
REPETITIONS = 5
# Long enough for a rewriting of the read tables in each run, which appends wait for.
SECONDS = 8
HEATS_A_SECOND = 5
LANES = 8
DURABLE_TARGET_MS = 10.0
PATIENCE = 30  # seconds, for what is under way to arrive

# What a commit reached, and when; what was written into the folder, and when.
_commits: list[tuple[int, int]] = []
_written: list[tuple[int, str]] = []


def _open_writer(
    log: BatchLog, on_stall: Callable[[str], object], on_recover: Callable[[int, int], object]
) -> Writer:
    """The writer, whose commits are noted."""
    writer = open_writer(log, on_stall, on_recover)
    writer.subscribe(_note_commit)
    return writer


def _note_commit(head: Head) -> None:
    _commits.append((head.position, time.monotonic_ns()))


class _Sink(FolderSink):
    """The sink, whose files are noted."""

    def write(self, name: str, data: bytes, *, expect: Collection[str] = ()) -> None:
        super().write(name, data, expect=expect)
        _written.append((time.monotonic_ns(), name))


def _open_folder(root: Path) -> MeetFolder:
    folder = open_folder(root)
    return MeetFolder(folder.disk, _Sink(root), folder.watch)


NOTED = Edges(writer=_open_writer, folder=_open_folder)


class Meet(msgspec.Struct, frozen=True):
    """What is sent: `messages`, and for each heat the number of its last finishing read."""

    messages: list[bytes]
    last_of_heat: dict[int, int]


class Latencies(msgspec.Struct, frozen=True):
    """In ns: from each read to durable, and from each heat's last read to its file.

    `commits` has which position was durable when.
    """

    durable: list[int]
    result: list[int]
    commits: list[tuple[int, int]] = []


Company = Callable[[House, Path], AbstractAsyncContextManager[None]]


def alone(_house: House, _folder: Path) -> AbstractAsyncContextManager[None]:
    """Nothing besides the house."""
    return nullcontext()


def make_meet(rate: int, seconds: int, participants: int) -> Meet:
    """Reads of a mass start that is under way, and between them heats of `LANES`.

    The heats are the program's first; their swimmers are the last of all
    participants, and nobody else of theirs is in the water.
    """
    total = rate * seconds
    heats = seconds * HEATS_A_SECOND
    apart = total // heats
    messages = [
        race.message(
            race.first_chip(n * 7 % participants),
            race.START + n * (10 * MINUTE // total) // 100 * 100,
            race.POINTS[n % 3],
        )
        for n in range(total)
    ]
    last = {}
    for heat in range(1, heats + 1):
        first = (heat - 1) * apart
        gun = race.START + heat * MINUTE
        messages[first] = race.message(0, gun, "Finish", 0)
        for lane in range(1, LANES + 1):
            at = first + lane * (apart - 2) // LANES
            chip = race.first_chip(participants + (heat - 1) * LANES + lane - 1)
            messages[at] = race.message(chip, gun + 25 * NS + lane * NS // 10, "Finish")
            last[heat] = at
    return Meet(messages, last)


def settings_body(port: int) -> bytes:
    """A `meet.toml` that publishes at once, with a course for the heats."""
    text = (
        '[meet]\nname = "Bench"\nzone = "Europe/Oslo"\n[folder]\nquiet = "0ms"\nsettle = "1ms"\n'
        f'[[source]]\nname = "{race.SOURCE}"\nprotocol = "tsv1"\nrole = "client"\nport = {port}\n'
    )
    text += "".join(f'[[point]]\nname = "{name}"\n' for name in race.POINTS)
    return (text + '[[course]]\nlegs = [{point = "Finish", distance = 50}]\n').encode()


async def run_once(  # noqa: PLR0917 - what a repetition is made of
    folder: Path,
    pipe: Pipe,
    meet: Meet,
    rate: int,
    participants: int,
    company: Company = alone,
) -> Latencies:
    """One house, one sender, one meet; and while it is timed, `company`."""
    _commits.clear()
    _written.clear()
    port = await anyio.to_thread.run_sync(pipe.recv)
    body = settings_body(port)
    root = folder / "timedrops"
    root.mkdir()
    swimmers = len(meet.last_of_heat) * LANES
    (root / PROGRAM_FILE).write_bytes(race.program(swimmers, LANES, first=participants))
    (root / "chips.csv").write_bytes(race.chip_table(participants + swimmers))
    settings = parse(body)
    house = open_house(folder, settings, body, edges=NOTED)
    async with house as opened, company(opened, folder):
        await _until(lambda: _is_ready(opened))
        pipe.send((meet.messages, rate))
        handed = await anyio.to_thread.run_sync(pipe.recv)
        await _until(lambda: len(_heats_out()) == len(meet.last_of_heat))
        pipe.send(None)
        if opened.failure is not None:
            raise opened.failure
    out = _heats_out()
    return Latencies(
        _durable_after(folder / "meet.db", meet.messages, handed),
        [out[heat] - handed[last] for heat, last in meet.last_of_heat.items()],
        sorted(_commits),
    )


def _is_ready(opened: House) -> bool:
    """Connected, and the program folded, so that what is timed is the running meet."""
    connected = any(s.state == "connected" for s in opened.overview.sources)
    return connected and opened.overview.following is not None


async def _until(holds: Any) -> None:
    with anyio.fail_after(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is awaited is told in other threads
            await anyio.sleep(0.05)


def _heats_out() -> dict[int, int]:
    """When the first revision of each heat was in the folder."""
    out: dict[int, int] = {}
    for moment, name in list(_written):
        found = parse_result_name(name)
        if found is not None:
            out.setdefault(found.heat, moment)
    return out


def _durable_after(path: Path, messages: list[bytes], handed: list[int]) -> list[int]:
    """For each message, ns from its handing over until its last byte was durable."""
    log = SqliteLog(path, read_only=True)
    positions: list[int] = []
    sizes: list[int] = []
    after = 0
    while events := log.read(after, 2000):
        after = events[-1].position
        for event in events:
            if event.kind == SOCKET_READ:
                positions.append(event.position)
                sizes.append(len(event.body))
    log.close()
    received = list(accumulate(sizes))
    sent = list(accumulate(map(len, messages)))
    assert received[-1] == sent[-1], "the log holds other bytes than were sent"
    commits = sorted(_commits)
    return [
        commits[bisect_left(commits, (positions[bisect_left(received, end)], 0))][1] - moment
        for end, moment in zip(sent, handed, strict=True)
    ]


def time_rate(rate: int, seconds: int, participants: int, company: Company = alone) -> Latencies:
    """The latencies of one repetition."""
    meet = make_meet(rate, seconds, participants)
    ours, theirs = multiprocessing.Pipe()
    sender = multiprocessing.get_context("spawn").Process(target=send, args=(theirs,), daemon=True)
    sender.start()
    with tempfile.TemporaryDirectory(prefix="meetlog-bench-") as folder:
        try:
            return anyio.run(
                functools.partial(run_once, Path(folder), ours, meet, rate, participants, company)
            )
        finally:
            sender.terminate()
            sender.join()


def percentile(values: list[int], hundredths: int) -> float:
    """The value, in ms, that `hundredths` of 100 do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * hundredths // 100)] / 1e6


def measure(
    repetitions: int = REPETITIONS, seconds: int = SECONDS, *, participants: int = 5_000
) -> list[Figure]:
    """Alternate the rates, and tell the medians of the repetitions' percentiles."""
    found: dict[int, list[Latencies]] = {rate: [] for rate in RATES}
    for _ in range(repetitions):
        for rate in RATES:
            found[rate].append(time_rate(rate, seconds, participants))
    figures = []
    for rate, runs in found.items():
        for kind, hundredths in (("durable", 50), ("durable", 99), ("result", 50), ("result", 99)):
            if kind == "durable":
                value = median(percentile(run.durable, hundredths) for run in runs)
                note = f"median of {repetitions} runs of {rate * seconds:,} reads"
            else:
                # A run has too few heats for a percentile of its own.
                together = [each for run in runs for each in run.result]
                value = percentile(together, hundredths)
                note = f"{len(together)} heats of {repetitions} runs together"
            target = DURABLE_TARGET_MS if (kind, hundredths, rate) == _TARGETED else None
            figures.append(
                Figure(
                    "latency",
                    f"to {kind}, {rate:,} reads/s, p{hundredths}",
                    value, "ms", target, "less", note,
                )
            )  # fmt: skip
    return figures


_TARGETED = ("durable", 99, 10_000)
