"""Starting a relay: the right conversation of the right role, and what it needs."""

from functools import partial

from anyio.abc import TaskGroup

from exporters.relay_connection import Office
from exporters.relay_ctp01 import client_options, talk_ctp01
from exporters.relay_stamps import Stamps
from exporters.relay_tsv import talk_tsv
from ingest.clients import run_client
from ingest.servers import run_server
from wire.settings import Settings


async def start_relay(
    group: TaskGroup, office: Office, settings: Settings, password: str
) -> tuple[str, ...]:
    """Run the relay in `group`; the addresses that it listens on, () for a client.

    Raises `IngestError` when it cannot listen.
    """
    relay = office.relay
    stamps = Stamps(relay, settings)
    if relay.protocol == "ctp01":
        options = client_options(relay, settings, office.feed.log, password)
        talk = partial(talk_ctp01, office=office, stamps=stamps, options=options)
    else:
        talk = partial(talk_tsv, office=office, stamps=stamps)
    if relay.role == "client":
        group.start_soon(run_client, relay, office.desk, talk)
        return ()
    addresses: tuple[str, ...] = await group.start(run_server, relay, office.desk, talk)
    return addresses
