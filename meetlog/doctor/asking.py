"""Asking the system's own programs, which may be missing, slow, or speak any language."""

import shutil
import subprocess
import sys

from meetlog.doctor.findings import System

_SECONDS = 3  # each answers at once, or hangs on a service that is not there


def system() -> System:
    """Which kind of system this is; whatever is neither Windows nor macOS is taken for Linux."""
    if sys.platform == "win32":
        return "windows"
    return "macos" if sys.platform == "darwin" else "linux"


def answer(*command: str, any_code: bool = False) -> str | None:
    """What a program prints; None when it is not there, fails (unless `any_code`) or hangs."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            check=False,
            errors="replace",
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if any_code or done.returncode == 0 else None
