"""What goes wrong in a world, one thing after the other, and all of it over in the end."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from tests.simulation.meet import make_program
from tests.simulation.network import End
from wire.stamps import NS
from wire.timedrops import result_name

if TYPE_CHECKING:
    from tests.simulation.world import World

STRANGERS = (
    b"GET / HTTP/1.1\r\nHost: meet\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0", b"", b"ping\r\n" * 50,
    b"SimpleClient~9~CTP01\r\n", b"\0" * 2000,
)  # fmt: skip


class Misfortune:
    """Strikes the world until it is ended. What lasts is undone by a later turn, or by `end`."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.chance = world.chance
        self._ended = False
        self._names = list(world.swarm.faults)
        self._weights = list(world.swarm.faults.values())

    async def strike(self) -> None:
        """Let something go wrong, again and again; until cancelled."""
        if not self._names:
            await anyio.sleep_forever()
        while True:
            await anyio.sleep(self.chance.expovariate(1 / self.world.swarm.pause))
            name = self.chance.choices(self._names, self._weights)[0]
            self.world.story[name] += 1
            getattr(self, "_" + name.replace("-", "_"))()

    def end(self) -> None:
        """From now on nothing goes wrong."""
        self._ended = True
        world = self.world
        world.store.full = False
        world.store.failing = world.store.trouble = world.store.unreadable = 0.0
        world.store.slow = 1.0
        world.machine.slow = 0.0
        if world.machine.projecting is not None:
            world.machine.projecting.starving = 0.0
        folder = world.folder
        if folder.away:
            folder.come_back()
        folder.refusing, folder.held = "", False
        for name in [n for n, (body, _) in folder.files.items() if body == b"not ours"]:
            folder.remove(name)
        for place in world.internet.places.values():
            place.up, place.mute = True, False
        world.internet.taken.clear()
        world.life.doom = None
        world.no_doom()
        for program in world.people.programs.values():
            program.hurried = True

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        """Undo it after a while, unless all was undone already."""

        def undo() -> None:
            if not self._ended:
                do()

        self.world.loop.call_later(seconds, undo)

    # -- the network -------------------------------------------------------

    def _cut(self) -> None:
        cables = self.world.internet.open_cables()
        if cables:
            self.chance.choice(cables).cut()

    def _stall(self) -> None:
        cables = self.world.internet.open_cables()
        if cables:
            self.chance.choice(cables).stall(self.chance.choice((0.3, 3.0, 12.0)))

    def _peer_away(self) -> None:
        places = list(self.world.internet.places.values())
        if not places:
            return
        place = self.chance.choice(places)
        if self.chance.random() < 0.5:
            place.up = False
        else:
            place.mute = True

        def back() -> None:
            place.up, place.mute = True, False

        self._later(self.chance.uniform(1, 15), back)

    def _stranger(self) -> None:
        """Somebody who is no timing system calls, and says nothing that makes sense."""
        world = self.world
        doors = sorted(world.internet.doors)
        if not doors:
            return
        host = self.chance.choice(("10.0.0.66", "192.168.9.9"))
        said = self.chance.choice(STRANGERS)
        stays = self.chance.choice((0.0, 1.0, 20.0))

        async def call(port: int) -> None:
            try:
                end: End = await world.internet.call(port, host)
                with anyio.move_on_after(stays):
                    await end.send(said)
                    while await end.receive():
                        pass
            except OSError:
                return
            end.close()

        world.group.start_soon(call, self.chance.choice(doors))

    def _taken(self) -> None:
        """Another program has a port when the hub wants it next."""
        swarm = self.world.swarm
        ports = [relay.port for relay in swarm.relays.values() if relay.role == "server"]
        ports += [source.port for source in swarm.sources.values() if source.role == "server"]
        if ports:
            until = self.world.loop.time() + self.chance.uniform(1, 12)
            self.world.internet.taken[self.chance.choice(ports)] = until

    # -- the disk ----------------------------------------------------------

    def _full(self) -> None:
        store = self.world.store
        store.full = True
        self._later(self.chance.choice((0.2, 2.0, 8.0)), lambda: setattr(store, "full", False))

    def _failing(self) -> None:
        store = self.world.store
        store.failing = self.chance.choice((0.1, 0.5, 0.9))
        self._later(self.chance.choice((1.0, 6.0)), lambda: setattr(store, "failing", 0.0))

    def _slow(self) -> None:
        store = self.world.store
        store.slow = self.chance.choice((10.0, 100.0))
        self._later(self.chance.choice((1.0, 6.0)), lambda: setattr(store, "slow", 1.0))

    def _tables(self) -> None:
        store = self.world.store
        store.trouble = self.chance.choice((0.2, 0.9))
        self._later(self.chance.choice((1.0, 6.0)), lambda: setattr(store, "trouble", 0.0))

    def _reading(self) -> None:
        store = self.world.store
        store.unreadable = self.chance.choice((0.02, 0.5))
        self._later(self.chance.choice((0.5, 3.0)), lambda: setattr(store, "unreadable", 0.0))

    # -- the process and its machine -------------------------------------------

    def _crash(self) -> None:
        """It ends at once, at some step soon, or at some call to the world outside."""
        life = self.world.life
        life.power = self.chance.random() < 0.5
        match self.chance.randrange(3):
            case 0:
                self.world.end_life("at once")
            case 1:
                self.world.end_after(self.chance.randint(1, 400))
            case _:
                life.doom = self.chance.randint(1, 120)

    def _restart(self) -> None:
        self.world.stop()

    def _clock(self) -> None:
        world = self.world
        if self.chance.random() < 0.3:
            world.drift = self.chance.uniform(-0.01, 0.01)
        else:
            world.ahead += round(self.chance.choice((-3600, -5, -0.5, 0.5, 5, 3600)) * NS)

    def _slow_machine(self) -> None:
        machine = self.world.machine
        machine.slow = self.chance.choice((0.01, 0.1))
        if machine.projecting is not None:
            machine.projecting.starving = self.chance.choice((0.0, 0.3))

        def fast() -> None:
            machine.slow = 0.0
            if machine.projecting is not None:
                machine.projecting.starving = 0.0

        self._later(self.chance.uniform(1, 8), fast)

    # -- the folder --------------------------------------------------------

    def _folder(self) -> None:
        folder = self.world.folder
        if not folder.away:
            folder.vanish()
            self._later(self.chance.uniform(0.5, 10), folder.come_back)

    def _sink(self) -> None:
        folder = self.world.folder
        if self.chance.random() < 0.5:
            folder.refusing = "No space left on device"
        else:
            folder.held = True

        def over() -> None:
            folder.refusing, folder.held = "", False

        self._later(self.chance.uniform(0.5, 8), over)

    def _foreign(self) -> None:
        """Another program has a file of the name that comes next."""
        world = self.world
        races = make_program(world.script).sessions[0].heats
        race = self.chance.choice(races)
        name = result_name("1", race.event, race.heat, race.race_number, self.chance.randint(1, 3))
        if world.folder.content(name) is None:
            world.folder.put(name, b"not ours")
