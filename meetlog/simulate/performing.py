"""Running a simulator from the command line until it ends or is asked to, with words for people."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import anyio
import typer

from meetlog.exits import Exit
from meetlog.output import progress, say, warn
from meetlog.simulate.options import Wanted
from meetlog.simulate.playing import plain_errors
from meetlog.simulate.race import HeatScript
from meetlog.simulate.report import Report
from meetlog.simulate.script import Act, FolderTrouble, SimulateError
from meetlog.simulate.timing import Timing, iso_at
from meetlog.stopping import asked_to_stop

UPDATES = 200  # of the progress, in all
Play = Callable[[Sequence[Act], Report], Awaitable[None]]


def perform(wanted: Wanted, timing: Timing, play: Play, *, first_seen: bool = True) -> None:
    """Run a player to its end, telling how far it is, what it sent, and what must come of it."""
    with spoken():
        acts, heats = wanted.script(first_seen=first_seen)
        total = sum(act.is_read for act in acts)
        step = max(1, total // UPDATES)
        with progress("sending", plain=True) as draw:

            def tell(done: int) -> None:
                if done % step == 0 or done == total:
                    draw(done, total)

            report = Report(say=draw.say, progress=tell)

            async def work() -> None:
                await play(acts, report)

            try:
                anyio.run(until_asked, work)
            finally:
                if report.connections:
                    say(f"Sent {report.summary()}.")
    _tell_times(heats, timing)


async def until_asked(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work to its end; raises `typer.Exit` when Ctrl-C or a signal came first."""
    with asked_to_stop() as asked, plain_errors():
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await asked.wait()
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await work()
            group.cancel_scope.cancel()
    if asked.is_set():
        raise typer.Exit(Exit.INTERRUPTED)


@contextmanager
def spoken() -> Iterator[None]:
    """Turn a `SimulateError` into a sentence and an exit code."""
    try:
        yield
    except SimulateError as e:
        warn(f"meetlog: {e}")
        raise typer.Exit(Exit.FILES if isinstance(e, FolderTrouble) else Exit.SOURCE) from e


def _tell_times(heats: Sequence[HeatScript], timing: Timing) -> None:
    """What a listener must have found out."""
    for heat in heats:
        finals = ", ".join(
            f"lane {lane} {cs // 100}.{cs % 100:02d}" for lane, cs in heat.finals_cs.items()
        )
        started = iso_at(timing.base + heat.gun, timing.zone)
        say(f"Event {heat.race.event} heat {heat.race.heat}, started {started}: {finals}")
        if heat.false_gun is not None:
            false = iso_at(timing.base + heat.false_gun, timing.zone)
            say(f"  The gun at {false} was a false start.")
