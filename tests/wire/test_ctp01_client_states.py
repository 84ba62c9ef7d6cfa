"""The order of a CTP01 conversation as a table: what a client does, stage by stage (PROTOCOLS 1.1).

Rows are what a server may say, columns the stages in which it may come. A
cell is what the client sends, `> stage` where it goes on to another one, and
`! words` where it hangs up; "" is nothing at all. Lines are separated by `|`.
"""

import hashlib
import hmac
from collections.abc import Iterator
from typing import get_args

import pytest

from tests.kit.around import around
from tests.kit.ctp01_talk import hear
from wire.ctp01_buffer import LineBuffer
from wire.ctp01_client import MAX_SETTINGS, ClientOptions, ClientSession, Stage
from wire.ctp01_messages import DataLine, EventInfo
from wire.ctp01_options import DEFAULTS
from wire.errors import WireError

OPTIONS = ClientOptions(
    user="timer",
    password="secret",
    event=EventInfo("LA08", "12", "Los Angeles Marathon 2008"),
    connection_id="b61731be00",
)
GREETING = "RunScore~Version 6.5 Level 2007.09.26"
# What brings a client into each stage, and what it has sent by then after its greeting.
STAGES: dict[Stage, tuple[list[str], str]] = {
    "greeting": ([], ""),
    "settings": ([f"{GREETING}~3", "stream-mode=push", "pushmode-ack=true"], ""),
    "authorize": (
        [f"{GREETING}~3", "stream-mode=push", "pushmode-ack=true", "authentication=plaintext"],
        "authorize~timer~secret",
    ),
    "running": ([f"{GREETING}~2", "stream-mode=push", "pushmode-ack=true"], ""),
    "closed": (["\x16\x03\x01"], ""),
}
LINE = "CT01_33~1~finish~3132~08:30:22.04~1~23H016~1"
ID = "ack~getconnectionid~b61731be00"
EVENT = "ack~geteventinfo~LA08~12~Los Angeles Marathon 2008"
PLACES = "ack~getlocations~start~finish"
BEGAN = "! the server began with"
NONE = "! no CTP01 scoring program"
DUNNO = "err~~unknown command"
REFUSED = "! RunScore Version 6.5 Level 2007.09.26 refused our authorization"
PUSHING = "err~getdata~the stream mode is push"

# What is said, and what then happens in greeting, settings (one is still due), authorize, running.
TABLE: list[tuple[str, ...]] = [
    # The greeting; a second one, of a server that greets twice, begins the settings anew.
    (f"{GREETING}~0", "> running", "> running", "", ""),
    (f"{GREETING}~2", "> settings", "", "", ""),
    (f"{GREETING}~65", "! announces 65 settings", "! announces 65 settings", "", ""),
    (f"{GREETING}~123456789", "! announces 123456789 set", "! announces 123456789", "", ""),
    # Settings. An unknown one is one of those announced.
    ("time-format=iso", "", "> running", "", ""),
    ("shoe-size=43", "", "> running", "", ""),
    ("authentication=none", "", "> running", "", ""),
    ("authentication=plaintext", "", "authorize~timer~secret > authorize", "", ""),
    ("authentication=rot13", "", "! unknown authentication", "", ""),
    # Authorization. RM says `authorize` itself, at the end of its settings.
    ("ack~authorize", "", "", "> running", ""),
    ("err~authorize", "", "", REFUSED, ""),
    ("err~authorize~who are you", "", "", f"{REFUSED}: who are you", ""),
    ("authorize", BEGAN, "", "", DUNNO),
    ("authorize~timer~secret", BEGAN, "", "", DUNNO),
    # Signs of life, and what third parties answer.
    ("ping", "ack~ping", "ack~ping", "ack~ping", "ack~ping"),
    ("8", "", "", "", ""),
    ("OK", "", "", "", ""),
    (" ", "", "", "", ""),
    ("ack~init", "", "", "", ""),
    ("ack~ping", "", "", "", ""),
    ("err~~unknown command", "", "", "", ""),
    # Commands. Who sends one waits for nothing that should come before it.
    ("getconnectionid", BEGAN, f"{ID} > running", f"{ID} > running", ID),
    ("geteventinfo", BEGAN, f"{EVENT} > running", f"{EVENT} > running", EVENT),
    ("getlocations", BEGAN, f"{PLACES} > running", f"{PLACES} > running", PLACES),
    ("start", BEGAN, *[f"ack~start|{LINE} > running"] * 3),
    ("start~finish", BEGAN, *[f"ack~start~finish|{LINE} > running"] * 3),
    ("start~start", BEGAN, *["ack~start~start > running"] * 3),
    ("start~nowhere", BEGAN, *["err~start~nowhere~unknown location > running"] * 3),
    ("stop", BEGAN, *["ack~stop > running"] * 3),
    ("stop~finish", BEGAN, *["err~stop~finish~not started > running"] * 3),
    ("getdata~5", BEGAN, *[f"{PUSHING} > running"] * 3),
    # What nobody knows. A line that cannot be read stands for a setting where one is due.
    ("frobnicate", BEGAN, "", "", DUNNO),
    ("frobnicate~a", BEGAN, "", "", DUNNO),
    ("GET / HTTP/1.1", NONE, "> running", "", DUNNO),
    ("\x16\x03\x01", NONE, "> running", "", DUNNO),
    ("x" * 5000, NONE, "> running", "", DUNNO),
]


class Client:
    """A client with one line at the finish, and all that it sent."""

    def __init__(self, options: ClientOptions = OPTIONS) -> None:
        self.buffer = LineBuffer(locations=("start", "finish"))
        self.buffer.add(DataLine("CT01_33", 1, "finish", "3132", "08:30:22.04", 1, "23H016", 1))
        self.session = ClientSession(options, self.buffer)
        self.sent = b""
        self.closed: list[str] = []

    def hear(self, *pieces: bytes) -> None:
        for piece in pieces:
            reply = hear(self.session, self.buffer, piece)
            self.sent += reply.send
            self.closed += [reply.close] if reply.close else []

    def said(self) -> str:
        """The lines it sent, each with its end, joined by `|`."""
        text = self.sent.decode()
        assert not text or text.endswith("\r\n")
        return "|".join(text.split("\r\n")[:-1])


def bytes_of(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def cells() -> Iterator[tuple[Stage, str, str, Stage, str]]:
    """Each cell: stage, what is said, what is sent, the stage after, words for hanging up."""
    for said, *row in TABLE:
        for stage, cell in zip(STAGES, [*row, ""], strict=True):
            rest, _, words = cell.partition("! ")
            sent, _, after = rest.partition("> ")
            named = next((each for each in STAGES if each == after), stage)
            yield stage, said, sent.strip(), "closed" if words else named, words


CELLS = list(cells())
JUNK = b"\r\n8\r\n\r\nOK\r\n"  # blank lines and heartbeats mean nothing, wherever they are


@pytest.mark.parametrize(
    ("stage", "said", "sent", "after", "words"),
    CELLS,
    ids=[f"{stage}-{said[:30]!r}" for stage, said, *_ in CELLS],
)
def test_what_a_client_does(stage: Stage, said: str, sent: str, after: Stage, words: str) -> None:
    prefix, sent_before = STAGES[stage]
    before, data = bytes_of(*prefix), bytes_of(said)
    manners = {
        "whole": [before, data],
        "coalesced": [before + data],
        "byte by byte": [bytes([byte]) for byte in before + data],
        "after junk": [before, JUNK + data],
        "before junk": [before, data, JUNK],
        "amid junk": [JUNK + before + JUNK + data + JUNK],
        "before half a line": [before + data + b"getloc"],
        "with LF": [(before + data).replace(b"\r\n", b"\n")],
        "with CR": [(before + data).replace(b"\r\n", b"\r")],
    }
    for manner, pieces in manners.items():
        client = Client()
        client.hear(*pieces)
        expected = "|".join(text for text in (sent_before, sent) if text)
        assert (client.said(), client.session.stage) == (expected, after), manner
        was_closed = stage == "closed"
        assert len(client.closed) == (1 if words or was_closed else 0), manner
        assert words in "".join(client.closed), manner


def test_the_table_has_every_stage() -> None:
    assert tuple(STAGES) == get_args(Stage)


def test_the_greeting_is_first_and_alone() -> None:
    assert Client().session.greeting() == b"SimpleClient~0.5.0~CTP01\r\n"
    relay = ClientOptions(program="meetlog", version="0.1.0 beta")
    assert Client(relay).session.greeting() == b"meetlog~0.1.0 beta~CTP01\r\n"


def test_the_peer_is_named_as_it_greets() -> None:
    client = Client()
    client.hear(bytes_of(f"{GREETING}~1"))
    assert client.session.peer_program == "RunScore Version 6.5 Level 2007.09.26"


# Settings (PROTOCOLS 1.2).


def test_without_settings_the_defaults_are_in_force() -> None:
    client = Client()
    client.hear(bytes_of(f"{GREETING}~0"))
    assert client.session.settings == {
        "location": "multi",
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
    client.hear(bytes_of("start", "stop", "getdata~9"))
    assert client.said() == f"ack~getdata~1|{LINE}"


def test_exactly_so_many_settings_as_announced_make_it_run() -> None:
    client = Client()
    client.hear(bytes_of(f"{GREETING}~3"))
    for setting in ("stream-mode=push", "shoe-size=43"):
        client.hear(bytes_of(setting))
        assert client.session.stage == "settings"
    client.hear(bytes_of("time-format=iso"))
    assert client.session.stage == "running"
    assert client.session.settings == DEFAULTS | {
        "stream-mode": "push", "shoe-size": "43", "time-format": "iso",
    }  # fmt: skip


def test_a_setting_that_comes_again_holds_from_there_on() -> None:
    client = Client()
    client.hear(bytes_of(f"{GREETING}~1", "stream-mode=push", "start~finish"))
    client.hear(bytes_of("time-format=msecs", "start~finish~1", "stop"))
    assert client.said() == LINE  # stopped before the line was due
    client.hear(bytes_of("start~finish"))
    late = "CT01_33~1~finish~3132~30622040~1~23H016~1"
    assert client.said() == f"{LINE}|{late}"
    # Another mode ends what was begun in this one.
    client.hear(bytes_of("stream-mode=pull", "getdata~9~finish", "stream-mode=push", "ping"))
    assert client.said() == f"{LINE}|{late}|ack~getdata~1|{late}|ack~ping"
    assert not client.session.streams("finish")


@pytest.mark.parametrize("more", [-1, 0, 1, 10_000])
def test_settings_without_end_are_not_all_kept(more: int) -> None:
    client = Client()
    client.hear(bytes_of(f"{GREETING}~0"))
    count = MAX_SETTINGS + more - len(DEFAULTS)
    client.hear(bytes_of(*(f"key-{n}=x" for n in range(count)), "time-format=iso"))
    assert len(client.session.settings) == min(MAX_SETTINGS, MAX_SETTINGS + more)
    assert client.session.settings["time-format"] == "iso"
    assert client.session.stage == "running"


@around
def test_settings_that_are_announced_are_bounded(more: int) -> None:
    client = Client()
    client.hear(bytes_of(f"{GREETING}~{MAX_SETTINGS + more}"))
    assert client.session.stage == ("closed" if more > 0 else "settings")


@pytest.mark.parametrize(
    ("method", "string"),
    [
        ("plaintext", "secret"),
        ("hmac-sha1", hmac.new(b"secret", b"2f00", hashlib.sha1).hexdigest()),
        ("hmac-md5", hmac.new(b"secret", b"2f00", hashlib.md5).hexdigest()),
        ("seed-sha1", hashlib.sha1(b"2f00secret").hexdigest()),  # noqa: S324 - of the protocol
        ("seed-md5", hashlib.md5(b"2f00secret").hexdigest()),  # noqa: S324 - of the protocol
    ],
)
def test_every_form_of_authentication(method: str, string: str) -> None:
    client = Client()
    settings = [f"authentication={method}", "authentication-seed=2f00", "stream-mode=push"]
    client.hear(bytes_of(f"{GREETING}~3", *settings))
    assert client.said() == f"authorize~timer~{string}"
    assert client.session.stage == "authorize"
    client.hear(bytes_of("ack~authorize", "getlocations"))
    assert client.said() == f"authorize~timer~{string}|{PLACES}"


def test_commands_sent_along_with_the_settings_follow_the_authorization() -> None:
    """The refusal is heard though the commands were answered already."""
    client = Client()
    client.hear(bytes_of(f"{GREETING}~1", "authentication=plaintext", "getlocations"))
    assert client.said() == f"authorize~timer~secret|{PLACES}"
    client.hear(bytes_of("err~authorize~wrong password"))
    assert client.closed == [f"{REFUSED[2:]}: wrong password"]
    assert client.session.stage == "closed"


@pytest.mark.parametrize(
    "broken",
    [
        {"program": "Simple~Client"},
        {"version": "1\r\n2"},
        {"user": "a~b"},
        {"password": "two\nlines"},
        {"event": EventInfo("a", "b~c")},
        {"connection_id": "a~b"},
    ],
)
def test_what_could_not_be_sent_is_refused_beforehand(broken: dict[str, object]) -> None:
    with pytest.raises(WireError, match="cannot be sent"):
        ClientOptions(**broken)  # type: ignore[arg-type]  # one field of any type
    with pytest.raises(WireError, match="an empty connection id"):
        ClientOptions(connection_id="")
    assert ClientOptions(password="may~hold~it").connection_id is None
