"""The network measured: ports are bound and let go, peers are called once, firewalls are named."""

import errno
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import psutil

from ingest.endpoints import Endpoint, spell
from meetlog.doctor.asking import answer, system
from meetlog.doctor.network import FirewallFact, PeerFact, PeerState, PortFact, PortState

ANSWER_SECONDS = 1.0  # on a local network an answer takes milliseconds


def measure_port(who: str, host: str, port: int) -> PortFact:
    """Whether `port` can be had on every address of `host`. Nobody is listened to meanwhile."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            _try(family, kind, protocol, address)
    except (OSError, UnicodeError) as error:
        state = _port_state(error)
        holder = holder_of(port) if state == "taken" else ""
        return PortFact(who, host, port, state, holder, _words(error))
    return PortFact(who, host, port, "free")


def _try(
    family: int, kind: int, protocol: int, address: tuple[str | int, ...] | tuple[int, bytes]
) -> None:
    # The options are those with which `ingest.streams` binds, or the answer would be another.
    with socket.socket(family, kind, protocol) as trying:
        if sys.platform == "win32":
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            trying.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        trying.bind(address)


def _port_state(error: OSError | UnicodeError) -> PortState:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "no address"
    match error.errno:
        case errno.EADDRINUSE:
            return "taken"
        case errno.EACCES | errno.EPERM:
            return "forbidden"
        case errno.EADDRNOTAVAIL:
            return "no address"
    return "failed"


def holder_of(port: int) -> str:
    """`python (process 4711)` that listens on `port`; "" when the system does not tell."""
    try:
        for each in psutil.net_connections("tcp"):
            listens = each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
            if listens and each.pid is not None:
                return f"{psutil.Process(each.pid).name()} (process {each.pid})"
    except psutil.Error:
        return ""  # macOS tells only its administrator
    return ""


async def measure_peers(clients: Sequence[Endpoint]) -> list[PeerFact]:
    """Call every client's host once, all at the same time, and hang up."""
    facts: dict[str, PeerFact] = {}

    async def call(endpoint: Endpoint) -> None:
        facts[spell(endpoint)] = await _call(endpoint)

    async with anyio.create_task_group() as group:
        for endpoint in clients:
            group.start_soon(call, endpoint)
    return [facts[spell(endpoint)] for endpoint in clients]


async def _call(endpoint: Endpoint) -> PeerFact:
    where = (spell(endpoint), endpoint.host, endpoint.port)
    try:
        with anyio.fail_after(ANSWER_SECONDS):
            stream = await anyio.connect_tcp(endpoint.host, endpoint.port)
    except TimeoutError:
        return PeerFact(*where, "silent")
    except (OSError, UnicodeError) as error:
        return PeerFact(*where, _peer_state(error), _words(_innermost(error)))
    await stream.aclose()
    return PeerFact(*where, "reached")


def _peer_state(error: OSError | UnicodeError) -> PeerState:
    cause = _innermost(error)
    if isinstance(cause, socket.gaierror | UnicodeError):
        return "no name"
    if isinstance(cause, ConnectionRefusedError):
        return "refused"
    return "silent" if isinstance(cause, TimeoutError) else "failed"


def _innermost(error: BaseException) -> BaseException:
    """The system's own error: anyio tells of several addresses in a group that is a cause."""
    while True:
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            return error


def _words(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def measure_firewall() -> FirewallFact:
    """The firewalls of this computer that are at work, as far as anybody may see."""
    return FirewallFact(system(), _active())


def _active() -> tuple[str, ...] | None:
    if sys.platform == "win32":
        return _windows_firewall()
    if sys.platform == "darwin":
        told = answer("/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate")
        return None if told is None else ("macOS firewall",) if "State = 0" not in told else ()
    told = answer("systemctl", "is-active", "firewalld", "nftables", any_code=True)
    states = (told or "").split()
    if len(states) != 2:
        return None
    active = [n for n, s in zip(("firewalld", "nftables"), states, strict=True) if s == "active"]
    if _ufw_enabled():
        active.append("ufw")
    return tuple(active)


def _ufw_enabled() -> bool:
    # Its service is `active` even where ufw itself is switched off.
    try:
        text = Path("/etc/ufw/ufw.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(line.strip().casefold() == "enabled=yes" for line in text.splitlines())


def _windows_firewall() -> tuple[str, ...] | None:
    """From the registry, for what `netsh` prints is in the language of the system."""
    if sys.platform != "win32":
        return None
    import winreg

    base = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
    states = []
    for profile in ("DomainProfile", "StandardProfile", "PublicProfile"):
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{base}\{profile}") as key:
                states.append(winreg.QueryValueEx(key, "EnableFirewall")[0])
        except OSError:
            continue
    if not states:
        return None
    return ("Windows Defender Firewall",) if any(states) else ()
