"""What differs between two views of races, and `meetlog diff` of instants and of logs."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlog.comparison import FieldChange, LaneChange, RaceChange, compare
from meetlog.output import Envelope
from meetlog.reports import DiffReport
from projections.clock import iso_local
from projections.views import Lane, Race, Split
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet, read, swum
from tests.meetlog.replays import Moment, corrected

LANE = Lane(1, "4A", ("101",), "Zoë", "WFR", ("123",), 3012, "", 1, (Split("T", 25, 1450, 9, 9),))
RACE = Race("67", 1, "4A", 1, 1, 1, "complete", "2026-06-14T09:00:00+02:00", 9, "chips", 1, (LANE,))
change = msgspec.structs.replace


def named(key: str, number: int, time_cs: int | None) -> Race:
    """A race that differs from others of its key only in a lane's time."""
    return change(RACE, event=key, lanes=(change(LANE, lane=number, time_cs=time_cs),))


RACES = st.lists(
    st.builds(
        named, st.sampled_from("abc"), st.integers(1, 2), st.none() | st.integers(3000, 3002)
    ),
    max_size=3,
    unique_by=lambda race: race.event,
)


@given(RACES, RACES)
def test_nothing_differs_exactly_where_all_is_equal(one: list[Race], other: list[Race]) -> None:
    found = compare(one, other)
    old, new = ({race.event: race for race in races} for races in (one, other))
    differing = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    assert {race.event for race in found} == differing
    assert compare(one, one) == ()


@given(RACES, RACES)
def test_the_other_way_round_says_the_opposite(one: list[Race], other: list[Race]) -> None:
    def turned(value: Any) -> Any:
        sides = {"before": "after", "after": "before", "both": "both"}
        if isinstance(value, FieldChange):
            return FieldChange(value.field, value.after, value.before)
        if isinstance(value, LaneChange):
            fields = tuple(map(turned, value.fields))
            return change(value, presence=sides[value.presence], fields=fields)
        fields, lanes = (tuple(map(turned, each)) for each in (value.fields, value.lanes))
        return change(value, presence=sides[value.presence], fields=fields, lanes=lanes)

    there = sorted(map(turned, compare(one, other)), key=lambda race: race.event)
    back = sorted(compare(other, one), key=lambda race: race.event)
    assert [msgspec.to_builtins(race) for race in there] == [
        msgspec.to_builtins(race) for race in back
    ]


@pytest.mark.parametrize(
    "field", [f for f in Lane.__struct_fields__ if f not in ("lane", "splits")]
)
def test_every_field_of_a_lane_is_compared(field: str) -> None:
    other = change(LANE, **{field: ("x",) if isinstance(getattr(LANE, field), tuple) else "x"})
    ((race),) = compare([RACE], [change(RACE, lanes=(other,))])
    ((lane),) = race.lanes
    assert [f.field for f in lane.fields] == [field]
    assert race.fields == ()


@pytest.mark.parametrize("field", ["race_number", "order", "state", "start", "origin", "revision"])
def test_every_field_of_a_race_is_compared(field: str) -> None:
    ((race),) = compare([RACE], [change(RACE, **{field: "x"})])
    assert [(f.field, f.before, f.after) for f in race.fields] == [
        (field, getattr(RACE, field), "x")
    ]
    assert race.lanes == ()


def test_only_what_differs_is_told_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = [change(LANE, lane=n) for n in range(1, 50)]
    races = [change(RACE, heat=n, lanes=tuple(lanes)) for n in range(1, 20)]
    lanes[7] = change(lanes[7], time_cs=1)
    other = [change(races[0], lanes=tuple(lanes)), *(change(race) for race in races[1:])]
    told = []
    builtins = msgspec.to_builtins

    def noted(view: Race | Lane) -> Any:
        told.append(view)
        return builtins(view)

    monkeypatch.setattr("msgspec.to_builtins", noted)
    ((race),) = compare(races, other)
    assert [each.lane for each in race.lanes] == [8]
    assert len(told) == 4  # the race and the lane, before and after
    assert not any(view.lanes for view in told if isinstance(view, Race))


def test_positions_and_moments_are_passed_over() -> None:
    split = Split("T", 25, 1450, 10, 11)
    other = change(RACE, start_ns=10, lanes=(change(LANE, splits=(split,)),))
    assert compare([RACE], [other]) == ()
    split = change(split, time_cs=1451)
    ((race),) = compare([RACE], [change(RACE, lanes=(change(LANE, splits=(split,)),))])
    assert [f.field for f in race.lanes[0].fields] == ["splits"]


def test_races_and_lanes_on_one_side_only() -> None:
    second = change(LANE, lane=2, name="Cora", time_cs=None, place=None, splits=())
    ((race),) = compare([RACE], [change(RACE, lanes=(LANE, second))])
    assert [(x.lane, x.presence) for x in race.lanes] == [(2, "after")]
    assert {f.field: f.after for f in race.lanes[0].fields}.keys() == {
        "event", "swimmer_ids", "name", "team", "chips",
    }  # fmt: skip
    gone = compare([RACE, change(RACE, heat=2)], [change(RACE, heat=3)])
    assert [(r.heat, r.presence) for r in gone] == [(3, "after"), (1, "before"), (2, "before")]
    assert ("time_cs", None, 3012) in [
        (f.field, f.before, f.after) for f in gone[0].lanes[0].fields
    ]


def test_two_lanes_of_one_number_are_told_apart() -> None:
    twice = change(RACE, lanes=(LANE, change(LANE, time_cs=1)))
    assert compare([twice], [twice]) == ()
    ((race),) = compare([RACE], [twice])
    assert [(x.lane, x.presence) for x in race.lanes] == [(1, "after")]


# -- the command -----------------------------------------------------------


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[RecordedMeet, list[Moment]]:
    """The meet with its corrections, and the moments after each."""
    return corrected(tmp_path_factory.mktemp("past") / "meet")


def diff(*args: str | Path) -> tuple[DiffReport, int]:
    """The report of `diff`, and its exit code."""
    result = call("diff", *args, "--json")
    assert result.exit_code in (0, 1), result.output
    envelope = msgspec.json.decode(result.stdout, type=Envelope[DiffReport])
    assert envelope.command == "diff"
    (report,) = envelope.items
    assert envelope.position == report.after.position
    return report, result.exit_code


def test_any_two_instants_differ_in_what_was_known(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, moments = past
    for one, other in zip(moments[::3], moments[1::3], strict=False):
        asked = (str(one.position), iso_local(other.recorded_at, "Europe/Berlin"))
        report, code = diff(*asked, "-m", meet.folder)
        assert (report.before.position, report.after.position) == (one.position, other.position)
        assert report.after.recorded_at_ns == other.recorded_at
        assert report.races == _decoded(compare(one.races, other.races))
        assert code == (1 if report.races else 0)


def _decoded(races: tuple[RaceChange, ...]) -> tuple[RaceChange, ...]:
    """As they come back from JSON."""
    return msgspec.json.decode(msgspec.json.encode(races), type=tuple[RaceChange, ...])


def test_an_instant_differs_from_itself_in_nothing(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, moments = past
    at = str(moments[4].position)
    report, code = diff(at, at, "-m", meet.path)
    assert (report.races, code) == ((), 0)
    assert "no result differs" in call("diff", at, at, "-m", meet.path).stdout


def test_the_table_names_lanes_times_places_and_statuses(
    past: tuple[RecordedMeet, list[Moment]],
) -> None:
    meet, moments = past
    start, late, dq = (str(moments[n].position) for n in (0, 1, 3))
    result = call("diff", start, late, "-m", meet.path)
    assert result.exit_code == 1
    assert "31.45 -> 31.44" in result.stdout
    assert "Győző [bold]Kovács" in result.stdout
    assert "revision: 1 -> 2" in result.stdout
    assert "1 race and 1 lane differ" in result.stdout
    result = call("diff", late, dq, "-m", meet.path)
    assert "none -> DQ" in result.stdout
    assert "2 -> 1" in result.stdout  # the other one's place
    backwards = call("diff", late, start, "-m", meet.path)
    assert "31.44 -> 31.45" in backwards.stdout
    everything = call("diff", "1", start, "-m", meet.path)
    assert "only after, 3 lanes" in everything.stdout
    assert "none -> 30.12" in everything.stdout


def test_one_race_only(past: tuple[RecordedMeet, list[Moment]]) -> None:
    meet, moments = past
    ends = ("1", str(moments[-1].position))
    report, _ = diff(*ends, "-m", meet.path)
    assert [race.heat for race in report.races] == [1, 2]
    report, _ = diff(*ends, "-m", meet.path, "--race", "4a/2")
    assert [race.heat for race in report.races] == [2]
    report, code = diff(*ends, "-m", meet.path, "--race", "9/9")
    assert (report.races, code) == ((), 0)


def test_two_logs(tmp_path: Path) -> None:
    one, other = swum(tmp_path / "one"), swum(tmp_path / "other")
    # The other one was recorded on another machine: with more events, at other positions.
    other.disconnect()
    other.connect(2)
    report, code = diff(one.path, other.folder)
    assert (report.races, code) == ((), 0)
    assert (report.before.log, report.after.log) == (str(one.path), str(other.path))
    assert report.after.position > report.before.position
    other.receive([read(31_000, "456", "Finish")], 2)
    report, code = diff(one.path, other.path)
    assert code == 1
    ((race),) = report.races
    ((lane),) = race.lanes
    assert ("time_cs", 3145, 3100) in [(f.field, f.before, f.after) for f in lane.fields]
    result = call("diff", one.path, other.path)
    assert str(one.path) in result.stdout
    assert "31.45 -> 31.00" in result.stdout


def test_a_log_called_like_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: RecordedMeet
) -> None:
    monkeypatch.chdir(tmp_path)
    meet = swum(tmp_path / "meet")
    meet.end()
    meet.path.rename(tmp_path / "1200")
    report, code = diff("./1200", recorded.path)
    assert (report.before.log, code) == ("1200", 0)


@pytest.mark.parametrize(("a", "b"), [("3", "meet.db"), ("meet.db", "14:05"), ("3", "14:5x")])
def test_an_instant_and_a_log_cannot_be_compared(recorded: RecordedMeet, a: str, b: str) -> None:
    result = call("diff", a, b, "-m", recorded.path)
    assert result.exit_code == 2
    assert "two instants of one meet, or two logs" in result.stderr


def test_logs_that_are_none(recorded: RecordedMeet, tmp_path: Path) -> None:
    assert call("diff", recorded.path, tmp_path / "none.db").exit_code == 5
    (tmp_path / "text.db").write_bytes(b"hello, this is no database" * 100)
    result = call("diff", tmp_path / "text.db", recorded.path)
    assert result.exit_code == 4
    assert "text.db" in result.stderr
    assert ask(Race, "results", "-m", recorded.path).items
