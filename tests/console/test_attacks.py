"""Whoever reaches the console's port, by whatever way, sees and says only what they may."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from meetlog.commands.remembering import REFUSED
from meetlog.console.guard import MOST_BODY, POLICY
from meetlog.console.pages import TABS
from meetlog.console.sessions import LONGEST, TRIES, UNUSED
from meetlog.statement_reports import HistoryEntry
from tests.console.visits import (
    HERE,
    LOGIN,
    PHONE,
    SECRET,
    Clock,
    csrf,
    post,
    register,
    say,
    sign_in,
    visiting,
)
from tests.meetlog.calls import ask, call
from tests.meetlog.meets import RecordedMeet
from wire.settings import ConsoleSettings
from wire.stamps import MINUTE

pytestmark = pytest.mark.anyio

PAGES = [*(path for path, _, _ in TABS), "/race?race=4A/1", "/explain?race=4A/1&lane=1", "/events",
         "/compare", "/api", "/print?race=4A/1", "/say", "/say/dq"]  # fmt: skip
DQ = {"race": "67/4A/1", "lane": 1, "reason": "seen"}


def said(folder: Path) -> list[HistoryEntry]:
    """What was stated, and refused tries, without the registrations."""
    entries: list[HistoryEntry] = list(ask(HistoryEntry, "history", "-m", folder).items)
    return [e for e in entries if e.verb != "operator"]


# -- reading ------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
async def test_from_another_computer_one_signs_in_first(recorded: RecordedMeet, path: str) -> None:
    async with visiting(recorded.folder) as visited, visited.client(PHONE) as client:
        answer = await client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2F")


async def test_the_board_is_public_only_when_it_is_switched_on(recorded: RecordedMeet) -> None:
    async with visiting(recorded.folder) as visited, visited.client(PHONE) as client:
        for path in ("/board", "/overlay"):
            assert (await client.get(path)).status_code == 303
            assert (await client.get(f"{path}/live")).status_code == 401
    public = ConsoleSettings(public_board=True)
    async with visiting(recorded.folder, public) as visited, visited.client(PHONE) as client:
        for path in ("/board", "/overlay"):
            page = await client.get(path)
            assert page.status_code == 200
            assert not re.search("finish-mat|meet.db|quarantine|alarm", page.text)
        assert (await client.get("/")).status_code == 303


async def test_whoever_stands_between_makes_nobody_local(recorded: RecordedMeet) -> None:
    async with visiting(recorded.folder) as visited, visited.client() as client:
        for header in ("x-forwarded-for", "forwarded", "via", "x-real-ip"):
            answer = await client.get("/", headers={header: HERE})
            assert answer.status_code == 303


async def test_only_the_allowed_networks_connect(recorded: RecordedMeet) -> None:
    settings = ConsoleSettings(allow=("192.168.1.0/24",))
    async with visiting(recorded.folder, settings) as visited:
        for address, code in ((PHONE, 200), ("10.1.1.1", 403), (HERE, 200), ("::1", 200)):
            async with visited.client(address) as client:
                assert (await client.get("/sign-in")).status_code == code


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost:8611", 200),
        ("[::1]:8611", 200),
        ("192.168.1.5:8611", 200),
        ("pool.example:8611", 200),
        ("evil.example:8611", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
async def test_a_foreign_name_that_leads_here_is_refused(
    recorded: RecordedMeet, host: str, code: int
) -> None:
    settings = ConsoleSettings(names=("Pool.example",))
    async with visiting(recorded.folder, settings) as visited, visited.client() as client:
        answer = await client.get("/", headers={"host": host})
    assert answer.status_code == code


@pytest.mark.parametrize(
    "path",
    [
        "/static/../guard.py",
        "/static/..%2f..%2fguard.py",
        "/static/%2e%2e/guard.py",
        "/static/....//guard.py",
        "/static//etc/passwd",
        "/static/console.css%00.js",
        "/static/",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/said/99999999999999999999999",
        "/said/-1",
        "/say/../../etc",
    ],
)
async def test_no_path_leads_anywhere_else(recorded: RecordedMeet, path: str) -> None:
    async with visiting(recorded.folder) as visited, visited.client() as client:
        answer = await client.get(path)
    assert answer.status_code in (303, 404)
    assert "import" not in answer.text
    assert "root:" not in answer.text


async def test_every_answer_carries_the_policy(recorded: RecordedMeet) -> None:
    async with visiting(recorded.folder) as visited, visited.client() as client:
        for path in (*PAGES, "/sign-in", "/board", "/api/status", "/static/console.js", "/nothing"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            if path.startswith("/print"):
                assert "script-src" not in policy
                assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
            else:
                assert policy == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            if path.startswith("/print") or "html" not in answer.headers.get("content-type", ""):
                continue
            # Nothing in a page that the policy would have to allow.
            assert not re.search(r"<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=", answer.text)
            assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", answer.text)


async def test_names_are_only_ever_text(ended: RecordedMeet) -> None:
    marked = "<script>alert(1)</script>\u202e\u0007"
    fields = {"race": "67/4A/1", "lane": 1, "reason": marked, "code": '"><img src=x onerror=x>'}
    async with visiting(ended.folder) as visited, visited.client() as client:
        assert (await sign_in(client, marked, "")).status_code == 303
        assert (await say(client, "dq", **fields, step="say")).status_code == 303
        for path in ("/", "/history", "/race?race=4A/1", "/say/dq?race=%3Cscript%3E",
                     "/crossings?chip=%3Cscript%3E", "/events?kind=%3Cscript%3E",
                     "/sign-in?next=%22%3E%3Cscript%3E", "/board"):  # fmt: skip
            page = (await client.get(path)).text
            assert not re.search(r"<script>|<img|\u202e|\u0007", page), path
        assert (
            "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e\\x07"
            in (await client.get("/history")).text
        )
        assert "[bold]Kovács" in (await client.get("/race?race=4A/1")).text


# -- saying -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8611"},
        {},
        {"origin": "http://127.0.0.1:8611", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:8611", "sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:8611", "sec-fetch-site": "none"},
    ],
)
async def test_a_form_of_another_site_does_nothing(
    ended: RecordedMeet, headers: dict[str, str]
) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        data = {"csrf": await csrf(client), "step": "say", **DQ}
        for path in ("/say/dq", "/sign-out", "/sign-in"):
            assert (await client.post(path, data=data, headers=headers)).status_code == 403
        assert "Ada" in (await client.get("/")).text
    assert said(ended.folder) == []


async def test_a_form_is_of_the_session_that_sends_it(ended: RecordedMeet) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        assert (await post(client, "/say/dq", **DQ, step="say")).status_code == 403
        await sign_in(client, "Ada", "")
        other = visited.client()
        await sign_in(other, "Bo", "")
        for token in ("", "x", await csrf(other)):
            answer = await post(client, "/say/dq", csrf=token, step="say", **DQ)
            assert answer.status_code == 403
        await other.aclose()
    assert said(ended.folder) == []


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"{}", "application/json", 403),
        (b"csrf=x", "text/plain", 403),
        (b"csrf=x", "multipart/form-data; boundary=x", 403),
        (b"a=\xff", "application/x-www-form-urlencoded", 403),
        (b"&".join(b"a%d=1" % n for n in range(100)), "application/x-www-form-urlencoded", 403),
        (b"a=" + b"x" * MOST_BODY, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_no_page_of_ours_sends_is_refused(
    ended: RecordedMeet, body: bytes, kind: str, code: int
) -> None:
    headers = {"origin": "http://127.0.0.1:8611", "content-type": kind}
    async with visiting(ended.folder) as visited, visited.client() as client:
        await sign_in(client, "Ada", "")
        answer = await client.post("/say/dq", content=body, headers=headers)
    assert answer.status_code == code


async def test_a_body_that_does_not_say_its_size_is_bounded_too(ended: RecordedMeet) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 50_000
            yield b"x" * 50_000

    headers = {
        "origin": "http://127.0.0.1:8611", "content-type": "application/x-www-form-urlencoded",
    }  # fmt: skip
    async with visiting(ended.folder) as visited, visited.client() as client:
        answer = await client.post("/sign-in", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert sent < MOST_BODY + 100_000


async def test_other_methods_are_refused(recorded: RecordedMeet) -> None:
    async with visiting(recorded.folder) as visited, visited.client() as client:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            answer = await client.request(method, "/")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
            answer = await client.request(method, "/sign-out")
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = await post(client, "/", a=1)
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (
            405,
            {"GET", "HEAD"},
        )


@pytest.mark.parametrize("length", ["-1", "1e3", "\xb2", "", "9" * 5000, "0x10"])
async def test_a_body_whose_size_is_no_number_is_refused(
    recorded: RecordedMeet, length: str
) -> None:
    headers = {"origin": "http://127.0.0.1:8611", "content-length": length.encode("latin-1")}
    async with visiting(recorded.folder) as visited, visited.client() as client:
        answer = await client.post("/sign-in", headers=headers)  # type: ignore[arg-type]  # bytes, as they come
    assert answer.status_code == 413


# -- sessions -----------------------------------------------------------------------


async def test_the_cookie_is_for_this_page_only(ended: RecordedMeet) -> None:
    register(ended.folder)
    async with visiting(ended.folder) as visited, visited.client(PHONE) as client:
        answer = await sign_in(client)
        cookie = answer.headers["set-cookie"]
        assert re.fullmatch(
            r"meetlog-8611=[\w-]{43}; HttpOnly; Max-Age=\d+; Path=/; SameSite=strict", cookie
        )
        assert SECRET not in (await client.get("/")).text
        secure = httpx.AsyncClient(
            transport=httpx.ASGITransport(visited.app, client=(PHONE, 1)),
            base_url="https://127.0.0.1:8611",
        )
        cookie = (await sign_in(secure)).headers["set-cookie"]
        assert cookie.startswith("__Host-meetlog-8611=")
        assert "; Secure" in cookie
        await secure.aclose()


async def test_a_stolen_cookie_is_worth_nothing_elsewhere(ended: RecordedMeet) -> None:
    register(ended.folder)
    async with visiting(ended.folder) as visited, visited.client(PHONE) as client:
        await sign_in(client)
        token = dict(client.cookies)
        for address in ("192.168.1.78", HERE):
            async with visited.client(address) as thief:
                thief.cookies.update(token)
                assert (await thief.get("/say")).status_code == 303
        assert (await client.get("/say")).status_code == 200
        forged = {name: value[:-1] + "x" for name, value in token.items()}
        async with visited.client(PHONE) as thief:
            thief.cookies.update(forged)
            assert (await thief.get("/")).status_code == 303


async def test_a_session_ends_by_itself(ended: RecordedMeet) -> None:
    register(ended.folder)
    clock = Clock()
    async with (
        visiting(ended.folder, steady=clock) as visited,
        visited.client(PHONE) as client,
    ):
        await sign_in(client)
        clock.at += UNUSED - MINUTE
        assert (await client.get("/")).status_code == 200
        clock.at += UNUSED + MINUTE
        assert (await client.get("/")).status_code == 303
        await sign_in(client)
        for _ in range(LONGEST // (UNUSED - MINUTE)):
            clock.at += UNUSED - MINUTE
            assert (await client.get("/")).status_code == 200
        clock.at += UNUSED - MINUTE
        assert (await client.get("/")).status_code == 303, "however much it is used"


async def test_signing_out_ends_the_session_for_good(ended: RecordedMeet) -> None:
    register(ended.folder)
    async with visiting(ended.folder) as visited, visited.client(PHONE) as client:
        await sign_in(client)
        token = dict(client.cookies)
        await post(client, "/sign-out", csrf=await csrf(client))
        assert not client.cookies
        client.cookies.update(token)
        assert (await client.get("/")).status_code == 303


async def test_who_was_removed_speaks_no_more(ended: RecordedMeet) -> None:
    register(ended.folder)
    register(ended.folder, "Tim", "timer", **{"as": "Ref"})
    async with visiting(ended.folder) as visited, visited.client(PHONE) as client:
        await sign_in(client, "Tim")
        token = await csrf(client)
        register(ended.folder, "Tim", "timer", **{"as": "Ref"})  # another registration
        answer = await post(client, "/say/set-time", csrf=token, step="say", time="30.00", **DQ)
        assert answer.headers["location"].startswith("/sign-in?")
        assert (await client.get("/")).status_code == 303
    assert said(ended.folder) == []


async def test_roles_are_respected(ended: RecordedMeet) -> None:
    register(ended.folder)
    register(ended.folder, "Tim", "timer", **{"as": "Ref"})
    register(ended.folder, "Vi", "viewer", **{"as": "Ref"})
    async with visiting(ended.folder) as visited:
        for name, verb, code in (
            ("Tim", "dq", 403), ("Tim", "no-show", 303), ("Vi", "no-show", 403), ("Ref", "dq", 303),
        ):  # fmt: skip
            async with visited.client(PHONE) as client:
                assert (await sign_in(client, name)).status_code == 303
                answer = await say(client, verb, **DQ, step="say")
                assert answer.status_code == code, (name, verb, answer.text)
        async with visited.client(PHONE) as client:
            await sign_in(client, "Vi")
            assert "data-say" not in (await client.get("/race?race=4A/1")).text
    assert [(e.author, e.verb, e.proof, e.channel) for e in said(ended.folder)] == [
        ("Tim", "no-show", "secret", "console"), ("Ref", "dq", "secret", "console"),
    ]  # fmt: skip


# -- signing in ---------------------------------------------------------------------


async def test_while_nobody_is_registered_only_who_is_here_signs_in(ended: RecordedMeet) -> None:
    async with visiting(ended.folder) as visited:
        async with visited.client(PHONE) as client:
            answer = await sign_in(client, "Ada", "anything")
            assert answer.status_code == 403
            assert "Nobody is registered" in answer.text
        async with visited.client() as client:
            assert (await sign_in(client, "Ada", "")).status_code == 303
            register(ended.folder)
            # From the first registration on, only the registered may speak.
            token = await client.get("/say")
            assert token.status_code == 303


async def test_a_login_is_proof_on_its_own_computer_only(ended: RecordedMeet) -> None:
    register(ended.folder)
    secret = ended.folder / "ref.txt"
    secret.write_text(SECRET)
    call("operator", "add", LOGIN, "--role", "timer", "--as", "Ref", "--secret-file", secret,
         "-m", ended.folder)  # fmt: skip
    async with visiting(ended.folder) as visited:
        async with visited.client() as client:
            assert (await sign_in(client, LOGIN, "")).status_code == 303
            assert (await sign_in(client, "Ref", "")).status_code == 403
        async with visited.client(PHONE) as client:
            answer = await sign_in(client, LOGIN, "")
            assert answer.status_code == 403
            assert "without a secret" in answer.text


async def test_a_wrong_secret_is_recorded_and_never_shown(ended: RecordedMeet) -> None:
    register(ended.folder)
    async with visiting(ended.folder) as visited, visited.client(PHONE) as client:
        answer = await sign_in(client, secret="my other secret")
        assert answer.status_code == 403
        assert "not the secret of Ref" in answer.text
        assert "my other secret" not in answer.text
        assert not client.cookies
    assert [(e.author, e.verb, e.channel) for e in said(ended.folder)] == [
        ("Ref", REFUSED, "console")
    ]
    assert b"my other secret" not in ended.path.read_bytes()


async def test_a_flood_of_sign_ins_is_stopped(ended: RecordedMeet) -> None:
    register(ended.folder)
    clock = Clock()
    async with visiting(ended.folder, steady=clock) as visited:
        async with visited.client("192.168.1.66") as attacker:
            answers = [await sign_in(attacker, f"guess {n}", "x") for n in range(3 * TRIES)]
            told = [a for a in answers if "Too many tries" in a.text]
            assert len(told) == 2 * TRIES
            assert {a.status_code for a in answers} == {403}
        async with visited.client(PHONE) as client:
            assert (await sign_in(client)).status_code == 303
        async with visited.client("192.168.1.66") as attacker:
            clock.at += 2 * MINUTE
            assert (await sign_in(attacker)).status_code == 303
    assert said(ended.folder) == []  # names that nobody has fill no log


@pytest.mark.parametrize(
    ("asked", "to"),
    [
        ("/race?race=4A/1", "/race?race=4A/1"),
        ("//evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nset-cookie: x=y", "/"),
    ],
)
async def test_after_signing_in_one_stays_here(ended: RecordedMeet, asked: str, to: str) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        answer = await post(client, "/sign-in", name="Ada", secret="", next=asked)
    assert (answer.status_code, answer.headers["location"]) == (303, to)
