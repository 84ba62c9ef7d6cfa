"""The SQLite engine keeps the contract, and what only files and processes can break."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy.exc import OperationalError

from store.connect import connect
from store.log import BatchLog, LogDamaged, LogMissing, StoreError, StoreUnavailable
from store.sqlite import SqliteLog
from store.verify import verify
from tests.store.contract import Clock, LogContract, read_of, ticking

ROOT = Path(__file__).parents[2]


class TestSqliteLog(LogContract):
    def make(self, folder: Path, clock: Clock) -> BatchLog:
        return SqliteLog(folder / "meet.db", clock=clock)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "meet # 1%?.db"  # a name that a careless URI would cut short


def run_child(script: str, *args: object) -> "subprocess.Popen[str]":
    """Start Python on `script` with `log` open at the path that is its first argument."""
    head = (
        "import os, signal, sys\n"
        "from store.event import Draft\n"
        "from store.sqlite import SqliteLog\n"
        "log = SqliteLog(sys.argv[1])\n"
        "draft = lambda text: Draft('child', 'socket.read', body=text.encode())\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + script, *map(str, args)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def bodies(log: BatchLog) -> list[bytes]:
    return [e.body for e in log.read(limit=10_000)]


def test_reopening_continues_the_chain(path: Path) -> None:
    for n in range(3):
        log = SqliteLog(path, clock=ticking())
        assert log.append([read_of(b"%d" % n)]).position == n + 1
        log.close()
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name], "the WAL was left behind"
    with closing(SqliteLog(path, read_only=True)) as log:
        assert bodies(log) == [b"0", b"1", b"2"]
        assert verify(log).ok


def test_the_disk_is_synced_at_each_append(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"")])
        writer = log._open_writer()
        assert writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        with log.views() as views:
            assert views.exec_driver_sql("PRAGMA synchronous").scalar() == 1  # NORMAL


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET body = x'00' WHERE position = 1",
        "UPDATE events SET position = 9 WHERE position = 2",
        "DELETE FROM events WHERE position = 2",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT 1, 0, source, kind, form, hash, meta, body "
        "FROM events WHERE position = 2",
        "INSERT INTO events SELECT 4, 0, source, kind, form, hash, meta, body "
        "FROM events WHERE position = 2",
        "INSERT INTO events (recorded_at, source, kind, hash, meta, body) "
        "VALUES (0, '', '', x'', x'', x'')",
    ],
)
def test_the_database_refuses_changes(path: Path, change: str) -> None:
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"a"), read_of(b"b")])
        with (
            closing(connect(path)) as other,
            pytest.raises(sqlite3.IntegrityError, match="events are immutable"),
        ):
            other.execute(change)
        assert bodies(log) == [b"a", b"b"]
        assert verify(log).ok


def test_two_processes_race_from_an_empty_file(path: Path) -> None:
    script = "for n in range(50):\n    log.append([draft(f'{sys.argv[2]} {n}')] * 2)\nlog.close()\n"
    children = [run_child(script, path, name) for name in "xy"]
    for child in children:
        child.communicate()
        assert child.returncode == 0
    with closing(SqliteLog(path)) as log:
        found = bodies(log)
        assert found[::2] == found[1::2]
        for name in ("x", "y"):
            own = [b.decode() for b in found[::2] if b.startswith(name.encode())]
            assert own == [f"{name} {n}" for n in range(50)]
        assert verify(log).ok


def test_appends_of_two_processes_alternate(path: Path) -> None:
    """Each finds its remembered head overtaken, for single events and for batches."""
    with closing(SqliteLog(path)) as one, closing(SqliteLog(path)) as two:
        for n in range(6):
            one.append([read_of(b"%d" % n)] * (1 + n % 2))
            two.append([read_of(b"%d" % n)] * (1 + n // 2 % 2))
            with pytest.raises(StoreError, match="read what was added"):
                one.append([read_of(b"late")], after=one.head().position - 1)
        assert verify(one).ok
        assert one.head() == two.head()
        assert one.head().position == sum(1 + n % 2 + 1 + n // 2 % 2 for n in range(6))


# Statement by statement: where SQLite is about to run what is named, or has returned.
STEPS = {
    "begin": ("BEGIN", 1),
    "a row in the middle": ("INSERT INTO events", 20),
    "commit": ("COMMIT", 1),
    "after the commit": ("", 0),
}


def test_a_process_killed_at_any_step_leaves_a_whole_batch_or_nothing(tmp_path: Path) -> None:
    script = """
word, countdown = sys.argv[2], int(sys.argv[3])
def watch(sql):
    global countdown
    if word and sql.startswith(word):
        countdown -= 1
        if countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)
log._open_writer().set_trace_callback(watch)
log.append([draft(str(n)) for n in range(30)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    whole = [b"before"] + [b"%d" % n for n in range(30)]
    children = {}
    for step, where in STEPS.items():
        with closing(SqliteLog(tmp_path / step)) as log:
            log.append([read_of(b"before")])
        children[step] = run_child(script, tmp_path / step, *where)
    for step, child in children.items():
        child.communicate()
        assert child.returncode == -signal.SIGKILL
        with closing(SqliteLog(tmp_path / step, read_only=True)) as log:
            assert bodies(log) == (whole if step == "after the commit" else whole[:1])
        with closing(SqliteLog(tmp_path / step)) as log:
            log.append([read_of(b"on we go")])
            assert verify(log).ok


def test_a_process_killed_at_any_moment_keeps_what_it_acknowledged(path: Path) -> None:
    script = """
for n in range(1_000_000):
    head = log.append([draft(str(n))] * (1 + n % 3))
    os.write(1, b"%d\\n" % head.position)
"""
    children = {after: run_child(script, path.with_name(f"{after}.db")) for after in (3, 60)}
    for after, child in children.items():
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(after)]
        child.kill()
        acknowledged += map(int, child.communicate()[0].split())
        with closing(SqliteLog(path.with_name(f"{after}.db"))) as log:
            assert log.head().position >= acknowledged[-1]
            assert verify(log).ok


def test_a_full_disk_loses_nothing_and_heals_without_reopening(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"a")])
        writer = log._open_writer()
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages + 2}")
        for size in (1, 3):
            with pytest.raises(StoreUnavailable, match="disk is full; free some space") as caught:
                log.append([read_of(bytes(100_000))] * size)
            assert str(path) in str(caught.value)
            assert bodies(log) == [b"a"]
        assert log.append([read_of(b"small")]).position == 2
        writer.execute("PRAGMA max_page_count = 1000000")
        assert log.append([read_of(bytes(100_000))]).position == 3
        assert verify(log).ok


def test_a_failing_disk_loses_nothing_and_heals(path: Path) -> None:
    """The kernel refuses to let the file grow: a real error of a real write."""
    script = """
import resource
from store.log import StoreUnavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log.append([draft("a")])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, hard))
try:
    log.append([draft("x" * 9_000_000)])
except StoreUnavailable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert log.append([draft("x" * 9_000_000)]).position == 2
"""
    out, _ = (child := run_child(script, path)).communicate()
    assert child.returncode == 0
    assert str(path) in out
    assert "the disk" in out
    with closing(SqliteLog(path, read_only=True)) as log:
        assert verify(log).ok


def test_a_log_locked_by_another_program_is_unavailable_then_fine(path: Path) -> None:
    with closing(SqliteLog(path, busy_ms=0)) as log, closing(connect(path)) as other:
        log.append([read_of(b"a")])
        other.execute("BEGIN IMMEDIATE")
        for drafts in ([read_of(b"b")], [read_of(b"b"), read_of(b"c")]):
            with pytest.raises(StoreUnavailable, match="another program is writing"):
                log.append(drafts)
        with pytest.raises(StoreUnavailable, match="another program"), log.views():
            pass
        assert bodies(log) == [b"a"], "readers do not wait for writers"
        other.execute("ROLLBACK")
        assert log.append([read_of(b"b")]).position == 2


def test_a_lost_connection_is_replaced(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"a")])
        log._open_writer().close()
        with pytest.raises(StoreError):
            log.append([read_of(b"b")])
        log._drop_writer()
        assert log.append([read_of(b"b")]).position == 2


def test_read_only_follows_a_log_that_another_process_writes(path: Path) -> None:
    script = """
for line in sys.stdin:
    log.append([draft(line.strip())])
    print("done", flush=True)
"""
    with run_child(script, path) as child:
        assert child.stdin is not None
        assert child.stdout is not None

        def say(text: str) -> None:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(text + "\n")
            child.stdin.flush()
            assert child.stdout.readline() == "done\n"

        say("a")
        with closing(SqliteLog(path, read_only=True)) as log:
            assert bodies(log) == [b"a"]
            say("b")
            assert bodies(log) == [b"a", b"b"]
            with pytest.raises(StoreError, match="reading only"):
                log.append([read_of(b"c")])
            with pytest.raises(StoreError, match="reading only"), log.views():
                pass
        child.stdin.close()


def test_files_that_are_no_log_are_refused_and_left_alone(tmp_path: Path) -> None:
    missing, text, foreign = tmp_path / "missing.db", tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("Heat 3 was swum twice.\n" * 100)
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE events (position INTEGER PRIMARY KEY)")
    for read_only in (True, False):
        for path, words in ((text, "not a database"), (foreign, "not a meetlog log")):
            before = path.read_bytes()
            with pytest.raises(LogDamaged, match=words) as caught:
                SqliteLog(path, read_only=read_only)
            assert str(path) in str(caught.value)
            assert path.read_bytes() == before
    with pytest.raises(LogMissing, match="there is no log at"):
        SqliteLog(missing, read_only=True)
    assert not missing.exists()
    with pytest.raises(StoreUnavailable, match="its folder exists"):
        SqliteLog(tmp_path / "no folder" / "meet.db")
    with pytest.raises(LogDamaged, match="not a file"):
        SqliteLog(tmp_path)


def test_damaged_pages_are_told_apart_from_a_bad_day(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        log.append([read_of(b"%04d" % n * 1_250) for n in range(20)])
    file = path.read_bytes()
    pages = [file[at : at + 4096] for at in range(0, len(file), 4096)]
    # A leaf of the table: it starts with 0x0d and holds the rows up to their overflow.
    leaves = [n for n, page in enumerate(pages) if page[0] == 0x0D and b"finish-mat" in page]
    pages[leaves[1]] = b"\xa5" * 4096
    path.write_bytes(b"".join(pages))
    with closing(SqliteLog(path, read_only=True)) as log:
        verdict = verify(log)
        assert not verdict.ok
        assert verdict.first_bad == verdict.head.position + 1 > 1
        assert "cannot be read" in verdict.problem
        with pytest.raises(LogDamaged, match="the file is damaged"):
            log.read()


def test_views_commit_together_or_not_at_all(path: Path) -> None:
    with closing(SqliteLog(path)) as log:
        with log.views() as views:
            views.exec_driver_sql("CREATE TABLE seen (position INTEGER)")
            views.exec_driver_sql("INSERT INTO seen VALUES (1)")

        def fail_half_way() -> None:
            with log.views() as views:
                views.exec_driver_sql("INSERT INTO seen VALUES (2)")
                views.exec_driver_sql("INSERT INTO unseen VALUES (2)")

        with pytest.raises(OperationalError, match="no such table: unseen"):
            fail_half_way()
        with log.views() as views:
            rows = views.exec_driver_sql("SELECT position FROM seen").all()
        assert [tuple(row) for row in rows] == [(1,)]
        assert log.append([read_of(b"")]).position == 1


def test_an_append_waits_its_turn_and_gets_it(path: Path) -> None:
    """With no patience for SQLite's locks, an append beside views neither fails nor starves."""
    with closing(SqliteLog(path, busy_ms=0)) as log:
        stop, failures, count = Event(), list[StoreError](), 0

        def fold() -> None:
            try:
                with log.views() as views:
                    views.exec_driver_sql("CREATE TABLE seen (position INTEGER)")
                while not stop.is_set():
                    with log.views() as views:
                        views.exec_driver_sql("INSERT INTO seen VALUES (1)")
            except StoreError as error:
                failures.append(error)

        folder = Thread(target=fold)
        folder.start()
        for _ in range(50):
            count = log.append([read_of(b"a")]).position
        stop.set()
        folder.join()
        assert (failures, count) == ([], 50)


def test_a_guest_leaves_the_write_ahead_log_to_the_process_that_records(path: Path) -> None:
    large = read_of(b"x" * 3_000_000)
    with closing(SqliteLog(path, clock=ticking())) as recording:
        recording.append([read_of(b"")])
        small = path.stat().st_size
        with closing(SqliteLog(path, clock=ticking(), guest=True)) as guest:
            guest.append([large])
            guest.append([large])
        assert path.stat().st_size == small, "a guest folded, and could have met a commit"
        recording.append([read_of(b"")])
        assert path.stat().st_size > 6_000_000, "nobody folds"
        assert verify(recording).ok
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with closing(SqliteLog(path, guest=True)) as alone:
        alone.append([large])
    assert [p.name for p in path.parent.iterdir()] == [path.name], "the last one tidies up"
