"""The numbers of a relay's stream: the same from wherever one begins to read."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters import relay_feed
from exporters.relay_ctp01 import LineShelf
from exporters.relay_feed import Feed, Numbered
from projections import relays
from projections.folding import fold, follow
from projections.meet import Meet
from projections.relayed import Item, Queued, queued_draft
from store.event import RELAY_QUEUED, Draft, pack_meta
from store.memory import MemoryLog
from wire import ctp01_shelf

LOCATIONS = ("Start", "10k", "Finish", "Hill")
decisions = st.lists(
    st.tuples(
        st.sampled_from(["one", "one", "two", "three"]),
        st.lists(st.sampled_from(LOCATIONS), max_size=4),
        st.sampled_from(["", "", "", "garbage", "other events"]),
    ),
    max_size=30,
)
Decisions = list[tuple[str, list[str], str]]


class Streams:
    """A log of decisions, the meet that folds it, and a feed; what the feed must show."""

    def __init__(self) -> None:
        self.log = MemoryLog(clock=lambda: 0)
        self.meet = Meet()
        self.feed = Feed(self.log, "one")
        self.items: list[Numbered] = []  # that were decided
        self.shown: list[Numbered] = []
        self._counts: dict[str, int] = {}

    def decide(self, relay: str, locations: list[str], more: str) -> None:
        if more:
            kind = RELAY_QUEUED if more == "garbage" else "app.stopped"
            for _ in range(2):
                self.log.append([Draft(relay, kind, pack_meta(as_of=0), b"\xc1")])
        items = tuple(Item(2, name, str(n), n) for n, name in enumerate(locations))
        self.log.append([queued_draft(relay, items, as_of=0, before=0)])
        if relay != "one":
            return
        for item in items:
            place = self._counts[item.location] = self._counts.get(item.location, 0) + 1
            self.items.append(Numbered(len(self.items) + 1, place, item))

    def fold(self) -> None:
        """What is folded is not shown yet: other threads may read in between."""
        self.meet = follow(self.meet, self.log)

    def show(self) -> None:
        self.fold()
        self.feed.show(self.meet.state.relays.stream("one"))
        self.shown = list(self.items)


def _streams(made: Decisions) -> Streams:
    streams = Streams()
    for each in made:
        streams.decide(*each)
    streams.show()
    return streams


@pytest.fixture(scope="module", autouse=True)
def _small() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relays, "BLOCK", 3)
        patch.setattr(relay_feed, "EVENTS", 2)
        yield


@given(decisions, st.data())
@settings(max_examples=100, deadline=None)
def test_reading_begins_at_any_number(made: Decisions, data: st.DataObject) -> None:
    streams = _streams(made)
    number = data.draw(st.integers(1, len(streams.items) + 1))
    cursor, found = streams.feed.at(number), list[Numbered]()
    while more := cursor.read(data.draw(st.integers(1, 5))):
        found += more
        assert cursor.number == found[-1].number + 1
    assert found == streams.items[number - 1 :]


@given(decisions, st.sampled_from([*LOCATIONS, "Nowhere"]), st.data())
@settings(max_examples=100, deadline=None)
def test_reading_begins_at_any_place_of_a_location(
    made: Decisions, location: str, data: st.DataObject
) -> None:
    """At that place or before it, and never after; `passed` tells what lies behind."""
    streams = _streams(made)
    there = [each for each in streams.items if each.item.location == location]
    assert streams.feed.span(location) == (1, len(there) + 1)
    place = data.draw(st.integers(1, len(there) + 1))
    cursor = streams.feed.at_place(location, place)
    first = cursor.number
    if place <= len(there):
        assert first <= there[place - 1].number
    while True:
        behind = streams.items[: cursor.number - 1]
        for name in LOCATIONS if there else ():
            assert cursor.passed.get(name, 0) == sum(i.item.location == name for i in behind)
        at, more = cursor.number, cursor.read(2)
        if not more:
            break
        assert more == streams.items[at - 1 : at + 1]
    assert cursor.number == len(streams.items) + 1


def test_a_place_far_on_is_looked_up_in_the_index() -> None:
    streams = _streams([("one", ["Finish", "Start"], "")] * 100)
    assert 180 - 2 * len(LOCATIONS) < streams.feed.at_place("Finish", 90).number <= 179


@given(decisions, decisions, st.sampled_from(LOCATIONS), st.data())
@settings(max_examples=100, deadline=None)
def test_a_stream_grows_while_it_is_read(
    early: Decisions, late: Decisions, location: str, data: st.DataObject
) -> None:
    """Nothing is read before it is shown, and nothing is passed over."""
    streams = _streams(early)
    begin: list[Callable[[], relay_feed.Cursor]] = [
        lambda: streams.feed.at(data.draw(st.integers(1, len(streams.items) + 1))),
        lambda: streams.feed.at_place(location, data.draw(st.integers(1, 5))),
    ]
    cursors = [begin[data.draw(st.integers(0, 1))]()]
    firsts = [cursors[0].number]
    for each in late:
        streams.decide(*each)
        then = data.draw(st.sampled_from([streams.fold, streams.show, None]))
        if then is not None:
            then()
        if data.draw(st.booleans()):
            # A place beyond the end: a peer may ask for any.
            cursors.append(begin[data.draw(st.integers(0, 1))]())
            firsts.append(cursors[-1].number)
        for cursor in cursors:
            at, found = cursor.number, cursor.read(data.draw(st.integers(1, 4)))
            assert found == streams.shown[at - 1 : at - 1 + len(found)]
    streams.show()
    for cursor in cursors:
        at, found = cursor.number, cursor.read(10_000)
        assert found == streams.items[at - 1 :]


def test_what_is_folded_and_not_shown_yet_is_not_there() -> None:
    """Other threads look at the feed while the projector folds."""
    streams = _streams([("one", ["Start"], "")])
    for _ in range(10):
        streams.decide("one", ["10k", "Start"], "")
    streams.fold()
    assert streams.feed.span("Start") == (1, 2)
    assert streams.feed.span("10k") == (1, 1)
    cursor = streams.feed.at_place("Start", 9)
    streams.show()
    at = cursor.number
    assert cursor.read(100) == streams.items[at - 1 :]


@given(decisions)
@settings(max_examples=50, deadline=None)
def test_the_stream_is_the_same_when_the_log_is_folded_anew(made: Decisions) -> None:
    streams = _streams(made)
    again = fold(streams.log).state.relays.stream("one")
    assert again == streams.meet.state.relays.stream("one")
    loaded = Meet.load(streams.meet.save()).state.relays.stream("one")
    assert loaded == again


@given(st.integers(0, 40), st.integers(0, 9))
def test_a_sequence_names_the_newest_line_that_has_it(count: int, seq: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctp01_shelf, "MAX_SEQ", 7)
        streams = _streams([("one", ["Finish"], "")] * count)
        shelf = LineShelf(streams.feed)
        sequences = [n % 7 + 1 for n in range(count)]
        assert [shelf.seq("Finish", n + 1) for n in range(count)] == sequences
        numbers = [n + 1 for n, each in enumerate(sequences) if each == seq]
        assert shelf.find("Finish", seq) == (numbers[-1] if numbers else None)


def test_an_invented_location_costs_no_more_than_itself() -> None:
    """The index has a count for each location: it must not grow as the square of them."""
    stream = relays.Stream()
    for n in range(2000):
        fact = Queued(n + 1, 0, "one", 0, n, False, (Item(2, f"L{n}", "1", 0),), ())
        stream.take(fact)
    assert sum(len(block.counts) for block in stream.blocks) < 3 * stream.items
    assert len(stream.counts) == 2000


def test_configured_locations_come_first_and_those_that_happened_after_them() -> None:
    log = MemoryLog(clock=lambda: 0)
    feed = Feed(log, "one", locations=["Finish", "Start"])
    assert list(feed.locations) == ["Finish", "Start"]
    log.append([queued_draft("one", (Item(2, "Hill", "1", 0),), as_of=0, before=0)])
    log.append([queued_draft("one", (Item(2, "Start", "1", 0),), as_of=0, before=0)])
    feed.show(fold(log).state.relays.stream("one"))
    assert list(feed.locations) == ["Finish", "Start", "Hill"]


def test_who_listens_is_told_until_it_ends_that() -> None:
    feed = Feed(MemoryLog(clock=lambda: 0), "one")
    told: list[str] = []
    leave = feed.subscribe(lambda: told.append("a"))
    feed.subscribe(lambda: told.append("b"))
    feed.show(relays.Stream())
    leave()
    feed.show(relays.Stream())
    assert told == ["a", "b", "b"]
