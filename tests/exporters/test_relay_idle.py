"""A relay whose filters let nothing through must not keep in memory what the others have sent."""

import pytest

from exporters import relay_backfill, relay_work
from tests.exporters.relay_stand import Stand, relay
from tests.kit.meets import read


def test_what_a_relay_wants_nothing_of_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_work, "MARK_READS", 20)
    stand = Stand(relay("all"), relay("none", chips=["999999"]))
    most = 0
    for n in range(100):
        stand.pool.passes(n * 1000, str(1000 + n))
        stand.step()
        most = max(most, stand.meet.state.relays.heard_size)
    stand.catch_up()
    assert len(stand.items("all")) == 100
    assert stand.items("none") == []
    assert most <= 25
    assert len(stand.decisions("none")) < 10  # the log is told now and then, not each time


def test_a_relay_that_has_looked_says_so_once_whatever_is_kept_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new relay takes a while to come up: that is no reason for others to fill the log."""
    monkeypatch.setattr(relay_work, "MARK_READS", 3)
    monkeypatch.setattr(relay_backfill, "PORTION", 1)
    narrow = relay("narrow", points=["Turn"])
    stand = Stand(narrow)
    for n in range(30):
        stand.pool.hear(read(n * 500, "7"))
    stand.settle()
    before = len(stand.decisions("narrow"))
    assert before > 0
    stand.adopt(narrow, relay("new"))
    for n in range(30, 35):
        stand.pool.hear(read(n * 500, "7"))
    stand.settle()
    assert len(stand.items("new")) == 35
    assert len(stand.decisions("narrow")) <= before + 3
    assert stand.meet.state.relays.heard_size < 5
