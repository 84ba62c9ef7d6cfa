"""Peak memory of folding a race, and of folding five times as much.

    python -m bench --only memory

Each fold runs in a process of its own, whose peak resident memory is taken
at the end. The base is the same process folding the same meet without a
read. Five times as many copies is what a log looks like after resends: the
meet has not grown. Five times as many different reads is a longer race of
the same people, and every distinct read is kept.
"""

import multiprocessing
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

from bench.figures import Figure
from bench.race import HOURS, PARTICIPANTS, RESENDS, Arrival, arrivals, write_log
from projections.folding import fold
from store.sqlite import SqliteLog

READS = 1_000_000
TIMES = 5
PER_EVENT = 100
# What the allocator keeps of what was in use for a moment differs from run to run.
SLACK = 1.25
MIB = 1024 * 1024


def peak_of_fold(path: Path) -> tuple[int, int]:
    """Fold and settle the log at `path`; the process's peak memory in bytes, and distinct reads."""
    log = SqliteLog(path, read_only=True)
    meet = fold(log)
    meet.settle()
    distinct = sum(source.new for source in meet.sources())
    log.close()
    return peak(), distinct


def peak() -> int:
    """This process's peak resident memory in bytes.

    On Linux from `/proc`: what `getrusage` says there begins with the peak of
    the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        raise OSError("peak memory is not measured on Windows")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def copies(reads: int, participants: int) -> Iterator[Arrival]:
    """The race of `reads` reads, and then all of it again, four times."""
    once = list(arrivals(reads, participants=participants))
    return chain.from_iterable(repeat(once, TIMES))


def measure(reads: int = READS, *, participants: int = PARTICIPANTS) -> list[Figure]:
    """Fold each log in a process of its own, and tell the figures."""
    longer = arrivals(reads * TIMES, participants=participants, hours=HOURS * TIMES)
    cases: list[tuple[str, Iterator[Arrival], int]] = [
        ("no read", iter(()), 0),
        (f"{reads:,} reads", arrivals(reads, participants=participants), reads),
        (f"{TIMES * reads:,} reads, copies", copies(reads, participants), TIMES * reads),
        (f"{TIMES * reads:,} reads, different", longer, TIMES * reads),
    ]
    peaks = []
    figures = []
    with tempfile.TemporaryDirectory(prefix="meetlog-bench-") as folder:
        for name, stream, count in cases:
            path = Path(folder) / "log.db"
            assert write_log(path, stream, PER_EVENT, participants=participants) == count
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                most, distinct = pool.apply(peak_of_fold, (path,))
            path.unlink()
            peaks.append(most)
            note = ""
            if count:
                beyond = (most - peaks[0]) / distinct
                note = f"{beyond:.0f} bytes beyond the base for each of {distinct:,} distinct reads"
            figures.append(Figure("memory", f"peak, {name}", most / MIB, "MiB", note=note))
    _, once, again, longer_peak = peaks
    figures += [
        Figure(
            "memory", f"{TIMES} times the log by copies, of the peak once", again / once, "x",
            SLACK, "less", "the log grows, the meet does not",
        ),
        Figure(
            "memory", f"{TIMES} times the log by new reads, of the peak once", longer_peak / once,
            "x", note=f"every distinct read is kept; copies are {RESENDS:.0%} of both",
        ),
    ]  # fmt: skip
    return figures
