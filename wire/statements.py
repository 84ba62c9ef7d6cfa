"""Statements: what people say about the meet, as they stand in the log (JSON, tagged by `verb`).

A statement is the body of an event of kind `statement`. Every one names its
author, the channel it came by, a reason, its instant (`at`, ns UTC), the
position its author had seen, and how the author was proven. Nothing is ever
taken back by removing it: a `Withdraw` names an earlier statement, and the
folds go on as if that one had not been made. Old forms stay readable for
ever: fields are only added, with defaults.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from wire.errors import WireError

Role = Literal["viewer", "timer", "referee"]
# How we know the author: by the computer's login, or by the secret of a registered operator.
Proof = Literal["login", "secret"]
# JSON has numbers of any size. One that no table and no saved state can hold is
# refused here, once, or it would stop every fold of its log for good.
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
# Forty years: the clock of a device that forgot the date is off by less, and a
# moment moved so far is still one of 64 bits.
MOST_SHIFT = 40 * 366 * 86_400 * 10**9
Shifted = Annotated[int, Meta(ge=-MOST_SHIFT, le=MOST_SHIFT)]


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag_field="verb"):
    """What every statement says. `login` is that of the computer it was made on, "" if unknown."""

    author: str
    channel: str
    at: Whole
    seen: Whole
    reason: str = ""
    proof: Proof = "login"
    login: str = ""


class RaceStatement(Statement, frozen=True, kw_only=True):
    """A statement about one race, by its identity (DESIGN 6)."""

    session: str
    event: str
    heat: Whole


class StartHeat(RaceStatement, frozen=True, kw_only=True, tag="start"):
    """The heat started at `gun` (ns UTC); a gun signal close to it is the same start."""

    gun: Whole


class MoveGun(RaceStatement, frozen=True, kw_only=True, tag="gun"):
    """The heat's start counts as of `gun` (ns UTC), whatever started it."""

    gun: Whole


class RecallHeat(RaceStatement, frozen=True, kw_only=True, tag="recall"):
    """The start of the heat at `gun` (ns UTC) was false; that gun starts nothing.

    `start` is the position of the event that started it, by which the gun is
    known even after its source's clock was shifted; 0 when it was not said.
    """

    gun: Whole
    start: Whole = 0


class ReSwim(RaceStatement, frozen=True, kw_only=True, tag="re-swim"):
    """The heat is to be swum again under `race_number`; its starts before this count no more."""

    race_number: Whole


class CloseHeat(RaceStatement, frozen=True, kw_only=True, tag="close"):
    """The heat is complete as it stands: lanes without a time have none."""


class ReopenHeat(RaceStatement, frozen=True, kw_only=True, tag="reopen"):
    """An earlier close no longer holds."""


class LaneStatement(RaceStatement, frozen=True, kw_only=True):
    """A statement about one lane of a race."""

    lane: Whole


class Disqualify(LaneStatement, frozen=True, kw_only=True, tag="dq"):
    """The lane is disqualified, by the rule `code`, in words `text`."""

    code: str = ""
    text: str = ""


class NoShow(LaneStatement, frozen=True, kw_only=True, tag="no-show"):
    """Nobody started in the lane."""


class DidNotFinish(LaneStatement, frozen=True, kw_only=True, tag="dnf"):
    """Who started in the lane did not finish."""


class Reinstate(LaneStatement, frozen=True, kw_only=True, tag="reinstate"):
    """An earlier disqualification, no-show or did-not-finish of the lane no longer holds."""


class SetTime(LaneStatement, frozen=True, kw_only=True, tag="set-time"):
    """The lane's final time is `time_cs` hundredths, whatever was measured."""

    time_cs: Whole


class ClearTime(LaneStatement, frozen=True, kw_only=True, tag="clear-time"):
    """The lane has no final time, whatever was measured."""


class MarkLane(LaneStatement, frozen=True, kw_only=True, tag="lane"):
    """The lane is empty, or is not, whatever the program says."""

    empty: bool


class AssignChip(Statement, frozen=True, kw_only=True, tag="chip"):
    """From `since` (ns UTC; 0 is the whole meet) the chip is the swimmer's; "" is nobody's."""

    chip: str
    swimmer: str
    since: Whole = 0


class VoidReads(Statement, frozen=True, kw_only=True, tag="void"):
    """Reads of a chip from `since` to `until` (ns UTC, both included) count, or do not.

    At one point, or at all when `point` is "". `restore` says that they count again.
    """

    chip: str
    point: str
    since: Whole
    until: Whole
    restore: bool = False


class AddCrossing(Statement, frozen=True, kw_only=True, tag="crossing"):
    """The chip crossed the point at `moment` (ns UTC): somebody saw it. It outranks reads."""

    chip: str
    point: str
    moment: Whole


class ShiftClock(Statement, frozen=True, kw_only=True, tag="shift"):
    """Stamps of `source` from `since` to `until` (ns UTC, before the shift) are `shift` ns off.

    `shift` is added to them. An `until` of 0 is open.
    """

    source: str
    shift: Shifted
    since: Whole = 0
    until: Whole = 0


class AdoptSettings(Statement, frozen=True, kw_only=True, tag="settings"):
    """The log is to be read by these settings (the text of a meet.toml) from here on."""

    toml: str


class RegisterOperator(Statement, frozen=True, kw_only=True, tag="operator"):
    """Somebody may speak: with this role, and a secret of which `secret` is a strong hash.

    An empty `secret` means that the login is proof enough; the role `viewer` may say nothing.
    """

    name: str
    role: Role
    secret: str = ""


class Acknowledge(Statement, frozen=True, kw_only=True, tag="acknowledge"):
    """Somebody has seen the alarm with the key `alarm`, which said `text`. It changes no result."""

    alarm: str
    text: str = ""


class Withdraw(Statement, frozen=True, kw_only=True, tag="withdraw"):
    """The statement at `position` counts no more; later ones stay.

    A withdrawal can itself be withdrawn.
    """

    position: Whole


AnyStatement = (
    StartHeat | MoveGun | RecallHeat | ReSwim | CloseHeat | ReopenHeat
    | Disqualify | NoShow | DidNotFinish | Reinstate | SetTime | ClearTime | MarkLane
    | AssignChip | VoidReads | AddCrossing | ShiftClock | AdoptSettings | RegisterOperator
    | Acknowledge | Withdraw
)  # fmt: skip

_decoder: msgspec.json.Decoder[AnyStatement] = msgspec.json.Decoder(AnyStatement)


def encode(statement: AnyStatement) -> bytes:
    """The statement's JSON, as it is appended."""
    return msgspec.json.encode(statement)


def decode(body: bytes) -> AnyStatement:
    """The statement in an event's body; raises `WireError` for what is none."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise WireError(f"not a statement: {e}", body) from e


def verb_of(statement: Statement) -> str:
    """The word by which the statement is known: `dq`, `withdraw`..."""
    return str(statement.__struct_config__.tag)
