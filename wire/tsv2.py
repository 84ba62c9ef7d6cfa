"""TsV2: TimingSense's second protocol, either side of the connection, with two stamps per read.

Its framing is not documented (PROTOCOLS 2), so nothing is taken for granted:
a message is a JSON array or object, found by its brackets; CR, LF, CRLF or
nothing ends it. Keys that are not understood cost nothing, and `objects`
shows them from the bytes in the log.
"""

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, cast

import msgspec

from wire.errors import EXCERPT_BYTES, Malformed, malformed
from wire.jsonreads import (
    MAX_DEPTH,
    MAX_FRAME,
    REMEMBERED,
    SHORTEST,
    Decoded,
    decode,
    decode_plain,
    objects,
    oversize,
    said_of,
    whole_pieces,
)
from wire.reads import Plain, RawRead

__all__ = ["Decoder", "encode", "objects"]

_LINE_ENDS = b"\r\n"
_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_HINT = "a message is a JSON array or object of reads; this was passed over"
_QUOTE, _BACKSLASH = b'"\\'
# Where a message breaks off, the next may begin. A cut has one such place; a line of nothing but
# brackets would cost a thousand times what it costs to send.
MOST_BROKEN = 16
_OPENERS = {ord("]"): ord("["), ord("}"): ord("{")}
_LINE_END = re.compile(rb"[\r\n]")
_BLANKS = re.compile(rb"[ \t\r\n\0]*")  # NUL padding is no JSON, but an old habit
_START = re.compile(rb"[\[{\r\n]")
_STRUCTURE = re.compile(rb'[\[\]{}]|"(?:[^"\\\r\n]*")?')  # of a text, the whole where it is plain
# Messages with hardly a bracket or text in them, and junk: all too short for a read. What breaks
# off is without the bracket or line end that breaks it.
_SHORT = re.compile(
    rb"""[ \t\r\n\0]*+(?:
        ( \{ [^\[\]{}"]{0,30} \} | \[ (?: \{ [^\[\]{}"]{0,9} \} )?+ [^\[\]{}"]{0,20} \] )
      | ( \{ [^\[\]{}"]{0,30} (?=\]) | \[ [^\[\]{}"]{0,30} (?=[}\[])
        | \[? \{ [^\[\]{}":]{0,30} (?=[\[{]) | \[ \{ [^\[\]{}"]{0,30} (?=\])
        | \[ [ \t]{0,9}+ [^\[\]{}", \t\r\n] [^\[\]{}",]{0,20} (?=\{)
        | [\[{] [^\[\]{}"]{0,9} " [^"\\\r\n]{0,20} \\? (?=[\r\n]) )
      | ( [^\[{\r\n]{1,30} (?=[\[{\r\n]) )
    )""",
    re.VERBOSE,
)
_WHOLE, _JUNK = 1, 3  # groups of it; the other is of what breaks off
_PLAIN_TEXT = re.compile(rb'[^"\\\r\n]*')


class _Outcome(Enum):
    MORE = 0  # the message goes on
    WHOLE = 1
    BROKEN = 2  # it cannot go on here
    DEEP = 3


class Decoder(msgspec.Struct):
    """Turns received pieces into reads; its fields are its whole state and can be saved as msgpack.

    The results depend on the bytes alone, in their order, never on how they
    were cut into pieces. Memory is bounded by `MAX_FRAME` plus one piece.

    A message that breaks off is noticed where JSON no longer allows it to go
    on (a line end in a text, an opening bracket where none may stand), and
    the next message begins there: one cut message does not swallow others.
    """

    held: bytearray = msgspec.field(default_factory=bytearray)  # of the message, or of junk
    stack: bytearray = msgspec.field(default_factory=bytearray)  # open brackets of the message
    in_text: bool = False
    escaped: bool = False  # the next byte follows a backslash
    last: int = 0  # the last byte of the message that is not blank; a quote after a text
    line_ended: bool = False  # since `last`
    junk: bool = False  # `held` begins with what can start no message
    skipping: bool = False  # until the end of the line, after a message that is out of bounds
    broken: int = 0  # messages in a row that broke off, with no line end between

    def feed(self, data: bytes) -> Decoded:
        """The reads that `data` completes, with a `Malformed` in the place of what is none."""
        out: Decoded = []
        at = 0
        while at < len(data):
            if self.skipping:
                at = self._skip(data, at)
            elif self.stack:
                at = self._scan(data, at, out)
            elif self.junk:
                at = self._scan_junk(data, at, out)
            else:
                at = self._start(data, at, out)
        return out

    def whole(self, pieces: Sequence[bytes]) -> Plain | None:
        """What `feed` would make of successive pieces, all at once, where that is simple.

        See `wire.jsonreads.whole_pieces`. When None, nothing has happened.
        """
        return None if self.stack or self.junk or self.skipping else whole_pieces(pieces)

    def close(self) -> Decoded:
        """What the end of the connection leaves: nothing, or an unfinished message.

        The whole objects in it count; the loss is named.
        """
        out: Decoded = []
        if self.stack:
            out = decode(bytes(self.held))
        elif self.junk:
            self._end_junk(out)
        self._clear()
        self.skipping = False
        self.broken = 0
        return out

    def _clear(self) -> None:
        self.held.clear()
        self.stack.clear()
        self.in_text = self.escaped = self.line_ended = self.junk = False
        self.last = 0

    def _start(self, data: bytes, at: int, out: Decoded) -> int:
        """Between messages: take plain lines at once, pass over blanks, see what begins."""
        at = self._take_short(data, at, out)
        if self.skipping:
            return at
        begin, at = at, _after_blanks(data, at)
        if self.broken and _LINE_END.search(data, begin, at):
            self.broken = 0
        if at == 0 or data[at - 1] in _LINE_ENDS:
            # Only here, so that no line is tried twice.
            at = _after_blanks(data, self._take_lines(data, at, out))
        if at < len(data):
            if data[at] in b"[{":
                return self._scan(data, at, out)
            self.junk = True
        return at

    def _take_short(self, data: bytes, at: int, out: Decoded) -> int:
        """Take messages and junk that are too short for a read; where the first other begins.

        Each is what `_scan` and `_scan_junk` would make of it, for much less.
        """
        while not self.skipping and (short := _SHORT.match(data, at)):
            kind = short.lastindex or 0
            start, end = short.span(kind)
            if self.broken and _LINE_END.search(data, at, start):
                self.broken = 0
            at, text = end, data[start:end]
            if kind == _JUNK:
                out += _said_of_junk(text)
            elif kind == _WHOLE:
                self.broken = 0
                out += said_of(text)
            else:
                line_ended = data[end] in _LINE_ENDS or (
                    text[-1] in _BLANK
                    and _LINE_END.search(text, len(text.rstrip(_BLANK))) is not None
                )
                if data[end] in b"]}":
                    at = end + 1
                self._end(data[start:at], _Outcome.BROKEN, line_ended, out)
        return at

    def _take_lines(self, data: bytes, at: int, out: Decoded) -> int:
        """Decode messages that are one line each in the plain shape; where the first other begins.

        This is the fast path: what msgspec accepts here, `_follow` would cut out just so. A line
        too short for a read is not tried.
        """
        if _LINE_END.search(data, at, at + SHORTEST):
            return at  # before the ends of longer lines are looked for, which may be far
        cr, lf = data.find(b"\r", at), data.find(b"\n", at)
        while (end := lf if cr < 0 or -1 < lf < cr else cr) >= 0:
            if end > at:
                if end - at < SHORTEST:
                    return at
                try:
                    reads = decode_plain(data[at:end])
                except (ValueError, RecursionError):
                    return at
                if end - at > MAX_FRAME:
                    return at
                out += reads
                self.broken = 0
            at = end + 1
            if end == cr:
                cr = data.find(b"\r", at)
            else:
                lf = data.find(b"\n", at)
        if data.endswith(b"]") and at < len(data) <= at + MAX_FRAME:
            try:
                out += decode_plain(data[at:])
            except (ValueError, RecursionError):
                return at
            self.broken = 0
            return len(data)
        return at

    def _skip(self, data: bytes, at: int) -> int:
        end = _LINE_END.search(data, at)
        self.skipping = end is None
        if end:
            self.broken = 0
        return end.end() if end else len(data)

    def _scan_junk(self, data: bytes, at: int, out: Decoded) -> int:
        """Junk goes on to the end of its line or to what may start a message."""
        start = _START.search(data, at)
        end = start.start() if start else len(data)
        room = EXCERPT_BYTES + 1 - len(self.held)  # the rest is not even quoted
        self.held += data[at : min(end, at + room)]
        if start:
            self._end_junk(out)
        return end

    def _end_junk(self, out: Decoded) -> None:
        out += _said_of_junk(bytes(self.held))
        self._clear()

    def _scan(self, data: bytes, at: int, out: Decoded) -> int:
        """Follow the message that is open or begins here, and decode it where it ends."""
        stop = min(len(data), at + MAX_FRAME - len(self.held))
        end, outcome = self._follow(data, at, stop)
        message = data[at:end]
        if outcome is _Outcome.MORE:
            self.held += message
            if len(self.held) < MAX_FRAME:
                return end
            message = b""
        if self.held:
            message = bytes(self.held) + message
        whole_line = self.line_ended or self.in_text or self.escaped  # a text breaks at a line end
        self._clear()
        self._end(message, outcome, whole_line, out)
        return end

    def _end(self, message: bytes, outcome: _Outcome, line_ended: bool, out: Decoded) -> None:
        """Decode a message that ended so, or say why not; `line_ended` where its line did, too."""
        self.broken = 0 if line_ended or outcome is not _Outcome.BROKEN else self.broken + 1
        if self.broken > MOST_BROKEN:
            out.append(malformed("message after message that breaks off", message, _HINT))
            self.skipping = True
        elif outcome is _Outcome.MORE:
            out.append(oversize(message))
            self.skipping = True
        elif outcome is _Outcome.DEEP:
            out.append(malformed(f"nested deeper than {MAX_DEPTH} levels", message, _HINT))
            self.skipping = True
        else:
            out += decode(message)

    def _follow(self, data: bytes, at: int, stop: int) -> tuple[int, _Outcome]:
        """Where in `data[at:stop]` the message ends, and how."""
        stack = self.stack
        while at < stop:
            if self.escaped:
                if data[at] in _LINE_ENDS:
                    return at, _Outcome.BROKEN
                self.escaped = False
                at += 1
            elif self.in_text:
                at = cast("re.Match[bytes]", _PLAIN_TEXT.match(data, at, stop)).end()
                if at == stop:
                    break
                if data[at] in _LINE_ENDS:  # JSON forbids a bare line end in a text
                    return at, _Outcome.BROKEN
                self.escaped = data[at] == _BACKSLASH
                self.in_text = self.escaped
                at += 1
            else:
                token = _STRUCTURE.search(data, at, stop)
                if token is None:
                    self._pass_over(data[at:stop])
                    break
                start, end = token.span()
                byte = data[start]
                if byte == _QUOTE:
                    self.in_text = end == start + 1  # else it ends here, too
                elif byte in b"[{":
                    self._pass_over(data[at:start])
                    if stack and not self._may_open(byte):
                        return start, _Outcome.BROKEN
                    if len(stack) == MAX_DEPTH:
                        return end, _Outcome.DEEP
                    stack.append(byte)
                elif stack.pop() != _OPENERS[byte]:
                    self._pass_over(data[at:start])
                    return end, _Outcome.BROKEN
                elif not stack:
                    return end, _Outcome.WHOLE
                self.last = byte
                self.line_ended = False
                at = end
        return stop, _Outcome.MORE

    def _pass_over(self, between: bytes) -> None:
        """Note what stands between brackets and texts: whether more may follow depends on it."""
        if not between:
            return
        before = between.rstrip(_BLANK)
        if before:
            self.last = before[-1]
            self.line_ended = False
        if len(before) < len(between) and _LINE_END.search(between, len(before)):
            self.line_ended = True

    def _may_open(self, bracket: int) -> bool:
        """Whether JSON, or a message of reads, can go on with this bracket.

        In an object a value follows a colon, and every writer puts it on the
        same line; in an array it begins or follows a comma. The elements of a
        message are objects, so an array there is a new message after one that
        was cut at a comma.
        """
        if self.stack[-1] == ord("{"):
            return self.last == ord(":") and not self.line_ended
        return self.last in b"[," and (len(self.stack) > 1 or bracket == ord("{"))


@lru_cache(maxsize=REMEMBERED)
def _said_of_junk(junk: bytes) -> tuple[Malformed, ...]:
    """What is said of bytes that can start no message, given their beginning."""
    if junk.strip(_BLANK) == _BOM:
        return ()
    return (malformed("bytes between messages", junk, _HINT),)


def _after_blanks(data: bytes, at: int) -> int:
    return cast("re.Match[bytes]", _BLANKS.match(data, at)).end()


def encode(reads: Iterable[RawRead]) -> bytes:
    """One message: the array of `reads` with both stamps, and CR. Chips are always text.

    What a read does not have (a UTC stamp, an EPC, a signal strength, a
    sequence) is left out.
    """
    return msgspec.json.encode([_keys(read) for read in reads]) + b"\r"


def _keys(read: RawRead) -> dict[str, Any]:
    optional = {"UtcMoment": read.utc_moment, "Rssi": read.rssi, "Epc": read.epc, "Seq": read.seq}
    keys = {
        "Chip": str(read.chip),
        "Moment": read.moment,
        "UtcMoment": read.utc_moment,
        "TimingPoint": read.timing_point,
        "Type": read.type,
        "Antenna": read.antenna,
        "Source": read.source,
        **optional,
    }
    absent = {key for key, value in optional.items() if value in ("", None)}
    if not read.seq:
        absent.add("Seq")
    if not read.moment:
        absent.add("Moment")
    return {key: value for key, value in keys.items() if key not in absent}
