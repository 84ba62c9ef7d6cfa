"""A world: one meet with its hub, its peers, its operators and its misfortunes, from one seed."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.abc

from ingest.errors import IngestError
from meetlog.house import House, open_house
from projections.folding import advance
from store.event import FILE_CHANGED, RESULT_PUBLISHED, Event
from store.log import StoreUnavailable
from tests.simulation import invariants as must
from tests.simulation.disk import Store
from tests.simulation.evidence import Evidence
from tests.simulation.faults import Misfortune
from tests.simulation.folder import Folder
from tests.simulation.hub import Machine
from tests.simulation.life import Life
from tests.simulation.loop import SeededLoop, the_loop
from tests.simulation.meet import (
    MORNING,
    gun_of,
    make_chips,
    make_program,
    rows_of,
    write_script,
)
from tests.simulation.network import Cable, Internet, Watch
from tests.simulation.peers import (
    Teller,
)
from tests.simulation.people import People
from tests.simulation.swarm import Swarm
from wire.settings_file import parse
from wire.stamps import NS
from wire.statements import (
    Reinstate,
    StartHeat,
)
from wire.timedrops import encode_program

PATIENCE = 200  # seconds in which a world without faults must settle
COMPARED_AFTER = 25  # events: a fold anew is not made for each of many short lives


MakeUp = Callable[[random.Random], Swarm]


class Observed(Watch):
    """Looks at the hub's doings on the network, and holds them against what is durable."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._said: dict[str, bytearray] = {}
        self._relayed: dict[str, must.RelayedBytes] = {}

    def before_receive(self, cable: Cable) -> None:
        """See `Watch.before_receive`."""
        must.what_was_received_is_durable_before_more_is(self._world.evidence, cable)

    def before_send(self, cable: Cable, data: bytes) -> None:
        """See `Watch.before_send`."""
        world = self._world
        relay = world.relay_of(cable)
        if relay is None:
            said = self._said.setdefault(cable.name, bytearray())
            said += data
            must.what_is_said_to_a_source_is_durable_first(world.evidence, cable, said)
            return
        protocol = world.swarm.relays[relay].protocol
        looked = self._relayed.setdefault(cable.name, must.RelayedBytes(protocol, relay))
        looked.what_is_relayed_was_decided_first(world.evidence, cable, data)


class World:
    """See the module. `run` lets it happen; what was promised and does not hold raises `Broken`."""

    def __init__(self, seed: int, group: anyio.abc.TaskGroup, make_up: MakeUp = Swarm) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.swarm = make_up(self.chance)
        self.script = write_script(self.chance, self.swarm)
        self.loop: SeededLoop = the_loop()
        self.group = group
        self.steps = 0
        self.story = Counter[str]()
        self.evidence = Evidence()
        self.ahead = 0  # ns by which the wall clock is wrong
        self.drift = 0.0
        self.store = Store(random.Random(seed + 1), self.wall)
        self.store.appended = self._appended
        self.store.between = self._between
        self.folder = Folder(random.Random(seed + 2), self.wall)
        self.folder.before_write = self._before_write
        self.internet = Internet(random.Random(seed + 3), group)
        self.observed = Observed(self)
        self.machine = Machine(
            random.Random(seed + 4),
            self.wall,
            store=self.store,
            folder=self.folder,
            internet=self.internet,
            watch=self.observed,
        )
        self.life = Life(0)
        self.life.alive = False
        self.house: House | None = None
        self.broken: must.Broken | None = None
        self.settling = False
        self._finished = False
        self._stop = anyio.Event()
        self._over = anyio.Event()
        self._doom_step: int | None = None
        self._pieces: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._interfering = False
        self._compared = -COMPARED_AFTER
        self._done = (0, 0, 0)
        self._quiet_since = 0.0
        self.people = People(self)
        self.loop.ready.before = self._before_step

    # -- clocks ------------------------------------------------------------

    def wall(self) -> int:
        """The hub's wall clock, ns UTC."""
        now = self.loop.now()
        return MORNING + now + self.ahead + round(now * self.drift)

    @property
    def trace(self) -> str:
        """The same for two runs in which the same happened at the same time."""
        told = self.steps, self.loop.time(), self.store.log.head()
        return hashlib.sha256(repr(told).encode()).hexdigest()

    # -- what is watched ----------------------------------------------------

    def _before_step(self) -> None:
        self.steps += 1
        if self._doom_step is not None and self.steps >= self._doom_step:
            self._doom_step = None
            self.end_life("between two steps")

    def _appended(self, events: list[Event]) -> None:
        self.evidence.add(events)
        kinds = {event.kind for event in events}
        with self.holding():
            if RESULT_PUBLISHED in kinds:
                must.revisions_increase(self.evidence)
            if FILE_CHANGED in kinds:
                must.own_files_are_not_taken_in(self.evidence, events)

    def _before_write(self, name: str, data: bytes) -> None:
        with self.holding():
            must.what_is_published_was_decided_first(self.evidence, name, data)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """A promise that is broken inside of the hub is told here, lest the hub take it on."""
        try:
            yield
        except must.Broken as e:
            self.fail(e)
            raise

    def fail(self, broken: must.Broken) -> None:
        """A promise was broken: the world ends."""
        if self.broken is None:
            self.broken = broken
            self._over.set()

    def relay_of(self, cable: Cable) -> str | None:
        """The relay that a connection belongs to; None for a source's."""
        ports = {int(end.rpartition(":")[2]) for end in (cable.near.local, cable.near.peer)}
        return next((n for n, r in self.swarm.relays.items() if r.port in ports), None)

    def _between(self) -> None:
        """Another process, or another thread, comes in between."""
        if self._interfering or not self.life.alive:
            return
        self._interfering = True
        try:
            chance = self.chance
            people = self.people
            if people.waiting and chance.random() < 0.1:
                people.say(people.waiting.pop())
            elif self.machine.writer is not None and chance.random() < 0.05:
                self.machine.writer.hurry()
        finally:
            self._interfering = False

    # -- the process -------------------------------------------------------

    def end_life(self, where: str) -> None:
        """The hub's process ends now, without another word."""
        if self.life.alive:
            self.life.end(where)

    def end_after(self, steps: int) -> None:
        """It ends after so many steps of whatever goes on."""
        self._doom_step = self.steps + steps

    def no_doom(self) -> None:
        """It does not."""
        self._doom_step = None

    def stop(self) -> None:
        """It is asked to stop in good order."""
        self._stop.set()

    async def keep_running(self) -> None:
        """Somebody starts the hub again whenever it has ended."""
        number = 0
        while True:
            number += 1
            self.life = life = Life(number)
            self._stop = anyio.Event()
            self.machine.projecting = None
            began = len(self.internet.cables)
            # Somebody may have edited the file meanwhile.
            edited = self.chance.random() < 0.15 and not self.settling
            body = self.swarm.variant(self.chance) if edited else self.swarm.toml
            settings = parse(body)
            try:
                with life.scope:
                    edges = self.machine.edges(life)
                    async with open_house(Path("meet"), settings, body, edges=edges) as house:
                        self.house = house
                        await self._until_end(house)
                        self.house = None
                        if house.failure is not None:
                            raise house.failure  # noqa: TRY301 - as `meetlog run` does
            except BaseException as e:  # noqa: BLE001 - sorted out by `_unwound`
                self._unwound(life, e)
            self.house = None
            self._after(life, began)
            life.alive = False
            if self._over.is_set():
                return
            if self._finished:
                self._over.set()
                return
            await anyio.sleep(self.chance.choice((0.1, 1.0, 3.0)))

    async def _until_end(self, house: House) -> None:
        async with anyio.create_task_group() as group:
            for event in (self._stop, house.failed):
                group.start_soon(_end_with, event, group.cancel_scope)

    def _unwound(self, life: Life, e: BaseException) -> None:
        """What the process ended with: only some of it is to be expected of one that lived."""
        for each in _leaves(e):
            if isinstance(each, must.Broken):
                self.fail(each)
                return
        if not life.alive:
            self.story[f"crash {life.died_at}"] += 1
            return
        for each in _leaves(e):
            if isinstance(each, StoreUnavailable | IngestError):
                self.story[f"ended: {type(each).__name__}"] += 1
            elif isinstance(each, asyncio.CancelledError):
                raise e
            else:
                broken = must.Broken(f"the hub failed: {each!r}")
                broken.__cause__ = each
                self.fail(broken)

    def _after(self, life: Life, began: int) -> None:
        """The process is gone: look at what it left."""
        cables = self.internet.cables[began:]
        writer = self.machine.writer
        if not life.alive or (writer is not None and writer.failure is not None):
            for cable in cables:
                missing = len(cable.delivered) - len(self.evidence.read.get(cable.name, b""))
                if 0 < missing <= cable.last:
                    self._lost[cable.name] = missing
        if not life.alive and life.power:
            self.store.lose_power()
        try:
            must.bodies_are_what_was_received(self.evidence, cables, self._lost)
            projecting = self.machine.projecting
            if projecting is not None and self.broken is None:
                meet = projecting.projector.meet
                few = meet.position < self._compared + COMPARED_AFTER
                if meet.stale or few or self._finished:
                    return
                self._compared = meet.position
                meet.settle()
                anew = must.folded_at_once(self.store.log, meet.position)
                must.folding_on_equals_folding_anew(meet, anew)
        except must.Broken as e:
            self.fail(e)

    # -- the run -----------------------------------------------------------

    async def run(self) -> None:
        """From the first start to the last look. Raises `Broken`."""
        self.people.begin()
        self.group.start_soon(self.keep_running)
        misfortune = Misfortune(self)
        self.group.start_soon(self._watch_memory)
        with anyio.move_on_after(self.script.length / NS):
            await misfortune.strike()
        misfortune.end()
        self.settling = True
        await self._settle()
        if self.broken is not None:
            raise self.broken
        self._check_end()

    async def _watch_memory(self) -> None:
        while True:
            await anyio.sleep(0.5)
            writer = self.machine.writer
            pending = writer.pending if writer is not None else 0
            tasks = len(asyncio.all_tasks())
            try:
                must.memory_is_bounded(pending, self.internet.open_cables(), tasks)
            except must.Broken as e:
                self.fail(e)
                return

    async def _settle(self) -> None:
        """No more faults: everything is said again, and then all must come to rest."""
        people = self.people
        self.folder.put("meet_program.json", encode_program(make_program(self.script, 7)))
        self.folder.put("chips.csv", make_chips(self.script))
        for teller in self.people.tellers.values():
            if isinstance(teller, Teller):
                teller.again()
        for heat in range(1, self.script.heats + 1):
            people.say(StartHeat(gun=gun_of(heat), **(people.said("Ada") | {"heat": heat})))
            for lane in range(1, self.script.lanes + 1):
                again = people.said("Ada") | {"heat": heat, "lane": lane}
                people.say(Reinstate(**again))
        end = self.loop.time() + PATIENCE
        waiting = "it to begin"
        while self.broken is None:
            await anyio.sleep(1)
            waiting = self._unsettled()
            if not waiting:
                break
            if self.loop.time() > end:
                self.fail(must.Broken(f"{PATIENCE} s without faults, and it waits for {waiting}"))
        self._finished = True
        self._stop.set()
        await self._over.wait()

    def _unsettled(self) -> str:
        """What is still to come; "" for nothing."""
        house, projecting = self.house, self.machine.projecting
        if house is None or projecting is None:
            return "the hub to run"
        meet = projecting.projector.meet
        if meet.position != self.store.log.head().position:
            return "the fold to reach the head"
        told = {(row.chip, row.feed, row.moment) for row in rows_of(self.script)}
        known = sum(c.reads for c in meet.crossings())
        distinct = {(r.chip, r.feed, r.moment, r.reader, r.antenna) for r in rows_of(self.script)}
        if known < len(distinct):
            return f"{len(told)} reads, of which {known} are there"
        for name, program in self.people.programs.items():
            missing = must.missing_items(self.evidence, name, program)
            if missing:
                return f"{name} to have {sorted(missing, key=repr)[:3]}"
        files = self.result_files()
        if files.keys() != self.evidence.documents.keys():
            return "the files to be written"
        done = (len(self.evidence.documents), self.evidence.relayed, len(self.internet.cables))
        if done != self._done:
            self._done, self._quiet_since = done, self.loop.time()
        return "a silence" if self.loop.time() - self._quiet_since < 3 else ""

    def result_files(self) -> dict[str, bytes]:
        """The result files in the folder but for those of the console."""
        return {
            name: body
            for name, (body, _) in self.folder.files.items()
            if name.startswith("Session") and "_Heat9_" not in name.replace("Heat0009", "Heat9")
        }

    def _check_end(self) -> None:
        log = self.store.log
        must.the_chain_holds(log)
        told = rows_of(self.script)
        # The last thing that the last life did was to save what it had, and then to say goodbye.
        position, rows = self.store.rows()
        meet = must.folded_at_once(log, position)
        must.read_tables_are_what_a_fold_writes(rows, meet)
        assert self.machine.projecting is not None
        must.folding_on_equals_folding_anew(self.machine.projecting.projector.meet, meet)
        advance(meet, log, log.head().position)
        meet.settle()
        must.crossings_are_the_oracles(meet, told)
        must.files_are_what_was_decided(self.evidence, self.result_files())
        must.replay_makes_the_same(log)
        must.scoring_programs_have_everything(self.evidence, self.people.programs)
        for name, relay in self.swarm.relays.items():
            if relay.send == "reads":
                must.relays_queue_what_was_read(self.evidence, name, told)


async def _end_with(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _leaves(e: BaseException) -> list[BaseException]:
    """The exceptions in it that are no groups."""
    if isinstance(e, BaseExceptionGroup):
        return [leaf for each in e.exceptions for leaf in _leaves(each)]
    return [e]
