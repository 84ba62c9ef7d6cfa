"""TsV1 and TsV2 toward scoring programs: everything in order, from where the peer was.

Neither protocol has a sequence that a peer could ask from (PROTOCOLS 2), so
`catch_up` says where a connection begins, and what might have been lost in
buffers is sent again.
"""

from collections.abc import Callable, Sequence
from functools import partial

from exporters.relay_connection import Channel, More, Office, hear_out, until_hangup
from exporters.relay_feed import Numbered
from exporters.relay_progress import Piece, Progress
from exporters.relay_stamps import Stamps
from ingest.connections import Connection
from projections.relayed import ItemKind
from wire import tsv1, tsv2

AT_ONCE = 500  # items read and sent together
IN_A_MESSAGE = 50  # reads in one array: TsConnector's are small, and a reader may bound its lines

Encode = Callable[[Sequence[Numbered]], bytes]


async def talk_tsv(connection: Connection, office: Office, stamps: Stamps) -> None:
    """Send the relay's stream to one peer, from where it was. Ends by `Hangup`."""
    relay, feed = office.relay, office.feed
    place = office.ledger.enter(connection.peer)
    start = {"all": 0, "new": feed.view.items}.get(relay.catch_up, place.safe)
    progress = Progress(min(start, feed.view.items), relay.overlap)
    channel = Channel(connection, office, progress, place)
    more = More(feed)
    try:
        await until_hangup(
            partial(_send, channel, more, encoder(relay.protocol, stamps), place.through),
            partial(hear_out, channel),
            channel.watch,
        )
    finally:
        more.close()
        channel.rest()
        await channel.close()


def encoder(protocol: str, stamps: Stamps) -> Encode:
    """How items become bytes. What the protocol has no word for is left out."""
    write = tsv1.encode if protocol == "tsv1" else tsv2.encode

    def encode(items: Sequence[Numbered]) -> bytes:
        reads = [
            stamps.read(each.item, each.number)
            for each in items
            if each.item.kind != ItemKind.LOCATION
        ]
        parts = range(0, len(reads), IN_A_MESSAGE)
        return b"".join(write(reads[at : at + IN_A_MESSAGE]) for at in parts)

    return encode


async def _send(channel: Channel, more: More, encode: Encode, known: int) -> None:
    """Send all there is and all that comes; the peer was handed items up to `known` before."""
    cursor = channel.feed.at(channel.progress.through + 1)

    def take() -> Piece | None:
        items = cursor.read(AT_ONCE)
        if not items:
            return None
        again = sum(each.number <= known for each in items)
        return Piece(encode(items), items[-1].number, len(items), again)

    while True:
        piece = await channel.work(take)
        if piece is None:
            channel.rest()
            await more.wait()
        else:
            await channel.deliver(piece)
