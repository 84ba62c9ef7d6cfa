"""Each ceiling of the readers: what is at it and below is taken, what is above is not."""

from collections.abc import Callable

import pytest

from tests.kit.around import around
from tests.limits import ceilings as c
from tests.limits.table import constant

# By the name of the constant, as docs/limits.md has it.
TAKEN: dict[str, Callable[[int], bool]] = {
    "wire.jsonreads.MAX_FRAME": c.frame,
    "wire.jsonreads.MAX_DEPTH": c.frame_depth,
    "wire.reads.MAX_NAME": c.chip_text,
    "wire.ctp01.MAX_LINE": c.ctp01_line,
    "wire.timedrops_program.MAX_PROGRAM": c.program_size,
    "wire.timedrops_program.MAX_LANE": c.lane_number,
    "wire.timedrops_results.MAX_RESULT": c.result_size,
    "wire.timedrops_results.MAX_STATUS": c.status_size,
    "wire.timedrops_names.MAX_PART": c.name_part,
    "wire.chips.MAX_BYTES": c.chip_table_size,
    "wire.chips.MAX_DEPTH": c.chip_table_depth,
    "wire.chips.MAX_NAME": c.chip_table_name,
    "wire.tomlfile.MAX_BYTES": c.settings_size,
    "wire.settings.Port": c.settings_port,
    "wire.settings.Positive": c.settings_count,
    "wire.settings.Text": c.settings_text,
    "wire.settings.LONGEST": c.duration,
    "wire.textfile.MAX_DEPTH": c.json_depth,
    "wire.textfile.MAX_DIGITS": c.json_digits,
    "wire.statements.MOST_SHIFT": c.clock_shift,
    "meetlog.checks.MOST_TEXT": c.statement_text,
    "meetlog.checks.MOST_NAME": c.statement_name,
    "meetlog.secrets.LONGEST": c.secret_size,
    "meetlog.console.sessions.TRIES": c.tries_of_an_address,
    "meetlog.console.signs.MOST_LINE": c.sign_size,
    "meetlog.capsule.format.MAX_MANIFEST": c.manifest_size,
}
KEPT: dict[str, Callable[[int], int]] = {
    "meetlog.console.sessions.MOST": c.sessions,
    "meetlog.console.sessions.MOST_ADDRESSES": c.addresses_that_try,
    "projections.intake.MOST_LOCATIONS": c.locations_announced,
}


@around
@pytest.mark.parametrize("name", TAKEN)
def test_at_below_and_above(name: str, more: int) -> None:
    assert TAKEN[name](int(constant(name)) + more) == (more <= 0)


@pytest.mark.parametrize("more", [-1, 0, 1, 50])
@pytest.mark.parametrize("name", KEPT)
def test_so_many_are_kept(name: str, more: int) -> None:
    most = int(constant(name))
    assert KEPT[name](most + more) == min(most, most + more)
