"""docs/threats.md: each line has what stops it, and a test that is there."""

import re
from pathlib import Path

import pytest

from tests.kit.named import named

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+::[\w:]+)`", TEXT)))


@pytest.mark.parametrize("test", NAMED)
def test_a_named_test_is_there(test: str) -> None:
    assert callable(named(test))


def test_each_line_has_its_test() -> None:
    heads = "| what they could do | what stops them | the test |\n|---|---|---|\n"
    tables = TEXT.split(heads)[1:]
    lines = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(lines) > 30
    for line in lines:
        assert len(line.strip("|").split(" | ")) == 3, line
        tests = line.strip("| ").rsplit(" | ", 1)[1].split()
        assert {each.strip("`") for each in tests} <= set(NAMED), line
        assert tests, line
