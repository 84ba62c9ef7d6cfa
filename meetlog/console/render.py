"""Rendering: templates with everything escaped, and the words and marks that they share.

Names, chips and bytes come from anybody. Whatever a template puts out is text:
markup in it is none, and what would steer a reader's eye is written out.
"""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from meetlog import __version__
from meetlog.console import plots
from meetlog.output import visible
from meetlog.show import STATUS_WORDS, age, count, local, race_name, seconds, size
from meetlog.show_relays import location_words, receipt_words, shortened_words
from projections.clock import iso_local
from projections.rounding import format_cs
from projections.views import Race

_STATES = {
    "scheduled": "scheduled",
    "started": "in the water",
    "complete": "complete",
    "closed": "closed",
}


def make_environment() -> Environment:
    """The templates of the console."""
    environment = Environment(
        loader=PackageLoader("meetlog.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters |= {
        "age": age, "clock": clock, "cs": format_cs, "date": _date, "local": local, "name": name,
        "seconds": seconds, "size": size, "state": _state, "status": _status, "utc": utc,
    }  # fmt: skip
    environment.globals |= {
        "count": count, "location_words": location_words, "plots": plots,
        "race_name": race_name, "race_path": race_path,
        "receipt_words": receipt_words, "shortened_words": shortened_words,
        "version": __version__, "wall": wall,
    }  # fmt: skip
    return environment


def _plain(value: Any) -> Any:
    """What is put out: texts with what does not print written out, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(value).plain


def name(value: object) -> Markup:
    """A name, which may run from right to left, without turning the line around it."""
    return Markup("<bdi>{}</bdi>").format(visible(str(value)).plain)


def clock(iso: str, digits: int = 2) -> str:
    """The time of day of a view's ISO text, to so many digits of a second."""
    told = local(iso)[11:]
    whole, _, fraction = told.partition(".")
    return f"{whole}.{(fraction + '0' * digits)[:digits]}" if digits and whole else whole


def _date(iso: str) -> str:
    return iso[:10]


def utc(moment: int | None) -> str:
    """The time of day in UTC of a moment (ns UTC)."""
    return "" if moment is None else iso_local(moment, "UTC", 0)[11:19]


def wall(moment: int | None, zone: str, now: int | None) -> Markup:
    """How long ago a moment was, for people and for the script that lets it grow; ns UTC.

    Without `now` the script fills it in, so that the markup does not change every second.
    """
    if moment is None:
        return Markup("never")
    told = "" if now is None else f"{age(now - moment)} ago"
    iso = iso_local(moment, zone, 0)
    return Markup('<time datetime="{}" data-ago="{}" title="{}">{}</time>').format(
        iso, moment // 1000, local(iso), told
    )


def race_path(race: Race) -> str:
    """`SESSION/EVENT/HEAT`, by which every command and form knows a race."""
    return f"{race.session}/{race.event}/{race.heat}"


def _state(race: Race) -> str:
    return _STATES[race.state]


def _status(letters: str) -> str:
    return STATUS_WORDS.get(letters, letters)
