"""Asked to stop while it is still loading, the program says so and leaves in good order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.programs import ROOT

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows sends no signal to another process"
)
# The program gets the signal at the moment when it is about to load the module that is named.
_AT = """
import os, runpy, signal, sys
at = sys.argv.pop(1)
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == at:
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, Finder)
runpy.run_module("meetlog", run_name="__main__", alter_sys=True)
"""
# From the first of the program's own to the one that the event loop itself loads.
MODULES = ["meetlog.cli", "typer", "meetlog.run", "sqlalchemy", "anyio._backends._asyncio"]


def stopped_at(module: str, *args: str) -> "subprocess.CompletedProcess[str]":
    """The program with these arguments, asked to stop when it is about to load a module."""
    return subprocess.run(
        [sys.executable, "-c", _AT, module, *args],
        capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_a_run_that_is_still_loading_stops_cleanly(tmp_path: Path, module: str) -> None:
    (tmp_path / "meet.toml").write_text("[console]\nenabled = false\n")
    told = stopped_at(module, "run", "--plain", "-m", str(tmp_path))
    assert (told.returncode, told.stdout) == (0, "")
    assert told.stderr == "meetlog: stopped by SIGTERM\n"
    assert [p.name for p in tmp_path.iterdir()] == ["meet.toml"]


def test_any_other_command_says_that_it_did_not_finish(tmp_path: Path) -> None:
    (tmp_path / "meet.toml").write_text("")
    told = stopped_at("meetlog.console.serving", "console", "-m", str(tmp_path))
    assert told.returncode == 130
    assert told.stderr == "meetlog: stopped by SIGTERM\n"


def test_who_asks_twice_does_not_wait(tmp_path: Path) -> None:
    # The second signal comes while the answer to the first is being written.
    twice = _AT.replace("runpy.run", "sys.stderr.write = lambda text: " + _KILL + "\nrunpy.run")
    told = subprocess.run(
        [sys.executable, "-c", twice, "typer", "run", "-m", str(tmp_path)],
        capture_output=True, check=False, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert told.returncode == -signal.SIGTERM


_KILL = "os.kill(os.getpid(), signal.SIGTERM)"
