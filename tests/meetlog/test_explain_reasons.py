"""Why a read was not chosen, and what a time comes from when somebody said it."""

from meetlog.auditing import gather
from meetlog.explaining import explain
from meetlog.explanations import ExplainedRead, Explanation
from meetlog.show_audit import sorted_out
from store.event import SOCKET_CLOSED, SOCKET_OPENED, SOCKET_READ
from tests.kit.meets import MS, SWIM, Pool, heat, read, the_race, utc
from wire.statements import (
    AddCrossing,
    AnyStatement,
    AssignChip,
    ClearTime,
    Disqualify,
    MoveGun,
    SetTime,
    ShiftClock,
    StartHeat,
    VoidReads,
    Withdraw,
)
from wire.timedrops import ResultLane

ADA = {"author": "Ada", "channel": "cli", "at": 0, "seen": 0, "reason": "I saw it"}
RACE = {"session": "67", "event": "1", "heat": 1}
TWO_LAPS = SWIM.replace(
    "distance = 50 }]", 'distance = 50 }, { point = "Finish", distance = 100, passing = 2 }]'
).replace("[[course]]", '[[course]]\nminimum = "5s"')


def a_pool(toml: str = SWIM) -> Pool:
    pool = Pool(toml)
    pool.load(heat("1", 1, 1, {1: "101", 2: "102"}), heat("1", 2, 2, {1: "101"}))
    return pool


def lane(pool: Pool, number: int = 1, race: int = 1) -> Explanation:
    meet = pool.meet()
    (found,) = explain(
        pool.log, meet, gather(pool.log, meet), the_race(meet, "1", race), lanes=[number]
    )
    return found


def why(e: Explanation) -> list[tuple[int, str]]:
    """The reads that were not chosen: milliseconds, and the fixed word."""
    return [((r.moment_ns - utc(0)) // MS, r.why) for r in e.others]


def the_other(e: Explanation) -> ExplainedRead:
    (found,) = e.others
    return found


# -- within a crossing ---------------------------------------------------------------


def test_of_equal_signals_the_first_counts() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.passes(30_000, "101")
    pool.passes(31_500, "101")
    e = lane(pool)
    assert e.time == "30.00"
    assert why(e) == [(31_500, "later")]
    assert the_other(e).reason == "1.5 s later; of equal signals the first counts"
    assert e.legs[-1].reads == 2


def test_a_weaker_signal_loses_even_when_it_is_earlier() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.hear(read(29_000, "101", rssi=-80), read(30_000, "101", rssi=-50), source="loop")
    e = lane(pool)
    assert e.time == "30.00"
    assert why(e) == [(29_000, "weaker")]
    assert the_other(e).reason == "weaker signal: -80 dBm, the chosen has -50 dBm"


def test_a_first_seen_read_is_superseded() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.hear(read(29_000, "101", kind=1))
    pool.passes(30_000, "101")
    assert why(lane(pool)) == [(29_000, "first-seen")]


def test_first_seen_reads_alone_are_never_official() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.hear(read(29_000, "101", kind=1))
    e = lane(pool)
    assert e.time_cs is None
    assert why(e) == [(29_000, "provisional")]
    assert "no crossing of the finish counts" in e.note


def test_a_backup_gives_way_to_the_main_feed() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.hear(read(29_900, "101", "Backup"))
    pool.passes(30_000, "101")
    e = lane(pool)
    assert e.time == "30.00"
    assert why(e) == [(29_900, "backup")]
    assert the_other(e).backup


def test_one_detection_told_by_two_feeds_counts_once() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.passes(30_000, "101")
    pool.hear(read(30_000, "101", "Backup"))
    assert why(lane(pool)) == [(30_000, "same-detection")]


def test_the_rule_last_takes_the_last() -> None:
    pool = a_pool(SWIM.replace('name = "Finish"\n', 'name = "Finish"\nrule = "last"\n'))
    pool.gun(0)
    pool.passes(30_000, "101")
    pool.passes(31_000, "101")
    e = lane(pool)
    assert e.time == "31.00"
    assert why(e) == [(30_000, "earlier")]


def test_copies_name_the_event_of_the_read_that_they_copy() -> None:
    pool = a_pool()
    pool.gun(0)
    first = pool.passes(30_000, "101")
    second = pool.passes(30_000, "101")
    e = lane(pool)
    assert why(e) == [(30_000, "resend")]
    assert (the_other(e).position, the_other(e).copy_of) == (second, first)
    assert the_other(e).reason == f"resend: a copy of the read in event {first}"
    chosen = e.legs[-1].chosen
    assert chosen is not None
    assert chosen.position == first


def test_of_copies_with_different_signals_the_stronger_is_the_read() -> None:
    pool = a_pool()
    pool.gun(0)
    weak = pool.hear(read(30_000, "101", rssi=-80), source="loop")
    strong = pool.hear(read(30_000, "101", rssi=-50), source="loop")
    e = lane(pool)
    chosen = e.legs[-1].chosen
    assert chosen is not None
    assert (chosen.position, chosen.rssi) == (strong, -50)
    assert (the_other(e).position, the_other(e).rssi) == (weak, -80)
    assert the_other(e).reason.endswith("with a weaker signal")


# -- whole crossings -------------------------------------------------------------------


def test_before_the_gun_too_soon_another_lap_and_after_the_next_start() -> None:
    pool = a_pool(TWO_LAPS)
    pool.passes(-20_000, "101")
    pool.gun(0)
    for ms in (3_000, 30_000, 60_000, 90_000):
        pool.passes(ms, "101")
    pool.gun(120_000)
    pool.passes(150_000, "101")
    e = lane(pool)
    assert [leg.time for leg in e.legs] == ["30.00", "1:00.00"]
    assert why(e) == [
        (-20_000, "before-gun"),
        (3_000, "before-minimum"),
        (90_000, "other-passing"),
        (150_000, "after-next-start"),
    ]
    reasons = [r.reason for r in e.others]
    assert reasons[0] == "before the gun, by 20 s"
    assert reasons[1] == "3 s after the gun: before the minimum time of 5 s"
    assert reasons[2].startswith(
        "the 3rd passing of Finish after the gun; the course takes the 1st"
    )
    second = lane(pool, race=2)
    assert [w for w in why(second) if w[0] == 60_000] == [(60_000, "before-gun")]


def test_a_point_that_the_course_does_not_have() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.passes(15_000, "101", point="Turn")
    pool.passes(30_000, "101")
    assert why(lane(pool)) == [(15_000, "not-in-course")]


def test_two_chips_of_a_lane_pass_together() -> None:
    pool = a_pool()
    pool.chips({"7": "101", "8": "101"})
    pool.gun(0)
    pool.passes(30_000, "7")
    pool.passes(30_400, "8")
    e = lane(pool)
    assert e.time == "30.00"
    assert why(e) == [(30_400, "other-chip")]


def test_a_heat_without_a_start_has_nothing_to_time() -> None:
    pool = a_pool()
    pool.passes(30_000, "101")
    e = lane(pool)
    assert e.start is None
    assert why(e) == [(30_000, "no-start")]


def test_a_chip_of_somebody_else_by_the_newest_chip_table() -> None:
    pool = a_pool()
    pool.chips({"7": "101", "8": "102"})
    pool.gun(0)
    pool.passes(30_000, "7")
    pool.passes(31_000, "8")
    pool.chips({"7": "102", "8": "101"})
    e = lane(pool)
    assert e.time == "31.00"
    assert why(e) == [(30_000, "not-assigned")]
    assert "First102 Last102 (102)'s by the chip table" in the_other(e).reason


# -- statements ---------------------------------------------------------------------------


def say(pool: Pool, kind: type[AnyStatement], **fields: object) -> int:
    about = RACE if "session" in kind.__struct_fields__ else {}
    return pool.say(kind(**{**ADA, **about, **fields}))  # type: ignore[arg-type]  # one map of what every statement says


def swum() -> Pool:
    pool = a_pool()
    pool.gun(0)
    pool.passes(30_000, "101")
    return pool


def test_a_time_that_was_said() -> None:
    pool = swum()
    position = say(pool, SetTime, lane=1, time_cs=2950)
    e = lane(pool)
    assert (e.time, e.time_from) == ("29.50", "statement")
    assert e.time_statement is not None
    assert (e.time_statement.position, e.time_statement.author) == (position, "Ada")
    assert e.time_statement.reason == "I saw it"
    back = say(pool, Withdraw, position=position)
    e = lane(pool)
    assert (e.time, e.time_from, e.time_statement) == ("30.00", "crossing", None)
    assert [(s.position, s.withdrawn_by) for s in e.statements] == [(position, back), (back, None)]


def test_a_time_that_was_cleared() -> None:
    pool = swum()
    position = say(pool, ClearTime, lane=1)
    e = lane(pool)
    assert (e.time_cs, e.time_from) == (None, "")
    assert e.time_statement is not None
    assert e.time_statement.position == position


def test_a_crossing_that_somebody_saw_outranks_the_reads() -> None:
    pool = swum()
    position = say(pool, AddCrossing, chip="101", point="Finish", moment=utc(29_000))
    e = lane(pool)
    assert e.time == "29.00"
    leg = e.legs[-1]
    assert leg.chosen is None
    assert leg.statement is not None
    assert leg.statement.position == position
    assert why(e) == [(30_000, "outranked")]
    assert the_other(e).statement == position


def test_void_reads_say_who_voided_them() -> None:
    pool = swum()
    position = say(pool, VoidReads, chip="101", point="", since=utc(29_000), until=utc(31_000))
    e = lane(pool)
    assert e.time_cs is None
    assert why(e) == [(30_000, "void")]
    assert the_other(e).statement == position
    assert the_other(e).reason == f"voided by Ada in statement {position}: I saw it"


def test_void_reads_of_other_swims_are_counted_apart() -> None:
    pool = swum()
    pool.passes(-20_000, "101")
    pool.gun(120_000)
    pool.passes(150_000, "101")
    pool.passes(150_000, "101")
    say(pool, VoidReads, chip="101", point="", since=0, until=utc(200_000))
    here, away = sorted_out(lane(pool))
    assert [r.why for r in here] == ["void"]
    assert away == {"before the gun": 1, "after the next start": 2}


def test_a_chip_that_was_given_away_before_it_was_read() -> None:
    pool = swum()
    position = say(pool, AssignChip, chip="101", swimmer="102", since=utc(20_000))
    e = lane(pool)
    assert e.time_cs is None
    assert why(e) == [(30_000, "not-assigned")]
    assert the_other(e).statement == position
    assert lane(pool, 2).time == "30.00"


def test_a_chip_that_was_nobodys_until_later() -> None:
    pool = a_pool()
    pool.gun(0)
    pool.passes(30_000, "555")
    pool.passes(50_000, "555")
    say(pool, AssignChip, chip="555", swimmer="101", since=utc(40_000))
    e = lane(pool)
    assert e.time == "50.00"
    assert why(e) == [(30_000, "unknown-chip")]


def test_a_clock_that_was_corrected() -> None:
    pool = swum()
    position = say(pool, ShiftClock, source="mat", shift=-500 * MS)
    e = lane(pool)
    chosen = e.legs[-1].chosen
    assert chosen is not None
    assert chosen.shift_ns == -500 * MS
    assert (chosen.moment_ns - utc(0)) // MS == 29_500
    assert e.start is not None
    assert e.start.shift_ns == -500 * MS
    assert [s.position for s in e.statements] == [position]


def test_a_start_that_was_said_and_one_that_was_moved() -> None:
    pool = a_pool()
    by_hand = say(pool, StartHeat, gun=utc(1_000))
    pool.passes(30_000, "101")
    e = lane(pool)
    assert e.start is not None
    assert e.start.raw is None
    assert e.start.statement is not None
    assert (e.start.statement.position, e.time) == (by_hand, "29.00")
    moved = say(swum_pool := swum(), MoveGun, gun=utc(2_000))
    e = lane(swum_pool)
    assert e.start is not None
    assert e.start.statement is not None
    assert (e.start.statement.position, e.time) == (moved, "28.00")
    assert e.start.raw is not None  # the gun that was moved is still shown


def test_a_disqualification_is_told_with_its_author() -> None:
    pool = swum()
    position = say(pool, Disqualify, lane=1, code="SW 7.6", text="one hand")
    e = lane(pool)
    assert (e.status, e.time) == ("DQ", "30.00")
    assert [s.position for s in e.statements] == [position]
    assert "SW 7.6" in e.statements[0].words


# -- other sources of a time ------------------------------------------------------------------


def test_a_consoles_result_is_explained_by_its_file() -> None:
    pool = swum()
    position = pool.console("1", 1, ResultLane(1, 2999))
    e = lane(pool)
    assert (e.time, e.time_from) == ("29.99", "console")
    assert e.console is not None
    (part,) = e.console.parts
    event = pool.log.read(position - 1, 1)[0]
    assert (part.position, part.offset, part.length) == (position, 0, len(event.body))
    assert why(e) == [(30_000, "console")]
    assert e.published is not None
    assert (e.published.origin, e.published.position) == ("time-drops", position)


def test_what_is_not_published_and_what_is_published_otherwise_is_noted() -> None:
    pool = swum()
    assert lane(pool).note == "This result is not published yet."
    pool.publish(
        "1", 1, b'{"sessionId":"67","eventNumber":"1","heatNumber":1,"raceNumber":1,'
        b'"lanes":[{"lane":1,"finalTime":2800}]}', 1,
    )  # fmt: skip
    e = lane(pool)
    assert e.published is not None
    assert not e.published.agrees
    assert "Revision 1 says 28.00; the log now gives 30.00" in e.note


# -- bytes that ended otherwise ------------------------------------------------------------------


def test_a_last_message_without_its_end_is_found_in_the_events_before_the_close() -> None:
    pool = a_pool()
    pool.gun(0)
    body = b'[{"Chip":101,"Moment":"2026-06-14T09:00:30.0000000Z","TimingPoint":"Finish"}]'
    first = pool.receive(body[:20])
    second = pool.receive(body[20:])
    pool.disconnect()
    e = lane(pool)
    assert e.time == "30.00"
    chosen = e.legs[-1].chosen
    assert chosen is not None
    assert chosen.raw is not None
    assert chosen.raw.exact
    assert [p.position for p in chosen.raw.parts] == [first, second]
    assert chosen.raw.text == body[1:-1].decode()


def test_bytes_between_others_of_another_connection_are_told_apart() -> None:
    pool = a_pool()
    pool.gun(0)
    for number in (7, 8):
        pool.add("mat", SOCKET_OPENED, c=number, protocol="tsv1", role="client", peer="p")
    message = b'[{"Chip":%d,"Moment":"2026-06-14T09:00:%d.0000000Z","TimingPoint":"Finish"}]\r'
    one, other = message % (101, 30), message % (102, 31)
    for at in (0, 40):
        pool.add("mat", SOCKET_READ, one[at : at + 40] if not at else one[40:], c=7)
        pool.add("mat", SOCKET_READ, other[at : at + 40] if not at else other[40:], c=8)
    pool.add("mat", SOCKET_CLOSED, c=7, reason="")
    for number, connection, body in ((1, 7, one), (2, 8, other)):
        chosen = lane(pool, number).legs[-1].chosen
        assert chosen is not None
        assert chosen.raw is not None
        assert (chosen.raw.connection, chosen.raw.exact) == (connection, True)
        assert (chosen.raw.text or "").encode() == body[1:-2]


def test_a_read_beside_garbage_is_still_found_alone() -> None:
    pool = a_pool()
    pool.gun(0)
    good = b'{"tag":"101","LocalMoment":"2026-06-14T09:00:30","point":"Finish"}'
    pool.receive(b'junk\r[{"Chip":true},' + good + b',{"x":"{}"}]\r[{"Chip":9')
    chosen = lane(pool).legs[-1].chosen
    assert chosen is not None
    assert chosen.raw is not None
    assert (chosen.raw.text, chosen.raw.exact) == (good.decode(), True)
