"""Where a log is played to: `ctp01://192.168.1.30`, `tsv2+server://0.0.0.0:10000`.

The scheme is the protocol, and after a `+` what meetlog is: a client calls
that address, a server listens on it.
"""

from typing import Literal, get_args
from urllib.parse import urlsplit

import msgspec

from wire.settings import CTP01_PORT, RELAY_ROLES, Protocol, Role

FORMS = (
    "write ctp01://HOST[:PORT] or tsv2://HOST:PORT to call a program, and "
    "tsv1://ADDRESS:PORT or tsv2+server://ADDRESS:PORT to let it call us there"
)
# What a protocol with both roles is without being told: an address says where to go.
_USUAL: dict[str, Role] = {"tsv2": "client"}


class Address(msgspec.Struct, frozen=True):
    """A protocol, what meetlog is in it, and the address that it calls or listens on."""

    protocol: Protocol
    role: Role
    host: str
    port: int

    def __str__(self) -> str:
        """As it was written, in full."""
        role = f"+{self.role}" if len(RELAY_ROLES[self.protocol]) > 1 else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}{role}://{host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address that a person wrote. Raises `ValueError` with what is wrong and what to write."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as e:
        raise ValueError(f"{text!r} is no address ({e}): {FORMS}") from e
    name, _, said = parts.scheme.partition("+")
    protocol = _protocol(name)
    if protocol is None or not parts.netloc:
        raise ValueError(f"{text!r} is no address: {FORMS}")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"{text!r} has more than a host and a port: {FORMS}")
    roles = RELAY_ROLES[protocol]
    role = _role(said) if said else _USUAL.get(protocol, roles[0])
    if role not in roles:
        allowed = " or ".join(f"{protocol}+{each}" for each in roles)
        raise ValueError(f"{text!r}: meetlog cannot be a {said} there; write {allowed}")
    if port is None and protocol == "ctp01":
        port = CTP01_PORT
    if not port:
        raise ValueError(f"{text!r} lacks a port: {FORMS}")
    if not parts.hostname:
        raise ValueError(f"{text!r} lacks a host: {FORMS}")
    return Address(protocol, role, parts.hostname, port)


def _protocol(name: str) -> Protocol | None:
    known: tuple[Protocol, ...] = get_args(Protocol)
    return next((each for each in known if each == name), None)


def _role(name: str) -> Literal["client", "server"] | None:
    known: tuple[Role, ...] = get_args(Role)
    return next((each for each in known if each == name), None)
