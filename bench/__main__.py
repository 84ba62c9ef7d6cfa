"""`make bench`: run the benches and print their figures beside their targets."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import append, console, latency, memory, relay, replay, restart
from bench.figures import Figure, table

FEWEST = 5  # repetitions of a figure that is to be quoted


def _append(quick: bool) -> list[Figure]:
    repetitions = 3 if quick else append.REPETITIONS
    found = append.measure(repetitions)
    note = f"{repetitions} times"
    figures = []
    for name, words, target in (
        ("single", "single reads", 0.85),
        ("burst", "100 reads in one piece", 2.2),
    ):
        told = f"{words}, of plain sqlite3"
        figures += [
            Figure("append", told, found[f"{name}_ratio"], "x", target, note=note),
            Figure("append", f"{words}, the disk alone", found[f"{name}_ceiling"], "x", note=note),
        ]
    return figures


BENCHES: dict[str, Callable[[bool], list[Figure]]] = {
    "append": _append,
    "replay": lambda quick: replay.measure(100_000, 3) if quick else replay.measure(),
    "restart": lambda quick: restart.measure(100_000, 3) if quick else restart.measure(),
    "memory": lambda quick: memory.measure(100_000) if quick else memory.measure(),
    "relay": lambda quick: relay.measure(1, 20_000, 2) if quick else relay.measure(),
    "console": lambda quick: console.measure(1, 3) if quick else console.measure(),
    "latency": lambda quick: latency.measure(2, 2) if quick else latency.measure(),
}


def main(arguments: list[str] | None = None) -> None:
    """Run what is asked for. Missing a target is no failure: the figures say it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: a look, not a figure")
    parser.add_argument("--only", choices=BENCHES, metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args(arguments)
    sys.stdout.write(
        f"Python {platform.python_version()}, {os.cpu_count()} cores. "
        "A ratio compares two sides of one run; medians of alternating repetitions.\n"
    )
    if asked.quick:
        sys.stdout.write("Quick: sizes so small that fixed costs weigh. Do not quote these.\n")
    figures: list[Figure] = []
    begun = time.perf_counter()
    for name in [asked.only] if asked.only else BENCHES:
        found = BENCHES[name](asked.quick)
        figures += found
        sys.stdout.write(f"\n{name}\n{table(found)}\n")
        sys.stdout.flush()
    missed = sum(f.verdict == "missed" for f in figures)
    sys.stdout.write(
        f"\n{sum(f.verdict == 'met' for f in figures)} targets met, {missed} missed, "
        f"in {time.perf_counter() - begun:.0f} s.\n"
    )
    if asked.json:
        rows = [msgspec.structs.asdict(f) | {"verdict": f.verdict} for f in figures]
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")


if __name__ == "__main__":
    main()
