"""`meetlog simulate`: peers to rehearse with, each one a command."""

import secrets
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import anyio
import typer

from meetlog.commands.listed import Listed
from meetlog.output import say
from meetlog.simulate import options as o
from meetlog.simulate.console import Console
from meetlog.simulate.ctp01_player import Behaviour, tsconnector_ctp01
from meetlog.simulate.meet_manager import encode_dialect, write_chips, write_program
from meetlog.simulate.performing import perform, spoken, until_asked
from meetlog.simulate.players import Options, tsconnector_tsv1, tsconnector_tsv2
from meetlog.simulate.program import chip_table, make_program
from meetlog.simulate.report import Report
from meetlog.simulate.scoring_command import scoring
from meetlog.simulate.script import Act, FolderTrouble
from meetlog.simulate.timing import iso_at
from wire.ctp01_client import ClientOptions
from wire.ctp01_messages import EventInfo
from wire.errors import WireError
from wire.settings import CTP01_PORT
from wire.stamps import NS
from wire.timedrops import PROGRAM_FILE, Heat, Program, Session, parse_program

PORT = 10_000  # TsV1 and TsV2 have no port of their own (PROTOCOLS 2); meet.toml's example has this

app = typer.Typer(
    cls=Listed,
    help="Stand in for timing hardware, a meet manager, a console or a scoring program.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


class Role(StrEnum):
    """Who connects to whom."""

    SERVER = "server"
    CLIENT = "client"


class Dialect(StrEnum):
    """Whose program file it is."""

    TIME_DROPS = "time-drops"
    SCM = "scm"
    BIA = "bia"


class Manner(StrEnum):
    """How the program file is written."""

    WHOLE = "whole"
    HALVES = "halves"
    IN_PLACE = "in-place"


@app.command()
def tsv1(
    *,
    host: o.HostOption = "127.0.0.1",
    port: o.PortOption = PORT,
    file: o.FileOption = None,
    now: o.NowOption = False,
    seed: o.SeedOption = 1,
    heats: o.HeatsOption = 3,
    lanes: o.LanesOption = 6,
    false_start: o.FalseStartOption = 0,
    chips: o.ChipsOption = 0,
    reads: o.ReadsOption = 0,
    rate: o.RateOption = 0,
    speed: o.SpeedOption = "1",
    zone: o.ZoneOption = "",
    point: o.PointOption = [],  # noqa: B006 - Typer reads it and nobody changes it
    duplicates: o.DuplicatesOption = 0,
    late: o.LateOption = 0,
    cuts: o.CutsOption = 0,
    cut_after: o.CutAfterOption = [],  # noqa: B006 - Typer reads it and nobody changes it
    batch: o.BatchOption = 1,
    resend: o.ResendOption = 0,
    stay: o.StayOption = False,
) -> None:
    """Be a TsConnector that speaks TsV1: wait for connections, then send reads to all of them.

    It ends when everything is sent. Without --file and --chips it sends the
    races of an invented meet, whose program `meetlog simulate program` writes
    for the same --seed, --heats and --lanes.
    """
    wanted = o.Wanted(
        file, now, seed, heats, lanes, false_start, chips, reads, rate, point,
        duplicates, late, cuts, cut_after,
    )  # fmt: skip
    timing = o.timing_of(speed, zone)
    options = Options(batch, resend, stay)

    async def play(acts: Sequence[Act], report: Report) -> None:
        await tsconnector_tsv1(acts, timing, report, options, host=host, port=port)

    perform(wanted, timing, play)


@app.command()
def tsv2(
    *,
    role: Annotated[
        Role, typer.Option(help="Wait for connections as a server, or connect as a client.")
    ] = Role.SERVER,
    host: o.HostOption = "127.0.0.1",
    port: o.PortOption = PORT,
    file: o.FileOption = None,
    now: o.NowOption = False,
    seed: o.SeedOption = 1,
    heats: o.HeatsOption = 3,
    lanes: o.LanesOption = 6,
    false_start: o.FalseStartOption = 0,
    chips: o.ChipsOption = 0,
    reads: o.ReadsOption = 0,
    rate: o.RateOption = 0,
    speed: o.SpeedOption = "1",
    zone: o.ZoneOption = "",
    point: o.PointOption = [],  # noqa: B006 - Typer reads it and nobody changes it
    duplicates: o.DuplicatesOption = 0,
    late: o.LateOption = 0,
    cuts: o.CutsOption = 0,
    cut_after: o.CutAfterOption = [],  # noqa: B006 - Typer reads it and nobody changes it
    batch: o.BatchOption = 1,
    resend: o.ResendOption = 0,
    stay: o.StayOption = False,
) -> None:
    """Be a TsConnector that speaks TsV2, as a server or as a client that reconnects by itself.

    Reads bear both stamps and the signal strength. Otherwise as tsv1.
    """
    wanted = o.Wanted(
        file, now, seed, heats, lanes, false_start, chips, reads, rate, point,
        duplicates, late, cuts, cut_after,
    )  # fmt: skip
    timing = o.timing_of(speed, zone)
    options = Options(batch, resend, stay)

    async def play(acts: Sequence[Act], report: Report) -> None:
        await tsconnector_tsv2(acts, timing, report, options, role=role.value, host=host, port=port)

    perform(wanted, timing, play)


@app.command()
def ctp01(
    *,
    host: o.HostOption = "127.0.0.1",
    port: o.PortOption = CTP01_PORT,
    file: o.FileOption = None,
    now: o.NowOption = False,
    seed: o.SeedOption = 1,
    heats: o.HeatsOption = 3,
    lanes: o.LanesOption = 6,
    false_start: o.FalseStartOption = 0,
    chips: o.ChipsOption = 0,
    reads: o.ReadsOption = 0,
    rate: o.RateOption = 0,
    speed: o.SpeedOption = "1",
    zone: o.ZoneOption = "",
    point: o.PointOption = [],  # noqa: B006 - Typer reads it and nobody changes it
    duplicates: o.DuplicatesOption = 0,
    late: o.LateOption = 0,
    cuts: o.CutsOption = 0,
    cut_after: o.CutAfterOption = [],  # noqa: B006 - Typer reads it and nobody changes it
    user: Annotated[str, typer.Option(help="Who we are, where the server asks for it.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="A file whose first line is the password.")
    ] = None,
    new_connection_id: Annotated[
        bool,
        typer.Option("--new-connection-id", help="Be a new one at each connection: no resume."),
    ] = False,
    exclusive: Annotated[
        bool,
        typer.Option("--exclusive", help="Resume after the sequence asked for, not with it."),
    ] = False,
    announce: Annotated[
        bool,
        typer.Option("--announce", help="Announce each location with its first line, not before."),
    ] = False,
    stay: o.StayOption = False,
) -> None:
    """Be a timing system that speaks CTP01: call a scoring program and send it lines.

    It keeps its lines, so that after a cut the scoring program resumes where
    it was. It ends when all locations have been sent. First-seen reads are
    left out, since a CTP01 line cannot tell them from others.
    """
    wanted = o.Wanted(
        file, now, seed, heats, lanes, false_start, chips, reads, rate, point,
        duplicates, late, cuts, cut_after,
    )  # fmt: skip
    timing = o.timing_of(speed, zone)
    client = ClientOptions(
        user=user,
        password=o.first_line(password_file),
        event=EventInfo("Rehearsal", str(seed), f"{heats} heats"),
        # Another run is another session: its sequences begin again from 1.
        connection_id=secrets.token_hex(16),
        inclusive=not exclusive,
    )
    behaviour = Behaviour(
        client, () if announce else None, new_connection_id=new_connection_id, stay=stay
    )

    async def play(acts: Sequence[Act], report: Report) -> None:
        await tsconnector_ctp01(acts, timing, report, behaviour, host=host, port=port)

    perform(wanted, timing, play, first_seen=False)


@app.command()
def program(
    *,
    folder: o.FolderOption = Path("timedrops"),
    seed: o.SeedOption = 1,
    heats: o.HeatsOption = 3,
    lanes: o.LanesOption = 6,
    dialect: Annotated[Dialect, typer.Option(help="Whose way of writing.")] = Dialect.TIME_DROPS,
    manner: Annotated[
        Manner, typer.Option(help="At once, half and then the rest, or over the old file.")
    ] = Manner.WHOLE,
    pause: Annotated[float, typer.Option(help="Seconds between the halves.", min=0, max=3600)] = 2,
    chips: Annotated[
        bool, typer.Option("--chips/--no-chips", help="Write chips.csv beside it.")
    ] = True,
) -> None:
    """Be a meet manager: write the program of an invented meet, and its chip table."""
    timing = o.timing_of("max", "")
    stamp = iso_at(timing.now(), timing.zone)
    made = make_program(seed, heats, lanes, program_at=stamp)

    async def wait() -> None:
        say(f"Half of {PROGRAM_FILE} is written; the rest follows in {pause:g} s.")
        await timing.pause(int(pause * NS))

    async def play() -> None:
        if chips:
            await write_chips(folder, chip_table(made))
        body = encode_dialect(made, dialect.value)
        await write_program(folder, body, manner.value, wait)
        say(f"Wrote {folder / PROGRAM_FILE}: {heats} heats of up to {lanes} lanes.")

    with spoken():
        anyio.run(until_asked, play)


@app.command()
def console(
    *,
    folder: o.FolderOption = Path("timedrops"),
    heat: Annotated[
        list[str],
        typer.Option(help="Swim this heat only, such as 4A/2; repeatable.", metavar="EVENT/HEAT"),
    ] = [],  # noqa: B006 - Typer reads it and nobody changes it
    revisions: Annotated[
        int, typer.Option(help="Result files per heat; each corrects the last.", min=1, max=99)
    ] = 1,
    seed: o.SeedOption = 1,
    pause: Annotated[
        float, typer.Option(help="Seconds between any two files.", min=0, max=3600)
    ] = 1,
) -> None:
    """Be a Time Drops console: write its status file and its results for heats of the program.

    The program is the meet_program.json that is in the folder.
    """
    with spoken():
        read = _read_program(folder)
        swum = _choose(read, heat)
        timing = o.timing_of("1", "")
        between = int(pause * NS)
        somebody = Console(folder, read, timing)

        async def play() -> None:
            await somebody.show(swum[0][0])
            for session, each in swum:
                await timing.pause(between)
                await somebody.swim(session, each, seed, revisions=revisions, pause=between)
                say(f"Event {each.event} heat {each.heat}: {somebody.written[-1]}")

        anyio.run(until_asked, play)


app.command()(scoring)


def _read_program(folder: Path) -> Program:
    path = folder / PROGRAM_FILE
    try:
        return parse_program(path.read_bytes())
    except FileNotFoundError as e:
        raise FolderTrouble(
            f"There is no {path}. Write one with: meetlog simulate program --folder {folder}"
        ) from e
    except OSError as e:
        raise FolderTrouble(f"{path} cannot be read: {e.strerror or e}. Check --folder.") from e
    except WireError as e:
        raise FolderTrouble(f"{path} is no program: {e}. Write it again.") from e


def _choose(program: Program, named: Sequence[str]) -> list[tuple[Session, Heat]]:
    """The heats of the current session, or of the first, that are named `event/heat`; or all."""
    session = next((s for s in program.sessions if s.current), program.sessions[0])
    found = [(session, h) for h in session.heats if not named or f"{h.event}/{h.heat}" in named]
    unknown = set(named) - {f"{h.event}/{h.heat}" for _, h in found}
    if unknown or not found:
        there = ", ".join(f"{h.event}/{h.heat}" for h in session.heats[:20]) or "none"
        raise FolderTrouble(
            f"The program has no heat {', '.join(sorted(unknown)) or 'at all'}. It has: {there}."
        )
    return found
