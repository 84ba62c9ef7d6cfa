"""The CTP01 language: every message there and back, every example and ambiguity of PROTOCOLS 1."""

import hashlib
import hmac

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.ctp01 import (
    MAX_LINE,
    Ack,
    Authorize,
    Blank,
    ClientDecoder,
    Command,
    DataLine,
    Err,
    Greeting,
    Message,
    Noise,
    RawController,
    ServerDecoder,
    ServerGreeting,
    Setting,
    auth_string,
    encode,
    format_parts,
    to_raw_read,
)
from wire.errors import Malformed, WireError
from wire.reads import ReadKind

FINISH = DataLine("CT01_33", 2000, "PHASER", "3132", "2025-06-01T08:30:22.04", 1, "23H016", 1)
CLIENT_LINES: list[tuple[str, Message]] = [
    ("SimpleClient~0.5.0~CTP01", Greeting("SimpleClient", "0.5.0", "CTP01")),
    ("authorize~meet~p~w=1", Authorize("meet", "p~w=1")),
    ("authorize~meet~", Authorize("meet", "")),
    ("ack~authorize", Ack("authorize")),
    (
        "ack~geteventinfo~LA08~12~Los Angeles Marathon 2008",
        Ack("geteventinfo", ("LA08", "12", "Los Angeles Marathon 2008")),
    ),
    ("ack~getlocations~start~10k~finish", Ack("getlocations", ("start", "10k", "finish"))),
    ("ack~getlocations", Ack("getlocations")),
    ("ack~getconnectionid~b61731be00", Ack("getconnectionid", ("b61731be00",))),
    ("ack~ping", Ack("ping")),
    ("ack~start~finish", Ack("start", ("finish",))),
    ("ack~getdata~3", Ack("getdata", ("3",))),
    ("ack~init", Ack("init")),
    ("err~stop~not started", Err("stop", "not started")),
    ("err~~unknown command", Err("", "unknown command")),
    ("err~authorize", Err("authorize")),
    ("ping", Command("ping")),
    ("8", Noise("8")),
    ("OK", Noise("OK")),
    ("CT01_33~2000~PHASER~3132~2025-06-01T08:30:22.04~1~23H016~1", FINISH),
    (
        "CT01_33~4~start~guntime~07:45:01.01~0~DF239A~0",
        DataLine("CT01_33", 4, "start", "guntime", "07:45:01.01", 0, "DF239A", 0),
    ),
    (
        "CT01_33~2038~30k~newlocation~14:02:15.31~0~ED932A~0",
        DataLine("CT01_33", 2038, "30k", "newlocation", "14:02:15.31", 0, "ED932A", 0),
    ),
    (
        "CT01_13,1,MINI10438,1894,20:26:41.07,1,1085B1,2",
        DataLine("CT01_13", 1, "MINI10438", "1894", "20:26:41.07", 1, "1085B1", 2),
    ),
    (
        "CT01_13,24,START,50101,15:54:48.90,1,117F37,8",
        DataLine("CT01_13", 24, "START", "50101", "15:54:48.90", 1, "117F37", 8),
    ),
    (
        "TO~3~9511~160~18~1620458716.43~120044~1~-65~1~P~151",
        RawController(
            3, "9511", "160", "18", "1620458716.43", "120044", 1, -65, 1, "P", 151
        ),
    ),
]  # fmt: skip
SERVER_LINES: list[tuple[str, Message]] = [
    (
        "RunScore~Version 6.5 Level 2007.09.26~2",
        ServerGreeting("RunScore", "Version 6.5 Level 2007.09.26", 2),
    ),
    ("RunScore~6~0", ServerGreeting("RunScore", "6", 0)),
    ("time-format=iso", Setting("time-format", "iso")),
    ("authentication-seed=a=b~c~1", Setting("authentication-seed", "a=b~c~1")),
    ("ack~authorize", Ack("authorize")),
    ("err~authorize~who", Err("authorize", "who")),
    ("geteventinfo", Command("geteventinfo")),
    ("getconnectionid", Command("getconnectionid")),
    ("start", Command("start")),
    ("start~10k~7", Command("start", ("10k", "7"))),
    ("start~a=b", Command("start", ("a=b",))),
    ("stop~10k", Command("stop", ("10k",))),
    ("getdata~100~finish~3", Command("getdata", ("100", "finish", "3"))),
    ("OK", Noise("OK")),
    ("wobble~1", Command("wobble", ("1",))),
]


def decode(data: bytes) -> list[Message | Malformed]:
    return ClientDecoder().feed(data)


@pytest.mark.parametrize(("line", "message"), CLIENT_LINES)
def test_client_lines_there_and_back(line: str, message: Message) -> None:
    assert decode(line.encode() + b"\r\n") == [message]
    assert ClientDecoder().feed(encode(message)) == [message]


@pytest.mark.parametrize(("line", "message"), SERVER_LINES)
def test_server_lines_there_and_back(line: str, message: Message) -> None:
    assert ServerDecoder().feed(line.encode() + b"\r\n") == [message]
    assert ServerDecoder().feed(encode(message)) == [message]
    assert encode(message) == line.encode() + b"\r\n"


def test_data_lines_are_written_as_they_were_read() -> None:
    for line, message in CLIENT_LINES:
        if isinstance(message, DataLine) and "~" in line:
            assert encode(message) == line.encode() + b"\r\n"


@pytest.mark.parametrize("separator", "123456")
@pytest.mark.parametrize("bits", "1234567")
def test_every_format_for_a_stream(separator: str, bits: str) -> None:
    lines = [
        msgspec.structs.replace(FINISH, format=f"CT01_{separator}{bits}", seq=n) for n in (1, 2)
    ]
    assert decode(b"".join(map(encode, lines))) == lines


def test_ct01_13_is_comma_and_crlf() -> None:
    line = msgspec.structs.replace(FINISH, format="CT01_13")
    assert encode(line) == b"CT01_13,2000,PHASER,3132,2025-06-01T08:30:22.04,1,23H016,1\r\n"


@pytest.mark.parametrize("form", ["CT01_03", "CT01_30", "CT01_38", "CT01_3B", "CT01_93", "CT02_33"])
def test_formats_that_make_no_sense_on_a_stream(form: str) -> None:
    with pytest.raises(WireError, match="not a format for a stream"):
        format_parts(form)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r", b"\0", b"\r\n\0", b"\n\r"])
def test_every_line_end(end: bytes) -> None:
    data = b"ack~ping" + end + encode(FINISH)[:-2] + end + end
    assert decode(data) == [Ack("ping"), FINISH]


def test_separator_that_is_there_counts_not_the_nibble() -> None:
    [line] = decode(b"CT01_13~7~FINISH~12~10:00:00.00~1~ABCDEF~2\r\n")
    assert line == DataLine("CT01_13", 7, "FINISH", "12", "10:00:00.00", 1, "ABCDEF", 2)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"CT01_33~1~a~LONGER-THAN-8~1:00:00~1~R~1", ("a", "LONGER-THAN-8", 1, 1)),
        (b"CT01_33~1~a location of more than 16~9~1:00:00~1~R~1",
         ("a location of more than 16", "9", 1, 1)),
        (b"CT01_33~1~a~UNKNOWN~102:12:32.37~~TAG123~", ("a", "UNKNOWN", 0, 0)),
        (b"CT01_33~1~a~9~1:00:00~x~POINTCAM~y", ("a", "9", 0, 0)),
        (b"CT01_33~1~a~9~1:00:00", ("a", "9", 0, 0)),
        (b"CT01_33~1~a~9~1:00:00~3~R~4~more~fields", ("a", "9", 3, 4)),
        (b"CT01_33~ 1 ~ a ~ 9 ~1:00:00~ 3 ~R~ 4 ", ("a", "9", 3, 4)),
        (b"CT01_33~1~~9~1:00:00~3~R~4", ("", "9", 3, 4)),
        (b"CT01_33~1~a~9~1:00:00~" + b"9" * 30 + b"~R~4", ("a", "9", 0, 4)),
        ("CT01_33~1~Plötz~9~1:00:00~3~R~4".encode(), ("Plötz", "9", 3, 4)),
        ("CT01_33~1~Plötz~9~1:00:00~3~R~4".encode("latin-1"), ("Plötz", "9", 3, 4)),
    ],
)  # fmt: skip
def test_odd_but_usable_data(raw: bytes, line: tuple[str, str, int, int]) -> None:
    [found] = decode(raw + b"\r\n")
    assert isinstance(found, DataLine)
    assert (found.location, found.tag, found.lap, found.gator) == line
    assert found.seq == 1


@pytest.mark.parametrize("seq", [0, 1_000_000, 4_000_000_000])
def test_sequences_out_of_range_are_read(seq: int) -> None:
    line = msgspec.structs.replace(FINISH, seq=seq)
    assert decode(encode(line)) == [line]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"CT01_33~~a~9~1:00:00~1~R~1", "without a sequence number"),
        (b"CT01_33~-1~a~9~1:00:00~1~R~1", "without a sequence number"),
        (b"CT01_33~1_0~a~9~1:00:00~1~R~1", "without a sequence number"),
        (b"CT01_33~" + b"1" * 40 + b"~a~9~1:00:00~1~R~1", "without a sequence number"),
        (b"CT01_33~1~a~~1:00:00~1~R~1", "without a tag"),
        (b"CT01_33~1~a~9~~1~R~1", "without a time"),
        (b"CT01_33", "without a separator"),
        (b"CT01_33x1xa", "without a separator"),
        (b"CT02_33~1~a~9~1:00:00~1~R~1", "data format that is not known"),
        (b"TO~1~032~082~160~18~1620458716.43~120044~1~-65~1~P~151", "13 fields, not 11 or 12"),
        (b"TO~1~2~3", "4 fields"),
        (b"TO~x~9511~160~18~1620458716.43~120044~1~-65~1~P~151", "numbers are none"),
        (b"hello", "not a line of a CTP01 client"),
        (b"time-format=iso", "not a line of a CTP01 client"),
        (b"a" * (MAX_LINE + 1), "a line of more than 4096 bytes"),
    ],
)
def test_malformed_says_why_and_does_not_stop_what_follows(raw: bytes, reason: str) -> None:
    bad, good = decode(raw + b"\r\n" + encode(FINISH))
    assert isinstance(bad, Malformed)
    assert reason in bad.reason
    assert bad.excerpt
    assert good == FINISH


def test_null_entries_are_blank() -> None:
    assert decode(b"CT01_33~9~a~~~0~~0\r\n") == [Blank("CT01_33", 9, "a")]
    assert encode(Blank("CT01_33", 9, "a")) == b"CT01_33~9~a~~~0~~0\r\n"


def test_controller_lines_lose_their_zero_padding_and_old_firmware_has_no_count() -> None:
    padded = b"TO~000001~009573~160~018~1620458716.43~120044~1~-71~00001~P~10\r\n"
    old = b"TO~1~9573~160~18~1620458716.43~120044~1~-71~1~P\r\n"
    expected = RawController(1, "9573", "160", "18", "1620458716.43", "120044", 1, -71, 1, "P", 10)
    assert decode(padded) == [expected]
    assert decode(old) == [msgspec.structs.replace(expected, read_count=0)]
    assert encode(msgspec.structs.replace(expected, read_count=0)) == old


@pytest.mark.parametrize(
    "message",
    [
        msgspec.structs.replace(FINISH, location="a~b"),
        msgspec.structs.replace(FINISH, tag="a\r\nb"),
        msgspec.structs.replace(FINISH, format="CT01_13", location="a,b"),
        Ack("getlocations", ("a~b",)),
        Setting("a", "b\nc"),
        Authorize("a~b", "c"),
    ],
)
def test_what_cannot_be_escaped_is_not_written(message: Message) -> None:
    with pytest.raises(WireError, match="cannot be sent"):
        encode(message)


def test_raw_reads() -> None:
    read = to_raw_read(FINISH)
    assert (read.chip, read.moment, read.timing_point) == ("3132", FINISH.time, "PHASER")
    assert (read.source, read.antenna, read.seq, read.lap) == ("23H016", 1, 2000, 1)
    assert read.type == ReadKind.BEST_SEEN
    gun = msgspec.structs.replace(FINISH, tag="guntime")
    assert to_raw_read(gun).type == ReadKind.GUN
    assert gun.is_guntime
    assert not gun.is_newlocation
    assert msgspec.structs.replace(FINISH, tag="newlocation").is_newlocation


def test_a_cut_line_is_reported_at_the_end() -> None:
    decoder = ClientDecoder()
    assert decoder.feed(encode(FINISH) + b"CT01_33~2001~PHA") == [FINISH]
    [cut] = decoder.close()
    assert isinstance(cut, Malformed)
    assert cut.reason == "the connection ended within a line"
    assert decoder.close() == []


def test_an_endless_line_costs_no_memory_and_is_reported_once() -> None:
    decoder = ClientDecoder()
    found = [m for _ in range(100) for m in decoder.feed(b"z" * 1000)]
    assert len(found) == 1
    assert len(decoder.held) <= MAX_LINE
    assert decoder.feed(b"zz\r\nack~ping\r\n") == [Ack("ping")]


PIECES = st.sampled_from(
    [line.encode() for line, _ in CLIENT_LINES + SERVER_LINES]
    + [b"\r\n", b"\n", b"\r", b"\0", b"~", b"CT01_33~", b"\xff\xfe", b"z" * 4097, b"\xc3\xa9"]
)


@given(st.lists(PIECES | st.binary(max_size=12), max_size=20), st.data())
def test_any_cut_of_any_bytes_gives_the_same(pieces: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(pieces)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    kinds: tuple[type[ClientDecoder] | type[ServerDecoder], ...] = (ClientDecoder, ServerDecoder)
    for kind in kinds:
        whole, parts = kind(), kind()
        expected = [*whole.feed(data), *whole.close()]
        found: list[Message | Malformed] = []
        for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
            found += parts.feed(data[start:stop])
            # The state is in the fields alone.
            parts = msgspec.msgpack.decode(msgspec.msgpack.encode(parts), type=kind)
        assert [*found, *parts.close()] == expected


def test_byte_by_byte_with_junk_after() -> None:
    data = b"".join(line.encode() + b"\r\n" for line, _ in CLIENT_LINES) + b"junk \xff"
    decoder = ClientDecoder()
    found = [m for byte in data for m in decoder.feed(bytes([byte]))]
    assert found == [message for _, message in CLIENT_LINES]
    assert len(decoder.close()) == 1


def test_messages_survive_msgpack() -> None:
    for _, message in CLIENT_LINES + SERVER_LINES:
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=Message) == message


@pytest.mark.parametrize("password", ["secret", "pass~word", "Grüße"])
def test_authentication_strings(password: str) -> None:
    seed = "4711-abc"
    assert auth_string("plaintext", password, seed) == password
    for name, digest in (("sha1", hashlib.sha1), ("md5", hashlib.md5)):
        keyed = hmac.new(password.encode(), seed.encode(), digest).hexdigest()
        assert auth_string(f"hmac-{name}", password, seed) == keyed
        seeded = digest(seed.encode() + password.encode()).hexdigest()
        assert auth_string(f"seed-{name}", password, seed) == seeded
    with pytest.raises(WireError, match="unknown authentication"):
        auth_string("hmac-sha3", password, seed)
