"""A scoring program: it takes reads by CTP01, TsV1 or TsV2, and tells what it got.

It stands in for RunScore, RaceDay or any program that a relay feeds, so that
a timer can try the link without it. As a CTP01 server it asks as a real one
does, and resumes after a cut where it was.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import anyio
import msgspec
from anyio.abc import AnyByteStream, TaskStatus

from meetlog.simulate.hearing import Hearing
from meetlog.simulate.playing import (
    GONE,
    Dial,
    dialler,
    keep_calling,
    listen,
    peer_of,
    plain_errors,
    port_of,
)
from meetlog.simulate.report import Report
from meetlog.simulate.timing import Timing
from wire import tsv1, tsv2
from wire.ctp01_marks import MAX_IDS
from wire.ctp01_messages import Message
from wire.ctp01_server import ServerOptions, ServerSession
from wire.errors import Malformed
from wire.reads import RawRead
from wire.stamps import NS

POLL = NS  # a pull-mode program asks again this long after there was nothing
UNANSWERED = 3  # pings, and the peer is given up (PROTOCOLS 1.3)

Marks = dict[str, dict[str, int]]


class Asking(msgspec.Struct, frozen=True):
    """How a CTP01 program behaves: what it asks for, and after how much silence (ns) it pings."""

    options: ServerOptions = ServerOptions(program="simulated", version="scoring")
    ping: int = 10 * NS


class Ctp01Scoring:
    """The scoring side of CTP01, for any number of timing systems."""

    def __init__(
        self, asking: Asking, hearing: Hearing, seeds: Callable[[], str] | None = None
    ) -> None:
        self._asking = asking
        self._hearing = hearing
        self._seeds = seeds or (lambda: secrets.token_hex(8))
        self._marks: Marks = {}

    async def attend(self, stream: AnyByteStream) -> None:
        """Hold one conversation until either side ends it."""
        peer = peer_of(stream)
        hearing = self._hearing
        options = msgspec.structs.replace(self._asking.options, seed=self._seeds())
        session = ServerSession(options, self._marks)
        hearing.opened(peer)
        reason = "it closed the connection"
        async with stream:
            try:
                reason = await self._converse(stream, session, peer)
            except GONE:
                pass
            finally:
                self._remember(session.marks)
                hearing.closed(peer, reason)

    async def _converse(self, stream: AnyByteStream, session: ServerSession, peer: str) -> str:
        """Until the peer is to be left; returns why."""
        hearing, quiet = self._hearing, 0
        pulls = session.options.stream_mode == "pull"
        step = min(POLL, self._asking.ping) if pulls else self._asking.ping
        while True:
            data = b""
            with anyio.move_on_after(step / NS):
                data = await stream.receive()
            if data:
                quiet = 0
                before = session.stage, session.locations
                reply = session.receive(data)
                hearing.heard(peer, data)
                self._take(peer, reply.messages)
                self._tell_stage(peer, session, *before)
                for remark in reply.remarks:
                    hearing.remark(peer, remark)
                await self._send(stream, peer, reply.send)
                if reply.close:
                    return reply.close
                continue
            quiet += step
            if session.unanswered >= UNANSWERED:
                return session.silence()
            if quiet >= self._asking.ping:
                quiet = 0
                await self._send(stream, peer, session.ping())
            elif pulls:
                await self._send(stream, peer, session.poll())

    async def _send(self, stream: AnyByteStream, peer: str, data: bytes) -> None:
        if data:
            self._hearing.said(peer, data)
            await stream.send(data)

    def _take(self, peer: str, messages: Iterable[Message | Malformed]) -> None:
        for message in messages:
            self._hearing.message(peer, message)

    def _tell_stage(
        self, peer: str, session: ServerSession, stage: str, locations: tuple[str, ...]
    ) -> None:
        hearing = self._hearing
        if session.stage != stage and session.stage == "asking":
            hearing.remark(peer, f"it is {session.peer_program}")
        if session.stage != stage and session.stage == "running":
            event = session.event_info.name if session.event_info else "an event without a name"
            resumes = session.connection_id in self._marks
            how = "go on where they were" if resumes else "are asked for from the first line"
            places = ", ".join(session.locations) or "none yet"
            hearing.remark(peer, f"it tells of {event}; locations, which {how}: {places}")
        elif session.stage == "running" and session.locations != locations:
            new = [name for name in session.locations if name not in locations]
            hearing.remark(peer, f"new location: {', '.join(new)}")

    def _remember(self, marks: Mapping[str, Mapping[str, int]]) -> None:
        self._marks = {id_: dict(places) for id_, places in list(marks.items())[-MAX_IDS:]}


class TsvScoring:
    """A program that takes TsV1 or TsV2, which ask for nothing."""

    def __init__(self, hearing: Hearing, *, utc: bool) -> None:
        """With `utc`, TsV2, which has that stamp too."""
        self._decoder = tsv2.Decoder if utc else tsv1.Decoder
        self._hearing = hearing

    async def attend(self, stream: AnyByteStream) -> None:
        """Take what comes, until the peer closes."""
        peer, hearing = peer_of(stream), self._hearing
        decoder = self._decoder()
        hearing.opened(peer)
        async with stream:
            try:
                while True:
                    data = await stream.receive()
                    hearing.heard(peer, data)
                    self._take(peer, decoder.feed(data))
            except GONE:
                pass
            finally:
                self._take(peer, decoder.close())
                hearing.closed(peer, "it closed the connection")

    def _take(self, peer: str, items: Iterable[RawRead | Malformed]) -> None:
        for item in items:
            if isinstance(item, RawRead):
                self._hearing.read(item)
            else:
                self._hearing.message(peer, item)


async def score(
    scoring: Ctp01Scoring | TsvScoring,
    hearing: Hearing,
    *,
    role: Literal["server", "client"],
    host: str,
    port: int,
    timing: Timing,
    dial: Dial | None = None,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Listen, or call and call again, until enough was heard; see `Hearing.enough`.

    Started with the port. `dial` stands for the network of a client. Raises
    `SimulateError` when it cannot listen.
    """
    with plain_errors():
        if role == "client":
            async with anyio.create_task_group() as group:
                task_status.started(port)
                call, where = dial or dialler(host, port), f"{host} port {port}"
                report = Report(say=hearing.say)
                group.start_soon(keep_calling, call, where, scoring.attend, timing, report)
                await hearing.enough.wait()
                group.cancel_scope.cancel()
            return
        async with await listen(host, port) as listener, anyio.create_task_group() as group:
            real = port_of(listener)
            hearing.say(f"Listening on {host} port {real}.")
            task_status.started(real)
            group.start_soon(listener.serve, scoring.attend, group)
            await hearing.enough.wait()
            group.cancel_scope.cancel()
