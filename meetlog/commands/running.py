"""`init` and `run`: making a meet, and recording it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from meetlog.commands.options import HERE, MeetOption
from meetlog.exits import Refused
from meetlog.loglines import json_form, plain_form
from meetlog.output import say
from meetlog.settings import FILE_NAME, TEMPLATE, locate
from wire.settings_file import parse

# A table has no comments; its first line says what the columns are.
CHIPS = "chip,swimmer\n"

DirArgument = Annotated[
    Path, typer.Argument(help="The folder to make; it may exist already.", metavar="DIR")
]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="Print plain lines instead of the live display.")
]


class LogFormat(StrEnum):
    """The forms of the lines that `run` writes."""

    PLAIN = "plain"
    JSON = "json"


_FORMS = {LogFormat.PLAIN: plain_form, LogFormat.JSON: json_form}
FormatOption = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        help="Print lines instead of the live display: plain, or each a JSON object.",
        show_default="plain, where the output is no terminal",
    ),
]


def init(*, directory: DirArgument) -> None:
    """Make the folder of a new meet.

    With a commented meet.toml, the Time Drops folder, and an empty chip table.
    """
    settings = parse(TEMPLATE.encode())
    path = directory / FILE_NAME
    folder = directory / settings.folder.path
    chips = folder / settings.folder.chips
    log = directory / settings.log.path
    for there in (path, chips, log):
        if there.exists():
            raise Refused(f"{there} is there already and is left alone. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    _write_new(path, TEMPLATE)
    _write_new(chips, CHIPS)
    say(f"Made {path}, {folder} and {chips}.")
    say("Next:")
    say(f"  1. Open {path} and set the zone, the sources and the points;")
    say("     and a relay for each scoring program that is to be fed.")
    say(f'  2. Write a line per chip into {chips}, such as "123456,7409": the chip, then the')
    say("     swimmer's id in the program or the bib.")
    say(f"  3. Let the meet manager write its program into {folder}.")
    say(f"  4. Start recording: meetlog run --meet {_quote(directory)}")


def run(
    *, meet: MeetOption = HERE, plain: PlainOption = False, log_format: FormatOption = None
) -> None:
    """Record the meet and publish its results."""
    from meetlog.run import run as record

    if log_format is None and plain:
        log_format = LogFormat.PLAIN
    record(locate(meet), form=None if log_format is None else _FORMS[log_format])


def _write_new(path: Path, text: str) -> None:
    """Write a file that must not be there: two people may run `init` at once."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(f"{path} is there already and is left alone. Name another folder.") from None


def _quote(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)
