"""What a scoring program may ask a running CTP01 client, and what the client bears (PROTOCOLS 1.3).

The pump here goes by hand: it is seen what is due after which command.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.around import around
from wire.ctp01 import MAX_LINE
from wire.ctp01_buffer import LineBuffer, due_lines
from wire.ctp01_client import MAX_HELD, MAX_WAITING, ClientOptions, ClientSession
from wire.ctp01_messages import DataLine
from wire.ctp01_nonsense import MAX_NONSENSE
from wire.errors import WireError

PUSH = ("stream-mode=push", "guntimes=true", "newlocations=true")
ACKED = (*PUSH, "pushmode-ack=true")


class Scoring:
    """A scoring program by hand: settings and commands to a client with lines at two mats."""

    def __init__(
        self,
        *pairs: str,
        start: int = 0,
        finish: int = 0,
        inclusive: bool = True,
        limit: int = 1000,
    ) -> None:
        self.buffer = LineBuffer(limit, ("start", "finish"))
        for location, count in (("start", start), ("finish", finish)):
            for _ in range(count):
                self.buffer.add(self.new(location))
        options = ClientOptions(connection_id="b6", inclusive=inclusive)
        self.client = ClientSession(options, self.buffer)
        assert self.say(f"S~1~{len(pairs)}", *pairs) == []

    def new(self, location: str, tag: str = "") -> DataLine:
        number = self.buffer.span(location)[1]
        tag = tag or f"{location[0]}{number}"
        return DataLine("CT01_33", number, location, tag, "08:00:00.00", 1, "R", 1)

    def say(self, *lines: str) -> list[str]:
        """The answers, without lines of data."""
        self.reply = self.client.receive("".join(f"{line}\r\n" for line in lines).encode())
        return self.reply.send.decode().splitlines()

    def due(self) -> list[str]:
        """All that is due, shortly: tags and answers."""
        said = b"".join(due_lines(self.client, self.buffer)).decode().splitlines()
        return [line.split("~")[3] if line.startswith("CT") else line for line in said]

    def pump(self, location: str) -> list[str]:
        """One line of a location, if one is due, and what follows it."""
        number = self.client.wants(location)
        if number is None:
            return []
        data = self.client.line(location, number, self.buffer.line(location, number))
        said = data.decode().splitlines()
        return [line.split("~")[3] if line.startswith("CT") else line for line in said]


# start and stop.


def test_a_start_is_acknowledged_before_its_lines_and_goes_on_with_new_ones() -> None:
    scoring = Scoring(*ACKED, finish=2)
    assert scoring.due() == []
    assert scoring.say("start~finish") == ["ack~start~finish"]
    assert scoring.due() == ["f1", "f2"]
    scoring.buffer.add(scoring.new("finish"))
    scoring.buffer.add(scoring.new("start"))
    assert scoring.due() == ["f3"]
    assert scoring.client.streams("finish")
    assert not scoring.client.streams("start")


def test_a_start_of_all_covers_the_locations_known_then() -> None:
    scoring = Scoring(*PUSH, start=1, finish=1)
    assert scoring.say("start") == []
    scoring.buffer.add(scoring.new("10k"))
    assert scoring.due() == ["s1", "f1"]
    scoring.say("start~10k")
    assert scoring.due() == ["11"]


@pytest.mark.parametrize("acked", [False, True])
def test_a_start_that_is_repeated_sends_nothing_again(acked: bool) -> None:
    scoring = Scoring(*(ACKED if acked else PUSH), start=1, finish=3)
    scoring.say("start~finish")
    assert scoring.pump("finish") == ["f1"]
    for _ in range(3):
        assert scoring.say("start~finish") == (["ack~start~finish"] if acked else [])
    assert scoring.due() == ["f2", "f3"]
    # One of all starts those that were not.
    assert scoring.say("start") == (["ack~start"] if acked else [])
    assert scoring.due() == ["s1"]


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_start_with_a_seq_goes_back_or_ahead_to_it(inclusive: bool) -> None:
    scoring = Scoring(*ACKED, finish=4, inclusive=inclusive)
    after = ["f3", "f4"] if inclusive else ["f4"]
    for _ in range(2):
        assert scoring.say("start~finish~3") == ["ack~start~finish"]
        assert scoring.due() == after
    assert scoring.say("start~finish~0") == ["ack~start~finish"]
    assert scoring.due() == ["f1", "f2", "f3", "f4"]


def test_a_start_after_a_stop_sends_everything_again() -> None:
    scoring = Scoring(*ACKED, finish=2)
    scoring.say("start~finish")
    assert scoring.pump("finish") == ["f1"]
    assert scoring.say("stop~finish") == ["ack~stop~finish"]
    assert scoring.due() == []
    scoring.buffer.add(scoring.new("finish"))
    assert scoring.due() == []
    assert scoring.say("stop~finish") == ["err~stop~finish~not started"]
    assert scoring.say("start~finish") == ["ack~start~finish"]
    assert scoring.due() == ["f1", "f2", "f3"]
    assert scoring.say("stop", "stop") == ["ack~stop", "ack~stop"]
    assert not scoring.client.streams("finish")


@pytest.mark.parametrize("seq", ["5", "3", "999999999", "1000000"])
def test_a_seq_that_is_not_there_is_refused_where_that_is_heard(seq: str) -> None:
    """3 is dropped, 5 has not been yet."""
    for pairs, answers, due in (
        (ACKED, [f"err~start~finish~sequence {seq} is not here"], []),
        (PUSH, [], ["f4"]),
    ):
        scoring = Scoring(*pairs, start=1, finish=4, limit=1)
        assert scoring.say(f"start~finish~{seq}") == answers
        assert scoring.due() == due
        # Once it streams, a refusal leaves it where it is.
        scoring.say("start~finish")
        scoring.due()
        assert scoring.say(f"start~finish~{seq}") == answers
        assert scoring.due() == due


def test_a_refused_start_of_all_starts_nothing() -> None:
    scoring = Scoring(*ACKED, start=3, finish=1)
    assert scoring.say("start~~2") == ["err~start~~sequence 2 is not here"]
    assert scoring.due() == []
    assert scoring.say("start~~1") == ["ack~start"]
    assert scoring.due() == ["s1", "s2", "s3", "f1"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("start~10k", "err~start~10k~unknown location"),
        ("start~finish~x", "err~start~finish~not a sequence number"),
        ("start~finish~-1", "err~start~finish~not a sequence number"),
        ("start~finish~1234567890", "err~start~finish~not a sequence number"),
        ("stop~10k", "err~stop~10k~not started"),
        ("getdata~9", "err~getdata~the stream mode is push"),
        ("Start~finish", "err~~unknown command"),
    ],
)
def test_invalid_commands_are_answered_and_change_nothing(said: str, answer: str) -> None:
    scoring = Scoring(*ACKED, finish=1)
    assert scoring.say(said) == [answer]
    assert scoring.due() == []
    quiet = Scoring(*PUSH, finish=1)
    assert quiet.say(said) == ([] if said.startswith("st") else [answer])


def test_filters_hold_back_lines_that_count_as_passed() -> None:
    scoring = Scoring("stream-mode=push")
    for tag in ("newlocation", "guntime", "9"):
        scoring.buffer.add(scoring.new("start", tag))
    scoring.say("start")
    assert scoring.pump("start") == scoring.pump("start") == []
    assert scoring.client.reached("start") == 3
    assert scoring.due() == ["9"]
    scoring.say("guntimes=true", "start~start~1")
    assert scoring.due() == ["guntime", "9"]
    scoring.say("newlocations=true", "start~start~1")
    assert scoring.due() == ["newlocation", "guntime", "9"]


# getdata.


def test_exactly_the_promised_lines_follow_and_then_what_waited() -> None:
    scoring = Scoring(start=1, finish=4)
    said = scoring.say("getdata~3~finish", "ping", "getdata~3~finish", "frobnicate")
    assert said == ["ack~getdata~3"]
    assert scoring.client.owed == 3
    assert (scoring.client.wants("start"), scoring.client.wants("finish")) == (None, 1)
    assert scoring.pump("finish") == ["f1"]
    assert scoring.say("getlocations") == []
    assert scoring.pump("finish") == ["f2"]
    assert scoring.pump("finish") == ["f3", "ack~ping", "ack~getdata~1"]
    assert scoring.pump("finish") == [
        "f4", "err~~unknown command", "ack~getlocations~start~finish",
    ]  # fmt: skip
    assert scoring.say("ping") == ["ack~ping"]


def test_who_repeats_getdata_without_a_seq_gets_on() -> None:
    scoring = Scoring(finish=5)
    assert scoring.say("getdata~2~finish") == ["ack~getdata~2"]
    assert scoring.due() == ["f1", "f2"]
    assert scoring.say("getdata~2~finish") == ["ack~getdata~2"]
    assert scoring.due() == ["f3", "f4"]
    assert scoring.say("getdata~2") == ["ack~getdata~1"]
    assert scoring.due() == ["f5"]
    assert scoring.say("getdata~2~finish", "getdata~2") == ["ack~getdata~0"] * 2
    scoring.buffer.add(scoring.new("finish"))
    assert scoring.say("getdata~2~finish") == ["ack~getdata~1"]
    assert scoring.due() == ["f6"]
    # A seq goes back, and it goes on from there; 0 is before the first.
    assert scoring.say("getdata~2~finish~2") == ["ack~getdata~2"]
    assert scoring.due() == ["f2", "f3"]
    assert scoring.say("getdata~1~finish") == ["ack~getdata~1"]
    assert scoring.due() == ["f4"]
    assert scoring.say("getdata~1~finish~0") == ["ack~getdata~1"]
    assert scoring.due() == ["f1"]


def test_lines_of_all_locations_are_taken_in_the_pumps_order() -> None:
    scoring = Scoring(start=3, finish=3)
    assert scoring.say("getdata~4") == ["ack~getdata~4"]
    assert scoring.pump("finish") + scoring.pump("start") + scoring.pump("finish") == [
        "f1", "s1", "f2",
    ]  # fmt: skip
    assert (scoring.client.owed, scoring.client.wants("start")) == (1, 2)
    assert scoring.pump("start") == ["s2"]
    assert scoring.client.wants("start") is scoring.client.wants("finish") is None
    # A seq says nothing where each location has its own, unless it is 0.
    assert scoring.say("getdata~9~~2") == ["ack~getdata~2"]
    assert scoring.due() == ["s3", "f3"]
    assert scoring.say("getdata~9~~0") == ["ack~getdata~6"]


def test_a_location_that_comes_up_while_all_are_owed_may_take_its_share() -> None:
    scoring = Scoring(start=2)
    scoring.say("getdata~9")
    scoring.buffer.add(scoring.new("10k"))
    assert scoring.pump("10k") == ["11"]
    assert scoring.due() == ["s1"]
    assert scoring.say("getdata~9") == ["ack~getdata~1"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("getdata", "err~getdata~not a number"),
        ("getdata~", "err~getdata~not a number"),
        ("getdata~-1", "err~getdata~not a number"),
        ("getdata~5~finish~x", "err~getdata~not a number"),
        ("getdata~5~10k", "err~getdata~unknown location"),
        ("getdata~5~finish~4", "err~getdata~sequence 4 is not here"),
        ("getdata~0~finish", "ack~getdata~0"),
        ("getdata~5~finish~3", "ack~getdata~0"),  # the next one to come: it has everything
        ("getdata~5~start~1", "ack~getdata~0"),
        ("getdata~5~start~2", "err~getdata~sequence 2 is not here"),
    ],
)
def test_getdata_for_what_is_not_there(said: str, answer: str) -> None:
    scoring = Scoring(finish=2)
    assert scoring.say(said) == [answer]
    assert scoring.due() == []


def test_filters_do_not_affect_pull() -> None:
    scoring = Scoring("stream-mode=pull")
    for tag in ("newlocation", "guntime", "9"):
        scoring.buffer.add(scoring.new("start", tag))
    assert scoring.say("getdata~9") == ["ack~getdata~3"]
    assert scoring.due() == ["newlocation", "guntime", "9"]


def test_a_start_in_pull_mode_starts_nothing() -> None:
    scoring = Scoring("pushmode-ack=true", finish=1)
    assert scoring.say("start~finish") == ["err~start~the stream mode is pull"]
    scoring.say("stream-mode=push")
    assert scoring.due() == []


def test_a_getdata_that_waited_may_be_for_an_earlier_location() -> None:
    scoring = Scoring(start=1, finish=1)
    assert scoring.say("getdata~1~finish", "getdata~1~start") == ["ack~getdata~1"]
    assert scoring.due() == ["f1", "ack~getdata~1", "s1"]


# Lines that are not due.


def test_a_line_that_is_not_wanted_any_more_changes_nothing() -> None:
    scoring = Scoring(*PUSH, finish=3)
    line = scoring.buffer.line("finish", 1)
    assert scoring.client.line("finish", 1, line) == b""
    scoring.say("start~finish")
    assert scoring.client.line("finish", 2, line) == b""
    assert scoring.client.wants("finish") == 1
    scoring.say("stop")
    assert scoring.client.line("finish", 1, line) == b""
    assert scoring.client.wants("nowhere") is scoring.client.reached("nowhere") is None


def test_nothing_is_due_to_a_peer_that_was_left() -> None:
    scoring = Scoring(*PUSH, finish=1)
    scoring.say("start~finish", *["what"] * (MAX_NONSENSE + 1))
    assert scoring.client.stage == "closed"
    assert scoring.client.wants("finish") is None
    assert scoring.due() == announced(scoring) == []


def test_a_line_that_cannot_be_sent_is_not_passed() -> None:
    scoring = Scoring(*PUSH, finish=1)
    scoring.say("start~finish")
    with pytest.raises(WireError, match="cannot be sent"):
        scoring.client.line("finish", 1, scoring.new("finish", "9~9"))
    assert scoring.due() == ["f1"]


# Announcements.


def announced(scoring: Scoring, location: str = "10k") -> list[str]:
    line = scoring.new(location, "newlocation")
    scoring.buffer.add(line)
    return scoring.client.announce(line).decode().splitlines()


def test_a_new_location_is_told_before_any_start_and_again_with_one() -> None:
    scoring = Scoring(*PUSH)
    told = announced(scoring)
    assert told == ["CT01_33~1~10k~newlocation~08:00:00.00~1~R~1"]
    assert scoring.say("start~10k") == []
    assert scoring.due() == ["newlocation"]
    assert announced(Scoring("stream-mode=push")) == announced(Scoring()) == []


def test_an_announcement_waits_for_the_settings_and_for_the_id() -> None:
    scoring = Scoring(*PUSH, "connection-id=true")
    assert announced(scoring) == []
    assert scoring.say("getlocations") == ["ack~getlocations~start~finish~10k"]
    told = scoring.say("getconnectionid")
    assert told[0] == "ack~getconnectionid~b6"
    assert told[1].startswith("CT01_33~1~10k~newlocation~")
    assert scoring.say("getconnectionid") == ["ack~getconnectionid~b6"]

    early = ClientSession(ClientOptions(), scoring.buffer)
    assert early.announce(scoring.new("10k", "newlocation")) == b""
    reply = early.receive(b"S~1~2\r\nstream-mode=push\r\nnewlocations=true\r\n")
    assert b"~newlocation~" in reply.send


def test_a_started_location_announces_itself_by_its_line_alone() -> None:
    scoring = Scoring(*PUSH, "connection-id=true")
    assert announced(scoring) == []
    scoring.say("start~10k")
    assert scoring.say("getconnectionid") == ["ack~getconnectionid~b6"]
    assert scoring.due() == ["newlocation"]


@pytest.mark.parametrize("more", [-1, 0, 1, 10])
def test_announcements_that_wait_are_bounded(more: int) -> None:
    scoring = Scoring(*PUSH, "connection-id=true")
    for n in range(MAX_HELD + more):
        announced(scoring, f"mat {n}")
    _, *told = scoring.say("getconnectionid")
    assert [line.split("~")[2] for line in told] == [
        f"mat {n}" for n in range(max(0, more), MAX_HELD + more)
    ]


# What is borne, and how long.


@around
def test_commands_that_wait_are_bounded(more: int) -> None:
    scoring = Scoring(finish=2)
    before, after = MAX_WAITING - 1, "ack~getlocations~start~finish"
    assert scoring.say("getdata~2", *["getdata~1"] * before) == ["ack~getdata~2"]
    refused = ["err~getlocations~too many commands wait"] * (more > 0)
    assert scoring.say(*["getlocations"] * (1 + more)) == refused
    assert scoring.say("ping") == [], "lines that come are answer enough"
    answers = [*["ack~getdata~0"] * before, *[after] * min(1, 1 + more)]
    assert scoring.due() == ["f1", "f2", *answers, *["ack~ping"] * (more < 0)]


@around
@pytest.mark.parametrize("junk", ["\x16\x03\x01", "what"])
def test_nonsense_without_end_is_left(junk: str, more: int) -> None:
    scoring = Scoring(*PUSH)
    for _ in range(3):
        assert scoring.say(*[junk] * MAX_NONSENSE) == ["err~~unknown command"] * MAX_NONSENSE
        assert scoring.say("8", "OK", "ping") == ["ack~ping"]
    scoring.say(*[junk] * (MAX_NONSENSE - 1), "8")
    assert scoring.reply.close == ""
    scoring.say(*[junk] * (1 + more))
    words = f"S 1 sent {MAX_NONSENSE + 1} lines in a row that are not CTP01"
    assert scoring.reply.close == (words if more > 0 else "")
    assert scoring.say("ping") == ([] if more > 0 else ["ack~ping"])


def test_heartbeats_without_end_are_borne() -> None:
    scoring = Scoring(*PUSH)
    assert scoring.say(*["8", "OK", ""] * MAX_NONSENSE, "ping") == ["ack~ping"]
    assert scoring.reply.close == ""


def test_nonsense_where_settings_or_an_authorization_are_due_is_left_too() -> None:
    for said in ("S~1~1\r\nauthentication=plaintext\r\n", "S~1~9\r\n"):
        client = ClientSession(ClientOptions(), LineBuffer())
        client.receive(said.encode())
        replies = [client.receive(b"what?\r\n") for _ in range(MAX_NONSENSE + 1)]
        assert [bool(reply.close) for reply in replies] == [False] * MAX_NONSENSE + [True]


@pytest.mark.parametrize("piece", [1, 1000, 65_536])
def test_a_line_without_end_is_left(piece: int) -> None:
    client = ClientSession(ClientOptions(), LineBuffer())
    client.receive(b"S~1~0\r\n")
    data = b"x" * piece
    total = 0
    while client.stage == "running":
        reply = client.receive(data)
        total += piece
        assert total < 2 * MAX_NONSENSE * MAX_LINE
    assert "without the end of a line" in reply.close
    assert total > MAX_NONSENSE * MAX_LINE


@given(st.lists(st.sampled_from(
    ["start", "start~finish", "start~finish~2", "stop", "getdata~2", "getdata~1~finish~1",
     "stream-mode=pull", "stream-mode=push", "pushmode-ack=true", "ping", "nonsense"],
)))  # fmt: skip
def test_any_order_of_commands_keeps_every_promise(said: list[str]) -> None:
    """Between `ack~getdata~N` and the next answer there are N lines, whatever else is said."""
    scoring = Scoring(start=2, finish=3)
    heard: list[str] = []
    for text in said:
        heard += scoring.say(text)
        heard += scoring.pump("finish")
    heard += scoring.due()
    owed = 0
    for text in heard:
        if text.startswith(("ack", "err")):
            assert owed == 0
            owed = int(text[12:]) if text.startswith("ack~getdata~") else 0
        else:
            owed = max(0, owed - 1)
    assert owed == 0
