"""`replay`: a log again, into a folder of files or into scoring software."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from meetlog.commands.options import HERE, JsonOption, LogArgument
from meetlog.commands.playing import Wanted, play
from meetlog.commands.republishing import print_report, republish
from meetlog.exits import Exit
from meetlog.output import print_json
from meetlog.pace import parse_speed


class Send(StrEnum):
    """What is sent."""

    READS = "reads"
    RAW = "raw"
    CROSSINGS = "crossings"


class Kind(StrEnum):
    """A kind of reads."""

    GUN = "gun"
    FIRST_SEEN = "first-seen"
    BEST_SEEN = "best-seen"


class Tag(StrEnum):
    """What names a competitor."""

    CHIP = "chip"
    BIB = "bib"


class Clock(StrEnum):
    """The clock of stamps."""

    LOCAL = "local"
    UTC = "utc"


IntoOption = Annotated[
    Path | None,
    typer.Option(
        "--into", help="The folder to write into; it must be new or empty.", metavar="DIR"
    ),
]
ToOption = Annotated[
    str,
    typer.Option(
        "--to",
        help="Play the reads into scoring software: ctp01://HOST[:PORT] or tsv2://HOST:PORT calls "
        "it; tsv1://ADDRESS:PORT or tsv2+server://ADDRESS:PORT lets it call.",
        metavar="ADDRESS",
    ),
]
FromOption = Annotated[
    str,
    typer.Option(
        "--from",
        help="With --to: begin with this event; a position, or the first at or after an instant.",
        metavar="POSITION|INSTANT",
    ),
]
UntilOption = Annotated[
    str,
    typer.Option(
        "--until",
        help="Replay the log up to here only: a position, 14:05 of the last day, or a date and "
        "time.",
        metavar="POSITION|INSTANT",
    ),
]
SpeedOption = Annotated[
    str,
    typer.Option(
        "--speed",
        help="Let the files or reads come at the pace of then (1x), faster (10x), or at once "
        "(max).",
        metavar="SPEED",
    ),
]
WhatIfOption = Annotated[
    Path | None,
    typer.Option(
        "--settings", help="What if: interpret the log by this meet.toml instead.", metavar="FILE"
    ),
]
CompareOption = Annotated[
    Path | None,
    typer.Option(
        "--compare", help="Compare the files with those of this folder too.", metavar="DIR"
    ),
]
LikeOption = Annotated[
    str,
    typer.Option(
        "--like",
        help="With --to: send what this [[relay]] of the settings sends; other options change it.",
        metavar="RELAY",
    ),
]
SendOption = Annotated[
    Send | None,
    typer.Option(
        help="With --to: each read once, every copy too, or crossings.",
        show_default="reads",
    ),
]
KindOption = Annotated[
    list[Kind] | None, typer.Option("--kind", help="Only this kind; may be given again.")
]
PointOption = Annotated[
    list[str] | None,
    typer.Option("--point", help="Only this point or feed; may be given again.", metavar="NAME"),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option("--source", help="Only this source; may be given again.", metavar="NAME"),
]
ChipOption = Annotated[
    list[str] | None,
    typer.Option(
        "--chip", help="Only this chip, or range such as 100-199; may be given again.",
        metavar="CHIP",
    ),
]  # fmt: skip
HeatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--heat",
        help="Only this heat: session/event/heat, with * for any, such as 1/4A/*; may be given "
        "again.",
        metavar="HEAT",
    ),
]
TagOption = Annotated[
    Tag | None,
    typer.Option(help="With --to: what names a competitor.", show_default="chip"),
]
ClockOption = Annotated[
    Clock | None,
    typer.Option(help="With --to: the clock of the stamps sent.", show_default="local"),
]
UserOption = Annotated[
    str, typer.Option(help="With --to: who we are, where a CTP01 program asks.", metavar="NAME")
]
PasswordOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file", help="With --to: a file whose first line is the password.",
        metavar="FILE",
    ),
]  # fmt: skip
WaitOption = Annotated[
    str,
    typer.Option(
        "--wait",
        help="With --to: give up when the other side took nothing for so long, such as 2m; "
        "without it, only Ctrl-C ends the waiting.",
        metavar="DURATION",
    ),
]


def replay(
    *,
    into: IntoOption = None,
    to: ToOption = "",
    log: LogArgument = HERE,
    begin: FromOption = "",
    until: UntilOption = "",
    speed: SpeedOption = "max",
    settings: WhatIfOption = None,
    compare: CompareOption = None,
    like: LikeOption = "",
    send: SendOption = None,
    kind: KindOption = None,
    point: PointOption = None,
    source: SourceOption = None,
    chip: ChipOption = None,
    heat: HeatOption = None,
    tag: TagOption = None,
    clock: ClockOption = None,
    user: UserOption = "",
    password_file: PasswordOption = None,
    wait: WaitOption = "",
    json: JsonOption = False,
) -> None:
    """Publish again from the log and compare, or play it into scoring software.

    With --into, every published file is computed anew from what was received,
    written into DIR, and compared with what was published then; with
    --compare, also with the files of a folder. Exit code 0 tells that all is
    identical, 1 that a file differs; with --settings, also that a result does.

    With --to, the reads (or crossings) of the log, with the moments of then,
    are sent to a scoring program as a timing system or a relay would send
    them, until it has all of them or Ctrl-C.

    The log is verified first, and never changed.
    """
    try:
        pace = parse_speed(speed)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.", param_hint="'--speed'") from error
    about_playing = {
        "--from": begin, "--like": like, "--send": send, "--kind": kind, "--point": point,
        "--source": source, "--chip": chip, "--heat": heat, "--tag": tag, "--clock": clock,
        "--user": user, "--password-file": password_file, "--wait": wait,
    }  # fmt: skip
    if (into is None) == (not to):
        raise typer.BadParameter(
            "name either a folder with --into or a program with --to.", param_hint="'--into'"
        )
    if into is not None:
        for option, given in about_playing.items():
            if given:
                raise typer.BadParameter("it needs --to.", param_hint=f"'{option}'")
        report = republish(
            log, into, until=until, pace=pace, settings=settings, compare=compare, plain=not json
        )
        if json:
            print_json("replay", report.position, [report])
        else:
            print_report(report)
        if not report.identical:
            raise typer.Exit(Exit.DIFFERS)
        return
    if compare is not None:
        raise typer.BadParameter("it needs --into.", param_hint="'--compare'")
    wanted = Wanted(
        to=to, begin=begin, until=until, speed=speed.strip().casefold(), pace=pace,
        settings=settings, like=like, password_file=password_file, wait=wait,
        changes={
            "send": None if send is None else send.value,
            "kinds": tuple(each.value for each in kind or ()),
            "points": tuple(point or ()),
            "sources": tuple(source or ()),
            "chips": tuple(chip or ()),
            "heats": tuple(heat or ()),
            "tag": None if tag is None else tag.value,
            "clock": None if clock is None else clock.value,
            "user": user,
        },
    )  # fmt: skip
    play(log, wanted, json=json)
