"""What to look at: unfinished heats, guns that started none, unknown chips and points."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from projections.clock import iso_local
from projections.crossings import Point
from projections.reads import POSITION_MASK, FeedId, ReadSet
from projections.revisions import Revisions
from projections.rulings import Rulings
from projections.starts import Starts
from projections.views import Alarm, QuarantineEntry, Race
from wire.settings import Settings
from wire.timedrops import RaceKey


def seen(alarms: Iterable[Alarm], rulings: Rulings, zone: str) -> list[Alarm]:
    """The alarms, each with who has acknowledged it."""
    found = []
    for alarm in alarms:
        said = rulings.acknowledged.get(alarm.key)
        told = "" if said is None else f"{said.author}, {iso_local(said.at, zone, 0)}"
        found.append(replace(alarm, acknowledged=told))
    return found


def unfinished(starts: Starts, races: Mapping[RaceKey, Race]) -> list[Alarm]:
    """Heats that lack times though a later one has started."""
    latest = max((s.moment for s in starts.by_race.values()), default=0)
    found = []
    for key, start in starts.by_race.items():
        race = races.get(key)
        if race is None or race.state != "started" or start.moment == latest:
            continue
        missing = [str(x.lane) for x in race.lanes if x.time_cs is None and not x.status]
        if not missing:
            continue
        found.append(
            Alarm(
                f"unfinished {key}",
                f"Event {key.event} heat {key.heat}: a later heat has started, and there is "
                f"no time in lane {', '.join(missing)}.",
                "Look for the missing reads, recall its start if it was false, or close the heat.",
                start.position,
            )
        )
    return found


def two_systems(
    starts: Starts, races: Mapping[RaceKey, Race], revisions: Revisions, rulings: Rulings
) -> list[Alarm]:
    """Heats that started here and have a result file of another timing system."""
    found = []
    for key, start in starts.by_race.items():
        console = revisions.console(key, rulings.repeats.get(key))
        if console is None or key not in races or races[key].origin != "time-drops":
            continue
        found.append(
            Alarm(
                f"two systems {key}",
                f"Event {key.event} heat {key.heat} started here, and {console.path} of another "
                "timing system has its times. Those are shown, and ours are not published.",
                "If that file is left over from another meet, move it out of the folder.",
                start.position,
            )
        )
    return found


def unused_guns(starts: Starts, zone: str) -> list[Alarm]:
    """Guns for which no heat was left."""
    return [
        Alarm(
            f"gun {gun.position}",
            f"A gun from {gun.source} at {iso_local(gun.moment, zone)} "
            "started no heat: none is left to start.",
            "Load the program; or, if an earlier start was false or a test, recall that one.",
            gun.position,
        )
        for gun in starts.unused
    ]


def unknown_chip(reads: ReadSet, chip: str) -> QuarantineEntry:
    """A chip that was read and belongs to nobody."""
    by_feed = reads.chips[chip]
    return _entry(
        reads,
        by_feed,
        f"unknown chip {chip}",
        "add it to the chip table, or ignore a test chip",
        position=min(origin & POSITION_MASK for c in by_feed.values() for origin in c.origins),
        count=sum(len(c.origins) for c in by_feed.values()),
    )


def unknown_points(
    reads: ReadSet, points: Mapping[str, Point], settings: Settings, rulings: Rulings
) -> list[QuarantineEntry]:
    """Points that were heard and that no `[[point]]` claims; none while the settings name none."""
    if not settings.points:
        return []
    known = {p.name for p in settings.points}
    hint = "add it to the feeds of a [[point]] in the settings if it belongs to the course"
    found = []
    for name in points.keys() - known:
        ids = [f.id for f in points[name].feeds]
        if not ids:
            found.append(_seen_at(name, rulings))
            continue
        first, count = min(reads.firsts[i] for i in ids), sum(reads.sizes[i] for i in ids)
        found.append(_entry(reads, ids, f"unknown point {name}", hint, position=first, count=count))
    return sorted(found, key=lambda e: (e.position, e.reason))


def _seen_at(point: str, rulings: Rulings) -> QuarantineEntry:
    """A point that was never heard, where somebody was seen."""
    said = [s.position for each in rulings.sightings.values() for s in each if s.point == point]
    return QuarantineEntry(
        source="operator",
        position=min(said),
        reason=f"unknown point {point}",
        excerpt=f"at {point}",
        hint="withdraw the statement and name a point of the settings",
        count=len(said),
    )


def _entry(
    reads: ReadSet, ids: Iterable[FeedId], reason: str, hint: str, *, position: int, count: int
) -> QuarantineEntry:
    feeds = [reads.feeds[i] for i in ids]
    return QuarantineEntry(
        source=", ".join(sorted({source for source, _ in feeds})),
        position=position,
        reason=reason,
        excerpt="at " + ", ".join(sorted({name for _, name in feeds})),
        hint=hint,
        count=count,
    )
