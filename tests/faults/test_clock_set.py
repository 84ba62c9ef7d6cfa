"""The computer's clock is set back, forward and by a day while a meet is recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic_ns

import pytest

from ingest.notices import NoticeBoard
from meetlog.clockwatch import AHEAD, SET, ClockWatch
from meetlog.doctor.clock import ClockFact, judge_clock
from meetlog.edges import Edges
from meetlog.house import Ears, House, open_house
from store.event import EMPTY_HEAD, SOCKET_READ, Head
from tests.faults.stage import Stage
from tests.meetlog.calls import call
from tests.whole.peers import Heard
from wire.settings_file import parse
from wire.stamps import DAY, HOUR, NS

MORNING = 1_781_427_600 * NS  # 2026-06-14T09:00:00 UTC


class Laptop:
    """A clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.set_by = 0
        self.passed = 0
        self._begun = monotonic_ns()
        self.edges = Edges(
            wall=lambda: MORNING + self.steady() + self.set_by, monotonic=self.steady
        )

    def steady(self) -> int:
        """What has passed, ns; `passed` is added to what really has."""
        return monotonic_ns() - self._begun + self.passed


@asynccontextmanager
async def recording(stage: Stage, laptop: Laptop, heard: Heard) -> AsyncIterator[House]:
    body = (stage.folder / "meet.toml").read_bytes()
    ears = Ears(notice=heard.hear)
    async with open_house(stage.folder, parse(body), body, ears, edges=laptop.edges) as house:
        yield house
        assert house.failure is None


@pytest.mark.anyio
@pytest.mark.parametrize("by", [-HOUR, -DAY, DAY], ids=["-1h", "-1d", "+1d"])
async def test_a_clock_that_is_set_is_told_and_changes_no_result(tmp_path: Path, by: int) -> None:
    stage, laptop, heard = Stage(tmp_path / "meet"), Laptop(), Heard()
    async with recording(stage, laptop, heard):
        await stage.swim()
        laptop.passed += NS
        laptop.set_by = by
        notice = await heard.until(SET)
        assert notice.severity == "warning"
        words = f"set {'back' if by < 0 else 'forward'} by"
        assert words in notice.text
        assert "order of what is recorded stays right" in notice.hint
        await stage.swim_better()
        if by < 0:
            notice = await heard.until(AHEAD)
            assert "2026-06-14T09:0" in notice.text
            assert "everything is recorded as of then" in notice.text
        laptop.set_by = 0
        laptop.passed += 2 * NS
        await heard.until(SET, over=True)
        if by < 0:
            await heard.until(AHEAD, over=True)
        await stage.swim_better(31_430)
    events = stage.events()
    assert [e.recorded_at for e in events] == sorted(e.recorded_at for e in events)
    assert sum(e.kind == SOCKET_READ and e.source == "mat" for e in events) >= 4
    assert call("verify", stage.folder).exit_code == 0
    (race,) = stage.tail.refresh().races()
    assert [lane.time_cs for lane in race.lanes] == [3012, 3143]
    for command in ("status", "sources", "results", "crossings", "revisions", "events"):
        told = call(command, "-m", stage.folder)
        assert told.exit_code == 0, told.output
    stage.tail.close()


@pytest.mark.anyio
async def test_a_log_of_tomorrow_is_told_from_the_first_moment(tmp_path: Path) -> None:
    stage, laptop, heard = Stage(tmp_path / "meet"), Laptop(), Heard()
    laptop.set_by = DAY
    async with recording(stage, laptop, heard):
        await stage.swim()
    laptop.set_by = 0  # somebody noticed
    async with recording(stage, laptop, heard):
        notice = await heard.until(AHEAD)
        assert "2026-06-15T09:0" in notice.text
        assert not any(n.key == SET for n, _ in heard.said)
        await stage.swim_better()
    events = stage.events()
    assert [e.recorded_at for e in events] == sorted(e.recorded_at for e in events)
    assert call("verify", stage.folder).exit_code == 0
    fact = ClockFact("linux", MORNING, 0, "UTC", True, events[-1].recorded_at)
    assert any("set back" in found.text for found in judge_clock(fact))


def test_small_steps_of_a_time_server_and_the_same_words_are_not_told_again() -> None:
    laptop = Laptop()
    told: list[tuple[str, bool]] = []
    board = NoticeBoard(lambda notice, over: told.append((notice.key, over)))
    watch = ClockWatch(board, laptop.edges.wall, laptop.steady, EMPTY_HEAD.recorded_at)
    for ms in (0, 900, -900, 4_000):
        laptop.set_by = ms * NS // 1000
        watch.recorded(Head(1, bytes(32), laptop.edges.wall()))
        watch.look()
    assert told == []
    for ms in (90_000, 90_400, 89_800, 95_000):
        laptop.set_by = ms * NS // 1000
        watch.look()
    assert told == [(SET, False), (SET, False)]
    laptop.set_by = 0
    laptop.passed += 5 * NS
    watch.look()
    assert told[2:] == [(SET, True)]
