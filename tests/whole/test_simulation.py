"""The whole in a seeded world of faults: at each step, what was promised holds."""

import pytest

import meetlog.projector
from store.event import RESULT_PUBLISHED
from tests.whole.simulation import World

STEPS = 150


@pytest.mark.parametrize("seed", range(16))
def test_the_promises_hold_at_every_step(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # In some worlds few events make a backlog, which is folded in several steps.
    monkeypatch.setattr(meetlog.projector, "STEP_EVENTS", (500, 3, 20)[seed % 3])
    world = World(seed)
    try:
        for number in range(STEPS):
            world.step()
            try:
                world.check()
            except AssertionError as e:
                e.add_note(f"after step {number} of the world of seed {seed}")
                raise
        world.settle()
        world.check()
        world.check_end()
        # The world was worth the while.
        assert world.crashes
        assert any(event.kind == RESULT_PUBLISHED for event in world.known)
    finally:
        world.log.close()
