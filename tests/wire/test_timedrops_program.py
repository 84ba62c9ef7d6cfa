"""The meet program: the declared form and each dialect seen."""

import json
from typing import Any

import pytest

from tests.kit.program_documents import lane, meet, only_heat, race, read, session
from wire.timedrops import (
    Heat,
    LaneEntry,
    Pool,
    ProgramEvent,
    Swimmer,
    Team,
    encode_program,
    parse_program,
)

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
