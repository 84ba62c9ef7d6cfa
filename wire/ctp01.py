"""CTP01: ChronoTrack's socket protocol, revision 8, as bytes to messages (PROTOCOLS 1).

The timing side is the TCP client, the scoring side the server. Here is the
language of both: `ctp01_messages` has the messages and writes them, this
module reads them. `ctp01_server` and `ctp01_client` hold the conversation,
and `ctp01_marks` says where to resume it. The charset is nowhere stated:
lines are read as UTF-8, else as latin-1.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import repeat

import msgspec

from wire.ctp01_messages import (
    COMMANDS,
    GUNTIME,
    MAX_SEQ,
    NEWLOCATION,
    PROTOCOL,
    SEPARATORS,
    Ack,
    Authentication,
    Authorize,
    Blank,
    Command,
    DataLine,
    Err,
    EventInfo,
    Greeting,
    Message,
    Noise,
    RawController,
    Reply,
    ServerGreeting,
    Setting,
    auth_string,
    encode,
    format_parts,
)
from wire.errors import Malformed, malformed
from wire.reads import Plain, RawRead, ReadKind

__all__ = [
    "COMMANDS",
    "GUNTIME",
    "MAX_LINE",
    "MAX_SEQ",
    "NEWLOCATION",
    "PROTOCOL",
    "SEPARATORS",
    "Ack",
    "Authentication",
    "Authorize",
    "Blank",
    "ClientDecoder",
    "Command",
    "DataLine",
    "Err",
    "EventInfo",
    "Greeting",
    "Message",
    "Noise",
    "RawController",
    "Reply",
    "ServerDecoder",
    "ServerGreeting",
    "Setting",
    "auth_string",
    "encode",
    "format_parts",
    "parse_client",
    "parse_server",
    "to_raw_read",
]

# The longest lines seen are `ack~getlocations` with 17 characters a location; 4 KiB holds 240 of
# them, and is too little for a peer that never ends a line to cost anybody memory.
MAX_LINE = 4096
_SHORT = len("CT01_33~1~~")  # bytes of a line that cannot be one of data: no tag, no time
_SEQ_DIGITS = 18  # larger numbers are no sequence, and would not fit a database's integer
_SMALL_DIGITS = 9
_SEPARATORS = frozenset(SEPARATORS.values())
_NOISE = frozenset(("8", "OK"))  # heartbeats and answers of RD25 (PROTOCOLS 1.3, 1.7)
_DATA_FORMAT = "CT01_33"
_DATA_FIELDS = "a line is CT01_33~seq~location~tag~time~lap~reader~gator"
_CORRUPT = "look for the read in the controller's own file; a line may be damaged on its way"
_GREETING = re.compile(r"CTP[0-9]{2}")
_COMMAND = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class _Lines(msgspec.Struct):
    """Cuts received pieces into lines; the fields are the whole state and can be saved as msgpack.

    Lines end by CRLF, LF, CR or NUL, alone or together; empty lines mean
    nothing. The results depend on the bytes alone, never on how they were cut.
    """

    held: bytes = b""
    skipping: bool = False  # inside a line that is too long, until its end

    def cut(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The lines that `data` ends, and the start of one that has just become too long."""
        if self.held:
            data = self.held + data
        end = max(data.rfind(b"\n"), data.rfind(b"\r"), data.rfind(b"\0")) + 1
        rest = data[end:]
        lines: list[bytes] = []
        if end:
            whole = data[:end]
            lines = (whole.replace(b"\0", b"\n") if b"\0" in whole else whole).splitlines()
            if self.skipping:
                lines[0] = b""
                self.skipping = False
        if self.skipping:
            return lines, b""
        if len(rest) > MAX_LINE:
            self.held, self.skipping = b"", True
            return lines, rest
        self.held = rest
        return lines, b""

    def close(self) -> list[Message | Malformed]:
        """What the end of the connection leaves: nothing, or the beginning of a line."""
        held, self.held, self.skipping = self.held, b"", False
        if not held:
            return []
        return [malformed("the connection ended within a line", held, "it should be sent again")]


class ClientDecoder(_Lines):
    """Reads what the timing side says. Never raises, whatever the bytes."""

    def feed(self, data: bytes) -> list[Message | Malformed]:
        """The messages that `data` completes, with a `Malformed` in the place of what is none."""
        lines, long = self.cut(data)
        out = [
            parse_client(line) if len(line) > _SHORT else _parse_short(line)
            for line in lines
            if line
        ]
        if long:
            out.append(parse_client(long))
        return out

    def whole(self, pieces: Sequence[bytes]) -> Plain | None:
        """The reads that `feed` would find in successive pieces, where that is simple.

        That is where all pieces are whole lines as `tagevent-format=CT01_33`
        has them, tags only. None otherwise, and then nothing has happened.
        Field by field for all lines together, which takes a fraction of the
        time of line by line.
        """
        if self.held or self.skipping or not all(piece[-1:] == b"\n" for piece in pieces):
            return None
        joined = b"".join(pieces)
        text = joined.decode("latin-1").replace("\r\n", "\n")
        if not text.isascii() or any(sign in text for sign in "\r\0 "):
            return None
        # A field of its own for each line end tells where a line has too few fields or too many.
        cells = text.replace("\n", "~\n~").split("~")
        lines = text.count("\n")
        if len(cells) != 9 * lines + 1 or cells[8::9].count("\n") != lines:
            return None
        seqs, locations, tags, times, laps, readers, gators = (cells[n::9] for n in range(1, 8))
        if (
            cells[:-1:9].count(_DATA_FORMAT) != lines
            or not {"", GUNTIME, NEWLOCATION}.isdisjoint(tags)
            or "" in times
            or not _are_numbers(seqs, _SEQ_DIGITS)
            or (len(text) > MAX_LINE and max(map(len, text.split("\n"))) > MAX_LINE)
        ):
            return None
        told = zip(
            locations, repeat(int(ReadKind.BEST_SEEN)), readers, _smalls(gators), repeat(None)
        )
        counts = [lines] if len(pieces) == 1 else [piece.count(b"\n") for piece in pieces]
        return PlainLines(tags, times, False, [*told], counts, locations, seqs, laps)


class PlainLines(Plain, frozen=True):
    """Plain lines in columns; these are as they were written."""

    locations: list[str]
    seqs: list[str]
    laps: list[str]

    def reads(self) -> list[RawRead]:
        """The same as `to_raw_read` has them."""
        _, kinds, readers, gators, _ = zip(*self.told, strict=True)
        numbers = map(int, self.seqs), _smalls(self.laps)
        columns = self.chips, self.stamps, self.locations, kinds, gators, readers
        return [*map(RawRead, *columns, repeat(""), repeat(None), repeat(""), *numbers)]

    def lines(self) -> dict[str, list[int]]:
        """The sequence numbers of each location."""
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for location, seq in zip(self.locations, map(int, self.seqs), strict=True):
            numbers[location].append(seq)
        return dict(numbers)


class ServerDecoder(_Lines):
    """Reads what the scoring side says. Never raises, whatever the bytes."""

    def feed(self, data: bytes) -> list[Message | Malformed]:
        """The messages that `data` completes, with a `Malformed` in the place of what is none."""
        lines, long = self.cut(data)
        out = [parse_server(line) for line in lines if line]
        if long:
            out.append(parse_server(long))
        return out


def parse_client(raw: bytes) -> Message | Malformed:
    """One line of the timing side, without its end."""
    if len(raw) > MAX_LINE:
        return _too_long(raw)
    try:
        line = raw.decode()
    except UnicodeDecodeError:
        line = raw.decode("latin-1")
    if line[:5] == "CT01_":
        # The separator that is there counts, not the one that the format names: RM's tests send
        # `CT01_13~` (PROTOCOLS 1.4).
        separator = line[7:8]
        if separator in _SEPARATORS:
            parts = line.split(separator)
            if len(parts) == 8 and (" " not in line or separator == " "):
                form, seq, location, tag, time, lap, reader, gator = parts
                if seq.isdecimal() and tag and time and len(seq) <= _SEQ_DIGITS:
                    return DataLine(
                        form, int(seq), location, tag, time, _small(lap), reader, _small(gator)
                    )
            return _tolerant_data(parts, raw)
        return malformed(
            "a data line without a separator after its format", raw,
            "set tagevent-format=CT01_33 at the sender",
        )  # fmt: skip
    return _other_client_line(line.strip(), raw)


# Most junk is the same again, and costs most for its bytes where its lines are short.
_parse_short = lru_cache(maxsize=1024)(parse_client)


def parse_server(raw: bytes) -> Message | Malformed:
    """One line of the scoring side, without its end. Unknown words come back as a `Command`."""
    if len(raw) > MAX_LINE:
        return _too_long(raw)
    line = _text(raw).strip()
    head, _, rest = line.partition("~")
    if not line:
        return Noise("")
    if line in _NOISE:
        return Noise(line)
    if "=" in head:
        key, _, value = line.partition("=")
        return Setting(key.strip(), value.strip())
    answer = _answer(head, rest, line)
    if answer is not None:
        return answer
    program, _, count = line.rpartition("~")
    if (
        head not in COMMANDS
        and "~" in program
        and count.isdecimal()
        and len(count) <= _SMALL_DIGITS
    ):
        return ServerGreeting(head, program.partition("~")[2], int(count))
    if _COMMAND.fullmatch(head):
        return Command(head, tuple(rest.split("~")) if "~" in line else ())
    return malformed("not a line of a CTP01 server", raw, "is the peer a CTP01 scoring program?")


def to_raw_read(line: DataLine) -> RawRead:
    """The line as a read. A `guntime` becomes one of type 0; a `newlocation` is no read at all."""
    kind = ReadKind.GUN if line.tag == GUNTIME else ReadKind.BEST_SEEN
    return RawRead(
        line.tag, line.time, line.location, int(kind), line.gator, line.reader,
        seq=line.seq, lap=line.lap,
    )  # fmt: skip


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _small(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= _SMALL_DIGITS else 0


def _are_numbers(texts: Collection[str], digits: int) -> bool:
    """Whether all are decimal numbers of at most so many digits."""
    return "" not in texts and "".join(texts).isdecimal() and max(map(len, texts)) <= digits


def _smalls(texts: Collection[str]) -> Iterable[int]:
    return map(int if _are_numbers(texts, _SMALL_DIGITS) else _small, texts)


def _too_long(raw: bytes) -> Malformed:
    return malformed(f"a line of more than {MAX_LINE} bytes", raw, "is the peer speaking CTP01?")


def _tolerant_data(parts: list[str], raw: bytes) -> Message | Malformed:
    """A data line that is not plain: padded, short, long, or unusable, then saying why."""
    form, seq, location, tag, time, lap, reader, gator = (
        part.strip() for part in (parts + [""] * 8)[:8]
    )
    if not seq.isdecimal() or len(seq) > _SEQ_DIGITS:
        return malformed("a data line without a sequence number", raw, _DATA_FIELDS)
    if not tag and not time:
        return Blank(form, int(seq), location)
    if not tag:
        return malformed("a data line without a tag", raw, _DATA_FIELDS)
    if not time:
        return malformed("a data line without a time", raw, _DATA_FIELDS)
    return DataLine(form, int(seq), location, tag, time, _small(lap), reader, _small(gator))


def _answer(head: str, rest: str, line: str) -> Message | None:
    command, _, tail = rest.partition("~")
    if head == "ack":
        return Ack(command, tuple(tail.split("~")) if line.count("~") > 1 else ())
    return Err(command, tail) if head == "err" else None


def _other_client_line(line: str, raw: bytes) -> Message | Malformed:
    head, _, rest = line.partition("~")
    answer = _answer(head, rest, line)
    if answer is not None:
        return answer
    if head == "TO":
        return _raw_controller(rest.split("~"), raw)
    if not line or line in _NOISE:
        return Noise(line)
    if head == "authorize":
        user, _, string = rest.partition("~")
        return Authorize(user, string)
    if head in COMMANDS:
        return Command(head, tuple(rest.split("~")) if "~" in line else ())
    parts = line.split("~")
    if len(parts) == 3 and _GREETING.fullmatch(parts[2]):
        return Greeting(*parts)
    if re.match(r"CT[0-9]{2}_", line):
        return malformed("a data format that is not known", raw, "set tagevent-format=CT01_33")
    return malformed("not a line of a CTP01 client", raw, "is the peer a CTP01 timing system?")


def _raw_controller(parts: list[str], raw: bytes) -> RawController | Malformed:
    # Old firmware has no read count. More fields are a corrupt line: `032~082` was seen.
    if len(parts) not in (10, 11):
        reason = f"a controller line of {len(parts) + 1} fields, not 11 or 12"
        return malformed(reason, raw, _CORRUPT)
    seq, tag, timer, event, time, reader, port, rssi, reader_seq, kind = parts[:10]
    numbers = (seq, port, rssi.removeprefix("-"), reader_seq, *parts[10:])
    if not all(n.isdecimal() and len(n) <= _SEQ_DIGITS for n in numbers) or not tag or not time:
        return malformed("a controller line whose numbers are none", raw, _CORRUPT)
    count = int(parts[10]) if len(parts) == 11 else 0
    tag, timer, event = (text.lstrip("0") or "0" for text in parts[1:4])
    return RawController(
        int(seq), tag, timer, event, time, reader, int(port), int(rssi), int(reader_seq), kind,
        count,
    )  # fmt: skip
