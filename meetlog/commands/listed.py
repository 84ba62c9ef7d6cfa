"""The list of commands in the help of a group."""

from typing import Any

from typer.core import TyperGroup

_SENTENCE = 200  # characters: what a command does is told whole


class Listed(TyperGroup):
    """A group that lists its commands in the order in which it has them, with whole sentences."""

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
                formatter.write_dl(
                    [(name.ljust(widest), c.get_short_help_str(_SENTENCE)) for name, c in commands]
                )
