"""Documents read back: a result file's bytes as the race that it tells its readers."""

import msgspec

from meetlog.comparison import RaceChange, compare
from projections.races import with_places
from projections.views import Lane, Race, Split
from wire.errors import WireError
from wire.timedrops import ResultFile, ResultLane, parse_result


def read_back(name: str, data: bytes | None, view: Race | None = None) -> Race | None:
    """The race as the document `name` tells it, with the places that its times give.

    Names of people are not in a document; they are taken from `view`, a race
    of the projections. None without a document, or for one that is no result file.
    """
    found = None if data is None else parsed(name, data)[0]
    return None if found is None else _race(found, view)


def parsed(name: str, body: bytes) -> tuple[ResultFile | None, str]:
    """What a published document says; None and why, where its bytes cannot be read."""
    try:
        return parse_result(name, body), ""
    except WireError as e:
        return None, f"its bytes in the log cannot be read: {e.problem.reason}"


def status_of(lane: ResultLane) -> str:
    """What a document says of a lane besides times: `EMPTY`, `DQ` or ""."""
    return "EMPTY" if lane.empty else "DQ" if lane.dq else ""


def document_changes(
    name: str, before: bytes | None, after: bytes | None, view: Race | None = None
) -> tuple[RaceChange, ...]:
    """What differs between two documents, lane by lane; () also where neither can be read."""
    old, new = read_back(name, before, view), read_back(name, after, view)
    return compare([old] if old else [], [new] if new else [])


def _race(file: ResultFile, view: Race | None) -> Race:
    known = {lane.lane: lane for lane in view.lanes} if view else {}
    return Race(
        session=file.session_id,
        session_number=file.session_number,
        event=file.event,
        heat=file.heat,
        race_number=file.race_number,
        order=0,
        state="complete",
        start=file.start_at,
        start_ns=None,
        origin="",
        revision=0,
        lanes=with_places(tuple(_lane(each, file.event, known) for each in file.lanes)),
    )


def _lane(lane: ResultLane, event: str, known: dict[int, Lane]) -> Lane:
    """The lane; a document has one status for all that have no time, which is to have none."""
    told = known.get(lane.lane)
    nobody = Lane(lane.lane, event, (), "", "", (), None, "", None, ())
    return msgspec.structs.replace(
        nobody if told is None else told,
        event=event,
        time_cs=lane.final_cs,
        status=status_of(lane),
        place=None,
        splits=tuple(Split("", s.distance, s.time_cs, 0, 0) for s in lane.splits),
    )
