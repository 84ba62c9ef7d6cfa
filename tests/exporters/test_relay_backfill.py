"""A relay that is added to a meet takes what was before it from the log, whatever fails."""

import pytest

from exporters import relay_backfill
from tests.exporters.relay_stand import Stand, relay
from wire.stamps import NS


def test_a_portion_that_could_not_be_queued_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_backfill, "PORTION", 3)
    stand = Stand()
    for n in range(12):
        stand.pool.passes(n * 1000, str(1000 + n))
    stand.catch_up()
    stand.adopt(relay("late"))
    for turn in range(60):
        stand.log.full = turn % 2 == 0
        stand.step()
        stand.now += 2 * NS  # longer than it waits before it tries again
    stand.log.full = False
    stand.settle()
    assert [item.tag for item in stand.items("late")] == [str(1000 + n) for n in range(12)]
