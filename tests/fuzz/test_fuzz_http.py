"""Whatever bytes reach the console's port: no page fails over them, and it goes on answering.

Below the API: requests with odd targets, queries, headers, cookies and forms, and bytes that are
no request at all, over a real socket. An answer is a refusal or a page, never a server's error.
"""

import re
import socket
from collections.abc import Iterator
from urllib.parse import quote_from_bytes, urlencode

import h11
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meetlog.console.answers import ANSWERS
from meetlog.console.forms import AT_ONCE, kinds
from meetlog.console.pages import TABS
from tests.console.browser import Served, served
from tests.meetlog.meets import swum

CODES = frozenset({200, 303, 304, 400, 401, 403, 404, 405, 413, 421, 422})
LARGEST = 64 * 1024 * 1024  # of an answer
bounded = settings(
    max_examples=120, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip

PATHS = [
    *(path for path, _, _ in TABS), "/race", "/explain", "/print", "/crossing", "/history",
    "/compare", "/events", "/say", "/say/dq", "/said/3", "/said/99999999999999999999", "/sign-in",
    "/sign-out", "/board", "/overlay", "/live", "/board/live", "/static/console.css", "/api",
    "/health", "/metrics", *(f"/api/{answer.command}" for answer in ANSWERS),
]  # fmt: skip
NAMES = [
    "race", "lane", "at", "chip", "point", "kind", "after", "before", "limit", "raw", "source",
    "parts", "next", "author", "heat", "a", "b", "from", "to", "newest", "position", "moment",
]  # fmt: skip
VALUES = [
    "", "67/4A/1", "4A/1", "#1", "1", "-1", "0", "9" * 30, "\u0661", "14:05", "2026-06-14T14:05:30",
    "9999-12-31T23:59:59.999999999", "0001-01-01T00:00", "+1.5s", "now", "now,results", "\x00",
    "../", "0123", "Finish", "finish-mat", "socket.read", "<script>", "\ud800",
    "a\r\nset-cookie: x=y",
]  # fmt: skip

raw = st.binary(max_size=40)
text = st.one_of(st.sampled_from(VALUES), st.text(max_size=20))
# A value as a browser would write it, or as nobody would.
written = text.map(lambda t: quote_from_bytes(t.encode("utf-8", "surrogatepass")))
escaped = st.one_of(written, raw.map(quote_from_bytes), st.sampled_from(["%", "%zz", "%ff", ";"]))
queries = st.lists(st.tuples(st.sampled_from(NAMES), escaped), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
visible = st.binary(max_size=30).map(lambda data: re.sub(rb"[^\x21-\x7e\x80-\xff]", b"~", data))
targets = st.one_of(
    st.tuples(st.sampled_from(PATHS), queries).map(lambda t: f"{t[0]}?{t[1]}".encode()),
    visible.map(lambda tail: b"/" + tail),
    st.sampled_from([b"*", b"//", b"http://evil.example/", b"/static/..%2fguard.py", b"/%00"]),
)
values = st.one_of(
    st.binary(max_size=60).map(lambda data: re.sub(rb"[\r\n\0]", b"~", data)),
    st.sampled_from([b"", b"a=b; ; =; meetlog-1=", b'"', b"\xff\xfe", b"gzip", b"bytes=0-", b"*"]),
)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [b"cookie", b"origin", b"accept", b"accept-encoding", b"range", b"if-none-match",
             b"if-modified-since", b"referer", b"sec-fetch-site", b"x-forwarded-for", b"via",
             b"content-type", b"user-agent", b"upgrade", b"te", b"last-event-id"]
        ),
        values,
    ),
    max_size=5,
)  # fmt: skip


class Port:
    """A console's port, and somebody who has signed in there."""

    def __init__(self, console: Served) -> None:
        self.url = console.url
        self.origin = console.url
        self.address = ("127.0.0.1", int(console.url.rpartition(":")[2]))
        with httpx.Client(base_url=self.url, headers={"origin": self.origin}) as client:
            client.post("/sign-in", data={"name": "Ada", "secret": ""})
            self.cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            page = client.get("/").text
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found
        self.csrf = found[1]

    def send(self, data: bytes) -> bytes:
        """What comes back for these bytes until the console hangs up, or begins a stream."""
        with socket.create_connection(self.address, timeout=30) as line:
            line.sendall(data)
            return self._all_of(line)

    def send_and_leave(self, data: bytes) -> bytes:
        """The same of one who says nothing more, and may not have said all."""
        with socket.create_connection(self.address, timeout=30) as line:
            try:
                line.sendall(data)
                line.shutdown(socket.SHUT_WR)
            except OSError:
                return b""  # it had hung up already
            return self._all_of(line)

    def _all_of(self, line: socket.socket) -> bytes:
        found = b""
        try:
            while piece := line.recv(1 << 16):
                found += piece
                assert len(found) <= LARGEST
                if b"\r\ncontent-type: text/event-stream" in found:
                    break
        except ConnectionResetError:
            pass  # it hung up with something of ours unread
        return found

    def goes_on(self) -> None:
        """It still answers."""
        assert judge(self.send(request(b"GET", b"/health", [], b"", self))) == 200


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    meet = swum(tmp_path_factory.mktemp("port") / "meet")
    meet.end()
    with served(meet.folder, meet.now) as console:
        yield Port(console)


def judge(answer: bytes) -> int:
    """The code of an answer, which must be whole, and one that a page or a refusal has."""
    reader = h11.Connection(h11.CLIENT)
    reader.receive_data(answer)
    response = reader.next_event()
    assert isinstance(response, h11.Response), answer[:200]
    assert response.status_code in CODES, answer[:2000]
    assert b"Traceback" not in answer
    names = [name for name, _ in response.headers]
    assert b"set-cookie" not in names or response.status_code == 303
    return response.status_code


def request(
    method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], body: bytes, port: Port
) -> bytes:
    """A request that is whole, however odd."""
    lines = [
        method + b" " + target + b" HTTP/1.1",
        *(name + b": " + value for name, value in fields),
        b"connection: close",
    ]
    if not any(name == b"host" for name, _ in fields):
        lines.append(b"host: 127.0.0.1:%d" % port.address[1])
    if body or method == b"POST":
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@bounded
@given(st.sampled_from([b"GET", b"GET", b"GET", b"HEAD", b"POST", b"BREW"]), targets, headers, raw)
def test_odd_requests_are_answered_or_refused(
    port: Port, method: bytes, target: bytes, fields: list[tuple[bytes, bytes]], body: bytes
) -> None:
    answer = port.send(request(method, target, fields, body if method == b"POST" else b"", port))
    judge(answer)


_SIGN_IN = b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\n"


@bounded
@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(targets, st.binary(max_size=80)).map(
            lambda t: b"GET " + t[0] + b" HTTP/1.1\r\nhost: localhost\r\n" + t[1] + b"\r\n\r\n"
        ),
        st.tuples(st.integers(-1, 10**20), raw).map(
            lambda t: (
                b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%s" % t
            )
        ),
        raw.map(
            lambda data: (
                b"POST /sign-in HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + data
            )
        ),
    )
)
def test_bytes_that_are_no_request_leave_the_console_as_it_was(port: Port, data: bytes) -> None:
    answer = port.send_and_leave(data)
    if answer:
        judge(answer)
    port.goes_on()


@settings(bounded, max_examples=60)
@given(st.data())
def test_forms_of_one_who_has_signed_in_are_taken_or_refused(
    port: Port, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from([k for k in kinds().values() if k.name not in AT_ONCE]))
    given_fields = {
        field.name: data.draw(text, label=field.name)
        for field in kind.fields
        if data.draw(st.integers(0, 4))
    }
    form = given_fields | {
        "csrf": data.draw(st.sampled_from([port.csrf] * 8 + ["", "\u0661"])),
        "reason": data.draw(text),
        "step": data.draw(st.sampled_from(["", "try", "say", "x"])),
        "seen": data.draw(text),
    }
    body = urlencode(
        {name: value.encode("utf-8", "surrogatepass") for name, value in form.items()}
    ).encode()
    fields = [
        (b"cookie", port.cookie.encode()),
        (b"origin", port.origin.encode()),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ]
    answer = port.send(request(b"POST", f"/say/{kind.name}".encode(), fields, body, port))
    judge(answer)
    assert b"location: /sign-in" not in answer, "signed out, so nothing is tried any more"
    # What was stated, if anything was, is shown like anything else.
    fields = fields[:1]
    for page in (b"/", b"/results", b"/history", b"/attention", b"/race?race=4A/1"):
        judge(port.send(request(b"GET", page, fields, b"", port)))
