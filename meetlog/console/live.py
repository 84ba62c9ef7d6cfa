"""Live: the parts of a page, sent again by server-sent events whenever they say something else."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from meetlog.console.access import console_of, reading, viewer_of
from meetlog.console.pages import environment_of
from meetlog.console.parts import PARTS, Asked, render
from meetlog.console.snapshots import Snapshot
from meetlog.console.state import Console

MOST_STREAMS = 100  # pages that are told of changes by themselves; the last for this computer
MOST_REMOTE_STREAMS = 80
_ARGUMENTS = ("chip", "point", "race", "newest")


class Kept:
    """The markup of one snapshot's parts, made once for everybody who looks at the same."""

    def __init__(self) -> None:
        self._of: Snapshot | None = None
        self._kept: dict[object, dict[str, str]] = {}

    def of(self, snapshot: Snapshot) -> dict[object, dict[str, str]]:
        """What was made of this snapshot; that of an older one is forgotten."""
        if self._of is not snapshot:
            self._of, self._kept = snapshot, {}
        return self._kept


async def stream(request: Request) -> Response:
    """The parts named in the address, each as an event of its name, and a `beat` every second."""
    parts = tuple(part for part in request.query_params.get("parts", "").split(",") if part)
    if not parts or not set(parts) <= set(PARTS):
        return JSONResponse({"problem": f"Parts are: {', '.join(PARTS)}."}, 400)
    if not has_room(request):
        return JSONResponse({"problem": "Too many pages are open."}, 503)
    query = {key: request.query_params[key] for key in _ARGUMENTS if key in request.query_params}
    events = _events(request, parts, query)
    return StreamingResponse(events, media_type="text/event-stream")


def has_room(request: Request) -> bool:
    """Whether one more page may be told of changes; those of this computer always find room."""
    most = MOST_STREAMS if viewer_of(request).here else MOST_REMOTE_STREAMS
    streams: int = request.app.state.streams
    return streams < most


async def _events(
    request: Request, parts: tuple[str, ...], query: dict[str, str]
) -> AsyncIterator[str]:
    console = console_of(request)
    viewer = viewer_of(request)
    sent: dict[str, str] = {}
    request.app.state.streams += 1
    try:
        yield "retry: 1000\n\n"
        async with aclosing(console.watch()) as snapshots:
            async for snapshot in snapshots:
                now = viewer_of(request)
                if not now.may_read or now.may_speak != viewer.may_speak:
                    return  # signed out, or in: the page is asked for anew
                asked = Asked(snapshot, query, now=snapshot.taken_at, may=now.may_speak, told=False)
                made = await _made(request, console, asked, parts)
                for part in parts:
                    if sent.get(part) != made[part]:
                        sent[part] = made[part]
                        yield event(part, made[part])
                beat = {"now": console.now() // 1000, "position": snapshot.place.position}
                yield event("beat", json.dumps(beat))
    finally:
        request.app.state.streams -= 1


async def _made(
    request: Request,
    console: Console,
    asked: Asked,
    parts: tuple[str, ...],
) -> dict[str, str]:
    kept = request.app.state.kept.of(asked.snapshot)
    key = (parts, asked.key)
    if key not in kept:
        environment = environment_of(request)
        kept[key] = await console.looking(lambda opened: render(environment, opened, asked, parts))
    found: dict[str, str] = kept[key]
    return found


def event(name: str, data: str) -> str:
    """One server-sent event."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    return f"event: {name}\n{lines}\n"


ROUTES = [Route("/live", reading(stream))]
