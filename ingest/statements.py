"""Statements: what an operator says, appended by any process that has the log open."""

from store.event import STATEMENT, Draft, Head, pack_meta
from store.log import Log
from wire.statements import AnyStatement, encode

OPERATOR = "operator"


def state(log: Log, statement: AnyStatement, *, after: int | None = None) -> Head:
    """Append the statement, durable on return; it takes effect when `run` folds it.

    With `after`, raises `store.log.Conflict` if the log has grown since that
    position. Raises `StoreUnavailable` with nothing written.
    """
    return log.append([statement_draft(statement)], after=after)


def statement_draft(statement: AnyStatement) -> Draft:
    """The statement as an event, for a recorder that is running already."""
    meta = pack_meta(actor=statement.author, channel=statement.channel)
    return Draft(OPERATOR, STATEMENT, meta, encode(statement))
