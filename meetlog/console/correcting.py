"""Correcting: statements made by form. First what it would do is shown, then it is stated.

What is stated goes the way of every statement (`meetlog.stating`): checked
for sense, author and role, refused where what it is about has changed since
the position that its author had looked at.
"""

from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from typer import BadParameter

from meetlog.checks import check_author, check_sense
from meetlog.commands.measuring import write_settings
from meetlog.commands.saying import Speaker
from meetlog.console import forms
from meetlog.console.access import (
    CHANNEL,
    console_of,
    form_of,
    own_session,
    to_sign_in,
    viewer_of,
)
from meetlog.console.pages import show
from meetlog.console.sessions import Session
from meetlog.console.state import Console
from meetlog.exits import Refused
from meetlog.opening import OpenMeet
from meetlog.refusals import NotAllowed, Stale, StatementRefused, Unsayable
from meetlog.show_changes import cells_of
from meetlog.stating import Proposal, folding_ahead, make, propose, refuse_stale
from meetlog.subjects import Subject, subject_of
from meetlog.testimony import said_at
from projections.clock import iso_local
from store.log import StoreUnavailable
from store.sqlite import SqliteLog
from wire.errors import WireError
from wire.statements import AdoptSettings, AnyStatement

KINDS = forms.kinds()
_STATUS = {Stale: 409, NotAllowed: 403}


class Said(NamedTuple):
    """A statement, what it would do or did, where it stands (0 while it is only tried), and what
    else is to be told."""

    statement: AnyStatement
    proposal: Proposal
    subject: Subject
    position: int = 0
    notes: tuple[str, ...] = ()


async def menu(request: Request) -> Response:
    """All kinds of statements; of a race or a lane, those about one."""
    await console_of(request).fresh()
    viewer = viewer_of(request)
    if viewer.session is None:
        return to_sign_in(request)
    query = request.query_params
    race, lane = query.get("race", ""), query.get("lane", "")
    shown = [
        kind for kind in KINDS.values() if (not lane or kind.of_lane) and (not race or kind.of_race)
    ]
    panels: dict[str, list[forms.Kind]] = {}
    for kind in shown:
        panels.setdefault(kind.panel, []).append(kind)
    more = {"panels": panels, "race": race, "lane": lane, "seen": query.get("seen", "")}
    return await show(request, "say.html", more=more)


async def form(request: Request) -> Response:
    """The form of one kind of statement, begun with what the address says."""
    kind = KINDS.get(request.path_params["verb"])
    await console_of(request).fresh()
    viewer = viewer_of(request)
    if kind is None:
        raise Unsayable("There is no such statement.")
    if viewer.session is None:
        return to_sign_in(request)
    return await _form(request, kind, dict(request.query_params))


async def _form(
    request: Request,
    kind: forms.Kind,
    given: dict[str, str],
    *,
    problem: str = "",
    status: int = 200,
    changed: tuple[tuple[str, str, str], ...] = (),
) -> Response:
    console = console_of(request)
    snapshot = await console.fresh()
    if kind.name == forms.ADOPT and "toml" not in given:
        given = given | {"toml": await console.looking(_settings_text)}
    given = {k: v for k, v in given.items() if k not in ("secret", "again")}
    newest = str(snapshot.place.position)
    more = {
        "kind": kind, "given": given, "problem": problem, "changed": changed, "tried": None,
        "seen": given.get("seen") or newest, "newest": newest,
        "reason_needed": kind.name not in forms.NO_REASON, "at_once": kind.name in forms.AT_ONCE,
    }  # fmt: skip
    return await show(request, "form.html", more=more, status=status)


async def say(request: Request) -> Response:
    """Try a statement, and show what it would do; or state it."""
    kind = KINDS.get(request.path_params["verb"])
    if kind is None:
        raise Unsayable("There is no such statement.")
    given = await form_of(request)
    console = console_of(request)
    await console.fresh()  # so that whoever was removed a moment ago is signed out
    session = own_session(viewer_of(request), given)
    now = console.now()
    step = "say" if kind.name in forms.AT_ONCE else given.get("step", "try")
    try:
        if kind.name not in forms.NO_REASON and not given.get("reason", "").strip():
            raise Unsayable("Say why, in a few words: it stands in the history for good.")
        given = _fixed(given, console.zone, now)
        said = await anyio.to_thread.run_sync(
            partial(_speak, console, session, kind, given, now=now, stated=step == "say")
        )
    except Stale as error:
        return await _form(
            request, kind, given, problem=str(error), status=409, changed=error.changed
        )
    except (StatementRefused, Refused, BadParameter, WireError) as error:
        status = _STATUS.get(type(error), 422)
        return await _form(request, kind, given, problem=_words(error), status=status)
    except StoreUnavailable as error:
        told = f"Nothing was stated: {error}"
        return await _form(request, kind, given, problem=told, status=503)
    if said.position:
        await console.fresh()
        return RedirectResponse(f"/said/{said.position}", 303)
    more = {
        "kind": kind, "given": given, "said": said, "rows": cells_of(said.proposal.races),
        "seen": str(said.statement.seen),
    }  # fmt: skip
    return await show(request, "tried.html", more=more)


async def told(request: Request) -> Response:
    """What was stated, and how to take it back."""
    viewer = viewer_of(request)
    if not viewer.may_read:
        return to_sign_in(request)
    position = int(request.path_params["position"])
    found = await console_of(request).looking(lambda opened: _told(opened, position))
    return await show(request, "said.html", more=found)


def _told(opened: OpenMeet, position: int) -> dict[str, Any]:
    said = said_at(opened.meet, position)
    if said is None:
        raise Unsayable(f"Event {position} is no statement.")
    return {"said": said}


def _fixed(given: dict[str, str], zone: str, now: int) -> dict[str, str]:
    """The form with `now` as the instant at which it was sent: that is what was meant by it."""
    told = iso_local(now, zone)
    return {k: told if v.strip().casefold() == "now" else v for k, v in given.items()}


def _speak(
    console: Console,
    session: Session,
    kind: forms.Kind,
    given: dict[str, str],
    *,
    now: int,
    stated: bool,
) -> Said:
    with console.lookout.speaking() as opened:
        seen = given.get("seen", "")
        common = {
            "author": session.name, "channel": CHANNEL, "at": now, "login": session.login,
            "seen": int(seen) if seen.isascii() and seen.isdigit() else opened.meet.position,
            "reason": given.get("reason", "").strip(), "proof": session.proof,
        }  # fmt: skip
        alarms = console.snapshot.alarms
        said = forms.build(kind, Speaker(opened, common, now), given, alarms)
        check_author(opened.meet, said)
        check_sense(opened.meet, said)
        if not stated:
            subject = refuse_stale(opened.log, opened.meet, said)
            proposal = propose(opened.meet, said, folding_ahead(opened.log))
            return Said(said, proposal, subject)
        with closing(SqliteLog(opened.place.log, guest=True)) as log:
            made = make(log, opened.meet, said, effects=False)
        notes = []
        if isinstance(said, AdoptSettings):
            notes = write_settings(opened.place, said)
        subject = subject_of(opened.meet, said)
        return Said(said, made.proposal, subject, made.position, tuple(notes))


def _settings_text(opened: OpenMeet) -> str:
    path = opened.place.settings_path
    return "" if path is None else path.read_text(encoding="utf-8-sig")


def _words(error: Exception) -> str:
    return error.format_message() if isinstance(error, BadParameter) else str(error)


ROUTES = [
    Route("/say", menu),
    Route("/say/{verb}", form, methods=["GET"]),
    Route("/say/{verb}", say, methods=["POST"]),
    Route("/said/{position:int}", told),
]
