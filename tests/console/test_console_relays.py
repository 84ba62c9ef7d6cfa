"""Relays on the console: their cards, their metrics, and the answer of the API."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.console.visits import visiting
from tests.meetlog.relayed import RelayedMeet, corrected

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def meet(tmp_path_factory: pytest.TempPathFactory) -> RelayedMeet:
    return corrected(tmp_path_factory.mktemp("relayed"))


async def test_a_card_says_what_was_sent_again_and_what_no_longer_holds(meet: RelayedMeet) -> None:
    async with visiting(Path(meet.folder)) as visited, visited.client() as client:
        page = (await client.get("/sources")).text
    for words in (
        "scoring resent 3 of 6 items to 192.168.1.7 after the cut at 09:00:00",
        "announcer sends each read once: Finish 5, Turn 2.",
        "Tell the scorer",
        "09:00:30.12 (now 09:00:30.05)",
    ):
        assert words in page, page


async def test_the_metrics_count_what_waits(meet: RelayedMeet) -> None:
    async with visiting(Path(meet.folder)) as visited, visited.client() as client:
        told = (await client.get("/metrics")).text
    families = {f.name: f for f in text_string_to_metric_families(told)}
    waiting = {s.labels["relay"]: s.value for s in families["meetlog_relay_waiting"].samples}
    assert waiting == {"announcer": 7.0, "scoring": 0.0}
    connected = {s.labels["relay"]: s.value for s in families["meetlog_relay_connected"].samples}
    assert connected == {"announcer": 0.0, "scoring": 1.0}
