"""Programs that contradict themselves are read past and named; what is no program is refused."""

import pytest

from tests.kit.program_documents import Json, lane, meet, race, read, session
from wire.errors import WireError
from wire.timedrops import (
    Heat,
    LaneEntry,
    Swimmer,
    Team,
)
from wire.timedrops_values import MAX_WARNING, MAX_WARNINGS


@pytest.mark.parametrize(
    ("found", "kept", "warning"),
    [
        ([True, False], ["a"], ""),
        ([False, False], [], "no session is marked current"),
        ([True, True], ["a"], "sessions a, b are all marked current; a is used"),
        ([None, True], ["b"], ""),
        ([False], [], ""),
    ],
)
def test_one_session_is_current(found: list[bool], kept: list[str], warning: str) -> None:
    sessions = [session(i, sessionIsCurrent=c) for i, c in zip("ab", found, strict=False)]
    program = read(meet(*sessions))
    assert [s.id for s in program.sessions if s.current] == kept
    assert [warning in w for w in program.warnings] == [True] * bool(warning)


WHERE = "session 1, event 9, heat 1"


@pytest.mark.parametrize(
    ("races", "kept", "warning"),
    [
        (
            [race("9", 1, 1, lane(3, "1"), lane(3, "2"))],
            [Heat("9", 1, 1, (LaneEntry(3, ("1",)),), "F", 1)],
            f"{WHERE}, lane 3: given twice; the first is used",
        ),
        (
            [race("9", 1, 1, lane(3, None, isEmpty=True), lane(3, "2"))],
            [Heat("9", 1, 1, (LaneEntry(3, ("2",)),), "F", 1)],
            "",
        ),
        (
            [race("9", 1, 1, lane(3, "1"), lane(4, 1))],
            [Heat("9", 1, 1, (LaneEntry(3, ("1",)), LaneEntry(4, ("1",))), "F", 1)],
            f"{WHERE}: swimmer 1 is in lanes 3 and 4",
        ),
        (
            [race("9", 1, 1, lane(3, "404"))],
            [Heat("9", 1, 1, (LaneEntry(3, ("404",)),), "F", 1)],
            f"{WHERE}, lane 3: swimmer 404 is not in meetSwimmers",
        ),
        (
            [race("9", 1, 1, lane(3, "1", isEmpty=True, laneTeamId="7"))],
            [Heat("9", 1, 1, (LaneEntry(3),), "F", 1)],
            f"{WHERE}, lane 3: marked empty though it names 1; it is empty",
        ),
        (
            [race("9", 1, 1, lane(-1, "1"), lane(2, "2"))],
            [Heat("9", 1, 1, (LaneEntry(2, ("2",)),), "F", 1)],
            f"{WHERE}: an entry with lane number -1 is left out",
        ),
        (
            [race("9", 1, 1, lane(None, "1"), lane(1.5, "1"), lane(True, "1"))],
            [Heat("9", 1, 1, (), "F", 1)],
            f"{WHERE}: an entry with no lane number is left out",
        ),
        (
            [race("9", 1, 1, lane(1000, "1"))],
            [Heat("9", 1, 1, (), "F", 1)],
            f"{WHERE}: an entry with lane number 1000 is left out",
        ),
        (
            [race("9", 1, 1, lane(1, "1")), race(9, "1", 2, lane(2, "2"))],
            [Heat("9", 1, 1, (LaneEntry(1, ("1",)),), "F", 1)],
            f"{WHERE}: given twice; the first is used",
        ),
        (
            [race("9", 1, 5), race("9", 2, 5)],
            [Heat("9", 1, 5, (), "F", 1), Heat("9", 2, 5, (), "F", 1)],
            "session 1, event 9, heat 2: its race number 5 is that of event 9, heat 1 too",
        ),
        (
            [race("9", 2, 5), race("9", 1, 4)],
            [Heat("9", 2, 5, (), "F", 1), Heat("9", 1, 4, (), "F", 1)],
            f"{WHERE}: race number 4 comes after 5",
        ),
        (
            [race("9", 1, None)],
            [Heat("9", 1, 1, (), "F", 1)],
            f"{WHERE}: it has no race number; its place 1 is used",
        ),
        (
            [race("9", None, 1), race("9", -1, 2), race("9", 3, 3)],
            [Heat("9", 3, 3, (), "F", 1)],
            "session 1, heat in place 1: it has no heat number and is left out",
        ),
        (
            [race(None, 1, 1), race("9", 2, 2)],
            [Heat("9", 2, 2, (), "F", 1)],
            "session 1, heat in place 1: it has no event number and is left out",
        ),
        (
            [race("77", 1, 1)],
            [Heat("77", 1, 1, (), "F", 1)],
            "heats or lanes of events that meetEvents lacks: 77",
        ),
        (
            [race("9", 1, 1, lane(1, "1", laneSeedTime="1:02.34"), lane(2, "2", laneSeedTime=-4))],
            [Heat("9", 1, 1, (LaneEntry(1, ("1",)), LaneEntry(2, ("2",))), "F", 1)],
            f"{WHERE}, lane 2: the seed time is no count of hundredths and is left out",
        ),
        (
            [race("9", 1, 1, lane(1, "1", laneSeedTime=62.34))],
            [Heat("9", 1, 1, (LaneEntry(1, ("1",)),), "F", 1)],
            f"{WHERE}, lane 1: the seed time is no count of hundredths and is left out",
        ),
    ],
)
def test_contradictions_are_read_past_and_named(
    races: list[Json], kept: list[Heat], warning: str
) -> None:
    swimmers = [{"swimmerId": "1", "swimmerName": "A"}, {"swimmerId": 2, "swimmerName": "B"}]
    program = read(
        meet(session("1", *races), meetEvents=[{"eventNumber": "9"}], meetSwimmers=swimmers)
    )
    assert list(program.sessions[0].heats) == kept
    assert warning in program.warnings if warning else program.warnings == ()


def test_people_given_twice_and_differently_are_named() -> None:
    program = read(
        meet(
            session("1"),
            meetTeams=[{"teamId": 1, "teamShortName": n} for n in "ab"] + [{"teamShortName": "c"}],
            meetSwimmers=[{"swimmerId": 1, "swimmerName": n} for n in "ab"]
            + [{"swimmerId": None, "swimmerName": "Lost, Soul"}],
            meetEvents=[{"eventNumber": "1", "eventDistance": d} for d in (50, 100)] + [{}],
        )
    )
    assert (program.teams, program.swimmers) == ((Team("1", "a"),), (Swimmer("1", "", "a"),))
    assert [w.split(";")[0] for w in program.warnings] == [
        "event 1 is given twice and differently",
        "an event without a number is left out",
        "team 1 is given twice and differently",
        "swimmer 1 is given twice and differently",
        'the swimmer "Lost, Soul" has no id and is left out',
    ]


def test_sessions_without_an_id_and_with_one_id() -> None:
    program = read(
        meet(
            session(None, race("1", 1, 1), sessionNumber=5),
            session("a", race("1", 1, 1), sessionIsCurrent=False),
            session("a", race("1", 1, 1), race("1", 2, 2), sessionIsCurrent=False),
        )
    )
    assert [(s.id, len(s.heats)) for s in program.sessions] == [("5", 1), ("a", 1), ("a", 1)]
    assert "a session has no sessionId; its number 5 is used" in program.warnings
    assert "session a, event 1, heat 1: given twice; the first is used" in program.warnings


def test_another_version_is_read_and_named() -> None:
    program = read(meet(session("1"), meetProgramVersion=2))
    assert program.version == 2
    assert program.warnings == ("the program says version 2; it is read as version 1",)


@pytest.mark.parametrize("more", [-1, 0, 1, 150])
def test_warnings_have_a_ceiling_and_a_count(more: int) -> None:
    count = MAX_WARNINGS + more
    program = read(meet(session("1", *(race(None, 1, n) for n in range(1, count + 1)))))
    told = program.warnings[:MAX_WARNINGS]
    assert len(told) == min(count, MAX_WARNINGS)
    rest = (f"and {more} more of the kind",) if more > 0 else ()
    assert program.warnings == (*told, *rest)


@pytest.mark.parametrize("more", [-1, 0, 1, 10_000])
def test_a_warning_is_short_however_long_the_ids_are(more: int) -> None:
    def warning(size: int) -> str:
        (found,) = read(meet(session("a"), session("b" * size))).warnings
        return found

    told = warning(10 + MAX_WARNING - len(warning(10)) + more)
    assert len(told) == min(MAX_WARNING + more, MAX_WARNING + 1)
    assert told.endswith("…") == (more > 0)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (meet(), "the program has no session"),
        ({}, "the program has no session"),
        ({"meetSessions": None}, "the program has no session"),
        ({"meetSessions": ["Session 1"]}, "the program has no session"),
        ({"type": "MeetProgramJson", "Meet": None}, "the program has no session"),
        ([], "a meet program is a JSON object, and this file holds an array"),
        ("program", "a meet program is a JSON object, and this file holds a single value"),
        (3, "a meet program is a JSON object, and this file holds a single value"),
    ],
)
def test_what_is_no_program_is_refused(document: object, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        read(document)


@pytest.mark.parametrize(
    "document",
    [
        meet(session("1", race(1, 1, 1, lane(1, laneSwimmer={"swimmerName": "Jane Doe"})))),
        meet(session("1", pool={"numberOfLanes": 6})),
        meet(session("1"), meetEvents=[{"eventNumber": 1, "eventLabel": "Girls 25 Free"}]),
        meet(session("1", race(1, 1, 1, lane(1, 8, laneSeedTime="00:01:02.340")))),
    ],
)
def test_meet_maestros_details_are_refused_not_misread(document: Json) -> None:
    with pytest.raises(WireError, match=r"Meet Maestro's meet_details\.json") as caught:
        read(document)
    assert "meet_program.json" in caught.value.problem.hint
