"""Result file names: ours, and every form that others write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import WireError
from wire.timedrops import ResultName, is_result_name, parse_result_name, result_name

ids = st.text(min_size=1, max_size=5)  # at most twelve bytes each once escaped: never cut
numbers = st.integers(0, 999_999_999)


def test_ours_is_the_documented_form_unpadded() -> None:
    assert result_name("67251", "4A", 2, 7, 1) == "Session67251_Event_4A_Heat2_Race7_1.json"
    assert result_name("1", "10", 12, 103, 15) == "Session1_Event_10_Heat12_Race103_15.json"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Session67251_Event_1_Heat2_Race2_3.json", ResultName("67251", "1", 2, 2, 3)),
        ("Session67251_Event_1_Heat2_Race2_010.json", ResultName("67251", "1", 2, 2, 10)),
        ("Session138_Event4_Heat1_Race7.JSON", ResultName("138", "4", 1, 7)),
        ("session_1_event_1A_heat_1_race_3.json", ResultName("1", "1A", 1, 3)),
        ("session_1_event_1A_heat_1_race_3_5.json", ResultName("1", "1A", 1, 3, 5)),
        ("session_1_event_2_heat_1_race_3-revised.json", ResultName("1", "2", 1, 3, 1)),
        ("Session4-a_Event_1_Heat2_Race2-2.json", ResultName("4-a", "1", 2, 2, 2)),
        ("meet/Session4_Event_1_Heat2_Race2_1.json", ResultName("4", "1", 2, 2, 1)),
        ("meet\\Session4_Event_1_Heat2_Race2_1.json", ResultName("4", "1", 2, 2, 1)),
    ],
)
def test_every_form_seen_is_read(name: str, found: ResultName) -> None:
    assert parse_result_name(name) == found
    assert is_result_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "meet_program.json",
        "time_drops_status.json",
        "meet_details.json",
        "Session1_Event_1_Heat1_Race1_1.json.tmp",
        "~Session1_Event_1_Heat1_Race1_1.json",
        "Session1_Event_1_Heat1.json",
        "Session_Event_1_Heat1_Race1_1.json",
        "Session1_Event_1_HeatA_Race1_1.json",
        "Session1_Event_1_Heat1_Race1_" + "9" * 5000 + ".json",
        "Session1_Event_1_Heat١_Race1_1.json",
        "Session1_Event_1_Heat1_Race1_1.json\n",
        "",
    ],
)
def test_other_names_are_no_results(name: str) -> None:
    assert parse_result_name(name) is None
    assert not is_result_name(name)


def test_ids_are_made_safe_for_windows_and_differ_still() -> None:
    name = result_name('a/b:c*?"<>|_d', "4 A\\", 1, 1, 1)
    assert not set(name) & set('/\\:*?"<>| ')
    assert parse_result_name(name) == ResultName('a/b:c*?"<>|_d', "4 A\\", 1, 1, 1)
    assert result_name("a_b", "1", 1, 1, 1) != result_name("a-b", "1", 1, 1, 1)


def test_a_very_long_id_is_cut_and_told_apart() -> None:
    one, two = (result_name("é" * 300 + end, "1", 1, 1, 1) for end in "ab")
    assert one != two
    assert max(len(one), len(two)) < 255
    assert is_result_name(one)


@pytest.mark.parametrize(
    ("session", "event", "number"), [("", "1", 1), ("1", "", 1), ("1", "1", -1)]
)
def test_a_name_cannot_be_made_of_nothing(session: str, event: str, number: int) -> None:
    with pytest.raises(WireError, match="result file's name"):
        result_name(session, event, 1, number, 1)


@given(ids, ids, numbers, numbers, numbers)
def test_names_read_back(session: str, event: str, heat: int, race: int, revision: int) -> None:
    name = result_name(session, event, heat, race, revision)
    assert name.isascii()
    assert len(name) < 200
    found = parse_result_name(name)
    assert found is not None
    assert (found.heat, found.race_number, found.revision) == (heat, race, revision)
    assert (found.session_id, found.event) == (session, event)


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_not(text: str) -> None:
    assert is_result_name(text) == (parse_result_name(text) is not None)
