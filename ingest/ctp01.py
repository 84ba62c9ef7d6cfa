"""The CTP01 server: timing systems connect to it, and after a cut go on where the log ends.

`wire.ctp01_server` holds the conversation; here it meets a socket. What it
is given is durable already, so what it answers acknowledges nothing that
could be lost, and the marks from which it resumes are those of the log.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import get_args

import anyio
import msgspec
from anyio.abc import TaskStatus

from ingest.connections import Connection, Hangup
from ingest.desk import Desk, spell_duration
from ingest.errors import IngestError
from ingest.servers import run_server
from wire.ctp01_marks import MAX_IDS
from wire.ctp01_messages import Authentication
from wire.ctp01_server import ServerOptions, ServerSession
from wire.settings import SourceSettings

UNANSWERED_PINGS = 3  # then the peer is given up (the proposal of PROTOCOLS 1.3)
MOST_REMARKS = 16  # of one connection; a peer that errs for ever need not be quoted for ever

Table = Mapping[str, Mapping[str, int]]


async def run_ctp01_server(
    source: SourceSettings,
    desk: Desk,
    marks: Table,
    *,
    password: str = "",
    seeds: Callable[[], str] = lambda: secrets.token_hex(16),
    task_status: TaskStatus[tuple[str, ...]] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Listen for timing systems until cancelled; see `run_server` for the rest.

    `marks[connection_id][location]` is where the log says to resume; it is
    copied, and kept up to date here. `seeds` gives a new authentication seed
    for each connection. Raises `IngestError` for an authentication that
    cannot work, and when it cannot listen.
    """
    options = server_options(source, password)
    peers = Peers(source, desk, marks)

    async def talk(connection: Connection) -> None:
        await converse(connection, peers, with_seed(options, seeds()))

    await run_server(source, desk, talk, task_status=task_status)


def server_options(source: SourceSettings, password: str) -> ServerOptions:
    """What to ask of every peer, without a seed yet. Raises `IngestError`."""
    for method in get_args(Authentication):
        if method != source.authentication:
            continue
        if method != "none" and not password:
            raise IngestError(
                f"source {source.name}: authentication {method} needs a password."
                " Write it into the first line of a file and name that in password_file."
            )
        # The real seeds are one per connection; this one only completes the options.
        return ServerOptions(
            authentication=method,
            user=source.user,
            password=password,
            seed="unused",
            stream_mode=source.mode,
        )
    raise IngestError(
        f"source {source.name}: there is no authentication {source.authentication!r}."
        f" Use one of {', '.join(get_args(Authentication))} in meet.toml."
    )


def with_seed(options: ServerOptions, seed: str) -> ServerOptions:
    """The options of one connection."""
    return msgspec.structs.replace(options, seed=seed)


async def converse(connection: Connection, peers: "Peers", options: ServerOptions) -> None:
    """Hold one conversation. Ends by `Hangup`."""
    session = peers.enter(connection, options)
    silence = _Silence(peers.source, session)
    try:
        while True:
            data = await connection.receive(silence.bound)
            if data is None:
                sending = silence.passed()
            else:
                silence.broken()
                reply = session.receive(data)
                sending = reply.send
                peers.remark(connection, reply.remarks)
                peers.compare(connection, session)
                if reply.close:
                    if sending:
                        await connection.send(sending)
                    raise Hangup(reply.close)
            if sending:
                await connection.send(sending)
    finally:
        peers.leave(connection)


class _Silence:
    """What is asked of a peer that says nothing: for its lines, or whether it is there."""

    def __init__(self, source: SourceSettings, session: ServerSession) -> None:
        pulls = source.mode == "pull"
        alone = source.ping or source.idle
        # A peer that is asked for lines says something as often as it is asked.
        self.bound = min(source.poll, alone or source.poll) if pulls else alone  # ns
        self._source = source
        self._session = session
        self._quiet = self._unasked = 0

    def broken(self) -> None:
        """The peer said something."""
        self._quiet = self._unasked = 0

    def passed(self) -> bytes:
        """It was silent for another `bound`: what to send. Raises `Hangup` when it was too long."""
        source, session = self._source, self._session
        self._quiet += self.bound
        self._unasked += self.bound
        if source.idle and self._quiet >= source.idle:
            raise Hangup(f"the peer was silent for {spell_duration(self._quiet)}")
        asking = session.poll()
        if asking or self._unasked < source.ping:
            return asking
        self._unasked = 0
        if session.unanswered >= UNANSWERED_PINGS:
            raise Hangup(session.silence())
        return session.ping()


class _Peer:
    """A session, the marks it was given, and what has been said about it."""

    def __init__(self, address: str, session: ServerSession, given: Table) -> None:
        self.address = address
        self.session = session
        self.given = given
        self.remarks: list[str] = []
        self.twins: set[str] = set()
        self.compared: tuple[str, int] = ("", 0)

    def progress(self) -> Iterable[tuple[str, str, int]]:
        """The marks that this session has moved."""
        for id_, locations in self.session.marks.items():
            for location, mark in locations.items():
                if self.given.get(id_, {}).get(location) != mark:
                    yield id_, location, mark


class Peers:
    """The peers of one source that are connected now, and the marks that outlive them."""

    def __init__(self, source: SourceSettings, desk: Desk, marks: Table) -> None:
        self.source = source
        self._desk = desk
        self._marks = {id_: dict(locations) for id_, locations in marks.items()}
        self._peers: dict[int, _Peer] = {}

    def enter(self, connection: Connection, options: ServerOptions) -> ServerSession:
        """The session of a new peer, which resumes where all earlier ones are now."""
        given = self.table()
        session = ServerSession(options, given)
        self._peers[connection.number] = _Peer(connection.peer, session, given)
        return session

    def leave(self, connection: Connection) -> None:
        """The peer is gone: keep its marks, and end what was said about it."""
        peer = self._peers.pop(connection.number)
        for id_, location, mark in peer.progress():
            self._keep(self._marks, id_, location, mark)
        while len(self._marks) > MAX_IDS:
            del self._marks[next(iter(self._marks))]
        for index in range(len(peer.remarks)):
            self._desk.settle(self.source.name, f"remark:{connection.number}:{index}")
        for key in peer.twins:
            self._desk.settle(self.source.name, key)

    def table(self) -> dict[str, dict[str, int]]:
        """Where to resume now, connected peers included: a cut one is often still there.

        Where two peers have moved one mark, the lower counts: resending beats
        missing (PROTOCOLS 1.6).
        """
        table = {id_: dict(locations) for id_, locations in self._marks.items()}
        moved: dict[tuple[str, str], int] = {}
        for peer in self._peers.values():
            for id_, location, mark in peer.progress():
                key = id_, location
                moved[key] = min(moved.get(key, mark), mark)
        for (id_, location), mark in moved.items():
            self._keep(table, id_, location, mark)
        return table

    def remark(self, connection: Connection, remarks: Iterable[str]) -> None:
        """Tell the operator what is odd about a peer, for as long as it is connected."""
        peer = self._peers[connection.number]
        for text in remarks:
            index = len(peer.remarks)
            if text in peer.remarks or index >= MOST_REMARKS:
                continue
            peer.remarks.append(text)
            self._desk.report(
                self.source.name,
                "warning",
                f"remark:{connection.number}:{index}",
                f"{self.source.name}: {peer.address}: {text}",
            )

    def compare(self, connection: Connection, session: ServerSession) -> None:
        """Say so when two peers are one to us: both are recorded, but one may be a mistake."""
        here = self._peers[connection.number]
        now = (session.connection_id, len(session.locations))
        if now == here.compared:
            return
        here.compared = now
        for number, there in self._peers.items():
            if there is here:
                continue
            common = [x for x in session.locations if x in set(there.session.locations)]
            same_id = session.connection_id and session.connection_id == there.session.connection_id
            if not common and not same_id:
                continue
            what = f"the connection id {session.connection_id}" if same_id else ", ".join(common)
            key = f"twins:{min(number, connection.number)}:{max(number, connection.number)}"
            here.twins.add(key)
            there.twins.add(key)
            self._desk.report(
                self.source.name,
                "warning",
                key,
                f"{self.source.name}: two peers send {what}: {there.address} and {here.address}",
                "Both are recorded, and reads that both send count once. If one of them is an"
                " old connection, it ends by itself; else disconnect one.",
            )

    @staticmethod
    def _keep(table: dict[str, dict[str, int]], id_: str, location: str, mark: int) -> None:
        locations = table.pop(id_, {})
        locations[location] = mark
        table[id_] = locations  # at the end: ids that were used last are forgotten last
