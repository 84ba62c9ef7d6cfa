"""Every command of docs/fieldguide.md runs, in the order of the page, on a meet of its own."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from meetlog.cli import make_app
from meetlog.exits import Exit
from meetlog.statement_reports import HistoryEntry
from tests.meetlog.calls import ROOT, ask, call
from tests.meetlog.meets import swum

PAGE = (ROOT / "docs" / "fieldguide.md").read_text(encoding="utf-8")
# Where the page speaks of session 1, event 1, the meet of the tests has another.
RACES = {"1/1/1": "67/4A/1", "1/1/2": "67/4A/2"}


def commands() -> list[str]:
    """The commands of the page, those in blocks and those within its tables."""
    found = re.findall(r"^meetlog .*$|`(?=meetlog )[^`]*`", PAGE, re.MULTILINE)
    return [each.strip("`") for each in found]


def words_of(command: str) -> list[str]:
    """The arguments: a quoted one is one."""
    words = re.findall(r'"([^"]*)"|(\S+)', command.removeprefix("meetlog "))
    return [RACES.get(quoted or bare, quoted or bare) for quoted, bare in words]


def run_and_stop(words: list[str]) -> None:
    """`run` in a process of its own, stopped as a service manager does once it has said a word."""
    code = "from meetlog.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.terminate()
        said = process.stdout.read()
        assert process.wait(60) == 0
    assert said.splitlines()[-1].endswith("stopped; everything that arrived is recorded")


def newest_statement() -> int:
    """The position of what was said last."""
    said = ask(HistoryEntry, "history", "--meet", "summer-open").items
    position: int = said[-1].position
    return position


def test_the_page_has_what_a_day_needs() -> None:
    told = [each.split()[1] for each in commands()]
    assert len(told) > 25
    assert {"doctor", "run", "status", "recall", "explain", "dq", "restore", "seal"} <= set(told)
    house: Any = get_command(make_app())
    assert set(told) <= set(house.list_commands(None))


def test_one_line_of_the_page_fits_a_printed_page() -> None:
    text = [line for line in PAGE.splitlines() if not line.startswith("|")]
    assert max(map(len, text)) <= 104
    assert len(PAGE.splitlines()) < 200


def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meet = swum(tmp_path / "summer-open")
    meet.end()
    monkeypatch.chdir(tmp_path)
    for command in commands():
        words = words_of(command)
        if words[0] == "run":
            run_and_stop(words)
            continue
        if words[0] == "withdraw":
            words[1] = str(newest_statement())
        result = call(*words)
        # Whether the computer of the tests is ready for a meet is its own affair.
        allowed = (Exit.OK, Exit.DIFFERS) if words[0] == "doctor" else (Exit.OK,)
        assert result.exit_code in allowed, f"{command}\n{result.output}"
    assert (tmp_path / "protest.html").is_file()
    assert (tmp_path / "summer-open-2" / "meet.toml").is_file()
