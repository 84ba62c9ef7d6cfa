"""docs/reliability.md: each promise names a test, and the test is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/.]+\.py)`", TEXT))))
def test_a_named_test_is_there(named: str) -> None:
    assert "def test_" in (ROOT / named).read_text(encoding="utf-8")


def test_each_promise_has_a_test() -> None:
    tables = TEXT.split("| promise | the test |\n|---|---|\n")[1:]
    lines = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(lines) > 20
    for line in lines:
        assert ".py`" in line.rsplit(" | ", 1)[1], line


def test_each_command_is_one_of_the_makefile() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"^\| `make (\w+)", TEXT, re.M))
    assert {"test", "soak", "fuzz", "bench", "audit"} <= named <= targets
