"""The meet folder goes away under `meetlog run`, comes back, or is another one than before."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from store.event import FILE_REMOVED, RESULT_PUBLISHED
from tests.faults.disks import SmallDisk
from tests.faults.stage import RESULT, RUN, Stage
from tests.kit.nursery import Nursery
from tests.kit.programs import Program, programs_on
from tests.meetlog.calls import call

pytestmark = pytest.mark.anyio
AWAY = "cannot be listed"


async def away_and_back(
    stage: Stage,
    nursery: Nursery,
    take: Callable[[Program], Awaitable[None]],
    give_back: Callable[[], None],
) -> None:
    """Take the folder away before the heat is swum, and give it back after."""
    async with programs_on(stage.folder.parent, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        await programs.conditions.until(stage.recorded("meet_program.json", "chips.csv"))
        await take(running)
        await stage.swim()
        await programs.conditions.until(stage.has(RESULT_PUBLISHED))
        told = await running.until("to be written")
        assert "ALARM" in told
        give_back()
        result = stage.timedrops / RESULT.format(1)
        await programs.conditions.until(result.exists)
        await running.until(f"OVER the meet folder {stage.timedrops}")
        (published,) = stage.tail.of(RESULT_PUBLISHED)
        assert result.read_bytes() == published.body
        # It is watched as before.
        (stage.timedrops / "late.json").write_bytes(b"{}")
        await programs.conditions.until(stage.recorded("late.json"))
        assert not stage.tail.of(FILE_REMOVED)
        await stage.swim_better()
        await running.until(RESULT.format(2))
        running.process.terminate()
        assert await running.gone() == 0, running.text
    assert call("verify", stage.folder).exit_code == 0


async def test_a_folder_that_is_renamed_and_comes_back(tmp_path: Path, nursery: Nursery) -> None:
    stage = Stage(tmp_path / "meet")
    elsewhere = tmp_path / "elsewhere"

    async def take(running: Program) -> None:
        stage.timedrops.rename(elsewhere)
        told = await running.until(AWAY)
        assert "ALARM" in told
        assert str(stage.timedrops) in told

    await away_and_back(stage, nursery, take, lambda: _move(elsewhere, stage.timedrops))


async def test_a_file_in_the_place_of_the_folder(tmp_path: Path, nursery: Nursery) -> None:
    stage = Stage(tmp_path / "meet")
    elsewhere = tmp_path / "elsewhere"

    async def take(running: Program) -> None:
        stage.timedrops.rename(elsewhere)
        stage.timedrops.write_text("no folder")
        told = await running.until(f"{AWAY}: Not a directory")
        assert "ALARM" in told

    def give_back() -> None:
        stage.timedrops.unlink()
        elsewhere.rename(stage.timedrops)

    await away_and_back(stage, nursery, take, give_back)


async def test_a_disk_that_is_pulled_out_and_put_back(
    tmp_path: Path, disk: SmallDisk, nursery: Nursery
) -> None:
    stage = Stage(tmp_path / "meet", timedrops=disk.path / "timedrops")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    async def take(running: Program) -> None:
        disk.move(elsewhere)
        told = await running.until(AWAY)
        assert "ALARM" in told

    def give_back() -> None:
        SmallDisk(elsewhere, disk.megabytes).move(disk.path)

    await away_and_back(stage, nursery, take, give_back)


async def test_another_folder_in_its_place(tmp_path: Path, nursery: Nursery) -> None:
    stage = Stage(tmp_path / "meet")
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        await programs.conditions.until(stage.recorded("meet_program.json", "chips.csv"))
        await stage.swim()
        await running.until(RESULT.format(1))
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        (fresh / "other.json").write_bytes(b"{}")
        stage.timedrops.rename(tmp_path / "old")
        fresh.rename(stage.timedrops)
        # What is in it counts, and what is not in it is gone; what was published stays so.
        await programs.conditions.until(stage.recorded("other.json"))
        await programs.conditions.until(stage.has(FILE_REMOVED, 2))
        await stage.swim_better()
        await running.until(RESULT.format(2))
        assert (stage.timedrops / RESULT.format(2)).exists()
        running.process.terminate()
        assert await running.gone() == 0, running.text
        # What was published before is written again at the next start.
        assert call("verify", stage.folder).exit_code == 1
        again = await programs.start(*RUN, str(stage.folder))
        await again.until_up()
        assert (stage.timedrops / RESULT.format(1)).exists()
    assert call("verify", stage.folder).exit_code == 0


def _move(one: Path, to: Path) -> None:
    one.rename(to)
