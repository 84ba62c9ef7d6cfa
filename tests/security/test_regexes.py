"""No regular expression of ours can be made to take long by what others write."""

import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

import exporters
import ingest
import meetlog
import projections
import store
import wire
from meetlog.capsule.masking import _COMMENT, _meet_table
from wire.errors import WireError
from wire.timedrops import parse_result

ROOMS = (wire, store, ingest, projections, exporters, meetlog)
LONG = 4000
# Pieces that quantifiers within quantifiers, or alternatives that overlap, would try again and
# again; then what keeps the whole from matching.
PIECES = ('"', "'", '\\"', "\\", "\\\\", " ", "\t", "\n", " \n", "\r\n", "1", "1:", "1.", "a", "A-",
          "ab_", ",", ", ", "#", "# ", "[", "]", "{}", "/", "//", "…", "-", ".", "%", "~", "=",
          "name", "_event_", "[meet]\n", 'name = "')  # fmt: skip
ENDS = ("", "!", '"', "\n", "\0")
MOST_SECONDS = 0.25  # of this processor for any of them; what is harmless takes a thousandth


def patterns() -> Iterator[tuple[str, "re.Pattern[Any]", bool]]:
    """Every compiled expression of every module, by its name; whether it looks for places."""
    for room in ROOMS:
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if ".migrations." in found.name or found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            source = inspect.getsource(module)
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern):
                    looks = re.search(rf"\b{name}\.(finditer|search|sub|split|findall)\b", source)
                    yield f"{found.name}.{name}", value, looks is not None


def attacks(pattern: "re.Pattern[Any]") -> Iterator[Any]:
    for piece in PIECES:
        for end in ENDS:
            for start in ("", '"'):
                text = start + piece * (LONG // len(piece)) + end
                yield text.encode() if isinstance(pattern.pattern, bytes) else text


def test_no_expression_takes_time() -> None:
    found = list(patterns())
    assert len(found) > 30
    assert sum(looks for _, _, looks in found) > 10
    for name, pattern, looks in found:
        for text in attacks(pattern):
            began = time.process_time()
            pattern.match(text)
            pattern.fullmatch(text)
            for _ in pattern.finditer(text) if looks else ():
                pass
            took = time.process_time() - began
            assert took < MOST_SECONDS, f"{name} took {took:.1f} s for {text[:20]!r}..."


@pytest.mark.parametrize("text", ['"' + '\\"' * 200_000, ", " * 200_000, '"\\' * 200_000])
def test_a_result_file_that_was_made_to_be_slow(text: str) -> None:
    began = time.process_time()
    with pytest.raises(WireError):
        parse_result("Session1_Event_1_Heat1_Race1_1.json", ("{" + text).encode())
    assert time.process_time() - began < 5


def test_a_settings_file_that_was_made_to_be_slow() -> None:
    began = time.process_time()
    for text in ('"' + '\\"' * 100_000, '"\\' * 100_000, " \n" * 100_000, "[meet]\n" * 50_000):
        head, table, rest = _meet_table(text)
        assert head + table + rest == text
    assert time.process_time() - began < 5


def test_a_text_that_never_ends_hides_no_comment() -> None:
    text = 'a = 1  # Ada\nb = "\nc = 2  # Ada'
    masked = _COMMENT.sub(lambda m: m[1] + (m[2] or "").replace("Ada", "X"), text)
    assert "Ada" not in masked
