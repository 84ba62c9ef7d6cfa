"""The guard: what every request must pass before any page sees it, and what every answer carries.

Whoever reaches the port is not trusted: not the address they call, not the
name they call it by, not how much they send. A browser that was lured here
by another site is the one to think of, for it sits on this very computer.
"""

import ipaddress
import math
import socket
from collections.abc import Iterable, Mapping
from typing import Any

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 256 * 1024  # bytes: a meet.toml to be adopted; everything else is some hundred
BODY_SECONDS = 15  # in which a body must have come
SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = SAFE_METHODS | {"POST"}
# Each of these tells that somebody stands between: then nobody is "on this computer".
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What every answer carries unless its page says otherwise.
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}


class TooLarge(Exception):  # noqa: N818 - named for what the body is
    """A body is larger than `MOST_BODY`."""


class Guard:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, allow: Iterable[str], names: Iterable[str]) -> None:
        """`allow`: networks that may connect, all when empty; `names`: hosts one may call us."""
        self._app = app
        self._allow = [ipaddress.ip_network(each, strict=False) for each in allow]
        self._names = frozenset(own_names()) | {name.casefold() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        answer = self._refusal(scope)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
            return
        try:
            await self._app(scope, _bounded(receive), _with_headers(send))
        except TooLarge:
            told = f"A body may have {MOST_BODY} bytes at most.\n"
            await PlainTextResponse(told, 413)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if not self._may_connect(client_of(scope)):
            return PlainTextResponse("This address may not connect.\n", 403)
        host = headers.get("host", "")
        if not self._is_ours(host):
            # A foreign name that was made to lead here (DNS rebinding) would be one origin with us.
            told = (
                "This console is not known by that name. Name it in meet.toml: [console] names.\n"
            )
            return PlainTextResponse(told, 421)
        if scope["method"] not in METHODS:
            allow = {"allow": ", ".join(_allowed(scope))}
            return PlainTextResponse("Not a method of this page.\n", 405, allow)
        if scope["method"] not in SAFE_METHODS and not same_origin(scope):
            return PlainTextResponse("That form is on another site; nothing was done.\n", 403)
        length = headers.get("content-length", "0")
        if (
            not (length.isascii() and length.isdigit())
            or len(length) > 9
            or int(length) > MOST_BODY
        ):
            return PlainTextResponse(f"A body may have {MOST_BODY} bytes at most.\n", 413)
        return None

    def _may_connect(self, address: str) -> bool:
        if not self._allow or is_loopback(address):
            return True
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._allow)

    def _is_ours(self, host: str) -> bool:
        name = _name_of(host)
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True  # an address cannot be made to lead elsewhere


def own_names() -> set[str]:
    """The names by which this computer is called."""
    own = socket.gethostname().casefold()
    return {"localhost", own, f"{own.partition('.')[0]}.local"}


def client_of(scope: Scope) -> str:
    """The address of who asks; "" where it is not known, or where somebody stands between."""
    headers = Headers(scope=scope)
    if any(name in headers for name in _FORWARDED):
        return ""
    client = scope.get("client")
    return str(client[0]) if client else ""


def is_loopback(address: str) -> bool:
    """Whether it is this computer."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def same_origin(scope: Scope) -> bool:
    """Whether a request that may change something was made by a page of ours."""
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    return origin == f"{scope['scheme']}://{headers.get('host', '')}"


def _name_of(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0].casefold() + "]"
    return host.partition(":")[0].casefold().rstrip(".")


def _allowed(scope: Scope) -> list[str]:
    """The methods by which what is asked for may be asked."""
    found: set[str] = set()
    for route in scope["app"].routes:
        if route.matches(scope)[0] is not Match.NONE:
            found |= route.methods
    return sorted(found)


def _bounded(receive: Receive) -> Receive:
    """`receive` that raises `TooLarge`, and ends a body that does not come."""
    taken = 0
    complete = False
    deadline = math.inf

    async def bounded() -> Message:
        nonlocal taken, complete, deadline
        if complete:
            return await receive()
        # For all of it together: a body that comes a byte at a time comes too.
        deadline = min(deadline, anyio.current_time() + BODY_SECONDS)
        with anyio.CancelScope(deadline=deadline):
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BODY:
                raise TooLarge
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            return message
        complete = True
        return {"type": "http.disconnect"}

    return bounded


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
