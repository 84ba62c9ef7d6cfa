"""Scoring programs as they are in the wild, rebuilt from PROTOCOLS 1.7: bytes in, bytes out.

Each object outlasts its connections, as the program does. They read lines by
themselves, as those programs do, not with our decoders; what one of them could
not bear is put down in `trouble`.
"""

from collections import deque

from wire.ctp01_messages import DataLine
from wire.ctp01_server import ServerOptions, ServerSession

Read = tuple[str, int, str]  # location, seq, tag
PSEUDO = ("guntime", "newlocation")


class Peer:
    """A scoring program that reads lines; it does nothing by itself."""

    late = True  # whether it learns of locations while connected
    guns = False  # whether it keeps gun times

    def __init__(self) -> None:
        self.connections: list[list[Read]] = []
        self.trouble: list[str] = []
        self.partial = b""

    def connected(self) -> bytes:
        """A new connection; what it says at once."""
        self.connections.append([])
        self.latest: set[Read] = set()  # of this connection
        self.partial = b""
        return self.begin()

    def receive(self, data: bytes) -> bytes:
        """What it says to received bytes."""
        self.partial += data
        *lines, self.partial = self.partial.split(b"\r\n")
        return b"".join(self.take(line.decode()) for line in lines)

    def tick(self) -> bytes:
        """What it says because a second has passed."""
        return b""

    def begin(self) -> bytes:
        """Forget what belongs to a connection."""
        return b""

    def take(self, line: str) -> bytes:
        """One line, without its end."""
        raise NotImplementedError

    def keep(self, line: str) -> None:
        """Keep a line of data."""
        _, seq, location, tag, *rest = line.split("~")
        if len(rest) != 4:
            self.trouble.append(f"no line of data: {line}")
        elif tag != "newlocation" and (tag != "guntime" or self.guns):
            self.note((location, int(seq), tag))

    def note(self, read: Read) -> None:
        """Keep a read, though it may have come before."""
        self.connections[-1].append(read)
        self.latest.add(read)

    def has(self) -> set[Read]:
        """All reads of all connections."""
        return {read for reads in self.connections for read in reads}


def say(*lines: str) -> bytes:
    """Lines with their ends."""
    return "".join(f"{line}\r\n" for line in lines).encode()


class Racemap(Peer):
    """It sends `authorize` itself, pings every 10 s, and repeats a start every second for ever."""

    def begin(self) -> bytes:
        """Its clock for pings runs from the connection, not from the greeting."""
        self.identified = False
        self.locations: list[str] = []
        self.restarting: dict[str, None] = {}
        self.seconds = self.pongs = self.pings = 0
        return b""

    def take(self, line: str) -> bytes:
        """As `_handleWelcomeMessage` and `_handleMessages` of its forwarder."""
        parts = line.split("~")
        if not self.identified:
            self.identified = len(parts) == 3 and parts[0] in ("SimpleClient", "RacemapTestClient")
            if not self.identified:
                self.trouble.append(f"no greeting: {line}")
                return b""
            return say(
                "ChronoTrack2RMForwarder~v2.1.0~5", "guntimes=true", "newlocations=true",
                "connection-id=false", "stream-mode=push", "time-format=iso",
                "getconnectionid", "geteventinfo", "getlocations", "authorize",
            )  # fmt: skip
        if parts[:2] == ["ack", "getlocations"]:
            known, self.locations = self.locations, parts[2:]
            return b"" if known else say("start")
        self.pongs += line == "ack~ping"
        if len(parts) == 8:
            self.keep(line)
            if parts[3] == "newlocation":
                self.restarting[parts[2]] = None
                return say("getlocations")
        return b""

    def tick(self) -> bytes:
        """Of half a line nothing is left after 500 ms."""
        if self.partial:
            self.trouble.append(f"half a line: {self.partial!r}")
            self.partial = b""
        self.seconds += 1
        starts = say(*(f"start~{location}" for location in self.restarting))
        if self.seconds % 10:
            return starts
        self.pings += 1
        return starts + say("ping")


class Sample(Peer):
    """ChronoTrack's own sample server: says all at once, then reads until a blank line."""

    late = False
    guns = True

    def begin(self) -> bytes:
        """Nothing before the greeting."""
        self.greeted = False
        return b""

    def take(self, line: str) -> bytes:
        """The first line is the greeting; of the others it reads what is data."""
        if self.greeted:
            if not line.strip():
                self.trouble.append("a blank line, which ends the conversation")
            if line.startswith("CT01"):
                self.keep(line)
            return b""
        self.greeted = True
        return say(
            "smserver~0.0.1~6", "location=multi", "guntimes=true", "newlocations=true",
            "authentication=none", "stream-mode=push", "time-format=iso",
            "geteventinfo", "getlocations", "start",
        )  # fmt: skip


class P88(Sample):
    """The same conversation; it drops gun times."""

    guns = False


class WholePiece(Peer):
    """TC: compares a whole piece of TCP with the greeting that it knows."""

    late = False

    def begin(self) -> bytes:
        """Nothing before the greeting."""
        self.greeted = False
        return b""

    def receive(self, data: bytes) -> bytes:
        """The first piece is the greeting and nothing but."""
        if self.greeted:
            return super().receive(data)
        greeting = b"SimpleClient~0.5.0~CTP01\r\n"
        if not greeting.startswith(data):  # less than it comes where the connection is cut
            self.trouble.append(f"not the greeting: {data!r}")
        self.greeted = data == greeting
        if not self.greeted:
            return b""
        return say("TC~1~2", "stream-mode=push", "time-format=iso", "start")

    def take(self, line: str) -> bytes:
        """Lines of data, and nothing else was asked for."""
        self.keep(line)
        return b""


class Rd25(Peer):
    """Starts are acknowledged; it answers each line by `OK` and sends bare heartbeats."""

    late = False

    def begin(self) -> bytes:
        """Nothing before the greeting."""
        self.greeted = False
        self.started: set[str] = set()
        return b""

    def take(self, line: str) -> bytes:
        """Lines of a location come after its `ack~start` only."""
        parts = line.split("~")
        if not self.greeted:
            self.greeted = True
            return say("RD~25~2", "stream-mode=push", "pushmode-ack=true", "getlocations")
        if parts[:2] == ["ack", "getlocations"]:
            return say(*(f"start~{location}" for location in parts[2:]))
        if parts[:2] == ["ack", "start"]:
            self.started.add(parts[2])
        elif parts[0] == "CT01_33":
            self.keep(line)
            if parts[2] not in self.started:
                self.trouble.append(f"before its start: {line}")
        else:
            self.trouble.append(f"not asked for: {line}")
        return say("OK")

    def tick(self) -> bytes:
        """A heartbeat, which asks for nothing."""
        return say("8")


class PullOnly(Peer):
    """Sends no settings, asks for some lines again and again, and reads exactly those."""

    guns = True
    most = 7

    def begin(self) -> bytes:
        """Greets at once, without waiting for the client's greeting."""
        self.greeted = False
        self.due = 0
        self.waiting = False  # for an answer
        self.pings = 0
        return say("Old~1~0")

    def take(self, line: str) -> bytes:
        """While lines are due there is nothing else."""
        if self.due:
            self.due -= 1
            if not line.startswith("CT01_33~"):
                self.trouble.append(f"while lines are due: {line}")
            else:
                self.keep(line)
            return b"" if self.due else self.ask()
        if not self.greeted:
            self.greeted = True
            return self.ask()
        if line == "ack~ping":
            self.pings -= 1
            return b""
        return self.answered(line)

    def answered(self, line: str) -> bytes:
        """The answer to `getdata`."""
        if not line.startswith("ack~getdata~"):
            self.trouble.append(f"no answer to getdata: {line}")
            return b""
        self.due = int(line[12:])
        self.waiting = bool(self.due)
        return b""

    def ask(self) -> bytes:
        """One more round."""
        self.waiting = True
        return say(f"getdata~{self.most}")

    def tick(self) -> bytes:
        """Ask again where there was nothing; whatever is due, ping."""
        self.pings += 1
        return say("ping") + (b"" if self.waiting or not self.greeted else self.ask())


class PullNext(PullOnly):
    """Asks each location for the seq after the last it has, and remembers it over connections."""

    def __init__(self) -> None:
        super().__init__()
        self.next: dict[str, int] = {}
        self.round: deque[str] = deque()

    def begin(self) -> bytes:
        """A new round."""
        self.round.clear()
        self.location = ""
        return super().begin()

    def ask(self) -> bytes:
        """The next location of the round; the round begins with the locations there are."""
        self.waiting = True
        if not self.round:
            return say("getlocations")
        self.location = self.round.popleft()
        seq = self.next.get(self.location)
        return say(f"getdata~{self.most}~{self.location}" + (f"~{seq}" if seq else ""))

    def answered(self, line: str) -> bytes:
        """Locations, lines to come, none, or that we ask for what is not there."""
        parts = line.split("~")
        if parts[:2] == ["ack", "getlocations"]:
            self.round.extend(parts[2:])
            self.waiting = bool(self.round)
            return self.ask() if self.round else b""
        if parts[:2] == ["err", "getdata"]:
            self.trouble.append(line)
            return b""
        super().answered(line)
        if self.due or not self.round:
            return b""
        return self.ask()

    def keep(self, line: str) -> None:
        """The next of this location is the one after this."""
        super().keep(line)
        self.next[self.location] = int(line.split("~")[1]) + 1


class Ours(Peer):
    """meetlog's own scoring side, which resumes."""

    guns = True

    def __init__(self, options: ServerOptions) -> None:
        super().__init__()
        self.options = options
        self.marks: dict[str, dict[str, int]] = {}
        self.session = ServerSession(options, {})

    def begin(self) -> bytes:
        """The marks are those of the last connection."""
        if len(self.connections) > 1:
            self.marks = self.session.marks
        self.session = ServerSession(self.options, self.marks)
        return b""

    def receive(self, data: bytes) -> bytes:
        """As `ingest.ctp01` goes about it."""
        reply = self.session.receive(data)
        self.trouble += [reply.close] if reply.close else []
        for line in reply.messages:
            if isinstance(line, DataLine) and not line.is_newlocation:
                self.note((line.location, line.seq, line.tag))
        return reply.send

    def tick(self) -> bytes:
        """Where it pulls, another round; else nothing."""
        return self.session.poll()
