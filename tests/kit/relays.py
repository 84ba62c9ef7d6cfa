"""A relay in memory: its stream in a log, its connections on streams, its clock the loop's."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import anyio

from exporters.relay_connection import Office
from exporters.relay_ctp01 import client_options, talk_ctp01
from exporters.relay_feed import Feed
from exporters.relay_ledger import Ledger
from exporters.relay_stamps import Stamps
from exporters.relay_tsv import talk_tsv
from ingest.connections import Connection, attend
from ingest.streams import Network
from projections.relayed import Item, ItemKind, queued, queued_draft, sent
from projections.relays import Relays
from store.event import APP_STARTED, RELAY_QUEUED, RELAY_SENT, Draft
from store.memory import MemoryLog
from tests.kit.jumping import loop_clock
from tests.kit.memory import MemoryStream
from tests.kit.recorders import HeldRecorder, desk_on
from wire.reads import RawRead
from wire.settings import RelaySettings, Settings
from wire.stamps import NS, parse_iso
from wire.tsv1 import Decoder as TsV1
from wire.tsv2 import Decoder as TsV2

NINE = parse_iso("2026-06-14T09:00:00").wall


def item(n: int, location: str = "Finish", kind: ItemKind = ItemKind.BEST_SEEN) -> Item:
    """The `n`th detection of a day: chip 1000 + n, n seconds after nine."""
    return Item(kind, location, f"{1000 + n}", NINE + n * NS, n, reader="R1", antenna=2)


class RelayStand:
    """A relay of a hub: what it queues, whom it serves, and what it records and says.

    `chips` of a peer's bytes are what it got, in order.
    """

    def __init__(
        self,
        relay: RelaySettings,
        *,
        locations: Iterable[str] = (),
        password: str = "",
        network: Network | None = None,
        chance: float = 1.0,
    ) -> None:
        self.relay = relay
        self.log = MemoryLog()
        self.log.append([Draft("meetlog", APP_STARTED)])
        self.recorder = HeldRecorder()
        self.desk, self.board = desk_on(self.recorder, network, chance)
        self.queued = 0
        self._locations = tuple(locations)
        self._password = password
        self.restart()

    def restart(self) -> None:
        """A new process on the same log."""
        self.state = Relays()
        for event in self.log.read(0, 1_000_000, kinds=(RELAY_QUEUED,)):
            self.state.queue(queued(event))
        for event in self.recorder.of(RELAY_SENT):
            self.state.mark(sent(event))
        known = self.state.of(self.relay.name)
        self.feed = Feed(self.log, self.relay.name, locations=self._locations)
        self.feed.show(known.stream)
        ledger = Ledger(self.relay, known.peers)
        self.office = Office(self.relay, self.feed, self.desk, ledger, loop_clock)

    def queue(self, *items: Item) -> None:
        """Decide to send these items."""
        stream = self.state.of(self.relay.name).stream
        draft = queued_draft(self.relay.name, items, as_of=0, before=stream.items)
        head = self.log.append([draft])
        self.state.queue(queued(self.log.read(head.position - 1, 1)[0]))
        self.feed.show(stream)

    def add(self, count: int, location: str = "Finish") -> list[str]:
        """Queue so many more detections; their chips."""
        new = [item(self.queued + n, location) for n in range(count)]
        self.queued += count
        self.queue(*new)
        return [each.tag for each in new]

    @property
    def talk(self) -> Callable[[Connection], Awaitable[None]]:
        """The relay's side of any conversation."""
        stamps = Stamps(self.relay, Settings())
        if self.relay.protocol != "ctp01":
            return partial(talk_tsv, office=self.office, stamps=stamps)
        options = client_options(self.relay, Settings(), self.log, self._password)
        return partial(talk_ctp01, office=self.office, stamps=stamps, options=options)

    async def attend(self, near: MemoryStream) -> str:
        """One connection, from its beginning to its end; why it ended."""
        return await attend(near, self.relay, self.desk, self.talk)

    def marks(self, connection: int) -> list[tuple[int, int, int, int]]:
        """The marks of a connection: through, safe, sent, again."""
        found = map(sent, self.recorder.of(RELAY_SENT))
        return [
            (mark.through, mark.safe, mark.sent, mark.again)
            for mark in found
            if mark.connection == connection
        ]

    def texts(self) -> list[str]:
        """What stands on the notice board."""
        return [notice.text for notice in self.board.standing()]


class TsvPeer:
    """A scoring program on a stream in memory: it reads when told to."""

    def __init__(self, stream: MemoryStream, protocol: str = "tsv1") -> None:
        self.stream = stream
        self.reads: list[RawRead] = []
        self.bytes = 0
        self._decoder: TsV1 | TsV2 = TsV1() if protocol == "tsv1" else TsV2()

    @property
    def chips(self) -> list[str]:
        """The chips it got, in order."""
        return [str(read.chip) for read in self.reads]

    async def take(self) -> bool:
        """Read one piece; False at the end of the connection."""
        data = await self.stream.receive()
        self.bytes += len(data)
        for read in self._decoder.feed(data):
            assert isinstance(read, RawRead), read
            self.reads.append(read)
        return bool(data)

    async def take_until(self, count: int) -> list[str]:
        """Read until it has so many reads; their chips."""
        while len(self.reads) < count:
            assert await self.take(), f"the connection ended after {len(self.reads)}"
        return self.chips

    async def take_pending(self) -> None:
        """Read what is on its way, and all that follows it at once."""
        await anyio.wait_all_tasks_blocked()
        while self.stream.is_ready and await self.take():
            await anyio.wait_all_tasks_blocked()
