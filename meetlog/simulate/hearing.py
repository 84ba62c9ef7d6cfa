"""What a simulated scoring program hears, in words: each read, and how many there were."""

from collections import Counter
from collections.abc import Callable, Hashable

import anyio

from wire.ctp01 import to_raw_read
from wire.ctp01_messages import Blank, DataLine, Err, Message, Noise, RawController
from wire.errors import Malformed
from wire.reads import RawRead, ReadKind

MOST_KNOWN = 500_000  # reads that are told from later copies of them

_KINDS = {ReadKind.GUN: "GUN", ReadKind.FIRST_SEEN: "first-seen", ReadKind.BEST_SEEN: "best-seen"}


class Hearing:
    """Counts what is heard, and says it.

    `enough` is set when `most` reads have come, 0 is never. With `quiet` no
    single read is told; with `wire` every line that was said on either side.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        most: int = 0,
        quiet: bool = False,
        wire: bool = False,
    ) -> None:
        self.say = say
        self.enough = anyio.Event()
        self.reads = self.guns = self.again = self.bad = self.connections = 0
        self.points: Counter[str] = Counter()
        self._most = most
        self._quiet = quiet
        self._wire = wire
        self._known: dict[Hashable, None] = {}

    # -- connections -----------------------------------------------------

    def opened(self, peer: str) -> None:
        """Somebody is there."""
        self.connections += 1
        self.say(f"{peer} is connected.")

    def closed(self, peer: str, why: str) -> None:
        """Somebody is gone."""
        self.say(f"{peer} is gone: {why}.")

    def remark(self, peer: str, text: str) -> None:
        """Something about a peer."""
        self.say(f"{peer}: {text}.")

    def heard(self, peer: str, data: bytes) -> None:
        """Bytes came."""
        self._lines(peer, "<", data)

    def said(self, peer: str, data: bytes) -> None:
        """Bytes were sent."""
        self._lines(peer, ">", data)

    def _lines(self, peer: str, sign: str, data: bytes) -> None:
        if self._wire:
            for line in data.decode("utf-8", "backslashreplace").splitlines():
                self.say(f"{peer} {sign} {line}")

    # -- what they say ---------------------------------------------------

    def message(self, peer: str, message: Message | Malformed) -> None:
        """One message of CTP01, or what is none in any protocol."""
        match message:
            case DataLine() if message.is_newlocation:
                self._show(f"{message.location}  new location  {message.time}  seq {message.seq}")
            case DataLine():
                self.read(to_raw_read(message), message)
            case RawController():
                self.bad += 1
                self.remark(peer, "it sends a controller's own lines (TO~), which are no CTP01")
            case Err(command, text):
                self.remark(peer, f"it refuses {command or 'a command'}: {text}")
            case Malformed(reason, excerpt):
                self.bad += 1
                self.remark(peer, f"NOT UNDERSTOOD: {reason}: {excerpt!r}")
            case Noise() | Blank():
                pass
            case _:
                pass

    def read(self, read: RawRead, line: DataLine | None = None) -> None:
        """One read or gun."""
        key: Hashable = line or read
        again = key in self._known
        self._known[key] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self.reads += 1
        self.again += again
        gun = read.type == ReadKind.GUN
        self.guns += gun
        self.points[read.timing_point] += 1
        self._show(_words(read, line) + ("  again" if again else ""))
        if self._most and self.reads >= self._most:
            self.enough.set()

    def _show(self, text: str) -> None:
        if not self._quiet:
            self.say(text)

    def summary(self) -> str:
        """All that was heard, in a line."""
        places = ", ".join(f"{name} {number}" for name, number in self.points.items())
        parts = [f"{self.reads} reads ({places or 'none'})"]
        if self.guns:
            parts.append(f"{self.guns} of them guns")
        if self.again:
            parts.append(f"{self.again} again")
        if self.bad:
            parts.append(f"{self.bad} not understood")
        return f"Heard {', '.join(parts)}, in {self.connections} connection(s)."


def _words(read: RawRead, line: DataLine | None) -> str:
    """`Finish  101  2026-06-14T09:00:30.12  best-seen  lap 1  antenna 2`."""
    gun = read.type == ReadKind.GUN
    parts = [read.timing_point, "GUN" if gun else str(read.chip), read.moment]
    if read.utc_moment:
        parts.append(f"UTC {read.utc_moment}")
    if line is None and not gun:
        parts.append(_KINDS[ReadKind(read.type)])
    if read.lap:
        parts.append(f"lap {read.lap}")
    if read.antenna:
        parts.append(f"antenna {read.antenna}")
    if read.source:
        parts.append(f"reader {read.source}")
    if read.rssi is not None:
        parts.append(f"{read.rssi} dBm")
    if line is not None:
        parts.append(f"seq {line.seq}")
    elif read.seq:
        parts.append(f"no. {read.seq}")
    return "  ".join(parts)
