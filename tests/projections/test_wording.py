"""Every statement has words, and they tell what is in it."""

from typing import Any, get_args

import msgspec
import pytest

from projections.wording import FOREVER, describe
from wire.stamps import NS, parse_iso
from wire.statements import (
    AddCrossing,
    AnyStatement,
    AssignChip,
    Disqualify,
    LaneStatement,
    MarkLane,
    RaceStatement,
    RegisterOperator,
    ShiftClock,
    VoidReads,
    verb_of,
)

NOON = parse_iso("2026-06-14T10:00:00").wall  # in UTC; two hours later in Berlin
VALUES: dict[str, Any] = {
    "author": "Ada", "channel": "cli", "at": NOON, "seen": 3, "session": "67", "event": "4A",
    "heat": 2, "lane": 5, "gun": NOON, "race_number": 9, "time_cs": 6234, "empty": True,
    "chip": "123", "swimmer": "s-7", "since": NOON, "until": NOON + NS, "point": "Finish",
    "moment": NOON, "source": "mat", "shift": -3 * NS // 2, "toml": "[meet]", "name": "Ben",
    "role": "timer", "position": 88, "code": "6.2", "text": "too early",
    "alarm": "gun 17",
}  # fmt: skip
KINDS = get_args(AnyStatement)
SHOWN = {"gun": "2026-06-14T12:00:00+02:00", "time_cs": "1:02.34", "shift": "-1.5s"}


def example(kind: type[AnyStatement], **other: object) -> AnyStatement:
    fields = [f for f in msgspec.structs.fields(kind) if f.name in VALUES]
    given = {f.name: VALUES[f.name] for f in fields}
    return kind(**(given | other))


@pytest.mark.parametrize("kind", KINDS, ids=verb_of)
def test_every_verb_has_words(kind: type[AnyStatement]) -> None:
    words = describe(example(kind), "Europe/Berlin")
    assert words
    assert words[-1] not in ". "
    assert "\n" not in words
    if issubclass(kind, RaceStatement):
        assert words.startswith("event 4A, heat 2 of session 67")
    if issubclass(kind, LaneStatement):
        assert "lane 5" in words
    told = {"race_number", "swimmer", "point", "source", "name", "position", "code", "text"}
    for field in told & set(kind.__struct_fields__):
        if field != "name":
            assert str(VALUES[field]) in words
    for field, shown in SHOWN.items():
        if field in kind.__struct_fields__:
            assert shown in words


def test_no_two_verbs_say_the_same() -> None:
    assert len({describe(example(kind)) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (example(MarkLane, empty=False), "event 4A, heat 2 of session 67, lane 5: is not empty"),
        (example(Disqualify, code="", text=""),
         "event 4A, heat 2 of session 67, lane 5: disqualified"),
        (example(AssignChip, swimmer="", since=0),
         "chip 123 belongs to nobody during the whole meet"),
        (example(VoidReads, since=0, until=FOREVER, point=""),
         "the reads of chip 123 do not count"),
        (example(VoidReads, restore=True, until=FOREVER),
         "the reads of chip 123 at Finish count again from 2026-06-14T10:00:00+00:00"),
        (example(ShiftClock, shift=NS, since=0, until=0), "the stamps of mat are corrected by +1s"),
        (example(RegisterOperator, role="viewer"), "Ben may look on, and say nothing"),
        (example(AddCrossing), "chip 123 crossed Finish at 2026-06-14T10:00:00+00:00"),
    ],
)  # fmt: skip
def test_words(statement: AnyStatement, words: str) -> None:
    assert describe(statement) == words


def test_a_secret_is_never_told() -> None:
    assert "scrypt" not in describe(example(RegisterOperator, secret="scrypt$15$8$3$abc$def"))
