"""What `run` shows: a live page in a terminal, plain log lines elsewhere. Everything in words."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ingest.notices import Notice
from meetlog.projector import Overview
from projections.rounding import format_cs
from projections.views import Crossing, Race, SourceHealth
from wire.stamps import NS

WORDS = {"info": "NOTE", "warning": "WARNING", "alarm": "ALARM"}
STYLES = {"info": "cyan", "warning": "yellow", "alarm": "bold red"}


def age(since_ns: int | None, now_ns: int) -> str:
    """`3 s`, `2 min`, `5 h` since a moment; `never` without one."""
    if since_ns is None:
        return "never"
    seconds = max(0, now_ns - since_ns) // NS
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def page(name: str, overview: Overview, notices: Sequence[Notice], now_ns: int) -> RenderableType:
    """The live page: sources, the heat in the water, the newest crossings, and what is wrong."""
    parts: list[RenderableType] = [_head(name, overview), _sources(overview.sources, now_ns)]
    if overview.current is not None:
        parts.append(_race(overview.current))
    parts += [_crossings(overview.recent), _troubles(overview, notices)]
    return Group(*parts)


def _head(name: str, overview: Overview) -> RenderableType:
    following = overview.following
    coming = f"next start: event {following.event} heat {following.heat}" if following else ""
    text = f"{overview.position} events recorded   {overview.quarantined} in quarantine   {coming}"
    return Panel(Text(text.rstrip()), title=Text(name), title_align="left", padding=(0, 1))


def _sources(sources: Sequence[SourceHealth], now_ns: int) -> RenderableType:
    table = Table(expand=True, title="Sources", title_justify="left")
    for title in ("source", "state", "last byte", "last read"):
        table.add_column(title)
    for title in ("reads", "new", "known", "bad"):
        table.add_column(title, justify="right")
    for s in sources:
        table.add_row(
            s.source,
            Text(s.state),
            age(s.last_byte_ns, now_ns),
            age(s.last_read_ns, now_ns),
            str(s.received),
            str(s.new),
            str(s.known),
            str(s.quarantined),
        )
    return table


def _race(race: Race) -> RenderableType:
    title = f"Event {race.event} heat {race.heat}: {race.state}"
    table = Table(expand=True, title=Text(title), title_justify="left")
    for column in ("lane", "name", "team", "time", "place"):
        table.add_column(column)
    for lane in race.lanes:
        table.add_row(
            str(lane.lane),
            Text(lane.name),
            Text(lane.team),
            format_cs(lane.time_cs) or lane.status.lower(),
            "" if lane.place is None else str(lane.place),
        )
    return table


def _crossings(recent: Sequence[Crossing]) -> RenderableType:
    table = Table(expand=True, title="Newest crossings", title_justify="left")
    for title in ("moment", "point", "chip", "swimmer", "reads"):
        table.add_column(title)
    for c in recent[-5:]:
        table.add_row(
            c.moment, Text(c.point), Text(c.chip), Text(c.swimmer or "unknown chip"), str(c.reads)
        )
    return table


def _troubles(overview: Overview, notices: Sequence[Notice]) -> RenderableType:
    lines: list[Text] = []
    for notice in notices:
        lines.append(Text(f"{WORDS[notice.severity]} {notice.text}", STYLES[notice.severity]))
        if notice.hint:
            lines.append(Text(f"      {notice.hint}"))
    for s in overview.sources:
        if s.warning:
            lines.append(Text(f"WARNING {s.warning}", STYLES["warning"]))
    for alarm in overview.alarms:
        lines.append(Text(f"ALARM {alarm.text}", STYLES["alarm"]))
        lines.append(Text(f"      {alarm.hint}"))
    return Panel(
        Group(*(lines or [Text("Nothing is wrong.")])), title="Attention", title_align="left"
    )


class PlainLines:
    """One line for each thing that happens, with the time of day, for pipes and service logs.

    Each kind of line is written once when it begins and once when it ends.
    """

    def __init__(
        self,
        write: Callable[[str], None] | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        self._write = write or _write_line
        self._now = now
        self._seen: Overview = Overview()
        self._standing: frozenset[str] = frozenset()

    def line(self, text: str) -> None:
        """Write a line."""
        at = datetime.fromtimestamp(self._now() // NS, UTC).astimezone()
        self._write(f"{at:%H:%M:%S} {text}")

    def notice(self, notice: Notice, over: bool) -> None:
        """A condition began, changed, or is over."""
        if over:
            self.line(f"OVER {notice.text}")
        else:
            self.line(f"{WORDS[notice.severity]} {notice.text} {notice.hint}".rstrip())

    def crossings(self, crossings: Sequence[Crossing]) -> None:
        """Crossings that are new or changed."""
        for c in crossings:
            who = c.swimmer or "unknown"
            kind = "provisional crossing" if c.provisional else "crossing"
            self.line(f"{kind} {c.point} chip {c.chip} ({who}) {c.moment}")

    def overview(self, overview: Overview) -> None:
        """What changed since the last overview: states, the heat, files, warnings, alarms."""
        before = {s.source: s.state for s in self._seen.sources}
        for s in overview.sources:
            if before.get(s.source) != s.state:
                self.line(f"source {s.source} is {s.state}")
        was, now = self._seen.current, overview.current
        if now is not None and (
            was is None or (was.event, was.heat, was.state) != (now.event, now.heat, now.state)
        ):
            self.line(f"event {now.event} heat {now.heat} is {now.state}")
        newest = max((r.position for r in self._seen.revisions), default=0)
        for r in overview.revisions:
            if r.position > newest:
                self.line(f"published {r.name} revision {r.revision} ({r.cause})")
        standing = {f"WARNING {s.warning}" for s in overview.sources if s.warning}
        standing |= {f"ALARM {a.text} {a.hint}" for a in overview.alarms}
        for text in sorted(standing - self._standing):
            self.line(text)
        for text in sorted(self._standing - standing):
            self.line(f"OVER {text}")
        self._seen, self._standing = overview, frozenset(standing)


def _write_line(text: str) -> None:
    print(
        text.encode(sys.stdout.encoding or "utf-8", "replace").decode(
            sys.stdout.encoding or "utf-8"
        ),
        flush=True,
    )


def terminal() -> Console | None:
    """A console to draw a live page on; None when the output is a pipe or a file."""
    console = Console()
    return console if console.is_terminal else None
