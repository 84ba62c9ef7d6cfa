"""The commands that make statements, by what they are about, under the names that one types."""

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand

from meetlog.commands import deciding, measuring, operating, remembering
from meetlog.commands.saying import Builder, Then, statement

STARTS = "Statements: starts and heats"
LANES = "Statements: lanes and times"
READS = "Statements: chips, reads and clocks"
WORD = "Statements: what was said, and who may speak"
_SIGNED = re.compile(r"-[0-9.]")
_MINUS = "\u2212"


class Signed(TyperCommand):
    """A command one of whose arguments may be `-1.5s`, which would else be taken for an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `typer.core`; no option of ours begins with a digit."""
        return super().parse_args(
            ctx, [_MINUS + arg[1:] if _SIGNED.match(arg) else arg for arg in args]
        )


STATEMENTS: tuple[tuple[str, dict[str, Builder]], ...] = (
    (
        STARTS,
        {
            "start": deciding.start, "gun": deciding.gun, "recall": deciding.recall,
            "re-swim": deciding.re_swim, "close": deciding.close, "reopen": deciding.reopen,
        },
    ),
    (
        LANES,
        {
            "dq": deciding.dq, "no-show": deciding.no_show, "dnf": deciding.dnf,
            "reinstate": deciding.reinstate, "set-time": deciding.set_time,
            "clear-time": deciding.clear_time, "empty": deciding.empty,
            "occupied": deciding.occupied,
        },
    ),
    (
        READS,
        {
            "assign-chip": measuring.assign_chip, "clear-chip": measuring.clear_chip,
            "void": measuring.void, "restore-reads": measuring.restore_reads,
            "crossing": measuring.crossing, "shift": measuring.shift_clock,
            "adopt": measuring.adopt,
        },
    ),
    (WORD, {"acknowledge": measuring.acknowledge, "withdraw": measuring.withdraw}),
)  # fmt: skip
_AFTERWARDS: dict[str, Then] = {"adopt": measuring.write_settings}


def add_to(app: typer.Typer) -> None:
    """Add every statement, `history` and the group `operator`."""
    for panel, builders in STATEMENTS:
        for name, builder in builders.items():
            _add(app, name, statement(name, builder, _AFTERWARDS.get(name)), panel)
    _add(app, "history", remembering.history, WORD)
    app.add_typer(operating.make_app(), name="operator", rich_help_panel=WORD)


def _add(app: typer.Typer, name: str, command: Callable[..., None], panel: str) -> None:
    app.command(name, cls=Signed, rich_help_panel=panel)(command)
