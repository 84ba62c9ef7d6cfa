"""Statements: what people say about the meet, as they stand in the log (JSON, tagged by `verb`).

A statement is the body of an event of kind `statement`. Every one names its
author, the channel it came by, a reason, its instant (`at`, ns UTC), and the
position its author had seen. Old forms stay readable for ever: fields are
only added, with defaults.
"""

import msgspec

from wire.errors import WireError


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag_field="verb"):
    """What every statement says."""

    author: str
    channel: str
    at: int
    seen: int
    reason: str = ""


class RaceStatement(Statement, frozen=True, kw_only=True):
    """A statement about one race, by its identity (DESIGN 6)."""

    session: str
    event: str
    heat: int


class StartHeat(RaceStatement, frozen=True, kw_only=True, tag="start"):
    """The heat started at `gun` (ns UTC)."""

    gun: int


class RecallHeat(RaceStatement, frozen=True, kw_only=True, tag="recall"):
    """The start of the heat at `gun` (ns UTC) was false; that gun starts nothing."""

    gun: int


class CloseHeat(RaceStatement, frozen=True, kw_only=True, tag="close"):
    """The heat is complete as it stands: lanes without a time have none."""


class ReopenHeat(RaceStatement, frozen=True, kw_only=True, tag="reopen"):
    """An earlier close no longer holds."""


AnyStatement = StartHeat | RecallHeat | CloseHeat | ReopenHeat

_decoder: msgspec.json.Decoder[AnyStatement] = msgspec.json.Decoder(AnyStatement)


def encode(statement: AnyStatement) -> bytes:
    """The statement's JSON, as it is appended."""
    return msgspec.json.encode(statement)


def decode(body: bytes) -> AnyStatement:
    """The statement in an event's body; raises `WireError` for what is none."""
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as e:
        raise WireError(f"not a statement: {e}", body) from e
