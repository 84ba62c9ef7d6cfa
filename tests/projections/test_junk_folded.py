"""Junk that peers send must not cost a fold much more than reads do: work is counted in calls."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from projections.decode import Decoder
from projections.facts import Quarantined
from projections.meet import DEFAULTS, Meet
from store.event import SOCKET_OPENED, SOCKET_READ, Event, pack_meta

MUCH = 32 * 1024
CALLS = 10  # of functions, Python's own included, for each byte; reads need less than one
LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
JSON = {
    "objects": b"{}", "objects on lines": b"{}\r", "arrays": b"[]", "arrays of objects": b"[{}]",
    "keys": b'{"a":1}', "letters": b"x\r", "marks": b"\xef\xbb\xbf\r", "blanks": b" \r",
    "begun": b"{\r", "begun twice": b"[{\r", "texts begun": b'{"\r', "escapes begun": b'{"\\\r',
    "no pairs": b"{]" * 16 + b"\r", "no pairs within": b"[{]" * 16 + b"\r",
    "broken off": b"{" * 16 + b"\r", "junk between": b"a{}", "nested": b"[[[[[]]]]]",
    "elements": b"[" + b"1," * 5000 + b"1]\r", "objects in it": b"[" + b"{}," * 5000 + b"1]\r",
    "objects in what is broken": b"[" + b"{}a" * 5000 + b"\r",
}  # fmt: skip
CTP01 = {"letters": b"x\n", "noise": b"8\n", "answers": b"ack\n", "controllers": b"TO\n",
         "data": b"CT01_\n", "null entries": b"CT01_33~1~\n"}  # fmt: skip
MANY = {
    "words": b"%s\r", "keyless": b"{%s}", "numbers": b"[%s]\r", "begun": b"{%s\r",
    "texts begun": b'{"%s\r', "junk": b"%s[]",
}  # fmt: skip


def words() -> list[bytes]:
    return [bytes((a, b, c)) for a in LETTERS for b in LETTERS for c in LETTERS]


def events(protocol: str, *bodies: bytes) -> list[Event]:
    opened = pack_meta(c=1, peer="10.0.0.9:1", protocol=protocol, role="client")
    return [
        Event(1, 1, "mat", SOCKET_OPENED, opened, b"", b""),
        *(
            Event(at, at, "mat", SOCKET_READ, pack_meta(c=1), body, b"")
            for at, body in enumerate(bodies, 2)
        ),
    ]


def calls(work: Callable[[], None]) -> int:
    """How many functions are called in it."""
    count = 0

    def called(_frame: FrameType, kind: str, _arg: object) -> None:
        nonlocal count
        count += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def calls_for_a_byte(protocol: str, data: bytes) -> float:
    meet = Meet(DEFAULTS)
    told = events(protocol, data)
    return calls(lambda: meet.feed(told)) / len(data)


@pytest.mark.parametrize("protocol", ["tsv1", "tsv2"])
@pytest.mark.parametrize("kind", JSON)
def test_junk_that_comes_again_is_cheap(protocol: str, kind: str) -> None:
    junk = JSON[kind]
    assert calls_for_a_byte(protocol, junk * (MUCH // len(junk))) < CALLS


@pytest.mark.parametrize("kind", CTP01)
def test_lines_of_junk_are_cheap(kind: str) -> None:
    junk = CTP01[kind]
    assert calls_for_a_byte("ctp01", junk * (MUCH // len(junk))) < CALLS


@pytest.mark.parametrize("protocol", ["tsv1", "tsv2", "ctp01"])
@pytest.mark.parametrize("kind", MANY)
def test_junk_that_is_always_other_is_cheap(protocol: str, kind: str) -> None:
    data = b"".join(MANY[kind] % word for word in words())[:MUCH]
    assert calls_for_a_byte(protocol, data) < CALLS


def test_what_an_event_says_again_is_one_fact() -> None:
    opened, event = events("tsv2", b"{}{]" * 1000 + b"\r")
    decoder = Decoder(DEFAULTS)
    decoder.facts(opened)
    first, second = decoder.facts(event)
    assert isinstance(first, Quarantined)
    assert isinstance(second, Quarantined)
    assert (first.excerpt, first.count, second.excerpt, second.count) == ("{}", 1000, "{]", 1000)


@pytest.mark.parametrize("protocol", ["tsv1", "tsv2", "ctp01"])
def test_the_same_is_listed_however_it_was_cut(protocol: str) -> None:
    data = b"".join(b"%s\r{}\r%s{]\r" % (word, word) for word in words()[:300])
    listed = []
    for size in (len(data), 1, 7, 64):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        meet = Meet(DEFAULTS)
        meet.feed(events(protocol, *pieces))
        (source,) = meet.sources()
        entries = meet.state.quarantine.entries.values()
        beyond = meet.state.quarantine.beyond["mat"].count
        listed.append(
            (source.quarantined, beyond, [(e.reason, e.excerpt, e.count) for e in entries])
        )
    assert listed == [listed[0]] * 4
    assert sum(count for _, _, count in listed[0][2]) + listed[0][1] == listed[0][0]
