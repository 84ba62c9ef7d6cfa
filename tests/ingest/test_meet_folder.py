import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from ingest.folder import READ_TRIES, SLOW_DISK, watch_folder
from ingest.settling import RECHECK
from store.event import FILE_CHANGED, FILE_REMOVED
from tests.kit.folders import PROGRAM, ROOT, FakeDisk, digest, watching
from tests.kit.jumping import JumpingLoop, loop_clock
from tests.kit.recorders import HeldRecorder, desk_on
from wire.settings import FolderSettings
from wire.stamps import NS


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk()


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {"loop_factory": JumpingLoop}


@pytest.mark.anyio
async def test_a_half_written_program_is_recorded_whole(disk: FakeDisk) -> None:
    disk.write(PROGRAM, b'{"meetName":')
    async with watching(disk) as watched:
        await disk.until(lambda: disk.listed >= 2)
        disk.write(PROGRAM, b'{"meetName": "City"}')
        watched.tell(PROGRAM)
        await watched.recorder.until_count(FILE_CHANGED, 1)

    assert watched.bodies() == [b'{"meetName": "City"}']
    assert watched.recorder.metas(FILE_CHANGED) == [{"path": PROGRAM, "mtime": 2, "size": 20}]
    assert watched.recorder.events[0].source == "folder"


@pytest.mark.anyio
async def test_a_notification_is_followed_long_before_the_rescan(disk: FakeDisk) -> None:
    async with watching(disk, settings=FolderSettings(rescan=3600 * NS)) as watched:
        await disk.until(lambda: disk.listed >= 2)
        disk.write(PROGRAM, b"{}")
        watched.tell(PROGRAM)
        await watched.until_body(b"{}")
        assert loop_clock() < 60 * NS


@pytest.mark.anyio
async def test_a_lost_notification_is_made_up_for_by_the_rescan(disk: FakeDisk) -> None:
    async with watching(disk) as watched:
        await disk.until(lambda: disk.listed >= 2)
        disk.write(PROGRAM, b"{}")
        await watched.until_body(b"{}")


@pytest.mark.anyio
async def test_only_what_differs_from_the_last_version_is_recorded(disk: FakeDisk) -> None:
    disk.write(PROGRAM, b"one")
    async with watching(disk, {PROGRAM: digest(b"one")}) as watched:
        await watched.pass_time()
        disk.write(PROGRAM, b"one")  # the same again, with another mtime
        await watched.pass_time()
        assert watched.bodies() == []
        disk.write(PROGRAM, b"two")
        await watched.until_body(b"two")
        disk.write(PROGRAM, b"one")
        await watched.until_body(b"one")
    assert watched.bodies() == [b"two", b"one"]


@pytest.mark.anyio
async def test_a_removal_and_a_return_are_recorded(disk: FakeDisk) -> None:
    disk.write(PROGRAM, b"one")
    async with watching(disk) as watched:
        await watched.until_body(b"one")
        del disk.files[PROGRAM]
        await watched.recorder.until_count(FILE_REMOVED, 1)
        disk.write(PROGRAM, b"one")
        await watched.recorder.until_count(FILE_CHANGED, 2)
    assert watched.recorder.metas(FILE_REMOVED) == [{"path": PROGRAM}]


@pytest.mark.anyio
async def test_what_was_removed_while_nobody_watched_is_recorded(disk: FakeDisk) -> None:
    async with watching(disk, {PROGRAM: digest(b"one")}) as watched:
        await watched.recorder.until_count(FILE_REMOVED, 1)


@pytest.mark.anyio
async def test_our_own_files_stay_out_until_somebody_changes_them(disk: FakeDisk) -> None:
    name = "Session1_Event_1_Heat1_Race1_1.json"
    disk.write(name, b"ours")
    disk.write(".meetlog-abc", b"half of ours")
    disk.write(f"{name}.meetlog-tmp", b"half of ours")
    async with watching(disk) as watched:
        watched.own.add((name, digest(b"ours")))
        await watched.pass_time()
        assert watched.recorder.events == []
        disk.write(name, b"theirs")
        await watched.until_body(b"theirs", name)
        disk.write(name, b"ours")
        await watched.pass_time()
        disk.write(name, b"theirs")
        await watched.recorder.until_count(FILE_CHANGED, 2)
    assert watched.bodies(name) == [b"theirs", b"theirs"]
    assert {name} == {meta["path"] for meta in watched.recorder.metas(FILE_CHANGED)}


@pytest.mark.anyio
async def test_a_file_that_changes_while_it_is_read_is_read_again(disk: FakeDisk) -> None:
    disk.write(PROGRAM, b"first")

    def rewrite() -> None:
        disk.before_read = lambda: None
        disk.write(PROGRAM, b"second")

    disk.before_read = rewrite
    async with watching(disk) as watched:
        await watched.until_body(b"second")
    assert watched.bodies() == [b"second"], "what was read first may be a mixture"


@pytest.mark.anyio
async def test_a_folder_that_vanishes_loses_no_file_and_comes_back(disk: FakeDisk) -> None:
    disk.write(PROGRAM, b"one")
    async with watching(disk) as watched:
        await watched.until_body(b"one")
        disk.broken = FileNotFoundError(errno.ENOENT, "No such file or directory")
        (notice,) = await watched.board.until(lambda texts: len(texts) == 1)
        assert notice.severity == "alarm"
        assert notice.text == (
            "the meet folder the meet folder cannot be listed: No such file or directory"
        )
        assert "network drive" in notice.hint
        await watched.pass_time()
        disk.broken = None
        disk.write(PROGRAM, b"two")
        await watched.until_body(b"two")
        assert watched.board.standing() == ()
        assert watched.watches == 2, "the first watch was on a folder that is no more"
    assert watched.recorder.of(FILE_REMOVED) == []


@pytest.mark.anyio
async def test_a_folder_that_is_not_there_at_the_start_is_waited_for(disk: FakeDisk) -> None:
    disk.broken = PermissionError(errno.EACCES, "Permission denied")
    async with watching(disk, {PROGRAM: "x"}) as watched:
        await watched.board.until(lambda texts: len(texts) == 1)
        assert watched.watches == 0
        disk.broken = None
        disk.write(PROGRAM, b"one")
        await watched.until_body(b"one")


@pytest.mark.anyio
async def test_a_folder_that_is_replaced_is_watched_anew(disk: FakeDisk) -> None:
    async with watching(disk) as watched:
        await watched.pass_time()
        disk.identity = (1, 2)
        disk.write(PROGRAM, b"in the new one")
        await watched.until_body(b"in the new one")
        await disk.until(lambda: watched.watches == 2)


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EPERM, errno.EACCES])
@pytest.mark.anyio
async def test_a_file_that_is_held_open_is_tried_again(disk: FakeDisk, code: int) -> None:
    disk.write(PROGRAM, b"one")
    disk.write("chips.csv", b"chip,swimmer")
    disk.unreadable[PROGRAM] = OSError(code, os.strerror(code))
    async with watching(disk) as watched:
        (notice,) = await watched.board.until(lambda texts: len(texts) == 1)
        assert disk.was_read.count(PROGRAM) == READ_TRIES
        assert f"{PROGRAM} in the meet folder cannot be read: {os.strerror(code)}" in notice.text
        assert watched.bodies("chips.csv") == [b"chip,swimmer"], "the others do not wait for it"
        del disk.unreadable[PROGRAM]
        await watched.until_body(b"one")
        await watched.board.until(lambda texts: not texts)


@pytest.mark.anyio
async def test_a_file_that_goes_away_under_our_hands_is_no_matter(disk: FakeDisk) -> None:
    disk.write(PROGRAM, b"one")
    disk.unreadable[PROGRAM] = FileNotFoundError(errno.ENOENT, "gone")
    async with watching(disk) as watched:
        await disk.until(lambda: bool(disk.was_read))
        del disk.files[PROGRAM]
        await watched.pass_time()
    assert watched.recorder.events == []
    assert watched.board.standing() == ()


@pytest.mark.anyio
@pytest.mark.parametrize("below", [0, 1])
async def test_a_file_too_large_is_reported_and_not_read(
    disk: FakeDisk, monkeypatch: pytest.MonkeyPatch, below: int
) -> None:
    monkeypatch.setattr("ingest.folder.LARGEST_FILE", 100)
    disk.write("film.mp4", bytes(101))
    disk.write(PROGRAM, bytes(100 - below))
    async with watching(disk) as watched:
        await watched.until_body(bytes(100 - below))
        (notice,) = await watched.board.until(lambda texts: len(texts) == 1)
        assert "film.mp4 in the meet folder has 101 bytes and is not recorded" in notice.text
        await watched.pass_time()
        assert "film.mp4" not in disk.was_read
        del disk.files["film.mp4"]
        await watched.board.until(lambda texts: not texts)


@pytest.mark.anyio
async def test_a_link_is_not_followed_and_said(disk: FakeDisk) -> None:
    disk.links = ("passwd.json",)
    async with watching(disk) as watched:
        (notice,) = await watched.board.until(lambda texts: len(texts) == 1)
        assert "passwd.json in the meet folder is a symbolic link" in notice.text
        disk.links = ()
        await watched.board.until(lambda texts: not texts)


@pytest.mark.anyio
async def test_a_listing_that_is_cut_off_takes_no_file_for_gone(disk: FakeDisk) -> None:
    disk.truncated = True
    async with watching(disk, {PROGRAM: "x"}) as watched:
        await watched.board.until(lambda texts: len(texts) == 1)
        await watched.pass_time()
        assert watched.recorder.of(FILE_REMOVED) == []
        disk.truncated = False
        await watched.recorder.until_count(FILE_REMOVED, 1)
        assert watched.board.standing() == ()


@pytest.mark.anyio
async def test_a_folder_that_does_not_answer_is_said_and_does_not_hold_up_a_stop(
    disk: FakeDisk,
) -> None:
    disk.answers = False
    async with watching(disk) as watched:
        (notice,) = await watched.board.until(lambda texts: len(texts) == 1)
        assert "does not answer" in notice.text
        assert loop_clock() == pytest.approx(SLOW_DISK)
    assert watched.board.standing() == ()


@pytest.mark.anyio
async def test_a_held_log_holds_up_the_folder(disk: FakeDisk) -> None:
    disk.write("a.json", b"a")
    disk.write("b.json", b"b")
    async with watching(disk) as watched:
        watched.recorder.hold()
        await watched.recorder.until(lambda: len(watched.recorder.waiting) == 1)
        await anyio.wait_all_tasks_blocked()
        assert disk.was_read == ["a.json"]
        watched.recorder.release()
        await watched.recorder.until_count(FILE_CHANGED, 2)


async def failing_watch(error: Exception, _changed: Callable[[set[str]], None]) -> None:
    await anyio.lowlevel.checkpoint()
    raise error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "inotify limit"), RuntimeError("odd")])
@pytest.mark.anyio
async def test_without_notifications_the_rescan_carries_on(
    disk: FakeDisk, error: Exception
) -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    disk.write(PROGRAM, b"one")
    async with anyio.create_task_group() as group:
        group.start_soon(
            partial(
                watch_folder,
                FolderSettings(),
                ROOT,
                desk,
                {},
                lambda _path, _sha: False,
                disk=disk,
                watch=partial(failing_watch, error),
                clock=loop_clock,
            )
        )
        await recorder.until_count(FILE_CHANGED, 1)
        (notice,) = board.standing()
        assert notice.severity == "info"
        assert "listed every 5 s instead" in notice.hint
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_the_second_look_finds_a_change_that_size_and_mtime_hide(disk: FakeDisk) -> None:
    disk.write(PROGRAM, b"one")
    async with watching(disk) as watched:
        await watched.until_body(b"one")
        began = loop_clock()
        disk.files[PROGRAM] = b"two", disk.files[PROGRAM][1]
        await watched.until_body(b"two")
        assert loop_clock() - began <= RECHECK + NS


@pytest.mark.anyio
async def test_a_folder_that_goes_before_the_watch_begins_is_listed_all_the_same(
    disk: FakeDisk, tmp_path: Path
) -> None:
    recorder = HeldRecorder()
    desk, board = desk_on(recorder)
    disk.write(PROGRAM, b"one")
    async with anyio.create_task_group() as group:
        gone = tmp_path / "gone"
        watch = partial(watch_folder, FolderSettings(), gone, desk, {}, lambda _path, _sha: False)
        group.start_soon(partial(watch, disk=disk, clock=loop_clock))
        await recorder.until_count(FILE_CHANGED, 1)
        assert board.standing() == ()
        group.cancel_scope.cancel()
