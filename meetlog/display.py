"""What `run` shows: a live page in a terminal, plain log lines elsewhere. Everything in words."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ingest.notices import Notice, Severity
from meetlog.loglines import WORDS, Condition, Kind, LogLine, plain_form
from meetlog.output import visible
from meetlog.projector import Overview
from meetlog.resends import resend_words
from meetlog.show import age, to_ms
from meetlog.show_relays import receipt_words
from projections.relay_health import NEVER
from projections.rounding import format_cs
from projections.views import Crossing, Race, RelayHealth, SourceHealth

CROSSINGS = 6  # rows; the page must fit a small terminal
FILES = 3
STYLES = {"info": "cyan", "warning": "yellow", "alarm": "bold red"}


def page(name: str, overview: Overview, notices: Sequence[Notice], now_ns: int) -> RenderableType:
    """The live page: sources, the heat in the water, the newest crossings, and what is wrong."""
    parts: list[RenderableType] = [_head(name, overview), _sources(overview.sources, now_ns)]
    if overview.relays:
        parts.append(_relays(overview.relays, now_ns))
    if overview.current is not None:
        parts.append(_race(overview.current))
    parts += [_crossings(overview), _published(overview), _troubles(overview, notices)]
    # Below the last box, so that the ^C of whoever ends it does not break the page's last line.
    parts.append(Text())
    return Group(*parts)


def _head(name: str, overview: Overview) -> RenderableType:
    following = overview.following
    coming = f"next start: event {following.event} heat {following.heat}" if following else ""
    text = f"{overview.position} events recorded   {overview.quarantined} in quarantine   {coming}"
    return Panel(visible(text.rstrip()), title=visible(name), title_align="left", padding=(0, 1))


def _table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(
        title=visible(title, "bold"),
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        expand=True,
    )
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table


def _sources(sources: Sequence[SourceHealth], now_ns: int) -> RenderableType:
    counts = ("reads", "new", "known", "bad")
    table = _table("Sources", "source", "state", "last byte", "last read", *counts, right=counts)
    for s in sources:
        told = (s.last_byte_ns, s.last_read_ns)
        table.add_row(
            visible(s.source),
            visible(s.state),
            *(age(None if at is None else now_ns - at) for at in told),
            *(str(count) for count in (s.received, s.new, s.known, s.quarantined)),
        )
    return table


def _relays(relays: Sequence[RelayHealth], now_ns: int) -> RenderableType:
    counts = ("queued", "sent", "waiting", "again")
    table = _table("Relays", "relay", "state", "last sent", *counts, right=counts)
    for r in relays:
        table.add_row(
            visible(r.relay),
            visible(r.state),
            age(None if r.last_sent_ns is None else now_ns - r.last_sent_ns),
            *(str(count) for count in (r.queued, r.sent, r.waiting, r.again)),
        )
    return table


def _race(race: Race) -> RenderableType:
    title = f"Event {race.event} heat {race.heat}: {race.state}"
    table = _table(title, "lane", "name", "team", "time", "place", right=("time", "place"))
    for lane in race.lanes:
        table.add_row(
            str(lane.lane),
            visible(lane.name),
            visible(lane.team),
            format_cs(lane.time_cs) or lane.status.lower(),
            "" if lane.place is None else str(lane.place),
        )
    return table


def _crossings(overview: Overview) -> RenderableType:
    table = _table("Newest crossings", "time", "point", "chip", "name", "reads", right=("reads",))
    for c in overview.recent[-CROSSINGS:]:
        who = overview.names.get(c.swimmer) or c.swimmer or "unknown chip"
        table.add_row(
            to_ms(c.moment)[11:], visible(c.point), visible(c.chip), visible(who), str(c.reads)
        )
    return table


def _published(overview: Overview) -> RenderableType:
    table = _table("Newest files", "file", "revision", "why", right=("revision",))
    for r in overview.revisions[-FILES:]:
        table.add_row(visible(r.name), str(r.revision), visible(r.cause))
    return table


def _troubles(overview: Overview, notices: Sequence[Notice]) -> RenderableType:
    lines: list[Text] = []
    for notice in notices:
        lines.append(visible(f"{WORDS[notice.severity]} {notice.text}", STYLES[notice.severity]))
        if notice.hint:
            lines.append(visible(f"      {notice.hint}"))
    lines += [visible(f"WARNING {text}", "yellow") for text in _warnings(overview)]
    for alarm in overview.alarms:
        lines.append(visible(f"ALARM {alarm.text}", STYLES["alarm"]))
        lines.append(visible(f"      {alarm.hint}"))
    return Panel(
        Group(*(lines or [Text("Nothing is wrong.")])), title="Attention", title_align="left"
    )


def _warnings(overview: Overview) -> list[str]:
    return [
        *(s.warning for s in overview.sources if s.warning),
        *(text for r in overview.relays for text in r.warnings),
    ]


class PlainLines:
    """One line for each thing that happens, for pipes and service logs.

    `form` makes it a text with the time of day, or JSON. A condition is told once when it begins
    and once when it ends.
    """

    def __init__(
        self,
        write: Callable[[str], None] | None = None,
        now: Callable[[], int] = time.time_ns,
        form: Callable[[LogLine], str] = plain_form,
    ) -> None:
        self._write = write or _write_line
        self._now = now
        self._form = form
        self._begun = self._now()
        self._seen: Overview = Overview()
        self._standing: frozenset[Condition] = frozenset()
        self._receipts: set[tuple[str, int]] = set()

    def line(self, text: str, *, kind: Kind = "program", source: str = "") -> None:
        """Write a line about something that happened."""
        self._write(self._form(LogLine(self._now(), "info", kind, source, text)))

    def _condition(
        self, severity: Severity, source: str, text: str, hint: str, *, over: bool
    ) -> None:
        kind: Kind = "over" if over else "condition"
        line = LogLine(self._now(), severity, kind, source, text, "" if over else hint)
        self._write(self._form(line))

    def notice(self, notice: Notice, over: bool) -> None:
        """A condition began, changed, or is over."""
        self._condition(notice.severity, notice.source, notice.text, notice.hint, over=over)

    def crossings(self, crossings: Sequence[Crossing]) -> None:
        """Crossings that are new or changed."""
        for c in crossings:
            who = c.swimmer or "unknown"
            kind = "provisional crossing" if c.provisional else "crossing"
            text = f"{kind} {c.point} chip {c.chip} ({who}) {c.moment}"
            self.line(text, kind="crossing", source=c.source)

    def overview(self, overview: Overview) -> None:
        """What changed since the last overview: states, the heat, files, warnings, alarms."""
        before = {s.source: s.state for s in self._seen.sources}
        for s in overview.sources:
            if before.get(s.source) != s.state:
                self.line(f"source {s.source} {_is(s.state)}", kind="source", source=s.source)
        told = {(r.source, r.since_ns) for r in self._seen.resends if r.until_ns is not None}
        for resend in overview.resends:
            # Those that were over before this run began were told by the one before.
            over = resend.until_ns is not None and resend.until_ns >= self._begun
            if over and (resend.source, resend.since_ns) not in told:
                self.line(resend_words(resend), kind="resend", source=resend.source)
        self._relays(overview)
        was, now = self._seen.current, overview.current
        if now is not None and (
            was is None or (was.event, was.heat, was.state) != (now.event, now.heat, now.state)
        ):
            self.line(f"event {now.event} heat {now.heat} is {now.state}", kind="race")
        newest = max((r.position for r in self._seen.revisions), default=0)
        for r in overview.revisions:
            # A run that is started again does not publish anew what the one before published.
            if r.position > newest and _at(r.recorded_at) >= self._begun:
                text = f"published {r.name} revision {r.revision} ({r.cause})"
                self.line(text, kind="published")
        standing: set[Condition] = {
            ("warning", s.source, s.warning, "") for s in overview.sources if s.warning
        }
        standing |= {("warning", r.relay, text, "") for r in overview.relays for text in r.warnings}
        standing |= {("alarm", "", a.text, a.hint) for a in overview.alarms}
        for each in sorted(standing - self._standing):
            self._condition(*each, over=False)
        for each in sorted(self._standing - standing):
            self._condition(*each, over=True)
        self._seen, self._standing = overview, frozenset(standing)

    def _relays(self, overview: Overview) -> None:
        before = {r.relay: r.state for r in self._seen.relays}
        for r in overview.relays:
            if before.get(r.relay) != r.state:
                self.line(f"relay {r.relay} {_is(r.state)}", kind="relay", source=r.relay)
            receipt = r.receipt
            if receipt is None or not receipt.again or receipt.since_ns < self._begun:
                continue
            # Once, when the peer has got what it missed or is gone before that.
            key = (r.relay, receipt.since_ns)
            if key not in self._receipts and (receipt.until or not r.waiting):
                self._receipts.add(key)
                self.line(receipt_words(r.relay, receipt), kind="resend", source=r.relay)


def _is(state: str) -> str:
    """`is connected`; `has not connected yet` before it ever was."""
    return "has not connected yet" if state == NEVER else f"is {state}"


def _at(moment: str) -> int:
    """The ns since the epoch of an instant as views write it, to the microsecond, rounded up."""
    since = datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(microseconds=1) + 1) * 1000


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
