"""The examples: settings that are right, queries that run on a log, a service that starts."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from meetlog.cli import make_app
from store.sqlite import SqliteLog
from wire.settings_file import parse

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["pool.toml", "road.toml"])
def test_the_settings_have_no_mistake(name: str) -> None:
    settings = parse((EXAMPLES / name).read_bytes())
    assert settings.sources
    assert settings.relays
    assert settings.courses[0].legs[-1].point == "Finish"


def test_the_queries_run_on_an_empty_log(tmp_path: Path) -> None:
    SqliteLog(tmp_path / "meet.db").close()
    with closing(sqlite3.connect(tmp_path / "meet.db")) as connection:
        queries = (EXAMPLES / "queries.sql").read_text(encoding="utf-8").split(";")
        ran = [connection.execute(query).fetchall() for query in queries if query.strip()]
    assert ran == [[]] * 5


def test_the_service_is_understood_by_systemd(tmp_path: Path) -> None:
    """With the placeholders filled in, as the file says; the program and the user are ours."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        told = "this system has no systemd-analyze"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    text = (EXAMPLES / "meetlog.service").read_text(encoding="utf-8")
    text = text.replace("/opt/meetlog/.venv/bin/meetlog", sys.executable)
    text = text.replace("/srv/meets/summer-open", str(tmp_path))
    (tmp_path / "meetlog.service").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / "meetlog.service")],
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "meetlog.service" in line]
    assert (done.returncode, ours) == (0, [])


def test_the_service_runs_a_command_that_there_is() -> None:
    text = (EXAMPLES / "meetlog.service").read_text(encoding="utf-8")
    (line,) = (x for x in text.splitlines() if x.startswith("ExecStart="))
    command: Any = get_command(make_app())
    words = line.partition("bin/meetlog ")[2].split()
    with command.make_context("meetlog", words) as context:
        name, run, rest = command.resolve_command(context, words)
    assert name == "run"
    run.make_context(name, rest)
