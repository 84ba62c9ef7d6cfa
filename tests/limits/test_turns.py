"""How much is taken up in one turn: what is above a ceiling comes with the next one."""

from typing import Any

import pytest

from exporters import relay_queue, relay_work
from exporters.relay_choice import Choice
from exporters.relay_work import CrossingsWork, ReadsWork
from projections import folding
from projections.folding import fold
from projections.meet import Meet
from projections.relayed import ItemKind
from projections.relays import Stream
from store.event import SOCKET_READ, Draft, Event
from store.memory import MemoryLog
from tests.exporters.relay_stand import Stand, relay
from tests.kit.around import around
from tests.kit.meets import SWIM, Pool, read
from tests.kit.passing_log import PassingLog

MOST = 5


def parted(count: int) -> list[int]:
    """Sizes of the turns that so many things take."""
    return [min(count, MOST), max(0, count - MOST)]


@around
def test_reads_of_a_turn(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    monkeypatch.setattr(relay_work, "MOST_READS", MOST)
    pool, meet = Pool(SWIM + relay("out")), Meet()
    for n in range(MOST + more):
        pool.hear(read(n * 1000, str(n)))
        meet.feed(pool.log.read(meet.position))
    (settings,) = meet.settings.relays
    work, choice = ReadsWork(settings, pool.log), Choice(settings, meet, Stream())
    sizes = []
    for _ in range(2):
        portion = work.portion(meet, Stream(), choice, 0)
        work.accept(portion)
        sizes.append(sum(item.kind == ItemKind.BEST_SEEN for item in portion.items))
    assert sizes == parted(MOST + more)


@around
def test_items_of_a_decision(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    monkeypatch.setattr(relay_queue, "MOST_ITEMS", MOST)
    stand = Stand(relay("out"))
    stand.pool.hear(*(read(n * 1000, str(n)) for n in range(MOST + more)))
    stand.settle()
    sizes = [len(each.items) for each in stand.decisions("out")]
    assert sizes == [size for size in parted(MOST + more) if size]


@around
@pytest.mark.parametrize("name", ["MOST_LOOKS", "MOST_DUE"])
def test_crossings_of_a_turn(monkeypatch: pytest.MonkeyPatch, name: str, more: int) -> None:
    """One chip each: those that are looked at, and those that come due."""
    monkeypatch.setattr(relay_work, name, MOST)
    pool = Pool(SWIM + relay("out", send="crossings", hold="0s"))
    for n in range(MOST + more):
        pool.hear(read(n * 1000, str(n)))
    meet = pool.meet()
    (settings,) = meet.settings.relays
    work, choice = CrossingsWork(settings), Choice(settings, meet, Stream())
    sizes = [len(work.portion(meet, Stream(), choice, n).items) for n in range(2)]
    assert sizes == parted(MOST + more)


class Paged(PassingLog):
    """A log that notes how many events each page had."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.pages: list[int] = []

    def read(self, *where: Any, **how: Any) -> list[Event]:
        page = super().read(*where, **how)
        self.pages += [len(page)] * (not how.get("kinds"))
        return page


@around
def test_bytes_that_a_fold_holds(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    """A page ends with the event that exceeds it."""
    most = 1000
    monkeypatch.setattr(folding, "CHUNK_BYTES", most)
    log = Paged(MemoryLog())
    log.append([Draft("mat", SOCKET_READ, body=bytes(size)) for size in (most + more, 1)])
    assert fold(log).position == 2
    assert log.pages == ([1, 1] if more > 0 else [2])
