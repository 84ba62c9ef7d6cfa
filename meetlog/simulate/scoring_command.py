"""`meetlog simulate scoring`: a scoring program to try a relay with."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import anyio
import msgspec
import typer

from meetlog.output import say
from meetlog.simulate import options as o
from meetlog.simulate.hearing import Hearing
from meetlog.simulate.performing import spoken, until_asked
from meetlog.simulate.scoring import Asking, Ctp01Scoring, TsvScoring, score
from wire.ctp01_messages import format_parts
from wire.ctp01_options import ServerOptions
from wire.errors import WireError
from wire.settings import CTP01_PORT, RELAY_ROLES
from wire.stamps import NS

TSV_PORT = 10_100  # the example of a relay in meet.toml
_OTHER: dict[str, Literal["server", "client"]] = {"server": "client", "client": "server"}


class Protocol(StrEnum):
    """The languages that it understands."""

    CTP01 = "ctp01"
    TSV1 = "tsv1"
    TSV2 = "tsv2"


class Role(StrEnum):
    """Who connects to whom."""

    SERVER = "server"
    CLIENT = "client"


class Mode(StrEnum):
    """Who says when lines come."""

    PUSH = "push"
    PULL = "pull"


class Authentication(StrEnum):
    """How a peer proves who it is."""

    NONE = "none"
    PLAINTEXT = "plaintext"
    HMAC_SHA1 = "hmac-sha1"
    HMAC_MD5 = "hmac-md5"
    SEED_SHA1 = "seed-sha1"
    SEED_MD5 = "seed-md5"


class TimeFormat(StrEnum):
    """How CTP01 lines have their times."""

    NORMAL = "normal"
    ISO = "iso"
    UNIX = "unix"
    MSECS = "msecs"


def scoring(
    *,
    protocol: Annotated[Protocol, typer.Option(help="What it understands.")] = Protocol.CTP01,
    role: Annotated[
        Role | None,
        typer.Option(
            help="Wait for connections as a server, or connect as a client.",
            show_default="server for CTP01, client for TsV1 and TsV2",
        ),
    ] = None,
    host: o.HostOption = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            help="The TCP port; when listening, 0 takes a free one.",
            min=0,
            max=65535,
            show_default=f"{CTP01_PORT} for CTP01, else {TSV_PORT}",
        ),
    ] = None,
    reads: Annotated[
        int, typer.Option(help="End when so many reads have come; 0 goes on.", min=0)
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Count the reads and show none.")] = False,
    wire: Annotated[
        bool, typer.Option("--wire", help="Show every line of the conversation as it is.")
    ] = False,
    mode: Annotated[
        Mode, typer.Option(help="CTP01: let lines come by themselves, or ask for them.")
    ] = Mode.PUSH,
    authentication: Annotated[
        Authentication, typer.Option(help="CTP01: how the peer must prove who it is.")
    ] = Authentication.NONE,
    user: Annotated[str, typer.Option(help="CTP01: the user who may.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="CTP01: a file whose first line is the password.")
    ] = None,
    ack: Annotated[
        bool, typer.Option("--ack/--no-ack", help="CTP01: want an answer to each start.")
    ] = True,
    time_format: Annotated[
        TimeFormat, typer.Option(help="CTP01: how times are written.")
    ] = TimeFormat.ISO,
    line_format: Annotated[
        str, typer.Option("--format", help="CTP01: the form of the lines; comma is CT01_13.")
    ] = "CT01_33",
    guntimes: Annotated[
        bool, typer.Option("--guntimes/--no-guntimes", help="CTP01: want gun times.")
    ] = True,
    newlocations: Annotated[
        bool,
        typer.Option("--newlocations/--no-newlocations", help="CTP01: want new locations told."),
    ] = True,
    connection_id: Annotated[
        bool,
        typer.Option(
            "--connection-id/--no-connection-id",
            help="CTP01: ask for the connection id, without which nothing is resumed.",
        ),
    ] = True,
    ping: Annotated[
        float, typer.Option(help="CTP01: seconds of silence before a ping.", min=0.1, max=3600)
    ] = 10,
) -> None:
    """Be a scoring program: take what a relay sends, and show it, until Ctrl-C.

    By CTP01 it waits for a timing system, greets, sets, starts every location
    and resumes after a cut. By TsV1 and TsV2 it takes what comes.
    """
    hearing = Hearing(say, most=reads, quiet=quiet, wire=wire)
    possible = [_OTHER[each] for each in RELAY_ROLES[protocol.value]]
    # Where it can be either, a program that calls is the usual one.
    chosen = possible[0] if role is None else next((r for r in possible if r == role.value), None)
    if chosen is None:
        raise typer.BadParameter(
            f"a program that takes {protocol.value} is a {possible[0]}.", param_hint="'--role'"
        )
    if protocol is Protocol.CTP01:
        options = _options(
            authentication.value, user, password_file, stream_mode=mode.value,
            pushmode_ack=ack, time_format=time_format.value, tagevent_format=line_format,
            guntimes=guntimes, newlocations=newlocations, connection_id=connection_id,
        )  # fmt: skip
        someone: Ctp01Scoring | TsvScoring = Ctp01Scoring(
            Asking(options, round(ping * NS)), hearing
        )
    else:
        someone = TsvScoring(hearing, utc=protocol is Protocol.TSV2)
    usual = CTP01_PORT if protocol is Protocol.CTP01 else TSV_PORT

    async def play() -> None:
        await score(
            someone, hearing, role=chosen, host=host, port=usual if port is None else port,
            timing=o.timing_of("1", ""),
        )  # fmt: skip

    with spoken():
        try:
            anyio.run(until_asked, play)
        finally:
            say(hearing.summary())


def _options(
    authentication: str, user: str, password_file: Path | None, **settings: object
) -> ServerOptions:
    """What to ask of every peer; the seed is another with each connection."""
    told = {
        "program": "simulated",
        "version": "scoring",
        "authentication": authentication,
        "user": user,
        "password": o.first_line(password_file),
        "seed": "unused",
    }
    try:
        options = msgspec.convert(told | settings, ServerOptions)
    except (msgspec.ValidationError, ValueError) as e:
        raise typer.BadParameter(
            f"{authentication} needs a password: name its file.", param_hint="'--password-file'"
        ) from e
    try:
        format_parts(options.tagevent_format)
    except WireError as e:
        raise typer.BadParameter(
            "write CT01_ and two digits, such as CT01_33 or CT01_13.", param_hint="'--format'"
        ) from e
    return options
