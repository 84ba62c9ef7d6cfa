"""The timing side of a CTP01 conversation: bytes in, bytes out (PROTOCOLS 1.1 to 1.7).

Used by simulators and relays. A `ClientSession` is one connection, and holds
no lines: they are on a `Shelf`, which outlasts a connection as a real client's
buffer does. A pump outside asks `wants` which line is due and feeds it to
`line`, at the pace of the peer.
"""

from collections import deque
from typing import Literal

from wire.ctp01 import ServerDecoder
from wire.ctp01_commands import Commands
from wire.ctp01_due import Dues
from wire.ctp01_lines import render_line
from wire.ctp01_messages import (
    COMMANDS,
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
)
from wire.ctp01_nonsense import Nonsense
from wire.ctp01_options import DEFAULTS, ClientOptions
from wire.ctp01_shelf import Shelf
from wire.errors import Malformed, WireError

__all__ = ["ClientOptions", "ClientSession", "Stage"]

Stage = Literal["greeting", "settings", "authorize", "running", "closed"]
MAX_SETTINGS = 64  # revision 8 has ten
# Commands that wait while lines of a `getdata` are owed. A peer that reads one answer after another
# has one or two; one that never reads must not cost memory without end.
MAX_WAITING = 64
MAX_HELD = 256  # announcements; a race has fewer locations


class ClientSession:
    """One connection to a scoring program.

    Send `greeting()` first and alone: some servers compare a whole TCP piece
    to it (PROTOCOLS 1.7, TC). Then send what `receive` returns, and after
    that the lines that are due: an answer comes before the lines it is about.
    `settings` are those in force. `stage`, `settings`, `peer_program`, `owed`
    and `streams` may be read at any time.
    """

    def __init__(self, options: ClientOptions, shelf: Shelf) -> None:
        self.options = options
        self.shelf = shelf
        self.stage: Stage = "greeting"
        self.settings = dict(DEFAULTS)
        self.peer_program = ""
        self._decoder = ServerDecoder()
        self._settings_due = 0
        by_number = options.resume == "number"
        self._dues = Dues(shelf, inclusive=options.inclusive, by_number=by_number)
        self._commands = Commands(options, self.settings, shelf, self._dues)
        self._waiting: deque[Command] = deque()
        # Announcements wait until there are settings, and with connection-id=true until the id
        # was asked for (PROTOCOLS 1.2).
        self._held: deque[DataLine] = deque(maxlen=MAX_HELD)
        self._id_asked = False
        self._authorizing = False  # until the answer
        self._nonsense = Nonsense()
        self._out: list[bytes] = []
        self._close = ""

    @property
    def owed(self) -> int:
        """How many lines are still to follow the last `ack~getdata`, of whichever location."""
        return self._dues.owed

    def greeting(self) -> bytes:
        """The first bytes of the connection."""
        return encode(Greeting(self.options.program, self.options.version))

    def receive(self, data: bytes) -> Reply:
        """What to do about bytes of the server: answers to its commands, no lines."""
        messages = tuple(self._decoder.feed(data))
        for message in messages:
            if self.stage == "closed":
                break
            self._answer(message)
        if self.stage != "closed":
            self._despair(self._nonsense.watch(len(data), skipping=self._decoder.skipping))
        reply = Reply(self._flush(), messages, self._close)
        self._close = ""
        return reply

    # Lines.

    def wants(self, location: str) -> int | None:
        """The number of the line of this location that is to be sent now; None when none is due.

        In push mode locations are independent. A `getdata` for all locations
        is owed `owed` lines altogether: send first whichever of the wanted
        lines is first in an order of your own, until nothing is wanted.
        """
        return None if self.stage == "closed" else self._dues.wants(location)

    def line(self, location: str, number: int, line: DataLine) -> bytes:
        """The bytes of a wanted line, which is now sent; then answers that waited for it.

        No bytes where a filter keeps the line back: it is passed all the same.
        No bytes and no change for a line that is not wanted, or not any more,
        since the peer said something meanwhile. Raises `WireError`, without a
        change, for a line that cannot be sent (`check_line`).
        """
        return b"".join(self.line_and_answers(location, number, line))

    def line_and_answers(self, location: str, number: int, line: DataLine) -> tuple[bytes, bytes]:
        """As `line`, with the bytes of the answers apart: they belong to no line."""
        if self.wants(location) != number:
            return b"", b""
        pulled = bool(self.owed)
        data = self._render(line) if pulled or self._passes(line) else b""
        self._dues.take(location)
        while pulled and self._waiting and not self.owed:
            self._obey(self._waiting.popleft())
        return data, self._flush()

    def announce(self, line: DataLine) -> bytes:
        """What to send at once because a location became known, by its `newlocation` line.

        It is pushed whether or not its location was started, and does not
        count as sent: a start brings it again, in its place. Where it may not
        go yet, `receive` returns it later. Raises `WireError` for a line that
        cannot be sent.
        """
        self._render(line)
        self._held.append(line)
        self._release()
        return self._flush()

    def streams(self, location: str) -> bool:
        """Whether the location was started, in push mode."""
        return self._dues.streams(location)

    def reached(self, location: str) -> int | None:
        """The number of the first line the peer has not been sent; None if it never asked."""
        return self._dues.reached(location)

    def _passes(self, line: DataLine) -> bool:
        """The two filters, which are said to affect push only (PROTOCOLS 1.2)."""
        if line.is_guntime:
            return self._is_set("guntimes")
        return not line.is_newlocation or self._is_set("newlocations")

    def _release(self) -> None:
        """Send the announcements that waited, once they may go."""
        if self.stage != "running" or self.settings["stream-mode"] != "push":
            return
        if self._is_set("connection-id") and not self._id_asked:
            return
        for line in self._held:
            # Of a started location it is a line like any other.
            if self._passes(line) and not self._dues.streams(line.location):
                self._out.append(self._render(line))
        self._held.clear()

    def _render(self, line: DataLine) -> bytes:
        return render_line(line, self.settings["tagevent-format"], self.settings["time-format"])

    # The conversation.

    def _flush(self) -> bytes:
        sent = b"".join(self._out)
        self._out.clear()
        return sent

    def _say(self, *messages: Message) -> None:
        self._out += [encode(message) for message in messages]

    def _hang_up(self, reason: str) -> None:
        self.stage = "closed"
        self._close = reason

    def _is_set(self, key: str) -> bool:
        return self.settings[key] == "true"

    def _answer(self, message: Message | Malformed) -> None:
        if self._despair(self._nonsense.hear(message)):
            return
        match message:
            case Setting(key, value):
                self._set(key, value)
            case ServerGreeting() if self.stage in ("greeting", "settings"):
                self._greeted(message)
            case Command("ping") if self.stage != "running":
                if self.options.pings:
                    self._say(Ack("ping"))
            case Command(name) if self.stage == "greeting":
                self._hang_up(f"the server began with {name!r} instead of a greeting")
            case Command():
                self._hasten(message)
            case Ack("authorize") if self._authorizing:
                self._authorizing = False
                self._run()
            case Err("authorize", text) if self._authorizing:
                self._hang_up(f"{self.peer_program} refused our authorization: {text}")
            case Malformed() if self.stage == "running":
                self._command(Command(""))
            case Malformed(reason, excerpt) if self.stage == "greeting":
                self._hang_up(f"no CTP01 scoring program ({reason}: {excerpt})")
            case Malformed() if self.stage == "settings":
                self._setting_came()
            case _:
                pass

    def _despair(self, words: str) -> bool:
        if words:
            self._hang_up(f"{self.peer_program or 'the server'} sent {words}")
        return bool(words)

    def _greeted(self, greeting: ServerGreeting) -> None:
        """The settings begin; anew with a second greeting, of a server that did not wait."""
        self.peer_program = f"{greeting.program} {greeting.version}".strip()
        if greeting.count > MAX_SETTINGS:
            self._hang_up(f"{self.peer_program} announces {greeting.count} settings")
            return
        self.stage = "settings"
        self._settings_due = greeting.count
        if not greeting.count:
            self._settled()

    def _set(self, key: str, value: str) -> None:
        """A setting, now or in the middle of a conversation: it holds from here on."""
        if key in self.settings or len(self.settings) < MAX_SETTINGS:
            if key == "stream-mode" and value != self.settings[key]:
                self._dues.stop()
            self.settings[key] = value
        if self.stage == "settings":
            self._setting_came()
        self._release()

    def _setting_came(self) -> None:
        self._settings_due -= 1
        if not self._settings_due:
            self._settled()

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
        self._authorizing = True
        self._say(Authorize(self.options.user, string))

    def _run(self) -> None:
        self.stage = "running"
        self._release()

    def _hasten(self, command: Command) -> None:
        """A command after the greeting: whoever sends one waits for nothing that comes before it.

        A greeting may promise more settings than there are, and `ack~authorize`
        may come behind commands that were sent with the settings: if both
        sides waited, it would be for ever.
        """
        if self.stage != "running" and command.name in COMMANDS:
            if self.stage == "settings":
                self._settled()
            if self.stage == "authorize":
                self._run()
        if self.stage == "running":
            self._command(command)

    # Commands.

    def _command(self, command: Command) -> None:
        """Obey, once the lines of an earlier `getdata` are out: exactly those follow its `ack`."""
        if not self.owed:
            self._obey(command)
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(command)
        elif command.name != "ping":  # lines that come are answer enough to a `ping`
            self._say(Err(command.name, "too many commands wait"))

    def _obey(self, command: Command) -> None:
        answer = self._commands.obey(command)
        if answer is not None:
            self._say(answer)
        if command.name == "getconnectionid":
            self._id_asked = True
            self._release()
