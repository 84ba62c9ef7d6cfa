"""Every kept input keeps its target's promise, on every system and without the fuzzer."""

import re
from pathlib import Path

import pytest

from tests.fuzz.keeping import KEPT, ROOT, all_inputs
from tests.fuzz.targets import TARGETS

MOST_BYTES = 400 * 1024  # of the whole corpus: it is in every clone


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_break_no_promise(name: str) -> None:
    inputs = [path for target, path in all_inputs([name]) if target == name]
    assert inputs, f"{name} has no inputs"
    for path in inputs:
        _try(name, path)


def _try(name: str, path: Path) -> None:
    try:
        TARGETS[name].check(path.read_bytes())
    except Exception as error:
        error.add_note(f"python -m tests.fuzz --target {name} --repeat {path}")
        raise


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 40, b"[" * 200, b"\r\n" * 40, b'"{' * 90])
@pytest.mark.parametrize("name", TARGETS)
def test_plain_nonsense_breaks_no_promise(name: str, data: bytes) -> None:
    TARGETS[name].check(data)


def test_every_target_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "fuzzing.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`([a-z0-9-]+)`", page)) >= set(TARGETS)


def test_the_corpus_is_small_and_has_no_strangers() -> None:
    assert {path.name for path in KEPT.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in KEPT.rglob("*") if path.is_file()) <= MOST_BYTES
