"""The API: the answers as JSON, its own description, `/health` and `/metrics`."""

import json
from functools import lru_cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from meetlog import __version__
from meetlog.console import metrics as metrics_of
from meetlog.console.access import console_of, cookie_name, reading
from meetlog.console.answers import ANSWERS, AT, Answer, BadQuery
from meetlog.console.openapi import document
from meetlog.console.pages import show
from meetlog.opening import OpenMeet
from meetlog.output import Envelope


def _route(answer: Answer) -> Route:
    known = frozenset(parameter.name for parameter in (*answer.takes, AT))
    required = [parameter.name for parameter in answer.takes if parameter.required]

    async def handler(request: Request) -> Response:
        query = dict(request.query_params)
        unknown = ", ".join(sorted(query.keys() - known))
        if unknown:
            raise BadQuery(f"There is no parameter {unknown}. See /api.")
        missing = [name for name in required if not query.get(name)]
        if missing:
            raise BadQuery(f"Missing: {', '.join(missing)}.")

        def find(opened: OpenMeet) -> bytes:
            items = answer.find(opened, query)
            return body(answer.command, opened.meet.position, items)

        found = await console_of(request).looking(find, query.get("at", "").strip())
        return Response(found, media_type="application/json")

    return Route(f"/api/{answer.command}", reading(handler))


def body(command: str, position: int, items: Any) -> bytes:
    """The document that the command prints with `--json`; all ASCII, as that is."""
    told = msgspec.to_builtins(Envelope(__version__, command, position, items))
    return json.dumps(told, ensure_ascii=True, indent=2).encode() + b"\n"


@lru_cache(maxsize=8)
def _document(cookie: str) -> bytes:
    return msgspec.json.encode(document(cookie))


async def described(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(_document(cookie_name(request)), media_type="application/json")


async def description(request: Request) -> Response:
    """The same for people."""
    return await show(request, "api.html", more={"answers": ANSWERS, "at": AT})


async def health(request: Request) -> Response:
    """Whether everything is at work: 200, or 503 and in words what is not.

    Of somebody who may not read the meet, only the code counts.
    """
    console = console_of(request)
    snapshot = await console.fresh()
    well = snapshot.sign is None or snapshot.place.recording
    told: dict[str, Any] = {"state": "ok" if well else "the run gives no sign"}
    return JSONResponse(told, 200 if well else 503)


async def metrics(request: Request) -> Response:
    """The metrics for Prometheus."""
    console = console_of(request)
    snapshot = await console.fresh()
    found = metrics_of.metrics(snapshot, console.now())
    return Response(found, headers={"content-type": metrics_of.CONTENT_TYPE})


ROUTES = [
    Route("/api", reading(description)),
    Route("/api/openapi.json", reading(described)),
    *map(_route, ANSWERS),
    Route("/health", health),
    Route("/metrics", reading(metrics)),
]
