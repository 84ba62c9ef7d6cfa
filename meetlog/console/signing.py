"""Signing in and out."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from meetlog.console.access import (
    console_of,
    cookie_name,
    form_of,
    own_session,
    safe_next,
    sign_in,
    viewer_of,
)
from meetlog.console.pages import environment_of
from meetlog.console.sessions import LONGEST
from meetlog.refusals import NotAllowed
from wire.stamps import NS


async def ask(request: Request) -> Response:
    """The form to sign in by."""
    return _form(request, request.query_params.get("next", "/"))


async def begin(request: Request) -> Response:
    """Sign in."""
    form = await form_of(request)
    try:
        token = await sign_in(request, form)
    except NotAllowed as error:
        return _form(request, form.get("next", "/"), form.get("name", ""), str(error), 403)
    answer = RedirectResponse(safe_next(form.get("next", "/")), 303)
    answer.set_cookie(
        cookie_name(request),
        token,
        max_age=LONGEST // NS,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def end(request: Request) -> Response:
    """Sign out."""
    own_session(viewer_of(request), await form_of(request))
    console_of(request).sessions.end(request.cookies.get(cookie_name(request), ""))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="strict")
    return answer


def _form(
    request: Request, to: str, name: str = "", problem: str = "", status: int = 200
) -> Response:
    console, viewer = console_of(request), viewer_of(request)
    nobody = not console.snapshot.operators
    context = {
        "next": safe_next(to),
        "name": name or (console.login if viewer.here else ""),
        "problem": problem,
        "here": viewer.here,
        "open_house": nobody and viewer.here,
        "insecure": not viewer.here and request.url.scheme != "https",
        "board": console.settings.public_board,
    }
    page = environment_of(request).get_template("sign_in.html").render(context)
    return HTMLResponse(page, status)


ROUTES = [
    Route("/sign-in", ask, methods=["GET"]),
    Route("/sign-in", begin, methods=["POST"]),
    Route("/sign-out", end, methods=["POST"]),
]
