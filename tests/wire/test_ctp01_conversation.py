"""Both sides of CTP01 joined by a pump that cuts bytes anywhere: nothing is lost."""

from collections.abc import Iterator
from random import Random
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.ctp01_talk import happen, hear
from wire.ctp01 import Authentication, ClientDecoder, DataLine, EventInfo, Message, Reply
from wire.ctp01_buffer import LineBuffer
from wire.ctp01_client import ClientOptions, ClientSession
from wire.ctp01_lines import render_time
from wire.ctp01_marks import MAX_IDS, ROLLOVER_MARGIN, WINDOW, Marks
from wire.ctp01_messages import MAX_SEQ
from wire.ctp01_server import ServerOptions, ServerSession
from wire.errors import Malformed, WireError

Key = tuple[str, int, str, str]


def key(line: DataLine) -> Key:
    return line.location, line.seq, line.tag, line.time


class Meet:
    """A client's buffer, a server's durable record, and the connections between them."""

    def __init__(self, client: ClientOptions, server: ServerOptions, seed: int = 0) -> None:
        self.client_options = client
        self.server_options = server
        self.buffer = LineBuffer()
        self.random = Random(seed)
        self.received: list[DataLine] = []
        self.marks = Marks()
        self.closed: list[str] = []
        self.remarks: list[str] = []
        self.starts: list[str] = []

    def connect(self, fresh: Iterator[DataLine], cut: int | None) -> None:
        """One connection, ended after `cut` bytes reached the server, or when all is quiet.

        `fresh` yields lines that happen meanwhile. The record's marks are made
        as a log's reader makes them, from the bytes alone.
        """
        self.server = ServerSession(self.server_options, self.marks.table())
        self.client = ClientSession(self.client_options, self.buffer)
        record, id = ClientDecoder(), ""
        up, down = self.client.greeting(), b""
        left = cut
        polled = False
        for _ in range(100_000):  # far more pieces than there are; talk without end fails
            line = next(fresh, None) if self.random.random() < 0.3 else None
            if line is not None:
                up += happen(self.client, self.buffer, line)
            if up:
                size = self.random.randint(1, self.random.choice((3, 40, 400)))
                size = size if left is None else min(size, left)
                piece, up = up[:size], up[size:]
                reply = self.server.receive(piece)
                assert record.feed(piece) == list(reply.messages)
                id, _ = self.marks.observe(id, reply.messages)
                down += self.take(reply)
                if left is not None:
                    left -= len(piece)
                    if not left:
                        return
            elif down:
                size = self.random.randint(1, self.random.choice((3, 40, 400)))
                piece, down = down[:size], down[size:]
                reply = hear(self.client, self.buffer, piece)
                up += reply.send
                self.closed += [reply.close] if reply.close else []
            elif (line := next(fresh, None)) is not None:
                up += happen(self.client, self.buffer, line)
                polled = False
            elif not polled:
                polled = True
                down += self.server.poll()
            else:
                return
        raise AssertionError("the two sides talk without end")

    def take(self, reply: Reply) -> bytes:
        self.received += [m for m in reply.messages if isinstance(m, DataLine)]
        assert not [m for m in reply.messages if isinstance(m, Malformed)]
        self.closed += [reply.close] if reply.close else []
        self.remarks += reply.remarks
        self.starts += [ln for ln in reply.send.decode().split("\r\n") if ln.startswith("start")]
        return reply.send

    def keys(self) -> set[Key]:
        return {key(line) for line in self.received}


def some_lines(
    random: Random, locations: int, count: int, numbering: str, *, swaps: bool, first: int = 1
) -> list[DataLine]:
    """Announced locations, guns and tags in the order of sending; seqs per location or across."""
    names = [f"mat {n}" for n in range(locations)]
    order = [random.choice(names) for _ in range(count)]
    counters: dict[str, int] = {}
    lines: list[DataLine] = []
    for place, name in enumerate([*names, *order]):
        counter = name if numbering == "each" else ""
        counters[counter] = seq = counters.get(counter, first - 1) + 1
        tag = "newlocation" if place < locations else random.choice(("guntime", "12", "3132"))
        time = f"2025-06-01T08:30:{place % 60:02d}.{place % 100:02d}"
        lines.append(DataLine("CT01_33", seq, name, tag, time, 1, "23H016", 2))
    if swaps:  # neighbours of one location overtake each other
        for name in names:
            at = [i for i, line in enumerate(lines) if line.location == name and i >= locations]
            for a, b in zip(at[::2], at[1::2], strict=False):
                if random.random() < 0.5:
                    lines[a], lines[b] = lines[b], lines[a]
    return lines


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(1, 6000), max_size=5),
    inclusive=st.booleans(),
    resume=st.sampled_from(("place", "number")),
    id=st.sampled_from(("b61731be00", None)),
    mode=st.sampled_from(("push", "pull")),
    numbering=st.sampled_from(("each", "across")),
    acks=st.booleans(),
    swaps=st.booleans(),
    locations=st.integers(1, 3),
    count=st.integers(0, 150),
    first=st.sampled_from((1, 2000)),
)
def test_nothing_is_lost_wherever_the_connection_is_cut(
    *,
    seed: int,
    cuts: list[int],
    inclusive: bool,
    resume: Literal["place", "number"],
    id: str | None,
    mode: Literal["push", "pull"],
    numbering: str,
    acks: bool,
    swaps: bool,
    locations: int,
    count: int,
    first: int,
) -> None:
    random = Random(seed)
    lines = some_lines(random, locations, count, numbering, swaps=swaps, first=first)
    meet = Meet(
        ClientOptions(connection_id=id, inclusive=inclusive, resume=resume),
        ServerOptions(stream_mode=mode, pushmode_ack=acks, pull_max=2 * WINDOW),
        seed,
    )
    fresh = iter(lines)
    for cut in cuts:
        meet.connect(fresh, cut)
    meet.connect(fresh, None)
    assert meet.keys() == {key(line) for line in lines}
    assert meet.closed == []


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("resume", ["place", "number"])
def test_a_cut_between_swapped_neighbours_at_every_byte(
    inclusive: bool, resume: Literal["place", "number"]
) -> None:
    """5 arrives before 4, and the cut falls between them, or anywhere else."""
    order = [1, 2, 3, 5, 4, 6, 8, 7]
    lines = [
        DataLine("CT01_33", n, "finish", f"t{n}", "2025-06-01T08:30:00.00", 1, "R", 1)
        for n in order
    ]
    total = 700
    for cut in range(1, total, 3):
        options = ClientOptions(connection_id="x", inclusive=inclusive, resume=resume)
        meet = Meet(options, ServerOptions(), cut)
        for line in lines:
            meet.buffer.add(line)
        meet.connect(iter(()), cut)
        meet.connect(iter(()), None)
        assert meet.keys() == {key(line) for line in lines}


def test_a_session_hands_its_own_marks_to_the_next() -> None:
    lines = some_lines(Random(3), 2, 40, "each", swaps=True)
    meet = Meet(ClientOptions(connection_id="x", inclusive=False, resume="number"), ServerOptions())
    fresh = iter(lines)
    for cut in (500, 900, 1300, None):
        meet.connect(fresh, cut)
        meet.marks = Marks.of(meet.server.marks)
    assert meet.keys() == {key(line) for line in lines}


def test_the_usual_resume_asks_for_the_last_line_seen() -> None:
    meet = Meet(ClientOptions(connection_id="x"), ServerOptions())
    lines = some_lines(Random(1), 1, 50, "each", swaps=False)
    meet.connect(iter(lines), None)
    before = len(meet.received)
    meet.connect(iter(()), None)
    assert meet.starts == ["start~mat 0", "start~mat 0~51"]
    assert [line.seq for line in meet.received[before:]] == [51]


def test_a_dropped_buffer_starts_in_full_and_says_so() -> None:
    meet = Meet(ClientOptions(connection_id="x"), ServerOptions())
    lines = some_lines(Random(1), 1, 60, "each", swaps=False)
    meet.connect(iter(lines[:10]), None)
    meet.buffer = LineBuffer(limit=5)
    for line in lines[10:]:
        meet.buffer.add(line)
    meet.connect(iter(()), None)
    assert meet.starts[-2:] == ["start~mat 0~10", "start~mat 0"]
    assert {line.seq for line in lines[-5:]} <= {line.seq for line in meet.received}
    assert any("cannot resume mat 0 at 10" in remark for remark in meet.remarks)


def test_a_changed_id_starts_in_full() -> None:
    meet = Meet(ClientOptions(connection_id="x"), ServerOptions())
    meet.connect(iter(some_lines(Random(1), 1, 9, "each", swaps=False)), None)
    meet.client_options = msgspec.structs.replace(meet.client_options, connection_id="y")
    meet.connect(iter(()), None)
    assert meet.starts == ["start~mat 0", "start~mat 0"]


METHODS: list[Authentication] = [
    "none", "plaintext", "hmac-sha1", "hmac-md5", "seed-sha1", "seed-md5",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_authentication_between_both(method: Authentication) -> None:
    lines = some_lines(Random(2), 2, 20, "each", swaps=False)
    server = ServerOptions(authentication=method, user="meet", password="p~w", seed="s1")
    meet = Meet(ClientOptions(user="meet", password="p~w"), server)
    meet.connect(iter(lines), None)
    assert meet.keys() == {key(line) for line in lines}
    wrong = Meet(ClientOptions(user="meet", password="guess"), server)
    wrong.connect(iter(lines), None)
    assert bool(wrong.received) == (method == "none")
    assert [("authoriz" in reason) for reason in wrong.closed] == (
        [] if method == "none" else [True, True]
    )


def test_what_a_client_tells_of_itself() -> None:
    event = EventInfo("LA08", "12", "Los Angeles Marathon 2008")
    meet = Meet(ClientOptions(event=event, connection_id="b6"), ServerOptions())
    meet.buffer.open("start")
    meet.connect(iter(()), None)
    assert meet.server.event_info == event
    assert meet.server.connection_id == "b6"
    assert meet.server.locations == ("start",)
    assert meet.client.peer_program == "meetlog 0.1.0"


TIMES = [
    ("iso", "2008-10-16T14:02:15.31"),
    ("normal", "14:02:15.31"),
    ("unix", "1224165735.31"),
    ("msecs", "50535310"),
]


@pytest.mark.parametrize(("form", "text"), TIMES)
@pytest.mark.parametrize("tagevent_format", ["CT01_33", "CT01_13", "CT01_52"])
def test_time_and_line_formats_are_obeyed(
    form: Literal["iso", "normal", "unix", "msecs"], text: str, tagevent_format: str
) -> None:
    line = DataLine("CT01_33", 1, "a", "9", "2008-10-16T14:02:15.31", 1, "R", 1)
    server = ServerOptions(time_format=form, tagevent_format=tagevent_format)
    meet = Meet(ClientOptions(), server)
    meet.buffer.open("a")
    meet.connect(iter([line]), None)
    assert meet.received == [msgspec.structs.replace(line, time=text, format=tagevent_format)]


@pytest.mark.parametrize(
    ("form", "text"),
    [("normal", "102:12:32.37"), ("iso", "102:12:32.37"), ("unix", "102:12:32.37"),
     ("msecs", "367952370")],
)  # fmt: skip
def test_hours_past_24_have_no_date_to_write(form: str, text: str) -> None:
    assert render_time("102:12:32.37", form) == text
    assert render_time("no time", form) == "no time"


# The client alone: what it may and may not do.


class Scoring:
    """A scripted server before a client: settings, then commands."""

    def __init__(self, *pairs: str, options: ClientOptions | None = None) -> None:
        self.buffer = LineBuffer(locations=("a",))
        self.client = ClientSession(options or ClientOptions(), self.buffer)
        self.greeting = self.client.greeting()
        self.answer = self.say(f"RunScore~Version 6.5 Level 2007.09.26~{len(pairs)}", *pairs)

    def say(self, *lines: str) -> list[str]:
        data = "".join(f"{line}\r\n" for line in lines).encode()
        self.last = hear(self.client, self.buffer, data)
        return self.last.send.decode().split("\r\n")[:-1]

    def happen(self, seq: int, tag: str = "9", location: str = "a") -> list[str]:
        line = DataLine("CT01_33", seq, location, tag, "2008-10-16T14:02:15.31", 1, "R", 1)
        return happen(self.client, self.buffer, line).decode().split("\r\n")[:-1]


def test_the_greeting_goes_alone() -> None:
    assert Scoring().greeting == b"SimpleClient~0.5.0~CTP01\r\n"


def test_without_settings_the_defaults_hold() -> None:
    scoring = Scoring()
    assert scoring.client.stage == "running"
    scoring.happen(1)
    assert scoring.say("start~a") == []
    assert scoring.say("getdata~5~a") == ["ack~getdata~1", "CT01_33~1~a~9~14:02:15.31~1~R~1"]
    assert scoring.say("getdata~5~b", "getdata~x", "getdata") == [
        "err~getdata~unknown location", "err~getdata~not a number", "err~getdata~not a number",
    ]  # fmt: skip
    assert scoring.say("getdata~5~a~7") == ["err~getdata~sequence 7 is not here"]


def test_racemaps_server() -> None:
    """RM sends five settings and `authorize` itself, and repeats `start` for ever."""
    scoring = Scoring(
        "guntimes=true", "newlocations=true", "connection-id=false", "stream-mode=push",
        "time-format=iso",
    )  # fmt: skip
    scoring.happen(1)
    data = "CT01_33~1~a~9~2008-10-16T14:02:15.31~1~R~1"
    assert scoring.say("authorize") == ["err~~unknown command"]
    assert scoring.say("start~a") == [data]
    assert scoring.say("start~a", "start~a") == []
    assert scoring.say("start~a~1") == [data]
    assert scoring.say("ping", "OK", "8", "") == ["ack~ping"]
    assert len(scoring.happen(2, "newlocation", "b")) == 1


def test_announcements_are_held_until_the_id_is_asked_for() -> None:
    scoring = Scoring("stream-mode=push", "newlocations=true", "connection-id=true")
    assert scoring.happen(1, "newlocation", "b") == []
    assert scoring.say("getlocations") == ["ack~getlocations~a~b"]
    told = scoring.say("getconnectionid")
    assert told[0] == "err~getconnectionid~unknown command"
    assert told[1].startswith("CT01_33~1~b~newlocation~")


def test_filters_and_acks_and_stop() -> None:
    scoring = Scoring("stream-mode=push", "pushmode-ack=true")
    assert scoring.say("start~nowhere") == ["err~start~nowhere~unknown location"]
    assert scoring.say("stop~a") == ["err~stop~a~not started"]
    assert scoring.say("start~a~x") == ["err~start~a~not a sequence number"]
    assert scoring.say("start") == ["ack~start"]
    assert scoring.happen(1, "guntime") == scoring.happen(2, "newlocation", "b") == []
    assert len(scoring.happen(3)) == 1
    assert scoring.say("stop~a") == ["ack~stop~a"]
    assert scoring.happen(4) == []
    assert scoring.say("start~a~3")[0] == "ack~start~a"
    assert scoring.say("stop", "getdata~1") == ["ack~stop", "err~getdata~the stream mode is push"]
    assert scoring.say("frobnicate", "\x01") == ["err~~unknown command"] * 2


def test_formats_that_cannot_be_are_written_as_ct01_33() -> None:
    scoring = Scoring("stream-mode=push", "tagevent-format=CT01_38")
    scoring.say("start")
    assert scoring.happen(1)[0].startswith("CT01_33~1~a~")
    comma = Scoring("stream-mode=push", "tagevent-format=CT01_13")
    comma.buffer.open("a,b")
    comma.say("start")
    assert comma.happen(1, location="a,b")[0].startswith("CT01_33~1~a,b~")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x15\x03\x03\x00\x02\x02\x28\r\n", "no CTP01 scoring program"),
        (b"start~a\r\n", "instead of a greeting"),
        (b"RunScore~6~900\r\n", "announces 900 settings"),
        (b"RunScore~6~900900900\r\n", "announces 900900900 settings"),
        (b"RunScore~6~1\r\nauthentication=rot13\r\n", "unknown authentication"),
    ],
)
def test_what_is_no_scoring_program(data: bytes, reason: str) -> None:
    buffer = LineBuffer()
    client = ClientSession(ClientOptions(), buffer)
    reply = client.receive(data)
    assert reason in reply.close
    assert reply.send == b""
    line = DataLine("CT01_33", 1, "a", "newlocation", "14:02:15.31")
    assert happen(client, buffer, line) == b""
    assert client.receive(b"ping\r\n").send == b""


@given(st.binary(max_size=200))
def test_neither_side_breaks_on_garbage(data: bytes) -> None:
    for prefix in (b"", b"A~1~CTP01\r\n", b"A~1~CTP01\r\nack~getconnectionid~x\r\n"):
        ServerSession(ServerOptions(), {}).receive(prefix + data)
    for prefix in (b"", b"A~1~0\r\n", b"A~1~1\r\nstream-mode=push\r\n"):
        ClientSession(ClientOptions(), LineBuffer()).receive(prefix + data)


def test_what_cannot_be_sent_is_refused_beforehand() -> None:
    with pytest.raises(WireError, match="cannot be sent"):
        LineBuffer(locations=("a~b",))
    with pytest.raises(WireError, match="cannot be sent"):
        ClientSession(ClientOptions(connection_id="a~b"), LineBuffer())


# Marks.


def test_marks_stay_below_a_hole_until_it_has_passed() -> None:
    marks = Marks()
    marks.see("x", "a", [1, 2, 3])
    assert marks.mark("x", "a") == 3
    marks.see("x", "a", [5])
    assert marks.mark("x", "a") == 3
    marks.see("x", "a", [4])
    assert marks.mark("x", "a") == 5
    marks.see("x", "a", [4, 5])
    assert marks.windows["x"]["a"] == [0, 1, 2, 3, 5, 4]
    marks.see("x", "a", range(100, 100 + WINDOW))
    assert marks.mark("x", "a") == 100 + WINDOW - 1
    assert len(marks.windows["x"]["a"]) == WINDOW


def test_marks_near_the_rollover_ask_for_everything() -> None:
    near = MAX_SEQ - ROLLOVER_MARGIN
    assert Marks.of({"x": {"a": near}}).mark("x", "a") == near
    assert Marks.of({"x": {"a": near + 1}}).mark("x", "a") == 0
    marks = Marks.of({"x": {"a": MAX_SEQ - 1}})
    marks.see("x", "a", [MAX_SEQ, 1, 2])
    assert marks.mark("x", "a") == 0
    marks.see("x", "a", range(3, 3 + WINDOW))
    assert marks.mark("x", "a") == 2 + WINDOW


def test_marks_follow_a_connection_passively_and_survive_saving() -> None:
    marks = Marks()
    data = (
        b"SimpleClient~0.5.0~CTP01\r\nCT01_33~1~a~9~1:00:00~1~R~1\r\n"
        b"ack~getconnectionid~x\r\nCT01_33~1~a~9~1:00:00~1~R~1\r\nCT01_33~2~a~~~0~~0\r\n"
    )
    messages: list[Message | Malformed] = ClientDecoder().feed(data)
    assert marks.observe("", messages) == ("x", [("x", "a", 2)])
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(marks), type=Marks)
    assert saved.table() == {"x": {"a": 2}}
    assert saved.observe("x", ClientDecoder().feed(b"ack~ping\r\n")) == ("x", [])


@pytest.mark.parametrize("more", [-1, 0, 1, 5])
def test_old_connection_ids_are_forgotten(more: int) -> None:
    marks = Marks()
    for n in range(MAX_IDS + more):
        marks.see(f"id{n}", "a", [1])
    assert list(marks.table()) == [f"id{n}" for n in range(max(0, more), MAX_IDS + more)]
    assert marks.mark("id0", "a") == (0 if more > 0 else 1)
