"""`events`: the log itself, as it was recorded."""

import threading
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from meetlog import show
from meetlog.commands.options import HERE, JsonOption, MeetOption
from meetlog.opening import open_log
from meetlog.output import Rows, print_json, put, readable, say
from meetlog.reports import EventReport
from meetlog.show_items import item_lines, items_of, relay_words
from projections.clock import iso_local
from projections.folding import settings_at
from store.event import Event, meta_of
from store.log import Log

_WINDOW = 2000  # events read at once while looking backwards
_POLL_SECONDS = 0.25  # how soon a new event is shown; nobody reads faster
_HEX_LINE = 16


AfterOption = Annotated[
    int | None,
    typer.Option(
        "--after",
        "-a",
        help="Begin after this position; without it, the newest events are shown.",
        min=0,
        metavar="POSITION",
        show_default=False,
    ),
]
LimitOption = Annotated[
    int, typer.Option("--limit", "-n", help="How many events at most.", min=1, metavar="COUNT")
]
KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        "-k",
        help="Only events of this kind, such as socket.read; may be given again.",
        metavar="KIND",
    ),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source", "-s", help="Only events of this source; may be given again.", metavar="NAME"
    ),
]
RawOption = Annotated[
    bool, typer.Option("--raw", help="Show the bodies too, as text where they are, else as hex.")
]
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on showing new events until Ctrl-C.")
]


def events(
    *,
    meet: MeetOption = HERE,
    after: AfterOption = None,
    limit: LimitOption = 50,
    kind: KindOption = None,
    source: SourceOption = None,
    raw: RawOption = False,
    follow: FollowOption = False,
    json: JsonOption = False,
) -> None:
    """Show what was recorded.

    Each event with its position, time, source, kind, details and size; with
    --raw also its bytes.
    """
    if follow and json:
        raise typer.BadParameter("--follow never ends, and --json prints one whole document.")
    kinds, names = tuple(kind or ()), frozenset(source or ())
    with open_log(meet) as (log, place):
        settings = place.settings or settings_at(log)
        zone = settings.meet.zone
        head = log.head().position
        found = select(log, head, after=after, limit=limit, kinds=kinds, names=names)
        reports = [report_of(event, zone, raw=raw) for event in found]
        if json:
            print_json("events", head, reports)
            return
        _print(reports, raw=raw)
        if follow:
            pause = threading.Event()
            try:
                for event in tail(log, head, lambda: pause.wait(_POLL_SECONDS)):
                    if _matches(event, kinds, names):
                        say(line_of(report_of(event, zone, raw=raw)))
            except KeyboardInterrupt:
                return
    say(f"{show.count(len(found), 'event')} of {head} in the log. Times in {zone}.")


def select(
    log: Log,
    head: int,
    *,
    after: int | None,
    limit: int,
    kinds: tuple[str, ...],
    names: frozenset[str],
) -> list[Event]:
    """At most `limit` events up to `head`: the first after `after`, or the newest without it."""
    if after is not None:
        found: list[Event] = []
        while len(found) < limit and (page := log.read(after, _WINDOW, kinds=kinds)):
            after = page[-1].position
            found += [e for e in page if e.position <= head and _matches(e, kinds, names)]
        return found[:limit]
    newest: list[Event] = []
    until = head
    while len(newest) < limit and until > 0:
        start = max(0, until - _WINDOW)
        page = log.read(start, until - start, kinds=kinds)
        newest = [
            e for e in page if e.position <= until and _matches(e, kinds, names)
        ] + newest  # fmt: skip
        until = start
    return newest[-limit:]


def tail(log: Log, after: int, wait: Callable[[], object]) -> Iterator[Event]:
    """Every event after `after`, for ever; `wait` is called when there is none for now."""
    while True:
        for event in log.read(after):
            after = event.position
            yield event
        wait()


def report_of(event: Event, zone: str, *, raw: bool) -> EventReport:
    """An event as it is shown; `raw` adds its body."""
    text = readable(event.body) if raw else None
    return EventReport(
        position=event.position,
        recorded_at=iso_local(event.recorded_at, zone),
        recorded_at_ns=event.recorded_at,
        source=event.source,
        kind=event.kind,
        meta=meta_of(event),
        size=len(event.body),
        hash=event.hash.hex(),
        words=relay_words(event),
        text=text,
        hex=event.body.hex() if raw and text is None else None,
        items=items_of(event, zone) if raw else None,
    )


def _matches(event: Event, kinds: tuple[str, ...], names: frozenset[str]) -> bool:
    return (not kinds or event.kind in kinds) and (not names or event.source in names)


def _print(reports: list[EventReport], *, raw: bool) -> None:
    if raw:
        for report in reports:
            say(line_of(report))
        return
    table = Rows(
        "event", "recorded", "source", "kind", "details", "bytes", right=("event", "bytes")
    )
    for r in reports:
        table.add(r.position, show.to_ms(r.recorded_at), r.source, r.kind, details(r), r.size)
    if reports:
        put(table)


def details(report: EventReport) -> str:
    """The meta as `c=3, peer=127.0.0.1:4001`; of an event of a relay, what it says."""
    return report.words or ", ".join(f"{key}={value}" for key, value in report.meta.items())


def line_of(report: EventReport) -> str:
    """One event in one line, and below it its body when it was asked for."""
    line = (
        f"event {report.position}  {show.local(report.recorded_at)}  {report.source}  "
        f"{report.kind}  {details(report)}  {show.count(report.size, 'byte')}"
    )
    if report.items is not None:
        return "\n".join([line, *(f"    {each}" for each in item_lines(report.items))])
    if report.text is not None:
        return "\n".join([line, *(f"    {each}" for each in report.text.split("\n") if each)])
    if report.hex is not None:
        rows = range(0, len(report.hex), 2 * _HEX_LINE)
        return "\n".join([line, *(f"    {report.hex[i : i + 2 * _HEX_LINE]}" for i in rows)])
    return line
