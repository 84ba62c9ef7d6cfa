"""A process that is killed at any moment, as often as one likes, loses and repeats nothing.

Everything takes part at once: sources of all protocols in all roles, the meet
folder, relays of all protocols with programs that listen, an operator in
another process, and the console.
"""

import random
import signal
from pathlib import Path

import anyio
import pytest

from store.event import APP_STARTED, RESULT_PUBLISHED, meta_of
from tests.faults.day import OFFICE, RELAYS, write_script
from tests.faults.killing import Ended, Moment, When, record
from tests.kit.nursery import Nursery
from tests.meetlog.calls import call
from wire.timedrops import STATUS_FILE

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL to kill a process with"
)
HEATS, STEPS, CROWD = 3, 3, 30
KILLS = 25  # of each seed
SCRIPT = write_script(7, HEATS, STEPS, CROWD)
# What is being done when the kill comes: how often of ten, and for how many more seconds at most.
WHEN: dict[When, tuple[int, float]] = {
    "starting": (3, 0.3),  # it listens after about so long
    "streaming": (3, 0.04),  # as long as what one step lets loose is on its way
    "relaying": (2, 0.01),
    "publishing": (1, 0.005),
    "console": (1, 0.1),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Ended:
    """The meet, recorded without a kill."""
    folder = tmp_path_factory.mktemp("undisturbed") / "meet"
    return anyio.run(record, folder, nursery, SCRIPT, ())


def test_the_undisturbed_meet_is_published_and_told_as_written(undisturbed: Ended) -> None:
    published = [e for e in undisturbed.events if e.kind == RESULT_PUBLISHED]
    assert len(published) == SCRIPT.steps[-1].published == HEATS + HEATS // 3 + 1
    assert sum(e.kind == APP_STARTED for e in undisturbed.events) == 1
    assert all(undisturbed.told[relay] for relay in RELAYS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(1, 9))
def test_kills_lose_nothing_and_publish_the_same(
    tmp_path: Path, nursery: Nursery, undisturbed: Ended, seed: int
) -> None:
    ended = anyio.run(record, tmp_path / "meet", nursery, SCRIPT, moments(seed))
    assert ended.kills == KILLS
    assert ended.files() == undisturbed.files()
    assert ended.crossings == undisturbed.crossings
    for relay in RELAYS:
        if relay != OFFICE:  # what a crossing was before its last read came may be told or not
            assert ended.told[relay] == undisturbed.told[relay]
    assert call("verify", ended.folder).exit_code == 0
    names: dict[tuple[object, ...], str] = {}
    for event in ended.events:
        if event.kind == RESULT_PUBLISHED:
            meta = meta_of(event)
            key = (meta["session"], meta["event"], meta["heat"], meta["revision"])
            assert names.setdefault(key, meta["sha256"]) == meta["sha256"], key
    again = tmp_path / "again"
    assert call("replay", ended.folder, "--into", again).exit_code == 0
    replayed = {p.name: p.read_bytes() for p in again.iterdir() if p.name != STATUS_FILE}
    assert replayed == {n: b for n, b in ended.files().items() if n.startswith("Session")}


def moments(seed: int) -> list[list[Moment]]:
    """When to kill, step by step."""
    rng = random.Random(seed)
    found: list[list[Moment]] = [[] for _ in SCRIPT.steps]
    often = [often for often, _ in WHEN.values()]
    for when in rng.choices(list(WHEN), often, k=KILLS):
        rng.choice(found).append(Moment(when, rng.uniform(0, WHEN[when][1])))
    return found
