"""What goes to the standard output: one JSON document, or tables and sentences for people.

A terminal gets its own width and colours. A pipe or a file gets neither:
every cell is whole, and a line is as long as it must be.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TextIO, TypeVar

import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from meetlog import __version__

T = TypeVar("T")
# Wider than any row; a table takes only what its cells need.
_NO_LIMIT = 100_000


class Envelope(msgspec.Struct, Generic[T], frozen=True):
    """What every `--json` prints: the program's version, the command, how far, and the items.

    `position` is the event up to which the log was folded or read.
    """

    meetlog: str
    command: str
    position: int
    items: Sequence[T]


def print_json(command: str, position: int, items: Sequence[msgspec.Struct]) -> None:
    """One JSON document on the standard output.

    Other than ASCII is escaped, so that no code page between us and the reader spoils a name.
    """
    document = msgspec.to_builtins(Envelope(__version__, command, position, items))
    print(json.dumps(document, ensure_ascii=True, indent=2))


def console(stream: TextIO | None = None) -> Console:
    """A console on `stream` (the standard output when None), wide and plain off a terminal."""
    stream = stream or sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(
        file=stream, highlight=False, force_terminal=False, color_system=None, width=_NO_LIMIT
    )


def new_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table. Long cells are folded, never cut."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(
            name, justify="right" if name in right else "left", overflow="fold", header_style="bold"
        )
    return table


def visible(text: object, style: str = "") -> Text:
    """A text as it is: brackets are no markup, and what would steer a terminal is written out.

    Chips and file names come from whoever can reach us.
    """
    shown = "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii")
        for c in str(text)
    )
    return Text(shown, style)


def add_row(table: Table, *cells: object) -> None:
    """A row of plain texts."""
    table.add_row(*map(visible, cells))


def say(text: str, style: str = "") -> None:
    """A sentence on the standard output."""
    console().print(visible(text, style), soft_wrap=True)


def warn(text: str) -> None:
    """A sentence on the standard error."""
    console(sys.stderr).print(visible(text), soft_wrap=True)


def forgive(stream: TextIO) -> None:
    """Let a stream of a narrow code page write `\\u0151` where it has no such letter."""
    reconfigure: Any = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


@contextmanager
def progress(doing: str, *, plain: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar on the standard error of a terminal; elsewhere with `plain` a line at each tenth.

    What is given is called with how much is done of how much.
    """
    if sys.stderr.isatty():
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console(sys.stderr),
            transient=True,
        )
        task = bar.add_task(doing, total=None)

        def draw(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if done < total:
                bar.start()  # what is done at once needs no bar

        try:
            yield draw
        finally:
            bar.stop()
        return
    tenths = 0

    def tell(done: int, total: int) -> None:
        nonlocal tenths
        reached = 10 if done >= total else done * 10 // total
        if plain and reached > tenths:
            tenths = reached
            warn(f"{doing}: {done} of {total}")

    yield tell
