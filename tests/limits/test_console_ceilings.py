"""The ceilings of the console: what is at them and below is answered, what is above is not."""

from contextlib import AsyncExitStack
from functools import partial

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from meetlog.authors import Author
from meetlog.console import lookout, parts
from meetlog.console.access import MOST_FIELDS, BadForm, form_of
from meetlog.console.answers import MOST_EVENTS
from meetlog.console.guard import BODY_SECONDS, MOST_BODY, TooLarge, _bounded
from meetlog.console.live import MOST_REMOTE_STREAMS, MOST_STREAMS
from meetlog.console.lookout import Lookout
from meetlog.console.sessions import LONGEST, TRIES_AT_ONCE, UNUSED, Sessions
from meetlog.console.snapshots import take
from meetlog.console.state import PASTS
from meetlog.opening import open_meet
from store.event import Draft
from store.sqlite import SqliteLog
from tests.console.visits import PHONE, post, register, sign_in, visiting
from tests.kit.around import around
from tests.kit.jumping import JumpingLoop
from tests.meetlog.meets import RecordedMeet
from wire.stamps import HOUR

pytestmark = pytest.mark.anyio
AUTHOR = Author("Ref", "secret", "")


async def pieces(*bodies: bytes) -> list[Message]:
    return [
        {"type": "http.request", "body": body, "more_body": n < len(bodies)}
        for n, body in enumerate(bodies, 1)
    ]


@around
@pytest.mark.parametrize("count", [1, 4])
async def test_a_body(more: int, count: int) -> None:
    """Whatever the pieces that it comes in."""
    size = MOST_BODY + more
    sent = iter(
        await pieces(
            *[b"x" * (size // count)] * (count - 1), b"x" * (size - size // count * (count - 1))
        )
    )

    async def receive() -> Message:
        return next(sent)

    bounded = _bounded(receive)
    taken = 0
    try:
        for _ in range(count):
            taken += len((await bounded())["body"])
    except TooLarge:
        assert more > 0
    else:
        assert taken == size
        assert more <= 0


@around
async def test_a_body_that_says_how_large_it_is(ended: RecordedMeet, more: int) -> None:
    async with visiting(ended.folder) as visited, visited.client() as client:
        origin = {"origin": "http://127.0.0.1:8611"}
        answer = await client.post("/say/dq", content=bytes(MOST_BODY + more), headers=origin)
    assert answer.status_code == (413 if more > 0 else 403)


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": JumpingLoop})])
@pytest.mark.parametrize("late", [-0.1, 0.1, 4000])
async def test_a_body_that_drips_is_over_in_time(late: float) -> None:
    pause = (BODY_SECONDS + late) / 4
    sent = iter(await pieces(*[b"x"] * 5))

    async def receive() -> Message:
        await anyio.sleep(pause)
        return next(sent)

    bounded = _bounded(receive)
    began = anyio.current_time()
    types = [(await bounded())["type"] for _ in range(4)]
    assert ("http.disconnect" in types) == (4 * pause > BODY_SECONDS)
    if "http.disconnect" in types:
        first = types.index("http.disconnect")
        assert types[:first] == ["http.request"] * first
        assert first * pause <= BODY_SECONDS
    else:
        assert anyio.current_time() - began == pytest.approx(4 * pause)


@around
async def test_fields_of_a_form(more: int) -> None:
    body = "&".join(f"f{n}=1" for n in range(MOST_FIELDS + more)).encode()
    kind = (b"content-type", b"application/x-www-form-urlencoded")

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    request = Request({"type": "http", "method": "POST", "headers": [kind]}, receive)
    if more > 0:
        with pytest.raises(BadForm):
            await form_of(request)
    else:
        assert len(await form_of(request)) == MOST_FIELDS + more


@around
async def test_events_in_an_answer(ended: RecordedMeet, more: int) -> None:
    log = SqliteLog(ended.folder / "meet.db")
    log.append([Draft("meetlog", "test.made")] * (MOST_EVENTS + 1))
    log.close()
    async with visiting(ended.folder) as visited, visited.client() as client:
        answer = await client.get(f"/api/events?limit={MOST_EVENTS + more}")
    assert len(answer.json()["items"]) == min(MOST_EVENTS, MOST_EVENTS + more)


@pytest.mark.parametrize(
    ("address", "most"), [("127.0.0.1", MOST_STREAMS), (PHONE, MOST_REMOTE_STREAMS)]
)
@around
async def test_pages_that_are_told_of_changes(
    ended: RecordedMeet, address: str, most: int, more: int
) -> None:
    register(ended.folder)
    async with visiting(ended.folder) as visited, visited.client(address) as client:
        await sign_in(client)
        visited.app.state.streams = most + more - 1
        visited.console.end()  # so that what is streamed has an end
        answer = await client.get("/live?parts=strip")
    assert answer.status_code == (503 if more > 0 else 200)


@around
def test_a_session_that_nobody_uses(more: int) -> None:
    kept = Sessions()
    token = kept.begin(AUTHOR, PHONE, None, 0)
    assert (kept.find(token, PHONE, {}, UNUSED + more) is None) == (more > 0)


@around
def test_a_session_that_is_used(more: int) -> None:
    kept = Sessions()
    token = kept.begin(AUTHOR, PHONE, None, 0)
    assert all(kept.find(token, PHONE, {}, at) for at in range(HOUR, LONGEST, HOUR))
    assert (kept.find(token, PHONE, {}, LONGEST + more) is None) == (more > 0)


@around
def test_crossings_on_their_page(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    with open_meet(ended.folder) as opened:
        known = opened.meet.crossings()[::-1]
        monkeypatch.setattr(parts, "SHOWN", len(known) - more)
        asked = parts.Asked(take(Lookout(opened), None, 0), {}, now=0, may=False)
        assert parts.crossings_of(opened, asked) == known[: len(known) - more]


@around
def test_crossings_that_are_kept_ready(
    ended: RecordedMeet, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Of a point where nobody came by for long, all that it has is shown nevertheless."""
    with open_meet(ended.folder) as opened:
        known = opened.meet.crossings()[::-1]
        most = len(known) - more
        for module in (lookout, parts):
            monkeypatch.setattr(module, "RECENT", most)
        snapshot = take(Lookout(opened), None, 0)
        assert list(snapshot.recent) == known[:most]
        point = known[-1].point
        asked = parts.Asked(snapshot, {"point": point}, now=0, may=False)
        shown = parts.crossings_of(opened, asked)
    assert shown == [c for c in known if c.point == point]


@around
async def test_pasts_that_are_kept(ended: RecordedMeet, more: int) -> None:
    async with visiting(ended.folder) as visited:
        for position in range(1, PASTS + more + 1):
            await visited.console.past(str(position))
        assert len(visited.console._pasts) == min(PASTS, PASTS + more)


@around
async def test_secrets_that_are_tried_at_once(ended: RecordedMeet, more: int) -> None:
    register(ended.folder)
    async with visiting(ended.folder) as visited, AsyncExitStack() as stack:
        client = await stack.enter_async_context(visited.client())
        for n in range(TRIES_AT_ONCE - 1 + more):
            visited.console.proving.acquire_on_behalf_of_nowait(n)
        answer: httpx.Response = await partial(post, client, "/sign-in")(
            name="Ref", secret="correct horse battery"
        )
        assert ("Others are signing in" in answer.text) == (more > 0)
