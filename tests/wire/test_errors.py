"""Quotations: short, printable, and possible for anything."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.around import around
from wire.errors import EXCERPT_BYTES, WireError, malformed


@given(st.binary(max_size=200) | st.text(st.characters(), max_size=200))
def test_anything_can_be_quoted_on_one_line(raw: bytes | str) -> None:
    excerpt = malformed("why", raw).excerpt
    assert excerpt.isprintable()
    assert len(excerpt) <= 10 * EXCERPT_BYTES + 1
    size = len(raw)
    assert excerpt.endswith("…") or size <= EXCERPT_BYTES


@around
@pytest.mark.parametrize("kind", [str, str.encode])
def test_a_quotation_is_cut(kind: Callable[[str], bytes | str], more: int) -> None:
    excerpt = malformed("why", kind("x" * (EXCERPT_BYTES + more))).excerpt
    assert excerpt == "x" * min(EXCERPT_BYTES, EXCERPT_BYTES + more) + "…" * (more > 0)


def test_half_a_surrogate_pair_is_quoted() -> None:
    assert malformed("why", "a\ud800b").excerpt == r"a\ud800b"


def test_an_error_says_why_and_quotes() -> None:
    error = WireError("not a stamp", b"x\r\n", "write another")
    assert str(error) == r"not a stamp: x\r\n"
    assert error.problem == malformed("not a stamp", b"x\r\n", "write another")
