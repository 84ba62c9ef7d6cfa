"""Verification finds any change to any column of any row, and names the first."""

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from store.connect import connect
from store.event import Draft, Event, Head, chain_hash, pack_meta
from store.memory import MemoryLog
from store.sqlite import SqliteLog
from store.verify import CHUNK, Verdict, verify

ROWS = 40
COLUMNS = ("position", "recorded_at", "source", "kind", "form", "hash", "meta", "body")


class Forged(MemoryLog):
    """A log of whatever rows are given."""

    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__()
        self._events = list(events)


def flipped(value: int | str | bytes, rng: random.Random) -> int | bytes:
    """`value` with one bit changed; text comes back as bytes, to be cast."""
    if isinstance(value, int):
        changed = value ^ (1 << rng.randrange(64))
        # SQLite's integers are signed; the top bit is the sign.
        return (changed + (1 << 63)) % (1 << 64) - (1 << 63)
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    return bytes(raw)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "meet.db", clock=count(1_795_000_000_000_000_000).__next__)
    for n in range(ROWS // 2):
        meta = pack_meta(connection=n)
        log.append([Draft("finish-mat", "socket.read", meta, b"read %d" % n)])
        log.append([Draft("Größe", "statement", meta, b"\0" * (n + 1))])
    yield log
    log.close()


@pytest.fixture
def forger(log: SqliteLog) -> Iterator[sqlite3.Connection]:
    """A connection for which the database no longer refuses changes."""
    with closing(connect(log.path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for trigger in ("update", "delete", "gap"):
            connection.execute(f"DROP TRIGGER events_refuse_{trigger}")
        yield connection


def test_a_bit_flipped_at_thousands_of_places_is_found(
    log: SqliteLog, forger: sqlite3.Connection
) -> None:
    rng = random.Random(20_260_422)
    missed = []
    whole = verify(log)
    assert whole == Verdict(True, log.head())
    for n in range(4000):
        column = COLUMNS[n % len(COLUMNS)]
        position = rng.randint(1, ROWS)
        (old,) = forger.execute(
            f"SELECT {column} FROM events WHERE position = ?", (position,)
        ).fetchone()
        new = flipped(old, rng)
        value = "CAST(? AS TEXT)" if isinstance(old, str) else "?"
        place = "position = ?"
        if (
            column == "position"
            and forger.execute("SELECT 1 FROM events WHERE position = ?", (new,)).fetchone()
        ):
            continue  # the database itself refuses two rows at one position
        forger.execute(f"UPDATE events SET {column} = {value} WHERE {place}", (new, position))
        verdict = verify(log)
        # A row that moved is missed where it was, or met out of place below 1.
        expected = {position, new} if column == "position" else {position}
        if verdict.ok or verdict.first_bad not in expected or not verdict.problem:
            missed.append((column, position, old, new, verdict))
        moved = new if column == "position" else position
        forger.execute(f"UPDATE events SET {column} = ? WHERE {place}", (old, moved))
    assert missed == []
    assert verify(log) == whole


def test_each_single_bit_of_a_log_counts(log: SqliteLog) -> None:
    """Not at random places but at all of them, in memory, where text may hold any bits."""
    events = log.read(limit=4)
    assert verify(Forged(events)).ok
    flips = 0
    for at, event in enumerate(events):
        for name in COLUMNS:
            for changed in every_flip(getattr(event, name)):
                fields = {n: getattr(event, n) for n in event.__struct_fields__} | {name: changed}
                verdict = verify(Forged([*events[:at], Event(**fields), *events[at + 1 :]]))
                assert not verdict.ok, (event.position, name, changed)
                flips += 1
    assert flips > 3000


def every_flip(value: int | str | bytes) -> Iterator[Any]:
    """All values that differ from `value` in one bit; text stays text."""
    if isinstance(value, int):
        yield from (value ^ (1 << bit) for bit in range(63))
    elif isinstance(value, str):
        for changed in every_flip(value.encode("utf-32-be")):
            with suppress(UnicodeDecodeError):  # such a flip is no text at all
                yield changed.decode("utf-32-be")
    else:
        for at in range(len(value)):
            for bit in range(8):
                yield value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]


@pytest.mark.parametrize(
    ("forgery", "first_bad", "words"),
    [
        ("DELETE FROM events WHERE position = 7", 7, "position 7 is missing; the next row is 8"),
        ("DELETE FROM events WHERE position < 3", 1, "position 1 is missing"),
        ("UPDATE events SET position = -3 WHERE position = 40", -3, "before the first"),
        ("UPDATE events SET form = 2 WHERE position = 9", 9, "form is 2"),
        ("UPDATE events SET body = x'' WHERE position = 9", 9, "hash does not match"),
        ("UPDATE events SET kind = CAST(x'ff' AS TEXT) WHERE position = 9", 9, "cannot be read"),
        (
            "INSERT INTO events SELECT 41, recorded_at, source, kind, form, hash, meta, body "
            "FROM events WHERE position = 40",
            41,
            "hash does not match",
        ),
    ],
)
def test_the_first_bad_position_is_named(
    log: SqliteLog, forger: sqlite3.Connection, forgery: str, first_bad: int, words: str
) -> None:
    forger.execute(forgery)
    verdict = verify(log)
    assert verdict.first_bad == first_bad
    assert words in verdict.problem
    assert not verdict.ok
    assert verdict.head.position == max(0, first_bad - 1)


def test_rows_cut_off_at_the_end_cannot_be_known(
    log: SqliteLog, forger: sqlite3.Connection
) -> None:
    noted = log.head()
    forger.execute("DELETE FROM events WHERE position > 30")
    verdict = verify(log)
    assert verdict.ok
    assert verdict.head.position == 30
    assert verdict.head != noted, "only a head noted elsewhere tells"


def chained(*rows: tuple[int, int]) -> list[Event]:
    """Events of the given (recorded_at, form) whose hashes are right."""
    previous, events = bytes(32), []
    for position, (recorded_at, form) in enumerate(rows, 1):
        previous = chain_hash(previous, position, recorded_at, "mat", "statement", b"", b"", form)
        events.append(Event(position, recorded_at, "mat", "statement", b"", b"", previous, form))
    return events


def test_a_consistent_forgery_still_breaks_the_rules() -> None:
    verdict = verify(Forged(chained((5, 1), (4, 1))))
    assert (verdict.first_bad, verdict.head.position) == (2, 1)
    assert "before its predecessor's 5" in verdict.problem
    assert "form is 7" in verify(Forged(chained((5, 1), (5, 7)))).problem


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("recorded_at", "5", "not an integer"),
        ("source", b"mat", "not text"),
        ("kind", None, "not text"),
        ("meta", "", "not bytes"),
        ("body", None, "not bytes"),
        ("hash", "", "not bytes"),
        ("form", "1", "form is '1'"),
    ],
)
def test_values_of_a_wrong_type_are_named(field: str, value: object, words: str) -> None:
    """Our tables refuse them (STRICT); another engine's, or a damaged file's, may not."""
    (event,) = chained((5, 1))
    fields = {name: getattr(event, name) for name in event.__struct_fields__} | {field: value}
    make: Callable[..., Event] = Event
    assert words in verify(Forged([make(**fields)])).problem


def test_progress_is_told() -> None:
    log = MemoryLog(clock=count(1).__next__)
    total = 2 * CHUNK + 10
    head: Head = log.append([Draft("mat", "socket.read")] * total)
    seen: list[tuple[int, int]] = []
    assert verify(log, progress=lambda done, of: seen.append((done, of))) == Verdict(True, head)
    assert seen == [(CHUNK, total), (2 * CHUNK, total), (total, total)]
