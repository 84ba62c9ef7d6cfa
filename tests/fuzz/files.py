"""Targets: what lies in a folder, written by whoever can write there."""

import contextlib
import tomllib
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from ingest.errors import IngestError
from meetlog.capsule.format import CapsuleError, open_capsule
from meetlog.passwords import read_password
from meetlog.readback import parsed
from meetlog.simulate.recordings import acts_of, iterate_reads
from meetlog.simulate.script import FolderTrouble
from projections.meet import VERSION, Meet
from projections.saving import pack
from tests.fuzz.target import Target, choices, text_in
from wire import chips, settings_file, statements, textfile, timedrops, tomlfile
from wire.errors import WireError
from wire.settings import SourceSettings
from wire.timedrops_values import MAX_WARNINGS

_PROGRAM_WORDS = tuple(f'"{key}":' for key in (
    "meetName", "meetProgramVersion", "meetProgramDateTime", "meetEvents", "meetSessions",
    "meetTeams", "meetSwimmers", "sessionNumber", "sessionId", "sessionRaces", "sessionPool",
    "sessionIsCurrent", "raceEventNumber", "raceNumber", "raceHeatNumber", "raceTotalHeats",
    "raceLanes", "laneNumber", "isEmpty", "laneEventNumber", "laneSeedTime", "laneSwimmerId",
    "laneRelayTeamName", "laneRelaySwimmerIds", "laneTeamId", "eventNumber", "eventName",
    "eventIsRelay", "swimmerId", "swimmerFirstName", "teamId", "type", "Meet",
))  # fmt: skip
_RESULT_WORDS = tuple(f'"{key}":' for key in (
    "createdAt", "protocolVersion", "sessionNumber", "sessionId", "eventNumber", "heatNumber",
    "raceNumber", "startTime", "lanes", "lane", "finalTime", "padTime", "timer1", "timer2",
    "timer3", "isEmpty", "isDq", "splits", "distance", "time", "split",
))  # fmt: skip
_STATUS_WORDS = tuple(f'"{key}":' for key in (
    "currentEvent", "currentHeat", "currentSessionNumber", "currentSessionId", "protocolVersion",
    "timingSystemType", "timingSystemVersion", "lastMeetProgramDate", "updatedAt",
))  # fmt: skip
_JSON_WORDS = ("null", "true", "NaN", "-0", "1e999", "\\ud800", "// x\n", "/* */", "\u201c", ",}")
_NAME = "Session67_Event_4A_Heat2_Race7_1.json"
_SETTING_WORDS = (
    "[meet]\n", "[log]\n", "[folder]\n", "[console]\n", "[[source]]\n", "[[point]]\n",
    "[[course]]\n", "[[relay]]\n", "name = ", "zone = ", "protocol = ", "role = ", "host = ",
    "port = ", "clock = ", "allow = [", "feeds = [", "legs = [{", "events = [", "point = ",
    "distance = ", "passing = ", "gap = ", "rule = ", "authentication = ", "password_file = ",
    "'''", '"""', "1979-05-27T07:32:00Z", "0x", "inf", "nan", "1_000", "#", '"tsv1"', '"ctp01"',
)  # fmt: skip
_NAME_WORDS = ("Session", "_Event_", "_Heat", "_Race", ".json", "%5F", "../", "CON")
_CHIP_WORDS = (
    "chip,swimmer\n", "chip;bib\r\n", '{"', '"chips":[', '"', "\t", "\ufeff", "sep=;",
)  # fmt: skip
_STATEMENT_WORDS = tuple(f'"{word}"' for word in (
    "verb", "author", "channel", "at", "seen", "session", "event", "heat", "lane", "gun", "dq",
    "withdraw", "start", "shift", "chip", "void", "crossing", "set-time", "operator",
))  # fmt: skip
_CAPSULE_WORDS = ("PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "capsule.json", "events")
_RECORDING_WORDS = (
    "CT01_33~1~Finish~7~07:45:01.01~1~R~1\r\n", '[{"Chip":1,"Moment":"', '"TimingPoint":"A"}]\r',
)  # fmt: skip


def check_program(data: bytes) -> None:
    """A program is read or refused in words; what is written of it has the same races."""
    try:
        program = timedrops.parse_program(data)
    except WireError:
        return
    assert len(program.warnings) <= MAX_WARNINGS + 1
    keys = [(s.id, h.event, h.heat) for s in program.sessions for h in s.heats]
    assert len(keys) == len(set(keys)), "a race stands twice"
    assert sum(session.current for session in program.sessions) <= 1
    # What contradicts itself is put right by the first writing, and stands from then on.
    again = timedrops.parse_program(timedrops.encode_program(program))
    assert keys == [(s.id, h.event, h.heat) for s in again.sessions for h in s.heats]
    written = timedrops.encode_program(again)
    assert timedrops.encode_program(timedrops.parse_program(written)) == written


def check_result(data: bytes) -> None:
    """A result file is read or refused in words; what is written of it reads back the same."""
    (named,), body = choices(data, 1)
    name = _NAME if named % 2 else "other.json"
    try:
        result = timedrops.parse_result(name, body)
    except WireError:
        assert parsed(name, body)[0] is None
        return
    lanes = [lane.lane for lane in result.lanes]
    assert len(lanes) == len(set(lanes)), "a lane stands twice"
    file, problem = parsed(name, body)
    assert file is not None
    assert not problem
    written = timedrops.encode_result(result)
    again = timedrops.parse_result(name, written)
    assert timedrops.encode_result(again) == written
    assert again.lanes == result.lanes
    path = timedrops.result_name(
        result.session_id, result.event, result.heat, result.race_number, 1
    )
    _safe(path)


def check_status(data: bytes) -> None:
    """A status file is read or refused in words; what is written of it reads back the same."""
    try:
        status = timedrops.parse_status(data)
    except WireError:
        return
    written = timedrops.encode_status(status)
    assert timedrops.encode_status(timedrops.parse_status(written)) == written


def _safe(path: str) -> None:
    """A name of ours leads nowhere else, on any system."""
    assert PurePosixPath(path).name == path == PureWindowsPath(path).name
    assert path.isascii()
    assert path.isprintable()
    assert len(path) <= 255
    assert not set(path) & set('<>:"/\\|?*')


def check_result_name(data: bytes) -> None:
    """Any ids make a name that is one file in its folder, and whose parts are those ids."""
    session, _, event = text_in(data).partition("\n")
    timedrops.parse_result_name(session)
    try:
        name = timedrops.result_name(session, event, len(session), len(event), len(data))
    except WireError:
        assert not session or not event
        return
    _safe(name)
    told = timedrops.parse_result_name(name)
    assert told is not None
    assert (told.heat, told.race_number, told.revision) == (len(session), len(event), len(data))


def check_chips(data: bytes) -> None:
    """A chip table is read or refused in words; what is written of it reads back the same."""
    (named,), body = choices(data, 1)
    try:
        table = chips.parse("chips.json" if named % 2 else "chips.csv", body)
    except WireError:
        return
    assert len(table.warnings) <= chips.MAX_WARNINGS
    for chip, swimmer in table.chips.items():
        assert chip.isprintable()
        assert swimmer.isprintable()
    again = chips.parse("chips.csv", chips.encode_csv(table.chips))
    assert again.chips == table.chips


def check_json_file(data: bytes) -> None:
    """A JSON file is read or refused in words, repaired or not; there is no float in it."""
    with contextlib.suppress(WireError):
        textfile.decode_text(data)
    for last in (False, True):
        try:
            found = textfile.parse_json(data, 4096, last_resort=last).value
        except WireError:
            continue
        _no_float(found)


def _no_float(value: Any) -> None:
    """Nothing in a document is a float: no float comes near a time."""
    assert not isinstance(value, float)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _no_float(each)


def check_statement(data: bytes) -> None:
    """A statement is read or refused in words; what is written of it is the same statement."""
    try:
        statement = statements.decode(data)
    except WireError:
        return
    assert statements.decode(statements.encode(statement)) == statement
    msgspec.msgpack.encode(statement)


def check_settings(data: bytes) -> None:
    """Settings are read, or every mistake is told with a line that is in the file and in words."""
    try:
        settings_file.parse(data)
    except settings_file.SettingsError as error:
        assert error.mistakes
        lines = data.replace(b"\r\n", b"\n").count(b"\n") + 1
        for mistake in error.mistakes:
            assert 1 <= mistake.line <= lines, mistake
            assert mistake.problem
        assert str(error)


def check_toml_lines(data: bytes) -> None:
    """Every key of a TOML text has its line."""
    try:
        document, lines = tomlfile.read_toml(data)
    except tomlfile.TomlError as error:
        assert error.line >= 1
        return
    # By their texts, for `nan` is not equal to itself.
    assert repr(document) == repr(tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n")))
    _has_lines(document, (), lines)


def _has_lines(value: Any, path: tuple[str | int, ...], lines: dict[Any, int]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        assert (*path, key) in lines, (*path, key)
        if isinstance(each, dict | list):
            _has_lines(each, (*path, key), lines)


def check_saved_state(data: bytes) -> None:
    """A saved fold is loaded, or refused as damaged; also where its sum does not tell."""
    for saved in (data, pack(VERSION, b"\x93" + data + b"\xc0\x80", ())):
        try:
            meet = Meet.load(saved)
        except ValueError:
            continue
        meet.save()


class _Folder:
    """One folder for all inputs of a process; it is emptied when that ends."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None

    def file(self, name: str, data: bytes) -> Path:
        """A file with that content."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="meetlog-fuzz-")
        path = Path(self._folder.name) / name
        path.write_bytes(data)
        return path


_folder = _Folder()


def check_capsule(data: bytes) -> None:
    """A capsule is read whole, or refused in words."""
    path = _folder.file("meet.capsule", data)
    try:
        with open_capsule(path) as (manifest, events):
            count = sum(1 for _ in events)
    except CapsuleError as error:
        assert str(path) in str(error)
        return
    assert count == manifest.carried


def check_recording(data: bytes) -> None:
    """A recording is played from its good reads, or refused in words."""
    path = _folder.file("reads.txt", data)
    problems: list[object] = []
    try:
        reads = list(iterate_reads(path, problems.append))
    except FolderTrouble as error:
        assert str(path) in str(error)
        return
    for restamp in (False, True):
        acts = acts_of(reads, restamp=restamp)
        assert len(acts) == len(reads)
        assert [act.at for act in acts] == sorted(act.at for act in acts)


def check_password_file(data: bytes) -> None:
    """A password file gives its first line, or is refused in words."""
    path = _folder.file("password.txt", data)
    source = SourceSettings("mat", "ctp01", "server", 61611, password_file=path.name)
    try:
        password = read_password(source, path.parent)
    except IngestError as error:
        assert "not UTF-8" in str(error)
        return
    assert len(password.splitlines()) <= 1


TARGETS = {
    "program": Target(check_program, (*_PROGRAM_WORDS, *_JSON_WORDS), 4096),
    "result": Target(check_result, (*_RESULT_WORDS, *_JSON_WORDS)),
    "status": Target(check_status, (*_STATUS_WORDS, *_JSON_WORDS)),
    "result-name": Target(check_result_name, _NAME_WORDS, 400),
    "chips": Target(check_chips, _CHIP_WORDS),
    "json-file": Target(check_json_file, _JSON_WORDS),
    "statement": Target(check_statement, _STATEMENT_WORDS),
    "settings": Target(check_settings, _SETTING_WORDS),
    "toml-lines": Target(check_toml_lines, _SETTING_WORDS),
    "saved-state": Target(check_saved_state),
    "capsule": Target(check_capsule, _CAPSULE_WORDS, 4096),
    "recording": Target(check_recording, _RECORDING_WORDS),
    "password-file": Target(check_password_file, ("\ufeff", "\r\n"), 256),
}
