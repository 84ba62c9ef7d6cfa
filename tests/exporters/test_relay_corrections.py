"""When crossings are sent, and what brings a correction: one story each."""

import pytest

from exporters.relay_corrections import WHOLE, Corrections, Span
from projections.relayed import Item, ItemKind
from tests.exporters.relay_days import within
from tests.exporters.relay_stand import SECOND, Stand, relay
from tests.kit import sayings
from tests.kit.meets import MS, SWIM, heat, read, utc
from wire.statements import AnyStatement

GUNS = ["gun", "first-seen", "best-seen"]


class Finish(Stand):
    """A stand whose relay sends crossings; what it sent is told in short."""

    def __init__(self, toml: str = SWIM, **more: object) -> None:
        super().__init__(relay("out", "tsv2", send="crossings", **more), toml=toml)
        self.catch_up()
        self.looked = 0

    def hear(self, ms: int, chip: str = "101", rssi: int = -60, **more: object) -> None:
        self.pool.now = max(self.pool.now, utc(ms))
        self.pool.hear(read(ms, chip, rssi=rssi, **more), source="loop")  # type: ignore[arg-type]  # handed on
        self.catch_up()

    def say(self, statement: AnyStatement) -> int:
        position = self.pool.say(statement)
        self.settle()
        return position

    def after(self, seconds: float) -> list[str]:
        """What is new after so long, as `kind tag@second`."""
        self.now += round(seconds * SECOND)
        self.catch_up()
        items = self.items("out")
        new, self.looked = items[self.looked :], len(items)
        return [f"{i.kind} {i.tag}@{(i.moment - utc(0)) / SECOND:g}" for i in new]

    @property
    def withdrawn(self) -> int:
        return self.meet.relays()[0].withdrawn


def test_a_crossing_is_sent_when_it_has_not_changed_for_the_hold() -> None:
    stand = Finish(hold="2s")
    stand.hear(0)
    assert stand.after(1.9) == []
    assert stand.after(0.1) == ["2 101@0"]
    assert stand.after(100) == []


def test_a_better_read_within_the_hold_begins_it_anew() -> None:
    stand = Finish(hold="2s")
    stand.hear(0)
    assert stand.after(1.5) == []
    stand.hear(1000, rssi=-50)
    assert stand.after(1.5) == []
    assert stand.after(0.5) == ["2 101@1"]
    assert stand.withdrawn == 0


def test_a_chip_that_lingers_is_sent_though_it_keeps_being_read() -> None:
    stand = Finish(hold="2s")
    sent = []
    for second in range(4):
        stand.hear(second * 1000, rssi=-60 - second)
        sent.append(stand.after(1))
    assert sent == [[], ["2 101@0"], [], []]


def test_a_chip_that_laps_faster_than_the_hold_is_sent_all_the_same() -> None:
    stand = Finish(SWIM.replace('name = "Finish"', 'name = "Finish"\ngap = "3s"'), hold="12s")
    sent = []
    for lap in range(5):
        stand.hear(lap * 8000)
        sent += stand.after(8)
    assert sent == ["2 101@0", "2 101@8", "2 101@16", "2 101@24"]
    assert [i.lap for i in stand.items("out")] == [1, 2, 3, 4]


def test_a_later_lap_does_not_take_away_an_earlier_one_that_waits() -> None:
    stand = Finish(SWIM.replace('name = "Finish"', 'name = "Finish"\ngap = "3s"'), hold="12s")
    stand.hear(0)
    stand.hear(8000)
    stand.hear(8500, rssi=-50)
    assert stand.after(12) == ["2 101@0", "2 101@8.5"]


def test_a_better_read_after_it_was_sent_brings_the_new_moment() -> None:
    stand = Finish()
    stand.hear(0)
    assert stand.after(1) == ["2 101@0"]
    stand.hear(2000, rssi=-50)
    stand.hear(4000, rssi=-55)
    assert stand.after(1) == ["2 101@2"]
    assert stand.withdrawn == 1


def test_what_is_true_again_is_sent_again() -> None:
    """A peer takes the newest: it must not stay with the correction that was corrected."""
    stand = Finish()
    stand.hear(0)
    stand.hear(2000, rssi=-50)
    assert stand.after(1) == ["2 101@2"]
    stand.say(sayings.void("101", 2000, 2000))
    assert stand.after(0) == ["2 101@0"]
    stand.say(sayings.void("101", 2000, 2000, restore=True))
    assert stand.after(0) == ["2 101@2"]
    assert stand.withdrawn == 1, "the first is wrong, and the second holds again"


@pytest.mark.parametrize(
    ("statement", "sent", "withdrawn"),
    [
        (sayings.void("101"), [], 1),
        (sayings.void("101", point="Turn"), [], 0),
        (sayings.crossing("101", 1500), ["2 101@1.5"], 1),
        (sayings.crossing("101", 60_000), ["2 101@60"], 0),
        (sayings.crossing("555", 60_000, "Turn"), ["2 555@60"], 0),
        (sayings.shift("loop", 1500), ["2 101@1.5"], 1),
        (sayings.shift("mat", 1500), [], 0),
        (sayings.chip("101", "102"), [], 0),
    ],
)
def test_a_statement_leads_to_a_correction_and_its_withdrawal_back(
    statement: AnyStatement, sent: list[str], withdrawn: int
) -> None:
    stand = Finish()
    stand.hear(0)
    assert stand.after(1) == ["2 101@0"]
    position = stand.say(statement)
    assert stand.after(0) == sent
    assert stand.withdrawn == withdrawn
    stand.say(sayings.withdraw(position))
    # Only where the crossing itself was another one in between, it is news again.
    assert stand.after(0) == (["2 101@0"] if withdrawn else [])


def test_as_a_bib_a_chip_is_sent_anew_when_it_is_somebody_elses() -> None:
    stand = Finish(tag="bib")
    stand.hear(0, chip="X9")
    assert stand.after(1) == ["2 X9@0"]
    stand.pool.chips({"X9": "12"})
    stand.settle()
    assert stand.after(0) == ["2 12@0"]
    stand.say(sayings.chip("X9", "13"))
    assert stand.after(0) == ["2 13@0"]
    stand.say(sayings.chip("X9", "14", 5000))
    assert stand.after(0) == []
    stand.hear(20_000, chip="X9")
    assert stand.after(1) == ["2 14@20"]
    assert stand.withdrawn == 2


def test_first_seen_reads_are_sent_only_if_they_are_named_and_then_at_once() -> None:
    stand, early = Finish(), Finish(kinds=GUNS)
    for each in (stand, early):
        each.hear(0, kind=1)
    assert early.after(0) == ["1 101@0"]
    for each in (stand, early):
        each.hear(500, kind=2)
    assert early.after(0) == []
    assert early.after(1) == ["2 101@0.5"]
    assert stand.after(1) == ["2 101@0.5"]
    stand.hear(60_000, kind=1)
    assert stand.after(60) == [], "it is provisional, and never official"


def test_a_read_before_the_first_one_is_the_first_one_now() -> None:
    stand = Finish(kinds=["first-seen"])
    stand.hear(2000)
    assert stand.after(0) == ["1 101@2"]
    stand.hear(0)
    assert stand.after(0) == ["1 101@0"]
    assert stand.after(1) == []
    assert stand.withdrawn == 1


def test_of_two_kinds_at_one_moment_the_right_one_is_withdrawn() -> None:
    stand = Finish(kinds=GUNS)
    stand.hear(2000)
    assert stand.after(1) == ["1 101@2", "2 101@2"]
    stand.hear(3000, rssi=-50)
    assert stand.after(1) == ["2 101@3"]
    standing = stand.meet.state.relays.stream("out").standing["101"]
    assert [(i.kind, i.moment) for i in standing] == [(1, utc(2000)), (2, utc(3000))]


def test_guns_go_with_crossings_at_the_point_by_the_corrected_clock() -> None:
    stand = Finish(kinds=["gun"])
    stand.pool.gun(0, "Backup", "loop")
    stand.catch_up()
    assert stand.after(0) == ["0 @0"]
    assert [i.location for i in stand.items("out")] == ["Finish"]
    position = stand.say(sayings.shift("loop", 1500))
    assert stand.after(0) == ["0 @1.5"]
    stand.pool.gun(20_000, "Backup", "loop")
    stand.catch_up()
    assert stand.after(0) == ["0 @21.5"]
    stand.say(sayings.withdraw(position))
    assert stand.after(0) == ["0 @0", "0 @20"]
    assert stand.withdrawn == 2, "what was sent at first holds again"


def test_the_same_gun_told_twice_is_one() -> None:
    stand = Finish()
    for source in ("mat", "loop", "mat"):
        stand.pool.gun(0, source=source)
        stand.catch_up()
    assert stand.after(0) == ["0 @0"]


def test_guns_are_sent_by_the_zone_of_now() -> None:
    stand = Finish()
    stand.pool.gun(0)
    stand.hear(10_000)
    assert stand.after(1) == ["0 @0", "2 101@10"]
    stand.adopt(relay("out", send="crossings"), toml=SWIM.replace("Berlin", "Lisbon"))
    stand.settle()
    assert stand.after(0) == ["0 @3600", "2 101@3610"]
    assert stand.withdrawn == 2


def test_heats_go_by_their_starts() -> None:
    stand = Finish(heats=["67/1/1"])
    stand.pool.load(heat("1", 1, 1, {1: "101"}), heat("1", 2, 2, {1: "101", 2: "102"}))
    stand.hear(30_000)
    stand.hear(31_000, chip="102")
    assert stand.after(1) == ["2 101@30"], "it has not started, and who knows"
    stand.pool.gun(10_000)
    stand.settle()
    assert stand.after(1) == ["0 @10"]
    stand.pool.gun(50_000)  # of the second heat, which this relay does not send
    stand.hear(60_000)
    assert stand.after(1) == []
    stand.say(sayings.gun(40_000))
    assert stand.after(0) == []
    assert stand.withdrawn == 1, "it was before the start"
    stand.say(sayings.gun(20_000))
    assert stand.after(0) == ["2 101@30"]


def test_heats_go_by_the_program() -> None:
    stand = Finish(heats=["67/1/1"])
    stand.hear(30_000)
    assert stand.after(1) == []
    stand.pool.load(heat("1", 1, 1, {1: "101"}))
    stand.settle()
    assert stand.after(0) == ["2 101@30"]
    stand.pool.load(heat("1", 1, 1, {1: "102"}))
    stand.settle()
    assert stand.after(0) == []
    assert stand.withdrawn == 1


def test_a_filter_of_one_feed_tells_the_feeds_of_a_point_apart() -> None:
    toml = SWIM.replace('"Finish", { name = "Backup", backup = true }', '"Left", "Right"')
    stand = Finish(toml, points=["Right"])
    stand.hear(0, chip="1", point="Left")
    stand.hear(0, chip="2", point="Right")
    stand.hear(60_000, chip="3", point="Left")
    assert stand.after(1) == ["2 2@0"]


def test_what_somebody_saw_is_sent_whatever_the_sources() -> None:
    stand = Finish(sources=["loop"])
    stand.hear(0)
    stand.pool.passes(2000, "101")
    stand.say(sayings.crossing("101", 1000))
    assert stand.after(0) == ["2 101@1"]


def test_what_could_not_be_queued_is_queued_later() -> None:
    stand = Finish()
    stand.hear(0)
    stand.pool.gun(0)
    stand.log.full = True
    assert stand.after(1) == []
    assert [alarm.key for alarm in stand.queue.alarms()] == ["relays"]
    stand.log.full = False
    stand.now += SECOND
    stand.settle()
    assert stand.after(0) == ["0 @0", "2 101@0"]
    assert not stand.queue.alarms()


def test_an_announcement_is_no_crossing() -> None:
    stand = Stand(relay("out", "ctp01", send="crossings"), toml=SWIM)
    stand.pool.passes(0, "101", point="Hill")
    stand.settle()
    assert [(i.kind, i.location, i.tag) for i in stand.items("out")] == [
        (ItemKind.LOCATION, "Hill", ""),
        (ItemKind.BEST_SEEN, "Hill", "101"),
    ]
    stand.begin()
    stand.settle()
    assert len(stand.items("out")) == 2
    assert stand.meet.relays()[0].withdrawn == 0


def test_a_relay_that_turns_to_crossings_and_back_sends_all_of_each() -> None:
    """What came as reads says nothing of crossings, nor do these of reads."""
    reads, crossings = relay("out"), relay("out", send="crossings")
    stand = Stand(reads, toml=SWIM)
    stand.pool.passes(0, "101", "102")
    stand.settle()
    stand.adopt(crossings)
    stand.pool.passes(500, "101")
    stand.settle()
    stand.adopt(reads)
    stand.settle()
    assert [(i.tag, (i.moment - utc(0)) // MS) for i in stand.items("out")] == [
        ("101", 0), ("102", 0), ("101", 0), ("102", 0), ("101", 500)
    ]  # fmt: skip


def item(moment: int, kind: int = 2) -> Item:
    return Item(kind, "Finish", "101", moment)


def test_waiting_costs_only_what_is_due() -> None:
    """The hold of ten thousand chips is looked at when the first of them is over, and not before.

    All of it in the order of the moments, whatever the order of the waiting.
    """
    corrections = Corrections(100)
    for n in range(10_000):
        corrections.note(str(n), [item(10_000 - n)], [], n // 100, WHOLE)
    assert corrections.next_due(50) == 50
    assert corrections.due(99, 9999) == ([], [])
    add, withdraw = corrections.due(100, 9999)
    assert [i.moment for i in add] == list(range(9901, 10_001))
    assert withdraw == []
    assert corrections.next_due(100) == 1


def test_what_waits_outside_of_the_span_is_left_alone() -> None:
    corrections = Corrections(100)
    corrections.note("101", [item(10), item(50)], [], 0, WHOLE)
    corrections.note("101", [item(60)], [], 40, Span("Finish", 30))
    corrections.note("101", [], [], 40, Span("Turn", 0))
    assert corrections.due(100, 9999) == ([item(10)], [])
    assert corrections.due(140, 9999) == ([item(60)], [])
    assert corrections.next_due(140) is None


def test_what_is_due_together_is_bounded_and_what_belongs_together_stays_so() -> None:
    corrections = Corrections(100)
    for n in range(10):
        corrections.note(str(n), [item(n)], [item(n + 100), item(n + 200)], 0, WHOLE)
    sizes = []
    while corrections.next_due(100) == 0:
        add, withdraw = corrections.due(100, 4)
        sizes.append((len(add), len(withdraw)))
    assert sizes == [(2, 4)] * 5


def test_many_crossings_that_move_are_each_in_the_place_of_one() -> None:
    """A false shift and its withdrawal: nothing is left for anybody to remove by hand."""
    with within({"heard": 6, "items": 2, "portion": 3, "mark": 20}):
        stand = Finish(SWIM.replace('name = "Finish"', 'name = "Finish"\ngap = "3s"'))
        for lap in range(4):
            stand.pool.hear(
                *(read(lap * 20_000 + n, str(n), rssi=-60) for n in range(1, 6)), source="loop"
            )
        stand.settle()
        stand.say(sayings.shift("loop", 1500))
        health = stand.meet.relays()[0]
        assert health.withdrawn == 20
        assert all(w.instead_ns == w.moment_ns + 1500 * MS for w in health.withdrawals)
        assert not stand.meet.alarms()
        stand.say(sayings.void("3", 20_000, 21_000))
        (gone,) = (w for w in stand.meet.relays()[0].withdrawals if w.instead_ns is None)
        assert (gone.chip, gone.moment_ns) == ("3", utc(21_503))


def test_of_two_that_become_one_the_other_is_gone() -> None:
    stand = Finish(SWIM.replace('name = "Finish"', 'name = "Finish"\ngap = "3s"'))
    stand.hear(0)
    stand.hear(6000)
    stand.settle()
    stand.hear(3000, rssi=-50)  # between the two: all of it was one passing
    stand.settle()
    found = {w.moment_ns - utc(0): w.instead_ns for w in stand.meet.relays()[0].withdrawals}
    assert len(found) == 2
    assert sorted(each is None for each in found.values()) == [False, True]
    assert [alarm.key.split()[:3] for alarm in stand.meet.alarms()] == [["relay", "out", "gone"]]
