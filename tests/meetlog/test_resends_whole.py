"""A resend through the folds: what came before and after a reconnect, and whose times changed."""

from collections.abc import Iterator

import pytest
from msgspec import structs

from meetlog.resends import resend_of
from projections.views import Split
from tests.kit.meets import Pool, heat, read
from wire.tsv1 import encode


def swum() -> Pool:
    pool = Pool()
    pool.load(heat("1", 1, 1, {1: "101", 2: "102"}))
    pool.gun(0)
    pool.passes(30_000, "101")
    return pool


def test_after_a_reconnect_what_was_missed_is_new_and_changes_a_result() -> None:
    pool = swum()
    pool.disconnect()
    pool.connect(number=2)
    pool.open.add("mat")
    for ms, chip in ((30_000, "101"), (30_010, "102")):
        pool.now += 1_000_000
        pool.add("mat", "socket.read", pool_bytes(ms, chip), c=2)
    found = resend_of(pool.meet(), "mat")
    assert found is not None
    assert (found.received, found.known, found.new) == (2, 1, 1)
    assert found.races == ("67/1/1",)
    assert found.until_ns is None
    pool.add("mat", "socket.closed", c=2, reason="")
    over = resend_of(pool.meet(), "mat")
    assert over is not None
    assert over.until_ns is not None
    assert over.races == ("67/1/1",)


def test_only_the_splits_of_who_was_sent_again_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool()
    pool.load(heat("1", 1, 1, {n: str(100 + n) for n in range(1, 60)}))
    pool.gun(0)
    pool.passes(30_000, *(str(100 + n) for n in range(1, 59)))
    pool.disconnect()
    pool.connect(number=2)
    pool.add("mat", "socket.read", pool_bytes(30_010, "159"), c=2)
    meet = pool.meet()
    looked = []

    class Looked(tuple[Split, ...]):
        def __iter__(self) -> Iterator[Split]:
            looked.append(len(self))
            return super().__iter__()

    (race,) = meet.races()
    lanes = tuple(structs.replace(lane, splits=Looked(lane.splits)) for lane in race.lanes)
    monkeypatch.setattr(meet, "races", lambda: [structs.replace(race, lanes=lanes)])
    found = resend_of(meet, "mat")
    assert found is not None
    assert found.races == ("67/1/1",)
    assert looked == [1]


def test_without_a_resend_there_is_no_receipt() -> None:
    assert resend_of(swum().meet(), "mat") is None


def pool_bytes(ms: int, chip: str) -> bytes:
    return encode([read(ms, chip)])
