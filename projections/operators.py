"""Operators: who may speak, and what the role of each allows; folded from their registrations."""

from collections.abc import Iterable

import msgspec

from projections.facts import Stated
from wire.statements import (
    AdoptSettings,
    AnyStatement,
    CloseHeat,
    Disqualify,
    RegisterOperator,
    Reinstate,
    ReopenHeat,
    ReSwim,
    Role,
    Withdraw,
)

# A timer says what was measured: starts, times, lanes, chips, reads, clocks.
# What decides a race, and who may speak, is the referee's.
REFEREE_ONLY = (
    Disqualify, Reinstate, CloseHeat, ReopenHeat, ReSwim, AdoptSettings, RegisterOperator,
)  # fmt: skip


class Operator(msgspec.Struct, frozen=True):
    """Somebody who is registered. `secret` is a hash, "" where the login is proof enough.

    `position` is the statement that registered them as they are now.
    """

    name: str
    role: Role
    secret: str
    position: int


def operators(effective: Iterable[Stated]) -> dict[str, Operator]:
    """The registered by name, from the statements in force; the last registration of each holds.

    Who was removed is a viewer. While nobody is registered, everybody at the
    computer may speak, as a referee.
    """
    return {
        fact.statement.name: Operator(
            fact.statement.name, fact.statement.role, fact.statement.secret, fact.position
        )
        for fact in effective
        if isinstance(fact.statement, RegisterOperator)
    }


def role_needed(statement: AnyStatement, withdrawn: AnyStatement | None = None) -> Role:
    """The least role that may make the statement.

    `withdrawn` is what a `Withdraw` names. A timer may take back what the
    same author said, where a timer could have said it.
    """
    if isinstance(statement, REFEREE_ONLY):
        return "referee"
    if isinstance(statement, Withdraw):
        if withdrawn is None or withdrawn.author != statement.author:
            return "referee"
        return "timer" if isinstance(withdrawn, Withdraw) else role_needed(withdrawn)
    return "timer"


_RANKS: dict[Role, int] = {"viewer": 0, "timer": 1, "referee": 2}


def suffices(role: Role, needed: Role) -> bool:
    """Whether who has `role` may do what takes `needed`."""
    return _RANKS[role] >= _RANKS[needed]
