"""Pages about one thing: a race with its revisions, a lane's time, a crossing, what was said, two
moments compared, the log itself."""

from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from exporters.documents import race_key
from meetlog import show_audit
from meetlog.auditing import AuditedRevision, Change, Papers, audit, between, gather
from meetlog.commands.auditing import of_race
from meetlog.commands.events import details as details_of
from meetlog.commands.remembering import entries
from meetlog.comparison import compare
from meetlog.console import plots
from meetlog.console.access import console_of, reading
from meetlog.console.answers import BadQuery, events_of, number_of
from meetlog.console.guard import HEADERS
from meetlog.console.pages import ask, show
from meetlog.console.readings import reads_of
from meetlog.explaining import explain
from meetlog.explanations import Explanation
from meetlog.nearby import find_lane, find_race
from meetlog.opening import OpenMeet
from meetlog.protests import page_of
from meetlog.refusals import Unsayable
from meetlog.show import seconds
from meetlog.show_changes import cells_of
from meetlog.testimony import about_race
from projections.clock import iso_local
from projections.views import Crossing, Race

MOST_SAID = 500
# The page to print brings its own style; it has no script, no picture and no form.
PRINTED = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
}


class Told(NamedTuple):
    """A race, its revisions, and what people said about it."""

    race: Race
    revisions: list[AuditedRevision]
    statements: Any
    chosen: tuple[AuditedRevision, AuditedRevision] | None
    changes: tuple[Change, ...] | None


async def race(request: Request) -> Response:
    """One race: lanes, revisions, what any two of them say otherwise, what was said of it."""
    query = request.query_params
    wanted = query.get("race", "")
    told: Told = await ask(request, lambda opened: _race(opened, wanted, query))
    path = f"{told.race.session}/{told.race.event}/{told.race.heat}"
    return await show(
        request, "race.html", ("strip", "heat"), {"race": path},
        {"told": told, "audit": show_audit}, live=True,
    )  # fmt: skip


def _race(opened: OpenMeet, wanted: str, query: Any) -> Told:
    found = find_race(opened.meet, wanted)
    papers = gather(opened.log, opened.meet)
    revisions = of_race(opened, found, audit(opened.meet, papers))
    chosen, changes = _chosen(opened, papers, revisions, query)
    return Told(found, revisions, about_race(opened.meet, race_key(found)), chosen, changes)


def _chosen(
    opened: OpenMeet, papers: Papers, revisions: list[AuditedRevision], query: Any
) -> tuple[tuple[AuditedRevision, AuditedRevision] | None, tuple[Change, ...] | None]:
    """The two revisions that are compared: those asked for, else the last two."""
    if len(revisions) < 2:
        return None, None
    by_position = {r.position: r for r in revisions}
    before = by_position.get(number_of(query, "before", revisions[-2].position))
    after = by_position.get(number_of(query, "after", revisions[-1].position))
    if before is None or after is None:
        raise Unsayable("Those are not two revisions of this race.")
    return (before, after), between(opened.meet, papers, before.position, after.position)


async def lane(request: Request) -> Response:
    """Where a lane's time comes from, down to the bytes."""
    query = request.query_params
    found: Explanation = await ask(request, lambda opened: _explained(opened, query))
    return await show(
        request, "explain.html", more={
            "e": found, "audit": show_audit, "chain": list(show_audit.chain(found)),
            "others": show_audit.sorted_out(found), "quoted": _quoted(found),
        },
    )  # fmt: skip


def _explained(opened: OpenMeet, query: Any) -> Explanation:
    race = find_race(opened.meet, query.get("race", ""))
    lane = find_lane(race, number_of(query, "lane", 0))
    papers = gather(opened.log, opened.meet)
    return explain(opened.log, opened.meet, papers, race, lanes=[lane.lane])[0]


def _quoted(e: Explanation) -> set[str]:
    """The lines that are bytes, and are set as such."""
    raws = [e.start.raw if e.start else None, *(x.chosen.raw for x in e.legs if x.chosen)]
    return {show_audit.bytes_of(raw) for raw in raws if raw is not None}


async def printed(request: Request) -> Response:
    """The race's page to print, for a protest file."""
    wanted = request.query_params.get("race", "")
    page: str = await ask(request, lambda opened: _printed(opened, wanted))
    return HTMLResponse(page, headers=dict(HEADERS) | PRINTED)


def _printed(opened: OpenMeet, wanted: str) -> str:
    race = find_race(opened.meet, wanted)
    papers = gather(opened.log, opened.meet)
    return page_of(opened, papers, race, of_race(opened, race, audit(opened.meet, papers)))


async def crossing(request: Request) -> Response:
    """One crossing: every read of it, by signal over time, chosen or not and why."""
    query = request.query_params
    found = await ask(request, lambda opened: _crossing(opened, query))
    return await show(request, "crossing.html", more=found)


def _crossing(opened: OpenMeet, query: Any) -> dict[str, Any]:
    chip, point = query.get("chip", ""), query.get("point", "")
    first = number_of(query, "first", 0)
    mine = opened.meet.crossings([chip], point)
    found: Crossing | None = next((c for c in mine if c.first_ns == first), None)
    if found is None:
        raise Unsayable(
            f"Chip {chip} has no such crossing at {point} any more: reads came in, or were voided."
        )
    reads = reads_of(opened.meet, found)
    marks = [plots.Mark(r.corrected, r.detail.rssi, r.verdict.why == "chosen") for r in reads]
    zone = opened.meet.settings.meet.zone
    known = [m.rssi for m in marks if m.rssi is not None]
    strength = f", {min(known)} to {max(known)} dBm" if known else ""
    return {
        "span": f"within {seconds(found.last_ns - found.first_ns)}{strength}",
        "unmeasured": known and len(known) < len(marks),
        "c": found,
        "who": opened.meet.name_of(found.swimmer) if found.swimmer else "",
        "reads": [(r, iso_local(r.corrected, zone)) for r in reads],
        "plot": plots.signals(marks, f"{len(marks)} reads by signal over time"),
        "kinds": show_audit.KINDS,
    }


async def history(request: Request) -> Response:
    """Everything that people said, the newest first."""
    found = await ask(request, _said)
    return await show(request, "history.html", more={"entries": found})


def _said(opened: OpenMeet) -> list[Any]:
    found = list(entries(opened.log, opened.meet.settings.meet.zone))
    return found[::-1][:MOST_SAID]


async def comparison(request: Request) -> Response:
    """What two moments of the meet say otherwise, race by race and lane by lane."""
    console = console_of(request)
    one, other = request.query_params.get("a", ""), request.query_params.get("b", "")
    more: dict[str, Any] = {"a": one, "b": other, "sides": None, "rows": []}
    if one and other:
        before, after = await console.past(one), await console.past(other)
        changes = compare(before.snapshot.races, after.snapshot.races)
        more |= {"sides": (before.snapshot, after.snapshot), "rows": cells_of(changes)}
    return await show(request, "compare.html", more=more)


async def events(request: Request) -> Response:
    """The log itself, as it was recorded."""
    query = request.query_params
    if query.get("at"):
        raise BadQuery("The log's events are named by `after`, not by `at`.")
    found = await ask(request, lambda opened: _events(opened, dict(query)))
    return await show(request, "events.html", more=found)


def _events(opened: OpenMeet, query: dict[str, str]) -> dict[str, Any]:
    found = events_of(opened, {"limit": "50", "raw": "1"} | query)
    return {"events": found, "details_of": details_of, "asked": query}


ROUTES = [
    Route("/race", reading(race)),
    Route("/explain", reading(lane)),
    Route("/print", reading(printed)),
    Route("/crossing", reading(crossing)),
    Route("/history", reading(history)),
    Route("/compare", reading(comparison)),
    Route("/events", reading(events)),
]
