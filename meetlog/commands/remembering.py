"""`history`: everything that people said about the meet, in the order in which they said it."""

import time
from collections.abc import Callable, Iterator
from typing import Annotated, get_args

import typer

from meetlog import show
from meetlog.commands.options import HERE, JsonOption, MeetOption, RaceOption, wanted_race
from meetlog.opening import open_log
from meetlog.output import Rows, print_json, put, say
from meetlog.statement_reports import HistoryEntry
from meetlog.typed import moment
from projections.clock import iso_local
from projections.facts import Stated
from projections.folding import settings_at
from projections.rulings import withdrawals
from projections.wording import describe
from store.event import STATEMENT, STATEMENT_REFUSED, Event, meta_of
from store.log import Log
from wire.errors import WireError
from wire.statements import AnyStatement, RaceStatement, Withdraw, decode, verb_of

REFUSED = "refused"  # a secret failed; nothing was stated
UNREADABLE = "unreadable"  # said by a newer meetlog
VERBS = (
    *(str(kind.__struct_config__.tag) for kind in get_args(AnyStatement)),
    REFUSED,
    UNREADABLE,
)
_PAGE = 1000

AuthorOption = Annotated[
    list[str] | None,
    typer.Option("--author", help="Only what they said; may be given again.", metavar="NAME"),
]
KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        "-k",
        help="Only statements of this kind, such as dq or withdraw; may be given again.",
        metavar="KIND",
    ),
]
FromOption = Annotated[
    str, typer.Option("--from", help="Only what was said from then on.", metavar="INSTANT")
]
ToOption = Annotated[
    str, typer.Option("--to", help="Only what was said up to then.", metavar="INSTANT")
]


def history(
    *,
    meet: MeetOption = HERE,
    author: AuthorOption = None,
    race: RaceOption = "",
    kind: KindOption = None,
    since: FromOption = "",
    until: ToOption = "",
    json: JsonOption = False,
) -> None:
    """Show what people said about the meet.

    Every statement: who made it, how they were proven, when and why, what it
    says, and whether it was withdrawn. Tries that failed for their secret are
    there too.
    """
    authors = {each.casefold() for each in author or ()}
    kinds = _kinds(kind or ())
    wanted = _race_filter(race)
    with open_log(meet) as (log, _):
        zone = settings_at(log).meet.zone
        head = log.head()
        now = time.time_ns()
        begin = moment(since, zone, head.recorded_at, now) if since else None
        end = moment(until, zone, head.recorded_at, now) if until else None
        found = [
            entry
            for entry in entries(log, zone)
            if (not authors or entry.author.casefold() in authors)
            and (not kinds or entry.verb in kinds)
            and wanted(entry.race)
            and (begin is None or entry.at_ns >= begin)
            and (end is None or entry.at_ns <= end)
        ]
    if json:
        print_json("history", head.position, found)
        return
    if found:
        put(history_table(found))
    gone = sum(each.withdrawn_by is not None for each in found)
    say(f"{show.count(len(found), 'statement')}, {gone} withdrawn. Times in {zone}.")


def entries(log: Log, zone: str) -> Iterator[HistoryEntry]:
    """Every statement in the log, and every try that was refused for its secret."""
    events = list(_events(log))
    said: dict[int, AnyStatement] = {}
    for event in events:
        if event.kind == STATEMENT:
            try:
                said[event.position] = decode(event.body)
            except WireError:
                continue  # it is quarantined, and shown here for what it is
    withdrawn = withdrawals([Stated(position, each) for position, each in said.items()])
    for event in events:
        statement = said.get(event.position)
        if statement is None:
            yield _unsaid(event, zone)
        else:
            words = describe(statement, zone)
            if isinstance(statement, Withdraw) and statement.position in said:
                words += f" ({describe(said[statement.position], zone)})"
            gone = withdrawn.get(event.position)
            yield _entry(event.position, statement, words, zone, gone)


def history_table(found: list[HistoryEntry]) -> Rows:
    """One row per statement."""
    table = Rows("event", "said at", "by", "what", "why", "counts", right=("event",))
    for e in found:
        by = f"{e.author} ({_proof(e)}, {e.channel})"
        counts = f"withdrawn by {e.withdrawn_by}" if e.withdrawn_by is not None else "yes"
        if e.verb in (REFUSED, UNREADABLE):
            counts = "no"
        table.add(e.position, show.to_ms(e.at), by, e.words, e.reason, counts)
    return table


def _proof(entry: HistoryEntry) -> str:
    if entry.proof == "secret":
        return "secret"
    if entry.login and entry.login != entry.author:
        return f"login {entry.login}"
    return entry.proof or "not proven"


def _entry(
    position: int, said: AnyStatement, words: str, zone: str, withdrawn_by: int | None
) -> HistoryEntry:
    race = f"{said.session}/{said.event}/{said.heat}" if isinstance(said, RaceStatement) else ""
    return HistoryEntry(
        position=position,
        at=iso_local(said.at, zone),
        at_ns=said.at,
        author=said.author,
        proof=said.proof,
        login=said.login,
        channel=said.channel,
        verb=verb_of(said),
        race=race,
        words=words,
        reason=said.reason,
        seen=said.seen,
        withdrawn_by=withdrawn_by,
    )


def _unsaid(event: Event, zone: str) -> HistoryEntry:
    """What counts as no statement: a try that was refused, or one in words of a newer meetlog."""
    meta = meta_of(event)
    refused = event.kind == STATEMENT_REFUSED
    words = f"a try to speak was refused: {meta.get('why', '')}" if refused else (
        "a statement that this version cannot read; update meetlog"
    )  # fmt: skip
    return HistoryEntry(
        position=event.position,
        at=iso_local(event.recorded_at, zone),
        at_ns=event.recorded_at,
        author=str(meta.get("actor", "")),
        proof="",
        login=str(meta.get("login", "")),
        channel=str(meta.get("channel", "")),
        verb=REFUSED if refused else UNREADABLE,
        race="",
        words=words,
        reason="",
        seen=0,
        withdrawn_by=None,
    )


def _events(log: Log) -> Iterator[Event]:
    after = 0
    while page := log.read(after, _PAGE, kinds=(STATEMENT, STATEMENT_REFUSED)):
        after = page[-1].position
        yield from page


def _kinds(typed: list[str] | tuple[()]) -> frozenset[str]:
    unknown = [each for each in typed if each not in VERBS]
    if unknown:
        raise typer.BadParameter(
            f"{unknown[0]!r} is no kind of statement. There are {', '.join(VERBS)}.",
            param_hint="'--kind'",
        )
    return frozenset(typed)


def _race_filter(text: str) -> Callable[[str], bool]:
    named = wanted_race(text)
    if named is None:
        return lambda _: True
    session, event, heat = named

    def matches(path: str) -> bool:
        parts = path.rsplit("/", 2)
        return (
            len(parts) == 3
            and session in (None, parts[0])
            and parts[1].casefold() == event.casefold()
            and parts[2] == str(heat)
        )

    return matches
