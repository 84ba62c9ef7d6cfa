"""What is played: the same items that a relay queues while the meet is recorded."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from meetlog.asof import UpTo
from meetlog.play.scratch import Span, decisions, known_items, queue_items
from projections.folding import fold, settings_at
from projections.relayed import MOST_ITEMS, Item, ItemKind, key_of, queued
from projections.relays import Stream
from store.event import RELAY_QUEUED
from store.memory import MemoryLog
from tests.kit.around import around
from tests.meetlog.busy import busy
from tests.meetlog.meets import RecordedMeet
from wire.settings import RelaySettings

RELAYS = """
[[relay]]
name = "reads"
protocol = "tsv2"
role = "server"
port = 10100

[[relay]]
name = "raw"
protocol = "tsv2"
role = "server"
port = 10101
send = "raw"
kinds = ["gun", "best-seen"]

[[relay]]
name = "crossings"
protocol = "ctp01"
send = "crossings"
kinds = ["gun", "first-seen", "best-seen"]
hold = "0s"
tag = "bib"

[[relay]]
name = "some"
protocol = "ctp01"
port = 61612
points = ["Turn"]
heats = ["*/*/2"]
"""


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> RecordedMeet:
    return busy(tmp_path_factory.mktemp("busy"), more=RELAYS)[0]


def relay_of(meet: RecordedMeet, name: str) -> RelaySettings:
    return next(r for r in settings_at(meet.log).relays if r.name == name)


def span_of(meet: RecordedMeet, begin: int = 1, end: int = 0) -> Span:
    end = end or meet.log.head().position
    return Span(UpTo(meet.log, end), begin, end)


def played(meet: RecordedMeet, name: str, span: Span | None = None) -> list[tuple[int, Item]]:
    span = span or span_of(meet)
    return list(known_items(span, relay_of(meet, name), settings_at(span.log)))


def recorded(meet: RecordedMeet, name: str) -> list[Item]:
    """What the relay queued then."""
    events = meet.log.read(0, 1_000_000, kinds=(RELAY_QUEUED,))
    items = [item for event in events if event.source == name for item in queued(event).items]
    return [item for item in items if item.kind != ItemKind.LOCATION]


@pytest.mark.parametrize("name", ["reads", "raw"])
def test_reads_are_those_that_the_relay_sent_then(morning: RecordedMeet, name: str) -> None:
    known = played(morning, name)
    assert [item for _, item in known] == recorded(morning, name)
    assert [at for at, _ in known] == sorted(item.origin for _, item in known)
    assert {item.kind for _, item in known} == ({0, 1, 2} if name == "reads" else {0, 2})


def test_crossings_are_those_that_hold_in_the_end(morning: RecordedMeet) -> None:
    known = [item for _, item in played(morning, "crossings")]
    meet = fold(morning.log)
    standing = meet.state.relays.relays["crossings"].stream.standing
    holds = {key_of(item) for items in standing.values() for item in items}
    assert {key_of(item) for item in known} == holds
    assert len(known) == len(holds)
    assert {item.kind for item in known} == {0, 1, 2}


def test_filters_are_those_of_a_relay(morning: RecordedMeet) -> None:
    known = [item for _, item in played(morning, "some")]
    assert known
    assert {item.location for item in known} == {"Turn"}
    # Then it was not known yet that a swimmer of a later heat was not in it.
    then = {key_of(i) for i in recorded(morning, "some")}
    assert {key_of(i) for i in known} < then


@pytest.mark.parametrize("name", ["reads", "crossings"])
def test_a_span_is_what_came_in_it(morning: RecordedMeet, name: str) -> None:
    head = morning.log.head().position
    for begin, end in [(1, head // 2), (head // 2 + 1, head), (head // 3, head // 2), (head, head)]:
        span = span_of(morning, begin, end)
        known = played(morning, name, span)
        assert all(begin <= at <= end for at, _ in known)
        whole = played(morning, name, span_of(morning, 1, end))
        assert known == [each for each in whole if each[0] >= begin]
    reads = played(morning, "reads")
    halves = [
        *played(morning, "reads", span_of(morning, 1, head // 2)),
        *played(morning, "reads", span_of(morning, head // 2 + 1)),
    ]
    if name == "reads":
        # A copy with a stronger signal is a copy of a read in the other half, too.
        assert [i for _, i in halves] == [i for _, i in reads]


def test_a_long_log_of_reads_is_not_held_in_memory(morning: RecordedMeet) -> None:
    items = known_items(span_of(morning), relay_of(morning, "reads"), settings_at(morning.log))
    assert next(iter(items))[0] > 0


def item(number: int) -> Item:
    return Item(2, "Finish", str(number), number)


def queue(known: Iterable[tuple[int, Item]], *, paced: bool) -> MemoryLog:
    log = MemoryLog(clock=lambda: 1)
    queue_items(log, "replay", known, paced=paced)
    return log


@around
def test_a_decision_holds_so_many_items(more: int) -> None:
    log = queue([(1, item(n)) for n in range(MOST_ITEMS + more)], paced=True)
    sizes = [len(fact.items) for fact in decisions(log)]
    assert sizes == [min(MOST_ITEMS, MOST_ITEMS + more), *[more] * (more > 0)]


@pytest.mark.parametrize("paced", [False, True])
def test_decisions_hold_all_items_in_order(paced: bool) -> None:
    known = [(n // 3 + 1, item(n)) for n in range(2 * MOST_ITEMS + 7)]
    known += [(9000, item(n)) for n in range(MOST_ITEMS + 1)]
    log = queue(known, paced=paced)
    facts = list(decisions(log))
    assert [i for fact in facts for i in fact.items] == [i for _, i in known]
    assert all(0 < len(fact.items) <= MOST_ITEMS for fact in facts)
    assert [fact.before for fact in facts] == [
        sum(len(f.items) for f in facts[:n]) for n in range(len(facts))
    ]
    stream = Stream()
    for fact in facts:
        stream.take(fact)
    assert (stream.items, stream.counts) == (len(known), {"Finish": len(known)})
    ats = [at for at, _ in known]
    if paced:
        assert [fact.as_of for fact in facts] == [*dict.fromkeys(ats[:-1001]), 9000, 9000]
    else:
        assert len(facts) == -(-len(known) // MOST_ITEMS)
        assert facts[-1].as_of == 9000


def test_the_log_that_is_played_is_only_read(tmp_path: Path) -> None:
    meet, _ = busy(tmp_path / "meet", more=RELAYS)
    before = meet.path.read_bytes(), meet.log.head()
    played(meet, "crossings")
    changed = msgspec.structs.replace(relay_of(meet, "reads"), tag="bib")
    list(known_items(span_of(meet), changed, settings_at(meet.log)))
    assert (meet.path.read_bytes(), meet.log.head()) == before
