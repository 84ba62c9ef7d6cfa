"""Ports, peers and firewalls: judged from invented facts, and measured on this computer."""

import os
import socket

import anyio
import pytest

from meetlog.doctor.measuring_network import holder_of, measure_peers, measure_port
from meetlog.doctor.network import (
    FirewallFact,
    PeerFact,
    PeerState,
    PortFact,
    PortState,
    judge_firewall,
    judge_peers,
    judge_ports,
)
from tests.kit.ports import free_port
from wire.settings import SourceSettings

FREE = PortFact("source mat", "0.0.0.0", 61611, "free")  # noqa: S104 - nothing listens here


@pytest.mark.parametrize(
    ("state", "at_work", "verdict", "words"),
    [
        ("free", False, "ok", "is free"),
        ("free", True, "look", "although a run is at work"),
        ("taken", False, "wrong", "taken by java (process 7)"),
        ("taken", True, "ok", "as it is while a run is at work"),
        ("forbidden", False, "wrong", "may not be listened on"),
        ("no address", False, "wrong", "no address 192.168.1.5"),
        ("failed", False, "wrong", "out of buffers"),
    ],
)
def test_a_port_is_judged(state: PortState, at_work: bool, verdict: str, words: str) -> None:
    fact = PortFact("source mat", "192.168.1.5", 61611, state, "java (process 7)", "out of buffers")
    (found,) = judge_ports([fact], at_work)
    assert (found.verdict, bool(found.remedy)) == (verdict, verdict != "ok")
    assert words in found.text
    assert "source mat" in found.text


@pytest.mark.parametrize(
    ("state", "verdict", "words"),
    [
        ("reached", "ok", "takes connections"),
        ("not tried", "ok", "run's"),
        ("refused", "look", "no program listens"),
        ("silent", "look", "did not answer"),
        ("no name", "look", "no computer of that name"),
        ("failed", "look", "network is down"),
    ],
)
def test_a_peer_is_judged(state: PeerState, verdict: str, words: str) -> None:
    (found,) = judge_peers([PeerFact("relay scoring", "10.0.0.9", 10000, state, "network is down")])
    assert (found.verdict, bool(found.remedy)) == (verdict, verdict != "ok")
    assert words in found.text
    assert "relay scoring" in found.text


def test_a_firewall_matters_only_where_others_are_to_come_in() -> None:
    local = PortFact("source mat", "localhost", 5000, "free")
    windows = FirewallFact("windows", ("Windows Defender Firewall",))
    assert judge_firewall(windows, [local]).verdict == "ok"
    assert judge_firewall(windows, []).verdict == "ok"
    assert judge_firewall(FirewallFact("linux", ()), [FREE]).verdict == "ok"
    unseen = judge_firewall(FirewallFact("macos", None), [FREE, local])
    assert unseen.verdict == "look"
    assert "61611" in unseen.text
    assert "5000" not in unseen.text


@pytest.mark.parametrize(
    ("fact", "command"),
    [
        (FirewallFact("linux", ("ufw",)), "sudo ufw allow 61611/tcp"),
        (FirewallFact("linux", ("firewalld",)), "--add-port=61611/tcp"),
        (FirewallFact("linux", ("nftables",)), "nft list ruleset"),
        (FirewallFact("windows", ("Windows Defender Firewall",)), "localport=61611"),
        (FirewallFact("macos", ("macOS firewall",)), "System Settings"),
    ],
)
def test_the_remedy_is_that_of_the_system(fact: FirewallFact, command: str) -> None:
    found = judge_firewall(fact, [FREE])
    assert found.verdict == "look"
    assert command in found.remedy


def test_ports_of_this_computer_are_measured() -> None:
    port = free_port()
    assert measure_port("source mat", "127.0.0.1", port).state == "free"
    with socket.create_server(("127.0.0.1", port)):
        taken = measure_port("source mat", "127.0.0.1", port)
        assert taken.state == "taken"
        assert f"process {os.getpid()}" in taken.holder
    assert holder_of(port) == ""
    assert measure_port("source mat", "no such host.invalid", port).state == "no address"
    assert measure_port("source mat", "198.51.100.7", port).state == "no address"


def test_peers_of_this_computer_are_called() -> None:
    port, silent = free_port(), free_port()
    here = SourceSettings("here", "tsv1", "client", port)
    gone = SourceSettings("gone", "tsv1", "client", silent)
    unknown = SourceSettings("unknown", "tsv1", "client", port, host="a..b")
    with socket.create_server(("127.0.0.1", port)):
        facts = anyio.run(measure_peers, [here, gone, unknown])
    assert [each.state for each in facts] == ["reached", "refused", "no name"]
    assert [each.who for each in facts] == ["source here", "source gone", "source unknown"]
