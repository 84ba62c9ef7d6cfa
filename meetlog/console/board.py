"""The public board: the heat in the water and the newest results, for a big screen, phones and TV.

Off by default. It has its own stream, with nothing in it but what everybody
in the hall may know; no source, no alarm, no operator, no form.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from exporters.documents import race_key
from meetlog.console.access import console_of, to_sign_in, viewer_of
from meetlog.console.heats import heat_of, shown_race
from meetlog.console.live import event, has_room
from meetlog.console.pages import environment_of
from meetlog.console.parts import clock_of
from meetlog.console.snapshots import Snapshot
from projections.views import Revision
from wire.timedrops import RaceKey

LATEST = 6  # races: as many as a hall reads from its seats
TEMPLATES = {"/board": ("board.html", "parts/board.html"),
             "/overlay": ("overlay.html", "parts/overlay.html")}  # fmt: skip


async def page(request: Request) -> Response:
    """The board, or the overlay for television."""
    console = console_of(request)
    if not _may_see(request):
        return to_sign_in(request)
    template, _ = TEMPLATES[request.url.path]
    snapshot = await console.fresh()
    found = _context(snapshot) | {"stream": f"{request.url.path}/live"}
    return HTMLResponse(environment_of(request).get_template(template).render(found))


async def stream(request: Request) -> Response:
    """The board's one part, whenever it says something else."""
    if not _may_see(request):
        return JSONResponse({"problem": "Sign in first."}, 401)
    if not has_room(request):
        return JSONResponse({"problem": "Too many pages are open."}, 503)
    _, part = TEMPLATES[request.url.path.removesuffix("/live")]
    return StreamingResponse(_events(request, part), media_type="text/event-stream")


async def _events(request: Request, part: str) -> AsyncIterator[str]:
    console = console_of(request)
    template = environment_of(request).get_template(part)
    sent = ""
    request.app.state.streams += 1
    try:
        yield "retry: 1000\n\n"
        async with aclosing(console.watch()) as snapshots:
            async for snapshot in snapshots:
                markup = template.render(_context(snapshot))
                if markup != sent:
                    sent = markup
                    yield event("board", markup)
                yield event("beat", f'{{"now": {console.now() // 1000}}}')
    finally:
        request.app.state.streams -= 1


def _may_see(request: Request) -> bool:
    return console_of(request).settings.public_board or viewer_of(request).may_read


def _context(s: Snapshot) -> dict[str, Any]:
    race = shown_race(s)
    finished = [r for r in s.races if r.revision and r.state in ("complete", "closed")]
    published = _published(s.revisions)
    finished.sort(key=lambda race: published.get(race_key(race), 0), reverse=True)
    return {
        "s": s,
        "heat": None if race is None else heat_of(race, s),
        "latest": finished[:LATEST],
        "clock_of": clock_of,
    }


def _published(revisions: Iterable[Revision]) -> dict[RaceKey, int]:
    """The event of each race's newest revision; `revisions` are in the order of the log."""
    return {RaceKey(r.session, r.event, r.heat): r.position for r in revisions}


ROUTES = [
    *(Route(path, page) for path in TEMPLATES),
    *(Route(f"{path}/live", stream) for path in TEMPLATES),
]
