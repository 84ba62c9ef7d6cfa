"""A process that is killed at any moment, as often as one likes, loses and repeats nothing."""

import json
import random
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from ingest.statements import state
from store.event import APP_STARTED, RESULT_PUBLISHED, Event, meta_of
from store.sqlite import SqliteLog
from tests.kit.programs import Program, Programs, Tail, programs_on
from tests.kit.stepped import Stepped
from tests.meetlog.calls import call
from tests.whole.meet import BASE, Script, Step, lay_out, make_program, play, write_script
from wire.statements import RecallHeat
from wire.timedrops import STATUS_FILE, encode_program

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL to kill a process with"
)
HEATS, STEPS, CROWD = 4, 4, 100
KILLS = 26  # of each seed
STARTING = 0.5  # seconds; a program that was told to begin listens after some 0.3
STREAMING = 0.04  # seconds; as long as what one step lets loose is on its way
SCRIPT = write_script(7, HEATS, STEPS, CROWD)


class Moment(NamedTuple):
    """When to kill: so many seconds after the program listens, or else after it began to load."""

    up: bool
    seconds: float


class Ended(NamedTuple):
    """A meet that was recorded and stopped in good order."""

    folder: Path
    events: list[Event]
    kills: int

    def files(self) -> dict[str, bytes]:
        """What is in the Time Drops folder; of the status, without the moment of its writing."""
        found = {p.name: p.read_bytes() for p in (self.folder / "timedrops").iterdir()}
        status = json.loads(found[STATUS_FILE])
        del status["updatedAt"]
        return found | {STATUS_FILE: json.dumps(status).encode()}


class Killer:
    """Keeps one program at work on the meet, and kills it when asked."""

    def __init__(self, programs: Programs, tail: Tail) -> None:
        self.current: Program | None = None
        self.kills = 0
        self._programs = programs
        self._spares: list[Program] = []
        self._tail = tail

    def is_up(self) -> bool:
        """Whether the present program listens."""
        return self.current is not None and self.current.says("listens on")

    async def begin(self) -> None:
        """Have a program at work, and spare ones loading meanwhile."""
        while len(self._spares) < 2:
            self._spares.append(await self._programs.spare())
        self.current = self._spares.pop(0)
        await self.current.go()

    async def kill(self) -> None:
        """Kill it; what was durable before is unchanged after. Begin again at once."""
        assert self.current is not None
        self._tail.refresh()
        known = list(self._tail.events)
        self._tail.close()
        killed, self.current = self.current, None
        killed.process.send_signal(signal.SIGKILL)
        await killed.gone()
        self.kills += 1
        assert "Traceback" not in killed.text, killed.text
        assert self._tail.from_file()[: len(known)] == known
        await self.begin()


async def record(folder: Path, script: Script, moments: Sequence[Sequence[Moment]]) -> Ended:
    """Record the meet, killing the program in each step at `moments[step]`.

    What a step lets loose may be recorded before a moment comes; it is killed then.
    """
    ports = lay_out(folder, script)
    tail = Tail(folder / "meet.db")
    async with programs_on(folder) as programs, anyio.create_task_group() as players:
        killer = Killer(programs, tail)
        conditions = programs.conditions
        clock = Stepped(BASE, conditions, killer.is_up)
        await killer.begin()
        await play(players, script.acts, ports, clock)
        for step in script.steps:
            clock.release(step.number)
            reached = partial(_has_reached, tail, step)
            for moment in moments[step.number] if moments else ():
                if moment.up:
                    await conditions.until(killer.is_up)
                with anyio.move_on_after(moment.seconds):
                    await conditions.until(reached)
                await killer.kill()
            await conditions.until(reached)
            if step.recall:
                _recall(folder, *step.recall)
            if step.program:
                program = encode_program(make_program(HEATS, step.program))
                (folder / "timedrops" / "meet_program.json").write_bytes(program)
        assert killer.current is not None
        await killer.current.until_up()
        killer.current.process.send_signal(signal.SIGTERM)
        assert await killer.current.gone() == 0, killer.current.text
        players.cancel_scope.cancel()
    known = tail.events
    tail.close()
    events = tail.from_file()
    assert events[: len(known)] == known
    return Ended(folder, events, killer.kills)


def _has_reached(tail: Tail, step: Step) -> bool:
    meet = tail.refresh()
    new = sum(source.new for source in meet.sources())
    assert new <= step.new
    return new == step.new and len(meet.revisions()) >= step.published


def _recall(folder: Path, key: tuple[str, str, int], gun: int) -> None:
    session, event, heat = key
    log = SqliteLog(folder / "meet.db")
    statement = RecallHeat(
        author="Ada", channel="test", at=BASE, seen=log.head().position, reason="false start",
        session=session, event=event, heat=heat, gun=gun,
    )  # fmt: skip
    state(log, statement)
    log.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The meet, recorded without a kill."""
    return anyio.run(record, tmp_path_factory.mktemp("undisturbed") / "meet", SCRIPT, ())


def test_the_undisturbed_meet_is_published_as_written(undisturbed: Ended) -> None:
    published = [e for e in undisturbed.events if e.kind == RESULT_PUBLISHED]
    assert len(published) == SCRIPT.steps[-1].published == HEATS + HEATS // 3
    assert sum(e.kind == APP_STARTED for e in undisturbed.events) == 1


@pytest.mark.timeout(240)  # 26 programs are loaded one after the other
@pytest.mark.parametrize("seed", [1, 2])
def test_kills_lose_nothing_and_publish_the_same(
    tmp_path: Path, undisturbed: Ended, seed: int
) -> None:
    rng = random.Random(seed)
    moments: list[list[Moment]] = [[] for _ in SCRIPT.steps]
    for _ in range(KILLS):
        up = rng.random() < 0.75
        moment = Moment(up, rng.uniform(0, STREAMING if up else STARTING))
        rng.choice(moments).append(moment)
    ended = anyio.run(record, tmp_path / "meet", SCRIPT, moments)
    assert ended.kills == KILLS
    assert ended.files() == undisturbed.files()
    assert call("verify", ended.folder).exit_code == 0
    names: dict[tuple[object, ...], str] = {}
    for event in ended.events:
        if event.kind == RESULT_PUBLISHED:
            meta = meta_of(event)
            key = (meta["session"], meta["event"], meta["heat"], meta["revision"])
            assert names.setdefault(key, meta["sha256"]) == meta["sha256"], key
    again = tmp_path / "again"
    assert call("replay", ended.folder, "--into", again).exit_code == 0
    replayed = {p.name: p.read_bytes() for p in again.iterdir() if p.name != STATUS_FILE}
    assert replayed == {n: b for n, b in ended.files().items() if n.startswith("Session")}
