"""A relay whose filters let nothing through must not keep in memory what the others have sent."""

import pytest

from exporters import relay_work
from tests.exporters.relay_stand import Stand, relay


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
