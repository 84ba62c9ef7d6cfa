"""A network between the hub and its peers, which delays, splits, stalls, cuts and forgets.

A connection is two pipes of bytes in order, as TCP's are. What was not read
when a connection is cut may be lost, whatever the sender believes; either end
may hear of it at once, late, or only when its keepalive gives up.
"""

import errno
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel

from ingest.errors import IngestError
from ingest.streams import RECEIVE_BYTES, Listener, Stream
from tests.simulation.life import Life
from tests.simulation.loop import SeededLoop, the_loop

WINDOW = 64 * 1024  # bytes on the way and in both systems' buffers, beyond which `send` waits
ROUNDING = 2e-9  # a timer may be early by what the loop takes for one moment
KEEPALIVE = 12.0  # seconds after which a pulled cable is noticed
HUB = "10.0.0.1"


class _Pipe:
    """One direction of a connection."""

    def __init__(self, chance: random.Random, loop: SeededLoop) -> None:
        self.chance = chance
        self.loop = loop
        self.held = bytearray()  # arrived, and not read yet
        self.on_the_way = 0
        self.ended = False
        self.failure: OSError | None = None
        self.stalled_until = 0.0
        self.lost = False  # what is on the way does not arrive any more
        self._sent: deque[tuple[float, bytes | None]] = deque()
        self._changed = anyio.Event()

    @property
    def size(self) -> int:
        """Bytes in it."""
        return self.on_the_way + len(self.held)

    def put(self, data: bytes) -> None:
        """Send, in pieces that arrive one after the other."""
        while data:
            size = self.chance.randint(1, len(data)) if self.chance.random() < 0.3 else len(data)
            piece, data = data[:size], data[size:]
            self.on_the_way += len(piece)
            self._send(piece)

    def end(self) -> None:
        """After what was sent, there is no more."""
        self._send(None)

    def fail(self, failure: OSError) -> None:
        """Whoever reads or writes gets this from now on."""
        if self.failure is None:
            self.failure = failure
        self.change()

    def change(self) -> None:
        """Wake all who wait."""
        self._changed.set()
        self._changed = anyio.Event()

    async def wait(self) -> None:
        """Wait for any change."""
        await self._changed.wait()

    def _send(self, piece: bytes | None) -> None:
        latency = self.chance.choice((0.0002, 0.001, 0.02, 0.2))
        last = self._sent[-1][0] if self._sent else 0.0
        arrives = max(last, self.loop.time() + latency)
        self._sent.append((arrives, piece))
        self.loop.call_at(arrives, self._arrive)

    def _arrive(self) -> None:
        """What is due arrives, in the order in which it was sent; None is the end."""
        now = self.loop.time()
        if now < self.stalled_until:
            self.loop.call_at(self.stalled_until, self._arrive)
            return
        while self._sent and self._sent[0][0] <= now + ROUNDING:
            piece = self._sent.popleft()[1]
            self.on_the_way -= len(piece or b"")
            if self.lost:
                continue
            if piece is None:
                self.ended = True
            else:
                self.held += piece
        self.change()


class End:
    """One end of a connection: a `Stream`."""

    def __init__(self, inbox: _Pipe, outbox: _Pipe, local: str, peer: str) -> None:
        self.local = local
        self.peer = peer
        self.closed = False
        self.inbox = inbox
        self.outbox = outbox

    async def receive(self) -> bytes:
        """See `Stream.receive`."""
        while True:
            await anyio.lowlevel.checkpoint_if_cancelled()
            if self.inbox.held:
                break
            if self.inbox.failure is not None:
                raise self.inbox.failure
            if self.inbox.ended:
                return b""
            if self.closed:
                raise OSError(errno.EBADF, "the socket is closed")
            await self.inbox.wait()
        held = self.inbox.held
        most = min(len(held), RECEIVE_BYTES)
        size = self.inbox.chance.randint(1, most) if self.inbox.chance.random() < 0.2 else most
        data = bytes(held[:size])
        del held[:size]
        self.inbox.change()
        return data

    async def send(self, data: bytes) -> None:
        """See `Stream.send`."""
        while data:
            await anyio.lowlevel.checkpoint_if_cancelled()
            if self.closed or self.inbox.failure is not None:
                raise BrokenPipeError(errno.EPIPE, "broken pipe")
            room = WINDOW - self.outbox.size
            if room <= 0:
                await self.outbox.wait()
                continue
            piece, data = data[:room], data[room:]
            self.outbox.put(piece)

    def close(self) -> None:
        """See `Stream.close`."""
        if not self.closed:
            self.closed = True
            self.outbox.end()
            self.inbox.change()


class Cable:
    """A connection as the network has it, with the hub at `near`."""

    def __init__(self, chance: random.Random, local: str, peer: str) -> None:
        self.chance = chance
        there, here = _Pipe(chance, the_loop()), _Pipe(chance, the_loop())
        self.name = f"{local}>{peer}"
        self.near = End(here, there, local, peer)
        self.far = End(there, here, peer, local)
        self.to_hub, self.to_peer = here, there
        self.delivered = bytearray()  # what the hub was given
        self.last = 0  # the size of the last piece of that
        self.cut_off = False

    @property
    def over(self) -> bool:
        """Whether nobody uses it any more."""
        return self.cut_off or (self.near.closed and self.far.closed)

    def cut(self) -> None:
        """The connection breaks; what is on the way is lost, and perhaps what was not read."""
        self.cut_off = True
        for pipe, end in ((self.to_hub, self.near), (self.to_peer, self.far)):
            pipe.lost = True
            if self.chance.random() < 0.5:
                pipe.held.clear()
            late = self.chance.choice((0.0, 0.0, 0.5, KEEPALIVE))
            failure: OSError = ConnectionResetError(errno.ECONNRESET, "reset")
            if late == KEEPALIVE:
                failure = TimeoutError(errno.ETIMEDOUT, "timed out")
            self._tell(end, failure, late)

    def reset(self, end: End) -> None:
        """One end is gone without a word, and the other hears of it when the system says so."""
        self.cut_off = True
        other = self.far if end is self.near else self.near
        end.inbox.lost = True
        if self.chance.random() < 0.5:
            end.outbox.lost = True
        self._tell(other, ConnectionResetError(errno.ECONNRESET, "reset"), 0.01)

    def stall(self, seconds: float) -> None:
        """Nothing arrives for so long, in either direction."""
        until = the_loop().time() + seconds
        for pipe in (self.to_hub, self.to_peer):
            pipe.stalled_until = max(pipe.stalled_until, until)

    @staticmethod
    def _tell(end: End, failure: OSError, late: float) -> None:
        the_loop().call_later(late, end.inbox.fail, failure)
        the_loop().call_later(late, end.outbox.change)


class HubEnd:
    """The hub's end, watched: what it is given and what it sends, for as long as it lives."""

    def __init__(self, cable: Cable, life: Life, watch: "Watch") -> None:
        self.cable = cable
        self.life = life
        self.peer = cable.near.peer
        self.local = cable.near.local
        self._watch = watch

    async def receive(self) -> bytes:
        """See `Stream.receive`."""
        self.life.point("before a receive")
        self._watch.before_receive(self.cable)
        data = await self.cable.near.receive()
        self.life.point("in a receive")
        self.cable.delivered += data
        self.cable.last = len(data)
        return data

    async def send(self, data: bytes) -> None:
        """See `Stream.send`."""
        self.life.point("before a send")
        self._watch.before_send(self.cable, data)
        await self.cable.near.send(data)
        self.life.point("after a send")

    def close(self) -> None:
        """See `Stream.close`."""
        if self.life.alive:
            self.cable.near.close()


class Watch:
    """Who looks at what the hub does on the network. This one looks away."""

    def before_receive(self, cable: Cable) -> None:
        """The hub asks for more."""

    def before_send(self, cable: Cable, data: bytes) -> None:
        """The hub says something."""


Host = Callable[[End], Coroutine[Any, Any, None]]


class Place:
    """A peer's port, at which the hub may call. `up`: whether anybody listens there."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.up = True
        self.mute = False  # the machine is off: no answer at all


class Internet:
    """Everybody's network: where peers listen, where the hub does, and what connects them."""

    def __init__(self, chance: random.Random, group: anyio.abc.TaskGroup) -> None:
        self.chance = chance
        self.group = group
        self.places: dict[int, Place] = {}
        self.doors: dict[int, Door] = {}
        self.taken: dict[int, float] = {}  # ports that another program has, and until when
        self.cables: list[Cable] = []
        self._ports = 40_000

    def port(self) -> int:
        """An ephemeral port; none is given twice, so that every connection has its own name."""
        self._ports += 1
        return self._ports

    def lay(self, local: str, peer: str) -> Cable:
        """A new connection."""
        cable = Cable(self.chance, local, peer)
        self.cables.append(cable)
        return cable

    def open_cables(self) -> list[Cable]:
        """Those that somebody may still use."""
        return [cable for cable in self.cables if not cable.over]

    async def call(self, port: int, host: str = "10.0.0.7") -> End:
        """A peer calls the hub. Raises `OSError`."""
        await anyio.sleep(self.chance.choice((0.001, 0.05)))
        door = self.doors.get(port)
        if door is None or door.closed:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        cable = self.lay(f"{HUB}:{port}", f"{host}:{self.port()}")
        door.knock(cable)
        return cable.far


class Door:
    """A port of the hub's: a `Listener`, for the life of its process."""

    def __init__(self, port: int, life: Life, watch: Watch) -> None:
        self.address = f"{HUB}:{port}"
        self.closed = False
        self._life = life
        self._watch = watch
        self._waiting: list[Cable] = []
        self._knocked = anyio.Event()
        life.at_death(self.close)

    def knock(self, cable: Cable) -> None:
        """A peer has connected, as far as the system goes."""
        self._waiting.append(cable)
        self._knocked.set()

    async def accept(self) -> Stream:
        """See `Listener.accept`."""
        self._life.point("before an accept")
        while not self._waiting:
            self._knocked = anyio.Event()
            await self._knocked.wait()
        await anyio.lowlevel.checkpoint_if_cancelled()
        self._life.point("in an accept")
        if not self._waiting:
            raise OSError(errno.EMFILE, "too many open files")
        return HubEnd(self._waiting.pop(0), self._life, self._watch)

    def close(self) -> None:
        """See `Listener.close`: who waits at it is hung up on."""
        self.closed = True
        for cable in self._waiting:
            cable.reset(cable.near)
        self._waiting.clear()


class HubNetwork:
    """The `Network` of one process of the hub."""

    def __init__(self, internet: Internet, life: Life, watch: Watch) -> None:
        self._internet = internet
        self._life = life
        self._watch = watch
        self._mine: list[Cable] = []
        life.at_death(self._die)

    async def connect(self, host: str, port: int) -> Stream:
        """See `Network.connect`."""
        net = self._internet
        self._life.point("before a call")
        await anyio.sleep(net.chance.choice((0.001, 0.05)))
        place = net.places[port]
        if place.mute:
            await anyio.sleep_forever()
        if not place.up:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        cable = net.lay(f"{HUB}:{net.port()}", f"{host}:{port}")
        self._life.point("in a call")
        net.group.start_soon(place.host, cable.far)
        return self._end(cable)

    async def listen(self, who: str, host: str, port: int) -> Sequence[Listener]:
        """See `Network.listen`."""
        self._life.point("before listening")
        await anyio.lowlevel.checkpoint()
        if the_loop().time() < self._internet.taken.get(port, 0):
            raise IngestError(f"{who}: cannot listen on {host} port {port}: another has the port.")
        door = self._internet.doors[port] = Door(port, self._life, self._watch)
        return [door]

    def _end(self, cable: Cable) -> HubEnd:
        self._mine.append(cable)
        return HubEnd(cable, self._life, self._watch)

    def _die(self) -> None:
        """The system hangs up for a process that is gone."""
        for cable in self._internet.open_cables():
            if not cable.near.closed:
                cable.reset(cable.near)
