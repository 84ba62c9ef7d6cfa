"""What the log tells of relays; and that what their peers say means nothing to the meet."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections import relays
from projections.folding import fold, follow
from projections.meet import Meet
from projections.relayed import Item, Queued, queued, queued_draft, sent
from projections.relays import MOST_PEERS, Relays
from projections.views import RelayHealth
from store.event import RELAY_QUEUED, RELAY_SENT, Draft, pack_meta
from store.memory import MemoryLog
from tests.kit.around import around
from tests.kit.days import Deed, day, deeds_without_relays
from tests.kit.meets import SWIM, Pool, read, utc
from tests.kit.relay_deeds import RELAYS, connections, decisions
from tests.kit.sayings import shown
from wire.errors import WireError
from wire.settings_file import parse
from wire.stamps import NS

mixed = deeds_without_relays.flatmap(
    lambda done: st.tuples(
        st.just(done), st.lists(st.tuples(st.integers(0, len(done)), connections), max_size=15)
    )
)


@given(mixed)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_peers_of_relays_say_and_are_sent_changes_nothing_else(
    case: tuple[list[Deed], list[tuple[int, Callable[[Pool], object]]]],
) -> None:
    """No read, no gun, no quarantine, no health of a source: as if it had not been there."""
    done, talk = case
    plain, busy = Pool(), Pool()
    places = {n: n for n in range(1, plain.log.head().position + 1)}
    for n in range(len(done) + 1):
        for at, each in talk:
            if at == n:
                each(busy)
        if n < len(done):
            before, begin = plain.log.head().position, busy.log.head().position
            done[n](plain)
            done[n](busy)
            after = plain.log.head().position
            places |= {before + i: begin + i for i in range(1, after - before + 1)}
    expected, found = shown(plain.meet(), places), shown(busy.meet())
    del expected["relays"], found["relays"]
    assert found == expected


@given(
    st.lists(st.one_of(connections, decisions), max_size=40),
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
)
@settings(max_examples=100, deadline=None)
def test_relays_are_the_same_however_the_log_is_folded(
    done: list[Deed], portions: list[int]
) -> None:
    log = day(done).log
    meet, turn = Meet(), 0
    while meet.position < log.head().position:
        meet = follow(meet, log, portions[turn % len(portions)])
        turn += 1
        if turn % 3 == 0:
            meet.settle()
            meet = Meet.load(meet.save())
    again = fold(log)
    assert meet.relays() == again.relays()
    assert meet.state.relays.relays == again.state.relays.relays


# -- what came in, until it is taken ------------------------------------------

_told = st.lists(
    st.one_of(
        st.tuples(st.just("reads"), st.lists(st.integers(0, 9), min_size=1, max_size=5)),
        st.tuples(st.just("gun"), st.lists(st.integers(0, 9), min_size=1, max_size=1)),
        st.tuples(st.just("taken"), st.lists(st.integers(0, 5), min_size=2, max_size=2)),
        st.tuples(st.just("settings"), st.lists(st.integers(0, 2), min_size=1, max_size=1)),
    ),
    max_size=30,
)
HOUSES = (SWIM, SWIM + RELAYS, SWIM + RELAYS.replace('"raw"', '"crossings"'))


@given(_told, st.sampled_from([1, 7, 200_000]))
@settings(max_examples=200, deadline=None)
def test_all_that_came_in_after_a_place_is_kept(
    told: list[tuple[str, list[int]]], most: int
) -> None:
    """In its order, each once; what is left out lies before that place, and is in the log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relays, "MOST_HEARD", most)
        pool, meet = Pool(SWIM), Meet()
        came: list[tuple[int, str]] = []
        for what, numbers in told:
            if what == "settings":
                pool.file("meet.toml", HOUSES[numbers[0]].encode(), "settings")
            elif what == "taken":
                as_of = max(0, pool.log.head().position - numbers[1])
                name = ("scoring", "spare")[numbers[0] % 2]
                pool.log.append([queued_draft(name, (), as_of=as_of, before=0)])
            elif what == "gun":
                position = pool.gun(numbers[0] * 500)
                came.append((position, f"gun {utc(numbers[0] * 500)}"))
            else:
                position = pool.hear(*(read(n * 500, str(n)) for n in numbers))
                came += [(position, str(n)) for n in numbers]
            meet.feed(pool.log.read(meet.position))
            state = meet.state.relays
            assert _heard(state) == [each for each in came if each[0] > state.heard_from]
            assert state.heard_size <= max(most, 0) or state.heard_size == 0
            assert state.heard_size == sum(each.size for each in state.heard)
            if not meet.settings.relays:
                assert not state.heard
            loaded = Meet.load(meet.save()).state.relays
            assert loaded == state


@around
def test_what_waits_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    most = 6
    monkeypatch.setattr(relays, "MOST_HEARD", most)
    pool, meet = Pool(SWIM + RELAYS), Meet()
    for n in range(most + more):
        pool.hear(read(n * 500, str(n)))
        meet.feed(pool.log.read(meet.position))
    kept = [chip for _, chip in _heard(meet.state.relays)]
    assert kept == [str(n) for n in range(4 if more > 0 else 0, most + more)]


def _heard(state: Relays) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for each in state.heard:
        if each.gun is not None:
            found.append((each.gun.position, f"gun {each.gun.moment}"))
        if each.reads is not None:
            found += zip(each.reads.positions, (str(r.chip) for r in each.reads.raws), strict=True)
    return found


def test_what_says_nothing_new_is_marked() -> None:
    pool = Pool(SWIM + RELAYS)
    pool.hear(read(0, "1", rssi=-60), read(0, "2", rssi=-60), source="loop")
    pool.hear(
        read(0, "1", rssi=-70), read(0, "2", rssi=-50), read(0, "1", kind=1, rssi=-60),
        source="loop",
    )  # fmt: skip
    pool.gun(0)
    pool.gun(0)
    heard = pool.meet().state.relays.heard
    assert [sorted(each.copies) for each in heard] == [[], [0], [], [0]]


def test_what_all_relays_have_taken_is_kept_no_longer() -> None:
    pool = Pool(SWIM + RELAYS)
    for n in range(5):
        position = pool.hear(read(n * 500, "1"))
        pool.log.append([queued_draft("scoring", (), as_of=position, before=0)])
    assert len(pool.meet().state.relays.heard) == 5
    pool.log.append([queued_draft("spare", (), as_of=position, before=0)])
    assert pool.meet().state.relays.heard == []


def test_a_relay_that_never_did_anything_is_not_remembered() -> None:
    pool = Pool(SWIM + RELAYS)
    pool.hear(read(0, "1"))
    queue(pool, item(1))
    pool.file("meet.toml", SWIM.encode(), "settings")
    assert list(pool.meet().state.relays.relays) == ["scoring"]
    meet = follow(Meet(), pool.log)
    assert [r.relay for r in meet.relays()] == ["scoring"]


# -- what is shown ----------------------------------------------------------


def show(pool: Pool, name: str = "scoring") -> RelayHealth:
    (found,) = (r for r in pool.meet().relays() if r.relay == name)
    return found


def item(n: int, location: str = "Finish") -> Item:
    return Item(2, location, str(n), utc(n))


def queue(pool: Pool, *items: Item, name: str = "scoring", **more: object) -> None:
    pool.log.append([queued_draft(name, items, as_of=1, before=0, **more)])  # type: ignore[arg-type]  # handed on


def connect(pool: Pool, c: int = 1, peer: str = "10.0.0.5:99", name: str = "scoring") -> None:
    pool.add(name, "socket.opened", c=c, protocol="tsv2", role="server", peer=peer, relay=True)


def mark(pool: Pool, c: int, peer: str, through: int, safe: int, *sent: int) -> None:
    pool.add("scoring", RELAY_SENT, c=c, peer=peer, through=through, safe=safe,
             sent=sent[0], again=sent[1])  # fmt: skip


def test_a_relay_that_did_nothing_is_shown_as_it_is_configured() -> None:
    shown_ = show(Pool(SWIM + RELAYS), "board")
    assert (shown_.protocol, shown_.send, shown_.state) == ("ctp01", "crossings", "never connected")
    assert (shown_.queued, shown_.waiting, shown_.receipt) == (0, 0, None)


def test_the_life_of_a_relay() -> None:
    pool = Pool(SWIM + RELAYS)
    queue(pool, item(1), item(2), item(3, "Turn"))
    connect(pool)
    mark(pool, 1, "10.0.0.5", 2, 0, 2, 0)
    found = show(pool)
    assert (found.state, found.peers) == ("connected", ("10.0.0.5:99",))
    assert (found.queued, found.sent, found.waiting, found.again) == (3, 2, 1, 0)
    assert found.locations == {"Finish": 2, "Turn": 1}
    assert found.last_sent_ns == pool.now
    pool.now += NS
    pool.add("scoring", "socket.closed", c=1, reason="the peer reset the connection")
    found = show(pool)
    assert found.state == "disconnected: the peer reset the connection"
    assert found.receipt is not None
    assert (found.receipt.sent, found.receipt.again) == (2, 0)
    assert found.receipt.until_ns == pool.now
    connect(pool, 2, "10.0.0.5:100")
    mark(pool, 2, "10.0.0.5", 1, 0, 1, 1)
    found = show(pool)
    assert (found.sent, found.again) == (2, 1)
    assert found.receipt is not None
    assert (found.receipt.sent, found.receipt.again, found.receipt.until) == (1, 1, "")
    pool.add("meetlog", "app.started")
    found = show(pool)
    assert found.state == "disconnected: meetlog stopped without closing the connection"


def test_a_relay_that_is_gone_from_the_settings_is_shown_for_what_it_did() -> None:
    pool = Pool(SWIM + RELAYS)
    queue(pool, item(1))
    pool.file("meet.toml", SWIM.encode(), "settings")
    assert [(r.relay, r.state, r.queued) for r in pool.meet().relays()] == [
        ("scoring", "no longer in meet.toml", 1)
    ]


def test_what_is_shown_does_not_change_afterwards() -> None:
    """An overview is looked at in another thread while the next items are folded."""
    pool = Pool(SWIM + RELAYS)
    queue(pool, item(1))
    meet = pool.meet()
    before = next(r for r in meet.relays() if r.relay == "scoring")
    queue(pool, item(2, "Turn"), Item(2, "Finish", "9", utc(0), full="123456789"))
    meet.feed(pool.log.read(meet.position))
    assert (before.locations, before.shortened) == ({"Finish": 1}, {})


@around
def test_of_many_peers_those_heard_of_last_are_remembered(more: int) -> None:
    pool = Pool(SWIM + RELAYS)
    count = MOST_PEERS + more
    for n in range(count - 1):
        mark(pool, 1, f"10.0.{n // 250}.{n % 250}", n, n, 0, 0)
        mark(pool, 1, "10.9.9.9", n, n, 0, 0)
    peers = pool.meet().state.relays.of("scoring").peers
    assert len(peers) == min(count, MOST_PEERS)
    assert ("10.0.0.0" in peers) == (more <= 0)
    assert "10.9.9.9" in peers


def test_a_peer_that_went_back_is_safe_only_for_what_it_has() -> None:
    pool = Pool(SWIM + RELAYS)
    mark(pool, 1, "10.0.0.5", 100, 90, 0, 0)
    mark(pool, 2, "10.0.0.5", 40, 30, 0, 0)
    peer = pool.meet().state.relays.of("scoring").peers["10.0.0.5"]
    assert (peer.through, peer.safe) == (100, 30)


# -- the events -------------------------------------------------------------

_items = st.builds(
    Item,
    kind=st.integers(0, 3),
    location=st.text(max_size=9),
    tag=st.text(max_size=9),
    moment=st.integers(0, 2**62),
    rssi=st.none() | st.integers(-99, 0) | st.floats(-99, 0),
    lap=st.integers(0, 2**63 - 1),
)


@given(st.lists(_items, max_size=5).map(tuple), st.lists(_items, max_size=3).map(tuple))
def test_a_decision_is_read_back(items: tuple[Item, ...], gone: tuple[Item, ...]) -> None:
    log = MemoryLog(clock=lambda: 5)
    draft = queued_draft("out", items, as_of=3, before=7, crossings=True, withdrawn=gone)
    log.append([draft])
    assert queued(log.read()[0]) == Queued(1, 5, "out", 3, 7, True, items, gone)


@given(st.sampled_from([RELAY_QUEUED, RELAY_SENT]), st.binary(max_size=9), st.booleans())
def test_garbage_in_their_place_is_quarantined_and_counts_for_nothing(
    kind: str, body: bytes, meta: bool
) -> None:
    pool = Pool(SWIM + RELAYS)
    queue(pool, item(1))
    told = pack_meta(as_of=1, before="?", crossings=False) if meta else pack_meta(c=1)
    pool.log.append([Draft("scoring", kind, told, body)])
    queue(pool, item(2))
    (event,) = (e for e in pool.log.read() if e.body == body and e.meta == told)
    with pytest.raises(WireError):
        (queued if kind == RELAY_QUEUED else sent)(event)
    assert show(pool).queued == 2
    meet = pool.meet()
    assert [q.source for q in meet.quarantine()] == ["scoring"]
    assert "scoring" not in {s.source for s in meet.sources()}


def test_relays_in_the_settings_feed_as_they_send() -> None:
    state = Relays()
    state.attend(parse((SWIM + RELAYS).encode()))
    assert state.feeding == ("scoring", "spare")
    assert state.hearing
    state.attend(parse(SWIM.encode()))
    assert not state.hearing
