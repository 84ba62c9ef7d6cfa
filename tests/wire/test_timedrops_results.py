"""Result and status files: the documented form, the dialects, and what is refused."""

import json
from typing import Any

import pytest

from wire.errors import WireError
from wire.timedrops import (
    ResultFile,
    ResultLane,
    ResultSplit,
    Status,
    encode_result,
    encode_status,
    parse_result,
    parse_status,
)

Json = dict[str, Any]
NAME = "Session67251_Event_4A_Heat2_Race7_3.json"

SAMPLE = """{
  "createdAt": "2026-05-02T17:53:00.042-07:00",
  "protocolVersion": "1.1.0",
  "sessionNumber": 123, // from program
  "sessionId": "67251", // from program
  "eventNumber": "4A",
  "heatNumber": 2,
  "raceNumber": 7,
  "startTime": "2026-05-02T17:52:11.234-07:00",
  "lanes": [
    {
      "lane": 1,
      “finalTime”: 6121, // the console's combination
      "padTime": 6121, // only present when using pads
      "timer1": 6118,
      "timer2": 6125,
      "timer3": null,
      "isEmpty": false,
      "isDq": false,
      "splits": [
        {
          "distance": 25,
          "time": 2987
        }
      ]
    },
   …… more lanes to follow
  ]
}
"""
DOCUMENTED = ResultFile(
    session_id="67251",
    event="4A",
    heat=2,
    race_number=7,
    session_number=123,
    created_at="2026-05-02T17:53:00.042-07:00",
    start_at="2026-05-02T17:52:11.234-07:00",
    lanes=(
        ResultLane(1, 6121, 6121, (6118, 6125, None), splits=(ResultSplit(25, 2987),)),
        ResultLane(2, None, None, (None, 4001, None), empty=True),
        ResultLane(0, 7000, dq=True),
    ),
    revision=3,
)


def body(*lanes: object, **more: object) -> Json:
    return {
        "createdAt": "2026-05-02T17:53:00.042-07:00",
        "protocolVersion": "1.1.0",
        "sessionNumber": 123,
        "sessionId": "67251",
        "eventNumber": "4A",
        "heatNumber": 2,
        "raceNumber": 7,
        "startTime": "2026-05-02T17:52:11.234-07:00",
        "lanes": list(lanes),
    } | more


def read(document: object, name: str = NAME) -> ResultFile:
    return parse_result(name, json.dumps(document).encode())


def test_a_written_result_has_exactly_the_documented_keys() -> None:
    written = json.loads(encode_result(DOCUMENTED))
    assert list(written) == [
        "createdAt", "protocolVersion", "sessionNumber", "sessionId", "eventNumber", "heatNumber",
        "raceNumber", "startTime", "lanes",
    ]  # fmt: skip
    timed, empty, disqualified = written["lanes"]
    assert list(timed) == [
        "lane", "finalTime", "padTime", "timer1", "timer2", "timer3", "isEmpty", "isDq", "splits",
    ]  # fmt: skip
    assert timed["splits"] == [{"distance": 25, "time": 2987}]
    assert "padTime" not in empty
    assert (empty["finalTime"], empty["timer2"], empty["isEmpty"]) == (None, 4001, True)
    assert (disqualified["finalTime"], disqualified["isDq"]) == (7000, True)
    assert (written["protocolVersion"], written["eventNumber"]) == ("1.1.0", "4A")


def test_a_written_result_is_the_same_bytes_each_time_and_reads_back() -> None:
    data = encode_result(DOCUMENTED)
    assert data.endswith(b"}\n")
    assert b"." not in data.replace(b"1.1.0", b"").replace(b".042", b"").replace(b".234", b"")
    assert parse_result(NAME, data) == DOCUMENTED
    assert encode_result(parse_result(NAME, data)) == data


def test_the_published_sample_is_read_as_a_last_resort() -> None:
    found = parse_result(NAME, SAMPLE.encode())
    assert found.warnings == (
        "not valid JSON: read past comments, typographic quotes or stray commas",
    )
    assert found.lanes == DOCUMENTED.lanes[:1]
    assert parse_result(NAME, SAMPLE.encode("cp1252")) == found


def test_swimclubmeet_writes_other_keys_and_no_session_id() -> None:
    found = read(
        {
            "type": "Results",
            "createdAt": "2026-05-02T17:53:00Z",
            "protocolVersion": "1.1.0",
            "sessionNumber": 138,
            "startTime": "2026-05-02T17:52:11Z",
            "eventID": 771,
            "eventNumber": 4,
            "heatID": 9001,
            "heatNumber": 1,
            "raceNumber": 7,
            "Lanes": [
                {
                    "lane": 1, "isEmpty": True, "finalTime": None, "padTime": None, "timer1": None,
                    "timer2": None, "timer3": None, "isDq": False, "Splits": [],
                },
                {
                    "lane": 2, "isEmpty": False, "finalTime": 3055, "padTime": None, "timer1": 3055,
                    "timer2": None, "timer3": None, "isDq": False,
                    "Splits": [{"distance": 25, "split": 1500}, {"distance": 50, "time": 3055}],
                },
            ],
        },
        "Session138_Event4_Heat1_Race7.JSON",
    )  # fmt: skip
    assert found.warnings == ()
    assert (found.session_id, found.event, found.heat, found.race_number) == ("138", "4", 1, 7)
    assert found.revision == 0
    assert found.lanes == (
        ResultLane(1, empty=True),
        ResultLane(2, 3055, None, (3055, None, None),
                   splits=(ResultSplit(25, 1500), ResultSplit(50, 3055))),
    )  # fmt: skip


def test_key_case_and_the_type_of_ids_do_not_matter() -> None:
    text = json.dumps(body({"lane": 1, "finalTime": 6121, "isEmpty": False, "splits": []}))
    loud = text.swapcase().replace("FALSE", "false").replace('"4a"', '"4A"')
    wanted = parse_result(NAME, text.encode())
    assert parse_result(NAME, loud.replace('"67251"', "67251").encode()) == msg(wanted, loud)


def msg(result: ResultFile, text: str) -> ResultFile:
    """`result` with the stamps as `text` spells them."""
    stamps = json.loads(text)
    return ResultFile(
        **{f: getattr(result, f) for f in result.__struct_fields__}
        | {"created_at": stamps["CREATEDaT"], "start_at": stamps["STARTtIME"]}
    )


def test_duplicate_keys_last_wins() -> None:
    text = json.dumps(body()).replace(
        '"lanes": []', '"Lanes": [{"lane": 1}], "lanes": [{"lane": 2}]'
    )
    assert [lane.lane for lane in parse_result(NAME, text.encode()).lanes] == [2]


def test_an_empty_lane_keeps_its_stray_times_and_the_final_time_is_the_consoles() -> None:
    lane = {"lane": 4, "isEmpty": True, "finalTime": 9999, "padTime": 5, "timer1": 6118, "isDq": 1}
    assert read(body(lane)).lanes == (
        ResultLane(4, 9999, 5, (6118, None, None), empty=True, dq=True),
    )


@pytest.mark.parametrize("none", [None, 0, "", "0"])
def test_no_time_has_four_spellings(none: object) -> None:
    lane = {"lane": 1, "finalTime": none, "timer2": none, "splits": [{"distance": 5, "time": none}]}
    found = read(body(lane))
    assert found.lanes == (ResultLane(1),)
    assert found.warnings == ()


def test_whole_hundredths_are_exact_also_as_text() -> None:
    assert read(body({"lane": "1", "finalTime": "359999"})).lanes == (ResultLane(1, 359999),)


@pytest.mark.parametrize(
    ("lane", "where"),
    [
        ({"finalTime": "1:02.34"}, "lane 1, finalTime"),
        ({"padTime": 62.34}, "lane 1, padTime"),
        ({"timer3": 6234.0}, "lane 1, timer3"),
        ({"timer1": [6234]}, "lane 1, timer1"),
        ({"timer1": True}, "lane 1, timer1"),
        ({"timer1": "DNS"}, "lane 1, timer1"),
        ({"splits": [{"distance": 25, "time": "31.17"}]}, "lane 1, split 1"),
        ({"finalTime": 10**30}, "lane 1, finalTime"),
    ],
)
def test_a_time_in_another_unit_is_refused_with_its_place(lane: Json, where: str) -> None:
    with pytest.raises(WireError, match=f"^{where}: a time is a whole number of hundredths"):
        read(body({"lane": 1} | lane))


def test_meet_maestros_results_are_refused_not_misread() -> None:
    lane = {"lane": 1, "timer1": "00:01:02.340", "isEmpty": False, "isDq": False, "dqCode": None}
    document = {"createdAt": "2026-05-02T17:53:00Z", "protocolVersion": "1.2.3", "lanes": [lane]}
    with pytest.raises(WireError, match=r"lane 1, timer1") as caught:
        read(document, "session_1_event_1A_heat_1_race_3.json")
    assert "Meet Maestro" in caught.value.problem.hint


@pytest.mark.parametrize("time", [-1, 100 * 3600 * 100 + 1])
def test_an_absurd_time_is_left_out_and_named(time: int) -> None:
    found = read(body({"lane": 1, "finalTime": time, "timer1": 6118}))
    assert found.lanes == (ResultLane(1, None, None, (6118, None, None)),)
    assert found.warnings == (
        f"lane 1, finalTime: {time} hundredths is no time of a race and is left out",
    )


@pytest.mark.parametrize(
    ("lanes", "kept", "warning"),
    [
        ([{"finalTime": 1}], [], "a lane without a number is left out"),
        ([{"lane": -2}], [], "a lane without a number is left out"),
        (
            [{"lane": 1, "finalTime": 5}, {"lane": 1, "finalTime": 6}],
            [ResultLane(1, 5)],
            "lane 1: given twice and differently; the first is used",
        ),
        ([{"lane": 1}, {"lane": "1"}], [ResultLane(1)], ""),
        (
            [{"lane": 1, "splits": [{"time": 5}]}],
            [ResultLane(1)],
            "lane 1, split 1: it has no distance and is left out",
        ),
        ([{"lane": 1, "splits": None}, "lane 2"], [ResultLane(1)], ""),
    ],
)
def test_bad_lanes_are_read_past(lanes: list[object], kept: list[ResultLane], warning: str) -> None:
    found = read(body(*lanes))
    assert list(found.lanes) == kept
    assert found.warnings == ((warning,) if warning else ())


@pytest.mark.parametrize(
    ("name", "warnings"),
    [
        (NAME, []),
        ("session67251_event_4a_heat2_race7_3.JSON", []),
        ("Session67251_Event_4A_Heat2_Race9_3.json", ["race 9, its content race 7"]),
        (
            "Session1_Event_5_Heat3_Race7_3.json",
            [
                "session 1, its content session 67251",
                "event 5, its content event 4A",
                "heat 3, its content heat 2",
            ],
        ),
    ],
)
def test_the_content_outranks_the_name(name: str, warnings: list[str]) -> None:
    found = read(body(), name)
    assert (found.session_id, found.event, found.heat, found.race_number) == ("67251", "4A", 2, 7)
    assert found.revision == 3
    assert list(found.warnings) == [
        f"the file's name says {each}; the content counts" for each in warnings
    ]


def test_our_own_escaped_names_agree_with_their_content() -> None:
    found = read(
        body(sessionId="a_b c", eventNumber="4/A"),
        "Sessiona%5Fb%20c_Event_4%2FA_Heat2_Race7_1.json",
    )
    assert found.warnings == ()
    assert (found.session_id, found.event) == ("a_b c", "4/A")


def test_the_name_fills_what_the_content_lacks() -> None:
    found = read({"lanes": []}, "session_1_event_2B_heat_3_race_4_5.json")
    assert (found.session_id, found.event, found.heat, found.race_number) == ("1", "2B", 3, 4)
    assert found.revision == 5
    assert found.warnings == ()


def test_a_name_that_says_nothing_leaves_the_content() -> None:
    found = read(body(raceNumber=None), "copy of a result.json")
    assert (found.race_number, found.revision) == (0, 0)
    assert found.warnings == ("event 4A, heat 2: no race number; 0 is used",)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"lanes": []}, "which session and event and heat"),
        (body(eventNumber=None), "which event this is"),
        (body(heatNumber=-1, sessionId=""), "which session and heat this is"),
        (body(heatNumber=2.0), "which heat this is"),
        (body(lanes=None), "a result file without lanes"),
        (body(lanes={"lane": 1}), "a result file without lanes"),
        ([], "a result file is a JSON object"),
    ],
)
def test_what_is_no_result_is_refused(document: object, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        read(document, "copy.json")


def test_a_half_written_result_looks_unfinished() -> None:
    data = encode_result(DOCUMENTED)
    with pytest.raises(WireError, match="unfinished"):
        parse_result(NAME, data[: len(data) // 2])


STATUS = Status(
    updated_at="2026-05-02T17:32:31.725-07:00",
    session_id="67251",
    event="4A",
    heat=2,
    program_at="2026-05-01T16:33:41.922",
    session_number=123,
    system_version="2023.04.787.debug",
)


def test_a_status_has_the_documented_keys_and_reads_back() -> None:
    data = encode_status(STATUS)
    assert json.loads(data) == {
        "currentEvent": "4A",
        "currentHeat": 2,
        "currentSessionNumber": 123,
        "currentSessionId": "67251",
        "protocolVersion": "1.0.0",
        "timingSystemType": "Time-Drops",
        "timingSystemVersion": "2023.04.787.debug",
        "lastMeetProgramDate": "2026-05-01T16:33:41.922",
        "updatedAt": "2026-05-02T17:32:31.725-07:00",
    }
    assert parse_status(data) == STATUS


def test_swimclubmeets_status_has_numbers_for_texts() -> None:
    data = b"""{"type": "time_drops_timing_status", "currentEvent": 1, "currentHeat": 1,
        "currentSessionNumber": 1, "currentSessionID": 138, "protocolVersion": "1.0.0",
        "timingSystemType": "Time-Drops", "timingSystemVersion": "2023.04.787.debug\\"",
        "lastMeetProgramDate": "2026-05-01T16:33:41", "updatedAt": "2026-05-02T17:32:31"}"""
    found = parse_status(data)
    assert (found.session_id, found.event, found.heat) == ("138", "1", 1)
    assert found.updated_at == "2026-05-02T17:32:31"


def test_a_status_between_heats_has_nulls() -> None:
    assert parse_status(b'{"currentEvent": null, "currentHeat": null, "updatedAt": "x"}') == Status(
        "x", protocol_version="", system="", system_version=""
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{}", "no status of a timing system"),
        (b'{"type": "Results", "lanes": []}', "no status of a timing system"),
        (b"[]", "a status file is a JSON object"),
        (b'{"currentEvent": 1, "timersPerLaneCount": 1}', "Meet Maestro's configuration"),
        (b'{"currentEvent": 1, "numberOfLanes": 8}', "Meet Maestro's configuration"),
        (b'{"currentEvent": "1", "curr', "unfinished"),
    ],
)
def test_what_is_no_status_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        parse_status(data)


@pytest.mark.parametrize("blank", [" ", "\x1d", "\x85", "\u2003"])
def test_any_blanks_around_a_number_are_none_of_it(blank: str) -> None:
    text = json.dumps({"currentEvent": "1", "currentHeat": f"{blank}2{blank}", "updatedAt": "x"})
    assert parse_status(text.encode()).heat == 2
