"""What a person is told of relays: what waits, what was sent again, and what no longer holds."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.meet import Meet
from projections.relay_health import LONG
from projections.relayed import Item, key_of, queued_draft
from projections.relays import MOST_GONE, MOST_PEERS
from projections.views import RelayHealth
from store.event import RELAY_SENT, SOCKET_CLOSED, SOCKET_OPENED
from tests.kit.meets import TOML, Pool, utc
from wire.stamps import NS

RELAYS = """
[[relay]]
name = "scoring"
protocol = "ctp01"
send = "crossings"

[[relay]]
name = "announcer"
protocol = "tsv1"
port = 10100
"""


def item(
    ms: int, tag: str = "7", *, point: str = "", chip: str = "", full: str = "", lap: int = 1
) -> Item:
    return Item(2, "Finish", tag, utc(ms), point=point, chip=chip, full=full, lap=lap)


class Told:
    """A log in which a relay says what it does."""

    def __init__(self, name: str = "scoring") -> None:
        self.pool = Pool(TOML + RELAYS)
        self.name = name
        self.items = 0

    def queue(self, *items: Item, withdraw: tuple[Item, ...] = ()) -> int:
        draft = queued_draft(
            self.name, items, as_of=self.pool.log.head().position, before=self.items,
            crossings=True, withdrawn=withdraw,
        )  # fmt: skip
        self.items += len(items)
        return self.pool.log.append([draft]).position

    def open(self, c: int = 1, peer: str = "192.168.1.7:4001") -> None:
        self.pool.add(
            self.name, SOCKET_OPENED, c=c, protocol="ctp01", role="client", relay=True, peer=peer
        )

    def mark(self, through: int, sent: int, again: int = 0, c: int = 1) -> None:
        self.pool.add(
            self.name, RELAY_SENT, c=c, peer="192.168.1.7", through=through, safe=0, sent=sent,
            again=again,
        )  # fmt: skip

    def close(self, c: int = 1) -> None:
        self.pool.add(self.name, SOCKET_CLOSED, c=c, reason="the peer is gone")

    def wait(self, seconds: int) -> None:
        self.pool.now += seconds * NS

    @property
    def meet(self) -> Meet:
        return self.pool.meet()

    @property
    def health(self) -> RelayHealth:
        return next(r for r in self.meet.relays() if r.relay == self.name)


def test_a_relay_that_did_nothing_yet() -> None:
    told = Told().health
    assert (told.state, told.protocol, told.send) == ("never connected", "ctp01", "crossings")
    assert (told.queued, told.sent, told.waiting, told.receipt) == (0, 0, 0, None)
    assert (told.warnings, told.waiting_since_ns) == ((), None)


def test_the_receipt_of_a_resend_names_the_cut() -> None:
    told = Told()
    told.queue(item(0), item(1), item(2))
    told.open()
    told.mark(2, 2)
    assert told.health.receipt is not None
    assert (told.health.receipt.sent, told.health.receipt.cut_ns) == (2, None)
    told.wait(5)
    told.close()
    cut = told.pool.now
    told.open(2, "10.0.0.9:1")  # another machine, which has nothing to do with it
    told.mark(1, 1, c=2)
    told.close(2)
    told.wait(5)
    told.open(4)  # over which nothing was sent: the cut that counts is the one before
    told.wait(5)
    told.close(4)
    told.open(3, "192.168.1.7:5000")
    told.mark(3, 3, 2, c=3)
    receipt = told.health.receipt
    assert (receipt.sent, receipt.again, receipt.cut_ns) == (3, 2, cut)
    assert (receipt.peer, receipt.until) == ("192.168.1.7:5000", "")
    assert told.health.again == 2
    told.close(3)
    over = told.health.receipt
    assert over == msgspec.structs.replace(
        receipt, until=over.until, until_ns=told.pool.now, reason="the peer is gone"
    )


def test_a_machine_that_was_turned_away_hides_no_receipt() -> None:
    told = Told()
    told.queue(item(0))
    told.open()
    told.mark(1, 1)
    told.wait(1)
    told.open(2, "10.0.0.9:1")
    told.close(2)
    assert told.health.receipt is not None
    assert told.health.receipt.peer == "192.168.1.7:4001"


def test_items_that_wait_for_long_are_an_alarm_that_ends() -> None:
    told = Told()
    position = told.queue(item(0), item(1))
    since = told.pool.now
    told.wait(LONG // NS - 1)
    told.pool.add("meetlog", "statement.refused")
    assert told.health.waiting_since_ns == since
    assert told.meet.alarms() == []
    told.wait(1)
    told.pool.add("meetlog", "statement.refused")
    (alarm,) = told.meet.alarms()
    assert alarm.key == f"relay scoring waits {position}"
    assert alarm.text.startswith("scoring: 2 items wait since 08:59:00")
    assert alarm.position == position
    assert "port 61611 at 127.0.0.1" in alarm.hint
    assert told.meet.alarms(now=since + LONG - 1) == []
    told.open()
    told.mark(1, 1)
    # Some progress: the wait begins anew, for what is left.
    assert (told.health.waiting, told.health.waiting_since_ns) == (1, told.pool.now)
    told.wait(LONG // NS)
    told.pool.add("meetlog", "statement.refused")
    assert "every location. There are: Finish." in told.meet.alarms()[0].hint
    told.mark(2, 2)
    assert told.health.waiting_since_ns is None
    told.wait(10 * LONG // NS)
    assert told.meet.alarms(now=told.pool.now) == []


def test_nobody_misses_what_a_relay_that_was_removed_has() -> None:
    told = Told()
    told.queue(item(0))
    told.pool.file("meet.toml", TOML.encode(), "settings")
    told.wait(3600)
    told.pool.add("meetlog", "statement.refused")
    assert told.meet.alarms() == []
    assert told.health.state == "no longer in meet.toml"
    assert told.health.warnings == ()


def test_a_crossing_that_moved_and_one_that_is_gone() -> None:
    told = Told()
    first, second = item(30_000), item(31_000, "8", point="Finish line of the pool", chip="008")
    told.queue(first, second)
    moved = item(30_500)
    told.queue(moved, item(90_000), item(30_400, "8"), withdraw=(first,))
    position = told.queue(withdraw=(second,))
    one, two = told.health.withdrawals
    assert (one.chip, one.point, one.kind, one.moment_ns) == (
        "7",
        "Finish",
        "best-seen",
        utc(30_000),
    )
    assert one.instead_ns == utc(30_500)
    assert (two.chip, two.tag, two.point) == ("008", "8", "Finish line of the pool")
    assert (two.location, two.instead_ns, two.position) == ("Finish", None, position)
    assert told.health.withdrawn == 2
    (shortened,) = told.health.warnings
    assert "'Finish line of the pool' as 'Finish'" in shortened
    (alarm,) = told.meet.alarms()
    assert (alarm.key, alarm.position) == (f"relay scoring gone {position}", position)
    assert alarm.text.startswith("scoring: 1 crossing or gun that was queued no longer holds")
    assert "008 at Finish line of the pool 09:00:31)" in alarm.text
    assert "7 at" not in alarm.text  # something is there in its place


def test_a_lap_that_moved_before_it_was_withdrawn() -> None:
    told = Told()
    first, second, third = (item(60_000 * n, lap=n) for n in (1, 2, 3))
    told.queue(first, second, third)
    told.queue(item(120_400, lap=2))
    told.queue(withdraw=(second, third))
    moved, gone = told.health.withdrawals
    assert (moved.instead_ns, gone.instead_ns) == (utc(120_400), None)


def test_what_is_gone_is_one_alarm_that_comes_anew_with_another() -> None:
    told = Told()
    told.queue(*(item(n, str(n)) for n in range(5)))
    told.queue(withdraw=tuple(item(n, str(n)) for n in range(4)))
    (first,) = told.meet.alarms()
    assert "4 crossings or guns that were queued no longer hold" in first.text
    assert "3 at Finish" in first.text
    assert "; and others)" in first.text
    assert "0 at Finish" not in first.text
    told.queue(withdraw=(item(4, "4"),))
    (second,) = told.meet.alarms()
    assert second.key != first.key


def test_what_holds_again_is_no_longer_gone() -> None:
    told = Told()
    told.queue(item(0))
    told.queue(withdraw=(item(0),))
    assert len(told.meet.alarms()) == 1
    told.queue(item(0))
    assert not any((told.health.withdrawn, told.health.withdrawals, told.meet.alarms()))


@pytest.mark.parametrize("more", [-1, 0, 1, 50])
def test_what_is_remembered_of_a_long_day_is_bounded(more: int) -> None:
    told = Told()
    items = tuple(item(n, str(n)) for n in range(MOST_GONE + more))
    told.queue(*items)
    told.queue(withdraw=items)
    assert told.health.withdrawn == len(items)
    assert [w.chip for w in told.health.withdrawals] == [i.tag for i in items[max(0, more) :]]
    for n in range(MOST_PEERS + more):
        told.open(n, f"10.0.{n // 250}.{n % 250}:1")
        told.mark(1, 1, c=n)
        told.close(n)
    relay = told.meet.state.relays.relays["scoring"]
    assert len(relay.cuts) == min(MOST_PEERS, MOST_PEERS + more)
    assert ("10.0.0.0" in relay.cuts) == (more <= 0)


def test_a_gun_can_be_gone_and_a_new_location_cannot() -> None:
    told = Told()
    gun = Item(0, "Start", "", utc(0))
    told.queue(Item(3, "Start", "newlocation", utc(0)), gun, item(0))
    standing = told.meet.state.relays.relays["scoring"].stream.standing
    assert standing == {"": [gun], "7": [item(0)]}
    told.queue(withdraw=(gun,))
    (gone,) = told.health.withdrawals
    assert (gone.kind, gone.chip, gone.point) == ("gun", "", "Start")
    assert "(gun at Start 09:00:00)" in told.meet.alarms()[0].text


def test_names_that_do_not_fit_are_quoted_but_not_all() -> None:
    told = Told()
    told.queue(*(item(n, f"S{n}", full=f"Somebody {n}") for n in range(5)))
    (warning,) = told.health.warnings
    assert "5 names are sent as another text" in warning
    assert "'Somebody 2' as 'S2' and others" in warning
    assert len(told.health.shortened) == 5


deeds = st.lists(
    st.one_of(
        st.tuples(st.just("queue"), st.lists(st.integers(0, 5), max_size=3)),
        st.tuples(st.just("withdraw"), st.lists(st.integers(0, 5), max_size=2)),
        st.tuples(st.just("open"), st.lists(st.integers(1, 3), min_size=1, max_size=1)),
        st.tuples(st.just("close"), st.lists(st.integers(1, 3), min_size=1, max_size=1)),
        st.tuples(st.just("mark"), st.lists(st.integers(1, 3), min_size=1, max_size=1)),
        st.tuples(st.just("wait"), st.lists(st.integers(0, 90), min_size=1, max_size=1)),
    ),
    max_size=25,
)


@given(deeds, st.integers(1, 7))
@settings(max_examples=80, deadline=None)
def test_any_history_folds_alike_and_adds_up(
    history: list[tuple[str, list[int]]], size: int
) -> None:
    told = Told()
    standing: Counter[int] = Counter()
    open_: dict[int, tuple[int, int]] = {}
    through = 0
    for deed, numbers in history:
        match deed:
            case "queue":
                fresh = [n for n in dict.fromkeys(numbers) if not standing[n]]
                told.queue(*(item(n, str(n % 3)) for n in fresh))
                standing.update(fresh)
            case "withdraw":
                gone = [n for n in dict.fromkeys(numbers) if standing[n]]
                told.queue(withdraw=tuple(item(n, str(n % 3)) for n in gone))
                standing.subtract(gone)
            case "open" if numbers[0] not in open_:
                told.open(numbers[0])
                open_[numbers[0]] = (0, 0)
            case "close" if numbers[0] in open_:
                told.close(numbers[0])
                del open_[numbers[0]]
            case "mark" if numbers[0] in open_:
                through = max(through, told.items)
                told.mark(told.items, told.items, c=numbers[0])
            case "wait":
                told.wait(numbers[0])
            case _:
                pass
    log, meet = told.pool.log, Meet()
    while meet.position < log.head().position:
        meet.feed(log.read(meet.position, size))
        meet = Meet.load(meet.save())
    meet.settle()
    assert meet.relays() == told.meet.relays()
    assert meet.alarms() == told.meet.alarms()
    health = told.health
    assert health.queued == told.items
    assert health.waiting == told.items - through == health.queued - health.sent
    assert (health.waiting_since_ns is None) == (health.waiting == 0)
    state = told.meet.state.relays.relays.get("scoring")
    holds = {key_of(i) for each in (state.stream.standing if state else {}).values() for i in each}
    assert holds == {key_of(item(n, str(n % 3))) for n, count in standing.items() if count}
    assert not holds & {key_of(g.item) for g in (state.stream.gone if state else ())}
    assert health.withdrawn == len(health.withdrawals)
