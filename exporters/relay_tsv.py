"""TsV1 and TsV2 toward scoring programs: everything in order, from where the peer was.

Neither protocol has a sequence that a peer could ask from (PROTOCOLS 2), so
`catch_up` says where a connection begins, and what might have been lost in
buffers is sent again.
"""

from collections.abc import Callable, Sequence

import anyio

from exporters.relay_connection import Channel, More, Office, hear_out
from exporters.relay_feed import Numbered
from exporters.relay_progress import Progress
from exporters.relay_stamps import Stamps
from ingest.connections import Connection, Hangup
from projections.relayed import ItemKind
from wire import tsv1, tsv2

AT_ONCE = 500  # items read and sent together
IN_A_MESSAGE = 50  # reads in one array: TsConnector's are small, and a reader may bound its lines

Encode = Callable[[Sequence[Numbered]], bytes]


async def talk_tsv(connection: Connection, office: Office, stamps: Stamps) -> None:
    """Send the relay's stream to one peer, from where it was. Ends by `Hangup`."""
    relay, feed = office.relay, office.feed
    name, safe, through = office.ledger.enter(connection.peer)
    start = {"all": 0, "new": feed.view.items}.get(relay.catch_up, safe)
    progress = Progress(min(start, feed.view.items), through, relay.overlap)
    channel = Channel(connection, office, progress, name)
    more = More(feed)
    try:
        await _until_hangup(channel, more, encoder(relay.protocol, stamps))
    finally:
        more.close()
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


async def _until_hangup(channel: Channel, more: More, encode: Encode) -> None:
    """Send, listen and watch until one of them hangs up."""
    ended: list[Hangup] = []

    async def run(work: Callable[[], object]) -> None:
        try:
            await work()  # type: ignore[misc]  # each of them is a coroutine function
        except Hangup as e:
            ended.append(e)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(run, lambda: _send(channel, more, encode))
        group.start_soon(run, lambda: hear_out(channel.connection))
        group.start_soon(run, channel.watch)
    raise ended[0]


async def _send(channel: Channel, more: More, encode: Encode) -> None:
    cursor = channel.feed.at(channel.progress.through + 1)
    while True:
        # Reading the log is a matter of files, and may take its time.
        items = await anyio.to_thread.run_sync(cursor.read, AT_ONCE)
        if not items:
            await more.wait()
            continue
        await channel.deliver(encode(items), items[-1].number, len(items))
