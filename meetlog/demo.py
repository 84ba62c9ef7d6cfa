"""`meetlog demo`: a whole meet on this machine, with everything that goes wrong at a real one.

Simulated timing systems speak all three protocols over loopback TCP, a meet
manager writes the program and the chip table into the folder, and a second
writer states a recall, while the same house that `run` opens records and
publishes. Nothing here is staged inside: what is shown was folded from the log.
"""

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, ExitStack, closing
from fractions import Fraction
from functools import partial
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from ingest.statements import state
from meetlog.console.beside import beside
from meetlog.display import PlainLines
from meetlog.exits import Differs
from meetlog.house import Ears, House, open_house
from meetlog.settings import FILE_NAME
from meetlog.simulate.ctp01_player import Behaviour
from meetlog.simulate.faults import Faults, disturb
from meetlog.simulate.meet_manager import encode_dialect, write_chips, write_program
from meetlog.simulate.players import Options, tsconnector_ctp01, tsconnector_tsv1, tsconnector_tsv2
from meetlog.simulate.race import BACKUP_AHEAD, Plan, Rehearsal, make_rehearsal
from meetlog.simulate.report import Report
from meetlog.simulate.script import Recall, only, without_first_seen
from meetlog.simulate.timing import Timing
from meetlog.stopping import asked_to_stop
from projections.rounding import format_cs
from projections.views import Race
from store.sqlite import SqliteLog
from wire.settings import format_duration
from wire.settings_file import parse
from wire.statements import RecallHeat
from wire.timedrops import RaceKey, is_result_name

ZONE = "Europe/Oslo"
SPEED = Fraction(14)  # four heats, some four minutes of swimming, in a third of a minute
PATIENCE = 30  # seconds until a result that does not come is a failure of the demo
LOOK = 0.1
OVERVIEW_AGE = 0.3  # seconds, at most: then the last file is told of as well
HALF_WRITTEN = 0.3  # seconds; longer than a notification takes, shorter than a file settles
PLAN = Plan(seed=7, heats=4, lanes=6, missed=0.15, faults=Faults(duplicates=0.1, late=0.1))
CUTS = Faults(cut_after=(25,))
AGAIN = Options(resend=500, stay=True)


SETTINGS = """\
[meet]
name = "Demo meet"
zone = "{zone}"

[folder]
path = "timedrops"
quiet = "300ms"

[console]
port = {console}

[[source]]
name = "turn-and-gun"
protocol = "tsv1"
role = "client"
port = {tsv1}

[[source]]
name = "finish"
protocol = "ctp01"
role = "server"
port = {ctp01}

[[source]]
name = "backup"
protocol = "tsv2"
role = "server"
port = {tsv2}

[[point]]
name = "Turn"

[[point]]
name = "Finish"
# The backup mat's clock is ahead of the others; what is known of it is taken off.
feeds = ["Finish", {{ name = "Finish2", backup = true, shift = "{shift}" }}]

[[course]]
legs = [{{ point = "Turn", distance = 25 }}, {{ point = "Finish", distance = 50 }}]
minimum = "5s"
"""


async def play(folder: Path, say: Callable[[str], None], *, stay: bool = False) -> Rehearsal:
    """Run the demo meet in `folder` and tell its story line by line; returns what was swum.

    The folder is there and empty. With `stay` it stays open until Ctrl-C. Raises `Differs` when a
    result does not come.
    """
    rehearsal = make_rehearsal(PLAN)
    ports = free_ports("tsv1", "ctp01", "tsv2", "console")
    body = SETTINGS.format(zone=ZONE, shift=format_duration(-BACKUP_AHEAD), **ports).encode()
    await anyio.Path(folder / FILE_NAME).write_bytes(body)
    settings = parse(body)
    meet_folder = folder / settings.folder.path
    lines = PlainLines(say)
    timing = Timing(SPEED, parties=3, zone=ZoneInfo(ZONE))
    async with AsyncExitStack() as stack:
        players = await stack.enter_async_context(anyio.create_task_group())
        await _start_server(players, rehearsal, timing, ports)
        ears = Ears(notice=lines.notice)
        house = await stack.enter_async_context(open_house(folder, settings, body, ears))
        await stack.enter_async_context(beside(house, folder / FILE_NAME, lines.line))
        lines.line("meetlog records. The meet manager, three timing systems and a timer begin.")
        async with anyio.create_task_group() as telling:
            telling.start_soon(_tell, house, lines)
            await _manage(meet_folder, rehearsal, lines)
            _start_clients(players, rehearsal, timing, ports, lines)
            await _recall(folder / settings.log.path, rehearsal, timing, lines)
            await _published(meet_folder, PLAN.heats)
            lines.line("Two swimmers had each other's chip; the timer mends the chip table.")
            await write_chips(meet_folder, rehearsal.chips)
            await _published(meet_folder, PLAN.heats + len(mix_up(rehearsal)[1]))
            await anyio.sleep(OVERVIEW_AGE)
            lines.overview(house.overview)
            telling.cancel_scope.cancel()
        if stay:
            with asked_to_stop() as asked:
                lines.line("Everything is swum. The console stays until Ctrl-C.")
                await asked.wait()
        players.cancel_scope.cancel()
    return rehearsal


async def _start_server(
    players: TaskGroup, rehearsal: Rehearsal, timing: Timing, ports: dict[str, int]
) -> None:
    """The turn and the guns by TsV1: meetlog calls them."""
    turn = partial(tsconnector_tsv1, port=ports["tsv1"])
    await players.start(turn, only(rehearsal.acts, ["Start", "Turn"]), timing, Report(), AGAIN)


def _start_clients(
    players: TaskGroup,
    rehearsal: Rehearsal,
    timing: Timing,
    ports: dict[str, int],
    lines: PlainLines,
) -> None:
    """The finish by CTP01, its backup by TsV2: they call meetlog."""
    acts = rehearsal.acts
    finish = partial(tsconnector_ctp01, port=ports["ctp01"])
    cut = disturb(without_first_seen(only(acts, ["Finish"])), CUTS, PLAN.seed)
    told = Report(say=lambda text: lines.line(f"The timing system at the finish: {text}"))
    players.start_soon(finish, cut, timing, told, Behaviour(stay=True))
    backup = partial(tsconnector_tsv2, role="client", port=ports["tsv2"])
    players.start_soon(backup, only(acts, ["Finish2"]), timing, Report(), AGAIN)


async def _manage(folder: Path, rehearsal: Rehearsal, lines: PlainLines) -> None:
    """The meet manager: a chip table with a mistake, and a program, half-written at first."""
    await write_chips(folder, mix_up(rehearsal)[0])
    await write_program(
        folder, encode_dialect(rehearsal.program), "halves", partial(anyio.sleep, HALF_WRITTEN)
    )
    lines.line("The meet manager has written the program, with a pause in the middle of the file.")


def mix_up(rehearsal: Rehearsal) -> tuple[dict[str, str], list[RaceKey]]:
    """The chip table with two swimmers' chips exchanged, and the races that are wrong by it.

    The two swim in the same heats, so that nobody misses a time.
    """
    heats: dict[str, list[RaceKey]] = {}
    for heat in rehearsal.heats:
        for lane in heat.lanes:
            heats.setdefault(lane.chip, []).append(heat.race)
    pairs = combinations(sorted(heats), 2)
    one, other = next((a, b) for a, b in pairs if heats[a] == heats[b])
    chips = rehearsal.chips
    return chips | {one: chips[other], other: chips[one]}, heats[one]


async def _recall(log_path: Path, rehearsal: Rehearsal, timing: Timing, lines: PlainLines) -> None:
    """The timer, in another process as far as the log can tell: recalls each false start."""
    await timing.begun()
    for act in rehearsal.acts:
        if not isinstance(act.what, Recall):
            continue
        await timing.until(act.at)
        race = act.what.race
        await anyio.to_thread.run_sync(_state_recall, log_path, race, timing.base + act.what.gun)
        lines.line(f"The timer recalls the false start of event {race.event} heat {race.heat}.")


def _state_recall(log_path: Path, race: RaceKey, gun: int) -> None:
    with closing(SqliteLog(log_path)) as log:
        recall = RecallHeat(
            session=race.session,
            event=race.event,
            heat=race.heat,
            gun=gun,
            author="demo timer",
            channel="demo",
            at=time.time_ns(),
            seen=log.head().position,
            reason="false start",
        )
        state(log, recall)


async def _tell(house: House, lines: PlainLines) -> None:
    while True:
        lines.overview(house.overview)
        await anyio.sleep(LOOK)


async def _published(folder: Path, count: int) -> None:
    """Return when so many result files are in the folder."""
    with anyio.move_on_after(PATIENCE):
        while len(result_files(folder)) < count:  # noqa: ASYNC110 - as a person would: by looking
            await anyio.sleep(LOOK)
        return
    raise Differs(
        f"After {PATIENCE} s there are {len(result_files(folder))} result files in {folder}, and "
        f"not {count}. Is this computer very busy? See: meetlog status --meet {folder.parent}"
    )


def result_files(folder: Path) -> list[str]:
    """The names of the result files in a meet folder."""
    return sorted(p.name for p in folder.iterdir() if is_result_name(p.name))


def compare(rehearsal: Rehearsal, races: Iterable[Race]) -> list[str]:
    """In words, each lane whose time is not the one that was swum."""
    found = {RaceKey(r.session, r.event, r.heat): r for r in races}
    wrong = []
    for heat in rehearsal.heats:
        race = found.get(heat.race)
        times = {lane.lane: lane.time_cs for lane in race.lanes} if race else {}
        wrong += [
            f"event {heat.race.event} heat {heat.race.heat} lane {lane}: "
            f"{format_cs(times.get(lane)) or 'no time'} instead of {format_cs(swum)}"
            for lane, swum in heat.finals_cs.items()
            if times.get(lane) != swum
        ]
    return wrong


def free_ports(*names: str) -> dict[str, int]:
    """A free loopback port for each name."""
    with ExitStack() as stack:
        found = {}
        for name in names:
            taken = stack.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            found[name] = taken.getsockname()[1]
        return found
