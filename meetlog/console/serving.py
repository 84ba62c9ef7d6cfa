"""Serving: the console on a port, with or without TLS, on the event loop of its process."""

import getpass
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import uvicorn

from meetlog.console.app import make_app
from meetlog.console.errors import CannotServe
from meetlog.console.protocol import MOST_CONNECTIONS, MOST_HEAD, BoundedProtocol
from meetlog.console.signs import Signs
from meetlog.console.state import Console
from meetlog.opening import open_meet
from wire.settings import ConsoleSettings

KEEP_ALIVE = 30  # seconds; a page that nobody touches holds no connection but its stream
BACKLOG = 64


def bind(settings: ConsoleSettings) -> socket.socket:
    """A socket at the console's address. Raises `CannotServe`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (settings.host, settings.port), family=family, backlog=BACKLOG
        )
    except OSError as error:
        raise CannotServe(
            f"The console cannot listen on {settings.host}, port {settings.port}: "
            f"{error.strerror or error}. Is another console there? Give it another port in "
            "meet.toml, [console], or stop what uses this one."
        ) from error
    return listener


def url_of(settings: ConsoleSettings, listener: socket.socket) -> str:
    """The address to type into a browser on this computer, and on others where they may."""
    scheme = "https" if settings.certificate else "http"
    port = listener.getsockname()[1]
    host = settings.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound to
        host = socket.gethostname()
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"


async def serve(
    meet: Path,
    settings: ConsoleSettings,
    listener: socket.socket,
    signs: Signs,
    ready: Callable[[uvicorn.Server], None],
) -> None:
    """Serve the meet's console until the server that `ready` is given should exit.

    Raises `CannotServe` for a certificate that cannot be used, and what
    opening the meet raises.
    """
    tls = _tls(meet, settings)
    with open_meet(meet) as opened, closing(listener):
        console = Console(opened, settings, signs, login=_login())
        server = Server(console, tls)
        ready(server)
        await server.serve(sockets=[listener])


class Server(uvicorn.Server):
    """The server of a console. When it ends, pages that watch are let go first."""

    def __init__(self, console: Console, tls: tuple[str, str] | None = None) -> None:
        self._console = console
        config = uvicorn.Config(
            make_app(console),
            # No log of ours: it would have addresses in it, and nobody asked for one.
            log_config=None,
            access_log=False,
            lifespan="on",
            # Whoever says to speak for somebody else is not believed.
            proxy_headers=False,
            server_header=False,
            date_header=True,
            ws="none",
            http=BoundedProtocol,
            h11_max_incomplete_event_size=MOST_HEAD,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=1,
            ssl_certfile=None if tls is None else tls[0],
            ssl_keyfile=None if tls is None else tls[1],
        )
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.shutdown`."""
        self._console.end()
        await super().shutdown(sockets)


def _tls(meet: Path, settings: ConsoleSettings) -> tuple[str, str] | None:
    if not settings.certificate:
        return None
    folder = meet if meet.is_dir() else meet.parent
    certificate, key = folder / settings.certificate, folder / settings.key
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        raise CannotServe(
            f"The console's certificate {certificate} and key {key} cannot be used: {error}. "
            "Both are PEM files, and the key has no password."
        ) from error
    return str(certificate), str(key)


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
