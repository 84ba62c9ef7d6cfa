"""Answers: what each reading command prints with `--json`, found for the API in the same way."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from meetlog.auditing import AuditedRevision, gather
from meetlog.auditing import audit as audited
from meetlog.commands.auditing import of_race
from meetlog.commands.events import report_of, select
from meetlog.commands.options import is_wanted, wanted_race
from meetlog.commands.remembering import entries
from meetlog.commands.standing import status_of
from meetlog.explaining import explain
from meetlog.explanations import Explanation
from meetlog.nearby import find_lane, find_race
from meetlog.opening import OpenMeet
from meetlog.reports import EventReport, StatusReport
from meetlog.resends import SourceReport, source_reports
from meetlog.statement_reports import HistoryEntry
from projections.startlist import canonical
from projections.views import Crossing, QuarantineEntry, Race, RelayHealth, Revision

MOST_EVENTS = 1000
WITHHELD = "scrypt$withheld"
_HASH = re.compile(r"scrypt\$[0-9A-Za-z$+/=]*")
_HASH_BYTES = re.compile(_HASH.pattern.encode())
Query = Mapping[str, str]
Items = Sequence[msgspec.Struct]


class Parameter(msgspec.Struct, frozen=True):
    """What may stand in the query: its name, what it is, whether it must be there, and its form.

    `form` is a regular expression for all of it, "" where any text will do. What need not be
    there may as well be empty.
    """

    name: str
    about: str
    required: bool = False
    form: str = ""


class Answer(msgspec.Struct, frozen=True):
    """One answer of the API: the command, what it is, the kind of its items, and how it is found.

    `find` is given the meet, settled, and the query, whose parameters are those of `takes`.
    """

    command: str
    about: str
    item: Any
    find: Callable[[OpenMeet, Query], Items]
    takes: tuple[Parameter, ...] = ()
    past: bool = True


_NUMBER = "[0-9]{1,19}"
_RACE = Parameter(
    "race", "only this race: SESSION/EVENT/HEAT, or EVENT/HEAT in every session",
    form="(?:.+/)?[^/]+/[0-9]{1,9}",
)  # fmt: skip


def _status(opened: OpenMeet, query: Query) -> Items:
    now = opened.meet.state.recorded_at if query.get("at") else time.time_ns()
    return [status_of(opened, now)]


def _crossings(opened: OpenMeet, query: Query) -> Items:
    chips = None
    if chip := query.get("chip"):
        wanted = canonical(chip)
        chips = [each for each in opened.meet.state.reads.chips if canonical(each) == wanted]
    return opened.meet.crossings(chips, query.get("point") or None)


def _results(opened: OpenMeet, query: Query) -> Items:
    wanted = wanted_race(query.get("race", ""))
    return [race for race in opened.meet.races() if is_wanted(race, wanted)]


def _revisions(opened: OpenMeet, query: Query) -> Items:
    wanted = wanted_race(query.get("race", ""))
    found = [each for each in opened.meet.revisions() if is_wanted(each, wanted)]
    return sorted(found, key=lambda r: (r.session, r.event, r.heat, r.position))


def _audit(opened: OpenMeet, query: Query) -> Items:
    found = audited(opened.meet, gather(opened.log, opened.meet))
    if race := query.get("race"):
        found = of_race(opened, find_race(opened.meet, race), found)
    return sorted(found, key=lambda r: (r.session, r.event, r.heat, r.position))


def _explain(opened: OpenMeet, query: Query) -> Items:
    race = find_race(opened.meet, query["race"])
    lane = find_lane(race, number_of(query, "lane", 0))
    papers = gather(opened.log, opened.meet)
    return explain(opened.log, opened.meet, papers, race, lanes=[lane.lane])


def _history(opened: OpenMeet, query: Query) -> Items:
    author, verb = query.get("author", "").casefold(), query.get("kind", "")
    return [
        entry
        for entry in entries(opened.log, opened.meet.settings.meet.zone)
        if author in ("", entry.author.casefold()) and verb in ("", entry.verb)
    ]


def events_of(opened: OpenMeet, query: Query) -> list[EventReport]:
    """The events that a query asks for. Raises `BadQuery`."""
    zone, head = opened.meet.settings.meet.zone, opened.meet.position
    found = select(
        opened.log,
        head,
        after=number_of(query, "after", 0) if query.get("after") else None,
        limit=min(MOST_EVENTS, max(1, number_of(query, "limit", 50))),
        kinds=tuple(filter(None, [query.get("kind")])),
        names=frozenset(filter(None, [query.get("source")])),
    )
    reports = [report_of(event, zone, raw=query.get("raw") == "1") for event in found]
    return [_without_hashes(report) for report in reports]


def _without_hashes(report: EventReport) -> EventReport:
    """The report without what a secret could be guessed by: who may read may not be its owner."""
    text, hexed = report.text, report.hex
    if text is not None and "scrypt$" in text:
        text = _HASH.sub(WITHHELD, text)
    if hexed is not None and b"scrypt$" in (body := bytes.fromhex(hexed)):
        hexed = _HASH_BYTES.sub(WITHHELD.encode(), body).hex()
    return msgspec.structs.replace(report, text=text, hex=hexed)


class BadQuery(Exception):  # noqa: N818 - named for what it is
    """A parameter is missing, or no number. The message says which."""


def number_of(query: Query, name: str, default: int) -> int:
    """A whole number of the query; raises `BadQuery` for what is none."""
    text = query.get(name)
    if not text:
        return default
    if not re.fullmatch(_NUMBER, text):
        raise BadQuery(f"{name}={text!r} is no number.")
    return int(text)


ANSWERS: tuple[Answer, ...] = (
    Answer("status", "Where the meet stands.", StatusReport, _status),
    Answer("sources", "How each source does.", SourceReport, lambda o, _: source_reports(o.meet)),
    Answer("relays", "How each relay does.", RelayHealth, lambda o, _: o.meet.relays()),
    Answer(
        "crossings", "Who passed where and when.", Crossing, _crossings,
        (Parameter("point", "only this timing point"), Parameter("chip", "only this chip")),
    ),
    Answer("results", "The races: lanes, times, places, splits.", Race, _results, (_RACE,)),
    Answer("revisions", "The history of the result files.", Revision, _revisions, (_RACE,)),
    Answer(
        "quarantine", "What arrived and could not be used.", QuarantineEntry,
        lambda o, _: o.meet.quarantine(),
    ),
    Answer(
        "audit", "Who or what changed which result, and how.", AuditedRevision, _audit,
        (Parameter("race", "only this race: SESSION/EVENT/HEAT, EVENT/HEAT, or a race number"),),
    ),
    Answer(
        "explain", "Where a lane's time comes from, down to the bytes.", Explanation, _explain,
        (
            Parameter("race", "SESSION/EVENT/HEAT, EVENT/HEAT, or a race number", required=True),
            Parameter("lane", "the lane's number", required=True, form=_NUMBER),
        ),
    ),
    Answer(
        "history", "Everything that people said.", HistoryEntry, _history,
        (Parameter("author", "only what they said"), Parameter("kind", "only this verb")),
    ),
    Answer(
        "events", "The log itself, as it was recorded.", EventReport, events_of,
        (
            Parameter("after", "begin after this position; without it, the newest", form=_NUMBER),
            Parameter(
                "limit", f"how many at most, 50 when left out and never above {MOST_EVENTS}",
                form=_NUMBER,
            ),
            Parameter("kind", "only this kind, such as socket.read"),
            Parameter("source", "only this source"),
            Parameter("raw", "1: the bodies too"),
        ),
    ),
)  # fmt: skip
AT = Parameter("at", "as it was known then: a position, 14:05 of the last day, or a date and time")
