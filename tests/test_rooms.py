"""The rooms: who may import whom, and that importing does nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "wire": set(),
    "store": set(),
    "ingest": {"wire", "store"},
    "projections": {"wire", "store"},
    "exporters": {"wire", "store", "ingest", "projections"},
    "meetlog": {"wire", "store", "ingest", "projections", "exporters"},
}
# The languages and the folds know no socket, no file and no clock.
IMPURE = {
    "asyncio", "anyio", "os", "pathlib", "random", "secrets", "select", "shutil", "socket",
    "subprocess", "tempfile", "threading", "time",
}  # fmt: skip
PURE_ROOMS = ("wire", "projections")


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(module: Path) -> set[str]:
    """The first names of everything a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_run_one_way(room: str) -> None:
    assert modules(room), f"{room} is empty"
    others = MAY_IMPORT.keys() - {room}
    wrong = {
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules(room)
        for name in imports(module) & others
        if name not in MAY_IMPORT[room]
    }
    assert not wrong


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_the_pure_rooms_know_no_socket_no_file_no_clock(room: str) -> None:
    wrong = {
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules(room)
        for name in imports(module) & IMPURE
    }
    assert not wrong


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_importing_has_no_effects(room: str, tmp_path: Path) -> None:
    """No file, no output, no thread and no open socket after importing every module of a room."""
    names = [
        ".".join(m.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for m in modules(room)
        if "migrations" not in m.parts and m.name != "__main__.py"
    ]
    script = (
        "import importlib, os, sys, threading\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        f"[importlib.import_module(n) for n in {names!r}]\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not os.listdir(), os.listdir()\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_modules_stay_small() -> None:
    """A module has one idea and fits in a head: 100 to 300 lines, and never more than 500."""
    rooms = [*MAY_IMPORT, "tests", "bench"]
    long = {
        f"{m.relative_to(ROOT)}: {lines}"
        for room in rooms
        for m in modules(room)
        if (lines := len(m.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long
