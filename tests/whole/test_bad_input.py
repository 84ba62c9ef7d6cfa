"""Whatever nonsense arrives: it is told in words, kept, and changes nothing else.

The same small heat is recorded each time, with nonsense in the middle of it;
what is published must be, byte for byte, what is published without.
"""

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from ingest.disk import LARGEST_FILE
from meetlog.house import Ears, open_house
from projections.folding import fold
from projections.views import QuarantineEntry
from store.event import FILE_CHANGED, RESULT_PUBLISHED, meta_of
from store.sqlite import SqliteLog
from store.verify import verify
from tests.kit.conditions import Conditions
from tests.kit.ports import free_port
from tests.kit.programs import Tail, looking_at
from tests.whole.peers import Caller, Heard, hang_on, listening, say
from wire.jsonreads import MAX_FRAME
from wire.reads import RawRead
from wire.settings_file import parse
from wire.stamps import NS, format_iso, parse_iso
from wire.timedrops import (
    STATUS_FILE,
    Heat,
    LaneEntry,
    Program,
    ProgramEvent,
    Session,
    Swimmer,
    encode_program,
)
from wire.tsv2 import encode

MORNING = parse_iso("2026-06-14T09:00:00").wall
TOML = """
[meet]
name = "Small"
[folder]
quiet = "50ms"
settle = "50ms"
rescan = "1s"
[[source]]
name = "mat"
protocol = "tsv2"
role = "server"
port = {mat}
[[source]]
name = "odd-mat"
protocol = "tsv2"
role = "server"
port = {odd}
[[source]]
name = "odd-server"
protocol = "tsv1"
role = "client"
port = {called}
[[source]]
name = "odd-lines"
protocol = "ctp01"
port = {lines}
[[source]]
name = "impatient"
protocol = "tsv2"
role = "server"
port = {impatient}
idle = "200ms"
[[source]]
name = "narrow"
protocol = "tsv2"
role = "server"
port = {narrow}
max_connections = 1
[[point]]
name = "Finish"
[[course]]
legs = [{{ point = "Finish", distance = 50 }}]
"""
PROGRAM = Program(
    meet_name="Small",
    sessions=(
        Session(
            "1",
            1,
            current=True,
            events=(ProgramEvent("1", "50 free"),),
            heats=(Heat("1", 1, 1, (LaneEntry(1, ("11",)), LaneEntry(2, ("12",)))),),
        ),
    ),
    swimmers=(Swimmer("11", "Ada", "A"), Swimmer("12", "Bea", "B")),
)
CHIPS = b"chip,swimmer\n1011,11\n1012,12\n"
GREETING = b"SimpleClient~0.5.0~CTP01\r\n"


class Scene(NamedTuple):
    """Where nonsense can be put: ports by source, the folder, and what is heard and recorded."""

    ports: dict[str, int]
    caller: Caller
    timedrops: Path
    heard: Heard
    tail: Tail
    conditions: Conditions

    async def until_file(self, name: str) -> None:
        """Wait until a version of this file is in the log."""

        def there() -> bool:
            self.tail.refresh()
            return any(meta_of(e)["path"] == name for e in self.tail.of(FILE_CHANGED))

        await self.conditions.until(there)

    def put(self, name: str, body: bytes) -> None:
        """Write a file into the meet folder, from one moment to the next."""
        path = self.timedrops / f".{name}.part"
        path.write_bytes(body)
        path.replace(self.timedrops / name)


class Outcome(NamedTuple):
    """What is left of a meet."""

    files: dict[str, bytes]
    crossings: list[tuple[str, str, int]]
    quarantine: list[QuarantineEntry]
    said: list[str]


async def nothing(_scene: Scene) -> None:
    """No nonsense."""


def read(ms: int, chip: str, point: str = "Finish", kind: int = 2) -> RawRead:
    stamp = format_iso(MORNING + ms * (NS // 1000))
    return RawRead(chip, stamp, point, kind, antenna=1, source="R1", rssi=-40, epc="")


async def record(folder: Path, act: Callable[[Scene], Awaitable[None]]) -> Outcome:
    """Record the heat, with `act` between its first finish and its last."""
    timedrops = folder / "timedrops"
    timedrops.mkdir(parents=True)
    (timedrops / "meet_program.json").write_bytes(encode_program(PROGRAM))
    (timedrops / "chips.csv").write_bytes(CHIPS)
    ports = {name: free_port() for name in ("mat", "odd", "lines", "impatient", "narrow")}
    heard = Heard()
    tail = Tail(folder / "meet.db")
    async with looking_at(folder) as conditions, listening() as caller:
        body = TOML.format(called=caller.port, **ports).encode()
        scene = Scene(ports, caller, timedrops, heard, tail, conditions)
        async with open_house(folder, parse(body), body, Ears(notice=heard.hear)) as house:
            await scene.until_file("meet_program.json")
            await scene.until_file("chips.csv")
            await say(ports["mat"], encode([read(0, "0", kind=0), read(30_120, "1011")]))
            await act(scene)
            await say(ports["mat"], encode([read(31_450, "1012")]))

            def published() -> bool:
                tail.refresh()
                return bool(tail.of(RESULT_PUBLISHED))

            await conditions.until(published)
            assert house.failure is None
    tail.close()
    log = SqliteLog(folder / "meet.db", read_only=True)
    assert verify(log).ok
    meet = fold(log)
    meet.settle()
    log.close()
    names = [p.name for p in timedrops.iterdir() if p.name.startswith("Session1_Event_1_Heat1_")]
    return Outcome(
        {name: (timedrops / name).read_bytes() for name in names},
        [
            (c.chip, c.point, c.moment_ns)
            for c in meet.crossings()
            if c.swimmer and c.point == "Finish"
        ],
        [q for q in meet.quarantine() if q.reason != "unknown point 0"],
        [f"{notice.text} {notice.hint}" for notice, _ in heard.said],
    )


class Case(NamedTuple):
    """Nonsense, and the words that must be said about it, with what was quoted of it."""

    act: Callable[[Scene], Awaitable[None]]
    source: str
    words: str
    quoted: str = ""


def from_mat(data: bytes, words: str, quoted: str = "") -> Case:
    return Case(lambda scene: say(scene.ports["odd"], data), "odd-mat", words, quoted)


def from_server(data: bytes, words: str, quoted: str = "") -> Case:
    return Case(lambda scene: scene.caller.say(data), "odd-server", words, quoted)


def from_lines(data: bytes, words: str, quoted: str = "") -> Case:
    return Case(lambda s: say(s.ports["lines"], GREETING, data), "odd-lines", words, quoted)


def in_folder(name: str, body: bytes, words: str, quoted: str = "") -> Case:
    async def act(scene: Scene) -> None:
        before = len(scene.tail.of(FILE_CHANGED))
        scene.put(name, body)

        def more() -> bool:
            scene.tail.refresh()
            return len(scene.tail.of(FILE_CHANGED)) > before

        await scene.conditions.until(more)

    return Case(act, "folder", words, quoted)


def one(**fields: object) -> bytes:
    plain = {"Chip": 77, "Moment": "2026-06-14T09:00:20", "TimingPoint": "Finish", "Type": 2}
    return json.dumps([plain | fields]).encode() + b"\r"


def contradictions() -> bytes:
    """A program with a second heat that contradicts itself; the first is as it was."""
    program = json.loads(encode_program(PROGRAM))
    races = program["meetSessions"][0]["sessionRaces"]
    again = json.loads(json.dumps(races[0]))
    again["raceHeatNumber"], again["raceNumber"] = 2, 2
    again["raceLanes"] += [again["raceLanes"][0] | {"laneSwimmerIds": ["12"]}]
    races.append(again)
    return json.dumps(program).encode()


SOCKETS = {
    "malformed JSON": from_mat(b"[{oops\r", "not JSON", "oops"),
    "malformed JSON from a server": from_server(b"[{oops\r", "not JSON", "oops"),
    "a chip that is a list": from_mat(one(Chip=[1, 2]), "Chip", "[1, 2]"),
    "a kind that is an object": from_mat(one(Type={}), "Type is not a read type", '"Type": {}'),
    "a kind that is unknown": from_mat(one(Type=9), "Type is not a read type", '"Type": 9'),
    "an absurd time": from_mat(one(Moment="2026-99-99T77:00:00"), "chip 77", "2026-99-99"),
    "a time that is none": from_mat(one(Moment="yesterday"), "not a time", "yesterday"),
    "an unknown chip": from_mat(one(Chip="9999"), "unknown chip 9999"),
    "an unknown point": from_mat(one(TimingPoint="Nowhere"), "unknown point Nowhere"),
    "an oversize frame": from_mat(
        b'[{"Chip":"' + b"7" * (MAX_FRAME + 9), "a message longer than", "777"
    ),
    "an oversize frame from a server": from_server(
        b"[" * (MAX_FRAME + 9), "a message longer than", "[[["
    ),
    "bytes of nobody's": from_mat(bytes(range(256)) * 9, "bytes between messages"),
    "a message cut short": from_mat(one()[:-20], "truncated", "Chip"),
    "a line of nobody's": from_lines(b"gibberish~~~\r\n", "not a line of a CTP01", "gibberish"),
    "a line with too few fields": from_lines(b"CT01_33~1~Finish~77\r\n", "without a time", "~77"),
    "a line with an absurd time": from_lines(
        b"CT01_33~1~Finish~77~99:99:99.99~1~R1~1\r\n", "minutes out of range", "99:99:99.99"
    ),
    "a line without end": from_lines(b"CT01_33~" + b"x" * 9000, "a line of more than", "CT01_33"),
    "a program that is not CTP01": Case(
        lambda scene: say(scene.ports["lines"], b"GET / HTTP/1.1\r\n\r\n"),
        "odd-lines",
        "not a line of a CTP01",
        "GET / HTTP/1.1",
    ),
    "a peer that sends byte by byte": Case(
        lambda scene: say(scene.ports["odd"], *(bytes([b]) for b in one(Chip="9999"))),
        "odd-mat",
        "unknown chip 9999",
    ),
}
FILES = {
    "a program that is no JSON": in_folder("meet_program.json", b"{oops", "unfinished", "oops"),
    "a program of another kind": in_folder("meet_program.json", b'{"a": 1}', "no session", "a"),
    "a program with contradictory lanes": in_folder(
        "meet_program.json", contradictions(), "heat 2, lane 1: given twice"
    ),
    "a chip table that is none": in_folder("chips.csv", b"\x00\x01;;;\n", "no columns for chip"),
    "a result that is none": in_folder("Session1_Event_1_Heat9_Race9_1.json", b"[[", "Heat9"),
    "a status that is none": in_folder(STATUS_FILE, b"<html>", STATUS_FILE, "html"),
}


async def be_silent(scene: Scene) -> str:
    async with await anyio.connect_tcp("127.0.0.1", scene.ports["impatient"]) as stream:
        await hang_on(stream)
    return "impatient: 127.0.0.1:*is gone: the peer was silent for 200 ms"


async def put_a_huge_file(scene: Scene) -> str:
    with (scene.timedrops / "huge.json").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    await scene.heard.until("folder:file:huge.json")
    return f"huge.json in the meet folder has {LARGEST_FILE + 1} bytes and is not recorded"


async def put_a_link(scene: Scene) -> str:
    (scene.timedrops / "linked.json").symlink_to(scene.timedrops / "meet_program.json")
    await scene.heard.until("folder:file:linked.json")
    return "linked.json in the meet folder is a symbolic link and is not followed"


async def take_the_folder_away(scene: Scene) -> str:
    elsewhere = scene.timedrops.with_name("elsewhere")
    scene.timedrops.rename(elsewhere)
    await scene.heard.until("folder:away")
    elsewhere.rename(scene.timedrops)
    await scene.heard.until("folder:away", over=True)
    return "the meet folder *timedrops cannot be listed: No such file or directory"


async def come_in_crowds(scene: Scene) -> str:
    async with AsyncExitStack() as guests:
        for _ in range(2):
            guest = await anyio.connect_tcp("127.0.0.1", scene.ports["narrow"])
            await guests.enter_async_context(guest)
        await hang_on(guest)
    return "narrow: 127.0.0.1:*was refused: 1 peers are connected already"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The heat without nonsense."""
    outcome = anyio.run(record, tmp_path_factory.mktemp("undisturbed") / "meet", nothing)
    assert len(outcome.files) == 1
    assert len(outcome.crossings) == 2
    assert outcome.quarantine == []
    return outcome


@pytest.mark.parametrize("case", [*SOCKETS.values(), *FILES.values()], ids=[*SOCKETS, *FILES])
def test_nonsense_is_quarantined_and_changes_nothing(
    tmp_path: Path, undisturbed: Outcome, case: Case
) -> None:
    outcome = anyio.run(record, tmp_path / "meet", case.act)
    assert outcome.files == undisturbed.files
    assert outcome.crossings == undisturbed.crossings
    assert outcome.quarantine, "nothing was said about it"
    assert {entry.source for entry in outcome.quarantine} == {case.source}
    assert all(entry.hint for entry in outcome.quarantine), "nobody is told what to do"
    assert any(case.words in q.reason and case.quoted in q.excerpt for q in outcome.quarantine)


@pytest.mark.parametrize(
    "act", [be_silent, put_a_huge_file, put_a_link, take_the_folder_away, come_in_crowds]
)
def test_trouble_is_told_and_changes_nothing(
    tmp_path: Path, undisturbed: Outcome, act: Callable[[Scene], Awaitable[str]]
) -> None:
    words: list[str] = []

    async def noted(scene: Scene) -> None:
        words.append(await act(scene))

    outcome = anyio.run(record, tmp_path / "meet", noted)
    assert outcome.files == undisturbed.files
    assert outcome.crossings == undisturbed.crossings
    assert outcome.quarantine == []
    (told,) = {said for said in outcome.said if fnmatch(said, f"*{words[0]}*")}
    assert told.rpartition(words[0].rpartition("*")[2])[2].strip(" .:"), "nobody is told what to do"
