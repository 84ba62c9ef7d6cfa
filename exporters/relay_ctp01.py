"""CTP01 toward scoring programs: they greet, set, start and ask; the lines come from the log.

`wire.ctp01_client` holds the conversation and says which lines are due; here
it meets a socket and the relay's stream.
"""

from functools import lru_cache, partial
from hashlib import sha256

import anyio

from exporters.relay_connection import Channel, More, Office, until_hangup
from exporters.relay_feed import Cursor, Feed, Numbered
from exporters.relay_ledger import Had
from exporters.relay_progress import Piece, Progress
from exporters.relay_stamps import Stamps
from ingest.connections import Connection, Hangup
from projections.relayed import Item, ItemKind
from projections.relays import BLOCK
from store.log import Log, hash_at
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_messages import GUNTIME, NEWLOCATION, Command, DataLine, Err, EventInfo, Reply
from wire.ctp01_shelf import NumberedShelf, check_location, seq_of
from wire.errors import WireError
from wire.settings import RelaySettings, Settings
from wire.stamps import format_iso

AT_ONCE = 200  # lines looked at and sent together, between two looks at what the peer says
JUMP = 4 * BLOCK  # items to be passed over, when looking the place up is cheaper
IDLE_AFTER = 30  # seconds; by then a scoring program that is set up right has asked for something
HUNDREDTHS = 2  # all the digits that CTP01 has


def client_options(
    relay: RelaySettings, settings: Settings, log: Log, password: str
) -> ClientOptions:
    """Who we are to the scoring program."""
    name = "".join(c if c.isprintable() and c != "~" else "_" for c in settings.meet.name)
    return ClientOptions(
        program=relay.program,
        version=relay.version,
        user=relay.user,
        password=password,
        event=EventInfo(name),
        connection_id=connection_id(log, relay.name),
    )


def connection_id(log: Log, relay: str) -> str:
    """The identity of the lines: of this log and this relay, the same after every restart."""
    return sha256(hash_at(log, 1) + relay.encode()).hexdigest()[:32]


async def talk_ctp01(
    connection: Connection, office: Office, stamps: Stamps, options: ClientOptions
) -> None:
    """Hold one conversation with a scoring program. Ends by `Hangup`."""
    place = office.ledger.enter(connection.peer)
    channel = Channel(connection, office, Progress(0, office.relay.overlap), place)
    talk = _Talk(channel, stamps, options, office.ledger.had(place.name))
    try:
        await talk.hold()
    finally:
        talk.more.close()
        talk.rest()
        await channel.close()


class _Talk:
    """One conversation: what the peer says, and the lines that are due to it."""

    def __init__(self, channel: Channel, stamps: Stamps, options: ClientOptions, had: Had) -> None:
        self.more = More(channel.feed)
        self._channel = channel
        self._feed = channel.feed
        self._shelf = LineShelf(channel.feed)
        self._session = ClientSession(options, self._shelf)
        self._lines = Lines(stamps, options.connection_id or "")
        self._had = had
        self._announced = set(self._shelf.locations)
        # Whatever is sent is whole: an answer does not stand in the middle of a line.
        self._sending = anyio.Lock()

    async def hold(self) -> None:
        """Talk until one side hangs up, which raises `Hangup`."""
        await self._channel.connection.send(self._session.greeting())
        await until_hangup(self._listen, self._pump, self._channel.watch, self._mind)

    async def _listen(self) -> None:
        connection = self._channel.connection
        while True:
            data = await connection.receive()
            if data is None:
                continue
            async with self._sending:
                reply = self._session.receive(data)
                if reply.send:
                    await connection.send(reply.send)
            self._remark(reply)
            if reply.close:
                raise Hangup(reply.close + _remedy(reply))
            self.more.tell()

    async def _pump(self) -> None:
        cursor: Cursor | None = None
        while True:
            await self._announce()
            cursor = self._seek(cursor)
            if cursor is None:
                self.rest()
                await self.more.wait()
                continue
            items = await self._channel.work(partial(cursor.read, AT_ONCE))
            async with self._sending:
                await self._deliver(items, cursor.number - 1)

    def rest(self) -> None:
        """Tell how far the peer is in each location, now that there is nothing to do."""
        reached = {name: self._session.reached(name) for name in self._shelf.locations}
        owed = [
            name
            for name, place in reached.items()
            if (end := self._shelf.span(name)[1]) > 1 and place != end
        ]
        asked = any(place is not None for place in reached.values())
        self._channel.rest(asked=asked, owed=tuple(owed))

    def _seek(self, cursor: Cursor | None) -> Cursor | None:
        """A cursor that comes to every line that is due; None when none is."""
        wanted = {
            location: number
            for location in self._shelf.locations
            if (number := self._session.wants(location)) is not None
        }
        if not wanted:
            return None
        if cursor is not None:
            ahead = all(place > cursor.passed.get(name, 0) for name, place in wanted.items())
            if ahead and cursor.number + JUMP > self._feed.view.items:
                return cursor
        found = [self._feed.at_place(name, place) for name, place in wanted.items()]
        first = min(found, key=lambda each: each.number)
        if cursor is not None and ahead and first.number < cursor.number + JUMP:
            return cursor
        return first

    async def _deliver(self, items: list[Numbered], through: int) -> None:
        session, pieces, sent, again = self._session, list[bytes](), 0, 0
        for number, place, item in items:
            if session.wants(item.location) != place:
                continue
            line = self._lines.line(item, place)
            data, answers = session.line_and_answers(item.location, place, line)
            if data:
                pieces.append(data)
                sent += 1
                again += self._had.has(number, item.location, place)
                self._had.take(item.location, place)
            if answers:
                # They stand in no decision: like all else that is said they are recorded first.
                await self._channel.deliver(Piece(b"".join(pieces), number, sent, again))
                await self._channel.connection.send(answers)
                pieces, sent, again = [], 0, 0
        if items:
            await self._channel.deliver(Piece(b"".join(pieces), through, sent, again))

    async def _announce(self) -> None:
        """Tell of locations that became known while we are connected."""
        for location in self._shelf.locations:
            if location in self._announced:
                continue
            self._announced.add(location)
            first = await self._first_of(location)
            if first is None or first.kind != ItemKind.LOCATION:
                continue
            async with self._sending:
                data = self._session.announce(self._lines.line(first, 1))
                if data:
                    await self._channel.connection.pass_on(data)

    async def _first_of(self, location: str) -> Item | None:
        """The first item of a location."""
        cursor = self._feed.at_place(location, 1)
        while items := await self._channel.work(partial(cursor.read, AT_ONCE)):
            for each in items:
                if each.item.location == location:
                    return each.item
        return None

    def _remark(self, reply: Reply) -> None:
        """Tell the operator what the peer asks for and we do not have."""
        channel = self._channel
        name, known = channel.relay.name, self._shelf.locations
        for message in reply.messages:
            if not isinstance(message, Command) or message.name not in ("start", "getdata"):
                continue
            at = 0 if message.name == "start" else 1
            location = message.args[at] if len(message.args) > at else ""
            if location and location not in known:
                channel.report(
                    "asks",
                    f"{name}: {self._session.peer_program or 'the peer'} asks for the location"
                    f" {location[:40]!r}, which is unknown here",
                    f"Known: {', '.join(known) or 'none yet'}. Both sides must write it alike.",
                )

    async def _mind(self) -> None:
        """Say so when a connection leads to nothing; until cancelled."""
        channel, session = self._channel, self._session
        while True:
            await anyio.sleep(IDLE_AFTER)
            reached = [session.reached(location) for location in self._shelf.locations]
            if session.stage == "running" and (not reached or any(reached)):
                channel.settle("idle")
                continue
            said = {
                "greeting": "has not answered our greeting",
                "settings": "has not sent all the settings that it announced",
                "authorize": "has not answered our authorization",
            }.get(session.stage, "has not started any location")
            channel.report(
                "idle",
                f"{channel.relay.name}: {channel.connection.peer} {said}",
                "Nothing is lost. Look into that program's own settings for this connection.",
            )


class LineShelf(NumberedShelf):
    """A relay's stream as the lines of CTP01: each item is one.

    A location that no command can name is left out. Only a relay that spoke
    another protocol before has such a one (see `exporters.relay_names`).
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._sendable: dict[str, bool] = {}

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations known now, in order."""
        return tuple(name for name in self._feed.locations if self._can_be_named(name))

    def span(self, location: str) -> tuple[int, int]:
        """The numbers of a location's lines: the first, and one past the last."""
        return self._feed.span(location)

    def _can_be_named(self, location: str) -> bool:
        if location not in self._sendable:
            try:
                check_location(location)
            except WireError:
                self._sendable[location] = False
            else:
                self._sendable[location] = True
        return self._sendable[location]


class Lines:
    """A relay's items as lines of CTP01."""

    def __init__(self, stamps: Stamps, identity: str) -> None:
        self._stamps = stamps
        self._controller = identity[:6].upper() or "000000"

    def line(self, item: Item, place: int) -> DataLine:
        """The line of an item in its place; hundredths are all it has of the moment."""
        time = format_iso(self._stamps.wall(item.moment), HUNDREDTHS)
        if item.kind in (ItemKind.GUN, ItemKind.LOCATION):
            tag = GUNTIME if item.kind == ItemKind.GUN else NEWLOCATION
            return DataLine(
                "CT01_33", seq_of(place), item.location, tag, time, 0, self._controller, 0
            )
        reader, tag = _plain(item.reader), _plain(item.tag)
        return DataLine(
            "CT01_33", seq_of(place), item.location, tag, time,
            min(item.lap, 999) or 1, reader or self._controller, max(0, item.antenna),
        )  # fmt: skip


def _remedy(reply: Reply) -> str:
    """What to do about it that we hang up, where that is known."""
    refused = any(isinstance(m, Err) and m.command == "authorize" for m in reply.messages)
    where = "; compare `user` and the first line of `password_file` with what that program expects"
    return where if refused else ""


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """The text without what no field can hold."""
    return "".join(c if c.isprintable() and c not in ",;~|" else "_" for c in text)
