"""Tests that a document names, as `tests/room/test_what.py::test_name`."""

import importlib
from typing import Any


def named(test: str) -> Any:
    """The test itself, of its class where it is in one. What is no test of that name fails."""
    path, *names = test.split("::")
    assert names, f"{test} is a whole file: which of its tests?"
    assert names[-1].startswith("test_"), test
    found: Any = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for name in names:
        found = getattr(found, name)
    return found
