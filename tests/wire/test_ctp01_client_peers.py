"""A log feeds scoring programs as they are in the wild: each gets every line, whatever is cut."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.ctp01_peers import (
    P88,
    PSEUDO,
    Ours,
    Peer,
    PullNext,
    PullOnly,
    Racemap,
    Rd25,
    Read,
    Sample,
    WholePiece,
)
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_marks import WINDOW
from wire.ctp01_messages import DataLine
from wire.ctp01_server import ServerOptions
from wire.ctp01_shelf import NumberedShelf, seq_of

QUIET = 12  # seconds; Racemap's pings come every 10
MAX_IN_FLIGHT = 300  # bytes; the pump waits while the peer is slow


class Log(NumberedShelf):
    """Lines of all locations in the order in which they happened."""

    def __init__(self) -> None:
        self.order: list[DataLine] = []
        self.places: dict[str, list[int]] = {}

    @property
    def locations(self) -> tuple[str, ...]:
        return tuple(self.places)

    def span(self, location: str) -> tuple[int, int]:
        return 1, len(self.places[location]) + 1

    def add(self, location: str, tag: str) -> DataLine:
        places = self.places.setdefault(location, [])
        time = f"2025-06-01T08:{len(self.order) // 60 % 60:02d}:{len(self.order) % 60:02d}.04"
        line = DataLine("CT01_33", seq_of(len(places) + 1), location, tag, time, 1, "23H016", 1)
        places.append(len(self.order))
        self.order.append(line)
        return line


class World:
    """A log, what is still to happen, a scoring program, and the connections between them."""

    def __init__(self, peer: Peer, happenings: list[tuple[str, str]], random: Random) -> None:
        self.peer = peer
        self.log = Log()
        self.happenings = happenings[::-1]
        self.random = random
        self.options = ClientOptions(connection_id="b61731be00")

    def connect(self, cut: int | None = None) -> None:
        """One connection, ended after `cut` bytes reached the peer, or when all is quiet."""
        self.session = ClientSession(self.options, self.log)
        self.up = b""
        down = self.peer.connected()
        # The first piece arrives as it was sent, unless it is cut: TCP leaves so little whole.
        greeting = self.session.greeting()[:cut]
        down += self.peer.receive(greeting)
        left = None if cut is None else cut - len(greeting)
        quiet = 0  # seconds since the last new line
        for _ in range(6_000):  # far more steps than there are pieces
            if left == 0 or quiet >= QUIET:
                return
            before = len(self.peer.latest)
            what = self.random.random()
            if self.up and what < 0.5:
                size = min(len(self.up), self.random.choice((1, 5, 40, 400)))
                size = size if left is None else min(size, left)
                piece, self.up = self.up[:size], self.up[size:]
                down += self.peer.receive(piece)
                left = None if left is None else left - size
            elif down and what < 0.8:
                size = min(len(down), self.random.choice((1, 5, 40, 400)))
                piece, down = down[:size], down[size:]
                reply = self.session.receive(piece)
                assert reply.close == ""
                self.up += reply.send
            elif self.happenings and what < 0.9:
                self.happen()
            elif not (len(self.up) < MAX_IN_FLIGHT and self.pump()) and not self.up:
                quiet += not self.happenings and not down
                down += self.peer.tick()
            if len(self.peer.latest) > before:
                quiet = 0
        raise AssertionError("the two sides talk without end")

    def happen(self) -> None:
        line = self.log.add(*self.happenings.pop())
        if line.is_newlocation:
            self.up += self.session.announce(line)

    def pump(self) -> bool:
        """The line that is first in the log among those that are due; whether there was one."""
        due = [
            (self.log.places[location][number - 1], location, number)
            for location in self.log.locations
            if (number := self.session.wants(location)) is not None
        ]
        if not due:
            return False
        at, location, number = min(due)
        self.up += self.session.line(location, number, self.log.order[at])
        return True

    def wanted(self) -> set[Read]:
        """What the peer should have in the end."""
        pseudo = ("newlocation",) if self.peer.guns else PSEUDO
        return {
            (line.location, line.seq, line.tag) for line in self.log.order if line.tag not in pseudo
        }


PEERS: dict[str, Callable[[], Peer]] = {
    "Racemap": Racemap,
    "sample.py": Sample,
    "P88": P88,
    "TC": WholePiece,
    "RD25": Rd25,
    "pull on defaults": PullOnly,
    "pull by the next seq": PullNext,
    "ours, push": lambda: Ours(ServerOptions()),
    "ours, push without acks or id": lambda: Ours(
        ServerOptions(pushmode_ack=False, connection_id=False)
    ),
    "ours, pull": lambda: Ours(ServerOptions(stream_mode="pull", pull_max=2 * WINDOW)),
}


def some_happenings(random: Random, count: int) -> list[tuple[str, str]]:
    """Each location announces itself by its first line; then guns and tags."""
    told: set[str] = set()
    found = []
    for n in range(count):
        location = random.choice(("start", "10k", "finish")[: 1 + n // 5])
        if location not in told:
            told.add(location)
            found.append((location, "newlocation"))
        found.append((location, random.choice(("guntime", f"{n}", f"{n}", f"{n}"))))
    return found


def world_of(name: str, count: int, random: Random) -> World:
    """A world with this peer; one that starts only what it knows at first knows all locations."""
    happenings = some_happenings(random, count)
    world = World(PEERS[name](), happenings, random)
    names = {location for location, _ in happenings}
    while not world.peer.late and len(world.log.locations) < len(names):
        world.log.add(*world.happenings.pop())
    return world


@pytest.mark.parametrize("name", PEERS)
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(1, 3000), max_size=4),
    count=st.integers(0, 60),
)
def test_every_peer_gets_every_line(name: str, seed: int, cuts: list[int], count: int) -> None:
    world = world_of(name, count, Random(seed))
    for cut in cuts:
        world.connect(cut)
    world.connect()
    check(world)


@pytest.mark.parametrize("name", PEERS)
def test_a_cut_at_every_byte(name: str) -> None:
    for cut in range(1, 700):
        world = world_of(name, 7, Random(cut))
        world.connect(cut)
        world.connect()
        check(world)


def check(world: World) -> None:
    peer = world.peer
    assert peer.trouble == []
    assert peer.has() == world.wanted()
    if isinstance(peer, Ours):
        return  # it asks for the last line again, to be sure
    for reads in peer.connections:
        # Nothing comes twice in one connection, however often it was started, and all in order.
        assert len(set(reads)) == len(reads)
        for location in world.log.locations:
            seqs = [seq for place, seq, _ in reads if place == location]
            assert seqs == sorted(seqs)


def test_racemap_hears_an_answer_to_every_ping() -> None:
    peer = Racemap()
    world = World(peer, some_happenings(Random(1), 40), Random(1))
    world.connect()
    assert peer.pings == peer.pongs > 0
    assert set(peer.restarting) == {"start", "10k", "finish"}


def test_pull_only_hears_an_answer_to_every_ping_and_rests() -> None:
    peer = PullOnly()
    world = World(peer, some_happenings(Random(1), 40), Random(1))
    world.connect()
    assert peer.pings == 1  # the last, which is on its way
    assert world.session.owed == 0


def test_our_own_side_goes_on_where_it_was() -> None:
    """A second connection brings the last line of each location again, and no other."""
    peer = Ours(ServerOptions())
    world = World(peer, some_happenings(Random(1), 40), Random(1))
    world.connect()
    world.connect()
    assert [len(reads) for reads in peer.connections] == [len(world.wanted()), 3]
