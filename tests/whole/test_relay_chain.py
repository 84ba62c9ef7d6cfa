"""meetlog feeds meetlog: the same crossings at the end of the chain, in every protocol and role."""

import random
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import pytest

from tests.kit.conditions import Conditions
from tests.kit.ports import free_port
from tests.kit.programs import looking_at, programs_on
from tests.whole.chain import (
    LINKS,
    Hub,
    Line,
    Puller,
    detections,
    ends,
    official,
    pieces,
    relay_of,
    settings_of,
    source_of,
)
from tests.whole.peers import say
from wire.reads import RawRead
from wire.stamps import NS

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients come back at once."""
    monkeypatch.setattr("ingest.clients.FIRST_PAUSE", NS // 100)
    monkeypatch.setattr("ingest.clients.LONGEST_PAUSE", NS // 20)
    monkeypatch.setattr("ingest.clients.SHORTEST_PAUSE", NS // 100)


class Chain:
    """Hubs, each of which feeds the next, and the lines between them."""

    def __init__(self, root: Path, conditions: Conditions, group: anyio.abc.TaskGroup) -> None:
        self.mat = free_port()
        self.hubs: list[Hub] = []
        self.lines: list[Line] = []
        self.conditions = conditions
        self._root = root
        self._group = group

    async def lay(self, chance: random.Random, cuts: int = 0, most: int = 1) -> Line:
        """One more line."""
        line = Line(self.conditions, chance, cuts, most)
        await self._group.start(line.run)
        self.lines.append(line)
        return line

    def settings(self, names: Sequence[str], number: int, more: str) -> str:
        """The settings of hub `number`; `more` are lines of its relay's, if it has one."""
        source = after = ""
        if number > 0:
            before = LINKS[names[number - 1]]
            source = source_of(before, ends(before, self.lines[number - 1])[1])
        if number < len(names):
            link = LINKS[names[number]]
            after = relay_of(link, ends(link, self.lines[number])[0], more)
        return settings_of(
            mat=None if number else self.mat,
            source=source,
            relay=after,
            feeds=not (number and "crossings" in more),
        )

    async def build(self, names: Sequence[str], more: str) -> None:
        """A hub more than there are links, and a line for each of those that has none."""
        while len(self.lines) < len(names):
            await self.lay(random.Random(1))
        for number in range(len(names) + 1):
            hub = Hub(self._root / f"hub{number}", self.settings(names, number, more))
            self.hubs.append(hub)

    async def begin(self, *numbers: int) -> None:
        """Begin to record in these hubs; without any, in all."""
        for number in numbers or range(len(self.hubs)):
            await self._group.start(self.hubs[number].run)

    async def end_with(self, wanted: int) -> None:
        """Wait until the last hub has so many different reads, and stop all."""
        await self.conditions.until(lambda: self.hubs[-1].new() >= wanted)
        for hub in self.hubs:
            await hub.end()


@asynccontextmanager
async def chained(root: Path) -> AsyncIterator[Chain]:
    async with looking_at(root) as conditions, anyio.create_task_group() as group:
        yield Chain(root, conditions, group)
        group.cancel_scope.cancel()


def sendable(reads: Iterable[RawRead], names: Iterable[str]) -> int:
    """How many different reads come through these links."""
    kinds = (0, 2) if any(LINKS[name].protocol == "ctp01" for name in names) else (0, 1, 2)
    return len({read for read in reads if read.type in kinds})


@pytest.mark.parametrize("send", ["reads", "raw", "crossings"])
@pytest.mark.parametrize("name", LINKS)
async def test_the_next_hub_has_the_same_crossings(tmp_path: Path, name: str, send: str) -> None:
    # What has no signal strength in the protocol has none here: then the choice is the same.
    rssi = LINKS[name].protocol == "tsv2" or send == "crossings"
    reads = list(detections(7, chips=40, passings=4, rssi=rssi))
    async with chained(tmp_path) as chain:
        await chain.build([name], f'send = "{send}"\nhold = "1s"')
        await chain.begin()
        await say(chain.mat, *pieces(reads, 20))
        await chain.end_with(40 * 4 + 1 if send == "crossings" else sendable(reads, [name]))
    first, last = [hub.meet() for hub in chain.hubs]
    assert len(official(first)) == 40 * 4
    assert official(last) == official(first)


SEEDS = range(8)
MANY = 12_000  # reads and copies
KILLS = 2


@pytest.mark.parametrize("seed", SEEDS)
async def test_cuts_and_restarts_anywhere_change_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = [list(LINKS)[seed % len(LINKS)], chance.choice(list(LINKS))]
    send = chance.choice(["reads", "reads", "raw", "crossings"])
    reads = list(detections(seed, chips=60, passings=4))
    data = pieces(reads, chance.choice((1, 7, 100)))
    cuts = [chance.randrange(12), chance.randrange(12)]
    async with chained(tmp_path) as chain:
        for each in cuts:
            await chain.lay(chance, each, chance.choice((300, 5000, 60_000)))
        await chain.build(names, f'send = "{send}"\nhold = "1s"')
        await chain.begin()
        before, middle = chain.lines[0], chain.hubs[1]
        async with anyio.create_task_group() as feeding:
            feeding.start_soon(partial(say, chain.mat, *data))
            for _ in range(chance.randrange(4)):
                with anyio.move_on_after(1):
                    await chain.conditions.until(before.has_carried(chance.randrange(40_000)))
                await middle.restart()
        crossed = send == "crossings"
        await chain.end_with(60 * 4 + 1 if crossed else sendable(reads, names))
    first, _, last = [hub.meet() for hub in chain.hubs]
    assert len(official(first)) == 60 * 4
    assert official(last) == official(first)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing to kill a process with")
@pytest.mark.timeout(240)  # programs are loaded one after the other
@pytest.mark.parametrize("names", [("tsv2", "tsv1"), ("ctp01", "ctp01")])
async def test_a_hub_that_is_killed_in_the_middle_loses_nothing(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    chance = random.Random("".join(names))
    reads = list(detections(3, chips=60, passings=4))
    async with programs_on(tmp_path) as programs, anyio.create_task_group() as group:
        chain = Chain(tmp_path, programs.conditions, group)
        await chain.build(names, 'send = "reads"')
        programs.folder = chain.hubs[1].folder
        spares = [await programs.spare() for _ in range(KILLS + 1)]
        await chain.begin(0, 2)
        line, data = chain.lines[1], pieces(reads, 5)
        share = -(-len(data) // len(spares))
        for n, running in enumerate(spares):
            await running.go()
            await say(chain.mat, *data[n * share : (n + 1) * share])
            await running.until_up()
            if n < KILLS:
                with anyio.move_on_after(chance.random()):
                    await chain.conditions.until(line.has_carried(chance.randrange(10_000)))
                await running.kill()
            assert "Traceback" not in running.text
        wanted = sendable(reads, names)
        await chain.conditions.until(lambda: chain.hubs[2].new() >= wanted)
        spares[-1].process.send_signal(signal.SIGTERM)
        assert await spares[-1].gone() == 0, spares[-1].text
        for hub in (chain.hubs[0], chain.hubs[2]):
            await hub.end()
        group.cancel_scope.cancel()
    first, middle, last = [hub.meet() for hub in chain.hubs]
    assert len(official(first)) == 60 * 4
    assert official(last) == official(middle) == official(first)


@pytest.mark.parametrize("name", LINKS)
async def test_a_burst_comes_through_whole(tmp_path: Path, name: str) -> None:
    reads = list(detections(5, chips=MANY // 7, passings=2))
    async with chained(tmp_path) as chain:
        await chain.build([name], 'send = "reads"')
        await chain.begin()
        await say(chain.mat, *pieces(reads, 100))
        await chain.end_with(sendable(reads, [name]))
    first, last = [hub.meet() for hub in chain.hubs]
    assert official(last) == official(first)


@pytest.mark.parametrize("seed", [1, 2])
async def test_one_who_pulls_has_the_same_crossings(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    reads = list(detections(seed, chips=60, passings=4))
    async with chained(tmp_path) as chain:
        line = await chain.lay(chance, cuts=6, most=9000)
        await chain.build(["ctp01"], 'send = "reads"')
        puller = Puller(chain.conditions)
        async with anyio.create_task_group() as group:
            await group.start(puller.run, line.back)
            await chain.begin(0)
            await say(chain.mat, *pieces(reads, 20))
            wanted = sendable(reads, ["ctp01"])
            await chain.conditions.until(lambda: len(puller.lines) >= wanted)
            await chain.hubs[0].end()
            group.cancel_scope.cancel()
    assert line.cut == 6
    assert puller.meet(chain.hubs[1].body) == official(chain.hubs[0].meet())
