"""What a CTP01 timing side answers to each command of the scoring program (PROTOCOLS 1.3)."""

from collections.abc import Mapping

import msgspec

from wire.ctp01_due import Dues
from wire.ctp01_messages import Ack, Command, Err, Message
from wire.ctp01_options import ClientOptions
from wire.ctp01_shelf import Shelf

UNKNOWN = Err("", "unknown command")


class Commands(msgspec.Struct, frozen=True):
    """Obeys the commands of one connection. `settings` are the session's, as they are then."""

    options: ClientOptions
    settings: Mapping[str, str]
    shelf: Shelf
    dues: Dues

    def obey(self, command: Command) -> Message | None:
        """The answer; None where the protocol has none. What is due afterwards is in `dues`."""
        name, args = command.name, command.args
        match name:
            case "ping" if self.options.pings:
                return Ack(name)
            case "geteventinfo":
                event = self.options.event
                return Ack(name, (event.name, event.id, event.description))
            case "getlocations":
                return Ack(name, tuple(self.shelf.locations))
            case "getconnectionid" if self.options.connection_id is None:
                return Err(name, "unknown command")
            case "getconnectionid":
                return Ack(name, (self.options.connection_id or "",))
            case "start" | "stop":
                problem = self._start(args) if name == "start" else self._stop(args)
                if not self._acked:
                    return None
                return Err(name, problem) if problem else Ack(name, tuple(filter(None, args[:1])))
            case "getdata":
                return self._get_data(args)
            case _:
                return UNKNOWN

    @property
    def _acked(self) -> bool:
        return self.settings["pushmode-ack"] == "true"

    def _start(self, args: tuple[str, ...]) -> str:
        """Begin to push, or say why not. See `Dues.start` for what is sent from where."""
        if self.settings["stream-mode"] != "push":
            return "the stream mode is pull"
        location, text = (*args, "", "")[:2]
        if location and location not in self.shelf.locations:
            return f"{location}~unknown location"
        seq = _number(text)
        if text and seq is None:
            return f"{location}~not a sequence number"
        names = (location,) if location else self.shelf.locations
        # Without acknowledgement nobody hears an `err`, and resending beats missing.
        if not self.dues.start(names, seq, refuse=self._acked):
            return f"{location}~sequence {text} is not here"
        return ""

    def _stop(self, args: tuple[str, ...]) -> str:
        location = args[0] if args else ""
        return "" if self.dues.stop(location) else f"{location}~not started"

    def _get_data(self, args: tuple[str, ...]) -> Message:
        most, location, text = (*args, "", "", "")[:3]
        if self.settings["stream-mode"] != "pull":
            return Err("getdata", "the stream mode is push")
        if location and location not in self.shelf.locations:
            return Err("getdata", "unknown location")
        count, seq = _number(most), _number(text)
        if count is None or (text and seq is None):
            return Err("getdata", "not a number")
        owed = self.dues.fetch(count, location, seq)
        if owed is None:
            return Err("getdata", f"sequence {text} is not here")
        return Ack("getdata", (str(owed),))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
