"""Access: who asks, what they may see and say, and how they sign in and out.

On this computer everybody may read. From elsewhere one reads after a sign-in
by secret, or sees the public board. Saying something always takes a sign-in;
while nobody is registered, anybody at this computer may sign in by a name, as
at the command line.
"""

from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

import anyio.to_thread
from filelock import FileLock
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from meetlog.authors import Author, identify
from meetlog.commands.saying import ONE_AT_A_TIME
from meetlog.console.guard import client_of, is_loopback
from meetlog.console.sessions import TRIES_AT_ONCE, Session, is_own, seconds
from meetlog.console.state import Console
from meetlog.refusals import NotAllowed
from projections.operators import operators
from store.sqlite import SqliteLog

CHANNEL = "console"
MOST_FIELDS = 60
Handler = Callable[[Request], Awaitable[Response]]


class Viewer(NamedTuple):
    """Who asks: from which address, whether at this computer, and as whom they have signed in."""

    address: str
    here: bool
    session: Session | None

    @property
    def may_read(self) -> bool:
        """Whether the meet is shown to them, and not the board only."""
        return self.here or self.session is not None

    @property
    def may_speak(self) -> bool:
        """Whether there is anything that they may state."""
        return self.session is not None and self.session.role != "viewer"


def console_of(request: Request) -> Console:
    """What all requests share."""
    found: Console = request.app.state.console
    return found


def viewer_of(request: Request) -> Viewer:
    """Who asks."""
    console = console_of(request)
    address = client_of(request.scope)
    token = request.cookies.get(cookie_name(request), "")
    session = None
    if token:
        known = console.snapshot.operators
        session = console.sessions.find(token, address, known, console.steady())
    return Viewer(address, is_loopback(address), session)


def cookie_name(request: Request) -> str:
    """The cookie's name. Browsers keep cookies apart by host, not by port, so the port is in it."""
    port = (request.scope.get("server") or ("", 0))[1]
    prefix = "__Host-" if request.url.scheme == "https" else ""
    return f"{prefix}meetlog-{port}"


def reading(handler: Handler) -> Handler:
    """The handler, for those who may read the meet; others are sent to sign in."""

    async def guarded(request: Request) -> Response:
        await console_of(request).fresh()  # whoever was removed a moment ago is signed out
        viewer = viewer_of(request)
        if not viewer.may_read:
            if request.url.path.startswith(("/api/", "/metrics", "/live")):
                return JSONResponse({"problem": "Sign in first."}, 401)
            return to_sign_in(request)
        request.state.viewer = viewer
        return await handler(request)

    return guarded


def to_sign_in(request: Request) -> Response:
    """Off to the sign-in, and back here afterwards."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(back, safe='')}", 303)


class BadForm(Exception):  # noqa: N818 - named for what it is
    """A form that no page of ours made. The message says why."""


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form. Raises `BadForm` for a body that is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind != "application/x-www-form-urlencoded":
        raise BadForm("Only forms of this page are taken.")
    try:
        body = (await request.body()).decode("utf-8")
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise BadForm("The form cannot be read.") from error
    return dict(pairs)


def own_session(viewer: Viewer, form: dict[str, str]) -> Session:
    """The session that a form was sent in. Raises `BadForm` where it is not one of its own."""
    if viewer.session is None or not is_own(viewer.session, form.get("csrf", "")):
        raise BadForm("You have been signed out since. Sign in again; nothing was stated.")
    return viewer.session


def safe_next(path: str) -> str:
    """Where to go after signing in: a page of ours, whatever was asked for."""
    plain = path.isprintable() and not any(c in path for c in "\\ ")
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


async def sign_in(request: Request, form: dict[str, str]) -> str:
    """Prove who it is and begin a session; its token. Raises `NotAllowed`."""
    console, viewer = console_of(request), viewer_of(request)
    wait = console.tries.wait(viewer.address, console.steady())
    if wait:
        raise NotAllowed(f"Too many tries. Try again in {seconds(wait)} s.")
    if console.proving.borrowed_tokens >= TRIES_AT_ONCE:
        raise NotAllowed("Others are signing in just now. Try again in some seconds.")
    name, secret = form.get("name", "").strip(), form.get("secret", "")
    author = await anyio.to_thread.run_sync(
        _identify, console, viewer, name, secret, limiter=console.proving
    )
    snapshot = await console.fresh()
    return console.sessions.begin(
        author, viewer.address, snapshot.operators.get(author.name), console.steady()
    )


def _identify(console: Console, viewer: Viewer, name: str, secret: str) -> Author:
    # Only the log is asked for who is registered, never an older snapshot. Others may look at the
    # meet while the secret is tried, which takes its time.
    with console.lookout.looking() as opened:
        path, meet = opened.place.log, opened.meet
    if not viewer.here and not operators(meet.rulings().in_force):
        raise NotAllowed(
            "Nobody is registered, so only somebody at the computer itself may sign in. There, "
            "register a referee with a secret: meetlog operator add NAME --role referee --secret."
        )
    if not viewer.here and not name:
        raise NotAllowed("Say who you are.")
    with closing(SqliteLog(path, guest=True)) as log:
        return identify(
            log,
            meet,
            login=console.login if viewer.here else "",
            name=name,
            channel=CHANNEL,
            ask=lambda _: secret,
            now=console.now,
            one_at_a_time=FileLock(path.with_name(path.name + ONE_AT_A_TIME)),
        )
