"""What the ceilings of docs/limits.md are tried with: something of a size, and what becomes of it.

Each is called with a size. Of `TAKEN` it says whether a thing of that size is
taken; of `KEPT` how many of so many are kept.
"""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from meetlog import checks
from meetlog.authors import Author
from meetlog.capsule.format import MANIFEST, CapsuleError, Manifest, open_capsule
from meetlog.console.sessions import Sessions, Tries
from meetlog.console.signs import Sign, encode
from meetlog.refusals import Unsayable
from meetlog.secrets import weakness
from projections.meet import Meet
from projections.views import Alarm
from store.event import SOCKET_OPENED, SOCKET_READ, Event, pack_meta
from wire import chips, ctp01, settings_file, statements, timedrops, tsv1, tsv2
from wire.errors import Malformed, WireError
from wire.reads import RawRead
from wire.settings import parse_duration
from wire.stamps import NS
from wire.textfile import NotWhole, parse_json
from wire.timedrops_names import parse_result_name, result_name

READ = '{"Chip":"%s","Moment":"2026-06-14T09:00:30.12","TimingPoint":"Finish","Type":2}'


def _parses(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except (WireError, CapsuleError, Unsayable):
        return False
    return True


def _padded(text: str, size: int) -> bytes:
    """JSON of exactly `size` bytes."""
    return (text[:-1] + " " * (size - len(text)) + text[-1]).encode()


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


# -- the wire -----------------------------------------------------------------------


def tsv1_frame(size: int) -> bool:
    found = tsv1.Decoder().feed(_padded(f"[{READ % '1'}]", size) + b"\r")
    return [type(each) for each in found] == [RawRead]


def tsv2_frame(size: int) -> bool:
    found = tsv2.Decoder().feed(_padded(f"[{READ % '1'}]", size) + b"\n")
    return [type(each) for each in found] == [RawRead]


def frame(size: int) -> bool:
    assert tsv1_frame(size) == tsv2_frame(size)
    return tsv1_frame(size)


def frame_depth(depth: int) -> bool:
    # The message is one of the levels, the read another.
    text = f"[{READ % '1'}]".replace("}", f',"Extra":{_deep(depth - 2)}}}')
    found = tsv1.Decoder().feed(text.encode() + b"\r")
    same = tsv2.Decoder().feed(text.encode() + b"\n")
    assert [type(each) for each in found] == [type(each) for each in same]
    return [type(each) for each in found] == [RawRead]


def chip_text(size: int) -> bool:
    found = tsv1.Decoder().feed(f"[{READ % ('7' * size)}]\r".encode())
    return [type(each) for each in found] == [RawRead]


def ctp01_line(size: int) -> bool:
    found = ctp01.ClientDecoder().feed(b"Prog~" + b"1" * (size - 11) + b"~CTP01\r\n")
    return not any(isinstance(each, Malformed) for each in found)


# -- files --------------------------------------------------------------------------


def _program(lane: int = 1) -> timedrops.Program:
    session = timedrops.Session(
        "1",
        1,
        events=(timedrops.ProgramEvent("1", "50 free"),),
        heats=(timedrops.Heat("1", 1, 1, (timedrops.LaneEntry(lane, ("11",)),)),),
    )
    return timedrops.Program(
        "Small", sessions=(session,), swimmers=(timedrops.Swimmer("11", "A", "B"),)
    )


def program_size(size: int) -> bool:
    text = timedrops.encode_program(_program()).decode().strip()
    return _parses(lambda: timedrops.parse_program(_padded(text, size)))


def result_size(size: int) -> bool:
    text = json.dumps({"eventNumber": "1", "heatNumber": 1, "lanes": []})
    name = result_name("1", "1", 1, 1, 1)
    return _parses(lambda: timedrops.parse_result(name, _padded(text, size)))


def status_size(size: int) -> bool:
    text = json.dumps({"currentEvent": "1", "currentHeat": 1, "currentSessionId": 1})
    return _parses(lambda: timedrops.parse_status(_padded(text, size)))


def chip_table_size(size: int) -> bool:
    body = b"chip,swimmer\n1,2\n" + b" " * (size - 17)
    return _parses(lambda: chips.parse("chips.csv", body))


def chip_table_depth(depth: int) -> bool:
    return _parses(lambda: chips.parse("c.json", f'{{"1":"2","x":{_deep(depth - 1)}}}'.encode()))


def chip_table_name(size: int) -> bool:
    table = chips.parse("chips.csv", b"chip,swimmer\n1,2\n" + b"c" * size + b",3\n")
    return len(table.chips) == 2


def settings_size(size: int) -> bool:
    body = b"# " + b"x" * (size - 2)
    return _parses(lambda: settings_file.parse(body))


def settings_port(port: int) -> bool:
    return _parses(lambda: settings_file.parse(f"[console]\nport = {port}\n".encode()))


def settings_count(count: int) -> bool:
    text = (
        '[[source]]\nname = "a"\nprotocol = "tsv2"\nrole = "server"\nport = 1\n'
        f"max_connections = {count}\n"
    )
    return _parses(lambda: settings_file.parse(text.encode()))


def settings_text(size: int) -> bool:
    return _parses(lambda: settings_file.parse(f'[log]\npath = "{"x" * size}"\n'.encode()))


def duration(ns: int) -> bool:
    return _parses(lambda: parse_duration(f"{ns // NS}.{ns % NS:09d}s"))


def json_depth(depth: int) -> bool:
    return _parses(lambda: parse_json(_deep(depth).encode(), 10_000))


def json_digits(count: int) -> bool:
    return not isinstance(parse_json(b"1" * count, 10_000).value, NotWhole)


def lane_number(lane: int) -> bool:
    found = timedrops.parse_program(timedrops.encode_program(_program(lane)))
    return not found.warnings


def name_part(size: int) -> bool:
    """Whether an event's number is in the name as it is."""
    found = parse_result_name(result_name("1", "7" * size, 1, 1, 1))
    assert found is not None
    return found.event == "7" * size


def clock_shift(ns: int) -> bool:
    said = statements.ShiftClock(author="A", channel="t", at=1, seen=1, source="m", shift=ns)
    return _parses(lambda: statements.decode(statements.encode(said)))


# -- what people say ----------------------------------------------------------------


def statement_text(size: int) -> bool:
    return _parses(lambda: checks._check_text("x" * size, "the reason", checks.MOST_TEXT))


def statement_name(size: int) -> bool:
    return _parses(lambda: checks._check_text("x" * size, "the chip", checks.MOST_NAME))


def secret_size(size: int) -> bool:
    return not weakness(("abcdefg" * size)[:size])


def tries_of_an_address(count: int) -> bool:
    tries = Tries()
    return all(not tries.wait("192.168.1.7", 1000 * NS + n) for n in range(count))


def addresses_that_try(count: int) -> int:
    tries = Tries()
    for n in range(count):
        tries.wait(f"2001:db8::{n:x}", 1000 * NS)
    return len(tries._moments)


def sessions(count: int) -> int:
    kept = Sessions()
    author = Author("Ref", "secret", "")
    tokens = [kept.begin(author, "192.168.1.7", None, n) for n in range(count)]
    return sum(kept.find(token, "192.168.1.7", {}, count) is not None for token in tokens)


# -- the rest -----------------------------------------------------------------------


def sign_size(size: int) -> bool:
    """Whether an alarm of about that size gets through whole."""
    base = len(encode(_sign("")))
    return b"xxx" in encode(_sign("x" * (size - base)))


def _sign(text: str) -> Sign:
    return Sign(1, 1, alarms=(Alarm("key", text, "", 1),))


_MANIFEST = Manifest(1, "0.1.0", "M", "UTC", 1, 1, "", "", "", "", 1, False, 0, 0, "")


def manifest_size(size: int) -> bool:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "capsule.zip"
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr(MANIFEST, _padded(msgspec.json.encode(_MANIFEST).decode(), size))
            archive.writestr("events", b"")
        path.write_bytes(made.getvalue())

        def read() -> None:
            with open_capsule(path):
                pass

        return _parses(read)


def locations_announced(count: int) -> int:
    """Locations of a CTP01 source that the meet remembers."""
    meet = Meet()
    lines = "".join(f"CT01_33~{n}~loc{n}~newlocation~12:00:00.00~0~0~0\r\n" for n in range(count))
    meet.feed(_stream("ctp01", b"Prog~1~CTP01\r\n" + lines.encode()))
    return len(meet.state.locations.get("mat", ()))


def _stream(protocol: str, body: bytes) -> list[Event]:
    opened = pack_meta(c=1, protocol=protocol, role="server", peer="10.0.0.1:1", local="")
    rows = ((SOCKET_OPENED, opened, b""), (SOCKET_READ, pack_meta(c=1), body))
    return [
        Event(n, n, "mat", kind, meta, data, bytes(32))
        for n, (kind, meta, data) in enumerate(rows, 1)
    ]
