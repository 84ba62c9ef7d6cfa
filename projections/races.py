"""Races: lanes, splits, final times and places, from crossings or from a console's own results."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from projections.clock import iso_local
from projections.crossings import SEEN, Passing
from projections.facts import ResultRead
from projections.rounding import hand_time, race_time
from projections.rulings import LaneRuling, Owners, owner_at
from projections.startlist import Entry, StartList
from projections.starts import Start
from projections.views import Lane, Race, RaceState, Split
from wire.settings import CourseSettings, LegSettings, PointSettings, Settings
from wire.timedrops import LaneEntry, ResultLane

PassingsOf = Callable[[str, str], Sequence[Passing]]  # chip, point -> crossings in order
FINISH = "Finish"


class RaceInputs(msgspec.Struct, frozen=True):
    """What one race is computed from. `until` is the next start of anybody in it, None if none.

    `chips_of` gives the chips of a swimmer; `passings` the crossings of a chip
    at a point; `owners` whose a chip was, and since when. `rulings` are what
    was said of its lanes, `race_number` the number it is swum under again.
    `known` are the `chip_lanes` of before, of which only those at the places
    `touched` may have changed: a race of thousands costs no more per read.
    """

    entry: Entry
    startlist: StartList
    settings: Settings
    start: Start | None
    console: ResultRead | None
    closed: bool
    revision: int
    chips_of: Callable[[str], tuple[str, ...]]
    passings: PassingsOf
    next_start: Callable[[Iterable[str], int], int | None]
    owners: Callable[[str], Owners]
    rulings: Mapping[int, LaneRuling] = {}
    race_number: int | None = None
    known: tuple[Lane, ...] = ()
    touched: Collection[int] = ()


def course_of(settings: Settings, event: str) -> CourseSettings:
    """The course of an event: named, else `*`, else one leg to `Finish` or the only point."""
    for course in settings.courses:
        if event in course.events:
            return course
    for course in settings.courses:
        if "*" in course.events:
            return course
    names = [p.name for p in settings.points]
    finish = names[0] if len(names) == 1 else FINISH
    return CourseSettings(legs=(LegSettings(finish, 0),))


def chip_lanes(inputs: RaceInputs) -> tuple[Lane, ...]:
    """The lanes by our own crossings, with the places these give, before anybody ruled on them."""
    if not inputs.known:
        return with_places(tuple(_chip_lane(inputs, lane) for lane in inputs.entry.lanes))
    if not inputs.touched:
        return inputs.known
    lanes = list(inputs.known)
    for place in inputs.touched:
        lanes[place] = _chip_lane(inputs, inputs.entry.lanes[place])
    return with_places(tuple(lanes))


def race(inputs: RaceInputs, own: tuple[Lane, ...] = ()) -> Race:
    """The race as known now; `own` are its `chip_lanes`, which a console's race needs none of.

    A result file of a Time Drops console outranks our own crossings: the
    console is then the timing system, and we publish nothing for the race,
    unless somebody ruled on a lane: then the origin is `corrected`.
    """
    entry, zone = inputs.entry, inputs.settings.meet.zone
    console = inputs.console
    start_ns = inputs.start.moment if inputs.start else None
    if console is not None:
        told = _told_last(console.result.lanes)
        lanes = with_places(tuple(_console_lane(inputs, lane) for lane in told))
        origin = "corrected" if inputs.rulings else "time-drops"
    else:
        lanes = own or chip_lanes(inputs)
        origin = "chips"
    if inputs.rulings:
        lanes = with_places(tuple(_ruled(lane, inputs.rulings.get(lane.lane)) for lane in lanes))
    if origin == "chips" and not any(lane.time_cs is not None for lane in lanes):
        origin = ""
    return Race(
        session=entry.key.session,
        session_number=entry.session_number,
        event=entry.key.event,
        heat=entry.key.heat,
        race_number=inputs.race_number
        or (console.result.race_number if console else entry.race_number),
        order=entry.order,
        state=_state(inputs, lanes),
        start=(console.result.start_at if console else "") or iso_local(start_ns, zone),
        start_ns=start_ns,
        origin=origin,
        revision=inputs.revision,
        lanes=lanes,
    )


def _state(inputs: RaceInputs, lanes: tuple[Lane, ...]) -> RaceState:
    if inputs.closed:
        return "closed"
    if inputs.console is not None:
        return "complete"
    if inputs.start is None:
        return "scheduled"
    swum = [lane for lane in lanes if lane.status != "EMPTY"]
    done = bool(swum) and all(lane.time_cs is not None or lane.status for lane in swum)
    return "complete" if done else "started"


def _ruled(lane: Lane, ruling: LaneRuling | None) -> Lane:
    """The lane after what was said of it. A disqualified swimmer's time stays, without a place."""
    if ruling is None:
        return lane
    status, time_cs = lane.status, lane.time_cs
    if status == "NS" and ruling.time_cs is not None:
        status = ""  # a console's lane without a time, which has one now
    if ruling.reinstated and status in ("DQ", "NS"):
        status = ""  # a judge outranks what the console says
    if ruling.empty is not None:
        status = "EMPTY" if ruling.empty else status.replace("EMPTY", "")
    if ruling.cleared or ruling.time_cs is not None:
        time_cs = ruling.time_cs
    if ruling.status:
        status = ruling.status
    if status in ("EMPTY", "NS", "DNF"):
        time_cs = None
    return msgspec.structs.replace(lane, status=status, time_cs=time_cs, note=ruling.note)


def _chip_lane(inputs: RaceInputs, lane: LaneEntry) -> Lane:
    chips = tuple(c for s in lane.swimmer_ids for c in inputs.chips_of(s))
    empty = lane.empty
    splits: tuple[Split, ...] = ()
    finish = None
    if inputs.start is not None and not empty:
        legs = course_of(inputs.settings, lane.event or inputs.entry.key.event)
        splits, finish = _splits(inputs, inputs.start.moment, lane.swimmer_ids, chips, legs)
    return msgspec.structs.replace(
        _lane(inputs, lane.lane, lane),
        chips=chips,
        time_cs=finish,
        status="EMPTY" if empty else "",
        splits=splits,
    )


def _splits(
    inputs: RaceInputs,
    gun: int,
    swimmers: Iterable[str],
    chips: Iterable[str],
    course: CourseSettings,
) -> tuple[tuple[Split, ...], int | None]:
    """The splits of one lane in the course's order, and its final time in hundredths."""
    until = inputs.next_start(swimmers, gun)
    found: list[Split] = []
    finish = None
    by_point: dict[str, list[Passing]] = {}
    for leg in course.legs:
        if leg.point not in by_point:
            by_point[leg.point] = [
                c
                for c in _passes(inputs, chips, leg.point, set(swimmers))
                if c.moment >= gun + course.minimum
                and c.moment > gun
                and (until is None or c.moment < until)
            ]
        passes = by_point[leg.point]
        if len(passes) < leg.passing:
            continue
        c = passes[leg.passing - 1]
        time_cs = race_time(c.moment - gun, inputs.settings.meet.rounding)
        last = leg is course.legs[-1]
        found.append(Split(leg.point, leg.distance, time_cs, c.moment, c.position, last))
        if last:
            finish = time_cs
    return tuple(found), finish


def _passes(
    inputs: RaceInputs, chips: Iterable[str], point: str, swimmers: Collection[str]
) -> list[Passing]:
    """The official crossings of a lane at a point; two chips of one lane passing together are one.

    A chip counts while it is one of the `swimmers`'. What somebody saw
    outranks reads, the last said first; then a main feed's a backup's; then
    the earliest of those joined counts.
    """
    found: list[Passing] = []
    chips = tuple(chips)
    for chip in chips:
        official = [p for p in inputs.passings(chip, point) if not p.provisional]
        owners = inputs.owners(chip)
        if not owners or any(owner not in swimmers for _, owner in owners):
            official = [p for p in official if owner_at(owners, p.moment)[1] in swimmers]
        found += official
    if len(chips) == 1:
        return found  # a chip's own are in order, and further apart than the gap
    default = PointSettings(name=point)
    gap = next((p.gap for p in inputs.settings.points if p.name == point), default.gap)
    found.sort(key=lambda p: (p.first, p.last, p.moment))
    joined: list[Passing] = []
    last_end: int | None = None
    for p in found:
        if last_end is not None and p.first - last_end <= gap:
            joined[-1] = min(joined[-1], p, key=_rank)
            last_end = max(last_end, p.last)
        else:
            joined.append(p)
            last_end = p.last
    return joined


def _rank(passing: Passing) -> tuple[bool, int, bool, int]:
    seen = passing.feed == SEEN.id
    return not seen, -passing.origin if seen else 0, passing.backup, passing.moment


def _told_last(lanes: Iterable[ResultLane]) -> Iterable[ResultLane]:
    """The lanes of a console's file, the last of those told twice."""
    return {lane.lane: lane for lane in lanes}.values()


def console_time(lane: ResultLane) -> int | None:
    """The final time (hundredths) that a console's lane has, stray or not; None for none.

    The pad outranks watches, and a single watch needs a person to accept it (PROTOCOLS 4).
    """
    watches = [t for t in lane.timers_cs if t]
    return lane.final_cs or lane.pad_cs or (hand_time(watches) if len(watches) > 1 else None)


def _console_lane(inputs: RaceInputs, lane: ResultLane) -> Lane:
    entries = {entry.lane: entry for entry in inputs.entry.lanes}
    entry = entries.get(lane.lane) or LaneEntry(lane.lane)
    ruling = inputs.rulings.get(lane.lane)
    empty = lane.empty if ruling is None or ruling.empty is None else ruling.empty
    final = console_time(lane)
    return msgspec.structs.replace(
        _lane(inputs, lane.lane, entry),
        # An empty lane may still carry stray times (PROTOCOLS 3.4); they are not results.
        time_cs=None if empty else final,
        status="EMPTY" if empty else "DQ" if lane.dq else "" if final else "NS",
        splits=tuple(Split("", s.distance, s.time_cs, 0, 0) for s in lane.splits),
    )


def _lane(inputs: RaceInputs, number: int, entry: LaneEntry) -> Lane:
    """The lane as the start list has it, without a time."""
    names = [n for n in map(inputs.startlist.name_of, entry.swimmer_ids) if n]
    team_id = entry.team_id
    if not team_id and entry.swimmer_ids:
        swimmer = inputs.startlist.swimmers.get(entry.swimmer_ids[0])
        team_id = swimmer.team_id if swimmer else ""
    team = inputs.startlist.teams.get(team_id)
    return Lane(
        lane=number,
        event=entry.event or inputs.entry.key.event,
        swimmer_ids=entry.swimmer_ids,
        name=" / ".join(names) or (f"Relay {entry.relay}" if entry.relay else ""),
        team=(team.abbreviation or team.name) if team else "",
        chips=tuple(c for s in entry.swimmer_ids for c in inputs.chips_of(s)),
        time_cs=None,
        status="",
        place=None,
        splits=(),
    )


def with_places(lanes: tuple[Lane, ...]) -> tuple[Lane, ...]:
    """Lanes with their places: by time within each event, equal times sharing a place (SW 11.2)."""
    timed: dict[str, list[int]] = {}
    for lane in lanes:
        if lane.time_cs is not None and not lane.status:
            timed.setdefault(lane.event, []).append(lane.time_cs)
    for times in timed.values():
        times.sort()
    return tuple(_placed(lane, timed.get(lane.event, ())) for lane in lanes)


def _placed(lane: Lane, times: Sequence[int]) -> Lane:
    place = None
    if lane.time_cs is not None and not lane.status:
        place = 1 + bisect_left(times, lane.time_cs)
    # Of thousands, one read moves few.
    return lane if place == lane.place else msgspec.structs.replace(lane, place=place)
