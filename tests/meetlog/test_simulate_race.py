"""The invented meet: the same for a seed, and its reads give the times that it promises."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlog.simulate.faults import LATEST, Faults, disturb
from meetlog.simulate.program import chip_table, make_program
from meetlog.simulate.race import (
    BACKUP_AHEAD,
    CS,
    FALSE_START_LEAD,
    START,
    TEST_CHIP,
    Plan,
    Rehearsal,
    make_rehearsal,
    make_stream,
    mats,
)
from meetlog.simulate.script import (
    Act,
    Cut,
    Detection,
    Recall,
    at_rate,
    length_of,
    only,
    without_first_seen,
)
from wire.reads import ReadKind
from wire.stamps import NS
from wire.timedrops import encode_program, parse_program

PLANS = st.builds(
    Plan,
    seed=st.integers(0, 10_000),
    heats=st.integers(1, 5),
    lanes=st.integers(1, 8),
    distance=st.sampled_from([25, 50, 100]),
    false_start=st.integers(0, 5),
    missed=st.sampled_from([0, 0.3, 1]),
)
FEW = settings(max_examples=25, deadline=None)


def detections(acts: tuple[Act, ...] | list[Act]) -> list[Detection]:
    return [act.what for act in acts if isinstance(act.what, Detection)]


def finals_from_reads(rehearsal: Rehearsal, *, by_strength: bool) -> dict[tuple[str, int], int]:
    """Final times as anybody would find them, from the guns and the best-seen reads alone."""
    recalled = {act.what.gun for act in rehearsal.acts if isinstance(act.what, Recall)}
    reads = set(detections(rehearsal.acts))
    guns = sorted(d.moment for d in reads if d.kind == ReadKind.GUN and d.moment not in recalled)
    finish, backup = (m.name for m in mats(rehearsal.plan.distance)[1:])
    found = {}
    for gun, after in zip(guns, [*guns[1:], 1 << 60], strict=True):
        for chip in rehearsal.chips:
            # A backup counts where the main mat has nothing; its clock is known to be ahead.
            for point, ahead in ((finish, 0), (backup, BACKUP_AHEAD)):
                best = [
                    (d.moment - ahead, d.rssi or 0)
                    for d in reads
                    if d.point == point and d.chip == chip and d.kind == ReadKind.BEST_SEEN
                    if gun < d.moment - ahead < after
                ]
                if best:
                    first = max(best, key=lambda r: r[1]) if by_strength else min(best)
                    found[chip, gun] = (first[0] - gun) // CS
                    break
    return found


@FEW
@given(plan=PLANS, by_strength=st.booleans())
def test_the_reads_give_the_promised_times_by_either_rule(plan: Plan, by_strength: bool) -> None:
    rehearsal = make_rehearsal(plan)
    promised = {
        (lane.chip, heat.gun): heat.finals_cs[lane.lane]
        for heat in rehearsal.heats
        for lane in heat.lanes
    }
    assert finals_from_reads(rehearsal, by_strength=by_strength) == promised


@FEW
@given(plan=PLANS)
def test_a_plan_gives_the_same_meet_each_time(plan: Plan) -> None:
    one, two = make_rehearsal(plan), make_rehearsal(plan)
    assert one == two
    assert [act.at for act in one.acts] == sorted(act.at for act in one.acts)


def test_another_seed_gives_another_meet() -> None:
    assert make_rehearsal(Plan(seed=1)).acts != make_rehearsal(Plan(seed=2)).acts


@FEW
@given(plan=PLANS)
def test_guns_fall_on_hundredths_and_false_starts_stand_apart(plan: Plan) -> None:
    rehearsal = make_rehearsal(plan)
    guns = {d.moment for d in detections(rehearsal.acts) if d.kind == ReadKind.GUN}
    assert all(gun % CS == 0 for gun in guns)
    assert guns == {h.gun for h in rehearsal.heats} | {
        h.false_gun for h in rehearsal.heats if h.false_gun is not None
    }
    false = [h for h in rehearsal.heats if h.false_gun is not None]
    assert len(false) == (1 if 1 <= plan.false_start <= plan.heats else 0)
    for heat in false:
        assert heat.false_gun == heat.gun - FALSE_START_LEAD
        recall = next(act for act in rehearsal.acts if isinstance(act.what, Recall))
        assert recall.what == Recall(heat.race, heat.false_gun)
        assert heat.false_gun < recall.at < heat.gun


def test_the_script_has_everything_that_goes_wrong() -> None:
    rehearsal = make_rehearsal(Plan(seed=7, heats=6, lanes=8))
    reads = detections(rehearsal.acts)
    assert {d.point for d in reads} == {START, "Turn", "Finish", "Finish2"}
    assert any(act.copy for act in rehearsal.acts)
    assert {d.chip for d in reads} - set(rehearsal.chips) > {TEST_CHIP}
    in_order = [d.moment for d in reads if d.point == "Finish"]
    assert in_order != sorted(in_order)
    late = [
        act.at - act.what.moment
        for act in rehearsal.acts
        if isinstance(act.what, Detection) and act.what.point == "Finish2"
    ]
    assert min(late) > NS  # on its way for at least 3 s, stamped by a clock 1.5 s ahead
    strengths = [d.rssi for d in reads if d.kind == ReadKind.FIRST_SEEN]
    assert max(s for s in strengths if s is not None) < -50
    # A chip that lingers is sent again every 5 to 6 s.
    pauses = []
    for chip in rehearsal.chips:
        best = sorted(
            {
                d.moment
                for d in reads
                if (d.point, d.chip) == ("Finish", chip) and d.kind == ReadKind.BEST_SEEN
            }
        )
        pauses += [b - a for a, b in itertools.pairwise(best)]
    assert any(4 * NS < pause <= 6 * NS for pause in pauses)


def test_copies_are_copies_of_something_sent_before() -> None:
    seen = set()
    for act in make_rehearsal(Plan(heats=4)).acts:
        if isinstance(act.what, Detection):
            assert act.copy == (act.what in seen)
            seen.add(act.what)


@FEW
@given(
    seed=st.integers(0, 1000),
    duplicates=st.floats(0, 1),
    late=st.floats(0, 1),
    cuts=st.floats(0, 1),
)
def test_faults_neither_lose_nor_invent_a_read(
    seed: int, duplicates: float, late: float, cuts: float
) -> None:
    acts = make_stream(seed, ("A", "B"), 5, 10, 40)
    out = disturb(acts, Faults(duplicates, late, cuts), seed)
    assert {act.what for act in out if act.is_read} == {act.what for act in acts}
    originals = {act.what: act.at for act in acts}
    for act in out:
        if isinstance(act.what, Detection) and not act.copy:
            assert 0 <= act.at - originals[act.what] < LATEST
    assert [act.at for act in out] == sorted(act.at for act in out)


def test_a_cut_stands_before_the_read_that_it_breaks() -> None:
    acts = disturb(make_stream(1, ("A",), 5, 10, 10), Faults(cut_after=(0, 3)), 1)
    assert [n for n, act in enumerate(acts) if isinstance(act.what, Cut)] == [0, 4]


@pytest.mark.parametrize(
    "wrong", [{"duplicates": 1.5}, {"late": -0.1}, {"cuts": 2}, {"cut_after": (-1,)}]
)
def test_faults_refuse_what_is_no_chance(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"chance|number of reads"):
        Faults(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_stream_comes_at_its_rate() -> None:
    acts = make_stream(1, ("A", "B"), 3, 100, 12)
    assert [act.at for act in acts] == [n * NS // 100 for n in range(12)]
    assert {d.chip for d in detections(acts)} == {"1001", "1002", "1003"}
    assert [d.point for d in detections(acts)] == ["A"] * 3 + ["B"] * 3 + ["A"] * 3 + ["B"] * 3
    assert length_of(acts) == 11 * NS // 100


def test_parts_of_a_script() -> None:
    acts = list(make_rehearsal(Plan()).acts)
    finish = only(acts, ["Finish"])
    assert {d.point for d in detections(finish)} == {"Finish"}
    assert any(isinstance(act.what, Recall) for act in finish)
    assert only(acts, []) == acts
    best = detections(without_first_seen(acts))
    assert {d.kind for d in best} == {ReadKind.GUN, ReadKind.BEST_SEEN}
    assert [act.at for act in at_rate(acts[:3], 2)] == [0, NS // 2, NS]


@FEW
@given(seed=st.integers(0, 10_000), heats=st.integers(1, 7), lanes=st.integers(1, 10))
def test_the_program_reads_back_without_a_warning(seed: int, heats: int, lanes: int) -> None:
    program = make_program(seed, heats, lanes)
    back = parse_program(encode_program(program))
    assert back.warnings == ()
    assert back.sessions == program.sessions
    assert back.swimmers == program.swimmers
    races = program.sessions[0].heats
    assert len(races) == heats
    assert [heat.race_number for heat in races] == list(range(1, heats + 1))
    for event in program.events:
        swum = [s for h in races if h.event == event.number for e in h.lanes for s in e.swimmer_ids]
        assert len(swum) == len(set(swum))
    assert all(any(not entry.empty for entry in heat.lanes) for heat in races)
    chips = chip_table(program)
    assert sorted(chips.values()) == sorted(s.id for s in program.swimmers)


def test_no_meet_without_heats() -> None:
    with pytest.raises(ValueError, match="at least one heat"):
        make_program(1, 0)
