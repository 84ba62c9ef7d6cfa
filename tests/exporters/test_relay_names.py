"""Names within a protocol's limits: no two become one, and each is always the same text."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.relay_names import MOST_LOCATION, MOST_TAG, Names, fits
from projections.relayed import ItemKind
from tests.exporters.relay_stand import Stand, relay
from tests.kit.around import around
from tests.kit.meets import read
from wire.ctp01_messages import GUNTIME, NEWLOCATION, DataLine
from wire.ctp01_shelf import check_line, check_location

# Names that are alike: the same ends, the same beginnings, separators for one another.
_part = st.sampled_from(["", "E", "1890", "~", " ", "_", "é", "\n", "0001", "a,b", "A"])
_name = st.one_of(
    st.lists(_part, max_size=6).map("".join),
    st.sampled_from([GUNTIME, NEWLOCATION, "0" * 20, "guntime1234"]),
    st.text(max_size=30),
)
names = st.lists(_name, max_size=20)
limits = st.sampled_from([(MOST_TAG, True), (MOST_LOCATION, False), (5, True), (5, False)])


def _free(_text: str) -> bool:
    return False


@given(names, limits)
@settings(max_examples=300)
def test_each_name_has_a_text_of_its_own_that_can_be_sent(
    given_names: list[str], limit: tuple[int, bool]
) -> None:
    most, end = limit
    sent = Names(most, {}, _free, end=end)
    texts = {name: sent.of(name) for name in given_names}
    assert len(set(texts.values())) == len(texts)
    for text in texts.values():
        assert 0 < len(text) <= most
        assert fits(text, most)
    assert {name: sent.of(name) for name in given_names} == texts


@given(st.text(max_size=20), st.sampled_from([MOST_TAG, MOST_LOCATION]))
@settings(max_examples=300)
def test_what_fits_can_be_sent_and_read_back(name: str, most: int) -> None:
    if fits(name, most):
        check_location(name)
        check_line(DataLine("CT01_33", 1, name, name, "09:00:00.00"))
        assert name == name.strip()


@pytest.mark.parametrize(
    "name",
    ["", " Finish", "Finish ", "a~b", "a,b", "a;b", "a|b", "a\tb", "a\r", "Zürich", "x" * 17,
     "guntime", "newlocation", "a\x7f"],
)  # fmt: skip
def test_what_does_not_fit(name: str) -> None:
    assert not fits(name, MOST_LOCATION)


def test_what_fits() -> None:
    for name in ("Finish", "Finish line", "x" * 16, "a_b", "10k", "a=b"):
        assert fits(name, MOST_LOCATION)


@around
@pytest.mark.parametrize(("most", "end"), [(MOST_TAG, True), (MOST_LOCATION, False)])
def test_a_name_has_so_many_characters(most: int, end: bool, more: int) -> None:
    name = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: most + more]
    text = Names(most, {}, _free, end=end).of(name)
    assert text == (name[-most:] if end else name[:most])
    assert (text == name) == fits(name, most) == (more <= 0)


@given(names, st.integers(0, 20), limits)
@settings(max_examples=300)
def test_texts_stay_after_a_restart(
    given_names: list[str], stop: int, limit: tuple[int, bool]
) -> None:
    """The log has what was sent for those that did not fit; of others it knows that they exist."""
    most, end = limit
    before = Names(most, {}, _free, end=end)
    first = {name: before.of(name) for name in given_names[:stop]}
    known = {name: text for name, text in first.items() if name != text}
    own = {name for name, text in first.items() if name == text}
    after = Names(most, known, own.__contains__, end=end)
    texts = {name: after.of(name) for name in given_names[stop:] + given_names[:stop]}
    assert texts | first == texts
    assert len(set(texts.values())) == len(texts)


def test_what_is_kept_of_a_name() -> None:
    tags = Names(MOST_TAG, {}, _free, end=True)
    assert tags.of("E20000172211014418900001") == "18900001"
    assert tags.of("F20000172211014418900001").endswith("0001")
    assert tags.of("18900001") not in ("18900001", tags.of("F20000172211014418900001"))
    places = Names(MOST_LOCATION, {}, {"The far side of_"}.__contains__, end=False)
    assert places.of("Start, line 1") == "Start__line_1"
    assert places.of("The far side of the lake").startswith("The_far_side")
    assert places.of("") == "_"


def test_a_text_that_is_somebody_elses_name_is_not_taken() -> None:
    tags = Names(MOST_TAG, {}, {"18900001"}.__contains__, end=True)
    text = tags.of("E20000172211014418900001")
    assert text != "18900001"
    assert tags.of("18900001") == "18900001"


def test_a_peer_that_invents_names_without_end_comes_to_one() -> None:
    """Each finds a text of its own after a few tries, however many there are."""
    alike = Names(MOST_LOCATION, {}, _free, end=False)
    # All marks of four digits are in use already for names with this beginning.
    taken = {f"AAAAAAAAAAAA{n:04X}" for n in range(0x10000)}
    crowded = Names(MOST_LOCATION, {}, taken.__contains__, end=False)
    assert crowded.of("A" * 20) not in taken
    texts = {alike.of("A" * 20 + sha256(str(n).encode()).hexdigest()) for n in range(3000)}
    assert len(texts) == 3000


def test_a_relay_sends_the_same_texts_after_a_restart() -> None:
    """Chips whose last eight characters are alike, and one that is called so."""
    stand = Stand(relay("tight", "ctp01"))
    chips = ["E20000172211014418900001", "F20000172211014418900001", "18900001", "0018900001"]
    for turn in range(3):
        for n, chip in enumerate(chips):
            stand.pool.hear(read(1000 * turn + n, chip, "The far side of the lake"))
            stand.pool.hear(read(1000 * turn + n, chip, "The far side of the sea"))
            stand.settle()
        stand.begin()
    stand.settle()
    reads = [i for i in stand.items("tight") if i.kind != ItemKind.LOCATION]
    assert len(reads) == 24
    assert len({(i.of_chip, i.tag) for i in reads}) == 4
    assert len({i.tag for i in reads}) == 4
    assert len({(i.at_point, i.location) for i in reads}) == 2
    assert len({i.location for i in reads}) == 2
    shown = stand.meet.relays()[0].shortened
    assert {i.at_point: i.location for i in reads}.items() <= shown.items()
    assert {i.of_chip: i.tag for i in reads if i.tag != i.of_chip}.items() <= shown.items()


def test_a_chip_and_a_place_of_one_long_name_are_two_things() -> None:
    stand = Stand(relay("tight", "ctp01"))
    name = "A name that is much too long"
    for n in range(2):
        stand.pool.hear(read(n, name, name))
        stand.settle()
        stand.begin()
    reads = [i for i in stand.items("tight") if i.kind != ItemKind.LOCATION]
    assert {(len(i.tag), len(i.location)) for i in reads} == {(8, 16)}


def test_a_bib_that_is_the_end_of_a_long_chip_stays_its_own() -> None:
    stand = Stand(relay("tight", "ctp01", tag="bib"))
    stand.pool.chips({"7": "18900001"})
    stand.pool.hear(read(0, "7"))
    stand.settle()
    stand.begin()
    stand.pool.hear(read(0, "E20000172211014418900001"))
    stand.pool.hear(read(1, "7"))
    stand.settle()
    tags = [i.tag for i in stand.items("tight")]
    assert tags[0] == tags[2] == "18900001"
    assert tags[1] != "18900001"
