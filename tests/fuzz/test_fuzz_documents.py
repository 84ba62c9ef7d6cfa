"""Documents that are nearly right: a good one, changed in its structure where nobody would.

The fuzzer changes bytes and seldom gets past the JSON or TOML; here keys are dropped and given
twice, values get other types, numbers grow without bound, and levels go deeper.
"""

import json
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS
from tests.kit.meets import SWIM, heat, program, result
from tests.kit.relay_deeds import RELAYS
from wire.timedrops import (
    LaneEntry,
    ResultLane,
    ResultSplit,
    Status,
    encode_program,
    encode_result,
    encode_status,
)
from wire.tomlfile import read_toml

bounded = settings(max_examples=150, deadline=None, derandomize=True, database=None)


class Twice(dict[str, Any]):
    """An object with its keys written twice, which a JSON text may have."""


class Written(str):
    """What stands in a document as it is, quotes and all: NaN, 1e999, a number of any length."""

    __slots__ = ()


PROGRAM = json.loads(
    encode_program(
        program(
            heat("1", 1, 1, {1: "a", 2: ["b", "c"], 3: ""}),
            heat("4A", 2, 2, {1: LaneEntry(1, ("a",), team_id="t", seed_cs=3001, event="1")}),
        )
    )
)
RESULT = json.loads(
    encode_result(
        result(
            "4A", 2,
            ResultLane(1, 6123, 6120, (6121, 6125, None), splits=(ResultSplit(25, 3000),)),
            ResultLane(2, None, None, (None, None, None), dq=True),
        )
    )
)  # fmt: skip
STATUS = json.loads(encode_status(Status("2026-06-14T09:00:00.000+02:00", "67", "1", 2)))
SETTINGS = read_toml((SWIM + RELAYS).encode())[0]


def _deep(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(["", "1", "-1", "\x1d7", "\ud800", "a" * 5000, "1:02.34", "true", "4A/1", "_"]),
    st.integers(-(2**70), 2**70),
    st.sampled_from(list(map(Written, ["NaN", "-Infinity", "1e999", "0.5", "-0", "9" * 5000]))),
    st.just([]),
    st.just({}),
    st.recursive(st.just([1]), lambda inner: st.lists(inner, max_size=2), max_leaves=4),
    st.integers(1, 40).map(_deep),
).map(deepcopy)  # what is put into a document may be changed there


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """The document with a few changes, each somewhere in it."""
    found = json.loads(json.dumps(document, default=str))
    for _ in range(draw(st.integers(1, 4))):
        found = _change(draw, found)
    return found


def _change(draw: st.DrawFn, value: Any) -> Any:
    """One change, here or further down."""
    inside = isinstance(value, dict | list) and bool(value)
    if inside and draw(st.integers(0, 5)):
        key = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        match draw(st.integers(0, 8)):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[draw(st.sampled_from([key.upper(), key + " ", "x", "type", "Meet"]))] = value[
                    key
                ]
            case 2 if isinstance(value, dict):
                return Twice(value)
            case 3 if isinstance(value, list):
                value.append(deepcopy(value[key]))
            case _:
                value[key] = _change(draw, value[key])
        return value
    return draw(odd)


def as_json(value: Any) -> str:
    """The document as text, and as no encoder would write it."""
    if isinstance(value, Written):
        return value
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key)}:{as_json(each)}" for key, each in value.items()]
        return "{" + ",".join(pairs * 2 if isinstance(value, Twice) else pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value)


def as_toml(value: dict[str, Any]) -> str:
    """The same of settings: one line for each key, tables written within it."""
    return "".join(f"{json.dumps(key)} = {_inline(each)}\n" for key, each in value.items())


def _inline(value: Any) -> str:
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key)} = {_inline(each)}" for key, each in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return '""' if value is None else json.dumps(value, ensure_ascii=False)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@bounded
@given(changed(PROGRAM))
def test_a_program_that_is_nearly_right(document: Any) -> None:
    TARGETS["program"].check(_bytes(as_json(document)))


@bounded
@given(changed(RESULT), st.sampled_from([b"\0", b"\1"]))
def test_a_result_file_that_is_nearly_right(document: Any, named: bytes) -> None:
    TARGETS["result"].check(named + _bytes(as_json(document)))


@bounded
@given(changed(STATUS))
def test_a_status_file_that_is_nearly_right(document: Any) -> None:
    TARGETS["status"].check(_bytes(as_json(document)))


@bounded
@given(changed(SETTINGS))
def test_settings_that_are_nearly_right(document: Any) -> None:
    data = _bytes(as_toml(document) if isinstance(document, dict) else as_json(document))
    TARGETS["settings"].check(data)
    TARGETS["toml-lines"].check(data)
