"""The API, asked as its OpenAPI page says and as it does not: it answers as the page says.

Schemathesis makes the requests from the document and holds the answers against
it: no server error, no code or content type that the page does not name, each
body of its schema, nothing accepted that makes no sense, no other method.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from meetlog.console.answers import ANSWERS
from meetlog.console.app import make_app
from meetlog.console.signs import Signs
from meetlog.console.state import Console
from meetlog.opening import open_meet
from tests.console.visits import HERE, LOGIN, PHONE, Clock, Visited, register, sign_in
from tests.meetlog.meets import swum
from wire.settings import ConsoleSettings

EXAMPLES = 5  # of each answer, beside those that the forms of its parameters ask for
_NAMED = ConsoleSettings(names=("testserver",))  # as schemathesis calls it


class Door:
    """The console as one who calls from an address reaches it; how often it answered what."""

    def __init__(self, visited: Visited) -> None:
        self.visited = visited
        self.address = HERE
        self.answers: dict[int, int] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            raise RuntimeError("nothing of the console goes on between the requests")

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.answers[message["status"]] = self.answers.get(message["status"], 0) + 1
            await send(message)

        caller = {"client": (self.address, 40_000), "server": ("127.0.0.1", 8611)}
        await self.visited.app(scope | caller, receive, sending)

    def ask(self, address: str, examples: int, cookie: str = "") -> list[str]:
        """Call everything from that address; what was not as the page says, a line each."""
        config = SchemathesisConfig.from_dict(
            {
                "seed": 1,
                "workers": 1,
                "headers": {"cookie": cookie} if cookie else {},
                "generation": {
                    "max-examples": examples, "deterministic": True, "database": "none",
                },
                "phases": {"stateful": {"enabled": False}},
            }
        )  # fmt: skip
        self.address = HERE
        schema = schemathesis.openapi.from_asgi("/api/openapi.json", self, config=config)
        self.address = address
        self.answers.clear()
        return list(_broken(engine.from_schema(schema).execute()))


def _broken(events: Any) -> Iterator[str]:
    for event in events:
        if isinstance(event, FatalError | NonFatalError):
            yield str(event)
        if not isinstance(event, ScenarioFinished):
            continue
        for checks in event.recorder.checks.values():
            for check in checks:
                if told := check.failure_info:
                    what = f"{told.failure.title}: {told.failure.message}"
                    yield f"{event.recorder.label}: {what}\n{told.code_sample}"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """A console with an operator who is called `Ref`."""
    meet = swum(tmp_path / "meet")
    meet.end()
    register(meet.folder)
    with open_meet(meet.folder) as opened:
        console = Console(opened, _NAMED, Signs(), login=LOGIN, steady=Clock())
        yield Door(Visited(console, make_app(console)))


async def cookie_of(visited: Visited) -> str:
    """What a phone sends once its owner has signed in."""
    async with visited.client(PHONE) as client:
        await sign_in(client)
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def test_the_answers_are_as_the_page_says(door: Door) -> None:
    assert door.ask(HERE, EXAMPLES) == []
    assert door.answers.keys() == {200, 400, 403, 404, 405}  # 403: a form of another site
    assert door.answers[200] >= len(ANSWERS)


def test_who_has_signed_in_elsewhere_is_answered_the_same(door: Door) -> None:
    cookie = anyio.run(cookie_of, door.visited)
    assert door.ask(PHONE, 1, cookie) == []
    assert door.answers[200] >= len(ANSWERS)
    assert 401 not in door.answers


def test_who_has_not_signed_in_learns_nothing(door: Door) -> None:
    assert door.ask(PHONE, 1) == []
    assert door.answers.keys() <= {401, 403, 405}
    assert door.answers[401] >= len(ANSWERS)
