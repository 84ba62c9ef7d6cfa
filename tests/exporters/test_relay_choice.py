"""What a relay sends of what came in: its filters, and what it calls places and people."""

import pytest

from exporters.relay_choice import configured_locations
from projections.relayed import Item, ItemKind
from tests.exporters.relay_stand import Stand, relay
from tests.kit.meets import SWIM, TOML, heat, read, utc
from wire.settings_file import parse

FEEDS = TOML.replace(
    '[[point]]\nname = "Turn"\n',
    '[[point]]\nname = "Turn"\nfeeds = ["T1", { name = "X", source = "loop" }]\n\n'
    '[[point]]\nname = "Other"\nfeeds = [{ name = "X", source = "mat" }]\n\n'
    '[[point]]\nname = "Alone"\n',
)


def sent(stand: Stand) -> list[Item]:
    stand.settle()
    return [i for i in stand.items("out") if i.kind != ItemKind.LOCATION]


def tags(stand: Stand) -> list[str]:
    return [i.tag for i in sent(stand)]


@pytest.mark.parametrize(
    ("points", "passed"),
    [
        ([], ["1", "2", "3", "4", "5", "6"]),
        (["Turn"], ["1", "2"]),
        (["Other"], ["3"]),
        (["T1"], ["1"]),
        (["X"], ["2", "3"]),
        (["Alone"], ["4"]),
        (["Finish"], ["6"]),
        (["Finish", "Turn"], ["1", "2", "6"]),
    ],
)
def test_a_point_is_where_its_feeds_are(points: list[str], passed: list[str]) -> None:
    stand = Stand(relay("out", points=points), toml=FEEDS)
    for chip, (feed, source) in enumerate(
        [("T1", "mat"), ("X", "loop"), ("X", "mat"), ("Alone", "mat"), ("Stray", "mat"),
         ("Backup", "mat")], start=1,
    ):  # fmt: skip
        stand.pool.hear(read(0, str(chip), feed), source=source)
    assert tags(stand) == passed
    assert all(i.location in ("T1", "X", "Alone", "Stray", "Backup") for i in sent(stand))


def test_a_gun_is_where_the_reads_are_though_no_read_was_heard_there() -> None:
    stand = Stand(relay("out", points=["Turn"]), toml=FEEDS)
    stand.pool.gun(0, "X", "mat")
    stand.pool.gun(1000, "X", "loop")
    stand.pool.gun(2000, "T1", "mat")
    assert [i.moment for i in sent(stand)] == [utc(1000), utc(2000)]


@pytest.mark.parametrize(
    ("chips", "passed"),
    [
        (["1-10"], ["7", "007", "10"]),
        (["7"], ["7"]),
        (["A1", "11"], ["11", "A1"]),
        (["10 - 11"], ["10", "11"]),
    ],
)
def test_chips_are_numbers_in_ranges_and_texts_alone(chips: list[str], passed: list[str]) -> None:
    stand = Stand(relay("out", chips=chips))
    for chip in ("7", "007", "10", "11", "A1", "1-10", "٣", "9" * 100):
        stand.pool.hear(read(0, chip), source="loop")
    assert tags(stand) == passed


@pytest.mark.parametrize(
    ("protocol", "kinds", "passed"),
    [
        ("tsv1", [], [0, 1, 2]),
        ("tsv2", ["gun", "best-seen"], [0, 2]),
        ("ctp01", [], [0, 2]),
        ("ctp01", ["first-seen"], [1]),
    ],
)
def test_kinds(protocol: str, kinds: list[str], passed: list[int]) -> None:
    stand = Stand(relay("out", protocol, kinds=kinds))
    stand.pool.gun(0)
    for kind in (1, 2):
        stand.pool.hear(read(0, "7", kind=kind))
    assert [i.kind for i in sent(stand)] == passed


def test_the_reads_of_a_heat_are_those_of_its_swimmers_until_their_next_start() -> None:
    stand = Stand(relay("out", heats=["67/1/1"]), toml=SWIM)
    stand.pool.load(heat("1", 1, 1, {1: "101"}), heat("1", 2, 2, {1: "101", 2: "102"}))
    stand.pool.passes(0, "101", "102", "103")
    stand.settle()
    stand.pool.gun(10_000)
    stand.pool.passes(9000, "101")
    stand.pool.passes(20_000, "101", "102")
    stand.settle()
    stand.pool.gun(60_000)
    stand.pool.passes(70_000, "101", "102")
    stand.pool.passes(50_000, "101")  # late, of the heat before
    found = [(i.kind, i.tag, (i.moment - utc(0)) // 10**9) for i in sent(stand)]
    assert found == [(2, "101", 0), (0, "", 10), (2, "101", 20), (2, "101", 50)]


def test_a_read_tells_all_that_it_told() -> None:
    stand = Stand(relay("out"))
    position = stand.pool.hear(
        read(0, "7", antenna=3, source="R9", rssi=-61, epc="E2007"), source="loop"
    )
    assert sent(stand) == [
        Item(2, "Finish", "7", utc(0), position, 3, "R9", -61, 0, "E2007")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["T1", "X", "Alone", "Finish", "Backup"]),
        ({"send": "crossings"}, ["Turn", "Other", "Alone", "Finish"]),
        ({"points": ["Turn"]}, ["T1", "X"]),
        ({"points": ["T1", "Finish"]}, ["T1", "Finish", "Backup"]),
        ({"points": ["T1", "Finish"], "send": "crossings"}, ["Turn", "Finish"]),
        ({"sources": ["mat"]}, ["T1", "X", "Alone", "Finish", "Backup"]),
    ],
)
def test_locations_that_are_known_before_anything_happens(
    more: dict[str, object], expected: list[str]
) -> None:
    settings = parse((FEEDS + relay("out", "tsv2", **more)).encode())
    assert configured_locations(settings.relays[0], settings) == expected


def test_a_location_that_ctp01_has_no_room_for_is_known_when_it_is_announced() -> None:
    long = "The far side of the lake"
    toml = FEEDS.replace('"Alone"', f'"{long}"')
    settings = parse((toml + relay("out", "ctp01")).encode())
    assert long not in configured_locations(settings.relays[0], settings)
    stand = Stand(relay("out", "ctp01"), toml=toml)
    stand.pool.hear(read(0, "7", long))
    stand.settle()
    assert [(i.kind, i.location) for i in stand.items("out")] == [
        (ItemKind.LOCATION, "The_far_side_of_"),
        (ItemKind.BEST_SEEN, "The_far_side_of_"),
    ]
