"""The options that several commands share, with their help."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from meetlog.opening import OpenMeet, open_meet
from meetlog.output import progress, warn
from projections.views import Race, Revision

MeetOption = Annotated[
    Path,
    typer.Option(
        "--meet",
        "-m",
        help="The meet: its folder, its meet.toml, or a log's own file.",
        metavar="PATH",
        show_default="the current folder",
    ),
]
LogArgument = Annotated[
    Path,
    typer.Argument(
        help="A log's own file, or a meet: its folder or its meet.toml.",
        metavar="LOG",
        show_default="the current folder",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of tables.")
]
RaceOption = Annotated[
    str,
    typer.Option(
        "--race",
        help="Only this race: SESSION/EVENT/HEAT, or EVENT/HEAT in every session.",
        metavar="RACE",
    ),
]
AtOption = Annotated[
    str,
    typer.Option(
        "--at",
        help="As it was known then: a position, 14:05 of the last day, or a date and time.",
        metavar="POSITION|INSTANT",
    ),
]
HERE = Path()


@contextmanager
def reading(where: Path, at: str = "", *, reads: bool = True) -> Iterator[OpenMeet]:
    """The meet at `where`, with a bar while a long log is folded, and its note told.

    With `at`, as it was known at that position or instant. `reads` as for `open_meet`.
    """
    with progress("Folding the log") as told, open_meet(where, told, at=at, reads=reads) as opened:
        if opened.note:
            warn(opened.note)
        yield opened


def wanted_race(text: str) -> tuple[str | None, str, int] | None:
    """The session (None for any), event and heat of a `--race`; None for no choice at all."""
    if not text:
        return None
    *session, event, heat = text.rsplit("/", 2) if "/" in text else ("", "")
    if not event or not (heat.isascii() and heat.isdigit()) or len(heat) > 9 or session == [""]:
        raise typer.BadParameter(
            f"{text!r} names no race: write SESSION/EVENT/HEAT or EVENT/HEAT, such as 1/4A/2.",
            param_hint="'--race'",
        )
    return (session[0] if session else None), event, int(heat)


def is_wanted(race: Race | Revision, wanted: tuple[str | None, str, int] | None) -> bool:
    """Whether `race` is the one that `wanted_race` named; event numbers match in any case."""
    if wanted is None:
        return True
    session, event, heat = wanted
    return (
        session in (None, race.session)
        and race.event.casefold() == event.casefold()
        and race.heat == heat
    )
