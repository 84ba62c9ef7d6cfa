"""The command line: `main` is the console script `meetlog`."""

import sys
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from meetlog import __version__
from meetlog.commands.listed import Listed
from meetlog.exits import MEANINGS, explain
from meetlog.output import forgive, warn

# Where each command is: a module of `meetlog.commands`, and a function in it. It is loaded when
# it is asked for: loading all of them takes longer than most of them take to run.
_COMMANDS = {
    "init": ("running", "init"),
    "doctor": ("examining", "doctor"),
    "run": ("running", "run"),
    "console": ("looking", "console"),
    "status": ("standing", "status"),
    "sources": ("standing", "sources"),
    "relays": ("relaying", "relays"),
    "events": ("events", "events"),
    "crossings": ("outcomes", "crossings"),
    "results": ("outcomes", "results"),
    "revisions": ("outcomes", "revisions"),
    "audit": ("auditing", "audit"),
    "explain": ("auditing", "explain"),
    "quarantine": ("standing", "quarantine"),
    "rebuild": ("keeping", "rebuild"),
    "verify": ("evidence", "verify"),
    "seal": ("evidence", "seal"),
    "backup": ("evidence", "backup"),
    "restore": ("evidence", "restore"),
    "replay": ("replaying", "replay"),
    "diff": ("comparing", "diff"),
    "upgrade-preview": ("previewing", "upgrade_preview"),
    "demo": ("demonstrating", "demo"),
}
# Each a module with a Typer `app` of its own.
_APART = {
    "capsule": "meetlog.capsule.commands",
    "simulate": "meetlog.simulate.commands",
}


class House(Listed):
    """The program as a whole: here, and only here, an error ends it with a message and a code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; ends with `SystemExit`."""
        forgive(sys.stdout)
        forgive(sys.stderr)
        try:
            return super().main(*args, **extra)
        except Exception as error:
            told = explain(error)
            if told is None:
                raise
            code, message = told
            warn(f"meetlog: {message}")
            sys.exit(int(code))

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands, in the order of their use at a meet."""
        return [*_COMMANDS, *_statements().list_commands(ctx), *_APART]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with; what is none is compared with all there are."""
        if self.get_command(ctx, args[0]) is None:
            self.commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name; None for none."""
        if cmd_name in _COMMANDS:
            return _command(cmd_name)
        if cmd_name in _APART:
            group = get_command(import_module(_APART[cmd_name]).app)
            group.name = cmd_name
            return group
        return _statements().get_command(ctx, cmd_name)


def _command(name: str) -> Any:
    module, function = _COMMANDS[name]
    app = _part()
    app.command(name)(getattr(import_module(f"meetlog.commands.{module}"), function))
    return get_command(app)


@cache
def _statements() -> Any:
    """Every statement, and what goes with them, as a group."""
    app = _part()
    import_module("meetlog.commands.statements").add_to(app)
    return get_command(app)


def _part() -> typer.Typer:
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


VersionOption = Annotated[
    bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)
]


def _house(ctx: typer.Context, version: VersionOption = False) -> None:
    """Record what timing hardware says, derive crossings and results, publish and explain them."""
    if version:
        typer.echo(f"meetlog {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


def make_app() -> typer.Typer:
    """The command line, ready to run."""
    codes = "\n".join(f"  {code.value:>3}  {text}" for code, text in MEANINGS.items())
    return typer.Typer(
        cls=House,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        invoke_without_command=True,
        callback=_house,
        epilog=f"\b\nExit codes:\n{codes}",
        context_settings={"help_option_names": ["--help", "-h"]},
    )


def main() -> None:
    """The console script."""
    get_command(make_app()).main(prog_name="meetlog")
