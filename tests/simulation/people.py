"""The people of a world and their programs: timing systems, scorers, a manager, two operators."""

import random
from typing import TYPE_CHECKING, Any

import anyio

from ingest.statements import state
from meetlog.refusals import Stale, Unsayable
from meetlog.stating import make
from projections.meet import Meet
from store.log import StoreError, StoreUnavailable
from tests.simulation import invariants as must
from tests.simulation.disk import StoreLog
from tests.simulation.life import Life
from tests.simulation.meet import CS, FALSE_LEAD, gun_of, make_chips, make_program
from tests.simulation.network import Place
from tests.simulation.peers import (
    Controller,
    CtpProgram,
    Program,
    Teller,
    TsvProgram,
    keep_calling,
)
from wire.stamps import NS
from wire.statements import (
    AdoptSettings,
    AnyStatement,
    CloseHeat,
    Disqualify,
    RecallHeat,
    Reinstate,
    ReopenHeat,
    SetTime,
    StartHeat,
    Withdraw,
)
from wire.timedrops import ResultFile, ResultLane, encode_program, encode_result, result_name

if TYPE_CHECKING:
    from tests.simulation.world import World

LOOKED_AT = 0.15  # of the statements: looking is a fold or two


class People:
    """See the module. `tellers` and `programs` are at the sources and relays of these names.

    `waiting` are statements that another process makes at some moment of its own.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.chance = world.chance
        self.swarm = world.swarm
        self.script = world.script
        self.tellers: dict[str, Teller | Controller] = {}
        self.programs: dict[str, Program] = {}
        self.waiting: list[AnyStatement] = []
        self.stated: list[int] = []  # the positions of statements
        self.office = StoreLog(world.store, Life(-1))  # another process, which does not crash
        self._meet = Meet()

    def said(self, author: str, *, race: bool = True) -> dict[str, Any]:
        """What every statement says, or every one about a race."""
        position = self.world.store.log.head().position
        told = {
            "author": author, "channel": "cli", "at": self.world.wall(), "seen": position,
            "reason": "because",
        }  # fmt: skip
        return told | ({"session": "1", "event": "1"} if race else {})

    def invent(self, author: str) -> AnyStatement:
        """Something that an operator might say."""
        chance = self.chance
        heat = chance.randint(1, self.script.heats)
        lane = chance.randint(1, self.script.lanes)
        said = self.said(author) | {"heat": heat}
        choice: list[AnyStatement] = [
            CloseHeat(**said),
            ReopenHeat(**said),
            StartHeat(gun=gun_of(heat) + chance.randrange(3) * CS, **said),
            SetTime(lane=lane, time_cs=chance.randrange(400, 700), **said),
            Disqualify(lane=lane, **said),
            Reinstate(lane=lane, **said),
        ]
        toml = self.swarm.variant(chance).decode()
        choice.append(AdoptSettings(toml=toml, **self.said(author, race=False)))
        if self.stated:
            which = chance.choice(self.stated)
            choice += [Withdraw(position=which, **self.said(author, race=False))] * 2
        if self.script.heats >= 2:
            choice.append(RecallHeat(gun=gun_of(2) - FALSE_LEAD, **(said | {"heat": 2})))
        return chance.choice(choice)

    def say(self, statement: AnyStatement) -> None:
        """Another process appends a statement, whatever has happened since."""
        try:
            self.stated.append(state(self.office, statement).position)
            self.world.story["stated"] += 1
        except StoreUnavailable:
            self.world.story["not stated"] += 1

    async def operate(self, author: str) -> None:
        """An operator, who looks first; what has changed meanwhile is refused."""
        while True:
            await anyio.sleep(self.chance.uniform(1, 12))
            if self.world.settling:
                return
            statement = self.invent(author)
            if self.chance.random() < 0.5:
                self.waiting.append(statement)
                continue
            if self.chance.random() < 0.5:
                await anyio.sleep(self.chance.uniform(0, 4))
            try:
                if self._meet.stale:
                    self._meet = Meet()
                made = make(self.office, self._meet, statement, effects=False)
                self.stated.append(made.position)
                self.world.story["made"] += 1
                if self.chance.random() < LOOKED_AT:
                    with self.world.holding():
                        must.a_statement_is_about_what_was_seen(
                            self.world.store.log, statement, made.position
                        )
            except Stale:
                self.world.story["stale"] += 1
            except Unsayable:
                self.world.story["unsayable"] += 1
            except StoreError:
                self.world.story["not stated"] += 1

    # -- what happens by itself ----------------------------------------------

    async def tell(self) -> None:
        """The meet goes on: what is seen is told."""
        for telling in self.script.tellings:
            wait = telling.at / NS - self.world.loop.time()
            if wait > 0:
                await anyio.sleep(wait)
            self.tellers[telling.source].tell(telling.what)
        for teller in self.tellers.values():
            if isinstance(teller, Controller):
                teller.finish()

    def begin(self) -> None:
        """Peers, operators, programs."""
        group, net = self.world.group, self.world.internet
        for number, (name, source) in enumerate(self.swarm.sources.items()):
            chance = random.Random(self.world.seed + 100 + number)
            teller: Teller | Controller
            if source.protocol == "ctp01":
                teller = Controller(name, chance)
            else:
                teller = Teller(source, chance)
            self.tellers[name] = teller
            if source.role == "client":
                net.places[source.port] = Place(teller.host)
            else:
                group.start_soon(keep_calling, net, source.port, teller.host, chance)
        for number, (name, relay) in enumerate(self.swarm.relays.items()):
            chance = random.Random(self.world.seed + 200 + number)
            ctp01 = relay.protocol == "ctp01"
            program: Program = (CtpProgram if ctp01 else TsvProgram)(relay, chance)
            self.programs[name] = program
            if relay.role == "client":
                net.places[relay.port] = Place(program.host)
            else:
                group.start_soon(keep_calling, net, relay.port, program.host, chance)
        if self.swarm.operators:
            for author in ("Ada", "Ben"):
                group.start_soon(self.operate, author)
        group.start_soon(self.tell)
        group.start_soon(self.manage_the_meet)

    async def manage_the_meet(self) -> None:
        """The meet manager writes the program and the chip table, in steps, and again."""
        chance = self.chance
        await self.write("meet_program.json", encode_program(make_program(self.script)))
        await self.write("chips.csv", make_chips(self.script))
        while not self.world.settling:
            await anyio.sleep(chance.uniform(2, 20))
            if self.world.settling:
                return
            match chance.randrange(4):
                case 0:
                    program = make_program(self.script, chance.randrange(5))
                    await self.write("meet_program.json", encode_program(program))
                case 1:
                    swapped = chance.random() < 0.5
                    await self.write("chips.csv", make_chips(self.script, swapped=swapped))
                case 2:
                    await self.write("notes.txt", b"x" * chance.randrange(3))
                case _:
                    console = ResultFile("1", "1", 9, 9, lanes=(ResultLane(1, 3000),))
                    await self.write(result_name("1", "1", 9, 9, 1), encode_result(console))

    async def write(self, name: str, data: bytes) -> None:
        """A program writes a file, as programs do: at once, in steps, or after removing it."""
        chance, folder = self.chance, self.world.folder
        if folder.away:
            return
        if chance.random() < 0.2:
            folder.remove(name)
            await anyio.sleep(chance.choice((0.0, 0.05, 0.6)))
        for _ in range(chance.choice((0, 0, 1, 2))):
            folder.put(name, data[: chance.randrange(len(data) + 1)])
            await anyio.sleep(chance.choice((0.0, 0.05, 0.2, 0.7)))
        folder.put(name, data)
