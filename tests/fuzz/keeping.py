"""The kept corpus: for each target a folder of small inputs, each a file; every one is a test."""

import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.target import Target

ROOT = Path(__file__).parent.parent.parent
KEPT = Path(__file__).parent / "corpus"
ROOMS = ("wire", "store", "ingest", "projections", "exporters", "meetlog")
MOST_BYTES = 14_000  # of a target's inputs that nobody named
MOST_FILES = 60

Edge = tuple[str, int, int]


def kept(target: str) -> list[Path]:
    """The inputs of a target, in a fixed order."""
    return sorted(path for path in (KEPT / target).glob("*") if path.is_file())


def new_name(data: bytes) -> str:
    """How an input is called that stands for nothing in particular."""
    return sha256(data).hexdigest()[:12]


def merge(name: str, target: Target, found: Iterable[Path]) -> tuple[int, int]:
    """Keep of `found` what goes where no kept input goes; how many were added, and dropped.

    Inputs with names of their own stay: somebody gave them one. The others are chosen anew, the
    small ones first, until there is no room.
    """
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {path.read_bytes(): path for path in found}
    own: list[bytes] = []
    for path in kept(name):
        data = path.read_bytes()
        if path.name == new_name(data):
            inputs[data] = path
        else:
            own.append(data)
    seen: set[Edge] = set()
    for data in own:
        seen |= edges(target, data)
    chosen: dict[str, bytes] = {}
    room = MOST_BYTES
    for data in sorted(inputs, key=lambda each: (len(each), each)):
        if len(data) > room or len(chosen) == MOST_FILES:
            break
        new = edges(target, data) - seen
        if new:
            seen |= new
            chosen[new_name(data)] = data
            room -= len(data)
    before = {path.name for path in kept(name) if path.name == new_name(path.read_bytes())}
    for old in before - chosen.keys():
        (folder / old).unlink()
    for new_file in chosen.keys() - before:
        (folder / new_file).write_bytes(chosen[new_file])
    return len(chosen.keys() - before), len(before - chosen.keys())


def edges(target: Target, data: bytes) -> set[Edge]:
    """Where an input leads: the steps from line to line within our own rooms."""
    rooms = tuple(str(ROOT / room) for room in ROOMS)
    found: set[Edge] = set()

    def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(rooms):
            return None
        last = frame.f_lineno

        def step(frame: FrameType, _event: str, _arg: Any) -> Any:
            nonlocal last
            found.add((file, last, frame.f_lineno))
            last = frame.f_lineno
            return step

        return step

    sys.settrace(trace)
    try:
        target.check(data)
    finally:
        sys.settrace(None)
    return found


def all_inputs(targets: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Each kept input with its target."""
    for name in targets:
        for path in kept(name):
            yield name, path
