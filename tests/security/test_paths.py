"""No name that others choose leads out of the folder it belongs in, on any system."""

import json
import re
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.errors import ExportError
from exporters.sink import FolderSink
from ingest.disk import list_folder
from ingest.recorder import SETTINGS_PATH, SETTINGS_SOURCE, file_draft
from meetlog.exits import Refused
from meetlog.safekeeping import place_for
from store.sqlite import SqliteLog
from tests.meetlog.calls import call
from tests.meetlog.meets import RecordedMeet
from wire.errors import WireError
from wire.timedrops import result_name

# What a name may be made of to lead elsewhere, to a device, or to a hidden stream of a file.
ODD = ["..", "/", "\\", ":", "CON", "NUL", "COM1", ".", " ", "*", "?", '"', "<", "|", "\0", "\n",
       "~", "%2e%2e%2f", "%5C", "\u202e", "\uff0f", "a"]  # fmt: skip
NASTY = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(ODD), max_size=8).map("".join))
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


@given(NASTY, NASTY, st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_result_file_is_a_plain_name_whatever_the_program_says(
    session: str, event: str, heat: int, race: int, revision: int
) -> None:
    try:
        name = result_name(session, event, heat, race, revision)
    except WireError:
        return
    assert re.fullmatch(r"[A-Za-z0-9._~%-]+\.json", name), name
    assert len(name) < 255
    assert PureWindowsPath(name).name == PurePosixPath(name).name == name
    assert not RESERVED.fullmatch(name)
    assert FolderSink("/meet")._inside(name) == Path("/meet") / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x.json", "/etc/x.json", "a/b.json", "a\\b.json", "C:x.json", "x.json:ads",
     "x.json.", "x.json ", ".x.json", "x\0.json", "x\n.json", "\\\\share\\x.json"],
)  # fmt: skip
def test_nothing_else_is_written_or_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "timedrops"
    folder.mkdir()
    sink = FolderSink(folder)
    with pytest.raises(ExportError):
        sink.write(name, b"evil")
    with pytest.raises(ExportError):
        sink.read(name)
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_link_in_the_folder_is_neither_read_nor_written_through(tmp_path: Path) -> None:
    folder, secret = tmp_path / "timedrops", tmp_path / "secret"
    folder.mkdir()
    secret.write_bytes(b"secret")
    (folder / "x.json").symlink_to(secret)
    (folder / "way").symlink_to(tmp_path, target_is_directory=True)
    listing = list_folder(folder)
    assert (listing.files, listing.links) == ({}, ("way", "x.json"))
    with pytest.raises(ExportError):
        FolderSink(folder).write("x.json", b"ours")
    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize("path", ["../elsewhere.db", "/elsewhere.db", "a/../../elsewhere.db"])
def test_a_backup_is_not_restored_to_where_its_settings_say(tmp_path: Path, path: str) -> None:
    body = f"[log]\npath = {json.dumps(path)}\n".encode()
    with closing(SqliteLog(tmp_path / "copy.db")) as log:
        log.append([file_draft(SETTINGS_SOURCE, SETTINGS_PATH, body, 1)])
    with pytest.raises(Refused, match="outside the meet's folder"):
        place_for(tmp_path / "copy.db", tmp_path / "into")
    into = tmp_path / "deep" / "into"
    told = call("restore", tmp_path / "copy.db", "--into", into)
    assert told.exit_code != 0
    assert [each.name for each in tmp_path.rglob("*.db")] == ["copy.db"]


def test_a_replay_writes_into_its_folder_only(ended: RecordedMeet, tmp_path: Path) -> None:
    into = tmp_path / "into"
    before = set(tmp_path.rglob("*"))
    assert call("replay", ended.folder, "--into", into).exit_code in (0, 1)
    made = set(tmp_path.rglob("*")) - before
    beside = {ended.folder / "meet.db-wal", ended.folder / "meet.db-shm"}  # SQLite's, for readers
    assert any(each.suffix == ".json" for each in made)
    assert all(each.is_relative_to(into) for each in made - beside)
