"""The scoring side against scripted timing systems: what it asks, and what it makes of oddities."""

import hashlib
import hmac
import ssl
from collections.abc import Callable

import pytest

from wire.ctp01 import Ack, Authentication, DataLine, Err, RawController, Reply, encode
from wire.ctp01_server import MAX_LOCATIONS, ServerOptions, ServerSession
from wire.errors import Malformed

HELLO = b"SimpleClient~0.5.0~CTP01\r\n"
SETTINGS = [
    "location=multi",
    "guntimes=true",
    "newlocations=true",
    "authentication=none",
    "stream-mode=push",
    "tagevent-format=CT01_33",
    "pushmode-ack=true",
    "time-format=iso",
    "connection-id=true",
]
PUSH = ServerOptions()
PULL = ServerOptions(stream_mode="pull", pull_max=64)


class Peer:
    """A scripted client: what it says, and the lines it is told."""

    def __init__(
        self, options: ServerOptions = PUSH, marks: dict[str, dict[str, int]] | None = None
    ) -> None:
        self.session = ServerSession(options, marks or {})
        self.last = Reply()
        self.remarks: list[str] = []

    def say(self, *lines: str | bytes) -> list[str]:
        data = b"".join(ln if isinstance(ln, bytes) else ln.encode() + b"\r\n" for ln in lines)
        self.last = self.session.receive(data)
        self.remarks += self.last.remarks
        return self.told(self.last.send)

    def told(self, data: bytes) -> list[str]:
        assert data == b"" or data.endswith(b"\r\n")
        return data.decode().split("\r\n")[:-1]

    def introduce(self, id: str = "id-1", locations: str = "start~finish") -> list[str]:
        self.say(HELLO)
        self.say(f"ack~getconnectionid~{id}" if id else "err~~unknown command")
        self.say("ack~geteventinfo~LA08~12~Los Angeles Marathon 2008")
        return self.say(f"ack~getlocations~{locations}")


def line(location: str, seq: int, tag: str = "3132") -> bytes:
    return encode(DataLine("CT01_33", seq, location, tag, "2025-06-01T08:30:22.04", 1, "R", 1))


def test_the_whole_conversation_in_order() -> None:
    peer = Peer()
    assert peer.say(HELLO) == [f"meetlog~0.1.0~{len(SETTINGS)}", *SETTINGS, "getconnectionid"]
    assert peer.say("ack~getconnectionid~b61731be00") == ["geteventinfo"]
    assert peer.say("ack~geteventinfo~LA08~12~Los Angeles~2008") == ["getlocations"]
    assert peer.session.stage == "asking"
    assert peer.say("ack~getlocations~start~10k~finish") == [
        "start~start",
        "start~10k",
        "start~finish",
    ]
    session = peer.session
    assert session.stage == "running"
    assert session.peer_program == "SimpleClient 0.5.0"
    assert session.connection_id == "b61731be00"
    assert session.locations == ("start", "10k", "finish")
    assert session.event_info is not None
    assert session.event_info.description == "Los Angeles~2008"
    assert peer.say("ack~start~start", line("finish", 1)) == []
    assert len(peer.last.messages) == 2
    assert session.marks == {"b61731be00": {"finish": 1}}
    assert peer.told(session.stop()) == ["stop"]
    assert not peer.remarks


def test_every_setting_is_explicit_and_counted() -> None:
    options = ServerOptions(
        authentication="hmac-sha1", seed="s33d", password="p", time_format="msecs"
    )
    told = Peer(options).say(HELLO)
    assert told[0] == "meetlog~0.1.0~10"
    assert len(told) == 11
    assert "authentication-seed=s33d" in told
    assert "time-format=msecs" in told
    assert {ln.partition("=")[0] for ln in told[1:]} == {
        "location", "guntimes", "newlocations", "authentication", "authentication-seed",
        "stream-mode", "tagevent-format", "pushmode-ack", "time-format", "connection-id",
    }  # fmt: skip


def test_options_that_would_not_protect_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a seed"):
        ServerOptions(authentication="seed-md5", password="p")
    with pytest.raises(ValueError, match="needs a password"):
        ServerOptions(authentication="plaintext")
    with pytest.raises(ValueError, match="pull_max"):
        ServerOptions(pull_max=63)


def test_resume_at_the_last_line_seen_of_each_location() -> None:
    marks = {"id-1": {"start": 7, "finish": 0}, "other": {"10k": 3}}
    assert Peer(marks=marks).introduce(locations="start~finish~10k") == [
        "start~start~7",
        "start~finish",
        "start~10k",
    ]


def test_unknown_or_missing_id_starts_in_full() -> None:
    marks = {"id-1": {"start": 7}, "": {"start": 9}}
    assert Peer(marks=marks).introduce("id-2", "start") == ["start~start"]
    assert Peer(marks=marks).introduce("", "start") == ["start~start"]
    old = Peer(marks=marks)
    old.say(HELLO)
    assert old.say("err~getconnectionid~what") == ["geteventinfo"]
    assert old.say("err~geteventinfo~what") == ["getlocations"]
    assert old.say("ack~getlocations~start") == ["start~start"]
    assert "every location starts in full" in old.remarks[0]
    assert old.say(line("start", 1)) == []
    assert old.session.marks["id-1"] == {"start": 7}


def test_without_locations_everything_is_started_and_later_ones_by_name() -> None:
    peer = Peer()
    peer.say(HELLO, "ack~getconnectionid~x", "ack~geteventinfo~a")
    assert peer.say("err~getlocations~no") == ["start"]
    assert peer.say(line("a", 1), line("b", 2)) == []
    assert peer.say(line("c", 3, "newlocation")) == ["start~c"]
    assert any("names no locations" in r for r in peer.remarks)


def test_new_locations_start_once_and_never_again() -> None:
    peer = Peer()
    peer.introduce()
    announced = line("30k", 1, "newlocation")
    assert peer.say(announced) == ["start~30k"]
    assert peer.say(announced, announced, line("30k", 2)) == []
    assert peer.say("ack~start~30k", announced) == []
    assert peer.session.locations == ("start", "finish", "30k")


def test_locations_seen_only_in_data_are_started_too() -> None:
    peer = Peer()
    peer.introduce()
    assert peer.say(line("5k", 12)) == ["start~5k"]
    assert peer.say(line("5k", 13)) == []


def test_announcements_before_start_wait_for_the_id() -> None:
    peer = Peer(marks={"id-1": {"30k": 4}})
    told = peer.say(HELLO, line("30k", 5, "newlocation"))
    assert told[-1] == "getconnectionid"
    peer.say("ack~getconnectionid~id-1", "ack~geteventinfo~a~b~c")
    assert peer.say("ack~getlocations~start") == ["start~30k~4", "start~start"]


def test_a_client_that_cannot_resume_is_started_in_full_and_it_is_said() -> None:
    for refusal in ("err~start~finish~gone", "err~start~gone"):
        peer = Peer(marks={"id-1": {"start": 5, "finish": 9}})
        assert peer.introduce() == ["start~start~5", "start~finish~9"]
        peer.say("ack~start~start")
        assert peer.say(refusal) == ["start~finish"]
        assert "cannot resume finish at 9" in peer.remarks[-1]
        assert peer.say("err~start~finish~gone") == []
        assert "cannot start finish" in peer.remarks[-1]


def test_what_is_not_answered_is_given_up_at_the_next_ping() -> None:
    peer = Peer()
    peer.say(HELLO)
    assert peer.told(peer.session.ping()) == ["ping", "geteventinfo", "getlocations"]
    assert peer.session.unanswered == 1
    assert peer.say("ack~getlocations~a") == ["start~a"]
    assert peer.session.unanswered == 0
    assert "did not answer getconnectionid" in peer.remarks[0]
    silent = Peer()
    silent.say(HELLO)
    silent.session.ping()
    assert silent.told(silent.session.ping()) == ["ping", "start"]
    assert silent.session.stage == "running"
    assert silent.session.unanswered == 2
    assert silent.session.silence() == "no answer to 2 pings"


def test_pings_both_ways() -> None:
    peer = Peer()
    peer.introduce()
    assert peer.told(peer.session.ping()) == ["ping"]
    assert peer.told(peer.session.ping()) == ["ping"]
    assert peer.session.unanswered == 2
    assert peer.say("8", "ping", "OK", "ack~init", "") == ["ack~ping"]
    assert peer.session.unanswered == 0
    assert peer.say("err~ping~unknown command") == []
    assert peer.last.close == ""


def digest(kind: str, algorithm: Callable[..., "hashlib._Hash"]) -> str:
    if kind == "hmac":
        return hmac.new(b"swordfish", b"seed-42", algorithm).hexdigest()
    return algorithm(b"seed-42swordfish").hexdigest()


AUTHENTICATIONS: list[tuple[Authentication, str]] = [
    ("plaintext", "swordfish"),
    ("hmac-sha1", digest("hmac", hashlib.sha1)),
    ("hmac-md5", digest("hmac", hashlib.md5)),
    ("seed-sha1", digest("seed", hashlib.sha1)),
    ("seed-md5", digest("seed", hashlib.md5)),
]


@pytest.mark.parametrize(("method", "string"), AUTHENTICATIONS)
def test_authentication(method: Authentication, string: str) -> None:
    options = ServerOptions(
        authentication=method, user="meet", password="swordfish", seed="seed-42"
    )
    peer = Peer(options)
    assert peer.say(HELLO)[-1] == "connection-id=true"
    assert peer.session.stage == "authorize"
    assert peer.say(f"authorize~meet~{string}") == ["ack~authorize", "getconnectionid"]
    for wrong in (f"authorize~you~{string}", "authorize~meet~guess", "authorize~meet"):
        bad = Peer(options)
        bad.say(HELLO)
        assert bad.say(wrong) == ["err~authorize~wrong user or password"]
        assert "did not authorize" in bad.last.close
        assert bad.session.stage == "closed"
        assert bad.say(HELLO) == []


def test_hex_digits_in_upper_case_are_the_same() -> None:
    peer = Peer(ServerOptions(authentication="seed-md5", password="swordfish", seed="seed-42"))
    peer.say(HELLO)
    assert peer.say(f"authorize~~{AUTHENTICATIONS[4][1].upper()}")[0] == "ack~authorize"


@pytest.mark.parametrize("first", [b"", HELLO])
def test_data_without_authorization_is_not_taken(first: bytes) -> None:
    peer = Peer(ServerOptions(authentication="plaintext", password="swordfish"))
    peer.say(first)
    peer.say(line("finish", 1))
    assert "data before authorization" in peer.last.close
    assert peer.session.marks == {}
    assert len(peer.last.messages) == 1


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="meet.example")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


STRANGERS = [
    (b"GET / HTTP/1.1\r\nHost: meet\r\n\r\n", "speaks HTTP"),
    (b'[{"Chip":123456,"Moment":"2026-04-22T10:15:42.1234567Z"}]\r', "looks like TsV1"),
    (b"\xef\xbb\xbf{}", "looks like TsV1"),
    (b"SSH-2.0-OpenSSH_9.6\r\n", "speaks SSH"),
    (b"start~finish\r\n", "command start"),
    (b"time-format=iso\r\n", "roles are reversed"),
    (b"\xff\xfe\x00\x01garbage\r\n", "no CTP01 greeting"),
    (b"x" * 5000, "more than 4096 bytes"),
    (b"ack~ping\r\n", "an answer (ping)"),
    (b"SimpleClient~0.5.0~CTP02\r\n", "speaks CTP02, not CTP01"),
]


@pytest.mark.parametrize(("data", "reason"), [*STRANGERS, (client_hello(), "speaks TLS")])
def test_strangers_are_hung_up_on_with_a_reason_however_the_bytes_are_cut(
    data: bytes, reason: str
) -> None:
    reply = ServerSession(PUSH, {}).receive(data)
    assert reason in reply.close
    assert reply.send == b""
    slow = ServerSession(PUSH, {})
    closes = [slow.receive(data[i : i + 1]).close for i in range(len(data))]
    assert [close for close in closes if close] == [reply.close]


def test_a_silent_peer_is_told_apart() -> None:
    session = ServerSession(PUSH, {})
    assert session.ping() == b""
    assert session.unanswered == 1
    assert "no greeting" in session.silence()


def test_data_without_a_greeting_is_taken_and_a_late_greeting_is_answered() -> None:
    peer = Peer()
    assert peer.say(line("finish", 1), line("finish", 2)) == []
    assert len(peer.last.messages) == 2
    assert peer.last.close == ""
    assert peer.remarks == ["data without a greeting: taken as it comes, but it cannot be resumed"]
    assert peer.session.ping() == b""
    assert peer.session.unanswered == 0
    assert peer.say(line("finish", 3), b"nonsense\r\n") == []
    assert peer.last.close == ""
    assert peer.introduce(locations="finish") == ["start~finish"]


def test_controller_lines_are_handed_on() -> None:
    peer = Peer()
    peer.say(b"TO~3~9511~160~18~1620458716.43~120044~1~-65~1~P~151\r\n")
    assert isinstance(peer.last.messages[0], RawController)
    assert peer.last.close == ""


def test_malformed_lines_do_not_stop_a_running_client() -> None:
    peer = Peer()
    peer.introduce()
    assert peer.say(line("finish", 1), b"CT01_33~~~\r\n", line("finish", 2)) == []
    kinds = [type(m) for m in peer.last.messages]
    assert kinds == [DataLine, Malformed, DataLine]
    assert peer.session.marks == {"id-1": {"finish": 2}}


def test_a_second_greeting_begins_again() -> None:
    peer = Peer()
    peer.introduce()
    peer.say(line("finish", 1))
    assert peer.say(HELLO)[-1] == "getconnectionid"
    peer.say("ack~getconnectionid~id-1", "ack~geteventinfo~a")
    assert peer.say("ack~getlocations~finish") == ["start~start", "start~finish~1"]


@pytest.mark.parametrize("more", [-1, 0, 1, MAX_LOCATIONS])
def test_invented_locations_are_bounded(more: int) -> None:
    peer = Peer()
    peer.introduce(locations="loc0")
    count = MAX_LOCATIONS + more
    told = peer.say(*(line(f"loc{n}", seq) for seq in (1, 2) for n in range(count)))
    assert told == [f"start~loc{n}" for n in range(1, min(count, MAX_LOCATIONS))]
    assert len(peer.session.locations) == min(count, MAX_LOCATIONS)
    problem = f"SimpleClient 0.5.0 has more than {MAX_LOCATIONS} locations; the rest are left out"
    assert [r for r in peer.remarks if "left out" in r] == [problem] * (more > 0)


def test_a_location_that_no_command_can_name_is_taken_but_not_started() -> None:
    peer = Peer()
    peer.introduce()
    data = b"CT01_13,1,a~b,9,10:00:00.00,1,R,1\r\n"
    assert peer.say(data, data, line("", 1)) == []
    assert len(peer.last.messages) == 3
    assert [r for r in peer.remarks if "rename it" in r] == [
        "SimpleClient 0.5.0 has a location with ~ in its name, which cannot be started; rename it"
    ]


def test_lines_after_stop_are_still_taken() -> None:
    peer = Peer()
    peer.introduce()
    peer.session.stop()
    assert peer.say(line("finish", 1), line("new", 1, "newlocation")) == []
    assert peer.session.marks == {"id-1": {"finish": 1}}


def test_the_end_of_the_connection() -> None:
    session = ServerSession(PUSH, {})
    session.receive(HELLO + b"CT01_33~5~fin")
    [cut] = session.close().messages
    assert isinstance(cut, Malformed)
    assert session.ping() == session.stop() == b""


def test_pull_asks_round_by_round_and_rests() -> None:
    peer = Peer(PULL, {"id-1": {"finish": 2}})
    assert peer.introduce() == ["getdata~64~start"]
    assert peer.say("ack~getdata~0") == ["getdata~64~finish~2"]
    assert peer.say("ack~getdata~2", line("finish", 2)) == []
    assert peer.say(line("finish", 3)) == ["getdata~64~start"]
    assert peer.say("ack~getdata~0") == ["getdata~64~finish~3"]
    # The last line again is what an inclusive client sends when there is nothing new.
    assert peer.say("ack~getdata~1", line("finish", 3)) == []
    assert peer.told(peer.session.poll()) == ["getlocations"]
    assert peer.session.poll() == b""
    assert peer.say("ack~getlocations~start~finish~10k") == ["getdata~64~start"]
    assert peer.session.stop() == b""


def test_pull_counts_null_entries_and_malformed_lines_among_the_promised() -> None:
    peer = Peer(PULL)
    peer.introduce(locations="finish")
    data = b"CT01_33~1~finish~~~0~~0\r\nCT01_33~x\r\n" + line("finish", 2)
    assert peer.say("ack~getdata~3", data) == ["getdata~64~finish~2"]


def test_pull_falls_back_when_the_client_cannot_resume() -> None:
    peer = Peer(PULL, {"id-1": {"finish": 9}})
    assert peer.introduce(locations="finish") == ["getdata~64~finish~9"]
    assert peer.say("err~getdata~gone") == ["getdata~64~finish"]
    assert peer.say("err~getdata~gone") == []
    assert "refused data of finish from 9" in peer.remarks[0]
    assert peer.told(peer.session.ping()) == ["ping", "getlocations"]
    assert peer.say("err~getlocations~no") == ["getdata~64~finish"]
    assert peer.say("ack~getdata~lots") == []
    assert "answered getdata with 'lots'" in peer.remarks[-1]


def test_pull_asks_again_when_promised_lines_never_come() -> None:
    peer = Peer(PULL)
    peer.introduce(locations="finish")
    peer.say("ack~getdata~5", line("finish", 1))
    assert peer.told(peer.session.ping()) == ["ping"]
    assert peer.told(peer.session.ping()) == ["ping", "getlocations"]
    assert peer.say("ack~getlocations~finish") == ["getdata~64~finish~1"]


def test_answers_to_nothing_are_ignored() -> None:
    peer = Peer()
    peer.introduce()
    peer.say("ack~getdata~3", "ack~start", "ack~start~elsewhere", "authorize~a~b", "ack")
    assert peer.last.send == encode(Err("authorize", "no authorization is due"))
    assert peer.last.close == ""
    assert Ack("getdata", ("3",)) in peer.last.messages
