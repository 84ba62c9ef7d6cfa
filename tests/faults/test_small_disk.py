"""A small disk that fills and is freed under `meetlog run`: told in words, and nothing is lost."""

from pathlib import Path

import anyio
import pytest

from store.event import APP_STARTED, RESULT_PUBLISHED
from tests.faults.disks import MB, SmallDisk
from tests.faults.stage import RESULT, RUN, Stage, messages
from tests.kit.nursery import Nursery
from tests.kit.programs import programs_on
from tests.meetlog.calls import call
from tests.whole.test_full_disk import BLOCKED, Mat

pytestmark = pytest.mark.anyio
STALLED = "ALARM Nothing is being recorded"


async def test_a_log_that_fills_its_disk_holds_the_sources_back_and_goes_on_when_there_is_space(
    tmp_path: Path, disk: SmallDisk, nursery: Nursery
) -> None:
    stage = Stage(tmp_path / "meet", log=disk.path / "meet.db")
    disk.fill(but=7 * MB)  # the log's own beginnings take six
    pieces = messages()
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        mat = Mat(stage.mat)
        async with anyio.create_task_group() as group:
            group.start_soon(mat.send, pieces)
            told = await running.until(STALLED)
            assert "meet.db" in told
            assert "the disk is full; free some space" in told
            with anyio.move_on_after(BLOCKED):
                await mat.stepped.until(lambda: mat.sent == sum(map(len, pieces)))
            stuck = mat.sent
            assert stuck < sum(map(len, pieces))
            with anyio.move_on_after(BLOCKED) as waiting:
                await mat.stepped.until(lambda: mat.sent > stuck)
            assert waiting.cancelled_caught, "the peer could go on sending"
            for command in (("status", "-m"), ("crossings", "-m"), ("verify",)):
                assert call(*command, stage.folder).exit_code == 0, command
            disk.empty()
            await running.until("OVER Nothing is being recorded")
        await mat.leave()
        running.process.terminate()
        assert await running.gone() == 0, running.text
    assert stage.received() == b"".join(pieces)
    assert call("verify", stage.folder).exit_code == 0


async def test_a_run_that_begins_on_a_full_disk_says_so_and_begins_when_there_is_space(
    tmp_path: Path, disk: SmallDisk, nursery: Nursery
) -> None:
    stage = Stage(tmp_path / "meet", log=disk.path / "meet.db")
    async with programs_on(tmp_path, nursery.start) as programs:
        # With no log yet, there is nothing to wait with.
        disk.fill()
        refused = await programs.start(*RUN, str(stage.folder))
        assert await refused.gone() == 5, refused.text
        assert "the disk is full; free some space" in refused.text
        assert "meet.db" in refused.text
        disk.empty()
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        await stage.swim()
        await running.until("published")
        running.process.terminate()
        assert await running.gone() == 0, running.text
        # The system cannot even make the side files of one that was stopped.
        disk.fill()
        refused = await programs.start(*RUN, str(stage.folder))
        assert await refused.gone() == 5, refused.text
        assert "the disk is full; free some space" in refused.text
        told = call("status", "-m", stage.folder)
        assert (told.exit_code, "the disk is full" in told.stderr) == (5, True)
        disk.empty()
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        await stage.swim_better()
        await running.until(RESULT.format(2))
        running.process.terminate()
        assert await running.gone() == 0, running.text
    assert sum(event.kind == APP_STARTED for event in stage.events()) == 2
    assert call("verify", stage.folder).exit_code == 0


async def test_a_stop_on_a_full_disk_does_not_wait_for_space(
    tmp_path: Path, disk: SmallDisk, nursery: Nursery
) -> None:
    stage = Stage(tmp_path / "meet", log=disk.path / "meet.db")
    disk.fill(but=7 * MB)
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        with Mat(stage.mat) as mat:
            async with anyio.create_task_group() as group:
                group.start_soon(mat.send, messages())
                await running.until(STALLED)
                group.cancel_scope.cancel()
            running.process.terminate()
            code = await running.gone()
    assert "Traceback" not in running.text
    assert code == 5, running.text
    assert call("verify", stage.folder).exit_code == 0
    sent = b"".join(messages())
    assert sent.startswith(stage.received())


async def test_results_that_find_the_meet_folders_disk_full_are_published_when_there_is_space(
    tmp_path: Path, disk: SmallDisk, nursery: Nursery
) -> None:
    stage = Stage(tmp_path / "meet", timedrops=disk.path / "timedrops")
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        await programs.conditions.until(stage.recorded("meet_program.json", "chips.csv"))
        disk.fill()
        await stage.swim()
        # The decision is durable, on the log's own disk; only the file waits.
        await programs.conditions.until(stage.has(RESULT_PUBLISHED))
        told = await running.until("to be written")
        assert "ALARM" in told
        assert "No space left on device" in told
        assert not list(stage.timedrops.glob("Session*"))
        disk.empty()
        await running.until("OVER")
        (published,) = stage.tail.of(RESULT_PUBLISHED)
        # What is over may be another file's alarm: each is written by itself.
        file = stage.timedrops / RESULT.format(1)
        await programs.conditions.until(file.exists)
        assert file.read_bytes() == published.body
        assert not list(stage.timedrops.glob(".meetlog*"))
        running.process.terminate()
        assert await running.gone() == 0, running.text
    assert call("verify", stage.folder).exit_code == 0


async def test_a_backup_that_does_not_fit_leaves_nothing(
    tmp_path: Path, disk: SmallDisk, nursery: Nursery
) -> None:
    stage = Stage(tmp_path / "meet")
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        mat = Mat(stage.mat)
        await mat.send(messages())
        await mat.leave()
        disk.fill(but=MB)
        copy = disk.path / "copy.db"
        refused = await programs.start(
            "-m", "meetlog", "backup", str(copy), "-m", str(stage.folder)
        )
        assert await refused.gone() == 5, refused.text
        assert str(disk.path) in refused.text  # the disk that is full, not that of the log
        assert "full" in refused.text
        assert [p.name for p in disk.path.iterdir()] == [".ballast"]
        disk.empty()
        made = await programs.start("-m", "meetlog", "backup", str(copy), "-m", str(stage.folder))
        assert await made.gone() == 0, made.text
    assert call("verify", copy).exit_code == 0
