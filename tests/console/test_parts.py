"""What pages are made of, without a page: pulses, troubles, heats, plots, the stream of parts."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ingest.notices import Notice
from meetlog.console import board, plots
from meetlog.console.heats import heat_of
from meetlog.console.live import event
from meetlog.console.lookout import Lookout
from meetlog.console.pulse import Pulses
from meetlog.console.readings import BUCKET, SPAN, rates, reads_of
from meetlog.console.render import make_environment, wall
from meetlog.console.signs import STALE, Sign, Signs, encode
from meetlog.console.snapshots import Snapshot, take
from meetlog.console.troubles import LITTLE_DISK, troubles, worst
from meetlog.opening import open_meet
from projections.crossings import Passing
from projections.meet import Meet
from projections.views import Alarm, Crossing, Revision, Split
from store.event import SOCKET_READ, STATEMENT, Event
from tests.console.lively import LivelyMeet, lively
from tests.kit import sayings as say
from tests.meetlog.meets import read
from wire.stamps import NS
from wire.statements import encode as encode_statement


@pytest.fixture
def meet(tmp_path: Path) -> LivelyMeet:
    return lively(tmp_path / "meet")


def snapshot(meet: LivelyMeet, sign: Sign | None = None, wait: int = 0) -> Snapshot:
    """How the meet stands, `wait` ns after its newest event."""
    with open_meet(meet.folder) as opened:
        return take(Lookout(opened), sign, meet.at + wait)


def arrivals(*moments: int) -> list[Event]:
    return [Event(n, at, "mat", SOCKET_READ, b"\x80", b"", b"") for n, at in enumerate(moments, 1)]


# -- silence ------------------------------------------------------------------------


def test_a_silence_is_one_that_is_longer_than_a_source_is_wont_to() -> None:
    pulses = Pulses()
    assert pulses.of("mat").silence(10**20) is None, "a source never heard is not silent"
    heats = [n * 40 * NS + m * NS for n in range(4) for m in range(5)]
    pulses.feed(arrivals(*heats))
    pulse = pulses.of("mat")
    assert (pulse.last, pulse.usual, pulse.longest) == (heats[-1], NS, 36 * NS)
    assert pulse.silence(heats[-1] + 72 * NS) is None, "twice its longest pause is no silence yet"
    assert pulse.silence(heats[-1] + 73 * NS) == 73 * NS


def test_a_source_that_speaks_all_the_time_may_breathe() -> None:
    pulses = Pulses()
    pulses.feed(arrivals(*(n * NS for n in range(20))))
    assert pulses.of("mat").silence(49 * NS) is None
    assert pulses.of("mat").silence(50 * NS) == 31 * NS


# -- troubles -----------------------------------------------------------------------


def test_the_worst_comes_first_and_what_was_seen_last(meet: LivelyMeet) -> None:
    alarms = (Alarm("a", "An alarm.", "Do.", 3), Alarm("b", "Another.", "", 4))
    notices = (Notice(0, "mat", "warning", "n", "A warning"), Notice(0, "x", "info", "i", "A note"))
    sign = Sign(meet.at, 0, notices, alarms)
    found = troubles(snapshot(meet, sign), meet.at)
    assert [(t.grade, t.key) for t in found] == [
        ("alarm", "a"), ("alarm", "b"), ("warning", "n"), ("note", "i"),
    ]  # fmt: skip
    assert worst(found)[0] == "alarm"
    assert worst(found)[1].startswith("An alarm. And ")
    meet.add("operator", STATEMENT, encode_statement(say.acknowledge("a", author="Ada")))
    found = troubles(snapshot(meet, sign), meet.at)
    assert [t.key for t in found] == ["b", "n", "i", "a"], "what was seen comes last"
    assert found[-1].acknowledged.startswith("Ada, ")
    seen = tuple(msgspec.structs.replace(t, acknowledged="Ada") for t in found)
    assert worst(seen)[0] == "ok"


def test_a_run_that_gives_no_sign_is_an_alarm(meet: LivelyMeet) -> None:
    sign = Sign(meet.at, meet.log.head().position)
    assert worst(troubles(snapshot(meet, sign, STALE - 1), meet.at + STALE - 1))[0] == "ok"
    late = snapshot(meet, sign, STALE)
    grade, words = worst(troubles(late, meet.at + STALE))
    assert (grade, words) == ("alarm", "`meetlog run` has given no sign for 5 s.")
    assert not late.place.recording


def test_a_disk_that_fills_is_told_in_time(meet: LivelyMeet) -> None:
    found = snapshot(meet)
    for free, grade in ((None, "ok"), (LITTLE_DISK, "ok"), (LITTLE_DISK - 1, "warning"),
                        (1, "alarm")):  # fmt: skip
        place = msgspec.structs.replace(found.place, disk_free=free)
        told = troubles(msgspec.structs.replace(found, place=place), meet.at)
        assert worst(told)[0] == grade


def test_while_nothing_is_recorded_no_source_is_missed(meet: LivelyMeet) -> None:
    meet.disconnect()
    assert "disconnected" in worst(troubles(snapshot(meet), meet.at))[1]
    meet.end()
    grade, words = worst(troubles(snapshot(meet), meet.at))
    assert (grade, words.startswith("Nothing is being recorded: meetlog run stopped at")) == (
        "note", True,
    )  # fmt: skip
    assert "." not in re.sub(r"\.$", "", words.partition("stopped at")[2])


def test_signs_come_as_lines() -> None:
    signs = Signs()
    assert signs.newest() is None
    sign = Sign(5, 7, (Notice(1, "s", "alarm", "k", "t", "h"),), (Alarm("a", "t", "h", 2),))
    assert encode(sign).endswith(b"\n")
    signs.give(encode(sign))
    assert signs.newest() == sign
    with pytest.raises(msgspec.DecodeError):
        signs.give(b"{}")


# -- the meet -------------------------------------------------------------------------


@pytest.mark.parametrize("most", [3, 400])
def test_the_newest_crossings_are_those_of_the_meet_however_they_came(
    meet: LivelyMeet, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("meetlog.console.lookout.RECENT", most)

    def void(chip: str) -> int:
        return meet.add("operator", STATEMENT, encode_statement(say.void(chip)))

    with open_meet(meet.folder) as opened:
        lookout = Lookout(opened)
        steps: tuple[Callable[[], object], ...] = (
            lambda: meet.receive([read(50_000, "555", "Turn")]),
            lambda: meet.receive([read(50_300, "555", "Turn"), read(51_000, "123", "Turn")]),
            lambda: meet.file("chips.csv", b"chip,swimmer\n555,103\n123,102\n456,101\n"),
            lambda: meet.close_heat("4A", 2),
            lambda: meet.receive([read(1000 + n, f"8{n}", "Turn") for n in range(5)]),
            lambda: void("123"),
            lambda: void("555"),
            lambda: meet.receive([read(60_000 + n, f"9{n}", "Turn") for n in range(5)]),
            lambda: meet.receive([read(59_000, "94", "Turn")]),
            lambda: void("94"),
            lambda: meet.add("operator", STATEMENT, encode_statement(say.chip("92", "103"))),
        )
        for step in steps:
            step()
            with lookout.looking() as now:
                assert lookout.recent() == now.meet.crossings()[::-1][:most]
                assert now.meet.position == meet.log.head().position


def test_of_a_long_meet_only_the_newest_crossings_are_made_views_of(
    meet: LivelyMeet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meetlog.console.lookout.RECENT", 5)
    meet.receive([read(n * 20_000, f"{600 + n}", "Turn") for n in range(1, 40)])
    made = []
    crossing = Meet.crossing

    def noted(meet: Meet, chip: str, point: str, passing: Passing) -> Crossing:
        made.append(chip)
        return crossing(meet, chip, point, passing)

    with open_meet(meet.folder) as opened:
        monkeypatch.setattr(Meet, "crossing", noted)
        lookout = Lookout(opened)
        assert len(made) == 5
        meet.file("chips.csv", b"chip,swimmer\n123,101\n639,103\n")
        monkeypatch.setattr(Meet, "chips", None)  # nobody looks through all of them again
        with lookout.looking():
            assert made[5:] == ["639"]


def test_a_heat_looks_at_the_newest_crossings_once(meet: LivelyMeet) -> None:
    class Looked(tuple[Crossing, ...]):
        times = 0

        def __iter__(self) -> Iterator[Crossing]:
            type(self).times += 1
            return super().__iter__()

        def __reversed__(self) -> Iterator[Crossing]:
            type(self).times += 1
            return iter(self[::-1])

    meet.file("chips.csv", b"chip,swimmer\n777,103\n")
    meet.receive([read(600_000, "", "Finish", 0)])
    meet.receive([read(629_500, "777", "Finish", 1)])
    found = snapshot(meet)
    assert found.current is not None
    lanes = tuple(msgspec.structs.replace(found.current.lanes[0], lane=n) for n in range(1, 9))
    race = msgspec.structs.replace(found.current, lanes=lanes)
    heat = heat_of(race, msgspec.structs.replace(found, recent=Looked(found.recent)))
    assert [row.provisional_cs for row in heat.rows] == [2950] * 8
    assert Looked.times == 1


def test_the_board_looks_at_the_revisions_once(meet: LivelyMeet) -> None:
    class Looked(tuple[Revision, ...]):
        times = 0

        def __iter__(self) -> Iterator[Revision]:
            type(self).times += 1
            return super().__iter__()

    found = snapshot(meet)
    (race,) = [r for r in found.races if r.revision]
    several = tuple(msgspec.structs.replace(race, heat=n) for n in range(1, 9))
    revisions = Looked(
        msgspec.structs.replace(found.revisions[0], heat=heat, position=1000 + n)
        for n, heat in enumerate([3, 5, 1, 8, 7, 2, 4, 6, 2])
    )
    shown = msgspec.structs.replace(found, races=several, revisions=revisions)
    latest = board._context(shown)["latest"]
    assert [race.heat for race in latest] == [2, 6, 4, 7, 8, 1]
    assert Looked.times == 1


def test_a_heat_marks_what_is_provisional(meet: LivelyMeet) -> None:
    meet.file("chips.csv", b"chip,swimmer\n777,103\n")
    meet.receive([read(600_000, "", "Finish", 0)])
    meet.receive([read(614_000, "777", "Turn")])
    meet.receive([read(629_500, "777", "Finish", 1)])
    found = snapshot(meet)
    assert found.current is not None
    row = heat_of(found.current, found).rows[0]
    assert (row.lane.time_cs, row.provisional_cs, row.provisional_at) == (None, 2950, "Finish")
    meet.receive([read(629_900, "777", "Finish")])
    found = snapshot(meet)
    race = next(r for r in found.races if (r.event, r.heat) == ("4A", 2))
    heat = heat_of(race, found)
    assert (heat.rows[0].lane.time_cs, heat.rows[0].provisional_cs) == (2990, None)
    assert [(leg.point, leg.distance) for leg in heat.legs] == [("Turn", 25)]
    assert heat.rows[0].splits == (1400,)


@pytest.mark.parametrize("time_cs", [2900, 3150, None])
def test_the_finish_is_no_split_and_another_time_makes_no_split_the_finish(
    meet: LivelyMeet, time_cs: int | None
) -> None:
    found = snapshot(meet)
    race = next(r for r in found.races if (r.event, r.heat) == ("4A", 2))
    turn, finish = Split("Turn", 25, 1400, 0, 0), Split("Finish", 50, 2900, 0, 0, finish=True)
    lanes = tuple(
        msgspec.structs.replace(race.lanes[0], time_cs=time_cs, splits=splits)
        for splits in ((turn, finish), (turn,))
    )
    heat = heat_of(msgspec.structs.replace(race, lanes=lanes), found)
    assert [(leg.point, leg.distance) for leg in heat.legs] == [("Turn", 25)]
    assert [row.splits for row in heat.rows] == [(1400,), (1400,)]


def test_a_split_that_is_a_consoles_final_time_has_no_column(meet: LivelyMeet) -> None:
    found = snapshot(meet)
    race = next(r for r in found.races if (r.event, r.heat) == ("4A", 2))
    splits = Split("", 25, 1400, 0, 0), Split("", 50, 2900, 0, 0)
    lane = msgspec.structs.replace(race.lanes[0], time_cs=2900, splits=splits)
    heat = heat_of(msgspec.structs.replace(race, lanes=(lane,)), found)
    assert [leg.distance for leg in heat.legs] == [25]


def test_each_read_of_a_crossing_has_its_reason(meet: LivelyMeet) -> None:
    with open_meet(meet.folder) as opened:
        (crossing,) = opened.meet.crossings(["456"], "Finish")
        reads = reads_of(opened.meet, crossing)
        assert [(r.verdict.why, r.corrected) for r in reads] == [
            ("first-seen", crossing.first_ns), ("chosen", crossing.moment_ns),
        ]  # fmt: skip
        counts = rates(opened.meet, crossing.moment_ns + 1)
        assert {point: len(each) for point, each in counts.items()} == {
            "Finish": SPAN // BUCKET, "Turn": SPAN // BUCKET,
        }  # fmt: skip
        assert (sum(counts["Finish"]), sum(counts["Turn"])) == (3, 2)
        assert counts["Finish"][-1] == 3


# -- markup ---------------------------------------------------------------------------


def test_plots_are_words_too_and_nothing_in_them_is_markup() -> None:
    label = '<script>"&'
    told = "<title>&lt;script&gt;&#34;&amp;</title>"
    for plot in (
        plots.line([3, 1, 2], label),
        plots.bars([0, 4], label),
        plots.coverage(0, 100, (10, 90), [(20, 30)], label),
        plots.signals([plots.Mark(1, -50, True), plots.Mark(2, None, False)], label),
    ):
        assert told in plot
        assert "style=" not in plot
    assert plots.line([1], label) == plots.bars([], label) == plots.signals([], label) == ""


def test_templates_write_out_what_would_steer_an_eye() -> None:
    environment = make_environment()
    template = environment.from_string("{{ x }} {{ x | name }}")
    assert template.render(x="a<b\u202e\x00") == "a&lt;b\\u202e\\x00 <bdi>a&lt;b\\u202e\\x00</bdi>"


def test_in_a_live_part_the_browser_tells_how_long_ago() -> None:
    assert wall(None, "UTC", 0) == "never"
    assert wall(5 * NS, "UTC", 8 * NS).endswith('data-ago="5000000" title="1970-01-01 00:00:05">'
                                                "3 s ago</time>")  # fmt: skip
    assert wall(5 * NS, "UTC", None).endswith("></time>")


def test_an_event_of_a_stream_has_a_line_for_each_line() -> None:
    assert event("heat", "<p>\n</p>\n") == "event: heat\ndata: <p>\ndata: </p>\n\n"
