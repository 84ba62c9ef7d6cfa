"""What the two kinds of connections have in common: those of a source, and those of a relay."""

from typing import Protocol

from wire.settings import RelaySettings


class Endpoint(Protocol):
    """The part of the settings of a source or a relay that its connections go by."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    @property
    def protocol(self) -> str:
        """The protocol that is spoken."""

    @property
    def role(self) -> str:
        """What we are: client or server."""

    @property
    def host(self) -> str:
        """The other side's address; for a server, our own."""

    @property
    def port(self) -> int:
        """Its port."""

    @property
    def allow(self) -> tuple[str, ...]:
        """Networks whose peers a server takes; none means all."""

    @property
    def max_connections(self) -> int:
        """How many peers a server takes at once."""


def is_relay(endpoint: Endpoint) -> bool:
    """Whether we are the one that sends the reads."""
    return isinstance(endpoint, RelaySettings)


def spell(endpoint: Endpoint) -> str:
    """`source finish-mat` or `relay scoring`, for messages."""
    return f"{'relay' if is_relay(endpoint) else 'source'} {endpoint.name}"
