"""The app: all pages behind the guard, and what every error looks like."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from typer import BadParameter

from meetlog.console import api, board, correcting, details, live, pages, signing
from meetlog.console.access import BadForm, reading
from meetlog.console.answers import BadQuery
from meetlog.console.guard import Guard
from meetlog.console.live import Kept
from meetlog.console.pages import show
from meetlog.console.render import make_environment
from meetlog.console.state import Console
from meetlog.instants import NoSuchInstant
from meetlog.refusals import NotAllowed, Unsayable
from store.log import StoreError

_HERE = Path(__file__).parent
# Named one by one, so that no path leads anywhere else.
STATIC = {
    "console.css": _HERE / "static" / "console.css",
    "board.css": _HERE / "static" / "board.css",
    "console.js": _HERE / "static" / "console.js",
    "theme.js": _HERE / "static" / "theme.js",
    "icon.svg": _HERE / "static" / "icon.svg",
    "idiomorph.min.js": _HERE / "vendored" / "idiomorph.min.js",
}
_CODES: dict[type[Exception], tuple[int, str]] = {
    BadQuery: (400, "That was not understood"),
    BadParameter: (400, "That was not understood"),
    BadForm: (403, "Nothing was stated"),
    NotAllowed: (403, "That may not be said"),
    NoSuchInstant: (404, "There is no such moment"),
    Unsayable: (404, "That is not there"),
    StoreError: (503, "The log cannot be read now"),
}


def make_app(console: Console) -> Starlette:
    """The console's pages and API for one meet."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(console.run)
            yield
            group.cancel_scope.cancel()

    settings = console.settings
    app = Starlette(
        routes=[
            *pages.ROUTES, *details.ROUTES, *correcting.ROUTES, *signing.ROUTES, *live.ROUTES,
            *board.ROUTES, *api.ROUTES, Route("/static/{name}", static),
        ],
        middleware=[Middleware(Guard, allow=settings.allow, names=settings.names)],
        exception_handlers=dict.fromkeys(_CODES, _explained) | {HTTPException: _not_found},
        lifespan=lifespan,
    )  # fmt: skip
    app.state.console = console
    app.state.environment = make_environment()
    app.state.kept = Kept()
    app.state.streams = 0
    return app


async def static(request: Request) -> Response:
    """A file that the pages need; it says nothing about the meet."""
    path = STATIC.get(request.path_params["name"])
    if path is None:
        return PlainTextResponse("There is no such file.\n", 404)
    return FileResponse(path, headers={"cache-control": "max-age=300"})


async def _explained(request: Request, error: Exception) -> Response:
    code, title = next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
    words = error.format_message() if isinstance(error, BadParameter) else str(error)
    return await _problem(request, code, title, words)


async def _not_found(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "There is no such page.", 405: "That is not how this page is asked."}
    answer = await _problem(request, code, "Not so", words.get(code, "That cannot be done."))
    if isinstance(error, HTTPException):
        answer.headers.update(error.headers or {})  # a 405 tells what is allowed
    return answer


async def _problem(request: Request, code: int, title: str, words: str) -> Response:
    if request.url.path.startswith(("/api/", "/live")):
        return JSONResponse({"problem": words}, code)
    if code == 503:
        return PlainTextResponse(f"{title}: {words}\n", code)  # a page would look into it too

    async def page(asked: Request) -> Response:
        # Without the moment that was asked for, which may be what there is none of.
        now = Request(dict(asked.scope) | {"query_string": b""}, asked.receive)
        return await show(now, "problem.html", more={"title": title, "problem": words}, status=code)

    return await reading(page)(request)
