"""The disk and the folder: kinds that lose writes, room, speeds, and what is measured for real."""

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import anyio
import pytest

from meetlog.doctor import measuring_disk
from meetlog.doctor.disk import (
    DiskFact,
    WritesFact,
    judge_place,
    judge_room,
    judge_writes,
    milliseconds,
    synced_by,
)
from meetlog.doctor.folder import FolderFact, judge_folder
from meetlog.doctor.measuring_disk import (
    measure_disk,
    measure_folder,
    measure_writes,
    nearest,
)
from meetlog.growth import forecast
from wire.stamps import NS

GB, MB = 1_000_000_000, 1_000_000
HERE = PurePosixPath("/home/ada/meets/summer/meet.db")


@pytest.mark.parametrize(
    ("kind", "remote", "verdict", "words"),
    [
        ("ext4", False, "ok", "ext4"),
        ("NTFS", False, "ok", "NTFS"),
        ("apfs", False, "ok", "apfs"),
        ("cifs", False, "wrong", "network drive"),
        ("nfs4", False, "wrong", "network drive"),
        ("NTFS", True, "wrong", "network drive"),
        ("tmpfs", False, "wrong", "in memory"),
        ("exFAT", False, "look", "no journal"),
        ("vfat", False, "look", "no journal"),
        ("", False, "look", "cannot be seen"),
    ],
)
def test_the_kind_of_disk_is_judged(kind: str, remote: bool, verdict: str, words: str) -> None:
    found = judge_place(DiskFact("/", 9 * GB, kind, remote), HERE)
    assert found.verdict == verdict
    assert words in found.text
    assert bool(found.remedy) == (verdict != "ok")


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (
            PureWindowsPath(r"C:\Users\Ada\OneDrive - Swim Club\meet\meet.db"),
            "OneDrive - Swim Club",
        ),
        (PureWindowsPath(r"C:\Users\Ada\OneDrive\meet\meet.db"), "OneDrive"),
        (PurePosixPath("/home/ada/Dropbox (Personal)/meet.db"), "Dropbox (Personal)"),
        (PurePosixPath("/Users/ada/Library/Mobile Documents/meet.db"), "Mobile Documents"),
        (PurePosixPath("/home/ada/boxes/meet.db"), ""),
        (PureWindowsPath(r"C:\meets\megapool\meet.db"), ""),
    ],
)
def test_folders_that_programs_carry_away_are_known(path: Any, part: str) -> None:
    assert synced_by(path) == part
    verdict = judge_place(DiskFact("/", 9 * GB, "NTFS"), path).verdict
    assert verdict == ("wrong" if part else "ok")


@pytest.mark.parametrize(
    ("free", "hourly", "verdict", "words"),
    [
        (100 * GB, None, "ok", "100.0 GB free"),
        (1 * GB, None, "look", "1.0 GB free"),
        (100 * MB, None, "wrong", "100.0 MB free"),
        (100 * GB, 10 * MB, "ok", "more than a year"),
        (100 * GB, 1 * GB, "ok", "room for 4 days"),
        (30 * GB, 1 * GB, "look", "room for 30 h"),
        (5 * GB, 1 * GB, "wrong", "room for 5 h"),
        (100 * MB, 1, "wrong", "100.0 MB free"),  # the system itself needs more
        (5 * GB, 0, "ok", "more than a year"),
    ],
)
def test_room_is_judged_with_and_without_a_pace(
    free: int, hourly: int | None, verdict: str, words: str
) -> None:
    growth = None if hourly is None else forecast(hourly, free)
    found = judge_room(DiskFact("/", free, "ext4"), growth)
    assert found.verdict == verdict
    assert words in found.text


def test_writes_that_are_too_fast_or_too_slow_are_told() -> None:
    def judged(*times: int) -> str:
        return judge_writes(WritesFact(times)).verdict

    assert judged(1_200_000, 900_000, 4_000_000) == "ok"
    assert judged(9_000, 12_000, 8_000) == "look"
    assert judged(80_000_000, 70_000_000, 90_000_000) == "look"
    assert judged(1_000_000, 1_000_000, 2_000_000_000) == "look"
    assert "too fast to be true" in judge_writes(WritesFact((9_000,))).text
    failed = judge_writes(WritesFact((), "No space left on device"))
    assert failed.verdict == "wrong"
    assert "No space left on device" in failed.text


def test_durations_are_told_without_false_digits() -> None:
    told = [milliseconds(ns) for ns in (9_999, 20_000, 999_999, 1_260_000, 9_990_000, 250_700_000)]
    assert told == ["0.00 ms", "0.02 ms", "0.99 ms", "1.2 ms", "9.9 ms", "250 ms"]


def test_a_folder_is_judged() -> None:
    path = "/meet/timedrops"
    cases = [
        (FolderFact(path, there=True, told_ns=50_000_000, listed=True), "ok", "after 50 ms"),
        (FolderFact(path, there=True, listed=True), "look", "did not tell"),
        (FolderFact(path, there=False), "look", "is not there"),
        (FolderFact(path, there=True, reason="Permission denied"), "wrong", "Permission denied"),
    ]
    for fact, verdict, words in cases:
        found = judge_folder(fact, 5 * NS)
        assert (found.verdict, words in found.text) == (verdict, True)
    assert "every 5s" in judge_folder(FolderFact(path, there=True, listed=True), 5 * NS).remedy


def test_writes_are_measured_and_the_probe_is_removed(tmp_path: Path) -> None:
    ticks = iter(range(0, 10**9, 700_000))
    fact = measure_writes(tmp_path / "not" / "there", clock=lambda: next(ticks))
    assert set(fact.times) == {700_000}
    assert list(tmp_path.iterdir()) == []
    assert measure_disk(tmp_path / "not" / "there").path == str(tmp_path)
    assert nearest(tmp_path / "a" / "b") == tmp_path


def test_a_probe_that_cannot_be_synced_is_removed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(measuring_disk, "_sync", fail)
    assert measure_writes(tmp_path) == WritesFact((), "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_watched_as_a_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring_disk, "TOLD_SECONDS", 60)  # the computer may be busy
    fact = anyio.run(measure_folder, tmp_path)
    assert fact.there
    assert fact.listed
    assert fact.told_ns is not None, fact.reason
    assert list(tmp_path.iterdir()) == []
    gone = anyio.run(measure_folder, tmp_path / "gone")
    assert not gone.there


def test_a_folder_whose_notifications_fail_is_listed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_root: Path, _changed: object) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(measuring_disk, "notifications", fail)
    monkeypatch.setattr(measuring_disk, "TOLD_SECONDS", 0)
    fact = anyio.run(measure_folder, tmp_path)
    assert (fact.listed, fact.told_ns) == (True, None)
    assert "watch limit" in fact.reason
