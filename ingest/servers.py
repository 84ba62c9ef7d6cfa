"""Servers: sockets on which others find us. Who may come, how many, and what they get."""

import ipaddress

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup, TaskStatus

from ingest.connections import CLOSE_TIME, Connection, Talk, attend, listen, refuse
from ingest.desk import Desk, seconds, spell_duration
from ingest.endpoints import Endpoint, spell
from ingest.errors import IngestError
from ingest.streams import Listener, Stream
from ingest.turned_away import SPAN, TurnedAway, host_of
from store.event import PEERS_REFUSED, Draft, pack_meta

EXHAUSTED_PAUSE = 1.0  # seconds; when the system has no sockets left, asking faster does not help
REFUSED = "refused"
LEFT = "connection"
EXHAUSTED = "exhausted"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


async def run_server(
    source: Endpoint,
    desk: Desk,
    talk: Talk = listen,
    *,
    task_status: TaskStatus[tuple[str, ...]] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Listen on the source's host and port and `talk` with every peer, until cancelled.

    Started with `TaskGroup.start`, it returns the addresses it listens on. A
    peer outside `source.allow`, or beyond `source.max_connections`, is
    recorded and turned away; one that comes again and again is counted.
    Raises `IngestError` when it cannot listen.
    """
    networks = parse_networks(source)
    listeners = await desk.network.listen(spell(source), source.host, source.port)
    door = Door(source, desk, talk, networks)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(door.sum_up)
            for listener in listeners:
                group.start_soon(door.keep, listener, group)
            task_status.started(tuple(each.address for each in listeners))
    finally:
        for listener in listeners:
            listener.close()


class _Guest:
    """A peer that was let in."""

    def __init__(self, stream: Stream) -> None:
        self.machine = host_of(stream.peer)
        self.came = anyio.current_time()
        self.connection: Connection | None = None  # once it talks

    @property
    def heard(self) -> float:
        """When it was last heard of, by the loop's clock."""
        return max(self.came, 0 if self.connection is None else self.connection.heard)


class Door:
    """Lets peers in, or turns them away, one at a time.

    While the log cannot be written, a refusal waits for it, and with it the
    next peer: nobody can fill the memory by knocking.
    """

    def __init__(
        self, source: Endpoint, desk: Desk, talk: Talk, networks: tuple[Network, ...]
    ) -> None:
        self._source = source
        self._desk = desk
        self._talk = talk
        self._networks = networks
        self._inside: list[_Guest] = []
        self._away = TurnedAway()

    async def keep(self, listener: Listener, group: TaskGroup) -> None:
        """Accept peers for ever; their conversations run in `group`."""
        name = self._source.name
        while True:
            try:
                stream = await listener.accept()
            except OSError as e:
                # Out of sockets, or an error of the network that Linux hands
                # to whoever accepts next. None of them ends the listening.
                self._desk.report(
                    name,
                    "alarm",
                    EXHAUSTED,
                    f"{name}: this machine cannot take a new peer: {e.strerror or e}",
                    "Trying again by itself. With too many open files, close other programs.",
                )
                await anyio.sleep(EXHAUSTED_PAUSE)
                continue
            self._desk.settle(name, EXHAUSTED)
            await self._admit(stream, group)
            # Whoever knocks without end must not keep those who are inside from being heard.
            await anyio.lowlevel.checkpoint()

    async def sum_up(self) -> None:
        """Record, for ever, how many peers were turned away that have no events of their own."""
        try:
            while True:
                await self._away.begun()
                await anyio.sleep(seconds(SPAN))
                await self._tell_turned_away()
        finally:
            with anyio.move_on_after(seconds(CLOSE_TIME), shield=True):
                await self._tell_turned_away()

    async def _tell_turned_away(self) -> None:
        told = self._away.take()
        if told is None:
            return
        name, count = self._source.name, told["count"]
        self._desk.report(
            name,
            "warning",
            REFUSED,
            f"{name}: {count} more peers were turned away within {spell_duration(SPAN)}",
            f"`meetlog events --kind {PEERS_REFUSED}` has their addresses. Does a program try"
            " the wrong port?",
        )
        await self._desk.recorder.append(Draft(name, PEERS_REFUSED, pack_meta(**told)))

    async def _admit(self, stream: Stream, group: TaskGroup) -> None:
        source = self._source
        reason, hint = "", ""
        if not allowed(stream.peer, self._networks):
            reason = "refused: not in the allowed networks"
            hint = f"If it belongs to the meet, add its network to `allow` of {source.name}."
        elif len(self._inside) >= source.max_connections:
            reason = f"refused: {source.max_connections} peers are connected already"
            hint = f"Close one of them, or raise `max_connections` of {source.name}."
        if reason:
            if not self._away.note(host_of(stream.peer), reason):
                stream.close()
                return
            self._desk.report(
                source.name, "warning", REFUSED, f"{source.name}: {stream.peer} was {reason}", hint
            )
            await refuse(stream, source, self._desk, reason)
            return
        self._desk.settle(source.name, REFUSED)
        self._desk.settle(source.name, LEFT)
        guest = _Guest(stream)
        self._inside.append(guest)
        group.start_soon(self._host, stream, guest)

    async def _host(self, stream: Stream, guest: _Guest) -> None:
        async def talk(connection: Connection) -> None:
            guest.connection = connection
            await self._talk(connection)

        try:
            reason = await attend(stream, self._source, self._desk, talk)
        finally:
            self._inside.remove(guest)
        if any(g.machine == guest.machine and g.came > guest.heard for g in self._inside):
            return  # it has come again since it was last heard: TCP notices late who was cut off
        name = self._source.name
        self._desk.report(
            name,
            "warning",
            LEFT,
            f"{name}: {stream.peer} is gone: {reason} ({len(self._inside)} still connected)",
            "It may connect again at any time.",
        )


def parse_networks(source: Endpoint) -> tuple[Network, ...]:
    """`source.allow` as networks; raises `IngestError` for what is none."""
    networks: list[Network] = []
    for text in source.allow:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError as e:
            raise IngestError(
                f"{spell(source)}: allow has {text!r}, which is no network."
                " Write it like 192.168.1.0/24 in meet.toml."
            ) from e
    return tuple(networks)


def allowed(peer: str, networks: tuple[Network, ...]) -> bool:
    """Whether the address of `peer` (`host:port`) is in one of `networks`; none means all."""
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(host_of(peer))
    except ValueError:
        return False
    return any(address in network for network in networks)
