"""Authors: who speaks, and how that is known. A secret that fails is recorded, and slows the next.

Failures are counted in the log itself, so that every process and channel
counts the same ones and a restart forgets none.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec

from ingest.statements import OPERATOR
from meetlog.checks import unregistered
from meetlog.refusals import NotAllowed
from meetlog.secrets import matches
from projections.meet import Meet
from projections.operators import operators
from store.event import STATEMENT, STATEMENT_REFUSED, Draft, Event, meta_of, pack_meta
from store.log import Log
from wire.errors import WireError
from wire.stamps import NS
from wire.statements import Proof, decode

FREE_FAILURES = 2  # slips of the finger; from the next one on there is a wait
LONGEST_WAIT = 60 * NS  # so that nobody can lock a referee out of a meet by guessing
_PAGE = 1000


class Author(msgspec.Struct, frozen=True):
    """Who speaks: the name, how it was proven, and the login of the computer."""

    name: str
    proof: Proof
    login: str


def identify(
    log: Log,
    meet: Meet,
    *,
    login: str,
    name: str,
    channel: str,
    ask: Callable[[str], str],
    now: Callable[[], int],
    one_at_a_time: AbstractContextManager[object],
) -> Author:
    """The author `name`, or the login where it is "".

    While nobody is registered, the name is taken as it is. Else it must be an
    operator's: one with a secret is asked for it by `ask(name)`, one without
    speaks from their own login only. `now` is ns since the epoch; within
    `one_at_a_time`, which all processes share, only one secret is tried at
    once. Raises `NotAllowed`; a secret that failed is in the log by then.
    """
    who = name or login
    registered = operators(meet.rulings().in_force)
    if not registered:
        return Author(who, "login", login)
    known = registered.get(who)
    if known is None:
        raise NotAllowed(unregistered(who, registered))
    if not known.secret:
        if known.name != login:
            raise NotAllowed(
                f"{who} is registered without a secret and speaks from the login {who} only; "
                f"this is {login}. A referee can give {who} one: meetlog operator add {who} "
                f"--role {known.role} --secret."
            )
        return Author(who, "login", login)
    _refuse_haste(log, who, now())
    secret = ask(who)
    with one_at_a_time:
        _refuse_haste(log, who, now())
        if matches(secret, known.secret):
            return Author(who, "secret", login)
        meta = pack_meta(actor=who, channel=channel, login=login, why="wrong secret", at=now())
        log.append([Draft(OPERATOR, STATEMENT_REFUSED, meta)])
        failures, _ = failed(log, who)
    wait = wait_after(failures)
    told = f" Wait {wait // NS} s before the next try." if wait else ""
    raise NotAllowed(
        f"That is not the secret of {who}. The failed try is recorded; nothing was stated.{told}"
    )


def wait_after(failures: int) -> int:
    """How long (ns) to wait after so many failures in a row: 2 s, doubling, a minute at most."""
    beyond = failures - FREE_FAILURES
    return 0 if beyond <= 0 else min(LONGEST_WAIT, NS << min(beyond, 16))


def failed(log: Log, name: str) -> tuple[int, int]:
    """How many secrets of `name` failed since one was right, and when (ns) the last did; 0, 0."""
    count = last = 0
    for event in _events(log):
        if event.kind == STATEMENT:
            if _proved(event, name):
                count = last = 0
        elif meta_of(event).get("actor") == name:
            # Not `recorded_at`, which waits for a clock that was set back.
            count, last = count + 1, int(meta_of(event).get("at", event.recorded_at))
    return count, last


def _refuse_haste(log: Log, name: str, now: int) -> None:
    failures, last = failed(log, name)
    wait = wait_after(failures)
    left = last + wait - now
    # More than the longest wait is left only where the clock was set back since.
    if 0 < left <= LONGEST_WAIT:
        raise NotAllowed(
            f"{failures} wrong secrets were given for {name}. "
            f"Try again in {-(-left // NS)} s; nothing was stated."
        )


def _proved(event: Event, name: str) -> bool:
    if meta_of(event).get("actor") != name:
        return False
    try:
        return decode(event.body).proof == "secret"
    except WireError:
        return False


def _events(log: Log) -> list[Event]:
    found: list[Event] = []
    after = 0
    while page := log.read(after, _PAGE, kinds=(STATEMENT, STATEMENT_REFUSED)):
        after = page[-1].position
        found += page
    return found
