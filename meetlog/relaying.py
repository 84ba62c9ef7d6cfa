"""Relays at work: the right conversation of the right role, and what it needs.

Recording goes on whatever becomes of a relay. What keeps one from starting is
an alarm with its remedy, and is tried again: what it is to send waits in the
log meanwhile.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from exporters.relay_connection import Office
from exporters.relay_ctp01 import client_options, talk_ctp01
from exporters.relay_stamps import Stamps
from exporters.relay_tsv import talk_tsv
from ingest.clients import run_client
from ingest.connections import Connection, Hangup, Talk
from ingest.errors import IngestError
from ingest.servers import run_server
from meetlog.passwords import read_password
from store.log import StoreError
from wire.ctp01_options import ClientOptions
from wire.errors import WireError
from wire.settings import Settings

TRY_AGAIN = 5.0  # seconds; as long as it takes to close the program that has the port
START = "start"

Listening = Callable[[tuple[str, ...]], None]


class Started:
    """What is told when a relay is at work, be it at once or later: where it listens, if it does.

    The relay as a task has started with its first attempt, whatever came of it.
    """

    def __init__(self, office: Office, listening: Listening, task: TaskStatus[None]) -> None:
        self._office = office
        self._listening = listening
        self._task = task
        self._tried = False

    def started(self, value: tuple[str, ...] | None = None) -> None:
        """It works."""
        self._office.desk.settle(self._office.relay.name, START)
        self._listening(value or ())
        self.tried()

    def tried(self) -> None:
        """An attempt was made."""
        if not self._tried:
            self._tried = True
            self._task.started()


async def run_relay(
    office: Office,
    settings: Settings,
    folder: Path,
    listening: Listening,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Run the relay until cancelled; `listening` is told the addresses, () for a client.

    Started with `TaskGroup.start`, it returns after the first attempt. `folder`
    is that of `meet.toml`, for the password file.
    """
    relay = office.relay
    status = Started(office, listening, task_status)
    while True:
        try:
            talk = await office.desk.work(partial(_talk, office, settings, folder))
            if relay.role == "client":
                status.started()
                await run_client(relay, office.desk, talk)
            else:
                await run_server(relay, office.desk, talk, task_status=status)
        except IngestError as e:
            office.desk.report(
                relay.name,
                "alarm",
                START,
                f"{e}",
                "Recording goes on, and what is to be sent is kept. Trying again by itself.",
            )
        status.tried()
        await anyio.sleep(TRY_AGAIN)


def _talk(office: Office, settings: Settings, folder: Path) -> Talk:
    return talk_of(office, settings, partial(read_password, office.relay, folder))


def talk_of(office: Office, settings: Settings, password: Callable[[], str]) -> Talk:
    """The relay's side of any conversation. Raises `IngestError`.

    The password is asked for anew each time: a wrong one can be set right
    without a restart.
    """
    relay = office.relay
    stamps = Stamps(relay, settings)
    if relay.protocol != "ctp01":
        return partial(talk_tsv, office=office, stamps=stamps)
    options = partial(_options, office, settings, password)
    options()  # what is wrong with them is told before anybody is called

    async def talk(connection: Connection) -> None:
        try:
            found = await office.desk.work(options)
        except IngestError as e:
            raise Hangup(f"{e}") from e
        await talk_ctp01(connection, office, stamps, found)

    return talk


def _options(office: Office, settings: Settings, password: Callable[[], str]) -> ClientOptions:
    relay = office.relay
    known = password()
    try:
        return client_options(relay, settings, office.feed.log, known)
    except WireError as e:
        raise IngestError(
            f"relay {relay.name}: CTP01 cannot send its program, version, user or password: {e}"
        ) from e
    except StoreError as e:
        raise IngestError(f"relay {relay.name}: its identity cannot be read: {e}") from e
