"""Replay of a race, against the bare sum of reading its rows and decoding what they hold.

    python -m bench --only replay

Replay is what `meetlog rebuild` does before it writes tables: `fold` over an
SQLite log and `settle`, with the start list, exact stamps, deduplication,
crossings and races. The bare sum reads the same rows with the same `read`
in the same portions and decodes every message into Structs that are thrown
away; of CTP01 it cuts the lines into their fields. Both run in one process
held on one core; repetitions alternate.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import msgspec

from bench.figures import Figure
from bench.race import PARTICIPANTS, arrivals, ctp01_lines, message, tsv2_message, write_log
from projections.folding import CHUNK, fold
from store.event import SOCKET_READ
from store.sqlite import SqliteLog
from wire.reads import RawRead

READS = 1_000_000
REPETITIONS = 5
CTP01_FIELDS = 8
# Protocol, reads per event, and the target in reads per second.
CASES = (
    ("tsv1", 1, 150_000),
    ("tsv1", 100, 250_000),
    ("tsv2", 100, 400_000),
    ("ctp01", 100, 400_000),
)


class Timed(msgspec.Struct, frozen=True):
    """Seconds of each repetition on both sides, over `reads` reads."""

    reads: int
    replay: list[float]
    bare: list[float]

    @property
    def ratio(self) -> float:
        """The median of the repetitions' ratios, bare over replay."""
        return median(b / r for b, r in zip(self.bare, self.replay, strict=True))

    @property
    def rate(self) -> float:
        """The median of reads per second."""
        return self.reads / median(self.replay)


def bare(log: SqliteLog) -> int:
    """Read all rows and decode all messages; returns how many reads there were."""
    decode = msgspec.json.Decoder(list[RawRead]).decode
    position = count = 0
    while events := log.read(position, CHUNK):
        position = events[-1].position
        for event in events:
            if event.kind == SOCKET_READ and event.body.startswith(b"["):
                for message in event.body.split(b"\r"):
                    if message:
                        count += len(decode(message))
            elif event.kind == SOCKET_READ:
                fields = [line.split(b"~") for line in event.body.split(b"\r\n")]
                count += sum(len(each) == CTP01_FIELDS for each in fields)
    return count


def replay(log: SqliteLog) -> int:
    """Fold the whole log; returns how many reads arrived."""
    meet = fold(log)
    meet.settle()
    return sum(source.received for source in meet.sources())


def time_both(path: Path, repetitions: int) -> Timed:
    """Time both sides on the log at `path`, alternating, on one core where that can be asked."""
    hold_on_one_core()
    log = SqliteLog(path, read_only=True)
    reads = bare(log)  # also brings the file into the system's cache
    spent: dict[Callable[[SqliteLog], int], list[float]] = {bare: [], replay: []}
    for repetition in range(repetitions):
        for side in (bare, replay) if repetition % 2 else (replay, bare):
            begun = time.perf_counter()
            counted = side(log)
            spent[side].append(time.perf_counter() - begun)
            assert counted == reads, (side, counted, reads)
    log.close()
    return Timed(reads, spent[replay], spent[bare])


def hold_on_one_core() -> None:
    """Keep this process on one of its cores, where the system lets us."""
    if sys.platform == "linux":
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measure(
    reads: int = READS, repetitions: int = REPETITIONS, *, participants: int = PARTICIPANTS
) -> list[Figure]:
    """Make the logs, time each in a process of its own, and tell the figures."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="meetlog-bench-") as folder:
        for protocol, per_event, target in CASES:
            path = Path(folder) / f"{protocol}-{per_event}.db"
            language = {"tsv1": message, "tsv2": tsv2_message, "ctp01": ctp01_lines()}[protocol]
            race = arrivals(reads, participants=participants, write=language)
            write_log(path, race, per_event, participants=participants, protocol=protocol)
            # A fresh process: what was measured before left nothing in its memory.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                timed = pool.apply(time_both, (path, repetitions))
            path.unlink()
            each = "one read" if per_event == 1 else f"{per_event} reads"
            note = f"{timed.reads:,} reads, {repetitions} times"
            figures += [
                Figure(
                    "replay", f"{protocol}, {each} per event, of the bare sum", timed.ratio, "x",
                    note=note,
                ),
                Figure(
                    "replay", f"{protocol}, {each} per event", timed.rate, "reads/s", target,
                    note=note,
                ),
            ]  # fmt: skip
    return figures
