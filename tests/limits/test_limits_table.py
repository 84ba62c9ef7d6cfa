"""docs/limits.md says what the code does: every ceiling, its number, and a test that is there."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import exporters
import ingest
import meetlog
import projections
import store
import wire
from tests.kit.named import named
from tests.limits.table import Row, constant, fits, rows
from tests.limits.test_ceilings import KEPT, TAKEN

ROWS = rows()
_CEILING = re.compile(r"^(MOST|MAX|LARGEST|LONGEST)(_[A-Z_]+)?(?::[^=\n]+)? = ", re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.where)
def test_a_line_has_the_number_of_the_code(row: Row) -> None:
    numbers: list[str] = re.findall(r"\d[\d ]*(?:\.\d+)?\s*[A-Za-z]*", row.ceiling)
    assert any(fits(each, constant(row.where)) for each in numbers), row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.where)
def test_a_line_names_tests_that_are_there(row: Row) -> None:
    assert row.tests, row
    for each in row.tests:
        assert callable(named(each))
        if each.startswith("tests/limits/test_ceilings.py"):
            assert row.where in TAKEN | KEPT, row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.where)
def test_a_ceiling_is_tried_around_it(row: Row) -> None:
    """Below, at and above, as `tests.kit.around` has it; or the line says why not."""
    assert any(map(tries_around, map(named, row.tests))) != bool(row.why_not), row


def tries_around(test: object) -> bool:
    """Whether its parameters are a little less than none, none, and a little more."""
    for mark in getattr(test, "pytestmark", ()):
        if mark.name == "parametrize" and mark.args[0] in ("more", "late"):
            values = set(mark.args[1])
            return {-1, 0, 1} <= values if mark.args[0] == "more" else {-0.1, 0.1} <= values
    return False


def test_no_ceiling_is_missing() -> None:
    told = {row.where for row in ROWS}
    assert len(told) == len(ROWS), "each once"
    assert set(TAKEN) | set(KEPT) <= told
    assert sorted(set(ceilings()) - told) == []


def ceilings() -> Iterator[str]:
    """Every public constant of the rooms that is called a most, by its dotted name."""
    for room in (wire, store, ingest, projections, exporters, meetlog):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if ".simulate" in found.name or ".migrations" in found.name:
                continue
            spec = importlib.util.find_spec(found.name)
            assert spec is not None
            assert spec.origin is not None
            source = Path(spec.origin).read_text(encoding="utf-8")
            for match in _CEILING.finditer(source):
                name = match[1] + (match[2] or "")
                yield f"{found.name}.{name}"
