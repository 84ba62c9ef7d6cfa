"""Targets: what arrives by TCP, in any pieces."""

from collections.abc import Iterable
from typing import Any

import msgspec

from projections.clock import SourceClock
from tests.fuzz.target import Target, choices, cuttings
from tests.kit.at_once import fed, moments_at_once, whole
from wire import ctp01, jsonreads, tsv1, tsv2
from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import MAX_HELD, MAX_SETTINGS, MAX_WAITING, ClientOptions, ClientSession
from wire.ctp01_lines import render_time
from wire.ctp01_messages import Message
from wire.ctp01_server import ServerOptions, ServerSession
from wire.errors import EXCERPT_BYTES, Malformed, WireError
from wire.reads import RawRead

_READ_KEYS = tuple(f'"{key}":' for key in (
    "Chip", "Moment", "TimingPoint", "Type", "Antenna", "Source", "UtcMoment", "Rssi", "Epc", "Seq",
    "Tag", "LocalMoment", "Location", "ReadType", "Reader", "Lap",
))  # fmt: skip
_READ_WORDS = (*_READ_KEYS, '"2026-04-22T10:15:42.1234567Z"', '"Finish"', "},{", "}]\r", "[{",
               '"BestSeen"', "\\u0000", "null", "true", "1e400", "\ufeff")  # fmt: skip
_LINE_WORDS = (
    "CT01_33~", "CT01_13,", "~guntime~", "~newlocation~", "ack~", "err~", "getlocations",
    "getconnectionid", "geteventinfo", "getdata~", "start~", "stop~", "ping", "authorize~", "TO~",
    "SimpleClient~0.5.0~CTP01\r\n", "2025-06-01T08:30:22.04", "07:45:01.01", "\r\n", "\0",
)  # fmt: skip
_SETTING_WORDS = (
    "RunScore~1.0~", "location=multi", "guntimes=true", "newlocations=true", "connection-id=true",
    "authentication=hmac-sha1", "authentication-seed=", "stream-mode=push", "stream-mode=pull",
    "tagevent-format=CT01_13", "pushmode-ack=true", "time-format=iso", "time-format=unix",
    "time-format=msecs", "ack~authorize", *_LINE_WORDS,
)  # fmt: skip


def _uncut(kind: type, data: bytes, most: int) -> list[Any]:
    """What a decoder makes of it, holding no more than `most`: cut or whole, saved or not."""
    decoder = kind()
    whole: list[Any] = decoder.feed(data)
    assert len(decoder.held) <= most
    whole += decoder.close()
    for pieces in cuttings(data):
        decoder, found = kind(), []
        for number, piece in enumerate(pieces):
            found += decoder.feed(piece)
            if number % 5 == 2:
                decoder = msgspec.msgpack.decode(msgspec.msgpack.encode(decoder), type=kind)
        assert found + decoder.close() == whole
    return whole


def _tsv(kind: type[tsv1.Decoder] | type[tsv2.Decoder], data: bytes) -> list[RawRead | Malformed]:
    whole: list[RawRead | Malformed] = _uncut(kind, data, jsonreads.MAX_FRAME)
    for item in whole:
        if isinstance(item, Malformed):
            assert item.reason
            assert item.excerpt.isprintable()
    return whole


def _reads(items: Iterable[object]) -> list[RawRead]:
    return [item for item in items if isinstance(item, RawRead)]


def _plain(read: RawRead) -> RawRead:
    return msgspec.structs.replace(read, chip=str(read.chip))


def _at_once(
    kind: type[tsv1.Decoder] | type[tsv2.Decoder] | type[ctp01.ClientDecoder],
    data: bytes,
    end: bytes,
) -> None:
    """What is read of pieces all at once is what feeding them gives."""
    pieces = [piece + end for piece in data.split(end)[:-1]]
    at_once = kind().whole(pieces) if pieces else None
    if at_once is not None:
        decoder = kind()
        each = [decoder.feed(piece) for piece in pieces]
        assert whole(at_once) == fed(each)


def check_tsv1(data: bytes) -> None:
    """TsV1 does not depend on cuts or saves, in one piece or many, and writes what it has read."""
    whole = _tsv(tsv1.Decoder, data)
    _at_once(tsv1.Decoder, data, b"\r")
    reads = _reads(whole)
    if reads:
        decoder = tsv1.Decoder()
        again = _reads(decoder.feed(tsv1.encode(reads)) + decoder.close())
        assert [(str(r.chip), r.timing_point, r.type, r.antenna, r.source) for r in again] == [
            (str(r.chip), r.timing_point, r.type, r.antenna, r.source) for r in reads
        ]
        assert [r.moment for r in again] == [r.moment or r.utc_moment for r in reads]


def check_tsv2(data: bytes) -> None:
    """TsV2 does not depend on cuts or saves, writes what it has read, and loses no whole object."""
    whole = _tsv(tsv2.Decoder, data)
    _at_once(tsv2.Decoder, data, b"\r")
    reads = _reads(whole)
    if reads:
        decoder = tsv2.Decoder()
        again = decoder.feed(tsv2.encode(reads)) + decoder.close()
        assert [_plain(r) for r in _reads(again)] == [_plain(r) for r in reads]
        assert len(again) == len(reads)
    clock = SourceClock("local", "Europe/Berlin")
    stamps = [read.utc_moment or read.moment for read in reads]
    quick = moments_at_once(clock, stamps) if stamps else None
    if quick is not None:  # the short way says what the long one says
        assert quick == [clock._closely(stamp, 0, 0) for stamp in stamps]


def check_json_reads(data: bytes) -> None:
    """One message: all its objects are reads or malformed, each quoted; those shown are whole."""
    found = jsonreads.decode(data)
    for item in found:
        if isinstance(item, Malformed):
            assert len(item.excerpt) <= 12 * (EXCERPT_BYTES + 1)
    for shown in jsonreads.objects(data):
        msgspec.json.encode(shown)


def _lines(
    kind: type[ctp01.ClientDecoder] | type[ctp01.ServerDecoder], data: bytes
) -> list[Message | Malformed]:
    whole: list[Message | Malformed] = _uncut(kind, data, ctp01.MAX_LINE)
    cutter, kept = kind(), b""
    for piece in [data[: len(data) // 2], data[len(data) // 2 :]]:
        lines, long = cutter.cut(piece)
        kept += b"".join(lines) + long
        if cutter.skipping:
            return whole
    kept += cutter.held
    ends = bytes.maketrans(b"", b"")
    assert kept == data.translate(ends, b"\r\n\0"), "a byte of a line was lost"
    return whole


def _written(messages: Iterable[Message | Malformed], kind: type) -> None:
    """What can be written reads back as what it was."""
    for message in messages:
        if isinstance(message, Malformed):
            continue
        try:
            line = ctp01.encode(message)
        except WireError:
            continue  # the protocol has no escaping
        if len(line) > ctp01.MAX_LINE:
            continue
        decoder = kind()
        again = decoder.feed(line)
        if again:
            assert len(again) == 1
            # Blanks around fields are not kept, so the second writing is the one that stands.
            assert not isinstance(again[0], Malformed), (message, again[0])
            assert ctp01.encode(again[0]) == ctp01.encode(decoder.feed(ctp01.encode(again[0]))[0])


def check_ctp01_client_lines(data: bytes) -> None:
    """Lines of a timing system: no cut or save changes them, no byte is lost, all can be a read."""
    messages = _lines(ctp01.ClientDecoder, data)
    _at_once(ctp01.ClientDecoder, data, b"\n")
    _written(messages, ctp01.ClientDecoder)
    for message in messages:
        if isinstance(message, ctp01.DataLine):
            read = ctp01.to_raw_read(message)
            assert (read.chip, read.seq) == (message.tag, message.seq)
            for form in ("iso", "normal", "unix", "msecs"):
                told = render_time(message.time, form)
                # Milliseconds of twelve days and more look like seconds since 1970.
                assert render_time(told, form) == told or (form == "msecs" and len(told) > 9)


def check_ctp01_server_lines(data: bytes) -> None:
    """Lines of a scoring program: no cut or save changes them, and no byte is lost."""
    _written(_lines(ctp01.ServerDecoder, data), ctp01.ServerDecoder)


_SERVERS = (
    ServerOptions(),
    ServerOptions(stream_mode="pull"),
    ServerOptions(authentication="hmac-sha1", user="u", password="p", seed="s"),
    ServerOptions(connection_id=False, pushmode_ack=False),
)
_MARKS = {"b6": {"Finish": 17, "start": 3}}


def check_ctp01_server(data: bytes) -> None:
    """Our server says the same however a peer's bytes are cut, and nothing after hanging up."""
    (which,), said = choices(data, 1)
    options = _SERVERS[which % len(_SERVERS)]
    session = ServerSession(options, _MARKS)
    reply = session.receive(said)
    assert list(reply.messages) == ctp01.ClientDecoder().feed(said)
    told = ctp01.ServerDecoder().feed(reply.send)
    assert not any(isinstance(message, Malformed) for message in told)
    for pieces in cuttings(said):
        again = ServerSession(options, _MARKS)
        sent = b""
        remarks: list[str] = []
        closed: list[str] = []
        for piece in pieces:
            one = again.receive(piece)
            assert not (closed and one.send), "it spoke after hanging up"
            sent += one.send
            remarks += one.remarks
            closed += [one.close] if one.close else []
        assert len(closed) <= 1
        assert bool(closed) == bool(reply.close)
        assert (sent, tuple(remarks)) == (reply.send, reply.remarks)
        assert (again.locations, again.marks) == (session.locations, session.marks)
    for _ in range(3):
        sent = session.ping() + session.poll()
        assert not (session.stage == "closed" and sent)
    session.silence()
    session.stop()
    session.close()


_CLIENTS = (
    ClientOptions(),
    ClientOptions(user="u", password="p"),
    ClientOptions(resume="number"),
    ClientOptions(pings=False, inclusive=False),
)


def _shelf() -> LineBuffer:
    buffer = LineBuffer(limit=8, locations=("start", "Finish"))
    for seq in range(1, 12):
        tag = "guntime" if seq == 3 else "newlocation" if seq == 1 else str(100 + seq)
        location = "Finish" if seq % 2 else "start"
        buffer.add(ctp01.DataLine("CT01_33", seq, location, tag, "2026-06-14T09:00:00.00", 1, "R"))
    return buffer


def check_ctp01_client(data: bytes) -> None:
    """Our client sends only what reads back, whatever is asked of it; what waits is bounded."""
    (which,), said = choices(data, 1)
    options = _CLIENTS[which % len(_CLIENTS)]
    for pieces in ([said], *cuttings(said)):
        shelf = _shelf()
        session = ClientSession(options, shelf)
        sent = session.greeting()
        closed = False
        for piece in pieces:
            reply = session.receive(piece)
            assert not (closed and reply.send), "it spoke after hanging up"
            closed = closed or bool(reply.close)
            sent += reply.send
            for line in due_lines(session, shelf):
                assert not closed
                sent += line
        assert len(session._waiting) <= MAX_WAITING
        assert len(session._held) <= MAX_HELD
        assert len(session.settings) <= MAX_SETTINGS
        heard = ctp01.ClientDecoder().feed(sent)
        assert not any(isinstance(message, Malformed) for message in heard), heard


TARGETS = {
    "tsv1": Target(check_tsv1, _READ_WORDS),
    "tsv2": Target(check_tsv2, _READ_WORDS),
    "json-reads": Target(check_json_reads, _READ_WORDS),
    "ctp01-client-lines": Target(check_ctp01_client_lines, _LINE_WORDS),
    "ctp01-server-lines": Target(check_ctp01_server_lines, _SETTING_WORDS),
    "ctp01-server": Target(check_ctp01_server, _LINE_WORDS),
    "ctp01-client": Target(check_ctp01_client, _SETTING_WORDS),
}
