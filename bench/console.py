"""A thousand reads a second with ten pages open: how old a page is, and what it costs ingest.

    python -m bench --only console

The meet is that of `bench.latency`, with the console beside it as `run` offers
it. In a process of its own ten pages watch all parts of the first page. A page
is as old, for a position, as the time from its commit to the page's first
beat that has it. The same meet is timed without a console, in turns.
"""

import functools
import multiprocessing
import os
import sys
import time
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from statistics import median

import anyio
import httpx
import msgspec

from bench import latency
from bench.figures import Figure
from meetlog.console.beside import beside
from meetlog.house import House
from meetlog.settings import FILE_NAME

RATE = 1_000
PAGES = 10
PARTS = "strip,heat,troubles,files,crossings,sources"
OLDEST_MS = 1_000.0
# Two runs of the same differ by as much on a machine that has other things to do.
WORSE = 1.25

Beats = list[tuple[int, int]]  # a position, and when a page had it


def watch(pipe: Pipe) -> None:
    """Watch ten pages at the address that comes, until more comes; hand the beats back."""
    _step_back()  # it stands for other computers, and should take nothing from this one
    anyio.run(_watch, pipe)


def _step_back() -> None:
    if sys.platform != "win32":
        os.nice(15)


async def _watch(pipe: Pipe) -> None:
    url = await anyio.to_thread.run_sync(pipe.recv)
    pages: list[Beats] = [[] for _ in range(PAGES)]
    async with anyio.create_task_group() as group:
        for beats in pages:
            group.start_soon(_page, url, beats)
        while not all(pages):  # noqa: ASYNC110 - the pages are other servers' answers
            await anyio.sleep(0.05)
        pipe.send(None)
        await anyio.to_thread.run_sync(pipe.recv)
        group.cancel_scope.cancel()
    pipe.send(pages)


async def _page(url: str, beats: Beats) -> None:
    async with (
        httpx.AsyncClient(timeout=None) as client,  # noqa: S113 - a stream that goes on
        client.stream("GET", f"{url}live", params={"parts": PARTS, "newest": "1"}) as answer,
    ):
        named = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                named = line
            elif named == "event: beat" and line.startswith("data: "):
                at = time.monotonic_ns()
                beats.append((msgspec.json.decode(line[6:])["position"], at))


@asynccontextmanager
async def watched(pages: list[Beats], house: House, folder: Path) -> AsyncIterator[None]:
    """The console beside a house with its pages watched; what they had goes into `pages`."""
    toml = latency.settings_body(1) + f"[console]\nport = {house.settings.console.port}\n".encode()
    await anyio.Path(folder / FILE_NAME).write_bytes(toml)
    addresses: list[str] = []
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=watch, args=(theirs,), daemon=True
    )
    process.start()
    async with beside(house, folder / FILE_NAME, addresses.append):
        with anyio.fail_after(latency.PATIENCE):
            while not addresses:  # noqa: ASYNC110 - what is awaited is told by another process
                await anyio.sleep(0.05)
        ours.send(addresses[0].split()[-1])
        try:
            await anyio.to_thread.run_sync(ours.recv)  # every page is open and has had a beat
            yield
            await anyio.sleep(OLDEST_MS / 1000)  # until the last commits are on the pages
            ours.send(None)
            pages += await anyio.to_thread.run_sync(ours.recv)
        finally:
            process.terminate()
            process.join()


def ages(commits: list[tuple[int, int]], pages: list[Beats]) -> list[int]:
    """How old (ns) each page was for each commit; those before its first beat do not count."""
    found = []
    for beats in pages:
        positions = [position for position, _ in beats]
        for position, at in commits:
            if not beats or at < beats[0][1]:
                continue
            index = bisect_left(positions, position)
            if index < len(beats):
                found.append(max(0, beats[index][1] - at))
    return found


def measure(
    repetitions: int = latency.REPETITIONS, seconds: int = latency.SECONDS, *,
    participants: int = 5_000,
) -> list[Figure]:  # fmt: skip
    """Alternate a house alone and one with ten pages open."""
    alone: list[latency.Latencies] = []
    shown: list[latency.Latencies] = []
    old: list[int] = []
    for _ in range(repetitions):
        alone.append(latency.time_rate(RATE, seconds, participants))
        pages: list[Beats] = []
        company = functools.partial(watched, pages)
        shown.append(latency.time_rate(RATE, seconds, participants, company))
        old += ages(shown[-1].commits, pages)
    note = f"{repetitions} runs of {RATE * seconds:,} reads, {PAGES} pages"
    figures = [
        Figure("console", "age of an open page, p99", latency.percentile(old, 99), "ms",
               OLDEST_MS, "less", note),
        Figure("console", "age of an open page, p50", latency.percentile(old, 50), "ms", note=note),
    ]  # fmt: skip
    for hundredths in (50, 99):
        with_pages, without = (
            median(latency.percentile(run.durable, hundredths) for run in runs)
            for runs in (shown, alone)
        )
        target = WORSE if hundredths == 50 else None
        name = f"read to durable, of one without a console, p{hundredths}"
        told = f"{with_pages:.2f} ms and {without:.2f} ms, {note}"
        figures.append(Figure("console", name, with_pages / without, "x", target, "less", told))
    return figures
