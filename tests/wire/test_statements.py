"""Statements as they stand in the log: what is none is refused, whoever wrote it."""

import json

import pytest

from wire.errors import WireError
from wire.statements import MOST_SHIFT, AddCrossing, SetTime, ShiftClock, decode, encode

SAID = {"author": "Ann", "channel": "test", "at": 1, "seen": 1}
LANE = {"session": "1", "event": "1", "heat": 1, "lane": 1}
NUMBERS = [
    *({"verb": "set-time", **LANE, "time_cs": 3000} | {name: 0} for name in ("heat", "lane")),
    *({"verb": "dq", **LANE} | {name: 0} for name in ("at", "seen")),
    {"verb": "set-time", **LANE, "time_cs": 0},
    {"verb": "start", **LANE, "gun": 0},
    {"verb": "gun", **LANE, "gun": 0},
    {"verb": "recall", **LANE, "gun": 0},
    {"verb": "recall", **LANE, "gun": 1, "start": 0},
    {"verb": "re-swim", **LANE, "race_number": 0},
    {"verb": "chip", "chip": "1", "swimmer": "1", "since": 0},
    {"verb": "void", "chip": "1", "point": "", "since": 0, "until": 1},
    {"verb": "void", "chip": "1", "point": "", "since": 1, "until": 0},
    {"verb": "crossing", "chip": "1", "point": "Finish", "moment": 0},
    {"verb": "shift", "source": "mat", "shift": 0},
    {"verb": "shift", "source": "mat", "shift": 1, "since": 0},
    {"verb": "shift", "source": "mat", "shift": 1, "until": 0},
    {"verb": "withdraw", "position": 0},
]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
@pytest.mark.parametrize("said", NUMBERS, ids=lambda said: said["verb"])
def test_a_number_that_no_table_can_hold_is_no_statement(
    said: dict[str, object], number: int
) -> None:
    decode(json.dumps(SAID | said).encode())
    (name,) = [key for key, value in said.items() if value == 0]
    with pytest.raises(WireError, match=name):
        decode(json.dumps(SAID | said | {name: number}).encode())


def test_a_clock_is_shifted_by_forty_years_at_most() -> None:
    shift = ShiftClock(author="Ann", channel="test", at=1, seen=1, source="mat", shift=MOST_SHIFT)
    assert decode(encode(shift)) == shift
    for far in (MOST_SHIFT + 1, -MOST_SHIFT - 1):
        said = SAID | {"verb": "shift", "source": "mat", "shift": far}
        with pytest.raises(WireError, match="shift"):
            decode(json.dumps(said).encode())


def test_what_64_bits_hold_is_read() -> None:
    for number in (2**63 - 1, -(2**63)):
        time = SetTime(
            author="Ann", channel="test", at=1, seen=1,
            session="1", event="1", heat=1, lane=1, time_cs=number,
        )  # fmt: skip
        assert decode(encode(time)) == time
        seen = AddCrossing(
            author="Ann", channel="test", at=1, seen=1, chip="1", point="Finish", moment=number
        )
        assert decode(encode(seen)) == seen


@pytest.mark.parametrize("body", [b'{"verb":"\xb1"}', b'{"verb":"dq","x":' + b"[" * 100_000])
def test_bytes_that_are_no_text_or_no_end_of_brackets_are_no_statement(body: bytes) -> None:
    with pytest.raises(WireError, match="not a statement"):
        decode(body)
