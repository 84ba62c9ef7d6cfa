"""The timing side of a CTP01 conversation: bytes in, bytes out (PROTOCOLS 1.1 to 1.7).

Used by simulators and relays. Lines live in a `LineBuffer`, which outlasts a
connection as a real client's does; a `ClientSession` is one connection.
"""

from collections import deque
from collections.abc import Iterator
from typing import Literal

import msgspec

from wire.ctp01 import ServerDecoder
from wire.ctp01_buffer import LineBuffer, render_time
from wire.ctp01_messages import (
    Ack,
    Authorize,
    Command,
    DataLine,
    Err,
    Greeting,
    Message,
    Reply,
    ServerGreeting,
    Setting,
    auth_string,
    encode,
    format_parts,
)
from wire.ctp01_options import ClientOptions
from wire.errors import Malformed, WireError

__all__ = ["ClientOptions", "ClientSession", "LineBuffer", "render_time"]

Stage = Literal["greeting", "settings", "authorize", "running", "closed"]
# What a client that was told nothing does (PROTOCOLS 1.2).
DEFAULTS = {
    "guntimes": "false",
    "newlocations": "false",
    "authentication": "none",
    "authentication-seed": "",
    "stream-mode": "pull",
    "tagevent-format": "CT01_33",
    "pushmode-ack": "false",
    "time-format": "normal",
    "connection-id": "false",
}
MAX_SETTINGS = 64  # revision 8 has ten


class ClientSession:
    """One connection to a scoring program.

    Send `greeting()` first and alone: some servers compare a whole TCP piece
    to it (PROTOCOLS 1.7, TC). `settings` are those in force. Raises
    `WireError` for options that cannot be sent.
    """

    def __init__(self, options: ClientOptions, buffer: LineBuffer) -> None:
        event = options.event
        encode(Ack("", (event.name, event.id, event.description, options.connection_id or "")))
        self.options = options
        self.buffer = buffer
        self.stage: Stage = "greeting"
        self.settings = dict(DEFAULTS)
        self.peer_program = ""
        self._decoder = ServerDecoder()
        self._settings_due = 0
        self._streaming: set[str] = set()
        # Announcements wait until there are settings, and with connection-id=true until the id
        # was asked for (PROTOCOLS 1.2).
        self._held: deque[DataLine] = deque(maxlen=256)
        self._id_asked = False
        self._out: list[bytes] = []
        self._close = ""

    def greeting(self) -> bytes:
        """The first bytes of the connection."""
        return encode(Greeting(self.options.program, self.options.version))

    def add(self, line: DataLine) -> bytes:
        """Keep a line and return what is to be sent now, if anything.

        A line whose tag is `newlocation` makes its location known and is
        pushed whether or not the location was started. Raises `WireError` for
        a line that cannot be sent.
        """
        self.buffer.add(line)
        if self.stage == "closed":
            return b""
        if line.is_newlocation and line.location not in self._streaming:
            self._held.append(line)
            self._release()
        elif line.location in self._streaming and self._wanted(line):
            self._out.append(self._line(line))
        return self._flush()

    def receive(self, data: bytes) -> Reply:
        """What to do about bytes of the server."""
        messages = tuple(self._decoder.feed(data))
        for message in messages:
            if self.stage == "closed":
                break
            self._answer(message)
        reply = Reply(self._flush(), messages, self._close)
        self._close = ""
        return reply

    def _flush(self) -> bytes:
        sent = b"".join(self._out)
        self._out.clear()
        return sent

    def _say(self, *messages: Message) -> None:
        self._out += [encode(message) for message in messages]

    def _hang_up(self, reason: str) -> None:
        self.stage = "closed"
        self._close = reason

    def _answer(self, message: Message | Malformed) -> None:
        match message:
            case Setting(key, value):
                self.settings[key] = value
                if self.stage == "settings":
                    self._settings_due -= 1
                    if not self._settings_due:
                        self._settled()
            case ServerGreeting(program, version, count) if self.stage == "greeting":
                self.peer_program = f"{program} {version}".strip()
                if count > MAX_SETTINGS:
                    self._hang_up(f"{self.peer_program} announces {count} settings")
                    return
                self.stage = "settings"
                self._settings_due = count
                if not count:
                    self._settled()
            case Command("ping") if self.options.pings:
                self._say(Ack("ping"))
            case Command(name, args) if self.stage == "running":
                self._obey(name, args)
            case Ack("authorize") if self.stage == "authorize":
                self._run()
            case Err("authorize", text) if self.stage == "authorize":
                self._hang_up(f"{self.peer_program} refused our authorization: {text}")
            case Malformed() if self.stage == "running":
                self._say(Err("", "unknown command"))
            case Malformed(reason, excerpt):
                self._hang_up(f"no CTP01 scoring program ({reason}: {excerpt})")
            case Command(name) if self.stage == "greeting":
                self._hang_up(f"the server began with {name!r} instead of a greeting")
            case _:
                pass

    def _settled(self) -> None:
        method = self.settings["authentication"]
        if method == "none":
            self._run()
            return
        try:
            seed = self.settings["authentication-seed"]
            string = auth_string(method, self.options.password, seed)
        except WireError as e:
            self._hang_up(f"{self.peer_program} wants what we cannot give: {e}")
            return
        self.stage = "authorize"
        self._say(Authorize(self.options.user, string))

    def _run(self) -> None:
        self.stage = "running"
        self._release()

    # Commands.

    def _obey(self, name: str, args: tuple[str, ...]) -> None:
        match name:
            case "geteventinfo":
                event = self.options.event
                self._say(Ack(name, (event.name, event.id, event.description)))
            case "getlocations":
                self._say(Ack(name, self.buffer.locations))
            case "getconnectionid":
                self._id_asked = True
                if self.options.connection_id is None:
                    self._say(Err(name, "unknown command"))
                else:
                    self._say(Ack(name, (self.options.connection_id,)))
                self._release()
            case "start" | "stop":
                problem = self._start(args) if name == "start" else self._stop(args)
                if problem and self.settings["pushmode-ack"] == "true":
                    self._say(Err(name, problem))
            case "getdata":
                self._get_data(args)
            case _:
                self._say(Err("", "unknown command"))

    def _start(self, args: tuple[str, ...]) -> str:
        """Begin to push, with what the buffer has from the seq on; or say why not."""
        if self.settings["stream-mode"] != "push":
            return "the stream mode is pull"
        location, seq = (*args, "", "")[:2]
        if location and location not in self.buffer.locations:
            return f"{location}~unknown location"
        if seq and not (seq.isdecimal() and len(seq) < 10):
            return f"{location}~not a sequence number"
        acked = self.settings["pushmode-ack"] == "true"
        lines: list[DataLine] = []
        for each in (location,) if location else self.buffer.locations:
            found = self._from(each, int(seq or 0))
            if found is None:
                if acked:
                    return f"{location}~sequence {seq} is no longer here"
                # Nobody would hear an `err`, and resending beats missing (PROTOCOLS 1.6).
                found = self._from(each, 0) or []
            lines += found
            self._streaming.add(each)
        if acked:
            self._say(Ack("start", (location,) if location else ()))
        self._out += [self._line(line) for line in lines if self._wanted(line)]
        return ""

    def _stop(self, args: tuple[str, ...]) -> str:
        location = args[0] if args else ""
        if location and location not in self._streaming:
            return f"{location}~not started"
        self._streaming -= {location} if location else set(self._streaming)
        if self.settings["pushmode-ack"] == "true":
            self._say(Ack("stop", (location,) if location else ()))
        return ""

    def _get_data(self, args: tuple[str, ...]) -> None:
        most, location, seq = (*args, "", "", "")[:3]
        if self.settings["stream-mode"] != "pull":
            self._say(Err("getdata", "the stream mode is push"))
            return
        if location and location not in self.buffer.locations:
            self._say(Err("getdata", "unknown location"))
            return
        if not all(n.isdecimal() and len(n) < 10 for n in (most, seq or "0")):
            self._say(Err("getdata", "not a number"))
            return
        lines = self._all() if not location else self._from(location, int(seq or 0))
        if lines is None:
            self._say(Err("getdata", f"sequence {seq} is no longer here"))
            return
        lines = lines[: int(most)]
        self._say(Ack("getdata", (str(len(lines)),)))
        self._out += [self._line(line) for line in lines]

    # Lines.

    def _from(self, location: str, seq: int) -> list[DataLine] | None:
        o = self.options
        by_number = o.resume == "number"
        return self.buffer.lines(location, seq, inclusive=o.inclusive, by_number=by_number)

    def _all(self) -> list[DataLine]:
        return [line for each in self.buffer.locations for line in self._from(each, 0) or []]

    def _wanted(self, line: DataLine) -> bool:
        """The two filters, which are said to affect push only (PROTOCOLS 1.2)."""
        if line.is_guntime:
            return self.settings["guntimes"] == "true"
        return not line.is_newlocation or self.settings["newlocations"] == "true"

    def _release(self) -> None:
        """Send the announcements that waited, once they may go."""
        if self.stage != "running" or self.settings["stream-mode"] != "push":
            return
        if self.settings["connection-id"] == "true" and not self._id_asked:
            return
        self._out += [self._line(line) for line in self._held if self._wanted(line)]
        self._held.clear()

    def _line(self, line: DataLine) -> bytes:
        """The line's bytes in the settings' formats; in CT01_33 where its format cannot hold it."""
        time = render_time(line.time, self.settings["time-format"])
        for form in self._formats():
            try:
                return encode(msgspec.structs.replace(line, format=form, time=time))
            except WireError:
                continue  # a location may hold what separates in this format, but not in the next
        return encode(msgspec.structs.replace(line, format="CT01_33"))

    def _formats(self) -> Iterator[str]:
        try:
            format_parts(self.settings["tagevent-format"])
        except WireError:
            pass  # a format for files; CT01_33 is what every server reads
        else:
            yield self.settings["tagevent-format"]
        yield "CT01_33"
