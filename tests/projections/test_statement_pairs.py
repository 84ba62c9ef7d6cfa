"""Two things said of one heat, lane or chip: in which cases it matters what was said first."""

from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any, get_args

import pytest

from tests.kit import sayings as say
from tests.kit.heats import swum
from tests.kit.meets import SWIM, Pool
from tests.kit.sayings import shown
from wire.statements import AnyStatement

Saying = Callable[[Pool], AnyStatement]
LAST = "of several the last said counts, as if the other had not been said"
AGAIN = "what was said before a re-swim was said of the swim before, and counts no more"
FALSE = "a heat whose start was false is to be swum, and closed no more"
ROUNDED = SWIM.replace("[meet]", '[meet]\nrounding = "up-second"')

KINDS: dict[str, Saying] = {
    "start": lambda _: say.start(0),
    "gun": lambda _: say.gun(-1_500),
    "recall": lambda _: say.recall(0),
    "re-swim": lambda _: say.re_swim(9),
    "close": lambda _: say.close(),
    "reopen": lambda _: say.reopen(),
    "dq": lambda _: say.dq(1),
    "no-show": lambda _: say.no_show(1),
    "dnf": lambda _: say.dnf(1),
    "reinstate": lambda _: say.reinstate(1),
    "set-time": lambda _: say.set_time(3_333, 1),
    "clear-time": lambda _: say.clear_time(1),
    "lane empty": lambda _: say.mark(True, 1),
    "lane taken": lambda _: say.mark(False, 1),
    "chip": lambda _: say.chip("101", "103"),
    "chip later": lambda _: say.chip("101", "102", 20_000),
    "void": lambda _: say.void("101"),
    "restore": lambda _: say.void("101", restore=True),
    "crossing": lambda _: say.crossing("101", 30_700),
    "shift": lambda _: say.shift("mat", 1_500, 1_000),
    "settings": lambda _: say.adopt(ROUNDED),
    "operator": lambda _: say.operator(),
    "acknowledge": lambda _: say.acknowledge("gun 17"),
    "withdraw": lambda pool: say.withdraw(pool.meet().state.stated[0].position),
}

# The pairs where the order matters, and why. All others commute.
IN_ORDER: dict[frozenset[str], str] = {
    frozenset(pair): why
    for why, pairs in {
        LAST: [
            ("start", "gun"),
            ("start", "recall"),
            ("gun", "recall"),
            ("close", "reopen"),
            ("dq", "no-show"),
            ("dq", "dnf"),
            ("dq", "reinstate"),
            ("no-show", "dnf"),
            ("no-show", "reinstate"),
            ("dnf", "reinstate"),
            ("set-time", "clear-time"),
            ("lane empty", "lane taken"),
            ("void", "restore"),
        ],
        AGAIN: [
            ("re-swim", "start"),
            ("re-swim", "gun"),
            ("re-swim", "close"),
            ("re-swim", "dq"),
            ("re-swim", "no-show"),
            ("re-swim", "dnf"),
            ("re-swim", "set-time"),
            ("re-swim", "lane empty"),
        ],
        "a chip that is somebody's from a moment on was another's before it; "
        "one that is somebody's for the whole meet is nobody else's": [("chip", "chip later")],
        FALSE: [("close", "recall")],
    }.items()
    for pair in pairs
}


def scene() -> Pool:
    """The heat swum, with what makes each of the kinds matter: said of other lanes, or of this."""
    pool = swum()
    pool.say(say.dq(2))
    return pool


@cache
def outcome(*names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """All that is shown after these were said: as it is, and as if said the other way round."""
    pool = scene()
    positions = [pool.say(KINDS[name](pool)) for name in names]
    meet = pool.meet()
    same = {p: p for p in range(1, pool.log.head().position + 1)}
    turned = same | dict(zip(positions, reversed(positions), strict=True))
    return shown(meet, same), shown(meet, turned)


@pytest.mark.parametrize(("one", "other"), list(combinations(KINDS, 2)))
def test_pairs(one: str, other: str) -> None:
    there, _ = outcome(one, other)
    back, turned = outcome(other, one)
    why = IN_ORDER.get(frozenset((one, other)))
    if why is None:
        assert there == turned
        return
    assert there["races"] != back["races"]
    if why is LAST:
        assert there["races"] == outcome(other)[0]["races"]
        assert back["races"] == outcome(one)[0]["races"]
    elif why in (AGAIN, FALSE):
        anew = "re-swim" if why is AGAIN else "recall"
        last = there if other == anew else back
        assert last["races"] == outcome(anew)[0]["races"]
    else:
        assert back["races"] == outcome("chip")[0]["races"]
        lanes = [there["races"][0]["lanes"][n] for n in (0, 1, 2)]
        # Until 20 s it is 103's, then 102's, who swims 30.00 by it.
        assert [lane["time_cs"] for lane in lanes] == [None, 3_000, 3_200]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_twice_counts_once(kind: str) -> None:
    once, twice = outcome(kind)[0], outcome(kind, kind)[1]
    if kind == "shift":
        assert once["races"] != twice["races"], "shifts add up"
    else:
        assert once["races"] == twice["races"]


# These take back what nobody said in the scene; with their opposites above they matter.
TAKING_BACK = ("acknowledge", "reopen", "reinstate", "lane taken", "restore", "operator")


@pytest.mark.parametrize("kind", KINDS)
def test_each_of_them_alone_is_seen(kind: str) -> None:
    """Or else that it commutes would say nothing."""
    assert (outcome(kind)[0] == shown(scene().meet())) == (kind in TAKING_BACK)


def test_all_kinds_of_statements_are_here() -> None:
    assert {type(saying(scene())) for saying in KINDS.values()} == set(get_args(AnyStatement))
