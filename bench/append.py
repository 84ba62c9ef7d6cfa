"""Durable append, against plain sqlite3 that writes a row per read.

    python -m bench --only append

Single events: one read of about 130 bytes per append, against one row per
commit. Bursts: what one `recv` returned, 100 reads in about 13 kB, as one
event, against 100 rows in one commit. The same pragmas and the same bytes
reach the disk through the same driver; plain sqlite3 computes no hash and
keeps no order, index or trigger. Repetitions alternate, so that both sides
meet the same weather; the ratio of a repetition is plain's time over ours,
and the median ratio is reported, higher being better.

Syncing the disk is most of an append, and no log can do without. The third
side is the disk alone: the same bytes written over a file that is there, and
synced. Plain's time over that is the ratio that nothing could exceed.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

from store.connect import connect
from store.event import SOCKET_READ, Draft, pack_meta
from store.sqlite import SqliteLog

REPETITIONS = 7
SINGLES = 200
BURSTS = 100
READS_PER_BURST = 100
DISK_BYTES = 4_096_000  # as long as a write-ahead log grows

_Piece = TypeVar("_Piece", bytes, list[bytes])
_SOURCE = "finish-mat"
_META = pack_meta(connection=7)
_TABLE = (
    "CREATE TABLE reads (position INTEGER PRIMARY KEY, recorded_at INTEGER NOT NULL, "
    "source TEXT NOT NULL, kind TEXT NOT NULL, meta BLOB NOT NULL, body BLOB NOT NULL)"
)
_INSERT = "INSERT INTO reads VALUES (?, ?, ?, ?, ?, ?)"


def tsv1_read(n: int) -> bytes:
    """One TsV1 message: an array of one read, ended by CR (PROTOCOLS 2)."""
    return (
        b'[{"Chip":%d,"Moment":"2026-04-22T10:%02d:%02d.%07dZ","TimingPoint":"Finish",'
        b'"Type":2,"Antenna":%d,"Source":"Reader-01"}]\r'
        % (100_000 + n % 5_000, n // 60 % 60, n % 60, n * 7919 % 10_000_000, n % 8 + 1)
    )


class Plain:
    """Plain sqlite3: a row per read, committed together."""

    def __init__(self, path: Path) -> None:
        self.connection: sqlite3.Connection = connect(path)
        self.connection.execute(_TABLE)
        self.position = 0

    def write(self, bodies: list[bytes]) -> None:
        rows = []
        for body in bodies:
            self.position += 1
            rows.append((self.position, time.time_ns(), _SOURCE, SOCKET_READ, _META, body))
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(_INSERT, rows)
        self.connection.execute("COMMIT")


class Disk:
    """The disk alone: bytes written one after the other into a file of full length, and synced."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(DISK_BYTES))
        self._file = path.open("r+b", buffering=0)
        os.fsync(self._file.fileno())

    def write(self, received: bytes) -> None:
        if self._file.tell() + len(received) > DISK_BYTES:
            self._file.seek(0)
        self._file.write(received)
        _sync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def measure(repetitions: int = REPETITIONS) -> dict[str, float]:
    """Medians: seconds per append of each side, and the ratios plain / ours and plain / disk."""
    singles = [[tsv1_read(n)] for n in range(SINGLES)]
    bursts = [
        [tsv1_read(n * READS_PER_BURST + i) for i in range(READS_PER_BURST)] for n in range(BURSTS)
    ]
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="meetlog-bench-") as folder:
        log = SqliteLog(Path(folder) / "log.db")
        plain = Plain(Path(folder) / "plain.db")
        disk = Disk(Path(folder) / "disk")

        def append(received: bytes) -> None:
            log.append([Draft(_SOURCE, SOCKET_READ, _META, received)])

        for name, pieces in (("single", singles), ("burst", bursts)):
            ours: list[float] = []
            theirs: list[float] = []
            least: list[float] = []
            received = [b"".join(reads) for reads in pieces]
            for repetition in range(repetitions):
                if repetition % 2:
                    ours.append(_seconds_each(append, received))
                    theirs.append(_seconds_each(plain.write, pieces))
                else:
                    theirs.append(_seconds_each(plain.write, pieces))
                    ours.append(_seconds_each(append, received))
                least.append(_seconds_each(disk.write, received))
            results[f"{name}_seconds"] = median(ours)
            results[f"{name}_plain_seconds"] = median(theirs)
            results[f"{name}_ratio"] = median(t / o for o, t in zip(ours, theirs, strict=True))
            results[f"{name}_ceiling"] = median(t / d for d, t in zip(least, theirs, strict=True))
        assert log.head().position == repetitions * (SINGLES + BURSTS)
        assert plain.position == repetitions * (SINGLES + BURSTS * READS_PER_BURST)
        log.close()
        plain.connection.close()
        disk.close()
    return results


# What SQLite syncs with, where there is a cheaper way than `fsync`.
_sync = getattr(os, "fdatasync", os.fsync)


def _seconds_each(write: Callable[[_Piece], None], pieces: list[_Piece]) -> float:
    begun = time.perf_counter()
    for piece in pieces:
        write(piece)
    return (time.perf_counter() - begun) / len(pieces)
