"""Documents: a race's result files and the status file, from what the log determines alone.

Nothing here reads a clock. A document's `createdAt` is the newest moment
that it contains, so a log gives the same bytes whenever it is folded.
"""

from collections.abc import Mapping

import msgspec

from projections.clock import offset_at
from projections.meet import Meet
from projections.races import console_time
from projections.views import Lane, Race
from wire.stamps import MINUTE, format_iso
from wire.timedrops import (
    STATUS_FILE,
    RaceKey,
    ResultFile,
    ResultLane,
    ResultSplit,
    Status,
    encode_status,
)

Owners = Mapping[RaceKey, RaceKey]


def race_key(race: Race) -> RaceKey:
    """The identity of the race (DESIGN 6)."""
    return RaceKey(race.session, race.event, race.heat)


def document_key(document: ResultFile) -> RaceKey:
    """The identity that a result file has for its readers, without the race number."""
    return RaceKey(document.session_id, document.event, document.heat)


def owners(races: list[Race]) -> dict[RaceKey, RaceKey]:
    """Which race writes the document of an identity.

    A race writes its own. The document of another event, for the lanes of a
    combined heat, is written by the first race in program order that has such
    lanes, unless that identity is a race itself: two races writing one
    document would revise each other for ever.
    """
    found = {race_key(race): race_key(race) for race in races}
    for race in races:
        for lane in race.lanes:
            found.setdefault(RaceKey(race.session, lane.event, race.heat), race_key(race))
    return found


def result_documents(
    race: Race, zone: str, owner: Owners | None = None, console: ResultFile | None = None
) -> tuple[ResultFile, ...]:
    """The race's result files, one per event in a combined heat (PROTOCOLS 3.1), its own first.

    Stamps are ISO with milliseconds and the offset of `zone`. A lane whose
    event's document belongs to another race by `owner` stands in the race's
    own document, so that no time is lost. An event without lanes has no
    document, nor has a race without a start or without any time.

    Where the race is a console's, `console` is its file: what nobody spoke of
    stays as it stands there, and so do its stamps.
    """
    key = race_key(race)
    if (race.start_ns is None and console is None) or not any(
        _has_time(lane) for lane in race.lanes
    ):
        return ()
    by_event: dict[str, list[Lane]] = {}
    for lane in sorted(race.lanes, key=lambda each: each.lane):
        own = RaceKey(race.session, lane.event, race.heat)
        event = lane.event if owner is None or owner.get(own, key) == key else race.event
        by_event.setdefault(event, []).append(lane)
    events = sorted(by_event, key=lambda event: (event != race.event, event))
    if console is not None:
        return tuple(_corrected(race, event, by_event[event], zone, console) for event in events)
    return tuple(_document(race, event, by_event[event], zone) for event in events)


def _has_time(lane: Lane) -> bool:
    return lane.time_cs is not None or bool(lane.splits)


def _document(race: Race, event: str, lanes: list[Lane], zone: str) -> ResultFile:
    moments = [split.moment_ns for lane in lanes for split in lane.splits]
    return ResultFile(
        session_id=race.session,
        session_number=race.session_number,
        event=event,
        heat=race.heat,
        race_number=race.race_number,
        created_at=stamp(max([race.start_ns or 0, *moments]), zone),
        start_at=stamp(race.start_ns or 0, zone),
        lanes=tuple(_result_lane(lane) for lane in lanes),
    )


def _corrected(
    race: Race, event: str, lanes: list[Lane], zone: str, console: ResultFile
) -> ResultFile:
    """A console's result with what people said of it."""
    told = {lane.lane: lane for lane in console.lanes}
    start = console.start_at or (stamp(race.start_ns, zone) if race.start_ns is not None else "")
    return ResultFile(
        session_id=race.session,
        session_number=race.session_number or console.session_number,
        event=event,
        heat=race.heat,
        race_number=race.race_number,
        created_at=console.created_at or start,
        start_at=start,
        lanes=tuple(_corrected_lane(lane, told[lane.lane]) for lane in lanes),
    )


def _corrected_lane(lane: Lane, told: ResultLane) -> ResultLane:
    """The lane; what led to the console's time stays unless another counts.

    From pad and watches a reader would compute it, and a console may list it among its splits.
    """
    own = _result_lane(lane)
    if own.empty:
        return own
    before = console_time(told)
    if lane.time_cs == before:
        return msgspec.structs.replace(
            own, pad_cs=told.pad_cs, timers_cs=told.timers_cs, splits=told.splits
        )
    splits = tuple(split for split in told.splits if split.time_cs != before)
    return msgspec.structs.replace(own, pad_cs=None, timers_cs=(None, None, None), splits=splits)


def _result_lane(lane: Lane) -> ResultLane:
    """One lane: an empty one has no times, one that nobody swam is there without a time.

    The finish is no split, as in the documented sample (PROTOCOLS 3.4): nor is what we
    measured there, where another final time was set, or none counts.
    """
    if lane.status == "EMPTY":
        return ResultLane(lane=lane.lane, empty=True)
    splits = [split for split in lane.splits if not split.finish]
    return ResultLane(
        lane=lane.lane,
        final_cs=None if lane.status in ("NS", "DNF") else lane.time_cs,
        dq=lane.status == "DQ",
        splits=tuple(ResultSplit(split.distance, split.time_cs) for split in splits),
    )


def status_document(meet: Meet) -> bytes:
    """`time_drops_status.json`: the current session, event and heat, and the program they are of.

    `updatedAt` is when the newest event was recorded that the meet has folded.
    """
    startlist = meet.state.startlist
    key = meet.current_race()
    order = startlist.versions[-1].order if startlist.versions else ()
    session = key or next(iter(order), None)
    return encode_status(
        Status(
            updated_at=stamp(meet.state.recorded_at, meet.settings.meet.zone),
            session_id=session.session if session else "",
            session_number=startlist.entry(session).session_number if session else 0,
            event=key.event if key else "",
            heat=key.heat if key else None,
            program_at=startlist.program_at,
        )
    )


def has_foreign_status(meet: Meet) -> bool:
    """Whether another timing system's status file is in the folder; ours are never recorded."""
    return any(
        name.casefold() == STATUS_FILE for files in meet.state.files.values() for name in files
    )


def stamp(utc: int, zone: str) -> str:
    """`2023-07-31T17:52:11.234-07:00`, the form of the documented samples; the rest is cut."""
    offset = offset_at(zone, utc)
    minutes = abs(offset) // MINUTE
    sign = "-" if offset < 0 else "+"
    return f"{format_iso(utc + offset, 3)}{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def same_but_revision(one: Race, other: Race) -> bool:
    """Whether two views of a race differ in nothing but which revision was last published."""
    return one == other or one == msgspec.structs.replace(other, revision=one.revision)
