"""What every check of the settings uses: mistakes, suggestions, zones, networks."""

import difflib
import ipaddress
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from wire.tomlfile import Path

T = TypeVar("T")
Report = Callable[[Path, str, str], None]
"""Called with the path of a mistake, what is wrong, and what to do."""


def each(items: Iterable[T]) -> Iterator[tuple[int, T]]:
    """The items with their places, without what was wrong and became None."""
    return ((i, item) for i, item in enumerate(items) if item is not None)


def close_to(name: str, names: Iterable[str], otherwise: str) -> str:
    """A question after the name that was probably meant, or else `otherwise`."""
    close = difflib.get_close_matches(name, list(names), 1)
    return f'did you mean "{close[0]}"?' if close else otherwise


@lru_cache(maxsize=256)
def _zone_problem(zone: str) -> str | None:
    """A remedy when `zone` is no zone, else None."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # unknown; not a plain name; a folder such as Europe
        return close_to(zone, sorted(available_timezones()), 'write a name such as "Europe/Berlin"')
    return None


def check_zone(zone: str, path: Path, report: Report) -> None:
    """Report a zone that is none."""
    remedy = _zone_problem(zone)
    if remedy is not None:
        report(path, f"{zone!r} is no time zone", remedy)


def same_address(one: str, two: str) -> bool:
    """Whether two servers would listen on one address."""
    return one == two or not {one, two}.isdisjoint({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound to


def check_networks(networks: Iterable[str], role: str, path: Path, report: Report) -> None:
    """Report what is no network in an `allow`, and an `allow` that restricts nobody."""
    if networks and role == "client":
        report((*path, "allow"), "a client has no peers to restrict", "remove this line")
    for i, network in each(networks):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            remedy = 'write a network such as "192.168.1.0/24" or an address'
            report((*path, "allow", i), str(error), remedy)
