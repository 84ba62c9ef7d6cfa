"""Time Drops' files: what is written reads back, and no bytes do worse than a `WireError`."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.errors import WireError
from wire.timedrops import (
    Heat,
    LaneEntry,
    Pool,
    Program,
    ProgramEvent,
    ResultFile,
    ResultLane,
    ResultSplit,
    Session,
    Status,
    Swimmer,
    Team,
    encode_program,
    encode_result,
    encode_status,
    parse_program,
    parse_result,
    parse_status,
    result_name,
)

# Text as the language keeps it: showable and trimmed.
words = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" -."),
    max_size=8,
).map(str.strip)
# Ids include numbers in quotes, which a dialect writes without.
ids = st.integers(1, 400).map(str) | words.filter(bool)
names = st.text(st.sampled_from("abcÅéÖ"), min_size=1, max_size=5)
numbers = st.integers(0, 999)
times = st.none() | st.integers(1, 360_000)
quick = settings(max_examples=60)

events = st.builds(
    ProgramEvent,
    ids,
    words,
    numbers,
    words,
    words,
    st.booleans(),
    numbers,
    numbers,
    numbers,
    numbers,
)
teams = st.builds(Team, ids, words, words)
swimmers = st.builds(Swimmer, ids, names, names, words, numbers, words)
pools = st.builds(Pool, numbers, words, numbers)
splits = st.builds(ResultSplit, numbers, st.integers(1, 360_000))
result_lanes = st.builds(
    ResultLane, numbers, times, times, st.tuples(times, times, times), st.booleans(), st.booleans(),
    st.lists(splits, max_size=3).map(tuple),
)  # fmt: skip


def unique(of: st.SearchStrategy[Any], key: str, most: int = 4) -> st.SearchStrategy[Any]:
    """Tuples of items that differ in `key`."""
    return st.lists(of, max_size=most, unique_by=lambda item: getattr(item, key)).map(tuple)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs without contradictions, as a meet manager would mean them."""
    declared = draw(st.lists(events, min_size=1, max_size=3, unique_by=lambda e: e.number))
    people = draw(st.lists(swimmers, min_size=8, max_size=8, unique_by=lambda s: s.id))
    clubs = draw(unique(teams, "id"))
    sessions: list[Session] = []
    for name in draw(st.lists(ids, min_size=1, max_size=2, unique=True)):
        heats = []
        races = draw(
            st.lists(st.tuples(st.sampled_from(declared), numbers), max_size=3, unique=True)
        )
        for number, (event, heat) in enumerate(races, draw(st.integers(0, 50))):
            lanes, waiting = [], [s.id for s in people]
            for lane in draw(st.lists(numbers, max_size=3, unique=True)):
                count = draw(st.integers(0, 2)) if event.relay else draw(st.integers(0, 1))
                entry = LaneEntry(lane, tuple(waiting.pop() for _ in range(count)))
                if count or event.relay:
                    other = draw(st.sampled_from(declared)).number
                    entry = msgspec.structs.replace(
                        entry,
                        team_id=draw(ids),
                        seed_cs=draw(times),
                        relay=draw(words) if event.relay else "",
                        event=other if other != event.number else "",
                    )
                lanes.append(entry)
            heats.append(Heat(event.number, heat, number, tuple(lanes), draw(words), draw(numbers)))
        swum = {h.event for h in heats} | {lane.event for h in heats for lane in h.lanes}
        sessions.append(
            Session(
                id=name,
                number=draw(numbers),
                name=draw(words),
                current=not sessions,
                begin_at=draw(words),
                end_at=draw(words),
                events=tuple(e for e in declared if e.number in swum),
                heats=tuple(heats),
                pool=draw(st.none() | pools),
            )
        )
    return Program(
        meet_name=draw(words),
        program_at=draw(words),
        sessions=tuple(sessions),
        swimmers=tuple(people),
        teams=clubs,
        events=tuple(declared),
        host=draw(words),
        start_date=draw(words),
        end_date=draw(words),
    )


results = st.builds(
    ResultFile,
    session_id=ids,
    event=ids,
    heat=numbers,
    race_number=numbers,
    session_number=numbers,
    created_at=words,
    start_at=words,
    lanes=unique(result_lanes, "lane"),
    revision=st.integers(1, 99),
    protocol_version=words,
)
statuses = st.builds(
    Status,
    updated_at=words,
    session_id=ids,
    event=ids,
    heat=st.none() | numbers,
    program_at=words,
    protocol_version=words,
    session_number=numbers,
    system=words,
    system_version=words,
)


def name_of(result: ResultFile) -> str:
    return result_name(
        result.session_id, result.event, result.heat, result.race_number, result.revision
    )


@given(programs())
@quick
def test_a_program_reads_back(program: Program) -> None:
    found = parse_program(encode_program(program))
    # which dialect it looks like is a guess from the numbers alone
    assert msgspec.structs.replace(found, dialect="time-drops") == program


@given(results)
@quick
def test_a_result_reads_back_and_its_name_agrees(result: ResultFile) -> None:
    assert parse_result(name_of(result), encode_result(result)) == result


@given(statuses)
@quick
def test_a_status_reads_back(status: Status) -> None:
    assert parse_status(encode_status(status)) == status


ID_KEYS = {
    "sessionId", "eventNumber", "raceEventNumber", "laneEventNumber", "laneSwimmerId", "laneTeamId",
    "swimmerId", "swimmerTeamId", "teamId", "laneRelaySwimmerIds",
}  # fmt: skip


def disguise(value: Any, draw: Callable[[], bool], key: str = "") -> Any:
    """The document with keys in another case and with ids that are numbers unquoted."""
    if isinstance(value, dict):
        return {k.swapcase() if draw() else k: disguise(item, draw, k) for k, item in value.items()}
    if isinstance(value, list):
        return [disguise(item, draw, key) for item in value]
    number = isinstance(value, str) and value.isascii() and value.isdigit() and value[0] != "0"
    return int(value) if key in ID_KEYS and number and draw() else value


@given(programs(), results, st.randoms(use_true_random=False), st.booleans())
@quick
def test_key_case_and_the_type_of_ids_do_not_change_the_meaning(
    program: Program, result: ResultFile, random: Any, bom: bool
) -> None:
    def disguised(data: bytes) -> bytes:
        document = disguise(json.loads(data), lambda: bool(random.getrandbits(1)))
        text = json.dumps(document, ensure_ascii=False)
        return text.encode("utf-8-sig") if bom else text.encode("utf-16")

    data = encode_program(program)
    assert parse_program(disguised(data)) == parse_program(data)
    assert parse_result(name_of(result), disguised(encode_result(result))) == result


def readers() -> list[Any]:
    return [
        pytest.param(programs().map(encode_program), parse_program, id="program"),
        pytest.param(statuses.map(encode_status), parse_status, id="status"),
        pytest.param(
            results.map(encode_result),
            lambda data: parse_result("Session1_Event_1_Heat1_Race1_1.json", data),
            id="result",
        ),
    ]


@pytest.mark.parametrize(("documents", "parse"), readers())
@given(data=st.data())
@settings(max_examples=40)
def test_a_file_cut_anywhere_is_unfinished(
    documents: st.SearchStrategy[bytes], parse: Callable[[bytes], object], data: st.DataObject
) -> None:
    whole = data.draw(documents)
    cut = data.draw(st.integers(0, len(whole.rstrip()) - 1))
    with pytest.raises(WireError, match=r"unfinished|empty"):
        parse(whole[:cut])


@pytest.mark.parametrize(("documents", "parse"), readers())
@given(data=st.data())
@settings(max_examples=100)
def test_changed_bytes_raise_nothing_but_a_wire_error(
    documents: st.SearchStrategy[bytes], parse: Callable[[bytes], object], data: st.DataObject
) -> None:
    damaged = bytearray(data.draw(documents))
    bytes_that_matter = st.sampled_from(b'{}[]",:\\/-.0019eE \0\xff\xfetfn') | st.integers(0, 255)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + data.draw(st.integers(0, 2))] = bytes([data.draw(bytes_that_matter)])
    with contextlib.suppress(WireError):
        parse(bytes(damaged))


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


def swap(value: Any, path: int, other: Any) -> Any:
    """`value` with what is reached by the digits of `path` replaced by `other`."""
    if isinstance(value, dict | list) and value and path:
        place = path % len(value)
        if isinstance(value, list):
            return [swap(v, path // 7, other) if n == place else v for n, v in enumerate(value)]
        return {
            k: swap(v, path // 7, other) if n == place else v
            for n, (k, v) in enumerate(value.items())
        }
    return other


@pytest.mark.parametrize(("documents", "parse"), readers())
@given(data=st.data(), path=st.integers(1, 7**9), other=anything)
@settings(max_examples=100)
def test_any_value_in_any_place_raises_nothing_but_a_wire_error(
    documents: st.SearchStrategy[bytes],
    parse: Callable[[bytes], object],
    data: st.DataObject,
    path: int,
    other: object,
) -> None:
    document = swap(json.loads(data.draw(documents)), path, other)
    with contextlib.suppress(WireError):
        parse(json.dumps(document).encode())
