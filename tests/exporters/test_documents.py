"""Documents: what a race becomes in Time Drops' words, from the log alone."""

import msgspec
import pytest

from exporters.documents import owners, result_documents, same_but_revision, stamp
from projections.views import Lane, Race, Split
from wire.stamps import NS, parse_iso
from wire.timedrops import (
    RaceKey,
    ResultFile,
    ResultLane,
    ResultSplit,
    encode_result,
    parse_result,
    result_name,
)

GUN = parse_iso("2026-06-14T07:00:00.2507Z").wall
ZONE = "Europe/Berlin"


def lane(number: int, time_cs: int | None = None, status: str = "", event: str = "1") -> Lane:
    passed = [(25, 1500), *([(50, time_cs)] if time_cs else [])] if time_cs or not status else []
    splits = tuple(
        Split("Finish", distance, cs, GUN + cs * (NS // 100), 9, distance == 50)
        for distance, cs in passed
    )
    return Lane(number, event, (f"10{number}",), "", "", (), time_cs, status, None, splits)


def race(*lanes: Lane, **more: object) -> Race:
    made = Race("67", 3, "1", 2, 7, 1, "complete", "", GUN, "chips", 0, lanes)
    return msgspec.structs.replace(made, **more)


def test_a_document_holds_what_the_race_says() -> None:
    (document,) = result_documents(
        race(lane(2, 3100, "DQ"), lane(1, 3012), lane(3, None, "EMPTY"), lane(4, None, "NS")), ZONE
    )
    assert document.lanes == (
        ResultLane(1, 3012, splits=(ResultSplit(25, 1500),)),
        ResultLane(2, 3100, dq=True, splits=(ResultSplit(25, 1500),)),
        ResultLane(3, empty=True),
        ResultLane(4),
    )
    assert document.start_at == "2026-06-14T09:00:00.250+02:00"
    assert document.created_at == "2026-06-14T09:00:31.250+02:00", "the newest moment in it"
    assert (document.session_number, document.race_number) == (3, 7)
    name = result_name(document.session_id, document.event, document.heat, 7, 1)
    read = parse_result(name, encode_result(document))
    assert read == msgspec.structs.replace(document, revision=1), "it reads back as it is"


def test_a_split_is_in_it_before_the_finish() -> None:
    (document,) = result_documents(race(lane(1)), ZONE)
    assert document.lanes == (ResultLane(1, splits=(ResultSplit(25, 1500),)),)
    assert document.created_at == "2026-06-14T09:00:15.250+02:00"


def test_one_who_did_not_finish_has_no_final_time() -> None:
    (document,) = result_documents(race(lane(1, 3000), lane(2, 2900, "DNF")), ZONE)
    assert [each.final_cs for each in document.lanes] == [3000, None]


@pytest.mark.parametrize(
    ("time_cs", "status"), [(3150, ""), (None, ""), (None, "DNF"), (None, "DQ")]
)
def test_what_was_measured_at_the_finish_is_no_split_when_another_time_counts(
    time_cs: int | None, status: str
) -> None:
    ruled = msgspec.structs.replace(lane(1, 3000), time_cs=time_cs, status=status)
    (document,) = result_documents(race(ruled), ZONE)
    assert document.lanes == (
        ResultLane(1, time_cs, dq=status == "DQ", splits=(ResultSplit(25, 1500),)),
    )


def test_a_split_that_is_the_consoles_own_final_time_goes_with_it() -> None:
    splits = (ResultSplit(25, 1500), ResultSplit(50, 3000))
    told = ResultLane(1, 3000, 3000, (3001, 3002, None), splits=splits)
    console = ResultFile("67", "1", 2, 7, 3, lanes=(told,))
    (same,) = result_documents(race(lane(1, 3000)), ZONE, console=console)
    assert same.lanes == (told,)
    (corrected,) = result_documents(race(lane(1, 3150)), ZONE, console=console)
    assert corrected.lanes == (ResultLane(1, 3150, splits=splits[:1]),)


def test_nothing_without_a_start_or_a_time() -> None:
    assert result_documents(race(lane(1, 3000), start_ns=None), ZONE) == ()
    assert result_documents(race(lane(1, None, "NS"), lane(2, None, "EMPTY")), ZONE) == ()
    assert result_documents(race(), ZONE) == ()


def test_a_combined_heat_has_one_per_event_its_own_first() -> None:
    made = race(lane(1, 3000, event="3"), lane(2, 3100), lane(3, 3200, event="2"))
    documents = result_documents(made, ZONE)
    assert [d.event for d in documents] == ["1", "2", "3"]
    assert [[each.lane for each in d.lanes] for d in documents] == [[2], [3], [1]]


def test_a_document_has_one_owner() -> None:
    first = race(lane(1, 3000), lane(2, 3100, event="2"), lane(3, 3200, event="9"))
    second = race(lane(1, 3300, event="2"), lane(2, 3400, event="9"), event="2")
    owner = owners([first, second])
    assert owner == {
        RaceKey("67", "1", 2): RaceKey("67", "1", 2),
        RaceKey("67", "2", 2): RaceKey("67", "2", 2),
        RaceKey("67", "9", 2): RaceKey("67", "1", 2),
    }
    shared = [
        (d.event, [each.lane for each in d.lanes])
        for made in (first, second)
        for d in result_documents(made, ZONE, owner)
    ]
    assert shared == [("1", [1, 2]), ("9", [3]), ("2", [1, 2])]


def test_stamps_have_three_digits_and_the_offset() -> None:
    assert stamp(parse_iso("2026-01-14T23:59:59.9999Z").wall, "America/St_Johns") == (
        "2026-01-14T20:29:59.999-03:30"
    )
    assert stamp(0, "UTC") == "1970-01-01T00:00:00.000+00:00"


def test_only_the_revision_does_not_count_as_a_change() -> None:
    one = race(lane(1, 3000))
    assert same_but_revision(one, msgspec.structs.replace(one, revision=4))
    assert not same_but_revision(one, msgspec.structs.replace(one, revision=4, race_number=8))
