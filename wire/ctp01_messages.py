"""The messages of CTP01, revision 8, and how they are written (PROTOCOLS 1).

The protocol has no escaping, so that what holds a separator cannot be sent;
the charset is nowhere stated, and UTF-8 is written.
"""

import hashlib
import hmac
import re
from functools import lru_cache
from typing import Literal

import msgspec

from wire.errors import Malformed, WireError

PROTOCOL = "CTP01"
GUNTIME = "guntime"
NEWLOCATION = "newlocation"
MAX_SEQ = 999_999
COMMANDS = frozenset(
    ("geteventinfo", "getlocations", "getconnectionid", "ping", "start", "stop", "getdata")
)
SEPARATORS = {"1": ",", "2": ";", "3": "~", "4": "|", "5": "\t", "6": " "}

Authentication = Literal["none", "plaintext", "hmac-sha1", "hmac-md5", "seed-sha1", "seed-md5"]


class Greeting(msgspec.Struct, frozen=True, tag=True):
    """The client's first line: `SimpleClient~0.5.0~CTP01`."""

    program: str
    version: str
    protocol: str = PROTOCOL


class ServerGreeting(msgspec.Struct, frozen=True, tag=True):
    """The server's answer; exactly `count` settings follow it. Versions may contain spaces."""

    program: str
    version: str
    count: int


class Setting(msgspec.Struct, frozen=True, tag=True):
    """`key=value`, only from the server (PROTOCOLS 1.2)."""

    key: str
    value: str


class Authorize(msgspec.Struct, frozen=True, tag=True):
    """The client's answer to a setting of authentication; `auth_string` makes the string."""

    user: str
    string: str


class Ack(msgspec.Struct, frozen=True, tag=True):
    """`ack~command~field~field`. Commands nobody knows, such as `init`, are to be ignored."""

    command: str
    fields: tuple[str, ...] = ()


class Err(msgspec.Struct, frozen=True, tag=True):
    """`err~command~message`; the command is empty when it was not known."""

    command: str
    message: str = ""


class Command(msgspec.Struct, frozen=True, tag=True):
    """`name~arg~arg`, from the server; some simulators of clients send `ping` too."""

    name: str
    args: tuple[str, ...] = ()


class DataLine(msgspec.Struct, frozen=True, gc=False, tag=True):
    """One observation. `time` is the text that arrived, in whichever of the four formats.

    `lap` and `gator` (the antenna) are 0 where the line has no number there.
    """

    format: str
    seq: int
    location: str
    tag: str
    time: str
    lap: int = 0
    reader: str = ""
    gator: int = 0

    @property
    def is_guntime(self) -> bool:
        """Whether the line is a start signal, not a tag."""
        return self.tag == GUNTIME

    @property
    def is_newlocation(self) -> bool:
        """Whether the line announces its location, and is not a tag."""
        return self.tag == NEWLOCATION


class RawController(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A `TO~` line of a controller's own log, which SimpleClient would have translated.

    Zero padding is normalised; `read_count` is 0 from firmware that has none.
    A tag is unique only together with `timer` and `event` (PROTOCOLS 1.4).
    """

    seq: int
    tag: str
    timer: str
    event: str
    time: str
    reader: str
    port: int
    rssi: int
    reader_seq: int
    kind: str
    read_count: int = 0


class Noise(msgspec.Struct, frozen=True, tag=True):
    """A line that some implementations send and that asks for nothing: `8`, `OK`."""

    text: str


class Blank(msgspec.Struct, frozen=True, tag=True):
    """A "null entry" that a filter left: a data line with neither tag nor time (PROTOCOLS 1.6)."""

    format: str
    seq: int
    location: str


Message = (
    Greeting | ServerGreeting | Setting | Authorize | Ack | Err | Command | DataLine
    | RawController | Noise | Blank
)  # fmt: skip


class EventInfo(msgspec.Struct, frozen=True):
    """What `geteventinfo` answers."""

    name: str
    id: str = ""
    description: str = ""


class Reply(msgspec.Struct, frozen=True):
    """What a side of the conversation made of received bytes.

    `send` goes out once the received bytes are durable. `close`, when not
    empty, says why to hang up after that. `remarks` are words for the operator.
    """

    send: bytes = b""
    messages: tuple[Message | Malformed, ...] = ()
    close: str = ""
    remarks: tuple[str, ...] = ()


def encode(message: Message) -> bytes:
    """The bytes of a message, its line end included.

    Raises `WireError` where a field holds a separator or a line end: the
    protocol has no escaping (PROTOCOLS 1.4).
    """
    match message:
        case DataLine(form, seq, location, tag, time, lap, reader, gator):
            separator, end = format_parts(form)
            parts = (form, str(seq), location, tag, time, str(lap), reader, str(gator))
            return _join(parts, separator) + end
        case Blank(form, seq, location):
            separator, end = format_parts(form)
            return _join((form, str(seq), location, "", "", "0", "", "0"), separator) + end
        case Greeting(program, version, protocol):
            return _join((program, version, protocol)) + b"\r\n"
        case ServerGreeting(program, version, count):
            return _join((program, version, str(count))) + b"\r\n"
        case Setting(key, value):
            return _last(f"{key}={value}") + b"\r\n"
        case Authorize(user, string):
            return _join(("authorize", user)) + b"~" + _last(string) + b"\r\n"
        case Ack(command, fields):
            return _join(("ack", command, *fields)) + b"\r\n"
        case Err(command, text):
            return _join(("err", command)) + (b"~" + _last(text) if text else b"") + b"\r\n"
        case Command(name, args):
            return _join((name, *args)) + b"\r\n"
        case RawController():
            fields = tuple(str(field) for field in msgspec.structs.astuple(message))
            return _join(("TO", *(fields if message.read_count else fields[:-1]))) + b"\r\n"
        case Noise(text):
            return _last(text) + b"\r\n"


@lru_cache(maxsize=64)
def format_parts(form: str) -> tuple[str, bytes]:
    """The separator and the line end of a format such as `CT01_33` (PROTOCOLS 1.4).

    Raises `WireError` for what makes no sense on a stream: no separator, no
    end, fixed width (its widths are those of files).
    """
    separator = SEPARATORS.get(form[5:6], "")
    bits = int(form[6], 16) if re.fullmatch(r"CT01_[0-9][0-9A-Fa-f]", form) else 0
    if not separator or not bits & 7 or bits & 8:
        raise WireError("not a format for a stream", form, "CT01_33 and CT01_13 are usual")
    ends = ((1, b"\r"), (2, b"\n"), (4, b"\0"))
    return separator, b"".join(end for bit, end in ends if bits & bit)


def auth_string(method: str, password: str, seed: str) -> str:
    """What `authorize` must say: the password, HMAC(password, seed) or H(seed + password), in hex.

    Raises `WireError` for a method that is not of revision 8 (PROTOCOLS 1.2).
    """
    kind, _, digest = method.partition("-")
    if method == "plaintext":
        return password
    if digest not in ("sha1", "md5") or kind not in ("hmac", "seed"):
        raise WireError("unknown authentication", method, "use none, plaintext or hmac-sha1")
    if kind == "hmac":
        return hmac.new(password.encode(), seed.encode(), digest).hexdigest()
    return hashlib.new(digest, (seed + password).encode(), usedforsecurity=False).hexdigest()


def _join(parts: tuple[str, ...], separator: str = "~") -> bytes:
    for part in parts:
        if separator in part:
            raise WireError(f"{separator!r} cannot be sent within a field", part, "rename it")
    return _last(separator.join(parts))


def _last(text: str) -> bytes:
    if "\r" in text or "\n" in text or "\0" in text:
        raise WireError("a line end cannot be sent within a line", text, "rename it")
    return text.encode("utf-8", "replace")
