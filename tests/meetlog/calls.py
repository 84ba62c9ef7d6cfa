"""Calling the command line in a test, and reading what it printed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from typer.testing import CliRunner, Result

from meetlog import __version__
from meetlog.cli import make_app
from meetlog.exits import explain
from meetlog.output import Envelope

ROOT = Path(__file__).parents[2]


def call(*args: str | Path) -> Result:
    """Run a command in this process. An error that it does not explain is raised here."""
    return CliRunner().invoke(make_app(), [str(arg) for arg in args], catch_exceptions=False)


def ask(kind: Any, *args: str | Path) -> Any:
    """The `--json` of a command, decoded as the envelope of `kind`; nothing else is printed."""
    result = call(*args, "--json")
    assert result.exit_code == 0, result.output
    assert result.stdout.isascii()
    envelope = msgspec.json.decode(result.stdout, type=Envelope[kind])
    assert envelope.meetlog == __version__
    assert envelope.command == str(args[0])
    return envelope


def program(*args: str | Path, **env: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command in a process of its own; a warning is an error there too."""
    code = "from meetlog.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, args)],
        capture_output=True,
        check=False,
        env=os.environ | env,
        cwd=ROOT,
        timeout=60,
    )


def explained(error: BaseException) -> str:
    """The message that ends the program for an error that can be expected."""
    told = explain(error)
    assert told is not None
    return told[1]
