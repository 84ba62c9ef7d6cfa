"""The meet program: the declared form, each dialect seen, and contradictions read past."""

import json
from typing import Any

import pytest

from wire.errors import WireError
from wire.timedrops import (
    Heat,
    LaneEntry,
    Pool,
    Program,
    ProgramEvent,
    Swimmer,
    Team,
    encode_program,
    parse_program,
)
from wire.timedrops_values import MAX_WARNING, MAX_WARNINGS

Json = dict[str, Any]


def lane(number: object, swimmer: object = None, **more: object) -> Json:
    return {"laneNumber": number, "isEmpty": False, "laneSwimmerId": swimmer} | more


def race(event: object, heat: object, number: object, *lanes: Json, **more: object) -> Json:
    return {
        "raceEventNumber": event,
        "raceNumber": number,
        "raceHeatType": "F",
        "raceHeatNumber": heat,
        "raceTotalHeats": 1,
        "raceLanes": list(lanes),
    } | more


def session(name: object, *races: Json, **more: object) -> Json:
    return {
        "sessionNumber": 1,
        "sessionId": name,
        "sessionIsCurrent": True,
        "sessionRaces": list(races),
    } | more


def meet(*sessions: Json, **more: object) -> Json:
    return {
        "meetName": "Spring Meet",
        "meetProgramVersion": 1,
        "meetSessions": list(sessions),
    } | more


def read(document: object) -> Program:
    return parse_program(json.dumps(document, ensure_ascii=False).encode())


def only_heat(program: Program) -> Heat:
    (found,) = program.sessions[0].heats
    return found


DECLARED = meet(
    session(
        "67251",
        race(
            "4A",
            2,
            7,
            lane(1, "8", laneEventNumber="4A", laneSeedTime=21500, laneTeamId="4409"),
            lane(2, None, isEmpty=True, laneEventNumber=None, laneSeedTime=None, laneTeamId=None),
            raceTotalHeats=3,
        ),
        sessionNumber=123,
        sessionName="Saturday Prelims",
        sessionBeginAt="2026-05-02T09:00:00-07:00",
        sessionEndAt="2026-05-02T13:00:00-07:00",
        sessionPool={"poolNumberOfLanes": 8, "poolCourse": "SCY", "poolFirstLaneNumber": 0},
    ),
    meetProgramDateTime="2026-05-01T20:15:00Z",
    meetHostTeamName="Meadow",
    meetStartDate="2026-05-02",
    meetEndDate="2026-05-03",
    meetEvents=[
        {
            "eventNumber": "4A",
            "eventStrokeCode": 2,
            "eventStroke": "Back",
            "eventIsRelay": False,
            "eventRelaylegs": 1,
            "eventDistance": 200,
            "eventGender": "F",
            "eventMinAge": 10,
            "eventMaxAge": 0,
            "eventDescription": "Girls 10 & over 200 Back",
            "eventShortLabel": "200 Bk",
            "eventFullLabel": None,
            "eventRecords": [{"recordSetName": "Pool", "recordTimeInt": 13000}],
            "eventStandards": [
                {
                    "standardName": "Motivational",
                    "standardTiers": [
                        {"tierName": "Gold", "tierTime": 1, "tierEligibleTeamIds": ["1"]}
                    ],
                }
            ],
        },
        {"eventNumber": "5", "eventIsRelay": True, "eventRelaylegs": 4},
    ],
    meetTeams=[
        {
            "teamId": "4409",
            "teamAbbreviation": "MDW",
            "teamShortName": "Meadow",
            "teamFullName": None,
        }
    ],
    meetSwimmers=[
        {
            "swimmerId": "8",
            "swimmerName": "Doe, Jane",
            "swimmerGender": "F",
            "swimmerAge": 11,
            "swimmerTeamId": "4409",
        }
    ],
)


def test_the_declared_form_is_read_whole() -> None:
    program = read(DECLARED)
    assert program.warnings == ()
    assert (program.meet_name, program.host, program.version) == ("Spring Meet", "Meadow", 1)
    assert program.program_at == "2026-05-01T20:15:00Z"
    assert (program.start_date, program.end_date) == ("2026-05-02", "2026-05-03")
    assert program.dialect == "time-drops"
    back = ProgramEvent(
        "4A", "Girls 10 & over 200 Back", 200, "Back", "F", stroke_code=2, legs=1, min_age=10
    )
    assert program.events == (back, ProgramEvent("5", relay=True, legs=4))
    assert program.teams == (Team("4409", "Meadow", "MDW"),)
    assert program.swimmers == (Swimmer("8", "Jane", "Doe", "4409", 11, "F"),)
    (saturday,) = program.sessions
    assert (saturday.id, saturday.number, saturday.name) == ("67251", 123, "Saturday Prelims")
    assert saturday.current
    assert saturday.begin_at == "2026-05-02T09:00:00-07:00"
    assert saturday.end_at == "2026-05-02T13:00:00-07:00"
    assert saturday.events == (back,)
    assert saturday.pool == Pool(8, "SCY", 0)
    assert saturday.heats == (
        Heat("4A", 2, 7, (LaneEntry(1, ("8",), "4409", 21500), LaneEntry(2)), "F", 3),
    )
    assert saturday.heats[0].lanes[1].empty


def test_the_appendix_form_has_nulls_everywhere_and_no_records() -> None:
    program = read(
        meet(
            session(
                "4",
                race("10", 1, 1, lane(2, "8", laneSeedTime=None, laneTeamId=None)),
                sessionName=None, sessionBeginAt=None, sessionEndAt=None, sessionPool=None,
            ),
            meetName=None, meetProgramDateTime=None, meetHostTeamName=None, meetEndDate=None,
            meetEvents=[
                {
                    "eventNumber": "10", "eventStroke": None, "eventGender": None,
                    "eventDescription": None, "eventStartTime": None, "eventDistance": None,
                    "eventMinAge": None, "eventRelaylegs": None,
                }
            ],
            meetTeams=None,
            meetSwimmers=[
                {"swimmerId": "8", "swimmerName": None, "swimmerAge": None, "swimmerTeamId": None}
            ],
        )
    )  # fmt: skip
    assert program.warnings == ()
    assert program.events == (ProgramEvent("10"),)
    assert program.swimmers == (Swimmer("8"),)
    assert program.sessions[0].pool is None
    assert only_heat(program).lanes == (LaneEntry(2, ("8",)),)


def test_swimclubmeet_wraps_the_meet_and_mixes_ids() -> None:
    program = read(
        {
            "type": "MeetProgramJson",
            "Meet": meet(
                session(
                    138,
                    race(
                        "4",
                        1,
                        401,
                        lane(1, "59", laneEventId="771", laneEventNumber="4", laneSeedTime=3055),
                        raceEventId="771",
                        raceHeatId=9001,
                    ),
                    race(
                        "5",
                        1,
                        501,
                        lane(1, None, laneEventNumber="772", laneSeedTime=0, laneTeamId="31"),
                    ),
                    sessionBeginAt="2026-05-02T09:00:00",
                    sessionPool=[
                        {"poolNumberOfLanes": 8, "poolCourse": "LCY", "poolFirstLaneNumber": 1}
                    ],
                ),
                meetEvents=[
                    {"eventId": "771", "eventNumber": "4", "eventIsRelay": False},
                    {"eventId": "772", "eventNumber": "5", "eventIsRelay": True},
                ],
                meetTeams=[
                    {"teamId": 31, "teamAbbreviation": "", "teamShortName": "Ants"},
                    {"teamId": 31, "teamAbbreviation": "", "teamShortName": "Ants"},
                ],
                meetSwimmers=[
                    {
                        "swimmerId": 59,
                        "swimmerName": "Åsa Berg",
                        "swimmerAge": 12,
                        "swimmerTeamID": 31,
                    },
                    {
                        "swimmerId": 59,
                        "swimmerName": "Åsa Berg",
                        "swimmerAge": 12,
                        "swimmerTeamID": 31,
                    },
                ],
            ),
        }
    )
    assert program.warnings == ()
    assert program.dialect == "scm"
    assert program.swimmers == (Swimmer("59", "Åsa", "Berg", "31", 12),)
    assert program.teams == (Team("31", "Ants"),)
    (evening,) = program.sessions
    assert evening.id == "138"
    assert evening.pool == Pool(8, "LCY", 1)
    swum, relay = evening.heats
    assert (swum.race_number, swum.lanes) == (401, (LaneEntry(1, ("59",), "", 3055),))
    # the relay's laneEventNumber is a database id there, not an event
    assert relay.lanes == (LaneEntry(1, (), "31"),)
    assert not relay.lanes[0].empty


def test_swimclubmeet_older_form_is_an_array_of_one_meet_and_lists_no_swimmers() -> None:
    program = read(
        {"type": "MeetProgramJson", "Meet": [meet(session(1, race(3, 1, 301, lane(1, 7))))]}
    )
    assert only_heat(program).lanes == (LaneEntry(1, ("7",)),)
    assert program.warnings == ("heats or lanes of events that meetEvents lacks: 3",)


def test_the_dialect_whose_heats_run_on_through_the_meet() -> None:
    names = ["Anna Smit (AFL) (7128)", "Bo van Wyk (8124)", "Cy (AFL)"]
    program = read(
        meet(
            session(
                "1",
                *(
                    race(
                        "1" if n < 13 else "2",
                        n,
                        n,
                        lane(1, "7128", laneSeedTime=0),
                        raceTotalHeats=12,
                    )
                    for n in (1, 12, 13)
                ),
            ),
            meetEvents=[{"eventNumber": n, "eventGender": g} for n, g in (("1", None), ("2", ""))],
            meetTeams=[{"teamId": "1", "teamAbbreviation": "", "teamShortName": "League"}],
            meetSwimmers=[
                {"swimmerId": i, "swimmerName": n, "swimmerAge": 0}
                for i, n in zip(("7128", "8124", "7409"), names, strict=True)
            ],
        )
    )
    assert program.warnings == ()
    assert program.dialect == "bia"
    assert [(s.first_name, s.last_name) for s in program.swimmers] == [
        ("Anna", "Smit (AFL)"), ("Bo", "van Wyk"), ("Cy", "(AFL)"),
    ]  # fmt: skip
    assert [(h.event, h.heat, h.race_number, h.total) for h in program.sessions[0].heats] == [
        ("1", 1, 1, 12), ("1", 12, 12, 12), ("2", 13, 13, 12),
    ]  # fmt: skip
    assert all(h.lanes[0].seed_cs is None for h in program.sessions[0].heats)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("Doe, Jane", "Jane", "Doe"), ("Jane van Doe", "Jane", "van Doe"), ("Pelé", "", "Pelé"),
     ("", "", ""), ("Doe, Jane (8)", "Jane", "Doe"), ("(8)", "", "")],
)  # fmt: skip
def test_names_come_in_either_order(name: str, first: str, last: str) -> None:
    program = read(meet(session("1"), meetSwimmers=[{"swimmerId": "8", "swimmerName": name}]))
    assert program.swimmers == (Swimmer("8", first, last),)


def test_key_case_and_the_type_of_ids_do_not_matter() -> None:
    def shout(value: Any) -> Any:
        if isinstance(value, dict):
            return {key.upper(): shout(item) for key, item in value.items()}
        return [shout(item) for item in value] if isinstance(value, list) else value

    text = json.dumps(shout(DECLARED))
    for old, new in (('"8"', "8"), ('"4409"', "4409"), ('"67251"', "67251"), ('"5"', "5")):
        assert old in text
        text = text.replace(old, new)
    assert parse_program(text.encode()) == read(DECLARED)


def test_a_relay_names_its_team_and_its_swimmers() -> None:
    entry = lane(
        3, None, laneRelayTeamName="RSM A", laneRelaySwimmerIds=["1", None, 2, "3"], laneTeamId="9"
    )
    heat = only_heat(read(meet(session("1", race("5", 1, 1, entry)))))
    assert heat.lanes == (LaneEntry(3, ("1", "2", "3"), "9", None, "RSM A"),)


def test_a_combined_heat_keeps_each_lanes_own_event() -> None:
    lanes = lane(1, "1", laneEventNumber="7"), lane(2, "2", laneEventNumber=8)
    events = [{"eventNumber": n} for n in ("6", "7", "8")]
    program = read(meet(session("1", race("7", 1, 1, *lanes)), meetEvents=events))
    assert [entry.event for entry in only_heat(program).lanes] == ["", "8"]
    assert [e.number for e in program.sessions[0].events] == ["7", "8"]
    assert program.warnings == ()


def test_a_heat_without_an_event_takes_its_first_lanes() -> None:
    lanes = lane(1, "1", laneEventNumber=None), lane(2, "2", laneEventNumber="8")
    assert only_heat(read(meet(session("1", race(None, 1, 1, *lanes))))).event == "8"


def test_numbers_written_as_text_are_read() -> None:
    heat = only_heat(read(meet(session("1", race(9, "2", "7", lane("4", 8, laneSeedTime="6543"))))))
    assert heat == Heat("9", 2, 7, (LaneEntry(4, ("8",), "", 6543),), "F", 1)


def test_lane_zero_is_a_lane() -> None:
    assert only_heat(read(meet(session("1", race("1", 1, 1, lane(0, "8")))))).lanes[0].lane == 0


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


def test_warnings_have_a_ceiling_and_a_count() -> None:
    program = read(meet(session("1", *(race(None, 1, n) for n in range(1, 251)))))
    assert len(program.warnings) == MAX_WARNINGS + 1
    assert program.warnings[-1] == f"and {250 - MAX_WARNINGS} more of the kind"


def test_a_warning_is_short_however_long_the_ids_are() -> None:
    program = read(meet(*(session(c * 10_000) for c in "ab")))
    assert [len(w) for w in program.warnings] == [MAX_WARNING + 1]


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


def test_a_written_program_has_the_declared_keys_and_the_same_bytes_each_time() -> None:
    program = read(DECLARED)
    data = encode_program(program)
    assert data == encode_program(parse_program(data))
    written = json.loads(data)
    assert list(written) == [
        "meetName", "meetProgramVersion", "meetProgramDateTime", "meetHostTeamName",
        "meetStartDate", "meetEndDate", "meetEvents", "meetSessions", "meetTeams", "meetSwimmers",
    ]  # fmt: skip
    assert list(written["meetSessions"][0]) == [
        "sessionNumber", "sessionId", "sessionName", "sessionBeginAt", "sessionEndAt",
        "sessionRaces", "sessionPool", "sessionIsCurrent",
    ]  # fmt: skip
    heat = written["meetSessions"][0]["sessionRaces"][0]
    assert heat["raceLanes"] == [
        {
            "laneNumber": 1, "isEmpty": False, "laneEventNumber": "4A", "laneSeedTime": 21500,
            "laneSwimmerId": "8", "laneRelayTeamName": None, "laneRelaySwimmerIds": None,
            "laneTeamId": "4409",
        },
        {
            "laneNumber": 2, "isEmpty": True, "laneEventNumber": None, "laneSeedTime": None,
            "laneSwimmerId": None, "laneRelayTeamName": None, "laneRelaySwimmerIds": None,
            "laneTeamId": None,
        },
    ]  # fmt: skip
    assert written["meetSwimmers"][0]["swimmerName"] == "Doe, Jane"
