"""Parts of pages that are brought up to date by themselves: what each needs, and its markup."""

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from meetlog.console import plots
from meetlog.console.heats import heat_of, shown_race
from meetlog.console.lookout import RECENT
from meetlog.console.readings import rates
from meetlog.console.snapshots import Snapshot
from meetlog.console.troubles import silence, troubles, worst
from meetlog.nearby import find_race
from meetlog.opening import OpenMeet
from meetlog.refusals import Unsayable
from meetlog.resends import SourceReport
from projections.clock import iso_local, offset_at
from projections.startlist import canonical
from projections.views import Crossing, Race
from wire.stamps import MINUTE, NS

PARTS = (
    "strip", "troubles", "heat", "sources", "crossings", "rates", "results", "quarantine", "files",
)  # fmt: skip
SHOWN = 200  # crossings on their page; more than that is looked for with a filter
NEWEST = 12  # on the first page
_DRIFT_OF = 51  # reads whose median skew is compared, the oldest known with the newest
Query = Mapping[str, str]


class Asked:
    """What somebody looks at: a snapshot, as whom, which of it, and whether it is live."""

    def __init__(
        self, snapshot: Snapshot, query: Query, *, now: int, may: bool, told: bool = True
    ) -> None:
        """`may`: whether there is anything they may state. `told`: whether the server fills in how
        long ago things were; in a live part the browser does, or it would change every second."""
        self.snapshot = snapshot
        self.query = query
        self.now = now
        self.may = may and not snapshot.past
        self.told = told

    @property
    def key(self) -> tuple[object, ...]:
        """What the markup of a part depends on, besides the snapshot."""
        return self.may, tuple(sorted(self.query.items()))


def render(
    environment: Environment, opened: OpenMeet, asked: Asked, parts: Iterable[str]
) -> dict[str, str]:
    """The markup of each of the parts."""
    parts = tuple(parts)
    context = contexts(opened, asked, parts)
    return {part: environment.get_template(f"parts/{part}.html").render(context) for part in parts}


def contexts(opened: OpenMeet, asked: Asked, parts: Iterable[str]) -> dict[str, Any]:
    """What the templates of the parts need."""
    s, now = asked.snapshot, asked.now
    tail = f"?at={s.place.position}" if s.past else ""
    found: dict[str, Any] = {
        "s": s, "may": asked.may, "now": now if asked.told else None, "told": asked.told,
        "clock_of": clock_of, "span_words": span_words, "late_words": late_words, "tail": tail,
        "and_tail": f"&at={s.place.position}" if s.past else "",
        "filtered": any(asked.query.get(key) for key in ("chip", "point", "race")),
    }  # fmt: skip
    for part in parts:
        match part:
            case "strip":
                found |= _strip(s, now)
            case "troubles":
                found["found"] = troubles(s, now)
            case "heat":
                race = _race(opened, asked.query) or shown_race(s)
                found["heat"] = None if race is None else heat_of(race, s)
            case "sources":
                found |= _sources(s, now)
            case "crossings":
                shown = found["crossings"] = crossings_of(opened, asked)
                swimmers = {c.swimmer for c in shown if c.swimmer}
                found["names"] = {each: opened.meet.name_of(each) for each in swimmers}
            case "rates":
                until = s.place.recorded_at if s.past else now // (10 * NS) * (10 * NS)
                found |= {"rates": rates(opened.meet, until), "rates_until": until}
            case "results":
                found["races"] = s.races
            case _:
                pass
    return found


def crossings_of(opened: OpenMeet, asked: Asked) -> list[Crossing]:
    """The crossings that a filter asks for, the newest first; the newest of all without one."""
    query, meet = asked.query, opened.meet
    point = query.get("point") or None
    most = NEWEST if query.get("newest") else SHOWN
    chips: list[str] | None = None
    if chip := query.get("chip", "").strip():
        chips = [each for each in meet.state.reads.chips if canonical(each) == canonical(chip)]
    race = _race(opened, query)
    if race is not None:
        of_race = {canonical(each) for lane in race.lanes for each in lane.chips}
        mine = meet.state.reads.chips if chips is None else chips
        chips = [each for each in mine if canonical(each) in of_race]
    if chips is None:
        ready = asked.snapshot.recent
        newest = [c for c in ready if point in (None, c.point)]
        if point is None or len(newest) >= most or len(ready) < RECENT:
            return newest[:most]
    found = meet.crossings(chips, point)
    if race is not None and race.start_ns is not None:
        swum = race.start_ns
        found = [c for c in found if c.moment_ns >= swum]
    return found[::-1][:most]


def _race(opened: OpenMeet, query: Query) -> Race | None:
    """The race of a filter; None without one, or for one that is not there."""
    if not query.get("race"):
        return None
    try:
        return find_race(opened.meet, query["race"])
    except Unsayable:
        return None


def _strip(s: Snapshot, now: int) -> dict[str, Any]:
    found = troubles(s, now)
    grade, words = worst(found)
    return {
        "grade": grade,
        "words": words,
        "first_key": found[0].key if grade != "ok" else "ok",
        "offset": offset_at(s.zone, now) // NS,
    }


def _sources(s: Snapshot, now: int) -> dict[str, Any]:
    return {
        "silent": {x.source: silence(s, x, now) for x in s.sources},
        "drifts": {x.source: _drift(s.skews.get(x.source, ())) for x in s.sources},
        "coverage": {x.source: _coverage(s, x, now) for x in s.sources},
    }


def _drift(skews: tuple[int, ...]) -> str | None:
    """How the skew of a clock changed over the reads that are known of it; None of too few."""
    if len(skews) < 2 * _DRIFT_OF:
        return None
    middle = _DRIFT_OF // 2
    then, now = sorted(skews[:_DRIFT_OF])[middle], sorted(skews[-_DRIFT_OF:])[middle]
    moved = (now - then) // (NS // 1000)
    if not moved:
        return "and it does not drift"
    return f"{late_words(abs(moved))} {'more' if moved > 0 else 'less'} over {len(skews)} reads"


def _coverage(s: Snapshot, source: SourceReport, now: int) -> Markup:
    # A live bar is drawn to the next whole minute, so that it stays the same for a while.
    end = now if s.past else (now // MINUTE + 1) * MINUTE
    gaps = [(g.since_ns, end if g.until_ns is None else g.until_ns) for g in source.gaps]
    last = source.last_byte_ns
    heard = None
    if last is not None:
        until = end if source.state == "connected" else last
        heard = (min([s.place.began, *(g[0] for g in gaps)]), until)
    label = f"When {source.source} was listened to, from the first event until now"
    return plots.coverage(s.place.began, end, heard, gaps, label)


def clock_of(moment: int, zone: str) -> str:
    """The time of day of a moment (ns UTC) in a zone."""
    return iso_local(moment, zone, 0)[11:19]


def late_words(ms: int) -> str:
    """Milliseconds in words: `40 ms`, `1.5 s`."""
    return f"{ms} ms" if abs(ms) < 1000 else f"{'-' if ms < 0 else ''}{abs(ms) // 100 / 10:.1f} s"


def span_words(ns: int) -> str:
    """A pause in words: `0.8 s`, `41 s`, `3 min`."""
    if ns < NS // 10:
        return "under 0.1 s"
    if ns < 10 * NS:
        return f"{ns // (NS // 10) / 10:.1f} s"
    return f"{ns // NS} s" if ns < 2 * MINUTE else f"{ns // MINUTE} min"
