"""A meet manager: it writes `meet_program.json` into a folder, in whatever way such programs do."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, get_args

import anyio

from meetlog.simulate.script import FolderTrouble
from wire.chips import encode_csv
from wire.timedrops import PROGRAM_FILE, Program, encode_program

Dialect = Literal["time-drops", "scm", "bia"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
Manner = Literal["whole", "halves", "in-place"]
CHIPS_FILE = "chips.csv"
_EVENT_IDS = 9000  # SCM's database ids, which must not be taken for event numbers

Pause = Callable[[], Awaitable[None]]
Json = dict[str, Any]


async def no_pause() -> None:
    """Go on at once."""


async def write_program(
    folder: Path, body: bytes, manner: Manner = "whole", pause: Pause = no_pause
) -> None:
    """Write the program file.

    `whole`: a temporary file that takes its place, complete at once.
    `halves`: a new file of which half is there during `pause`.
    `in-place`: the old file is overwritten from its beginning, so that during
    `pause` it is half new and half old. Raises `FolderTrouble`.
    """
    path = anyio.Path(folder / PROGRAM_FILE)
    half = len(body) // 2
    try:
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        if manner == "whole":
            temporary = path.with_name(PROGRAM_FILE + ".tmp")
            await temporary.write_bytes(body)
            await temporary.replace(path)
            return
        in_place = manner == "in-place" and await path.exists()
        async with await anyio.open_file(path, "r+b" if in_place else "wb") as file:
            await file.write(body[:half])
            await file.flush()
            await pause()
            await file.write(body[half:])
            await file.truncate()
    except OSError as e:
        raise not_written(path, e) from e


async def write_chips(folder: Path, chips: dict[str, str]) -> None:
    """Write the chip table beside the program. Raises `FolderTrouble`."""
    path = anyio.Path(folder / CHIPS_FILE)
    try:
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        await path.write_bytes(encode_csv(chips))
    except OSError as e:
        raise not_written(path, e) from e


def not_written(path: anyio.Path, e: OSError) -> FolderTrouble:
    """Why a file could not be written, and what to do."""
    reason = e.strerror or str(e)
    return FolderTrouble(f"{path} cannot be written: {reason}. Check --folder and its rights.")


def encode_dialect(program: Program, dialect: Dialect = "time-drops") -> bytes:
    """The program file as the declared form, as SCM, or as BIA writes it (PROTOCOLS 3.1).

    In BIA's form heats are numbered through the meet, so that its heats have
    other numbers than the program given here.
    """
    body = encode_program(program)
    if dialect == "time-drops":
        return body
    document = json.loads(body)
    if dialect == "scm":
        document = _scm(document)
    else:
        _bia(document)
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


def _scm(meet: Json) -> Json:
    """A wrapper, numbers for ids, another spelling, ids of a database, the pool as an array."""
    ids = {e["eventNumber"]: _EVENT_IDS + n for n, e in enumerate(meet["meetEvents"], 1)}
    for event in meet["meetEvents"]:
        event["eventId"] = ids[event["eventNumber"]]
    for swimmer in meet["meetSwimmers"]:
        swimmer["swimmerTeamID"] = _number(swimmer.pop("swimmerTeamId"))
        swimmer["swimmerId"] = _number(swimmer["swimmerId"])
    for team in meet["meetTeams"]:
        team["teamId"] = _number(team["teamId"])
    meet["meetTeams"] += meet["meetTeams"][:1]
    for session in meet["meetSessions"]:
        session["sessionId"] = _number(session["sessionId"])
        session["sessionPool"] = [session["sessionPool"]]
        for n, race in enumerate(session["sessionRaces"], 1):
            race["raceEventId"] = ids.get(race["raceEventNumber"])
            race["raceHeatId"] = _EVENT_IDS + 1000 + n
            for lane in race["raceLanes"]:
                lane["laneEventId"] = None if lane["isEmpty"] else race["raceEventId"]
    return {"type": "MeetProgramJson", "Meet": meet}


def _bia(meet: Json) -> None:
    """Heats numbered through the meet, ids in names, empty texts and zeros for what is missing."""
    for event in meet["meetEvents"]:
        event["eventGender"] = ""
        event["eventStartTime"] = None
        del event["eventRecords"], event["eventStandards"]
    for swimmer in meet["meetSwimmers"]:
        last, _, first = (swimmer["swimmerName"] or "").partition(", ")
        swimmer["swimmerName"] = f"{first} {last}".strip() + f" ({swimmer['swimmerId']})"
    for session in meet["meetSessions"]:
        for number, race in enumerate(session["sessionRaces"], 1):
            race["raceHeatNumber"] = race["raceNumber"] = number
            for lane in race["raceLanes"]:
                lane["laneSeedTime"] = lane["laneSeedTime"] or 0


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and text.isdecimal() else text
