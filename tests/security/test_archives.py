"""Capsules come from anybody: none writes beside its folder, fills the disk or the memory."""

import struct
import tracemalloc
import zipfile
from pathlib import Path

import msgspec
import pytest

from meetlog.capsule.format import (
    EVENTS,
    MANIFEST,
    MAX_POSITION,
    MAX_RECORD,
    CapsuleError,
    Manifest,
    open_capsule,
)
from meetlog.capsule.unpacking import open_into
from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet

SAID = Manifest(1, "0.1.0", "M", "UTC", 1, 1, "", "", "", "", 1, False, 1, 100, "")


def capsule(path: Path, events: bytes, **changes: object) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(EVENTS, events)
        archive.writestr(MANIFEST, msgspec.json.encode(msgspec.structs.replace(SAID, **changes)))
    return path


def refusal(path: Path) -> str:
    """Why it cannot be read; "" where it can."""
    try:
        with open_capsule(path) as (_, events):
            for _ in events:
                pass
    except CapsuleError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_an_event_too_large(tmp_path: Path, more: int) -> None:
    size = MAX_RECORD + more
    told = refusal(capsule(tmp_path / "c.zip", struct.pack(">I", size), bytes=2 * MAX_RECORD))
    assert ("is too large" in told) == (more > 0)
    assert ("stop in the middle" in told) == (more <= 0)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_span_that_would_fill_the_disk(tmp_path: Path, more: int) -> None:
    end = MAX_POSITION + more
    told = refusal(capsule(tmp_path / "c.zip", b"", begin=end, end=end, complete_from=end))
    assert ("contradicts itself" in told) == (more > 0)


def test_more_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    path = capsule(tmp_path / "c.zip", struct.pack(">I", 10_000_000) + bytes(200_000_000))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        told = refusal(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "longer than its manifest says" in told
    assert most < 5_000_000


@pytest.mark.parametrize(
    "name", ["../evil", "/evil-of-meetlog", "..\\evil", "C:evil", "meet.db/../../evil", "evil"]
)
def test_no_other_part_of_it_is_written_anywhere(
    ended: RecordedMeet, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "sent" / "c.zip"
    path.parent.mkdir()
    assert call("capsule", ended.folder, "--out", path).exit_code == 0
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"evil")
    into = tmp_path / "deep" / "into"
    into.parent.mkdir()
    assert open_into(path, into).carried > 0
    assert [each for each in tmp_path.rglob("*") if "evil" in each.name] == []
    assert not Path("/evil-of-meetlog").exists()
