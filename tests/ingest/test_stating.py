import pytest

from ingest.statements import state
from store.event import STATEMENT, Draft, meta_of
from store.log import Conflict
from store.memory import MemoryLog
from wire.statements import RecallHeat, decode

RECALL = RecallHeat(
    author="Ada",
    channel="cli",
    at=5,
    seen=1,
    reason="lane 4",
    session="1",
    event="4A",
    heat=2,
    gun=3,
)


def test_a_statement_stands_in_the_log_with_its_author() -> None:
    log = MemoryLog()
    assert state(log, RECALL).position == 1

    (event,) = log.read()
    assert (event.source, event.kind) == ("operator", STATEMENT)
    assert meta_of(event) == {"actor": "Ada", "channel": "cli"}
    assert decode(event.body) == RECALL


def test_a_statement_can_insist_on_what_its_author_has_seen() -> None:
    log = MemoryLog()
    log.append([Draft("finish", "socket.read"), Draft("finish", "socket.read")])

    with pytest.raises(Conflict):
        state(log, RECALL, after=1)
    assert log.head().position == 2
    assert state(log, RECALL, after=2).position == 3
