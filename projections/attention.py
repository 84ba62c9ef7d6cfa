"""What to look at: unfinished heats, guns that started none, unknown chips and points."""

from collections.abc import Iterable, Mapping

from projections.clock import iso_local
from projections.crossings import Point
from projections.reads import POSITION_MASK, Columns, FeedId, ReadSet
from projections.startlist import StartList
from projections.starts import Starts
from projections.views import Alarm, QuarantineEntry, Race
from wire.settings import Settings
from wire.timedrops import RaceKey


def unfinished(starts: Starts, races: Mapping[RaceKey, Race]) -> list[Alarm]:
    """Heats that lack times though a later one has started."""
    latest = max((s.moment for s in starts.by_race.values()), default=0)
    found = []
    for key, start in starts.by_race.items():
        race = races.get(key)
        if race is None or race.state != "started" or start.moment == latest:
            continue
        missing = [str(x.lane) for x in race.lanes if x.time_cs is None and not x.status]
        found.append(
            Alarm(
                f"unfinished {key}",
                f"Event {key.event} heat {key.heat}: a later heat has started, and there is "
                f"no time in lane {', '.join(missing)}.",
                "Look for the missing reads, or close the heat.",
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
            "Load the program, or recall the gun if it was a test.",
            gun.position,
        )
        for gun in starts.unused
    ]


def unknown_chips(reads: ReadSet, startlist: StartList) -> list[QuarantineEntry]:
    """Chips that were read and belong to nobody; none while there is no start list to ask."""
    if not startlist.chips and not startlist.swimmers:
        return []
    hint = "add it to the chip table, or ignore a test chip"
    found = [
        _entry(reads, by_feed.items(), f"unknown chip {chip}", hint)
        for chip, by_feed in reads.chips.items()
        if not startlist.swimmer_of(chip)
    ]
    return sorted(found, key=lambda e: (e.position, e.reason))


def unknown_points(
    reads: ReadSet, points: Mapping[str, Point], settings: Settings
) -> list[QuarantineEntry]:
    """Points that were heard and that no `[[point]]` claims; none while the settings name none."""
    if not settings.points:
        return []
    known = {p.name for p in settings.points}
    hint = "add it to the feeds of a [[point]] in the settings if it belongs to the course"
    found = []
    for name in points.keys() - known:
        ids = {f.id for f in points[name].feeds}
        columns = [
            (id_, by_feed[id_]) for by_feed in reads.chips.values() for id_ in ids & by_feed.keys()
        ]
        if columns:
            found.append(_entry(reads, columns, f"unknown point {name}", hint))
    return sorted(found, key=lambda e: (e.position, e.reason))


def _entry(
    reads: ReadSet, columns: Iterable[tuple[FeedId, Columns]], reason: str, hint: str
) -> QuarantineEntry:
    told = list(columns)
    feeds = {reads.feeds[id_] for id_, _ in told}
    return QuarantineEntry(
        source=", ".join(sorted({source for source, _ in feeds})),
        position=min(origin & POSITION_MASK for _, c in told for origin in c.origins),
        reason=reason,
        excerpt="at " + ", ".join(sorted({name for _, name in feeds})),
        hint=hint,
        count=sum(len(c.origins) for _, c in told),
    )
