"""docs/limits.md as the tests read it, and the constants that it names."""

import importlib
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import msgspec

ROOT = Path(__file__).parents[2]
NS = 10**9
_TEST = re.compile(r"`(tests/[\w/.:]+)`")
# What a number with its unit may be in the code: seconds are ns in some rooms.
UNITS: dict[str, tuple[float, ...]] = {
    "": (1,),
    "bytes": (1,),
    "KiB": (1024,),
    "MiB": (1024**2,),
    "ms": (1, 0.001, 10**6),
    "s": (1, NS, 1000),
    "min": (60, 60 * NS),
    "h": (3600, 3600 * NS, 360_000),
    "days": (86_400 * NS,),
}


class Row(NamedTuple):
    """A line of the table: what is bounded, by how much, where, and the tests that hold it.

    `why_not` is why none of them tries it around its ceiling.
    """

    what: str
    ceiling: str
    where: str
    above: str
    tests: tuple[str, ...]
    why_not: str


def rows() -> list[Row]:
    """All lines of the tables of docs/limits.md that name a constant."""
    found = []
    for line in (ROOT / "docs" / "limits.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and (where := re.search(r"`([\w.]+)`", cells[2])):
            tests = tuple(re.findall(_TEST, cells[4]))
            why_not = re.sub(_TEST, "", cells[4]).strip()
            found.append(Row(cells[0], cells[1], where[1], cells[3], tests, why_not))
    return found


def constant(name: str) -> float:
    """The number that a dotted name stands for: a constant, a bound of a type, a default."""
    module, _, last = name.rpartition(".")
    try:
        return _number(getattr(importlib.import_module(module), last))
    except ModuleNotFoundError:
        module, _, struct = module.rpartition(".")
        kind = getattr(importlib.import_module(module), struct)
        default = next(f.default for f in msgspec.structs.fields(kind) if f.name == last)
        return _number(default)


def _number(value: Any) -> float:
    if get_origin(value) is Annotated:
        (meta,) = (each for each in get_args(value) if isinstance(each, msgspec.Meta))
        bound = meta.le if meta.le is not None else meta.max_length
        assert bound is not None
        return float(bound)
    assert isinstance(value, int | float), value
    return value


def fits(ceiling: str, value: float) -> bool:
    """Whether the words of a ceiling, such as `16 MiB`, are that number in one of its units."""
    match = re.match(r"([\d ]+(?:\.\d+)?)\s*([A-Za-z]*)", ceiling)
    assert match, ceiling
    number = float(match[1].replace(" ", ""))
    units = UNITS.get(match[2], (1,))
    return any(abs(number * unit - value) < 1e-6 * max(1, abs(value)) for unit in units)
