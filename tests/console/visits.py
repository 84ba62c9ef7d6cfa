"""Visiting a console in a test: its app without a socket, from any address, by a clock one sets."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette

from meetlog.console.app import make_app
from meetlog.console.signs import Signs
from meetlog.console.state import Console
from meetlog.opening import open_meet
from tests.meetlog.calls import call
from wire.settings import ConsoleSettings

HERE = "127.0.0.1"
PHONE = "192.168.1.77"
SECRET = "correct horse battery"
LOGIN = "timer-laptop"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Visited:
    """A console, and clients of it. `ahead` (ns) is how far its steady clock was moved on."""

    def __init__(self, console: Console, app: Starlette) -> None:
        self.console = console
        self.app = app

    def client(self, address: str = HERE, host: str = "127.0.0.1:8611") -> httpx.AsyncClient:
        """A browser at that address, which calls the console by `host`."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 40_000)),
            base_url=f"http://{host}",
        )


class Clock:
    """A steady clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 10**12

    def __call__(self) -> int:
        # A little for each look, so that no snapshot is taken for a fresh one.
        self.at += 10**9
        return self.at


@asynccontextmanager
async def visiting(
    folder: Path,
    settings: ConsoleSettings | None = None,
    steady: Clock | None = None,
    signs: Signs | None = None,
) -> AsyncIterator[Visited]:
    """The console of a meet."""
    with open_meet(folder) as opened:
        console = Console(
            opened, settings or ConsoleSettings(), signs or Signs(), login=LOGIN,
            steady=steady or Clock(),
        )  # fmt: skip
        yield Visited(console, make_app(console))


def register(folder: Path, name: str = "Ref", role: str = "referee", **more: str) -> None:
    """Register an operator with the secret, at the command line."""
    secret = folder / "secret.txt"
    secret.write_text(SECRET, encoding="utf-8")
    by = [each for k, v in more.items() for each in (f"--{k}", v)]
    if by:
        by += ["--secret-file", str(secret)]
    done = call(
        "operator", "add", name, "--role", role, "--new-secret-file", secret, "-m", folder, *by
    )
    assert done.exit_code == 0, done.output
    secret.unlink()


async def sign_in(
    client: httpx.AsyncClient, name: str = "Ref", secret: str = SECRET
) -> httpx.Response:
    """Sign in as that operator would."""
    return await post(client, "/sign-in", name=name, secret=secret)


async def post(client: httpx.AsyncClient, path: str, **fields: object) -> httpx.Response:
    """Send a form as a page of ours does."""
    origin = str(client.base_url).rstrip("/")
    data = {key: str(value) for key, value in fields.items()}
    return await client.post(path, data=data, headers={"origin": origin})


async def csrf(client: httpx.AsyncClient) -> str:
    """What the forms of a page carry for whoever is signed in."""
    page = await client.get("/")
    found = _CSRF.search(page.text)
    assert found, page.text
    return found[1]


async def say(client: httpx.AsyncClient, verb: str, **fields: object) -> httpx.Response:
    """Fill in the form of a statement; with `step="say"` state it."""
    return await post(client, f"/say/{verb}", csrf=await csrf(client), **fields)
