"""Masked capsules: no name in any byte, the same results, the same pseudonym everywhere."""

import itertools
import zipfile
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetlog.capsule.format import open_capsule
from meetlog.capsule.making import make
from meetlog.capsule.masking import Masker
from meetlog.capsule.names import Names, fold
from meetlog.capsule.unpacking import LOG, open_into
from projections.folding import fold as fold_log
from projections.folding import settings_at
from projections.views import Race
from store.event import FILE_CHANGED, RESULT_PUBLISHED, STATEMENT, Draft, meta_of, pack_meta
from store.log import Log
from store.memory import MemoryLog
from store.sqlite import SqliteLog
from tests.meetlog.busy import about, busy, say
from tests.meetlog.calls import call
from tests.meetlog.meets import TOML, RecordedMeet, swum
from wire.settings_file import parse as parse_settings
from wire.statements import AdoptSettings, Disqualify, RegisterOperator, decode
from wire.timedrops import (
    PROGRAM_FILE,
    Program,
    ResultFile,
    ResultLane,
    Swimmer,
    encode_program,
    encode_result,
    parse_program,
)

RACE = ("67", "4A", 1)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> RecordedMeet:
    """A swum meet with names wherever they can come from."""
    meet = swum(tmp_path_factory.mktemp("named"))
    program = parse_program(_last(meet, PROGRAM_FILE))
    people = [
        msgspec.structs.replace(s, first_name="Győző Béla", age=13) if s.id == "102" else s
        for s in program.swimmers
    ]
    program = msgspec.structs.replace(
        program,
        swimmers=(*people, Swimmer("105", "Noël", "O'Brien-Saint", age=9)),
        meet_name="Memorial Zoë Ångström",
    )
    written = encode_program(program)
    meet.file(PROGRAM_FILE, written)
    meet.file(PROGRAM_FILE, written[:-300])
    meet.file(PROGRAM_FILE, written.replace(b'"meetName"', b'"coach": "Cora Cole", "meetName"'))
    meet.file(
        "chips.csv", "chip,swimmer,name\n123,101,Zoë Ångström\n456,102,\n7,Ada Lovelace\n".encode()
    )
    meet.file("Zoë Ångström.txt", "Zoë Ångström was here".encode())
    meet.file("Heat list Dina Dunn.pdf", b"%PDF Dina Dunn")
    console = ResultFile("67", "4A", 2, 2, lanes=(ResultLane(1, 3000), ResultLane(2, 3100)))
    body = encode_result(console).replace(b'"lane": 1', b'"who": "Dina Dunn", "lane": 1')
    meet.file("Session67_Event_4A_Heat2_Race2_1.json", body)
    meet.file("time_drops_status.json", b'{"updatedAt": "x", "starter": "Cora Cole"}')
    toml = TOML.replace("[meet]", "# ask Dina Dunn\n[meet]").replace("Sommerfest", "Zoë's Cup")
    meet.file("meet.toml", toml.encode(), "settings")
    reason = "zoe angstrom false-started; KOVÁCS saw it"
    say(meet, dismissed(meet, RACE, reason, "Ångström, Zoë"))
    common: dict[str, Any] = {
        "author": "Dina Dunn",
        "channel": "cli",
        "at": 0,
        "seen": 1,
        "login": "dina",
    }
    say(meet, RegisterOperator(**common, name="Dina Dunn", role="timer", secret="scrypt:abc"))
    say(meet, AdoptSettings(**common, toml=toml))
    meet.add("operator", "statement.refused", b"Dina Dunn", actor="Dina Dunn")
    meet.add("somebody", "of.the.future", b"Zo\xc3\xab", who="Zoë")
    meet.add("finish-mat", "socket.read", b'[{"Name":"Cora Cole"}]\r', c=1)
    meet.publish()
    return meet


def dismissed(
    meet: RecordedMeet, race: tuple[str, str, int], reason: str, text: str = ""
) -> Disqualify:
    said: dict[str, Any] = about(meet, race, reason)
    return Disqualify(**said, lane=1, code="4.4", text=text)


NAMES = (
    "Zoë", "Ångström", "Győző", "Béla", "Kovács", "Cora", "Cole", "Dina", "Dunn", "Noël", "Brien",
    "Saint", "Ada Lovelace", "Lovelace",
)  # fmt: skip


def _last(meet: RecordedMeet, path: str) -> bytes:
    events = meet.log.read(0, 1000, kinds=(FILE_CHANGED,))
    return [e.body for e in events if meta_of(e)["path"] == path][-1]


def spellings(name: str) -> Iterator[bytes]:
    """The name as it may stand in bytes: any case, with and without accents, any code page."""
    for word in {name, name.lower(), name.upper(), fold(name), fold(name).upper()}:
        for code in ("utf-8", "cp1252", "utf-16-le", "utf-16-be"):
            yield word.encode(code, "ignore")
        yield word.encode("ascii", "backslashreplace")


def contents(folder: Path, capsule: Path) -> bytes:
    """Every byte of an opened capsule's folder, and of the capsule, compressed and not."""
    data = b"".join(p.read_bytes() for p in folder.iterdir()) + capsule.read_bytes()
    with zipfile.ZipFile(capsule) as archive:
        return data + b"".join(archive.read(name) for name in archive.namelist())


def races(log: Log) -> list[Race]:
    meet = fold_log(log)
    meet.settle()
    return meet.races()


def nameless(found: list[Race]) -> list[Race]:
    """The races without what lanes say of names."""
    return [
        msgspec.structs.replace(
            race,
            lanes=tuple(msgspec.structs.replace(lane, name="", note="") for lane in race.lanes),
        )
        for race in found
    ]


def test_no_byte_has_a_name_and_every_result_is_the_same(
    named: RecordedMeet, tmp_path: Path
) -> None:
    out, into = tmp_path / "c.zip", tmp_path / "open"
    result = call("capsule", named.path, "--mask-names", "--out", out)
    assert result.exit_code == 0, result.output
    assert "Names are masked" in result.stdout
    assert "all of them identical" in result.stdout
    open_into(out, into)
    data = contents(into, out)
    found = [n for n in NAMES for spelt in spellings(n) if len(spelt) > 2 and spelt in data]
    assert found == []
    with closing(SqliteLog(into / LOG, read_only=True)) as log:
        masked = races(log)
    assert nameless(masked) == nameless(races(named.log))
    names = {lane.name for race in masked for lane in race.lanes}
    assert names == {"", "Swimmer 101", "Swimmer 102", "Swimmer 103", "Swimmer 104"}
    assert call("replay", into / LOG, "--into", tmp_path / "files").exit_code == 0
    assert call("verify", into / LOG).exit_code == 0


def test_the_names_are_in_the_capsule_that_is_not_masked(
    named: RecordedMeet, tmp_path: Path
) -> None:
    """Else the search for them would prove nothing."""
    make(named.log, 1, named.log.head().position, tmp_path / "c.zip")
    open_into(tmp_path / "c.zip", tmp_path / "open")
    data = contents(tmp_path / "open", tmp_path / "c.zip")
    assert all(any(s in data for s in spellings(n)) for n in NAMES)


def test_a_whole_morning_masked(tmp_path: Path) -> None:
    meet, program = busy(tmp_path / "meet", seed=11)
    words = sorted({w for s in program.swimmers for w in (s.first_name, s.last_name)})
    swimmer = program.swimmers[0]
    name = f"{swimmer.first_name} {swimmer.last_name}"
    race = next(r for r in meet.projector.meet.races() if r.lanes)
    dq = dismissed(meet, (race.session, race.event, race.heat), f"{name} pushed off")
    say(meet, dq)
    meet.publish()
    head = meet.log.head().position
    for number, (begin, end) in enumerate([(1, head), (150, 200), (head - 5, head)]):
        out, into = tmp_path / f"{number}.zip", tmp_path / str(number)
        report = make(meet.log, begin, end, out, mask=True)
        assert report.publications == report.identical
        open_into(out, into)
        data = contents(into, out).decode("utf-8", "replace")
        assert [w for w in words if w in data and w.casefold() != "swimmer"] == []
        if end == head:
            with closing(SqliteLog(into / LOG, read_only=True)) as log:
                assert nameless(races(log)) == nameless(races(meet.log))
                reasons = [decode(e.body).reason for e in log.read(0, 1000, kinds=(STATEMENT,))]
            assert reasons[-1] == f"Swimmer {swimmer.id} pushed off"


def test_masked_events_carry_no_hashes(named: RecordedMeet, tmp_path: Path) -> None:
    """A hash would confirm a guess of what was masked."""
    make(named.log, 1, 20, tmp_path / "c.zip", mask=True)
    with open_capsule(tmp_path / "c.zip") as (manifest, events):
        assert manifest.masked
        assert {(e.hash, e.before) for e in events} == {(b"", b"")}


def masked(named: RecordedMeet) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each event's body, and the meta and body in its place."""
    events = named.log.read(0, 10_000)
    masker = Masker(named.log, events[-1].position)
    for event in events:
        meta, body = masker.mask(event)
        yield event.body, meta, body


def test_what_is_no_document_keeps_its_kind_of_trouble(named: RecordedMeet) -> None:
    before = fold_log(named.log)
    log = MemoryLog(clock=itertools.count(named.log.read(0, 1)[0].recorded_at).__next__)
    for event, (_, meta, body) in zip(named.log.read(0, 10_000), masked(named), strict=True):
        log.append([Draft(event.source, event.kind, meta, body)])
    after = fold_log(log)
    for meet in (before, after):
        meet.settle()
    assert [q.position for q in after.quarantine()] == [q.position for q in before.quarantine()]
    assert len(before.quarantine()) == 3


def test_documents_keep_what_results_are_made_of(named: RecordedMeet) -> None:
    for old, _, new in masked(named):
        if old.startswith(b"{") and b"meetSwimmers" in old and old.rstrip().endswith(b"}"):
            was, is_ = parse_program(old), parse_program(new)
            assert [s.id for s in is_.swimmers] == [s.id for s in was.swimmers]
            assert {s.age for s in is_.swimmers} == {0}
            assert is_.sessions == was.sessions
            assert [s.team_id for s in is_.swimmers] == [s.team_id for s in was.swimmers]


def test_settings_mean_the_same(named: RecordedMeet) -> None:
    seen = 0
    for old, meta, new in masked(named):
        if msgspec.msgpack.decode(meta).get("path") == "meet.toml":
            was, is_ = parse_settings(old), parse_settings(new)
            assert is_.sources == was.sources
            assert is_.points == was.points
            assert is_.courses == was.courses
            seen += 1
    assert seen == 2


def test_secrets_are_not_carried(named: RecordedMeet) -> None:
    bodies = b"".join(body for _, _, body in masked(named))
    assert b"scrypt" not in bodies
    assert b'"secret":"masked"' in bodies


def test_published_documents_with_a_new_field_are_masked_and_hashed() -> None:
    """Ours name nobody today; if one ever does, its hash goes with its new content."""
    log = MemoryLog(clock=itertools.count(5).__next__)
    program = Program(swimmers=(Swimmer("9", "Dina", "Dunn"),))
    people = encode_program(program).replace(b'"meetSessions": []', b'"meetSessions": [{}]')
    log.append([Draft("folder", FILE_CHANGED, pack_meta(path=PROGRAM_FILE), people)])
    body = b'{"sessionId": "Dunn", "lanes": [{"name": "Dina Dunn"}]}'
    meta = pack_meta(sha256="old", author="meetlog", name="Session_Dunn", reason="Dunn won")
    log.append([Draft("meetlog", RESULT_PUBLISHED, meta, body)])
    new_meta, new = Masker(log, 2).mask(log.read(1, 1)[0])
    assert msgspec.json.decode(new) == {"sessionId": "Dunn", "lanes": [{"name": "Swimmer 9"}]}
    told = msgspec.msgpack.decode(new_meta)
    assert told["name"] == "Session_Dunn"
    assert told["reason"] == "Swimmer 9 won"
    assert told["sha256"] == sha256(new).hexdigest()


# -- names in texts ----------------------------------------------------------


@pytest.fixture(scope="module")
def names() -> Names:
    found = Names()
    people = (
        Swimmer("1", "Zoë", "Ångström"), Swimmer("2", "Jean-Luc", "O'Neil"),
        Swimmer("3", "Zoë", "Li"), Swimmer("4", "", "Pelé"), Swimmer("5", "X", "Y"),
    )  # fmt: skip
    program = encode_program(Program(swimmers=people))
    found.learn_program(program.replace(b'"meetSessions": []', b'"meetSessions": [{}]'))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zoë Ångström turned early", "Swimmer 1 turned early"),
        ("ångström, zoë: DQ", "Swimmer 1: DQ"),
        ("ZOE ANGSTROM", "Swimmer 1"),
        ("Zoe\u0308 A\u030angstro\u0308m", "Swimmer 1"),
        ("Angstrom", "Swimmer 1"),
        ("Jean Luc O’Neil", "Swimmer 2"),
        ("jean-luc", "Swimmer 2"),
        ("Li, Zoë and Zoë", "Swimmer 3 and Swimmer 1"),
        ("Pelé!", "Swimmer 4!"),
        ("Zoë Ångström, Pelé", "Swimmer 1, Swimmer 4"),
        ("the line is alight", "the line is alight"),
        ("X Y", "X Y"),
        ("lane 4, 3:12.5 <b>", "lane 4, 3:12.5 <b>"),
        ("", ""),
    ],
)
def test_names_in_a_text(names: Names, text: str, expected: str) -> None:
    assert names.masked(text) == expected


def test_of_hardware_s_bytes_only_full_names_are_masked(names: Names) -> None:
    assert names.masked('{"TimingPoint":"Li"}', 2) == '{"TimingPoint":"Li"}'
    assert names.masked('{"Name":"Li Zoë"}', 2) == '{"Name":"Swimmer 3"}'


@given(st.text(st.sampled_from("Zoëzoeångström LiPelé,.-'0 \u0308"), max_size=40))
def test_no_word_of_a_text_is_a_name_afterwards(text: str) -> None:
    found = Names()
    found.learn_chips("chips.csv", "chip,name\n1,Zoë Ångström\n2,Li\n3,Pelé\n".encode())
    once = found.masked(text)
    assert found.masked(once) == once


def test_a_name_in_a_chip_table_stands_for_a_person(names: Names) -> None:
    names.learn_chips("chips.csv", b"chip,name\n1,Eva Berg\n2,17\n3,A12\n")
    assert names.masked("Eva Berg and Berg") == "Person 1 and Person 1"
    assert [names.is_name(t) for t in ("Eva Berg", "17", "A12", "1", "B")] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_what_cannot_be_read_teaches_no_names() -> None:
    found = Names()
    found.learn_program(b'{"meetSwimmers": [{"swimmerName": "Eva')
    found.learn_chips("chips.csv", b"")
    assert found.masked("Eva") == "Eva"


def test_a_capsule_s_own_page_is_masked_too(named: RecordedMeet, tmp_path: Path) -> None:
    assert settings_at(named.log).meet.name == "Zoë's Cup"
    report = make(named.log, 1, named.log.head().position, tmp_path / "c.zip", mask=True)
    assert report.manifest.meet == "Swimmer 101's Cup"
