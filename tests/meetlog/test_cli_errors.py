"""How the program ends when something is wrong, and how a meet begins."""

from pathlib import Path

import pytest

from meetlog import __version__
from tests.meetlog.calls import call, program
from wire import chips
from wire.settings_file import parse


def test_init_makes_a_meet_that_works(tmp_path: Path) -> None:
    folder = tmp_path / "my meet"
    result = call("init", folder)
    assert result.exit_code == 0, result.output
    assert f'meetlog run --meet "{folder}"' in result.stdout
    settings = parse((folder / "meet.toml").read_bytes())
    table = folder / settings.folder.path / settings.folder.chips
    assert chips.parse(table.name, table.read_bytes()).warnings == ()
    again = call("init", folder)
    assert again.exit_code == 8
    assert "meet.toml is there already" in again.stderr


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Folders where something is not as it should be."""
    wrong, fresh = tmp_path / "wrong", tmp_path / "fresh"
    for folder, toml in ((wrong, '[meet]\nzone = "Atlantis"\ncolour = 1\n'), (fresh, "")):
        folder.mkdir()
        (folder / "meet.toml").write_text(toml)
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir")
    return {
        "EMPTY": tmp_path, "WRONG": wrong, "FRESH": fresh, "LETTER": letter,
        "NOTHING": tmp_path / "nothing.db",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "words", "line"),
    [
        (3, "meetlog init", "status -m EMPTY"),
        (3, "line 3", "status -m WRONG"),
        (3, "line 2", "run -m WRONG"),
        (5, "no log at", "status -m FRESH"),
        (5, "no log at", "rebuild -m FRESH"),
        (5, "no log at", "verify NOTHING"),
        (4, "not a", "verify LETTER"),
        (7, "letter.txt", "init LETTER"),
        (2, "No such command", "crosing"),
        (2, "EVENT/HEAT", "results -m FRESH --race 4A"),
        (2, "--follow", "events -m FRESH --follow --json"),
        (2, "", ""),
    ],
)
def test_errors_end_with_a_message_and_a_code(
    places: dict[str, Path], code: int, words: str, line: str
) -> None:
    result = call(*(places.get(word, word) for word in line.split()))
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert not list(places["EMPTY"].rglob("*.db"))


def test_the_program_reports_errors_without_a_traceback(tmp_path: Path) -> None:
    told = program("verify", tmp_path / "nothing.db")
    assert told.returncode == 5
    assert told.stdout == b""
    assert told.stderr.decode().startswith("meetlog: there is no log at")


def test_version() -> None:
    assert call("--version").stdout.strip() == f"meetlog {__version__}"
