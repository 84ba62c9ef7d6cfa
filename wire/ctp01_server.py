"""The scoring side of a CTP01 conversation: bytes in, bytes out (PROTOCOLS 1.1 to 1.7).

greeting -> settings -> authorize -> getconnectionid, geteventinfo,
getlocations, one at a time -> each location started once -> lines. What a
client does not answer is given up at the next `ping`, so that an old or poor
client still gets started. Nothing here waits, sleeps or draws lots.
"""

from collections import deque
from collections.abc import Mapping

from wire.ctp01 import ClientDecoder
from wire.ctp01_marks import Marks
from wire.ctp01_messages import (
    PROTOCOL,
    Ack,
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
    encode,
)
from wire.ctp01_options import ServerOptions
from wire.ctp01_pull import Rounds
from wire.ctp01_starts import MAX_LOCATIONS, Starts
from wire.ctp01_strangers import Stage, no_greeting, silent, stranger
from wire.errors import Malformed

__all__ = ["MAX_LOCATIONS", "ServerOptions", "ServerSession", "Stage"]


class ServerSession:
    """One connection of a timing system.

    `marks[connection_id][location]` is where to resume, as `Marks.table`
    gives it (a plain last sequence will do where seqs arrive in order).
    `unanswered` counts pings since the last byte of any kind: a client that
    talks is alive, whether or not it knows `ping`. `stage`, `peer_program`,
    `connection_id`, `event_info` and `locations` may be read at any time.
    """

    def __init__(self, options: ServerOptions, marks: Mapping[str, Mapping[str, int]]) -> None:
        self.options = options
        self.stage: Stage = "greeting"
        self.peer_program = ""
        self.connection_id = ""
        self.event_info: EventInfo | None = None
        self.unanswered = 0
        self._decoder = ClientDecoder()
        self._first = b""
        self._marks = Marks.of(marks)
        self._starts = Starts()
        self._ask: deque[str] = deque()
        self._asked = ""
        self._pull = Rounds(4 * self.options.pull_max)
        self._ungreeted = False
        self._out: list[bytes] = []
        self._close = ""
        self._remarks: list[str] = []

    @property
    def locations(self) -> tuple[str, ...]:
        """The locations heard of, in order."""
        return tuple(self._starts.locations)

    @property
    def marks(self) -> dict[str, dict[str, int]]:
        """Where to resume each location of each known connection id, this connection included."""
        return self._marks.table()

    def receive(self, data: bytes) -> Reply:
        """What to do about received bytes; their messages are returned in any stage."""
        if data:
            self.unanswered = 0
        messages = tuple(self._decoder.feed(data))
        if self.stage == "greeting" and not self._ungreeted:
            self._first = (self._first + data)[:16]
            self._hang_up(stranger(self._first))
        seqs: dict[str, list[int]] = {}
        for message in messages:
            if self.stage == "closed":
                break
            if type(message) is DataLine:
                self._take(message, seqs)
            else:
                # Lines before a change of connection id belong to the old one.
                self._note(seqs)
                self._answer(message)
        self._note(seqs)
        return self._reply(messages)

    def close(self) -> Reply:
        """The connection ended; what is left of a line comes back as a `Malformed`."""
        self.stage = "closed"
        return Reply(messages=tuple(self._decoder.close()))

    def ping(self) -> bytes:
        """What to send after a silence: a `ping`, and what the silence left undone."""
        if self.stage == "closed" or (self.stage == "greeting" and self._ungreeted):
            return b""
        self.unanswered += 1
        if self.stage in ("greeting", "authorize"):
            return b""  # nothing can be said before the greeting; `silence` has the words
        self._say(Command("ping"))
        if self.stage == "asking":
            self._give_up_asking()
        elif self.unanswered > 1:
            self._pull.give_up()  # a reply to `getdata` or its lines never came
        sent = b"".join(self._out) + self.poll()
        self._out.clear()
        return sent

    def poll(self) -> bytes:
        """In pull mode, begin another round when the last one brought nothing; else nothing."""
        if self.options.stream_mode != "pull" or self.stage != "running" or self._pull.busy:
            return b""
        # Locations are asked for again: newlocation lines may exist in push only (PROTOCOLS 1.2).
        self._pull.list()
        return encode(Command("getlocations"))

    def stop(self) -> bytes:
        """What to send before leaving in good order; lines on their way are still taken."""
        running = self.stage == "running"
        if self.stage != "closed":
            self.stage = "stopped"
        return encode(Command("stop")) if running and self.options.stream_mode == "push" else b""

    def silence(self) -> str:
        """Words for closing a peer that did not answer."""
        return silent(self.stage, self.unanswered)

    def _reply(self, messages: tuple[Message | Malformed, ...]) -> Reply:
        reply = Reply(b"".join(self._out), messages, self._close, tuple(self._remarks))
        self._out.clear()
        self._remarks.clear()
        self._close = ""
        return reply

    def _say(self, *messages: Message) -> None:
        self._out += [encode(message) for message in messages]

    def _hang_up(self, reason: str) -> None:
        if reason:
            self.stage = "closed"
            self._close = reason

    # What the client says.

    def _take(self, line: DataLine, seqs: dict[str, list[int]]) -> None:
        """One data line. Its seq counts for the mark only once its location was started."""
        location = line.location
        if self.stage in ("greeting", "authorize") and not self._admit():
            return
        if location not in self._starts.locations:
            self._discover(location, flowing=not line.is_newlocation)
        if location in self._starts.asked:
            seqs.setdefault(location, []).append(line.seq)
        if self._pull.due:
            self._pull_line(seqs)

    def _admit(self) -> bool:
        """Data before the conversation: taken without authentication, refused where it is due."""
        if self.options.authentication != "none":
            self._hang_up("data before authorization; set the peer's user and password")
            return False
        if not self._ungreeted:
            self._ungreeted = True
            self._remarks.append(
                "data without a greeting: taken as it comes, but it cannot be resumed"
            )
        return True

    def _answer(self, message: Message | Malformed) -> None:
        match message:
            case Command("ping"):
                self._say(Ack("ping"))
            case Greeting():
                self._greet(message)
            case Noise():
                pass
            case RawController() if self.stage in ("greeting", "authorize"):
                self._admit()
            case _ if self.stage == "greeting":
                if not self._ungreeted:
                    self._hang_up(no_greeting(message))
            case Authorize():
                self._authorize(message)
            case Ack("getdata", fields) if self._pull.waiting:
                self._pull_ack(fields)
            case Ack(command, fields):
                self._ack(command, fields)
            case Err(command, text):
                self._err(command, text)
            case Blank() | Malformed():
                if isinstance(message, Blank) and message.location in self._starts.asked:
                    self._note({message.location: [message.seq]})
                if self._pull.due:
                    self._pull_line({})
            case _:
                pass

    def _greet(self, greeting: Greeting) -> None:
        self.peer_program = f"{greeting.program} {greeting.version}".strip()
        if greeting.protocol != PROTOCOL:
            self._hang_up(f"{self.peer_program} speaks {greeting.protocol}, not {PROTOCOL}")
            return
        self._starts.again()
        self._pull = Rounds(4 * self.options.pull_max)
        self._ungreeted = False
        self.connection_id = ""
        settings = self.options.settings()
        self._say(ServerGreeting(self.options.program, self.options.version, len(settings)))
        self._say(*settings)
        if self.options.authentication == "none":
            self._begin_asking()
        else:
            self.stage = "authorize"

    def _authorize(self, message: Authorize) -> None:
        if self.stage != "authorize":
            self._say(Err("authorize", "no authorization is due"))
        elif self.options.admits(message):
            self._say(Ack("authorize"))
            self._begin_asking()
        else:
            self._say(Err("authorize", "wrong user or password"))
            self._hang_up(f"user {message.user!r} did not authorize; compare user and password")

    # Questions, one at a time: some clients compare a whole TCP piece (PROTOCOLS 1.7, TC).

    def _begin_asking(self) -> None:
        self.stage = "asking"
        self._ask = deque(("getconnectionid", "geteventinfo", "getlocations"))
        if not self.options.connection_id:
            self._ask.popleft()
        self._next_question()

    def _next_question(self) -> None:
        if self._ask:
            self._asked = self._ask.popleft()
            self._say(Command(self._asked))
        else:
            self._asked = ""
            self._run()

    def _give_up_asking(self) -> None:
        """Ask all the rest at once; without an answer to the last, start whatever there is."""
        self._remarks.append(f"{self.peer_program} did not answer {self._asked}")
        last = self._asked == "getlocations"
        while self._ask:
            self._next_question()
        if last:
            self._starts.bare = True
            self._run()

    def _ack(self, command: str, fields: tuple[str, ...]) -> None:
        if command == "getconnectionid":
            self.connection_id = fields[0] if fields else ""
        elif command == "geteventinfo":
            name, id = (*fields[:2], "", "")[:2]
            self.event_info = EventInfo(name, id, "~".join(fields[2:]))
        elif command == "getlocations":
            for location in fields:
                if location not in self._starts.locations:
                    self._discover(location)
            if self._pull.listing:
                self._begin_round()
        elif command == "start":
            self._starts.answered(fields[0] if fields else "")
        if self.stage == "asking" and command == self._asked:
            self._next_question()

    def _err(self, command: str, text: str) -> None:
        if self.stage == "asking" and command in (self._asked, ""):
            if self._asked == "getconnectionid":
                self._remarks.append(
                    f"{self.peer_program} has no connection id: every location starts in full"
                )
            if self._asked == "getlocations":
                self._starts.bare = True
            self._next_question()
        elif command == "getlocations" and self._pull.listing:
            self._begin_round()
        elif command == "getdata" and self._pull.waiting:
            self._pull_refused(text)
        elif command == "start" and self._starts.acks:
            self._start_refused(text)
        elif command != "ping":
            self._remarks.append(f"{self.peer_program} refused {command or 'a command'}: {text}")

    # Starts.

    def _run(self) -> None:
        if self.stage == "asking":
            self.stage = "running"
        if self.options.stream_mode == "pull":
            self._begin_round()
        elif self._starts.bare:
            self._remarks.append(f"{self.peer_program} names no locations: all are started at once")
            self._say(Command("start"))
            self._starts.asked.update(dict.fromkeys(self._starts.locations, 0))
        else:
            for location in self._starts.locations:
                self._start(location)

    def _discover(self, location: str, *, flowing: bool = False) -> None:
        """Note a location; start it if it came late and its lines are not coming already."""
        problem = self._starts.note(location)
        if problem:
            self._remarks.append(f"{self.peer_program or 'the peer'} {problem}")
        if self.stage == "running" and self.options.stream_mode == "push":
            if flowing and self._starts.bare:
                self._starts.asked.setdefault(location, 0)
            else:
                self._start(location)

    def _start(self, location: str) -> None:
        seq = self._marks.mark(self.connection_id, location) if self.connection_id else 0
        command = self._starts.start(location, seq, acked=self.options.pushmode_ack)
        if command is not None:
            self._say(command)

    def _start_refused(self, text: str) -> None:
        location, seq = self._starts.refused(text)
        if not seq:
            self._remarks.append(f"{self.peer_program} cannot start {location}: {text}")
            return
        self._remarks.append(
            f"{self.peer_program} cannot resume {location} at {seq} ({text}): "
            "it is started in full, and what its buffer has dropped is missing"
        )
        self._marks.restart(self.connection_id, location)
        self._start(location)

    def _note(self, seqs: dict[str, list[int]]) -> None:
        for location, numbers in seqs.items():
            self._marks.see(self.connection_id, location, numbers)
            if self._pull.busy:
                self._pull.see(location, numbers)
        seqs.clear()

    # Pull mode.

    def _begin_round(self) -> None:
        self._pull.begin(self._starts.locations)
        self._pull_next()

    def _pull_next(self) -> None:
        location = self._pull.next()
        if not location:
            return
        seq = self._marks.floor(self.connection_id, location)
        self._starts.asked[location] = seq
        args = (str(self.options.pull_max), location)
        self._say(Command("getdata", (*args, str(seq)) if seq else args))

    def _pull_ack(self, fields: tuple[str, ...]) -> None:
        count = fields[0] if fields else ""
        if not count.isdecimal() or len(count) > 9:
            self._remarks.append(f"{self.peer_program} answered getdata with {count!r}")
            count = "0"
        self._pull.expect(int(count))
        if not self._pull.due:
            self._pull_next()

    def _pull_line(self, seqs: dict[str, list[int]]) -> None:
        """One of the lines that the last `getdata` promised, readable or not."""
        self._pull.due -= 1
        if not self._pull.due:
            self._note(seqs)
            self._pull_next()

    def _pull_refused(self, text: str) -> None:
        location, seq = self._pull.location, self._starts.asked.get(self._pull.location, 0)
        self._remarks.append(f"{self.peer_program} refused data of {location} from {seq}: {text}")
        self._pull.expect(0)
        if seq and location not in self._pull.refused:
            self._pull.refused.add(location)
            self._marks.restart(self.connection_id, location)
            self._pull.queue.appendleft(location)
        self._pull_next()
