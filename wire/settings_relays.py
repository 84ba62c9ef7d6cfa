"""What must fit together in the `[[relay]]`s of the settings."""

import re

from wire.settings import RELAY_ROLES, RESERVED_SOURCES, RelaySettings, Settings
from wire.settings_common import Report, check_networks, check_zone, close_to, each, same_address
from wire.tomlfile import Path

_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


def chip_range(text: str) -> tuple[int, int] | None:
    """The bounds of `"100-199"`, both included; None for what is one chip's own text."""
    match = _RANGE.fullmatch(text.replace(" ", ""))
    return (int(match[1]), int(match[2])) if match else None


def heat_parts(text: str) -> tuple[str, str, str] | None:
    """Session, event and heat of `"1/4A/2"`, each of which may be `*`; None for anything else."""
    parts = tuple(part.strip() for part in text.rsplit("/", 2))
    if len(parts) != 3 or not all(parts) or not (parts[2] == "*" or parts[2].isdecimal()):
        return None
    return parts


def check_relays(settings: Settings, report: Report) -> None:
    """Report everything about the relays that does not fit."""
    sources = {source.name for _, source in each(settings.sources)}
    taken = {name.casefold(): "a source" for name in sources}
    points = {p.name for _, p in each(settings.points)}
    points |= {f.name for _, p in each(settings.points) for _, f in each(p.feeds)}
    listening = [(s.host, s.port, f"source {s.name!r}")
                 for _, s in each(settings.sources) if s.role == "server"]  # fmt: skip
    for i, relay in each(settings.relays):
        path: Path = ("relay", i)
        _check_name(relay.name, taken, path, report)
        taken.setdefault(relay.name.casefold(), f"relay {i + 1}")
        _check_role(relay, path, report)
        if relay.zone:
            check_zone(relay.zone, (*path, "zone"), report)
        if relay.role == "server" and relay.port:
            for host, port, who in listening:
                if port == relay.port and same_address(host, relay.host):
                    problem = f"{port} is also the port of {who}"
                    report((*path, "port"), problem, "give each server its own port")
            listening.append((relay.host, relay.port, f"relay {relay.name!r}"))
        _check_filters(relay, path, sources, points, report)


def _check_name(name: str, taken: dict[str, str], path: Path, report: Report) -> None:
    if name.casefold() in RESERVED_SOURCES:
        remedy = f"reserved: {', '.join(RESERVED_SOURCES)}; choose another"
        report((*path, "name"), f"{name!r} already has a meaning in the log", remedy)
    elif name and (not name.isprintable() or name != name.strip()):
        report((*path, "name"), "it has blanks around it or characters that do not print", "")
    elif name and name.casefold() in taken:
        problem = f"{name!r} is also {taken[name.casefold()]}"
        report((*path, "name"), problem, "give each source and relay its own name")


def _check_role(relay: RelaySettings, path: Path, report: Report) -> None:
    roles: tuple[str, ...] = RELAY_ROLES.get(relay.protocol, ())
    if roles and relay.role in ("client", "server") and relay.role not in roles:
        allowed = " or ".join(f'"{role}"' for role in roles)
        problem = f"a relay cannot be a {relay.role} for {relay.protocol}"
        report((*path, "role"), problem, f"write {allowed}")
    check_networks(relay.allow, relay.role, path, report)
    if relay.protocol == "ctp01":
        if relay.catch_up != "resume":
            problem = "a CTP01 program asks by itself for what it has not got"
            report((*path, "catch_up"), problem, "remove this line")
    elif roles and (relay.user or relay.password_file):
        key = "password_file" if relay.password_file else "user"
        report((*path, key), f"{relay.protocol} has no authentication", "remove this line")
    for key in ("program", "version"):
        if "~" in getattr(relay, key):
            report((*path, key), "CTP01 cannot send ~ within a field", "choose another text")


def _check_filters(
    relay: RelaySettings, path: Path, sources: set[str], points: set[str], report: Report
) -> None:
    for i, name in each(relay.sources):
        if name not in sources:
            remedy = close_to(name, sources, "add a [[source]] with that name")
            report((*path, "sources", i), f"there is no source {name!r}", remedy)
    for i, name in each(relay.points):
        # Without any [[point]], points are what the hardware calls them.
        if points and name not in points:
            remedy = close_to(name, points, "add a [[point]] with that name")
            report((*path, "points", i), f"there is no point {name!r}", remedy)
    for i, text in each(relay.chips):
        bounds = chip_range(text)
        if not text.strip():
            report((*path, "chips", i), "it is empty", 'write a chip, or a range "100-199"')
        elif bounds is not None and bounds[0] > bounds[1]:
            report((*path, "chips", i), f"{text!r} ends before it begins", "swap its ends")
    for i, text in each(relay.heats):
        if heat_parts(text) is None:
            remedy = 'write session/event/heat such as "1/4A/2", with * for any: "1/4A/*"'
            report((*path, "heats", i), f"{text!r} names no heat", remedy)
