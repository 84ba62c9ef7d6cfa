"""The simulation finds what it is there to find: each of these faults of the hub is seen soon."""

import random
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from exporters.publisher import Publisher
from exporters.relay_progress import Progress
from exporters.relay_queue import Queue
from ingest.connections import Connection
from ingest.ctp01 import Peers
from ingest.folder import Folder
from ingest.recorder import GroupCommitRecorder
from store.event import EMPTY_HEAD, SOCKET_SENT, Draft, Head
from store.writer import Commits
from tests.simulation.outcome import simulate
from tests.simulation.swarm import Relay, Swarm
from tests.simulation.world import MakeUp

MOST_SEEDS = 40  # within so many worlds each of them must have been seen


def acknowledge_before_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent is not waited for."""

    async def send(self: Connection, data: bytes) -> None:
        writer = self._recorder._writer  # type: ignore[attr-defined]  # a mutant may look inside
        writer.submit([Draft(self.source.name, SOCKET_SENT, self._meta, data)])
        await self.pass_on(data)

    monkeypatch.setattr(Connection, "send", send)


def read_on_before_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder does not wait for the disk."""

    async def append(self: GroupCommitRecorder, *drafts: Draft) -> Head:
        self._writer.submit(drafts)
        return EMPTY_HEAD

    monkeypatch.setattr(GroupCommitRecorder, "append", append)


def tell_before_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer tells that a batch is durable when it has gathered it."""
    gather = Commits.gather

    def gathered(self: Commits) -> bool:
        found = gather(self)
        for each in self._batch:
            each.future.set_result(EMPTY_HEAD)
            each.future = Future()
        return found

    monkeypatch.setattr(Commits, "gather", gathered)


def give_up_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that could not be written is passed over."""
    stall = Commits._stall

    def stalled(self: Commits, error: Any) -> float:
        pause = stall(self, error)
        self._tell_all([EMPTY_HEAD] * len(self._batch))
        return pause

    monkeypatch.setattr(Commits, "_stall", stalled)


def publish_before_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written whether or not the decision could be appended."""
    append = Publisher._append

    def appended(self: Publisher, drafts: list[Draft], now: int) -> Head:
        return append(self, drafts, now) or self._log.head()

    monkeypatch.setattr(Publisher, "_append", appended)


def reuse_revisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart the decisions that the meet has not folded yet are forgotten."""

    def free(self: Publisher, meet: Any, key: Any, fresh: Any) -> int:  # noqa: ARG001 - as it is called
        decided: int = self._decided_revision(key)
        return decided + 1

    monkeypatch.setattr(Publisher, "_free_revision", free)


def lose_the_last_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large piece the last byte is not recorded."""
    append = GroupCommitRecorder.append

    async def appended(self: GroupCommitRecorder, *drafts: Draft) -> Head:
        short = [
            Draft(d.source, d.kind, d.meta, d.body[:-1]) if len(d.body) > 150 else d for d in drafts
        ]
        return await append(self, *short)

    monkeypatch.setattr(GroupCommitRecorder, "append", appended)


def resume_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CTP01 source is asked to go on two lines after what is durable."""
    table = Peers.table

    def later(self: Peers) -> dict[str, dict[str, int]]:
        return {
            id_: {location: mark + 2 for location, mark in marks.items()}
            for id_, marks in table(self).items()
        }

    monkeypatch.setattr(Peers, "table", later)


def relay_before_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay's decision is taken for durable when the log could not be written."""

    def append(self: Queue, meet: Any, work: Any, portion: Any, now: int) -> bool:
        before = queue_append(self, meet, work, portion, now)
        return before or True

    queue_append = Queue._append
    monkeypatch.setattr(Queue, "_append", append)


def trust_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was handed to the network is taken for received."""
    settle = Progress.settle

    def settled(self: Progress, now: int) -> None:
        settle(self, now)
        self.safe = self.through

    monkeypatch.setattr(Progress, "settle", settled)


def take_in_own_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that we published is recorded as somebody else's."""
    init = Folder.__init__

    def made(self: Folder, *args: Any, **more: Any) -> None:
        init(self, *args, **more)
        self._is_own = lambda _path, _sha256: False

    monkeypatch.setattr(Folder, "__init__", made)


def relays_with(*faults: str) -> MakeUp:
    """Worlds in which there is a relay for sure, and these faults come often."""

    def make_up(chance: random.Random) -> Swarm:
        swarm = Swarm(chance)
        swarm.relays = {"relay0": Relay("tsv1", "server", 3001, "tsv1", "reads")}
        swarm.faults = dict.fromkeys(faults, 1)
        swarm.pause = 0.7
        return swarm

    return make_up


Mutant = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[Mutant, MakeUp] = {
    acknowledge_before_durable: Swarm,
    read_on_before_durable: Swarm,
    tell_before_durable: Swarm,
    give_up_a_batch: Swarm,
    publish_before_decided: Swarm,
    reuse_revisions: Swarm,
    lose_the_last_bytes: Swarm,
    resume_too_late: Swarm,
    take_in_own_files: Swarm,
    relay_before_decided: relays_with("failing"),
    trust_the_network: relays_with("cut", "stall"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_fault_of_the_hub_is_found(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    found = (simulate(seed, MUTANTS[mutant]).broken for seed in range(MOST_SEEDS))
    assert any(found), f"{MOST_SEEDS} worlds have not shown it"
