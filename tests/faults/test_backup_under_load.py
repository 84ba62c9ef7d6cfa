"""A backup while much arrives: whole, a beginning of the log, and a log to go on with elsewhere."""

import signal
from pathlib import Path

import anyio
import anyio.abc
import pytest

from meetlog.simulate.ctp01_player import Behaviour, tsconnector_ctp01
from meetlog.simulate.report import Report
from meetlog.simulate.script import Act, Detection
from store.event import SOCKET_READ
from store.sqlite import SqliteLog
from store.verify import verify
from tests.faults.stage import RUN, Stage
from tests.kit.nursery import Nursery
from tests.kit.programs import Program, Programs, programs_on
from tests.kit.stepped import Stepped, in_step
from tests.meetlog.calls import call
from tests.whole.test_bad_input import MORNING
from tests.whole.test_full_disk import Mat
from wire.ctp01_client import ClientOptions
from wire.reads import RawRead
from wire.stamps import NS, format_iso
from wire.tsv2 import encode

pytestmark = pytest.mark.anyio
BATCH = 50
READS = 20_000


def messages() -> list[bytes]:
    """Reads of nobody, as many as arrive in some seconds of a mass start."""
    reads = [
        RawRead(str(1000 + n % 500), format_iso(MORNING + n * NS // 100), "Elsewhere")
        for n in range(READS)
    ]
    return [encode(reads[at : at + BATCH]) for at in range(0, READS, BATCH)]


def lines(step: int, count: int) -> list[Act]:
    """Lines of CTP01, let loose in a step."""
    reads = [
        Act(0, Detection("Finish", str(9000 + 1000 * step + n), (1000 * step + n) * NS))
        for n in range(count)
    ]
    return in_step(step, reads)


async def controller(
    clock: Stepped,
    acts: list[Act],
    port: int,
    *,
    task_status: anyio.abc.TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """A timing system that keeps its lines, and sends them from where it is asked to."""
    behaviour = Behaviour(ClientOptions(connection_id="keeps-its-lines"), stay=True)
    await tsconnector_ctp01(acts, clock, Report(), behaviour, port=port, task_status=task_status)


async def test_a_backup_under_load_is_a_beginning_of_the_log_and_goes_on_elsewhere(
    tmp_path: Path, nursery: Nursery
) -> None:
    stage, copy = Stage(tmp_path / "meet"), tmp_path / "copy.db"
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        mat = Mat(stage.mat)
        up = [running]
        clock = Stepped(MORNING, programs.conditions, lambda: up[0].says("listens on"))
        async with anyio.create_task_group() as group:
            await group.start(controller, clock, lines(0, 40) + lines(1, 40), stage.lines)
            clock.release(0)
            pieces = messages()
            group.start_soon(mat.send, pieces)
            await programs.conditions.until(stage.has(SOCKET_READ, 20))
            made = await backup(programs, stage, copy)
            assert await made.gone() == 0, made.text
            clock.release(1)
            assert await _has_lines(programs, stage, 80)
            await mat.leave()

            # Elsewhere, of the copy: what it has is a beginning, and it goes on with that.
            log = SqliteLog(copy, read_only=True)
            assert verify(log).ok
            known = log.read(0, 1_000_000)
            log.close()
            events = stage.events()
            assert events[: len(known)] == known
            assert 20 < len(known) < len(events)
            await running.kill()
            stage.tail.close()
            other = Stage(tmp_path / "other")
            toml = (
                (stage.folder / "meet.toml")
                .read_text()
                .replace(str(stage.folder), str(other.folder))
            )
            (other.folder / "meet.toml").write_text(toml)
            restored = call("restore", copy, "--into", other.folder)
            assert restored.exit_code == 0, restored.output
            up[0] = await programs.start(*RUN, str(other.folder))
            programs.conditions.look()
            # The controller is asked for what the copy has not, and for no more than that.
            assert await _has_lines(programs, other, 80)
            group.cancel_scope.cancel()
        assert other.events()[: len(known)] == known
        source = next(s for s in other.tail.refresh().sources() if s.source == "lines")
        # Where to go on is told by the last line that is known, which comes once more.
        assert (source.new, source.known) == (80, 1)
        up[0].process.terminate()
        assert await up[0].gone() == 0, up[0].text
    other.tail.close()
    assert call("verify", other.folder).exit_code == 0


async def backup(programs: Programs, stage: Stage, copy: Path) -> Program:
    return await programs.start("-m", "meetlog", "backup", str(copy), "-m", str(stage.folder))


async def _has_lines(programs: Programs, stage: Stage, count: int) -> bool:
    def has() -> bool:
        found = (s for s in stage.tail.refresh().sources() if s.source == "lines")
        return sum(source.new for source in found) >= count

    await programs.conditions.until(has)
    return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_backup_that_is_ended_half_way_leaves_nothing_that_looks_like_one(
    tmp_path: Path, nursery: Nursery, number: signal.Signals
) -> None:
    stage = Stage(tmp_path / "meet")
    (tmp_path / "copies").mkdir()
    copy = tmp_path / "copies" / "copy.db"
    async with programs_on(tmp_path, nursery.start) as programs:
        running = await programs.start(*RUN, str(stage.folder))
        await running.until_up()
        mat = Mat(stage.mat)
        await mat.send(messages())
        await mat.leave()
        half = await backup(programs, stage, copy)
        await programs.conditions.until(lambda: any(copy.parent.iterdir()))
        half.process.send_signal(number)
        await half.gone()
        if half.process.returncode != 0:  # it was not through before the signal came
            assert not copy.exists()
            left = [p.name for p in copy.parent.iterdir()]
            assert all(name.startswith(".copy.db.") for name in left), left
            assert number == signal.SIGKILL or not left, half.text
        # What is left is in nobody's way.
        copy.unlink(missing_ok=True)
        made = await backup(programs, stage, copy)
        assert await made.gone() == 0, made.text
        assert running.process.returncode is None
    assert call("verify", copy).exit_code == 0
