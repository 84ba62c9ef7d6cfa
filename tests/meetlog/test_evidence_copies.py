"""`backup` and `restore`: copies of a log that is being written, proven before they have a name."""

import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from meetlog.exits import Refused
from meetlog.lock import alone
from meetlog.newfiles import new_file
from meetlog.safekeeping import CopyReport, backup, restore
from projections.views import Race
from store.copies import write_log
from store.event import Draft, Event
from store.log import LogDamaged, StoreError
from store.sqlite import SqliteLog
from store.verify import verify
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet
from tests.meetlog.test_evidence import tampered


def events_of(path: Path) -> list[Event]:
    with closing(SqliteLog(path, read_only=True)) as log:
        return log.read(0, 1_000_000)


@contextmanager
def written(path: Path) -> Iterator[threading.Semaphore]:
    """A thread that appends to the log as fast as it can; the semaphore counts its appends."""
    done = threading.Event()
    appended = threading.Semaphore(0)

    def write() -> None:
        with closing(SqliteLog(path)) as log:
            number = 0
            while not done.is_set():
                number += 1
                body = b"%d" % number * (1 + number % 300)
                log.append([Draft("mat", "socket.read", body=body)] * (1 + number % 3))
                appended.release()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield appended
    finally:
        done.set()
        thread.join()


def test_a_backup_beside_a_writer_is_a_whole_log(tmp_path: Path) -> None:
    path = tmp_path / "meet.db"
    with written(path) as appended:
        for number in range(8):
            for _ in range(20):
                assert appended.acquire(timeout=30)
            report = backup(path, tmp_path / f"{number}.db")
            assert report.position > 20 * number
    source = events_of(path)
    sizes = []
    for number in range(8):
        copy = events_of(tmp_path / f"{number}.db")
        assert copy == source[: len(copy)]
        sizes.append(len(copy))
    assert sizes == sorted(set(sizes))
    assert sizes[-1] < len(source)
    names = {p.name for p in tmp_path.iterdir() if not p.name.startswith("meet.db")}
    assert names == {f"{n}.db" for n in range(8)}, "each copy is one file"


def test_backup_and_restore_on_the_command_line(ended: RecordedMeet, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (made,) = ask(CopyReport, "backup", copy, "-m", ended.folder).items
    with closing(SqliteLog(ended.path, read_only=True)) as log:
        head = log.head()
    assert (made.position, made.head, made.bytes) == (
        head.position, head.hash.hex(), copy.stat().st_size
    )  # fmt: skip
    assert call("verify", copy, "--code", made.seal).exit_code == 0
    told = call("restore", copy, "--into", tmp_path / "again")
    assert told.exit_code == 0, told.output
    assert f"meetlog run --meet {tmp_path / 'again'}" in told.stdout
    again = tmp_path / "again"
    assert events_of(again / "meet.db") == events_of(ended.path)
    assert (again / "meet.toml").read_bytes() == (ended.folder / "meet.toml").read_bytes()
    assert ask(Race, "results", "-m", again) == ask(Race, "results", "-m", ended.folder)
    (other,) = ask(CopyReport, "restore", copy, "--into", tmp_path / "one" / "file.db").items
    assert (other.settings, other.seal) == ("", made.seal)
    assert [p.name for p in (tmp_path / "one").iterdir() if p.suffix != ".lock"] == ["file.db"]


def test_a_restored_log_goes_on(ended: RecordedMeet, tmp_path: Path) -> None:
    backup(ended.path, tmp_path / "copy.db")
    restore(tmp_path / "copy.db", tmp_path / "again.db")
    before = events_of(ended.path)
    with closing(SqliteLog(tmp_path / "again.db")) as log:
        head = log.append([Draft("mat", "socket.read", body=b"more")])
        assert head.position == len(before) + 1
        assert verify(log).ok
    connection = sqlite3.connect(tmp_path / "again.db")
    with closing(connection), pytest.raises(sqlite3.IntegrityError, match="immutable"):
        connection.execute("UPDATE events SET body = x''")


def test_into_a_meet_that_lost_its_log(ended: RecordedMeet, tmp_path: Path) -> None:
    backup(ended.path, tmp_path / "copy.db")
    ended.path.unlink()
    result = call("restore", tmp_path / "copy.db", "--into", ended.folder)
    assert result.exit_code == 0, result.output
    assert call("verify", ended.folder).exit_code == 0


def test_nothing_is_overwritten(ended: RecordedMeet, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(ended.path, copy)
    before = {p: p.read_bytes() for p in ended.folder.iterdir() if p.is_file()}
    for args in (
        ("backup", copy, "-m", ended.folder),
        ("backup", ended.folder, "-m", ended.folder),
        ("restore", copy, "--into", ended.folder),
        ("restore", copy, "--into", ended.path),
    ):
        result = call(*args)
        assert result.exit_code == 8, args
        assert "is there already and is left alone" in result.stderr
    assert {p: p.read_bytes() for p in before} == before


def test_the_rest_of_a_lost_log_is_not_mixed_up(ended: RecordedMeet, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(ended.path, copy)
    target = tmp_path / "again.db"
    rest = tmp_path / "again.db-wal"
    rest.write_bytes(b"the newest events")
    result = call("restore", copy, "--into", target)
    assert result.exit_code == 8
    assert f"{rest} belongs to a log that was at {target}" in result.stderr
    assert not target.exists()
    assert rest.read_bytes() == b"the newest events"


def test_not_while_a_run_records(ended: RecordedMeet, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup(ended.path, copy)
    ended.path.unlink()
    with alone(ended.path, ""):
        result = call("restore", copy, "--into", ended.folder)
    assert result.exit_code == 8
    assert "is recording into" in result.stderr
    assert "Stop it first" in result.stderr
    assert not ended.path.exists()


def test_what_cannot_be_copied_is_told(ended: RecordedMeet, tmp_path: Path) -> None:
    assert call("backup", tmp_path / "no" / "copy", "-m", ended.folder).exit_code == 7
    assert call("backup", tmp_path / "copy", "-m", tmp_path / "none.db").exit_code == 5
    tampered(ended.path, "UPDATE events SET body = x'00' WHERE position = 9")
    result = call("backup", tmp_path / "copy", "-m", ended.path)
    assert result.exit_code == 4
    assert f"{ended.path}: event 9 does not hold" in result.stderr
    assert not any(p.is_file() for p in tmp_path.iterdir())


def test_a_truncated_backup_is_refused(ended: RecordedMeet, tmp_path: Path) -> None:
    whole = tmp_path / "copy.db"
    backup(ended.path, whole)
    data = whole.read_bytes()
    rng = random.Random(8)
    lengths = [0, 1, 99, 100, 4095, 4096, len(data) - 4096, len(data) - 1]
    for length in [*lengths, *(rng.randrange(len(data)) for _ in range(40))]:
        cut = tmp_path / "cut.db"
        cut.write_bytes(data[:length])
        with pytest.raises(LogDamaged, match=r"cut\.db"):
            restore(cut, tmp_path / "again.db")
        assert {p.name for p in tmp_path.iterdir() if p.is_file()} <= {
            "copy.db", "cut.db", "again.db.lock"
        }  # fmt: skip


def test_an_altered_backup_is_refused_or_has_the_same_events(tmp_path: Path) -> None:
    path = tmp_path / "meet.db"
    write_log(path, ((n, Draft("mat", "statement", body=b"%d" % n * 40)) for n in range(60)))
    whole = tmp_path / "copy.db"
    backup(path, whole)
    before, data = events_of(path), whole.read_bytes()
    rng = random.Random(9)
    refused = 0
    altered, again = tmp_path / "altered.db", tmp_path / "again.db"
    for _ in range(300):
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        altered.write_bytes(changed)
        told = refusal(altered, again)
        if told:
            assert "altered.db" in told
            assert not again.exists()
            refused += 1
        else:
            # The bit was in what is not an event: a free byte, a read table.
            assert events_of(again) == before
            again.unlink()
    assert refused > 20


def refusal(copy: Path, into: Path) -> str:
    """Why a copy is not restored; "" when it is."""
    try:
        restore(copy, into)
    except StoreError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"chip,swimmer\n", "not a database"),
        (b"PK\x03\x04" + bytes(200), "not a database"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "file").write_bytes(content)
    result = call("restore", tmp_path / "file", "--into", tmp_path / "log.db")
    assert result.exit_code == 4
    assert words in result.stderr
    assert not (tmp_path / "log.db").exists()
    assert not (tmp_path / "new").exists()


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE events (position INTEGER)")
    connection.commit()
    connection.close()
    for into in ("log.db", "folder"):
        result = call("restore", tmp_path / "other.db", "--into", tmp_path / into)
        assert result.exit_code == 4
        assert "not a meetlog log" in result.stderr


def test_a_newer_meetlog_s_backup_is_refused(ended: RecordedMeet, tmp_path: Path) -> None:
    tampered(ended.path, "UPDATE alembic_version SET version_num = 'r9999'")
    for args in (
        ("restore", ended.path, "--into", tmp_path / "log.db"),
        ("backup", tmp_path / "log.db", "-m", ended.path),
    ):
        result = call(*args)
        assert result.exit_code == 4
        assert "was made by a newer meetlog" in result.stderr
        assert not (tmp_path / "log.db").exists()


def test_settings_that_lead_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    for toml in (b'[log]\npath = "../meet.db"\n', b'[log]\npath = "/meet.db"\n'):
        meta = b"\x81\xa4path\xa9meet.toml"
        copy = tmp_path / "copy.db"
        copy.unlink(missing_ok=True)
        write_log(copy, [(1, Draft("settings", "file.changed", meta, toml))])
        result = call("restore", copy, "--into", tmp_path / "new")
        assert result.exit_code == 8
        assert "outside the meet's folder" in result.stderr
        assert not (tmp_path / "new").exists()


def test_a_new_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(ZeroDivisionError), new_file(path) as temporary:
        temporary.write_bytes(b"%d" % (1 // 0))
    assert list(tmp_path.iterdir()) == []
    with new_file(path) as temporary:
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    with pytest.raises(Refused, match="is there already"), new_file(path):
        pytest.fail("it must not begin")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_that_comes_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(Refused, match="is there already"), new_file(path):
        path.write_bytes(b"another's")
    assert path.read_bytes() == b"another's"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
