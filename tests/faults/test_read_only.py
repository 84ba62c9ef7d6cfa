"""A log that may not be written: recording says so, and all that only read it work."""

from pathlib import Path

import pytest

from tests.faults.disks import SmallDisk
from tests.faults.stage import RUN, Stage
from tests.kit.nursery import Nursery
from tests.kit.programs import programs_on
from tests.meetlog.calls import call

pytestmark = pytest.mark.anyio
READING = (
    ("status", "-m"), ("sources", "-m"), ("relays", "-m"), ("crossings", "-m"), ("results", "-m"),
    ("revisions", "-m"), ("quarantine", "-m"), ("history", "-m"), ("events", "-m"),
    ("verify",), ("seal",), ("audit", "1/1/1", "-m"), ("explain", "1/1/1", "1", "-m"),
)  # fmt: skip


@pytest.mark.parametrize("ended", ["stopped", "killed"])
async def test_a_log_on_a_read_only_disk(
    tmp_path: Path, disk: SmallDisk, nursery: Nursery, ended: str
) -> None:
    stage = Stage(tmp_path / "meet", log=disk.path / "meet.db")
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        await programs.conditions.until(stage.recorded("meet_program.json", "chips.csv"))
        await stage.swim()
        await running.until("published")
        stage.tail.close()
        if ended == "stopped":
            running.process.terminate()
            assert await running.gone() == 0, running.text
        else:
            await running.kill()
        before = {p.name: p.read_bytes() for p in disk.path.iterdir()}
        disk.remount("ro")
        try:
            refused = await programs.start(*RUN, str(stage.folder))
            assert await refused.gone() in (5, 7), refused.text
            assert "Traceback" not in refused.text
            assert str(stage.log) in refused.text
            assert "read-only" in refused.text.lower()
            for command in READING:
                told = call(*command, stage.folder)
                assert told.exit_code == 0, (command, told.output)
            copy = tmp_path / "copy.db"
            assert call("backup", copy, "-m", stage.folder).exit_code == 0
        finally:
            disk.remount("rw")
        assert {p.name: p.read_bytes() for p in disk.path.iterdir()} == before
        again = await programs.start(*RUN, str(stage.folder))
        await again.until_up()
