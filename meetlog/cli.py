"""The command line: `main` is the console script `meetlog`."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from meetlog import __version__
from meetlog.commands import (
    auditing,
    comparing,
    demonstrating,
    events,
    evidence,
    examining,
    keeping,
    looking,
    outcomes,
    previewing,
    relaying,
    replaying,
    running,
    standing,
    statements,
)
from meetlog.exits import MEANINGS, explain
from meetlog.output import forgive, warn

# Commands loaded when they are asked for, each a module with a Typer `app` of its own.
_APART = {
    "capsule": "meetlog.capsule.commands",
    "simulate": "meetlog.simulate.commands",
}


class House(TyperGroup):
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
        return [*super().list_commands(ctx), *_APART]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands in their groups; those without one come first."""
        groups: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            panel = getattr(command, "rich_help_panel", None)
            groups.setdefault(panel if isinstance(panel, str) else "Commands", []).append(
                (name, command)
            )
        widest = max(len(name) for group in groups.values() for name, _ in group)
        for title, commands in groups.items():
            with formatter.section(title):
                width = formatter.width - 6 - widest
                formatter.write_dl(
                    [(name.ljust(widest), c.get_short_help_str(width)) for name, c in commands]
                )

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name."""
        return super().get_command(ctx, cmd_name) or _apart(cmd_name)


def _apart(name: str) -> Any:
    module = _APART.get(name)
    if module is None:
        return None
    group = get_command(import_module(module).app)
    group.name = name
    return group


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
    app = typer.Typer(
        cls=House,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        invoke_without_command=True,
        callback=_house,
        epilog=f"\b\nExit codes:\n{codes}",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    for command in (
        running.init, examining.doctor, running.run, looking.console,
        standing.status, standing.sources, relaying.relays, events.events, outcomes.crossings,
        outcomes.results, outcomes.revisions, auditing.audit, auditing.explain, standing.quarantine,
        keeping.rebuild, evidence.verify, evidence.seal, evidence.backup, evidence.restore,
        replaying.replay, comparing.diff,
        previewing.upgrade_preview, demonstrating.demo,
    ):  # fmt: skip
        app.command()(command)
    statements.add_to(app)
    return app


def main() -> None:
    """The console script."""
    get_command(make_app()).main(prog_name="meetlog")
