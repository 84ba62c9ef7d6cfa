"""Who may speak, folded from registrations, and what each role allows."""

from typing import Any, get_args

import pytest

from projections.facts import Stated
from projections.operators import Operator, operators, role_needed, suffices
from projections.rulings import rule
from wire.statements import (
    AnyStatement,
    CloseHeat,
    Disqualify,
    RegisterOperator,
    Role,
    SetTime,
    Withdraw,
)

COMMON: dict[str, Any] = {"author": "Ada", "channel": "cli", "at": 1, "seen": 0}
LANE: dict[str, Any] = COMMON | {"session": "1", "event": "4A", "heat": 2, "lane": 3}


def register(name: str, role: Role, secret: str = "") -> RegisterOperator:
    return RegisterOperator(**COMMON, name=name, role=role, secret=secret)


def folded(*said: AnyStatement) -> dict[str, Operator]:
    return operators(rule([Stated(at, each) for at, each in enumerate(said, 1)]).in_force)


def test_the_last_registration_of_each_holds() -> None:
    found = folded(
        register("Ada", "referee", "hash"), register("Ben", "timer"), register("Ben", "viewer")
    )
    assert found == {
        "Ada": Operator("Ada", "referee", "hash", 1),
        "Ben": Operator("Ben", "viewer", "", 3),
    }


def test_a_withdrawn_registration_was_never_made() -> None:
    said = (register("Ada", "referee"), register("Ada", "viewer"))
    assert folded(*said, Withdraw(**COMMON, position=2))["Ada"].role == "referee"
    assert folded(said[0], Withdraw(**COMMON, position=1)) == {}


@pytest.mark.parametrize(
    ("statement", "needed"),
    [
        (SetTime(**LANE, time_cs=1), "timer"),
        (Disqualify(**LANE), "referee"),
        (CloseHeat(**COMMON, session="1", event="4A", heat=2), "referee"),
        (register("Ben", "viewer"), "referee"),
    ],
)
def test_what_decides_a_race_is_the_referees(statement: AnyStatement, needed: Role) -> None:
    assert role_needed(statement) == needed


def test_a_timer_may_take_back_only_what_they_said_and_could_say() -> None:
    withdraw = Withdraw(**COMMON, position=4)
    own, decision = SetTime(**LANE, time_cs=1), Disqualify(**LANE)
    others = SetTime(**(LANE | {"author": "Ben"}), time_cs=1)
    assert role_needed(withdraw, own) == "timer"
    assert role_needed(withdraw, decision) == "referee"
    assert role_needed(withdraw, others) == "referee"
    assert role_needed(withdraw) == "referee"


def test_a_viewer_may_say_nothing_and_a_referee_everything() -> None:
    roles = get_args(Role)
    assert [suffices("viewer", role) for role in roles] == [True, False, False]
    assert all(suffices("referee", role) for role in roles)
    assert [suffices("timer", role) for role in roles] == [True, True, False]
