"""`python -m tests.simulation`: worlds from seeds, until told to stop."""

import argparse
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count
from pathlib import Path

from tests.simulation.outcome import Outcome, simulate

KEPT = Path("failed-seeds.txt")
REPORT_EVERY = 60.0  # seconds
AT_ONCE = 4  # seeds handed to each worker ahead


def main() -> int:
    """Returns how many seeds failed, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="one world, and what happened in it")
    what.add_argument("--seeds", metavar="A:B", help="the worlds of the seeds from A to before B")
    what.add_argument("--minutes", type=float, help="new worlds on all cores for so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="worlds at a time")
    given = parser.parse_args()
    if given.seed is not None:
        outcome = simulate(given.seed)
        tell(outcome)
        return int(bool(outcome.broken))
    if given.seeds is not None:
        first, _, last = given.seeds.partition(":")
        return int(bool(run(iter(range(int(first), int(last))), given.jobs, None)))
    begin = random.SystemRandom().randrange(10**9)
    return int(bool(run(count(begin), given.jobs, time.monotonic() + 60 * given.minutes)))


def run(seeds: Iterator[int], jobs: int, until: float | None) -> list[int]:
    """Worlds on several cores; the seeds that failed, which are also kept in a file."""
    failed: list[int] = []
    done = events = 0
    began = reported = time.monotonic()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        working: set[Future[Outcome]] = set()
        while True:
            while len(working) < AT_ONCE * jobs and (until is None or time.monotonic() < until):
                seed = next(seeds, None)
                if seed is None:
                    break
                working.add(pool.submit(simulate, seed))
            if not working:
                break
            finished, working = wait(working, timeout=REPORT_EVERY, return_when=FIRST_COMPLETED)
            for each in finished:
                outcome = each.result()
                done += 1
                events += outcome.events
                if outcome.broken:
                    failed.append(outcome.seed)
                    tell(outcome)
                    with KEPT.open("a", encoding="utf-8") as kept:
                        kept.write(f"{outcome.seed}\n")
            if time.monotonic() - reported >= REPORT_EVERY:
                reported = time.monotonic()
                _line(done, events, failed, reported - began)
    _line(done, events, failed, time.monotonic() - began)
    return failed


def _line(done: int, events: int, failed: list[int], seconds: float) -> None:
    print(
        f"{seconds / 60:.1f} min: {done} worlds, {events} events, {len(failed)} failed"
        + (f" ({', '.join(map(str, failed[-10:]))}), kept in {KEPT}" if failed else ""),
        flush=True,
    )


def tell(outcome: Outcome) -> None:
    """Print what became of a world."""
    story = ", ".join(f"{what} {times}" for what, times in sorted(outcome.story.items()))
    print(f"seed {outcome.seed}: {outcome.events} events; {story}; trace {outcome.trace[:16]}")
    if outcome.broken:
        print(f"  BROKEN: {outcome.broken}\n  Repeat it: {outcome.command}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
