"""docs/threats.md: each line has what stops it, and a test that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.:]+)`", TEXT)))


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {name}(" in text if name else "def test_" in text


def test_each_line_has_its_test() -> None:
    heads = "| what they could do | what stops them | the test |\n|---|---|---|\n"
    tables = TEXT.split(heads)[1:]
    lines = [line for table in tables for line in table.split("\n\n")[0].splitlines()]
    assert len(lines) > 30
    for line in lines:
        assert len(line.strip("|").split(" | ")) == 3, line
        assert "`tests/" in line.rsplit(" | ", 1)[1], line
