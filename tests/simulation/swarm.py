"""What one seed's world consists of: which sources and relays, and which faults how often.

Not every world has everything: with a few things in each, rare meetings of
two become frequent ("swarm testing").
"""

import random
from typing import NamedTuple


class Source(NamedTuple):
    """A `[[source]]`: how it is connected, and more of its settings."""

    protocol: str
    role: str
    port: int
    more: str = ""


class Relay(NamedTuple):
    """A `[[relay]]`, and the kind of program that is at its other end."""

    protocol: str
    role: str
    port: int
    program: str
    send: str


SOURCES = {
    "mat": Source("tsv1", "client", 1001),
    "loop": Source("tsv2", "client", 1002),
    "back": Source("tsv2", "server", 2001, 'allow = ["10.0.0.0/24"]\nmax_connections = 3\n'),
    "lines": Source("ctp01", "server", 2002, 'ping = "6s"\n'),
    "asked": Source("ctp01", "server", 2003, 'mode = "pull"\npoll = "2s"\nping = "6s"\n'),
}
PROGRAMS = {
    "tsv1": ("tsv1", "server", 3001),
    "tsv2": ("tsv2", "server", 3002),
    "tsv2-called": ("tsv2", "client", 1103),
    "ours": ("ctp01", "client", 1104),
    "ours-pull": ("ctp01", "client", 1104),
    "racemap": ("ctp01", "client", 1104),
    "rd25": ("ctp01", "client", 1104),
    "pull-next": ("ctp01", "client", 1104),
}
FAULTS = (
    "cut", "stall", "full", "failing", "slow", "tables", "crash", "restart", "clock", "folder",
    "sink", "foreign", "peer-away", "stranger", "slow-machine", "taken", "reading",
)  # fmt: skip


class Swarm:
    """The make-up of one world."""

    def __init__(self, chance: random.Random) -> None:
        names = chance.sample(list(SOURCES), chance.randint(1, 3))
        self.sources = {name: SOURCES[name] for name in SOURCES if name in names}
        self.relays: dict[str, Relay] = {}
        for number in range(chance.choice((0, 1, 1, 2))):
            program = chance.choice(list(PROGRAMS))
            protocol, role, port = PROGRAMS[program]
            if any(relay.port == port for relay in self.relays.values()):
                continue
            send = chance.choice(("reads", "reads", "raw", "crossings"))
            if send == "raw" and "asked" in names:
                send = (
                    "reads"  # who is asked tells its last line with every answer: no end of copies
                )
            self.relays[f"relay{number}"] = Relay(protocol, role, port, program, send)
        chosen = chance.sample(FAULTS, chance.randint(3, len(FAULTS)))
        self.faults = {fault: chance.choice((1, 1, 3)) for fault in FAULTS if fault in chosen}
        self.pause = chance.choice((0.7, 2.0, 5.0))  # seconds from fault to fault, on average
        self.publish = chance.choice(("complete", "complete", "live"))
        self.operators = chance.random() < 0.8

    def variant(self, chance: random.Random) -> bytes:
        """The settings file with something in it that changes neither crossings nor relays."""
        before, after = chance.choice(
            (
                (b'zone = "UTC"\n', b'zone = "UTC"\nrounding = "up-hundredth"\n'),
                (b'quiet = "500ms"', b'quiet = "200ms"'),
                (b'publish = "complete"', b'publish = "live"'),
                (b"distance = 25", b"distance = 20"),
                # The same moments, but every stamp is read anew.
                (b"[[source]]\n", b'[[source]]\nclock = "utc"\n'),
            )
        )
        return self.toml.replace(before, after)

    @property
    def toml(self) -> bytes:
        """The settings file."""
        parts = [
            f"""
[meet]
zone = "UTC"
gun_window = "1s"
[folder]
quiet = "500ms"
settle = "300ms"
rescan = "2s"
publish = "{self.publish}"
[[point]]
name = "Start"
[[point]]
name = "Turn"
rule = "first"
[[point]]
name = "Finish"
feeds = ["FIN1", {{ name = "FIN2", backup = true }}]
[[course]]
legs = [{{ point = "Turn", distance = 25 }}, {{ point = "Finish", distance = 50 }}]
"""
        ]
        for name, s in self.sources.items():
            parts.append(
                f'[[source]]\nname = "{name}"\nprotocol = "{s.protocol}"\nrole = "{s.role}"\n'
                f"port = {s.port}\n{s.more}"
            )
        for name, r in self.relays.items():
            parts.append(
                f'[[relay]]\nname = "{name}"\nprotocol = "{r.protocol}"\nrole = "{r.role}"\n'
                f'port = {r.port}\nsend = "{r.send}"\nhold = "500ms"\n'
            )
        return "".join(parts).encode()
