"""The demo's own parts; `make demo` plays the whole of it."""

import msgspec

from meetlog.demo import PLAN, compare, free_ports, mix_up
from meetlog.simulate.race import Rehearsal, make_rehearsal
from projections.views import Lane, Race


def as_swum(rehearsal: Rehearsal) -> list[Race]:
    """Races whose times are those of the script."""
    return [
        Race(
            session=heat.race.session,
            session_number=1,
            event=heat.race.event,
            heat=heat.race.heat,
            race_number=heat.race_number,
            order=order,
            state="complete",
            start="",
            start_ns=None,
            origin="chips",
            revision=1,
            lanes=tuple(
                Lane(lane, heat.race.event, (), "", "", (), time_cs, "", None, ())
                for lane, time_cs in heat.finals_cs.items()
            ),
        )
        for order, heat in enumerate(rehearsal.heats, 1)
    ]


def test_the_comparison_finds_a_wrong_and_a_missing_time() -> None:
    rehearsal = make_rehearsal(PLAN)
    races = as_swum(rehearsal)
    assert compare(rehearsal, races) == []
    first = races[0].lanes[0]
    slower = msgspec.structs.replace(first, time_cs=(first.time_cs or 0) + 1)
    races[0] = msgspec.structs.replace(races[0], lanes=(slower, *races[0].lanes[1:]))
    assert len(compare(rehearsal, races)) == 1
    assert f"lane {first.lane}" in compare(rehearsal, races)[0]
    assert len(compare(rehearsal, races[1:])) == len(races[0].lanes)


def test_the_mixed_up_chips_change_times_and_lose_none() -> None:
    rehearsal = make_rehearsal(PLAN)
    table, wrong = mix_up(rehearsal)
    changed = {chip for chip in table if table[chip] != rehearsal.chips[chip]}
    assert len(changed) == 2
    assert sorted(table.values()) == sorted(rehearsal.chips.values())
    assert wrong
    for heat in rehearsal.heats:
        times = {lane.times_cs[50] for lane in heat.lanes if lane.chip in changed}
        # Both swim in a heat, with different times, or neither does.
        assert len(times) == (2 if heat.race in wrong else 0)


def test_free_ports_are_different_and_named() -> None:
    ports = free_ports("one", "other", "third")
    assert list(ports) == ["one", "other", "third"]
    assert len(set(ports.values())) == 3
