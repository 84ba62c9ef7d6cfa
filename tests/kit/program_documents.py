"""Documents of a meet program, put together from as little as a test says."""

import json
from typing import Any

from wire.timedrops import Heat, Program, parse_program

Json = dict[str, Any]


def lane(number: object, swimmer: object = None, **more: object) -> Json:
    return {"laneNumber": number, "isEmpty": False, "laneSwimmerId": swimmer} | more


def race(event: object, heat: object, number: object, *lanes: Json, **more: object) -> Json:
    return {
        "raceEventNumber": event,
        "raceNumber": number,
        "raceHeatType": "F",
        "raceHeatNumber": heat,
        "raceTotalHeats": 1,
        "raceLanes": list(lanes),
    } | more


def session(name: object, *races: Json, **more: object) -> Json:
    return {
        "sessionNumber": 1,
        "sessionId": name,
        "sessionIsCurrent": True,
        "sessionRaces": list(races),
    } | more


def meet(*sessions: Json, **more: object) -> Json:
    return {
        "meetName": "Spring Meet",
        "meetProgramVersion": 1,
        "meetSessions": list(sessions),
    } | more


def read(document: object) -> Program:
    return parse_program(json.dumps(document, ensure_ascii=False).encode())


def only_heat(program: Program) -> Heat:
    (found,) = program.sessions[0].heats
    return found
