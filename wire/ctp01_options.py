"""What each side of a CTP01 conversation is set to, and the settings as they are sent."""

import hmac
from typing import Literal

import msgspec

from wire.ctp01_marks import WINDOW
from wire.ctp01_messages import (
    Ack,
    Authentication,
    Authorize,
    EventInfo,
    Greeting,
    Setting,
    auth_string,
    encode,
)
from wire.errors import WireError

StreamMode = Literal["push", "pull"]
TimeFormat = Literal["normal", "iso", "unix", "msecs"]
# What a client that was told nothing does (PROTOCOLS 1.2).
DEFAULTS = {
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


class ServerOptions(msgspec.Struct, frozen=True):
    """What the server asks for. Every setting of PROTOCOLS 1.2 is sent, defaults included.

    `pushmode_ack` is asked for because without it a client cannot say that it
    is unable to resume. `seed` is given anew for each connection, from
    outside. `pull_max` is the lines per `getdata`.
    """

    program: str = "meetlog"
    version: str = "0.1.0"
    authentication: Authentication = "none"
    user: str = ""
    password: str = ""
    seed: str = ""
    stream_mode: StreamMode = "push"
    tagevent_format: str = "CT01_33"
    time_format: TimeFormat = "iso"
    guntimes: bool = True
    newlocations: bool = True
    pushmode_ack: bool = True
    connection_id: bool = True
    pull_max: int = 500

    def __post_init__(self) -> None:
        """Refuse what would leave a client unauthenticated or a pull without progress."""
        if self.authentication not in ("none", "plaintext") and not self.seed:
            raise ValueError(f"{self.authentication} needs a seed for each connection")
        if self.authentication != "none" and not self.password:
            raise ValueError(f"{self.authentication} needs a password")
        if self.pull_max < 2 * WINDOW:
            raise ValueError(f"pull_max must be {2 * WINDOW} or more: some lines come again")

    def settings(self) -> tuple[Setting, ...]:
        """The settings in the order of PROTOCOLS 1.2; the seed only where one is used."""
        pairs = {
            "location": "multi",
            "guntimes": _word(self.guntimes),
            "newlocations": _word(self.newlocations),
            "authentication": self.authentication,
            "authentication-seed": self.seed,
            "stream-mode": self.stream_mode,
            "tagevent-format": self.tagevent_format,
            "pushmode-ack": _word(self.pushmode_ack),
            "time-format": self.time_format,
            "connection-id": _word(self.connection_id),
        }
        if self.authentication in ("none", "plaintext"):
            del pairs["authentication-seed"]
        return tuple(Setting(key, value) for key, value in pairs.items())

    def admits(self, message: Authorize) -> bool:
        """Whether the user and what proves the password are right, compared in constant time."""
        wanted = auth_string(self.authentication, self.password, self.seed)
        # Hex digits may come in either case; a password may not.
        plain = self.authentication == "plaintext"
        given = message.string if plain else message.string.lower()
        same_user = hmac.compare_digest(message.user.encode(), self.user.encode())
        return hmac.compare_digest(given.encode(), wanted.encode()) and same_user


class ClientOptions(msgspec.Struct, frozen=True):
    """What a timing side is.

    `program` and `version` are its greeting; some servers accept `SimpleClient`
    only (PROTOCOLS 1.7, RM). `connection_id` outlasts connections as the lines
    do, and a new one says that they are others; None for programs older than
    SimpleClient 0.4.0, which answer `err`. `inclusive` is the reading of `seq`
    in `start~loc~seq`; `resume` is how it is looked up: by its place among the
    lines, or by comparing numbers (real clients may do either). `pings` is
    whether an inbound `ping` is answered. Raises `WireError` for what cannot
    be sent.
    """

    program: str = "SimpleClient"
    version: str = "0.5.0"
    user: str = ""
    password: str = ""
    event: EventInfo = EventInfo("meetlog")
    connection_id: str | None = None
    inclusive: bool = True
    resume: Literal["place", "number"] = "place"
    pings: bool = True

    def __post_init__(self) -> None:
        """Refuse now what would fail in the middle of a conversation."""
        event = self.event
        encode(Greeting(self.program, self.version))
        encode(Ack("geteventinfo", (event.name, event.id, event.description)))
        encode(Ack("getconnectionid", (self.connection_id or "",)))
        encode(Authorize(self.user, self.password))
        if self.connection_id == "":
            raise WireError("an empty connection id", hint="give one that lasts, or None")


def _word(value: bool) -> str:
    return "true" if value else "false"
