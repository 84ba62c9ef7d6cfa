"""Telling programs apart by their looks: Meet Maestro's, and the dialects (PROTOCOLS 3.1, 3.5)."""

import re
from collections.abc import Iterable

from wire.errors import WireError
from wire.timedrops_documents import Session
from wire.timedrops_values import MEET_MAESTRO, Object, objects_of

_MAESTRO_TIME = re.compile(r"\d+:\d\d:\d\d\.\d{3}")


def refuse_sibling(meet: Object, data: bytes) -> None:
    """Meet Maestro's file has the same top keys but nests swimmers in lanes (PROTOCOLS 3.5)."""
    sibling = any("eventlabel" in event for event in objects_of(meet.get("meetevents")))
    for session in objects_of(meet.get("meetsessions")):
        sibling = sibling or "pool" in session
        for race in objects_of(session.get("sessionraces")):
            for lane in objects_of(race.get("racelanes")):
                seed = lane.get("laneseedtime")
                sibling = (
                    sibling
                    or isinstance(lane.get("laneswimmer"), dict)
                    or (isinstance(seed, str) and bool(_MAESTRO_TIME.fullmatch(seed.strip())))
                )
    if sibling:
        raise WireError("this is Meet Maestro's meet_details.json", data, MEET_MAESTRO)


def guess_dialect(sessions: Iterable[Session]) -> str:
    """BIA counts heats through the meet: `raceNumber` is the heat, past the event's total."""
    heats = [heat for session in sessions for heat in session.heats]
    on = heats and all(heat.heat == heat.race_number for heat in heats)
    return "bia" if on and any(heat.heat > heat.total > 0 for heat in heats) else "time-drops"
