"""A meet at which the program is killed again and again, and all that is looked at meanwhile."""

import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

import anyio
import anyio.abc
import httpx

from ingest.statements import state
from projections.relayed import ItemKind, queued
from store.event import RELAY_QUEUED, RESULT_PUBLISHED, SOCKET_OPENED, SOCKET_SENT, Event, meta_of
from store.sqlite import SqliteLog
from store.verify import verify
from tests.faults.cast import Answers, Listener, Told, listen, play
from tests.faults.day import (
    BASE,
    CONSOLE,
    OFFICE,
    RELAYS,
    SCORING,
    Script,
    Step,
    lay_out,
    make_program,
)
from tests.kit.conditions import Conditions
from tests.kit.nursery import Nursery
from tests.kit.programs import Program, Tail, looking_at
from tests.kit.stepped import Stepped
from wire.statements import Disqualify, RecallHeat
from wire.timedrops import STATUS_FILE, encode_program

# What the program is doing when it is killed.
When = Literal["starting", "streaming", "relaying", "publishing", "console"]
PATIENCE = 1.0  # seconds; what is waited for may have been over before
LATE = 45  # seconds; what is due by then has come, or never will


class Moment(NamedTuple):
    """When to kill: so many seconds after the program has begun to do this."""

    when: When
    seconds: float


class Ended(NamedTuple):
    """A meet that was recorded and stopped in good order; `told` are the listeners, by relay."""

    folder: Path
    events: list[Event]
    kills: int
    told: dict[str, set[Told]]
    crossings: set[Told]

    def files(self) -> dict[str, bytes]:
        """What is in the Time Drops folder; of the status, without the moment of its writing."""
        found = {p.name: p.read_bytes() for p in (self.folder / "timedrops").iterdir()}
        status = json.loads(found[STATUS_FILE])
        del status["updatedAt"]
        return found | {STATUS_FILE: json.dumps(status).encode()}


class Meet:
    """A meet with everybody who takes part, and one program at work that may be killed."""

    def __init__(
        self, folder: Path, nursery: Nursery, group: anyio.abc.TaskGroup, conditions: Conditions
    ) -> None:
        self.folder = folder
        self.conditions = conditions
        self.tail = Tail(folder / "meet.db")
        self.current: Program | None = None
        self.kills = 0
        self.answers: dict[str, Answers] = {}
        self.listeners: dict[str, Listener] = {}
        self._nursery = nursery
        self._group = group

    def says(self, words: str) -> bool:
        """Whether the present program has said so."""
        return self.current is not None and self.current.says(words)

    def is_up(self) -> bool:
        """Whether the present program listens."""
        return self.says("listens on")

    async def begin(self) -> None:
        """Have a program at work."""
        run = ("-m", "meetlog", "run", "--plain", "-m", str(self.folder))
        self.current = Program(await self._nursery.start(*run), self.conditions)
        self._group.start_soon(self.current.read)

    async def soon(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`, but not for ever."""
        with anyio.move_on_after(LATE):
            await self.conditions.until(holds)
        assert holds(), self.current and self.current.text

    async def until(self, moment: Moment) -> None:
        """Wait for the moment."""
        if moment.when != "starting":
            await self.conditions.until(self.is_up)
        if moment.when in ("relaying", "publishing", "console"):
            with anyio.move_on_after(PATIENCE):
                await self.conditions.until(self._is_doing(moment.when))

    def _is_doing(self, when: When) -> Callable[[], bool]:
        if when == "console":
            return partial(self.says, "console at")
        if when == "relaying":
            before = [listener.reads for listener in self.listeners.values()]
            return lambda: before != [listener.reads for listener in self.listeners.values()]
        there = _names(self.folder)
        return lambda: there != _names(self.folder)

    async def kill(self) -> None:
        """Kill it; what was durable or told before is in the log after. Begin again at once."""
        assert self.current is not None
        self.tail.refresh()
        known = list(self.tail.events)
        self.tail.close()
        killed, self.current = self.current, None
        killed.process.send_signal(signal.SIGKILL)
        assert await killed.gone() == -signal.SIGKILL, killed.text
        await killed.process.aclose()
        self.kills += 1
        assert "Traceback" not in killed.text, killed.text
        if known:
            log = SqliteLog(self.folder / "meet.db", read_only=True)
            assert verify(log).ok
            events = log.read(0, 1_000_000)
            log.close()
            assert events[: len(known)] == known
            self.look_through(events)
        await self.begin()

    def look_through(self, events: Sequence[Event]) -> None:
        """Whatever anybody was told or given is in the log."""
        decided = {meta_of(e)["sha256"] for e in events if e.kind == RESULT_PUBLISHED}
        for path in (self.folder / "timedrops").glob("Session*"):
            assert sha256(path.read_bytes()).hexdigest() in decided, path
        items: dict[str, set[Told]] = {relay: set() for relay in RELAYS}
        for event in events:
            if event.kind == RELAY_QUEUED:
                items[event.source] |= {
                    Told(i.location, i.tag, i.moment)
                    for i in queued(event).items
                    if i.kind != ItemKind.LOCATION
                }
        for relay, listener in self.listeners.items():
            assert set(listener.told.values()) <= items[relay], relay
        for source, answers in self.answers.items():
            said = _said_to(source, events)
            for peer, heard in answers.heard.items():
                assert said.get(peer, bytearray()).startswith(heard), peer

    async def stop(self) -> None:
        """Ask it to stop, and wait until it and its console are gone."""
        assert self.current is not None
        os.kill(self.current.process.pid, signal.SIGTERM)
        assert await self.current.gone() == 0, self.current.text
        await self.soon(lambda: not self._nursery.alive())

    async def look_at_console(self, port: int) -> None:
        """The console of the present program answers, and no earlier one is left."""
        assert self.current is not None
        await self.current.until("console at")
        async with httpx.AsyncClient() as client:
            health = await client.get(f"http://127.0.0.1:{port}/health")
        assert health.json() == {"state": "ok"}
        await self.soon(lambda: len(self._nursery.alive()) == 2)
        assert sorted(args.split()[1] for args in self._nursery.alive().values()) == [
            "meetlog",
            "meetlog.console.companion",
        ]

    def has_reached(self, step: Step) -> bool:
        """Whether all that the step lets loose is recorded, published and told."""
        due = {OFFICE: 0, SCORING: step.told}
        heard = self.listeners.items()
        if any(len(listener.told) < due.get(relay, step.new) for relay, listener in heard):
            return False
        meet = self.tail.refresh()
        new = sum(source.new for source in meet.sources())
        assert new <= step.new
        return new == step.new and len(meet.revisions()) >= step.published

    def crossings(self) -> set[Told]:
        """All crossings of chips, by their points."""
        return {Told(c.point, c.chip, c.moment_ns) for c in self.tail.refresh().crossings()}

    def office_knows(self) -> bool:
        """Whether the listener that is told crossings was told each that is."""
        return self.crossings() <= set(self.listeners[OFFICE].told.values())


@asynccontextmanager
async def meet_in(
    folder: Path, nursery: Nursery
) -> AsyncIterator[tuple[Meet, anyio.abc.TaskGroup]]:
    """A meet in this folder, nobody there yet. At the end whoever is there is gone."""
    async with (
        looking_at(folder, nursery.folder) as conditions,
        anyio.create_task_group() as group,
    ):
        meet = Meet(folder, nursery, group, conditions)
        try:
            yield meet, group
        finally:
            group.cancel_scope.cancel()
            meet.tail.close()
            if meet.current is not None:
                with anyio.CancelScope(shield=True):
                    await meet.current.process.aclose()


async def record(
    folder: Path, nursery: Nursery, script: Script, moments: Sequence[Sequence[Moment]]
) -> Ended:
    """Record the meet, killing the program in each step at `moments[step]`.

    What a step lets loose may be recorded before a moment comes; it is killed then.
    """
    ports = lay_out(folder, script)
    async with meet_in(folder, nursery) as (meet, group):
        clock = Stepped(BASE, meet.conditions, meet.is_up)
        await meet.begin()
        meet.listeners = await listen(group, ports, clock, meet.conditions)
        meet.answers = await play(group, script.acts, ports, clock)
        for step in script.steps:
            clock.release(step.number)
            reached = partial(meet.has_reached, step)
            for moment in moments[step.number] if moments else ():
                await meet.until(moment)
                with anyio.move_on_after(moment.seconds):
                    await meet.conditions.until(reached)
                await meet.kill()
            await meet.soon(reached)
            _state(folder, step)
            if step.program:
                heats = len(script.program.sessions[0].heats)
                program = encode_program(make_program(heats, step.program))
                (folder / "timedrops" / "meet_program.json").write_bytes(program)
        await meet.soon(meet.office_knows)
        await meet.look_at_console(ports[CONSOLE])
        await meet.stop()
        known = meet.tail.events
        meet.tail.close()
        events = meet.tail.from_file()
        assert events[: len(known)] == known
        meet.look_through(events)
        told = {relay: set(each.told.values()) for relay, each in meet.listeners.items()}
        crossings = meet.crossings()
        meet.tail.close()
        return Ended(folder, events, meet.kills, told, crossings)


def _state(folder: Path, step: Step) -> None:
    """What an operator says after a step, in another process than the program's."""
    log = SqliteLog(folder / "meet.db")
    seen = log.head().position
    if step.recall:
        (session, event, heat), gun = step.recall
        recall = RecallHeat(
            author="Ada", channel="test", at=BASE, seen=seen, reason="false start",
            session=session, event=event, heat=heat, gun=gun,
        )  # fmt: skip
        state(log, recall)
    if step.dq:
        (session, event, heat), lane = step.dq
        dq = Disqualify(
            author="Ada", channel="test", at=BASE, seen=seen, reason="left the course",
            session=session, event=event, heat=heat, lane=lane,
        )  # fmt: skip
        state(log, dq)
    log.close()


def _said_to(source: str, events: Sequence[Event]) -> dict[str, bytearray]:
    """What the peers of a source were told, by their addresses."""
    said: dict[str, bytearray] = {}
    peers: dict[int, str] = {}  # each run numbers its connections from 1
    for event in events:
        if event.source == source and event.kind == SOCKET_OPENED:
            meta = meta_of(event)
            peers[meta["c"]] = meta["peer"]
            said[meta["peer"]] = bytearray()
        elif event.source == source and event.kind == SOCKET_SENT:
            said[peers[meta_of(event)["c"]]] += event.body
    return said


def _names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "timedrops").iterdir()}
