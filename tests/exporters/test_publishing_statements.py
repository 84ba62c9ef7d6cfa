"""What somebody says of a published race is a revision of theirs, and so is taking it back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.decisions import documents_of
from projections.folding import fold, follow
from store.event import Event, meta_of
from tests.exporters.stand import Stand, heat, program
from tests.kit import sayings as say
from wire.statements import AnyStatement
from wire.timedrops import LaneEntry, ResultFile, ResultLane, encode_result, result_name

TOML = """\
[meet]
zone = "Europe/Berlin"
[[point]]
name = "Turn"
[[point]]
name = "Finish"
[[course]]
legs = [{ point = "Turn", distance = 25 }, { point = "Finish", distance = 50 }]
"""
PROGRAM = program(
    heat("1", 1, 1, LaneEntry(1, ("101",)), LaneEntry(2, ("102",)), LaneEntry(3)),
    heat("1", 2, 2, LaneEntry(1, ("103",)), LaneEntry(2, ("104",))),
)


class Followed(Stand):
    """A stand whose settings are in its log, folded as `run` folds them."""

    def begin(self) -> None:
        if not self.log.head().position:
            self.file("meet.toml", TOML.encode(), "settings")
        super().begin()

    def fold(self) -> None:
        while self.meet.position < self.log.head().position or self.meet.stale:
            self.meet = follow(self.meet, self.log)
        self.meet.settle()


def swum() -> Followed:
    """The first heat swum and published as revision 1: 30.12 and 31.45."""
    stand = Followed()
    stand.load(PROGRAM)
    stand.swim()
    stand.quiet()
    assert revisions(stand) == [1]
    return stand


def newest(stand: Stand) -> Event:
    return stand.decisions()[-1]


def revisions(stand: Stand) -> list[int]:
    return [int(meta_of(event)["revision"]) for event in stand.decisions()]


def document(stand: Stand) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(newest(stand).body)
    return found


def says(stand: Stand, statement: AnyStatement) -> int:
    position = stand.say(statement)
    stand.quiet()
    return position


SAYINGS: list[AnyStatement] = [
    say.said(type(each), **{**{f: getattr(each, f) for f in each.__struct_fields__},
                            "author": "Bo", "reason": "the referee said so"})
    for each in (
        say.gun(-1_500), say.dq(1), say.no_show(2), say.dnf(2), say.set_time(3_333, 2),
        say.clear_time(2), say.mark(True, 1), say.chip("101", "102"), say.chip("102", "", 20_000),
        say.void("102"), say.void("101", point="Turn"), say.crossing("102", 32_000),
        say.shift("mat", -700, 20_000),
        say.adopt(TOML.replace("[meet]", '[meet]\nrounding = "up-second"')),
        say.adopt(TOML.replace("Berlin", "Lisbon")),
    )
]  # fmt: skip


@pytest.mark.parametrize("statement", SAYINGS, ids=lambda s: type(s).__name__)
def test_a_statement_is_a_revision_and_its_withdrawal_another(statement: AnyStatement) -> None:
    stand = swum()
    before = newest(stand).body
    position = says(stand, statement)
    assert revisions(stand) == [1, 2]
    told = meta_of(newest(stand))
    assert (told["author"], told["reason"]) == ("Bo", "the referee said so")
    assert told["cause"] == f"statement at {position}"
    assert newest(stand).body != before
    gone = says(stand, say.withdraw(position))
    assert revisions(stand) == [1, 2, 3]
    told = meta_of(newest(stand))
    assert (told["author"], told["reason"], told["cause"]) == (
        "Ada",
        "seen",
        f"statement at {gone}",
    )
    assert newest(stand).body == before
    assert stand.results() == stand.decided()
    says(stand, say.withdraw(gone))
    assert revisions(stand) == [1, 2, 3, 4]
    assert stand.decisions()[3].body == stand.decisions()[1].body


def test_what_changes_no_document_is_no_revision() -> None:
    stand = swum()
    for each in (say.close(), say.reopen(), say.reinstate(1), say.mark(False, 1), say.operator(),
                 say.void("555"), say.chip("555", "104"), say.start(900_000, heat=2)):  # fmt: skip
        says(stand, each)
    assert revisions(stand) == [1]


def test_said_and_withdrawn_at_once_is_none_either() -> None:
    stand = swum()
    stand.say(say.withdraw(stand.say(say.dq(1))))
    stand.quiet()
    assert revisions(stand) == [1]


def test_a_late_read_beside_it_is_named_too() -> None:
    stand = swum()
    stand.finish("101", 30.05)
    said = stand.say(say.dq(2))
    stand.quiet()
    assert meta_of(newest(stand))["cause"].startswith(f"statement at {said}, reads at ")
    assert meta_of(newest(stand))["author"] == "Ada"
    stand.finish("101", 30.02)
    gone = stand.say(say.withdraw(said))
    stand.quiet()
    assert meta_of(newest(stand))["cause"].startswith(f"statement at {gone}, reads at ")


def test_a_heat_swum_again_is_published_under_its_new_number() -> None:
    stand = swum()
    first = newest(stand).body
    said = says(stand, say.re_swim(9))
    assert revisions(stand) == [1]
    assert stand.alarms() == ["withdrawn RaceKey(session='67', event='1', heat=1)"]
    stand.say(say.start(600_000))
    for chip, at in (("101", 629), ("102", 630)):
        stand.turn(chip, at - 15)
        stand.finish(chip, at)
    stand.quiet()
    assert revisions(stand) == [1, 2]
    assert meta_of(newest(stand))["name"] == "Session67_Event_1_Heat1_Race9_2.json"
    assert [lane["finalTime"] for lane in document(stand)["lanes"]] == [2900, 3000, None]
    assert stand.alarms() == []
    says(stand, say.withdraw(said))
    # The start by hand still holds for the heat; without it the first swim is in force again.
    start = next(s.position for s in stand.meet.state.stated if s.position > said)
    says(stand, say.withdraw(start))
    assert newest(stand).body == first
    assert revisions(stand) == [1, 2, 3, 4]
    assert meta_of(newest(stand))["name"] == "Session67_Event_1_Heat1_Race1_4.json"


def test_a_re_swim_withdrawn_before_it_was_swum_leaves_what_is_published() -> None:
    stand = swum()
    says(stand, say.withdraw(says(stand, say.re_swim(9))))
    assert revisions(stand) == [1]
    assert stand.alarms() == []


# -- a console's race --------------------------------------------------------

CONSOLE = ResultFile(
    "67", "1", 1, 4, 1, "2026-06-14T09:02:00.000+02:00", "2026-06-14T09:00:00.500+02:00",
    lanes=(
        ResultLane(1, 3000, 3000, (3010, 2990, None)),
        ResultLane(2, 3100),
        ResultLane(3, None, timers_cs=(3200, None, None)),
    ),
)  # fmt: skip


def console(stand: Stand, revision: int, first: int = 3000) -> None:
    lanes = (ResultLane(1, first, first, (3010, 2990, None)), *CONSOLE.lanes[1:])
    file = ResultFile(
        "67", "1", 1, 4, 1, CONSOLE.created_at, CONSOLE.start_at, lanes=lanes
    )  # fmt: skip
    body = encode_result(file)
    name = result_name("67", "1", 1, 4, revision)
    stand.folder.files[name] = body
    stand.file(name, body)
    stand.quiet()


def told() -> Followed:
    stand = Followed()
    stand.load(PROGRAM)
    console(stand, 1)
    assert stand.decisions() == []
    return stand


def test_a_consoles_race_is_corrected_under_the_next_number_and_taken_back() -> None:
    stand = told()
    said = says(stand, say.dq(2))
    assert revisions(stand) == [2]
    assert meta_of(newest(stand))["name"] == "Session67_Event_1_Heat1_Race4_2.json"
    assert meta_of(newest(stand))["author"] == "Ada"
    before = json.loads(encode_result(CONSOLE))
    now = document(stand)
    assert now["lanes"][1].pop("isDq")
    assert not before["lanes"][1].pop("isDq")
    assert now == before, "all else is as the console wrote it"
    gone = says(stand, say.withdraw(said))
    assert revisions(stand) == [2, 3]
    assert newest(stand).body == encode_result(CONSOLE)
    assert meta_of(newest(stand))["cause"] == f"statement at {gone}"
    for _ in range(2):
        stand.quiet()
    assert revisions(stand) == [2, 3]


def test_a_newer_revision_of_the_console_is_the_new_base() -> None:
    stand = told()
    said = says(stand, say.dq(2))
    console(stand, 3, first=2900)
    assert revisions(stand) == [2, 4]
    lanes = document(stand)["lanes"]
    assert [(lane["finalTime"], lane["isDq"]) for lane in lanes[:2]] == [
        (2900, False),
        (3100, True),
    ]
    says(stand, say.withdraw(said))
    assert revisions(stand) == [2, 4, 5]
    console(stand, 6, first=2800)  # above ours: it stands by itself
    assert revisions(stand) == [2, 4, 5]


def test_a_consoles_next_number_below_ours_is_published_by_us() -> None:
    stand = told()
    says(stand, say.withdraw(says(stand, say.dq(2))))
    says(stand, say.withdraw(says(stand, say.dq(1))))
    assert revisions(stand) == [2, 3, 4, 5]
    stand.say(say.set_time(3_333, 3))
    stand.quiet()
    lane = document(stand)["lanes"][2]
    assert (lane["finalTime"], lane["timer1"]) == (3333, None), "a reader would compute another"


# -- anything in any order ---------------------------------------------------

_each = st.one_of(
    st.sampled_from(SAYINGS),
    st.sampled_from(
        [say.close(), say.reopen(), say.reinstate(1), say.re_swim(9), say.start(600_000)]
    ),
)


@given(st.lists(_each, max_size=6), st.booleans(), st.data())
@settings(max_examples=40, deadline=None)
def test_when_all_is_withdrawn_the_first_document_is_the_last(
    spoken: list[AnyStatement], by_console: bool, data: st.DataObject
) -> None:
    stand = told() if by_console else swum()
    first = encode_result(CONSOLE) if by_console else newest(stand).body
    positions = []
    for each in spoken:
        positions.append(stand.say(each))
        if data.draw(st.booleans()):
            stand.quiet()
    for position in data.draw(st.permutations(positions)):
        stand.say(say.withdraw(position))
        if data.draw(st.booleans()):
            stand.quiet()
    for _ in range(2):
        stand.quiet()
    assert stand.results().items() >= stand.decided().items()
    if stand.decisions():
        assert newest(stand).body == first
    # What is published last is what the log now says.
    meet = fold(stand.log)
    meet.settle()
    race = meet.races()[0]
    for file in documents_of(meet, race):
        assert encode_result(file) == first
    assert len(set(revisions(stand))) == len(revisions(stand))
