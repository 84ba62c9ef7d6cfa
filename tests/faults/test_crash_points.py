"""The log's files as a crash leaves them: killed in a checkpoint, stopped anywhere, cut short.

A machine's power cut cannot be had in a test. What is left of a process that is
stopped between any two instructions can, and so can a write-ahead log of which
the end was never written.
"""

import os
import random
import shutil
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import pytest

from store.event import Event
from store.sqlite import SqliteLog
from store.verify import verify
from tests.faults.stage import RUN, Stage
from tests.kit.nursery import Nursery
from tests.kit.programs import programs_on
from tests.whole.test_bad_input import MORNING
from tests.whole.test_full_disk import Mat
from wire.reads import RawRead
from wire.stamps import format_iso
from wire.tsv2 import encode

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are of POSIX"),
]
KILLS = 4
STOPS = 8
CUTS = 3  # of each copy
WAL_HEADER, WAL_FRAME_HEADER, PAGE = 32, 24, 4096  # bytes


def messages(megabytes: int) -> list[bytes]:
    """So much of one read, over and over: much to store and little to work out."""
    piece = encode([RawRead("100", format_iso(MORNING), "Finish", epc="E" * 2000)] * 8)
    return [piece] * (megabytes * 1024 * 1024 // len(piece))


def sound(path: Path) -> list[Event]:
    """The events of a log that is opened to go on, all of which hold."""
    log = SqliteLog(path)
    try:
        assert verify(log).ok
        return log.read(0, 1_000_000)
    finally:
        log.close()


async def test_kills_in_a_checkpoint_lose_nothing(tmp_path: Path, nursery: Nursery) -> None:
    stage = Stage(tmp_path / "meet")
    pieces = messages(8)  # a checkpoint comes after four megabytes
    async with programs_on(tmp_path, nursery.start) as programs:
        for _ in range(KILLS):
            running = await programs.start(*RUN, str(stage.folder))
            await running.until_up()
            before = _written(stage.log)
            with Mat(stage.mat) as mat:
                async with anyio.create_task_group() as group:
                    group.start_soon(_send, mat, pieces)
                    # Only a checkpoint writes into the file itself.
                    await programs.conditions.until(partial(_is_written, stage.log, before))
                    stage.tail.refresh()
                    await running.kill()
                    group.cancel_scope.cancel()
            known = list(stage.tail.events)
            stage.tail.close()
            assert sound(stage.log)[: len(known)] == known


async def test_the_files_of_a_process_that_stands_still_are_a_whole_log(
    tmp_path: Path, nursery: Nursery
) -> None:
    stage = Stage(tmp_path / "meet")
    chance = random.Random(5)
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        with Mat(stage.mat) as mat:
            async with anyio.create_task_group() as group:
                group.start_soon(_send, mat, messages(6))
                for at in range(STOPS):
                    more = len(stage.tail.events) + chance.randrange(1, 10)
                    await programs.conditions.until(partial(_has, stage, more))
                    os.kill(running.process.pid, signal.SIGSTOP)
                    stage.tail.refresh()
                    known = list(stage.tail.events)
                    synced = _synced(stage.log)
                    copies = [_copy(stage.log, tmp_path / f"{at}-{n}") for n in range(CUTS + 1)]
                    os.kill(running.process.pid, signal.SIGCONT)
                    events = sound(copies[0])
                    assert events[: len(known)] == known
                    for copy in copies[1:]:
                        # As where the last of it never reached the disk: a beginning is left.
                        wal = copy.with_name("meet.db-wal")
                        os.truncate(wal, chance.randrange(synced, wal.stat().st_size + 1))
                        left = sound(copy)
                        assert left == events[: len(left)]
                    for copy in copies:
                        shutil.rmtree(copy.parent)
                group.cancel_scope.cancel()


async def _send(mat: Mat, pieces: list[bytes]) -> None:
    with suppress(ConnectionError):
        await mat.send(pieces)


def _has(stage: Stage, position: int) -> bool:
    return stage.tail.refresh().position >= position


def _is_written(path: Path, before: tuple[int, int]) -> bool:
    return _written(path) != before


def _written(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _synced(log: Path) -> int:
    """How many bytes of the write-ahead log a disk must have, whatever it may have lost of it.

    Before a checkpoint writes the first page into the file, it syncs all that it
    folds: the file may have pages of two times while it is under way, which
    only the write-ahead log makes whole. The counts are in the index beside it
    (https://sqlite.org/walformat.html, 2.1).
    """
    index = log.with_name(f"{log.name}-shm").read_bytes()
    folded = int.from_bytes(index[96:100], sys.byteorder)
    begun = int.from_bytes(index[128:132], sys.byteorder)
    return WAL_HEADER + max(folded, begun) * (WAL_FRAME_HEADER + PAGE)


def _copy(log: Path, folder: Path) -> Path:
    folder.mkdir()
    for name in (log.name, f"{log.name}-wal"):
        shutil.copyfile(log.with_name(name), folder / name)
    return folder / log.name
