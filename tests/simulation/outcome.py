"""One world from its beginning to its end, and what became of it."""

import traceback
from collections import Counter
from functools import partial
from typing import NamedTuple

import anyio

from tests.simulation import invariants as must
from tests.simulation.loop import SeededLoop
from tests.simulation.swarm import Swarm
from tests.simulation.world import MakeUp, World

LATE = 3600  # a world that is still there after so long will never end


class Outcome(NamedTuple):
    """What became of a world: its trace, what happened in it, what was broken ("": nothing)."""

    seed: int
    trace: str
    story: Counter[str]
    events: int
    broken: str

    @property
    def command(self) -> str:
        """What lets the same world happen once more."""
        return f"python -m tests.simulation --seed {self.seed}"


def simulate(seed: int, make_up: MakeUp = Swarm) -> Outcome:
    """Let the world of this seed happen; `make_up` draws what it consists of."""

    async def live() -> Outcome:
        broken: must.Broken | None = None
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as group:
                world = World(seed, group, make_up)
                try:
                    with anyio.fail_after(LATE):
                        await world.run()
                except must.Broken as e:
                    broken = e
                except TimeoutError:
                    broken = must.Broken(f"the world did not come to an end in {LATE} s")
                world.end_life("the end of the world")
                group.cancel_scope.cancel()
        world.store.close()
        cause = broken.__cause__ if broken else None
        told = "".join(traceback.format_exception(cause)) if cause else ""
        return Outcome(
            seed,
            world.trace,
            world.story,
            world.evidence.position,
            f"{broken}\n{told}".rstrip() if broken else "",
        )

    return anyio.run(live, backend_options={"loop_factory": partial(SeededLoop, seed)})
