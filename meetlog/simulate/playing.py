"""What all players share: cutting a script into messages, and making and keeping connections."""

import errno
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import anyio
import msgspec
from anyio.abc import AnyByteStream, ByteStream, SocketAttribute, SocketStream
from anyio.streams.stapled import MultiListener

from meetlog.simulate.report import Report
from meetlog.simulate.script import Act, Cut, Detection, SimulateError
from meetlog.simulate.timing import Timing
from wire.reads import RawRead
from wire.stamps import NS

SPAN = NS // 10  # reads within this make one message, when several may share one
FIRST_PAUSE = NS // 5
LONGEST_PAUSE = 5 * NS
# A peer that has got everything closes at once; one that hangs must not keep us for ever.
FAREWELL = 5

Dial = Callable[[], Awaitable[ByteStream]]
Attend = Callable[[AnyByteStream], Awaitable[None]]
GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


class Sending(NamedTuple):
    """A read to be sent, and whether it is a duplicate."""

    what: Detection | RawRead
    copy: bool


class Message(msgspec.Struct, frozen=True):
    """Reads that are sent together, when the last of them is due; `cut` breaks off in the middle.

    Only a cut at the end of the script has no reads.
    """

    at: int
    reads: tuple[Sending, ...]
    cut: bool = False


def messages(acts: Sequence[Act], most: int = 1) -> Iterator[Message]:
    """The reads of a script as messages of at most `most` reads, in order."""
    held: list[Sending] = []
    first = last = 0
    cut = False
    for act in acts:
        is_cut = isinstance(act.what, Cut)
        if held and (is_cut or len(held) == most or act.at > first + SPAN):
            yield Message(last, tuple(held), cut)
            held, cut = [], False
        if is_cut:
            last, cut = act.at, True
        elif isinstance(act.what, Detection | RawRead):
            first = act.at if not held else first
            last = act.at
            held.append(Sending(act.what, act.copy))
    if held or cut:
        yield Message(last, tuple(held), cut)


class Changes:
    """A condition that tasks wait for, without polling."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def tell(self) -> None:
        """Something changed; all who wait look again."""
        self._event.set()
        self._event = anyio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds`."""
        while not holds():
            await self._event.wait()


async def keep_calling(
    dial: Dial, where: str, attend: Attend, timing: Timing, report: Report
) -> None:
    """Connect, attend to the connection, and connect again, until cancelled.

    An attempt that fails is told in words and repeated, at first soon and
    then every `LONGEST_PAUSE`.
    """
    pause, told = FIRST_PAUSE, ""
    while True:
        try:
            stream = await dial()
        except OSError as e:
            why = spell_failure(e)
            if why != told:
                report.say(f"Cannot connect to {where}: {why}. Trying again until it answers.")
                told = why
            await timing.pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        pause, told = FIRST_PAUSE, ""
        report.say(f"Connected to {where}.")
        await attend(stream)
        report.say(f"The connection to {where} is closed.")
        await timing.pause(pause)


def dialler(host: str, port: int) -> Dial:
    """How to connect to a TCP port."""

    async def dial() -> SocketStream:
        return await anyio.connect_tcp(host, port)

    return dial


async def listen(host: str, port: int) -> MultiListener[SocketStream]:
    """A listener; port 0 takes a free one. Raises `SimulateError` with what to do."""
    where = f"Cannot listen on {host} port {port}"
    try:
        return await anyio.create_tcp_listener(local_host=host, local_port=port)
    except (OSError, UnicodeError, OverflowError) as e:
        number = getattr(e, "errno", None)
        if number == errno.EADDRINUSE:
            raise SimulateError(
                f"{where}: another program has the port. Stop it, or choose another with --port."
            ) from e
        if number in (errno.EACCES, errno.EPERM):
            raise SimulateError(
                f"{where}: the system does not allow it. Choose a port above 1023 with --port."
            ) from e
        hint = "Use 127.0.0.1 for programs on this machine, 0.0.0.0 for all networks."
        raise SimulateError(f"{where}: {spell_failure(e)}. {hint}") from e


def port_of(listener: MultiListener[SocketStream]) -> int:
    """The port a listener really has."""
    return int(listener.extra(SocketAttribute.local_port))  # noqa: S610 - anyio's, not Django's


def peer_of(stream: AnyByteStream) -> str:
    """The address of the other side, in words where there is none."""
    address = stream.extra(SocketAttribute.remote_address, None)  # noqa: S610 - anyio's, not Django's
    return f"{address[0]} port {address[1]}" if isinstance(address, tuple) else "a peer"


def spell_failure(e: BaseException) -> str:
    """The plain reason of a failed connection, without numbers and addresses."""
    if isinstance(e, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(e, socket.gaierror):
        return "there is no such host"
    # anyio puts the failures of several addresses into a group.
    if isinstance(e.__cause__, BaseExceptionGroup):
        return spell_failure(e.__cause__.exceptions[0])
    if isinstance(e.__cause__, OSError):
        return spell_failure(e.__cause__)
    strerror = getattr(e, "strerror", None)
    return str(strerror or str(e) or type(e).__name__)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Let a `SimulateError` of any task come out as itself instead of in a group."""
    try:
        yield
    except BaseExceptionGroup as group:
        found = group.subgroup(SimulateError)
        if found is None:
            raise
        first: BaseException = found
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
