"""The log's disk fills while reads stream in: words, back pressure, and going on by itself.

A full disk is SQLite's own ceiling on the pages of its file, which fails an
append with the same error, in the same place, as a disk without space.
"""

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

import store.engine
import store.sqlite
from meetlog.house import Ears, open_house
from projections.folding import fold
from store.connect import connect
from store.event import SOCKET_READ, SOCKET_SENT
from store.sqlite import SqliteLog
from store.verify import verify
from tests.kit.conditions import Conditions
from tests.kit.ports import free_port
from tests.whole.peers import Heard
from wire.ctp01_messages import Greeting, encode
from wire.reads import RawRead
from wire.settings_file import parse
from wire.stamps import NS, format_iso, parse_iso
from wire.tsv2 import encode as encode_tsv2

pytestmark = pytest.mark.anyio
MORNING = parse_iso("2026-06-14T09:00:00").wall
BUFFER = 64 * 1024  # of the peer's socket; the system doubles it
# What may be on its way: both sockets' buffers and one piece that waits for the log.
IN_FLIGHT = 1024 * 1024
READS = 60_000  # 10 MB, far more than that
BATCH = 100
BLOCKED = 0.3  # seconds in which a peer that is not held back would send everything


class Disk:
    """The disk under every log that is opened: it can be filled and freed."""

    def __init__(self) -> None:
        self.full = False
        self._open: list[sqlite3.Connection] = []

    def hook(self, connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        """`store.connect.connect` on this disk."""

        def connect_here(path: Path, *, read_only: bool = False, **how: Any) -> sqlite3.Connection:
            connection = connect(path, read_only=read_only, **how)
            if not read_only:
                self._open.append(connection)
                self._limit(connection)
            return connection

        return connect_here

    def fill(self) -> None:
        """From now on no file can grow."""
        self._set(full=True)

    def free(self) -> None:
        """There is space again."""
        self._set(full=False)

    def _set(self, *, full: bool) -> None:
        self.full = full
        for connection in self._open:
            self._limit(connection)

    def _limit(self, connection: sqlite3.Connection) -> None:
        try:
            # A ceiling below the file's present size means that size.
            pages = 1 if self.full else 1 << 30
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        except sqlite3.ProgrammingError:
            self._open.remove(connection)  # it was closed


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    for module in (store.sqlite, store.engine):
        monkeypatch.setattr(module, "connect", disk.hook(connect))
    return disk


def messages() -> list[bytes]:
    """So many different reads, in messages of `BATCH`."""
    reads = [
        RawRead(str(1000 + n), format_iso(MORNING + n * NS // 100), "Finish", antenna=1)
        for n in range(READS)
    ]
    return [encode_tsv2(reads[at : at + BATCH]) for at in range(0, READS, BATCH)]


class Mat:
    """A timing system with a small buffer that sends as fast as it can; `sent` bytes so far."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self.stepped = Conditions()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)

    async def send(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                try:
                    count = self._socket.send(rest)
                except BlockingIOError:
                    await anyio.wait_writable(self._socket)
                    continue
                rest = rest[count:]
                self.sent += count
                self.stepped.look()

    def __enter__(self) -> "Mat":
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection, whatever becomes of what was sent."""
        self._socket.close()

    async def leave(self) -> None:
        """Close our side, and wait until the other side has taken everything and closes too."""
        self._socket.shutdown(socket.SHUT_WR)
        await anyio.wait_readable(self._socket)
        assert self._socket.recv(1) == b""
        self._socket.close()


async def test_a_full_disk_holds_the_sources_back_and_loses_nothing(
    tmp_path: Path, disk: Disk
) -> None:
    tsv2, ctp01 = free_port(), free_port()
    body = f"""
    [[source]]
    name = "mat"
    protocol = "tsv2"
    role = "server"
    port = {tsv2}
    [[source]]
    name = "controller"
    protocol = "ctp01"
    port = {ctp01}
    """.encode()
    pieces = messages()
    heard = Heard()
    async with open_house(tmp_path, parse(body), body, Ears(notice=heard.hear)) as house:
        mat = Mat(tsv2)
        async with anyio.create_task_group() as group:
            group.start_soon(mat.send, pieces)
            await mat.stepped.until(lambda: mat.sent > IN_FLIGHT)
            disk.fill()

            # In words: what is wrong, what it means, what to do.
            alarm = await heard.until("log:stalled")
            assert alarm.severity == "alarm"
            for words in ("Nothing is being recorded", "meet.db", "full", "free some space"):
                assert words in alarm.text
            assert "goes on by itself" in alarm.hint

            # Held back: what the peer has got rid of lies in the system's buffers.
            reader = SqliteLog(tmp_path / "meet.db", read_only=True)
            with anyio.move_on_after(BLOCKED):
                await mat.stepped.until(lambda: mat.sent == sum(map(len, pieces)))
            durable = len(received(reader))
            stuck = mat.sent
            assert stuck < sum(map(len, pieces))
            assert stuck - durable < IN_FLIGHT
            with anyio.move_on_after(BLOCKED) as waiting:
                await mat.stepped.until(lambda: mat.sent > stuck)
            assert waiting.cancelled_caught, "the peer could go on sending"
            assert len(received(reader)) == durable

            # Nothing is acknowledged: a controller that calls now hears nothing.
            head = reader.head()
            controller = socket.create_connection(("127.0.0.1", ctp01))
            controller.sendall(encode(Greeting("SimpleClient", "0.5.0")))
            controller.setblocking(False)
            with anyio.move_on_after(BLOCKED) as waiting:
                await anyio.wait_readable(controller)
            assert waiting.cancelled_caught, "a conversation began that is not recorded"
            assert reader.head() == head
            assert house.failure is None

            # Space returns, and everything goes on where it stood.
            disk.free()
            await heard.until("log:stalled", over=True)
            await anyio.wait_readable(controller)
            assert controller.recv(1 << 16).startswith(b"meetlog~")
        controller.close()
        await mat.leave()
        assert house.failure is None
    assert received(reader) == b"".join(pieces)
    assert b"meetlog~" in b"".join(e.body for e in reader.read(kinds=(SOCKET_SENT,)))
    assert verify(reader).ok
    meet = fold(reader)
    assert next(s for s in meet.sources() if s.source == "mat").new == READS
    reader.close()


def received(log: SqliteLog) -> bytes:
    events = log.read(0, 1_000_000, kinds=(SOCKET_READ,))
    return b"".join(event.body for event in events if event.source == "mat")
