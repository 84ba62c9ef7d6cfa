"""The sink: a file is there whole or not at all, whatever fails; nobody else's is overwritten."""

import errno
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from exporters.errors import Collision, ExportError
from exporters.sink import TRIES, FolderSink

NAME = "Session67_Event_1_Heat1_Race1_1.json"
OLD, NEW = b"old\n", b"new, and longer\n"


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestWriting:
    def test_a_new_file(self, tmp_path: Path) -> None:
        sink = FolderSink(tmp_path)
        assert sink.read(NAME) is None
        sink.write(NAME, NEW)
        assert sink.read(NAME) == NEW
        assert names(tmp_path) == [NAME]

    def test_an_expected_content_is_replaced(self, tmp_path: Path) -> None:
        sink = FolderSink(tmp_path)
        sink.write(NAME, OLD)
        sink.write(NAME, NEW, expect={digest(OLD)})
        assert sink.read(NAME) == NEW

    def test_the_same_content_is_no_collision(self, tmp_path: Path) -> None:
        sink = FolderSink(tmp_path)
        sink.write(NAME, NEW)
        before = (tmp_path / NAME).stat()
        sink.write(NAME, NEW)
        assert (tmp_path / NAME).stat() == before

    def test_anything_else_is_left_alone(self, tmp_path: Path) -> None:
        sink = FolderSink(tmp_path)
        (tmp_path / NAME).write_bytes(b"theirs")
        with pytest.raises(Collision, match="not ours") as caught:
            sink.write(NAME, NEW, expect={digest(OLD)})
        assert caught.value.path == str(tmp_path / NAME)
        assert "another folder" in caught.value.hint
        assert (tmp_path / NAME).read_bytes() == b"theirs"
        assert names(tmp_path) == [NAME]

    def test_what_a_crash_left_is_written_over(self, tmp_path: Path) -> None:
        (tmp_path / f".meetlog-{NAME}.tmp").write_bytes(NEW * 100)
        FolderSink(tmp_path).write(NAME, NEW)
        assert (tmp_path / NAME).read_bytes() == NEW
        assert names(tmp_path) == [NAME]

    @pytest.mark.parametrize(
        "name",
        ["", ".", "..", "../up.json", "a/b.json", "a\\b.json", "c:x.json", ".hidden", "x\0y", "x.",
         "*.json"],
    )  # fmt: skip
    def test_names_stay_in_the_folder(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / "meet"
        folder.mkdir()
        sink = FolderSink(folder)
        with pytest.raises(ExportError, match="not the plain name of a file"):
            sink.write(name, NEW)
        with pytest.raises(ExportError, match="not the plain name of a file"):
            sink.read(name)
        assert names(tmp_path) == ["meet"]
        assert names(folder) == []


class TestFaults:
    @pytest.mark.parametrize("there", [None, OLD])
    @pytest.mark.parametrize("step", ["open", "write", "fsync", "replace", "fsync folder"])
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
    def test_leave_the_old_or_the_new(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        there: bytes | None,
        step: str,
        code: int,
    ) -> None:
        sink = FolderSink(tmp_path, wait=lambda _: None)
        if there is not None:
            sink.write(NAME, there)
        with monkeypatch.context() as patched:
            inject(patched, step, OSError(code, os.strerror(code)))
            with pytest.raises(ExportError) as caught:
                sink.write(NAME, NEW, expect={digest(OLD)})
        assert caught.value.operation == "writing"
        assert caught.value.cause == os.strerror(code)
        assert caught.value.hint
        assert isinstance(caught.value.__cause__, OSError)
        assert sink.read(NAME) == (NEW if step == "fsync folder" else there)
        assert names(tmp_path) == ([] if sink.read(NAME) is None else [NAME]), (
            "nothing is left over"
        )
        sink.write(NAME, NEW, expect={digest(OLD)})
        assert sink.read(NAME) == NEW

    def test_a_folder_that_is_gone(self, tmp_path: Path) -> None:
        sink = FolderSink(tmp_path / "away")
        with pytest.raises(ExportError) as caught:
            sink.write(NAME, NEW)
        assert "meet.toml" in caught.value.hint

    def test_something_unreadable_in_the_place(self, tmp_path: Path) -> None:
        (tmp_path / NAME).mkdir()
        with pytest.raises(ExportError, match="reading"):
            FolderSink(tmp_path).write(NAME, NEW)

    @pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="Windows has no such links")
    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_bytes(OLD)
        folder = tmp_path / "meet"
        folder.mkdir()
        (folder / NAME).symlink_to(secret)
        (folder / f".meetlog-other{NAME}.tmp").symlink_to(secret)
        with pytest.raises(ExportError, match="reading"):
            FolderSink(folder).write(NAME, NEW, expect={digest(OLD)})
        with pytest.raises(ExportError, match="writing"):
            FolderSink(folder).write(f"other{NAME}", NEW)
        assert secret.read_bytes() == OLD

    def test_a_share_that_cannot_sync_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inject(monkeypatch, "fsync folder", OSError(errno.EINVAL, "no"))
        FolderSink(tmp_path).write(NAME, NEW)
        assert (tmp_path / NAME).read_bytes() == NEW


class TestSharing:
    """Windows refuses to replace a file that somebody has open."""

    def held(self, monkeypatch: pytest.MonkeyPatch, times: int, winerror: int = 32) -> None:
        replace = os.replace
        left = [times]

        def held(*paths: Any) -> None:
            if left[0]:
                left[0] -= 1
                error = PermissionError(errno.EACCES, "in use")
                error.winerror = winerror  # type: ignore[attr-defined]  # only Windows has it itself
                raise error
            replace(*paths)

        monkeypatch.setattr("exporters.sink.os.replace", held)

    def test_it_is_tried_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held(monkeypatch, TRIES - 1)
        waits: list[float] = []
        FolderSink(tmp_path, wait=waits.append).write(NAME, NEW)
        assert (tmp_path / NAME).read_bytes() == NEW
        assert len(waits) == TRIES - 1

    def test_but_not_for_ever(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held(monkeypatch, TRIES)
        with pytest.raises(ExportError, match="in use") as caught:
            FolderSink(tmp_path, wait=lambda _: None).write(NAME, NEW)
        assert "another program" in caught.value.hint
        assert names(tmp_path) == []

    def test_other_refusals_are_told_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.held(monkeypatch, 1, winerror=19)
        waits: list[float] = []
        with pytest.raises(ExportError):
            FolderSink(tmp_path, wait=waits.append).write(NAME, NEW)
        assert waits == []


def inject(patched: pytest.MonkeyPatch, step: str, error: OSError) -> None:
    """Let the step of writing fail once it is reached."""
    opened, synced = os.open, os.fsync
    syncs = [0]

    def open_(path: Any, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT:
            raise error
        return opened(path, flags, *rest)

    def fsync(descriptor: int) -> None:
        syncs[0] += 1
        if step == "fsync" or syncs[0] == 2 or not hasattr(os, "O_DIRECTORY"):
            raise error
        synced(descriptor)

    def fail(*_: object) -> None:
        raise error

    faults: dict[str, tuple[str, Callable[..., Any]]] = {
        "open": ("os.open", open_),
        "write": ("_write_synced", half_written(error)),
        "fsync": ("os.fsync", fsync),
        "replace": ("os.replace", fail),
        "fsync folder": ("os.fsync", fsync),
    }
    name, fault = faults[step]
    patched.setattr(f"exporters.sink.{name}", fault)


def half_written(error: OSError) -> Callable[[Path, bytes], None]:
    def write(path: Path, data: bytes) -> None:
        path.write_bytes(data[: len(data) // 2])
        raise error

    return write
