"""What goes to the standard output: one JSON document, or tables and sentences for people.

A terminal gets its own width and colours. A pipe or a file gets neither:
every cell is whole, and a line is as long as it must be.

Rich is loaded where it writes: a program that asks for JSON would wait for it.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TextIO, TypeVar

import msgspec

from meetlog import __version__

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table
    from rich.text import Text

T = TypeVar("T")
# Wider than any row; a table takes only what its cells need.
_NO_LIMIT = 100_000
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


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
    document = msgspec.json.encode(Envelope(__version__, command, position, items))
    document = msgspec.json.format(document, indent=2)
    if not document.isascii():
        text = _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], document.decode())
        document = text.encode()
    sys.stdout.flush()
    # As bytes: that of a large meet is tens of megabytes.
    sys.stdout.buffer.writelines((document, b"\n"))
    sys.stdout.buffer.flush()


def console(stream: TextIO | None = None) -> "Console":
    """A console on `stream` (the standard output when None), wide and plain off a terminal."""
    from rich.console import Console

    stream = stream or sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(
        file=stream, highlight=False, force_terminal=False, color_system=None, width=_NO_LIMIT
    )


class Rows:
    """A table: a terminal gets it folded to its width, a pipe one line per row with whole cells."""

    def __init__(self, *columns: str, right: Sequence[str] = ()) -> None:
        self.columns = columns
        self.right = frozenset(right)
        self.cells: list[list[str]] = []

    def add(self, *cells: object) -> None:
        """A row of plain texts."""
        self.cells.append([escaped(str(cell)) for cell in cells])

    def rich(self) -> "Table":
        """The table for a terminal. Long cells are folded, never cut."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for name in self.columns:
            side: JustifyMethod = "right" if name in self.right else "left"
            table.add_column(name, justify=side, overflow="fold", header_style="bold")
        for row in self.cells:
            table.add_row(*map(Text, row))
        return table

    def plain(self) -> Iterator[str]:
        """The lines for a pipe. Rich would take a minute for a meet of a hundred thousand rows."""
        from rich.cells import cell_len

        rows = [list(self.columns), *self.cells]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, ["-" * width for width in widths])
        for row in rows:
            parts = []
            for name, cell, width in zip(self.columns, row, widths, strict=True):
                padding = " " * (width - cell_len(cell))
                parts.append(padding + cell if name in self.right else cell + padding)
            yield "  ".join(parts).rstrip()


def visible(text: object, style: str = "") -> "Text":
    """A text as it is: brackets are no markup, and what would steer a terminal is written out."""
    from rich.text import Text

    return Text(escaped(str(text), keep="\n"), style)


def escaped(text: str, keep: str = "") -> str:
    """`text` with what cannot be printed as an escape: chips and names come from anybody."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def readable(data: bytes) -> str | None:
    """Bytes as text; None when it is none, or has control characters other than line ends."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    plain = all(c.isprintable() or c in "\r\n\t" for c in text)
    return text if plain else None


def put(shown: "Rows | Text") -> None:
    """A table or a line on the standard output."""
    if not isinstance(shown, Rows):
        console().print(shown, soft_wrap=True)
    elif sys.stdout.isatty():
        console().print(shown.rich())
    else:
        for line in shown.plain():
            print(line)


def say(text: str, style: str = "") -> None:
    """A sentence on the standard output."""
    put(visible(text, style))


def warn(text: str) -> None:
    """A sentence on the standard error."""
    console(sys.stderr).print(visible(text), soft_wrap=True)


def forgive(stream: TextIO) -> None:
    """Let a stream of a narrow code page write `\\u0151` where it has no such letter."""
    reconfigure: Any = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


class Bar:
    """How far something is: on a terminal a bar, elsewhere lines or nothing.

    It is called with how much is done of how much.
    """

    def __init__(self, draw: Callable[[int, int], None], above: "Console | None" = None) -> None:
        self._draw = draw
        self._above = above

    def __call__(self, done: int, total: int) -> None:
        """So much is done."""
        self._draw(done, total)

    def say(self, text: str, *, aside: bool = False) -> None:
        """A sentence on the standard output, `aside` on the error; on a terminal above the bar."""
        stream = sys.stderr if aside else sys.stdout
        if self._above is not None and stream.isatty():
            self._above.print(visible(text), soft_wrap=True)
        elif aside:
            warn(text)
        else:
            say(text)


@contextmanager
def progress(doing: str, *, plain: bool = False) -> Iterator[Bar]:
    """A bar on the standard error of a terminal; elsewhere with `plain` a line at each tenth."""
    if sys.stderr.isatty():
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

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
            yield Bar(draw, bar.console)
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

    yield Bar(tell)
