"""The clock of a rehearsal: speed, stamps, and a beginning that players share."""

from fractions import Fraction
from zoneinfo import ZoneInfo

import anyio
import pytest

from meetlog.simulate.script import Detection
from meetlog.simulate.timing import Timing, iso_at, offset_at
from tests.kit.rehearsal_clock import BASE, FakeTime
from wire.reads import ReadKind
from wire.stamps import NS, parse_iso

pytestmark = pytest.mark.anyio


async def test_the_script_runs_at_its_speed_and_ends_now() -> None:
    fake = FakeTime()
    clock = Timing(Fraction(4), now=fake.now, monotonic=fake.monotonic, sleep=fake.sleep)
    await clock.begin(60 * NS)
    await clock.until(60 * NS)
    assert fake.ns == 15 * NS
    # The last read is stamped with the moment at which it is sent.
    assert clock.base + 60 * NS == fake.now()


async def test_stamps_are_local_and_utc_with_all_their_digits() -> None:
    clock = Timing(None, base=BASE, zone=ZoneInfo("Europe/Berlin"))
    read = clock.read(Detection("A", "7", 1_234_567_800, ReadKind.BEST_SEEN, "R", 2, -50))
    assert read.utc_moment == "2026-04-22T09:15:43.3545678Z"
    assert read.moment == "2026-04-22T11:15:43.3545678Z"
    assert offset_at(BASE, ZoneInfo("Asia/Kolkata")) == 19_800
    stamp = iso_at(BASE, ZoneInfo("America/St_Johns"))
    assert stamp == "2026-04-22T06:45:42.120-02:30"
    assert parse_iso(stamp).offset == -9000


async def test_several_players_share_one_beginning() -> None:
    fake = FakeTime()
    clock = Timing(None, parties=2, now=fake.now, monotonic=fake.monotonic, sleep=fake.sleep)
    with pytest.raises(ValueError, match="not begun"):
        _ = clock.base
    async with anyio.create_task_group() as group:
        group.start_soon(clock.begin, 10 * NS)
        group.start_soon(clock.begin, 30 * NS)
        await clock.begun()
    assert clock.base == BASE - 30 * NS
