"""The read tables kept as the log grows equal those emptied and filled anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, create_engine, select

from projections import readtables
from projections import tables as t
from projections.derived import merged
from projections.folding import fold, follow
from projections.meet import VERSION, Changes, Meet
from projections.saving import SavedStateDamaged, pack, unpack
from store.event import GENESIS, Draft
from store.memory import MemoryLog
from store.sqlite import SqliteLog
from tests.kit.days import Deed, day, deeds
from tests.kit.meets import Pool, heat

TABLES = (
    t.crossings, t.results, t.lanes, t.splits, t.revisions, t.sources, t.relays, t.checkpoint,
)  # fmt: skip
NOTHING = Changes()


@contextmanager
def fresh_tables() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    t.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@given(deeds, st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_written_bit_by_bit_equals_written_at_once(
    done: list[Deed], plan: list[tuple[int, bool]]
) -> None:
    log = day(done).log
    head = log.head().position
    meet = Meet()
    pending = NOTHING
    turn = 0
    with fresh_tables() as connection:
        while meet.position < head:
            size, write = plan[turn % len(plan)]
            turn += 1
            followed = follow(meet, log, size)
            if followed is not meet:
                readtables.empty(connection)
                pending = NOTHING
            meet = followed
            pending = merged([pending, meet.settle()])
            if write:
                readtables.write(connection, meet, pending, _hash(log, meet.position))
                pending = NOTHING
        readtables.write(connection, meet, pending, _hash(log, head))
        kept = _rows(connection)
    assert kept == _rebuilt(log)


def test_a_log_on_disk_keeps_tables_checkpoint_and_saved_state(tmp_path: Path) -> None:
    pool = Pool()
    pool.load(heat("1", 1, 1, {1: "101", 2: "102"}))
    pool.gun(0)
    pool.passes(30_120, "101")
    pool.passes(31_450, "0077")
    pool.chips({"77": "102"})
    events = pool.log.read()
    log = SqliteLog(tmp_path / "meet.db", clock=lambda: 1)
    log.append([Draft(e.source, e.kind, e.meta, e.body) for e in events])
    meet = Meet()
    for _ in events:
        meet = follow(meet, log, 1)
        with log.views() as connection:
            readtables.write(connection, meet, meet.settle(), log.read(meet.position - 1)[0].hash)
    with log.views() as connection:
        kept = _rows(connection)
        shown = readtables.checkpoint(connection)
        readtables.save_snapshot(connection, meet.position, shown.hash, meet.save())
    assert (shown.position, shown.hash) == (log.head().position, log.head().hash)
    with log.views() as connection:
        saved = readtables.load_snapshot(connection, log)
        assert saved is not None
        assert saved.position == shown.position
        assert readtables.load_snapshot(connection, MemoryLog()) is None
        readtables.save_snapshot(connection, saved.position, GENESIS, saved.save())
        assert readtables.load_snapshot(connection, log) is None
        readtables.empty(connection)
        assert readtables.checkpoint(connection).position == 0
        assert readtables.load_snapshot(connection, log) is None
        readtables.write(connection, saved, saved.everything(), shown.hash)
        assert _rows(connection) == kept
        shown_times = connection.execute(select(t.lanes.c.time_cs, t.lanes.c.time)).all()
    assert [tuple(row) for row in shown_times] == [(3012, "30.12"), (3145, "31.45")]
    log.close()


def test_a_state_that_cannot_be_read_is_no_state(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "meet.db")
    with log.views() as connection:
        readtables.save_snapshot(connection, 0, GENESIS, Meet().save())
        connection.execute(t.snapshot.update().values(state=b"\x92\x02\xc1"))
        assert readtables.load_snapshot(connection, log) is None
        connection.execute(t.snapshot.update().values(version=-1))
        assert readtables.load_snapshot(connection, log) is None
    log.close()
    saved = _with_a_read().save()
    _, head, rest = unpack(BytesIO(saved).read)
    reads = rest()
    assert Meet.load(pack(VERSION, head, [reads])).save() == saved
    for version, other, more, words in (
        (0, head, reads, "version"),
        (VERSION, b"\xc1", reads, "cannot be read"),
        (VERSION, head, b"more", "reads are missing"),
    ):
        with pytest.raises(SavedStateDamaged, match=words):
            Meet.load(pack(version, other, [more]))


def test_a_state_of_which_any_byte_is_another_is_no_state() -> None:
    saved = _with_a_read().save()
    assert Meet.load(saved).position > 0
    for at in range(len(saved)):
        with pytest.raises(SavedStateDamaged, match="damaged"):
            Meet.load(saved[:at] + bytes([saved[at] ^ 1]) + saved[at + 1 :])
    for length in range(len(saved)):
        with pytest.raises(SavedStateDamaged, match="damaged"):
            Meet.load(saved[:length])


def _with_a_read() -> Meet:
    pool = Pool()
    pool.passes(30_120, "101")
    meet = fold(pool.log)
    meet.settle()
    return meet


def _rebuilt(log: MemoryLog) -> dict[str, list[tuple[object, ...]]]:
    meet = fold(log)
    with fresh_tables() as connection:
        readtables.write(connection, meet, meet.settle(), _hash(log, meet.position))
        return _rows(connection)


def _rows(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {str(table.name): _of(connection, table) for table in TABLES}


def _of(connection: Connection, table: Table) -> list[tuple[object, ...]]:
    rows = connection.execute(select(table).order_by(*table.primary_key.columns))
    return [tuple(row) for row in rows]


def _hash(log: MemoryLog, position: int) -> bytes:
    return log.read(position - 1, 1)[0].hash


def test_only_revisions_that_are_not_in_the_tables_are_prepared() -> None:
    pool = Pool()
    for n in range(1, 9):
        pool.publish("1", 1, b"%d" % n, revision=n)
        written = pool.log.head().position
    pool.publish("1", 1, b"9", revision=9)
    meet = pool.meet()
    (row,) = readtables.prepare(meet, NOTHING, GENESIS, written).revisions
    assert row in readtables.prepare(meet, NOTHING, GENESIS).revisions
    assert [r.revision for r in meet.revisions(after=written)] == [9]
    assert [r.revision for r in meet.revisions(newest=3)] == [7, 8, 9]
    assert meet.revisions(newest=99) == meet.revisions()
