"""The meet manager and the console: their files are what such programs write."""

import json
from pathlib import Path

import pytest

from meetlog.simulate.console import Console, make_result, revise
from meetlog.simulate.meet_manager import (
    CHIPS_FILE,
    DIALECTS,
    Dialect,
    Manner,
    encode_dialect,
    write_chips,
    write_program,
)
from meetlog.simulate.program import chip_table, make_program
from meetlog.simulate.script import FolderTrouble
from meetlog.simulate.timing import Timing
from wire import chips
from wire.errors import WireError
from wire.timedrops import (
    PROGRAM_FILE,
    STATUS_FILE,
    Program,
    ResultFile,
    parse_program,
    parse_result,
    parse_status,
)

pytestmark = pytest.mark.anyio
MEET = make_program(3, 5, 4, program_at="2026-04-22T09:00:00.000+02:00")
SESSION = MEET.sessions[0]


def swum(program: Program) -> list[tuple[str, tuple[tuple[str, ...], ...]]]:
    """Who swims in which event, heat after heat; what every dialect can say."""
    return [
        (heat.event, tuple(entry.swimmer_ids for entry in heat.lanes))
        for heat in program.sessions[0].heats
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_is_recognised_and_says_the_same(dialect: Dialect) -> None:
    read = parse_program(encode_dialect(MEET, dialect))
    assert read.dialect == dialect
    assert read.warnings == ()
    assert swum(read) == swum(MEET)
    assert read.swimmers == MEET.swimmers
    assert [s.id for s in read.sessions] == ["1"]
    assert read.sessions[0].pool == SESSION.pool


def test_bia_numbers_heats_through_the_meet() -> None:
    read = parse_program(encode_dialect(MEET, "bia"))
    assert [heat.heat for heat in read.sessions[0].heats] == [1, 2, 3, 4, 5]
    names = [s["swimmerName"] for s in json.loads(encode_dialect(MEET, "bia"))["meetSwimmers"]]
    assert names[0].endswith("(5001)")


@pytest.mark.parametrize("manner", ["whole", "halves", "in-place"])
async def test_in_the_end_the_whole_program_is_there(tmp_path: Path, manner: Manner) -> None:
    path = tmp_path / "new" / PROGRAM_FILE
    body = encode_dialect(MEET)
    for attempt in (body + b" " * 500, body):  # the second one is shorter
        await write_program(path.parent, attempt, manner)
        assert path.read_bytes() == attempt
    assert [p.name for p in path.parent.iterdir()] == [PROGRAM_FILE]


@pytest.mark.parametrize(
    ("manner", "kept"), [("halves", False), ("in-place", True)], ids=["halves", "in-place"]
)
async def test_in_the_meantime_only_half_of_it_is_there(
    tmp_path: Path, manner: Manner, kept: bool
) -> None:
    path = tmp_path / PROGRAM_FILE
    old = encode_dialect(make_program(9, 5, 4)) + b" " * 5000
    path.write_bytes(old)
    body = encode_dialect(MEET)
    between: list[bytes] = []

    async def look() -> None:
        between.append(path.read_bytes())

    await write_program(tmp_path, body, manner, look)
    half = len(body) // 2
    assert between == [body[:half] + (old[half:] if kept else b"")]
    if not kept:
        with pytest.raises(WireError):
            parse_program(between[0])


async def test_the_chip_table_reads_back(tmp_path: Path) -> None:
    await write_chips(tmp_path, chip_table(MEET))
    table = chips.parse(CHIPS_FILE, (tmp_path / CHIPS_FILE).read_bytes())
    assert table.chips == chip_table(MEET)
    assert table.warnings == ()


async def test_a_folder_that_is_a_file_is_told_with_a_remedy(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    with pytest.raises(FolderTrouble, match="Check --folder"):
        await write_program(blocked, b"{}")
    with pytest.raises(FolderTrouble, match="Check --folder"):
        await write_chips(blocked, {})
    with pytest.raises(FolderTrouble, match="Check --folder"):
        await Console(blocked, MEET, Timing(None)).show(SESSION)


def test_results_have_the_given_times_and_revisions_change_one_lane() -> None:
    heat = SESSION.heats[0]
    swims = [entry.lane for entry in heat.lanes if not entry.empty]
    finals = {lane: 3000 + lane for lane in swims}
    first = make_result(SESSION, heat, 5, finals_cs=finals)
    assert {lane.lane: lane.final_cs for lane in first.lanes if not lane.empty} == finals
    assert first == make_result(SESSION, heat, 5, finals_cs=finals)
    assert first != make_result(SESSION, heat, 6, finals_cs=finals)
    second = revise(first)
    third = revise(second)
    assert [r.revision for r in (first, second, third)] == [1, 2, 3]
    assert [lane.dq for lane in second.lanes if not lane.empty] == [True] + [False] * (
        len(swims) - 1
    )
    changed = [b for a, b in zip(second.lanes, third.lanes, strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0].pad_cs is None
    assert changed[0].final_cs == sorted(t or 0 for t in changed[0].timers_cs)[1]


def test_a_heat_in_which_nobody_swims_can_be_revised_too() -> None:
    assert revise(ResultFile("1", "1", 1, 1, revision=1)).revision == 2


async def test_a_console_writes_its_status_and_every_revision(tmp_path: Path) -> None:
    async def no_wait(_seconds: float) -> None:
        pass

    timing = Timing(None, now=lambda: 1_776_849_342_120_000_000, sleep=no_wait)
    console = Console(tmp_path, MEET, timing)
    await console.show(SESSION)
    status = parse_status((tmp_path / STATUS_FILE).read_bytes())
    assert (status.session_id, status.event, status.heat) == ("1", "", None)
    heat = SESSION.heats[2]
    last = await console.swim(SESSION, heat, revisions=3, pause=1)
    status = parse_status((tmp_path / STATUS_FILE).read_bytes())
    assert (status.event, status.heat) == (heat.event, heat.heat)
    assert status.program_at == MEET.program_at
    assert console.written == [f"Session1_Event_2_Heat1_Race3_{n}.json" for n in (1, 2, 3)]
    read = [parse_result(name, (tmp_path / name).read_bytes()) for name in console.written]
    assert read[-1] == last
    assert [r.revision for r in read] == [1, 2, 3]
    assert len({r.lanes for r in read}) == 3
