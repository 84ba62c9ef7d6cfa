"""Finding and reading a meet's settings file."""

from pathlib import Path

import pytest

from meetlog.settings import FILE_NAME, TEMPLATE, MeetError, load
from wire.settings import Settings


def test_a_folder_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    file.write_text(TEMPLATE, encoding="utf-8", newline="\n")
    assert load(tmp_path) == load(file) == (Settings(), TEMPLATE.encode())


def test_the_meet_folder_is_not_taken_for_the_meet(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(TEMPLATE, encoding="utf-8")
    inside = tmp_path / "timedrops"
    inside.mkdir()
    with pytest.raises(MeetError) as caught:
        load(inside)
    assert str(caught.value).endswith(f"there is a meet in {tmp_path}. "
                                      f"Name that one: --meet {tmp_path}")  # fmt: skip


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / FILE_NAME):
        with pytest.raises(MeetError) as caught:
            load(path)
        assert str(caught.value).startswith(f"There is no {tmp_path / FILE_NAME}.")
        assert str(caught.value).endswith(f"meetlog init {tmp_path}")


def test_every_mistake_is_listed(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"[meet]\nzone = 'Mars'\nnam = 'x'\n")
    with pytest.raises(MeetError) as caught:
        load(tmp_path)
    title, *lines = str(caught.value).splitlines()
    assert title.endswith("meet.toml has 2 mistakes; nothing was started:")
    assert [line[:8] for line in lines] == ["  line 2", "  line 3"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(MeetError, match="cannot be read"):
        load(tmp_path / "x" / "y")
