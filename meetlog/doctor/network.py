"""The network judged: ports that servers need, peers that clients call, firewalls in between."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Literal

import msgspec

from meetlog.doctor.findings import Finding, System, look, ok, wrong

PORTS, PEERS, FIREWALL = "port", "peer", "firewall"
PortState = Literal["free", "taken", "forbidden", "no address", "failed"]
PeerState = Literal["reached", "refused", "silent", "no name", "failed", "not tried"]


class PortFact(msgspec.Struct, frozen=True):
    """Whether `who` could listen on `host` and `port` now.

    `holder` is the program that has the port, "" when it is not known; `reason` what the system
    said.
    """

    who: str
    host: str
    port: int
    state: PortState
    holder: str = ""
    reason: str = ""


class PeerFact(msgspec.Struct, frozen=True):
    """What came of one connection to where `who` is to call; `reason` is what the system said."""

    who: str
    host: str
    port: int
    state: PeerState
    reason: str = ""


class FirewallFact(msgspec.Struct, frozen=True):
    """The firewalls that are at work, by name; None when that cannot be seen."""

    system: System
    active: tuple[str, ...] | None


def judge_ports(facts: Sequence[PortFact], run_at_work: bool) -> list[Finding]:
    """A finding for each port that meetlog is to listen on."""
    return [_judge_port(fact, run_at_work) for fact in facts]


def _judge_port(fact: PortFact, run_at_work: bool) -> Finding:
    where = f"{fact.host} port {fact.port} for {fact.who}"
    match fact.state:
        case "free":
            if run_at_work:
                return look(
                    PORTS,
                    f"{where} is free although a run is at work.",
                    "Does that run have other settings? It has to be started again to take new "
                    "ones: stop it with Ctrl-C, then meetlog run.",
                )
            return ok(PORTS, f"{where} is free.")
        case "taken" if run_at_work:
            by = _by(fact.holder)
            return ok(PORTS, f"{where} is taken{by}, as it is while a run is at work.")
        case "taken":
            return wrong(
                PORTS,
                f"{where} is taken{_by(fact.holder)}.",
                "End that program, or choose another port in meet.toml and tell the other side.",
            )
        case "forbidden":
            return wrong(
                PORTS,
                f"{where} may not be listened on by this user.",
                "Choose a port above 1023 in meet.toml and tell the other side.",
            )
        case "no address":
            return wrong(
                PORTS,
                f"This computer has no address {fact.host}, where {fact.who} is to listen.",
                'Plug in the network, or write one of its addresses: "127.0.0.1" is this computer '
                'only, "0.0.0.0" is every network.',
            )
    return wrong(
        PORTS, f"{where} cannot be had: {fact.reason}.", "Check host and port in meet.toml."
    )


def _by(holder: str) -> str:
    return f" by {holder}" if holder else ""


def judge_peers(facts: Sequence[PeerFact]) -> list[Finding]:
    """A finding for each peer that meetlog is to call.

    None is wrong: a run goes on trying, and before the meet timing systems are often switched off.
    """
    return [_judge_peer(fact) for fact in facts]


def _judge_peer(fact: PeerFact) -> Finding:
    where = f"{fact.host} port {fact.port} for {fact.who}"
    again = "A run goes on trying by itself."
    match fact.state:
        case "reached":
            return ok(PEERS, f"{where} takes connections.")
        case "not tried":
            return ok(PEERS, f"{where} is the run's that is at work: see meetlog sources.")
        case "refused":
            return look(
                PEERS,
                f"{where}: the computer is there, but no program listens on that port.",
                f"Start the timing software and its output, and compare the port. {again}",
            )
        case "silent":
            return look(
                PEERS,
                f"{where} did not answer within a second.",
                "Is it switched on, is the cable in, is the address right, does its firewall let "
                f"us in? {again}",
            )
        case "no name":
            return look(
                PEERS,
                f"{where}: no computer of that name is known here.",
                f"Write its address instead, such as 192.168.1.20. {again}",
            )
    return look(
        PEERS, f"{where} cannot be reached: {fact.reason}.", f"Check cable and address. {again}"
    )


_ALLOW = {
    "ufw": "sudo ufw allow {port}/tcp",
    "firewalld": "sudo firewall-cmd --permanent --add-port={port}/tcp "
    "and then sudo firewall-cmd --reload",
    "nftables": "sudo nft list ruleset shows whether port {port} is let in",
    "Windows Defender Firewall": 'as administrator: netsh advfirewall firewall add rule name="'
    'meetlog {port}" dir=in action=allow protocol=TCP localport={port}',
    "macOS firewall": "allow Python in System Settings, Network, Firewall, Options (port {port})",
}


def judge_firewall(fact: FirewallFact, servers: Sequence[PortFact]) -> Finding:
    """One finding about all servers that others are to reach from elsewhere."""
    ports = sorted({each.port for each in servers if not is_loopback(each.host)})
    if not ports:
        return ok(FIREWALL, "Nothing is to be reached from other computers.")
    named = ", ".join(map(str, ports))
    others = f"Other computers are to reach port{'s' if len(ports) > 1 else ''} {named}"
    if fact.active is None:
        return look(
            FIREWALL,
            f"{others}; whether a firewall is in between cannot be seen here.",
            "Try it from the other computer before the meet.",
        )
    if not fact.active:
        return ok(FIREWALL, f"{others}, and no firewall of this computer is at work.")
    hints = [
        _ALLOW[name].format(port=port)
        for name in fact.active
        for port in ports
        if name in _ALLOW
    ]  # fmt: skip
    return look(
        FIREWALL,
        f"{others}, and {' and '.join(fact.active)} may keep them out.",
        f"Try it from the other computer; to let it in: {'; '.join(hints)}.",
    )


def is_loopback(host: str) -> bool:
    """Whether only programs of this computer can reach a server on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
