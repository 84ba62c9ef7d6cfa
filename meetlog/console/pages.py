"""Pages that are read: each is a template around parts, as of now or of a moment in the past."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from meetlog.console.access import Viewer, console_of, reading, viewer_of
from meetlog.console.parts import Asked, contexts
from meetlog.console.snapshots import Snapshot
from meetlog.opening import OpenMeet

TABS = (
    ("/", "1", "Now"),
    ("/crossings", "2", "Crossings"),
    ("/results", "3", "Results"),
    ("/sources", "4", "Sources"),
    ("/quarantine", "5", "Quarantine"),
    ("/alarms", "6", "Attention"),
    ("/history", "7", "Said"),
)
_LIVE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "/": ("now.html", ("strip", "heat", "troubles", "files", "crossings", "sources")),
    "/crossings": ("crossings.html", ("strip", "rates", "crossings")),
    "/results": ("results.html", ("strip", "results")),
    "/sources": ("sources.html", ("strip", "sources")),
    "/quarantine": ("quarantine.html", ("strip", "quarantine")),
    "/alarms": ("alarms.html", ("strip", "troubles")),
}
_FILTERS = ("chip", "point", "race")


async def live_page(request: Request) -> Response:
    """One of the pages whose parts are brought up to date by themselves."""
    template, parts = _LIVE[request.url.path]
    query = {key: request.query_params.get(key, "") for key in _FILTERS}
    if request.url.path == "/":
        query = {"newest": "1"}
    return await show(request, template, parts, query, {"query": query}, live=True)


async def show(
    request: Request,
    template: str,
    parts: Sequence[str] = ("strip",),
    query: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
    *,
    live: bool = False,
    status: int = 200,
) -> Response:
    """A whole page around these parts, with `more` for its template.

    With `at` in the address, as it was known then. Raises `NoSuchInstant`.
    """
    console, viewer = console_of(request), viewer_of(request)
    at = request.query_params.get("at", "").strip()
    query = query or {}
    snapshot = (await console.past(at)).snapshot if at else await console.fresh()
    now = snapshot.taken_at if at else console.now()
    asked = Asked(snapshot, query, now=now, may=viewer.may_speak)
    found = await console.looking(lambda opened: contexts(opened, asked, parts), at)
    wanted = {"parts": ",".join(parts)} | {k: v for k, v in query.items() if v}
    found |= frame(request, viewer, snapshot, console.snapshot.place.position)
    found |= {"live": f"/live?{urlencode(wanted)}" if live else ""}
    found |= more or {}
    return HTMLResponse(environment_of(request).get_template(template).render(found), status)


def frame(request: Request, viewer: Viewer, snapshot: Snapshot, head: int) -> dict[str, Any]:
    """What the frame around every page needs."""
    given = {k: v for k, v in request.query_params.items() if k != "at"}

    def here(at: str) -> str:
        asked = given | ({"at": at} if at else {})
        return request.url.path + (f"?{urlencode(asked)}" if asked else "")

    return {
        "viewer": viewer,
        "tabs": TABS,
        "at_path": request.url.path,
        "back": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        "kept": given,
        "here": here,
        "head": max(head, snapshot.place.position),
    }


def environment_of(request: Request) -> Environment:
    """The templates."""
    found: Environment = request.app.state.environment
    return found


async def ask(request: Request, find: Any) -> Any:
    """What `find` finds in the meet that the page is about."""
    at = request.query_params.get("at", "").strip()

    def found(opened: OpenMeet) -> Any:
        return find(opened)

    return await console_of(request).looking(found, at)


ROUTES = [Route(path, reading(live_page)) for path in _LIVE]
