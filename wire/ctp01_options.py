"""What each side of a CTP01 conversation is set to, and the settings as they are sent."""

import hmac
from typing import Literal

import msgspec

from wire.ctp01_marks import WINDOW
from wire.ctp01_messages import Authentication, Authorize, EventInfo, Setting, auth_string

StreamMode = Literal["push", "pull"]
TimeFormat = Literal["normal", "iso", "unix", "msecs"]


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

    `connection_id` is None for programs older than SimpleClient 0.4.0, which
    answer `err`. `inclusive` is the reading of `seq` in `start~loc~seq`;
    `resume` is how it is looked up: by its place in the buffer, or by
    comparing numbers (real clients may do either). `pings` is whether an
    inbound `ping` is answered.
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


def _word(value: bool) -> str:
    return "true" if value else "false"
