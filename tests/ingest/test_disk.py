import os
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from ingest import disk as disks
from ingest.disk import LARGEST_FILE, FolderDisk, list_folder, read_version
from ingest.folder import is_temporary, notifications, printable, watch_folder
from ingest.settling import Stat
from store.event import FILE_CHANGED, FILE_REMOVED
from tests.kit.recorders import HeldRecorder, desk_on
from wire.settings import FolderSettings
from wire.stamps import NS

PROGRAM = "meet_program.json"


@pytest.mark.anyio
async def test_a_real_folder(tmp_path: Path) -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    (tmp_path / PROGRAM).write_bytes(b"here before")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / PROGRAM).write_bytes(b"not looked at")
    settings = FolderSettings(settle=NS // 50, rescan=NS // 5)
    async with anyio.create_task_group() as group:
        group.start_soon(watch_folder, settings, tmp_path, desk, {}, lambda _path, _sha: False)
        await recorder.until_count(FILE_CHANGED, 1)
        (tmp_path / PROGRAM).write_bytes(b"rewritten")
        await recorder.until_count(FILE_CHANGED, 2)
        new = tmp_path / "new.part"
        new.write_bytes(b"renamed")
        new.rename(tmp_path / PROGRAM)
        await recorder.until(lambda: recorder.of(FILE_CHANGED)[-1].body == b"renamed")
        (tmp_path / PROGRAM).unlink()
        await recorder.until(
            lambda: {"path": PROGRAM} in recorder.metas(FILE_REMOVED),
        )
        await anyio.Path(tmp_path).rename(tmp_path.with_name("elsewhere"))
        await board.until(lambda texts: len(texts) == 1)
        await anyio.Path(tmp_path).mkdir()
        (tmp_path / "chips.csv").write_bytes(b"chip,swimmer\n")
        await recorder.until(lambda: recorder.of(FILE_CHANGED)[-1].body == b"chip,swimmer\n")
        assert board.standing() == ()
        group.cancel_scope.cancel()
    bodies = [event.body for event in recorder.of(FILE_CHANGED)]
    assert bodies[:2] == [b"here before", b"rewritten"]
    meta = recorder.metas(FILE_CHANGED)[-1]
    assert meta["path"] == "chips.csv"
    assert meta["mtime"] == (tmp_path / "chips.csv").stat().st_mtime_ns


@pytest.mark.anyio
async def test_a_real_disk_refuses_with_the_system_error(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        await disk.list()
    with pytest.raises(FileNotFoundError):
        await disk.read(PROGRAM)


def test_a_listing_has_plain_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / PROGRAM).write_bytes(b"12345")
    (tmp_path / "folder").mkdir()
    listing = list_folder(tmp_path)
    info = (tmp_path / PROGRAM).stat()
    assert listing.files == {PROGRAM: Stat(5, info.st_mtime_ns)}
    assert not listing.truncated
    assert listing.identity == (tmp_path.stat().st_dev, tmp_path.stat().st_ino)

    (tmp_path / "another.json").write_bytes(b"")
    monkeypatch.setattr(disks, "MOST_FILES", 1)
    assert list_folder(tmp_path).truncated


@pytest.mark.skipif(os.name == "nt", reason="needs a right that Windows users rarely have")
def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / PROGRAM).symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe.json")
    listing = list_folder(folder)

    assert listing.files == {}
    assert listing.links == (PROGRAM,)
    with pytest.raises(OSError, match="symbolic links"):
        read_version(folder / PROGRAM)
    with pytest.raises(FileNotFoundError):
        read_version(folder / "pipe.json")


@pytest.mark.parametrize("more", [-1, 0, 1, 1000])
def test_a_file_that_grew_past_the_ceiling_is_not_taken_into_memory(
    tmp_path: Path, more: int
) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + more)
    version = read_version(path)

    # One byte more than is allowed tells that it is too large.
    assert len(version.body) == LARGEST_FILE + min(more, 1)
    assert version.stat.size == LARGEST_FILE + more


def test_names_that_are_no_text_can_be_stored() -> None:
    name = os.fsdecode(b"caf\xe9.json") if os.name != "nt" else "caf\udce9.json"

    assert printable(name) == "caf\\xe9.json"
    assert printable("Läufe.json") == "Läufe.json"


@pytest.mark.parametrize(
    ("name", "expected"),
    [(".meetlog-1", True), ("x.json.meetlog-tmp", True), (".meetlogs", False), ("x.tmp", False)],
)
def test_our_temporary_files_are_told_by_their_names(name: str, expected: bool) -> None:
    assert is_temporary(name) is expected


@pytest.mark.anyio
async def test_a_real_watch_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    heard: set[str] = set()
    some = anyio.Event()

    def changed(names: set[str]) -> None:
        heard.update(names)
        some.set()

    async with anyio.create_task_group() as group:
        group.start_soon(notifications, tmp_path, changed)
        await anyio.lowlevel.checkpoint()
        (tmp_path / PROGRAM).write_bytes(b"{}")
        await some.wait()
        group.cancel_scope.cancel()
        asked = anyio.current_time()
    assert heard == {PROGRAM}
    # Left to itself, the thread that waits for the system looks up every five seconds.
    assert anyio.current_time() - asked < 4
