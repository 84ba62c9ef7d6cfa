"""Snapshots: everything a page shows, as of one position, taken at once and never changed."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from meetlog.commands.standing import status_of
from meetlog.console.lookout import RECENT, Lookout
from meetlog.console.pulse import Pulse
from meetlog.console.signs import STALE, Sign
from meetlog.opening import OpenMeet
from meetlog.resends import SourceReport, source_reports
from projections.attention import seen
from projections.operators import Operator, operators
from projections.views import Alarm, Crossing, QuarantineEntry, Race, RelayHealth, Revision
from store.event import Head
from store.log import hash_at
from store.seal import seal_of
from wire.timedrops import RaceKey

BETWEEN_SIGNS = 500  # events that a dense finish brings in half a second
_FRACTION = re.compile(r"\.[0-9]+")  # of the second at which a run began or ended


class Place(msgspec.Struct, frozen=True):
    """Where the log stands: its newest event, when that was recorded (ns UTC), its seal code.

    `disk_free` is in bytes, None where the system does not tell. `began` is when the first event
    was recorded. `program` says whether a `run` is at work, as the log tells; `lag` how many
    events the `run` has still to fold, None without a sign of one.
    """

    position: int
    recorded_at: int
    began: int
    seal: str
    disk_free: int | None
    program: str
    recording: bool
    lag: int | None


class Snapshot(msgspec.Struct, frozen=True):
    """How the meet stands. `recent` has the newest crossings, the newest first.

    `taken_at` is ns UTC; of the past, when its newest event was recorded. `past` tells that later
    events are left out. `sign` is what the `run` told last.
    """

    meet: str
    zone: str
    taken_at: int
    past: bool
    place: Place
    sources: tuple[SourceReport, ...]
    relays: tuple[RelayHealth, ...]
    pulses: Mapping[str, Pulse]
    skews: Mapping[str, tuple[int, ...]]
    current: Race | None
    following: Race | None
    races: tuple[Race, ...]
    recent: tuple[Crossing, ...]
    revisions: tuple[Revision, ...]
    quarantine: tuple[QuarantineEntry, ...]
    alarms: tuple[Alarm, ...]
    operators: Mapping[str, Operator]
    points: tuple[str, ...]
    sign: Sign | None = None

    def race(self, key: RaceKey) -> Race | None:
        """A race of the meet, None if there is none of that identity."""
        mine = (r for r in self.races if (r.session, r.event, r.heat) == tuple(key))
        return next(mine, None)


def take(lookout: Lookout, sign: Sign | None, now: int) -> Snapshot:
    """How the meet stands now; `now` is ns UTC."""
    with lookout.looking() as opened:
        pulses = {s.source: lookout.pulses.of(s.source) for s in opened.meet.sources()}
        return _snapshot(opened, tuple(lookout.recent()), pulses, sign, now, past=False)


def take_past(opened: OpenMeet) -> Snapshot:
    """How the meet of a log that ends in the past stood then."""
    newest = tuple(reversed(opened.meet.crossings()[-RECENT:]))
    at = opened.meet.state.recorded_at
    return _snapshot(opened, newest, {}, None, at, past=True)


def _snapshot(
    opened: OpenMeet,
    recent: tuple[Crossing, ...],
    pulses: Mapping[str, Pulse],
    sign: Sign | None,
    now: int,
    *,
    past: bool,
) -> Snapshot:
    meet = opened.meet
    status = status_of(opened, now)
    alarms = tuple(meet.alarms())
    if sign is not None:
        alarms = (*alarms, *seen(sign.alarms, meet.rulings(), status.zone))
    health = meet.state.health.sources
    return Snapshot(
        meet=status.meet,
        zone=status.zone,
        taken_at=now,
        past=past,
        place=_place(opened, status.program, sign, now),
        sources=tuple(source_reports(meet)),
        relays=tuple(meet.relays()),
        pulses=pulses,
        skews={name: tuple(source.skews) for name, source in health.items()},
        current=status.current,
        following=status.next,
        races=tuple(meet.races()),
        recent=recent,
        revisions=tuple(meet.revisions()),
        quarantine=tuple(meet.quarantine()),
        alarms=alarms,
        operators=operators(meet.rulings().in_force),
        points=tuple(sorted({p.settings.name for p in meet.points()})),
        sign=sign,
    )


def _place(opened: OpenMeet, program: str, sign: Sign | None, now: int) -> Place:
    position, at = opened.meet.position, opened.meet.state.recorded_at
    first = opened.log.read(0, 1)
    head = Head(position, hash_at(opened.log, position), at)
    return Place(
        position=position,
        recorded_at=at,
        began=first[0].recorded_at if first else now,
        seal=seal_of(head) if position else "",
        disk_free=_disk_free(opened.place.log),
        program=_FRACTION.sub("", program),
        recording=sign is not None and now - sign.at < STALE,
        lag=None if sign is None else _lag(position - sign.projected),
    )


def _lag(behind: int) -> int:
    """How far behind the run is; not what has come since it gave its sign."""
    return behind if behind > BETWEEN_SIGNS else 0


def _disk_free(log: Path) -> int | None:
    try:
        return shutil.disk_usage(log.parent).free
    except OSError:
        return None
