"""A recorded meet with relays: what they queue is decided as in a `run`; peers are events."""

from pathlib import Path

from store.event import RELAY_SENT, SOCKET_CLOSED, SOCKET_OPENED
from tests.meetlog.meets import TOML, RecordedMeet, read

LONG_NAME = "Finish line at the pool's north end"
RELAYS = """
[[relay]]
name = "scoring"
protocol = "ctp01"
host = "192.168.1.7"
send = "crossings"
hold = "0s"
tag = "bib"

[[relay]]
name = "announcer"
protocol = "tsv2"
role = "server"
port = 10100
"""


class RelayedMeet(RecordedMeet):
    """A meet with the relays `scoring` (crossings by CTP01) and `announcer` (reads by TsV2)."""

    def __init__(self, folder: Path, toml: str = TOML + RELAYS) -> None:
        super().__init__(folder, toml)

    def listen(self, relay: str = "scoring", number: int = 50, port: int = 61611) -> None:
        """A program at 192.168.1.7 is connected with a relay."""
        protocol = "ctp01" if relay == "scoring" else "tsv2"
        self.add(
            relay, SOCKET_OPENED, c=number, protocol=protocol, role="client", relay=True,
            peer=f"192.168.1.7:{port}", local="10.0.0.1:1",
        )  # fmt: skip

    def hand_over(
        self, through: int, *, sent: int, again: int = 0, relay: str = "scoring", number: int = 50
    ) -> None:
        """The connection has handed items up to `through` over."""
        self.add(
            relay, RELAY_SENT, c=number, peer="192.168.1.7:61611", through=through, safe=through,
            sent=sent, again=again,
        )  # fmt: skip

    def hang_up(self, relay: str = "scoring", number: int = 50) -> None:
        self.add(relay, SOCKET_CLOSED, c=number, reason="the peer reset the connection")


def relayed(folder: Path, toml: str = TOML + RELAYS) -> RelayedMeet:
    """A meet whose first heat was swum, published and queued."""
    meet = RelayedMeet(folder, toml)
    meet.load()
    meet.connect()
    meet.publish()
    meet.swim()
    meet.publish()
    return meet


def corrected(folder: Path) -> RelayedMeet:
    """What `relayed` is, handed over, cut, sent again; one crossing is moved and one withdrawn."""
    meet = relayed(folder)
    meet.listen()
    meet.hand_over(5, sent=5)
    meet.hang_up()
    meet.listen(number=51)
    meet.hand_over(5, sent=5, again=3, number=51)
    # A stronger-ranked read cannot come; an earlier equal one moves the crossing.
    meet.receive([read(30_050, "123", "Finish")])
    meet.publish()
    meet.hand_over(6, sent=6, again=3, number=51)
    return meet
