"""The clock: what the systems' own programs say, in several languages, and what is made of it."""

import pytest

from meetlog.doctor.clock import (
    ClockFact,
    judge_clock,
    judge_zone,
    parse_timedatectl,
    parse_w32tm,
)
from meetlog.doctor.findings import System
from wire.stamps import HOUR, NS, parse_iso

JUNE = parse_iso("2026-06-14T09:00:00").wall
TIMEDATECTL = "Timezone=Europe/Berlin\nLocalRTC=no\nCanNTP=yes\nNTP=yes\nNTPSynchronized={}\n"
ENGLISH = """\
Leap Indicator: 0(no warning)
Stratum: 4 (secondary reference - syncd by (S)NTP)
Precision: -23 (119.209ns per tick)
Root Delay: 0.0287468s
ReferenceId: 0x287707E4 (source IP:  40.119.7.228)
Last Successful Sync Time: 6/14/2026 8:55:03 AM
Source: time.windows.com,0x9
Poll Interval: 15 (32768s)
"""
GERMAN = """\
Sprungindikator: 3(nicht synchronisiert)
Stratum: 0 (nicht angegeben)
Präzision: -23 (119.209ns pro Tick)
Quelle: Local CMOS Clock
Abrufintervall: 10 (1024s)
"""


def clock(system: System = "linux", **facts: object) -> ClockFact:
    known = {"now_ns": JUNE, "offset_ns": 2 * HOUR, "zone": "CEST", "synchronised": True} | facts
    return ClockFact(system, **known)  # type: ignore[arg-type]  # mypy joins the values' types


def test_what_the_systems_say_is_read() -> None:
    assert parse_timedatectl(TIMEDATECTL.format("yes")) is True
    assert parse_timedatectl(TIMEDATECTL.format("no")) is False
    assert parse_timedatectl("") is None
    assert parse_w32tm(ENGLISH) is True
    assert parse_w32tm(GERMAN) is False
    assert parse_w32tm(ENGLISH.replace("time.windows.com,0x9", "Local CMOS Clock")) is False
    assert parse_w32tm(ENGLISH.replace("Stratum: 4", "Stratum: 0")) is False
    assert parse_w32tm(ENGLISH.replace("Indicator: 0", "Indicator: 3")) is False
    assert parse_w32tm("The following error occurred: The service has not been started.") is None


@pytest.mark.parametrize("system", ["linux", "windows", "macos"])
@pytest.mark.parametrize("synchronised", [None, False])
def test_a_clock_that_nobody_sets_is_to_be_looked_at(system: System, synchronised: bool) -> None:
    (found,) = judge_clock(clock(system, synchronised=synchronised))
    assert found.verdict == "look"
    assert {"linux": "timedatectl", "windows": "w32tm", "macos": "Date & Time"}[
        system
    ] in found.remedy


def test_a_clock_that_was_set_back_is_wrong() -> None:
    assert [each.verdict for each in judge_clock(clock(newest_ns=JUNE))] == ["ok"]
    # What a run at work records while we look is a moment ahead.
    assert [each.verdict for each in judge_clock(clock(newest_ns=JUNE + NS // 2))] == ["ok"]
    _, back = judge_clock(clock(newest_ns=JUNE + 3 * HOUR))
    assert back.verdict == "wrong"
    assert "3 h in the future, at 2026-06-14 12:00:00 UTC" in back.text


def test_a_clock_of_years_ago_is_wrong() -> None:
    (found,) = judge_clock(clock(now_ns=parse_iso("2015-01-01T00:00:07").wall))
    assert found.verdict == "wrong"
    assert "2015-01-01 00:00:07" in found.text


def test_the_zone_is_compared_by_its_time() -> None:
    assert judge_zone(clock(), "Europe/Berlin").verdict == "ok"
    assert judge_zone(clock(), "Africa/Johannesburg").verdict == "ok"  # another name, the same time
    behind = judge_zone(clock(), "UTC")
    assert behind.verdict == "look"
    assert "UTC is 2 h 00 min behind this computer's (CEST)" in behind.text
    assert "3 h 30 min ahead of" in judge_zone(clock(), "Asia/Kolkata").text  # UTC+5:30
