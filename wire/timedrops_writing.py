"""Writing Time Drops' files: the declared keys in the declared order, the same bytes each time.

UTF-8 without a byte order mark, indented by two, a newline at the end; times
are integer hundredths, there is no other number with a fraction.
"""

import msgspec

from wire.timedrops_documents import (
    Heat,
    LaneEntry,
    Program,
    ProgramEvent,
    ResultFile,
    ResultLane,
    Session,
    Status,
)
from wire.timedrops_roster import write_event, write_pool, write_swimmer, write_team
from wire.timedrops_values import Object


def encode_program(program: Program) -> bytes:
    """`meet_program.json` in the declared form, whatever dialect `program` was read from."""
    events = {event.number: event for event in program.events}
    for session in program.sessions:
        for event in session.events:
            events.setdefault(event.number, event)
    return _text(
        {
            "meetName": program.meet_name,
            "meetProgramVersion": program.version,
            "meetProgramDateTime": program.program_at or None,
            "meetHostTeamName": program.host,
            "meetStartDate": program.start_date,
            "meetEndDate": program.end_date or None,
            "meetEvents": [write_event(event) for event in events.values()],
            "meetSessions": [_session(session, events) for session in program.sessions],
            "meetTeams": [write_team(team) for team in program.teams],
            "meetSwimmers": [write_swimmer(swimmer) for swimmer in program.swimmers],
        }
    )


def encode_status(status: Status) -> bytes:
    """`time_drops_status.json` with exactly the documented keys (PROTOCOLS 3.2).

    `race_number` is none of them and is not written.
    """
    return _text(
        {
            "currentEvent": status.event or None,
            "currentHeat": status.heat,
            "currentSessionNumber": status.session_number,
            "currentSessionId": status.session_id or None,
            "protocolVersion": status.protocol_version,
            "timingSystemType": status.system,
            "timingSystemVersion": status.system_version,
            "lastMeetProgramDate": status.program_at or None,
            "updatedAt": status.updated_at,
        }
    )


def encode_result(result: ResultFile) -> bytes:
    """A result file with exactly the documented keys (PROTOCOLS 3.4).

    `padTime` is present only where there is a pad's time; other missing times
    are null. The revision and the warnings are not part of the file.
    """
    return _text(
        {
            "createdAt": result.created_at,
            "protocolVersion": result.protocol_version,
            "sessionNumber": result.session_number,
            "sessionId": result.session_id,
            "eventNumber": result.event,
            "heatNumber": result.heat,
            "raceNumber": result.race_number,
            "startTime": result.start_at or None,
            "lanes": [_result_lane(lane) for lane in result.lanes],
        }
    )


def _text(document: Object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _session(session: Session, events: dict[str, ProgramEvent]) -> Object:
    return {
        "sessionNumber": session.number,
        "sessionId": session.id,
        "sessionName": session.name or None,
        "sessionBeginAt": session.begin_at or None,
        "sessionEndAt": session.end_at or None,
        "sessionRaces": [_race(heat, events.get(heat.event)) for heat in session.heats],
        "sessionPool": write_pool(session.pool) if session.pool else None,
        "sessionIsCurrent": session.current,
    }


def _race(heat: Heat, event: ProgramEvent | None) -> Object:
    relay = event is not None and event.relay
    return {
        "raceEventNumber": heat.event,
        "raceNumber": heat.race_number,
        "raceHeatType": heat.kind,
        "raceHeatNumber": heat.heat,
        "raceTotalHeats": heat.total,
        "raceLanes": [_lane(lane, heat.event, relay) for lane in heat.lanes],
    }


def _lane(lane: LaneEntry, event: str, relay: bool) -> Object:
    relay = relay or bool(lane.relay) or len(lane.swimmer_ids) > 1
    ids = list(lane.swimmer_ids)
    return {
        "laneNumber": lane.lane,
        "isEmpty": lane.empty,
        "laneEventNumber": None if lane.empty else lane.event or event,
        "laneSeedTime": lane.seed_cs,
        "laneSwimmerId": None if relay or not ids else ids[0],
        "laneRelayTeamName": lane.relay or None,
        "laneRelaySwimmerIds": ids if relay and ids else None,
        "laneTeamId": lane.team_id or None,
    }


def _result_lane(lane: ResultLane) -> Object:
    pad = {} if lane.pad_cs is None else {"padTime": lane.pad_cs}
    timer1, timer2, timer3 = lane.timers_cs
    return {
        "lane": lane.lane,
        "finalTime": lane.final_cs,
        **pad,
        "timer1": timer1,
        "timer2": timer2,
        "timer3": timer3,
        "isEmpty": lane.empty,
        "isDq": lane.dq,
        "splits": [{"distance": s.distance, "time": s.time_cs} for s in lane.splits],
    }
