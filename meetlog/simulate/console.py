"""A Time Drops console: it writes its status file and its own results into the meet folder."""

import random
from collections.abc import Mapping
from pathlib import Path

import anyio
import msgspec

from meetlog.simulate.meet_manager import not_written
from meetlog.simulate.timing import Timing, iso_at
from wire.timedrops import (
    STATUS_FILE,
    Heat,
    Program,
    ResultFile,
    ResultLane,
    ResultSplit,
    Session,
    Status,
    encode_result,
    encode_status,
    result_name,
)

VERSION = "2025.01.884"  # a real console's


def make_result(
    session: Session,
    heat: Heat,
    seed: int = 1,
    *,
    finals_cs: Mapping[int, int] | None = None,
    start_at: str = "",
    created_at: str = "",
) -> ResultFile:
    """The first result of a heat: pad and three watches for each lane that swims.

    `finals_cs` gives final times (hundredths) by lane; others are drawn by
    the seed. The final time is the pad's, and the watches lie around it
    (SW 13.3.1: the automatic time outranks them).
    """
    rng = random.Random(f"{seed}/{session.id}/{heat.event}/{heat.heat}")  # noqa: S311 - a seeded rehearsal is not cryptography
    event = next((e for e in session.events if e.number == heat.event), None)
    distance = (event.distance if event else 0) or 50
    lanes = []
    for entry in heat.lanes:
        drawn = rng.randint(52 * distance, 80 * distance)
        watches = [rng.randint(-15, 15) for _ in range(3)]
        if entry.empty:
            lanes.append(ResultLane(entry.lane, empty=True))
            continue
        final = (finals_cs or {}).get(entry.lane, drawn)
        timers = (final + watches[0], final + watches[1], final + watches[2])
        half = ResultSplit(distance // 2, final * 48 // 100)
        splits = (half, ResultSplit(distance, final))
        lanes.append(ResultLane(entry.lane, final, final, timers, splits=splits))
    return ResultFile(
        session_id=session.id,
        event=heat.event,
        heat=heat.heat,
        race_number=heat.race_number,
        session_number=session.number,
        created_at=created_at,
        start_at=start_at,
        lanes=tuple(lanes),
        revision=1,
    )


def revise(result: ResultFile, created_at: str = "") -> ResultFile:
    """The next revision: in turn, the next lane is disqualified or gets the middle of its watches.

    A heat in which nobody swims stays as it is but for its number.
    """
    swum = [lane for lane in result.lanes if not lane.empty]
    changed: dict[int, ResultLane] = {}
    if swum:
        lane = swum[(result.revision - 1) % len(swum)]
        watches = sorted(t for t in lane.timers_cs if t is not None)
        if result.revision % 2 or not watches:
            changed[lane.lane] = msgspec.structs.replace(lane, dq=not lane.dq)
        else:
            middle = watches[len(watches) // 2]
            changed[lane.lane] = msgspec.structs.replace(lane, final_cs=middle, pad_cs=None)
    return msgspec.structs.replace(
        result,
        created_at=created_at or result.created_at,
        revision=result.revision + 1,
        lanes=tuple(changed.get(lane.lane, lane) for lane in result.lanes),
    )


class Console:
    """Somebody at the console: shows heats, and writes a file for each result and revision.

    The status file is rewritten in place; a result file is never touched
    again, a correction is a new one (PROTOCOLS 3.2, 3.5). `written` are the
    names of the result files. Raises `FolderTrouble` when the folder cannot be written.
    """

    def __init__(self, folder: Path, program: Program, timing: Timing) -> None:
        self.written: list[str] = []
        self._folder = folder
        self._program = program
        self._timing = timing

    async def show(self, session: Session, heat: Heat | None = None) -> None:
        """Write the status: at the start, without a heat, and at each new heat."""
        status = Status(
            updated_at=self._now(),
            session_id=session.id,
            event=heat.event if heat else "",
            heat=heat.heat if heat else None,
            program_at=self._program.program_at,
            session_number=session.number,
            system_version=VERSION,
        )
        await self._write(STATUS_FILE, encode_status(status))

    async def save(self, result: ResultFile) -> str:
        """Write a result file; its name."""
        name = result_name(
            result.session_id, result.event, result.heat, result.race_number, result.revision
        )
        await self._write(name, encode_result(result))
        self.written.append(name)
        return name

    async def swim(
        self,
        session: Session,
        heat: Heat,
        seed: int = 1,
        *,
        revisions: int = 1,
        finals_cs: Mapping[int, int] | None = None,
        pause: int = 0,
    ) -> ResultFile:
        """Show a heat, let it swim, write its result and then revisions, `pause` ns between them.

        Returns the last revision.
        """
        start_at = self._now()
        await self.show(session, heat)
        await self._timing.pause(pause)
        result = make_result(
            session, heat, seed, finals_cs=finals_cs, start_at=start_at, created_at=self._now()
        )
        await self.save(result)
        while result.revision < revisions:
            await self._timing.pause(pause)
            result = revise(result, self._now())
            await self.save(result)
        return result

    def _now(self) -> str:
        return iso_at(self._timing.now(), self._timing.zone)

    async def _write(self, name: str, body: bytes) -> None:
        path = anyio.Path(self._folder / name)
        try:
            await anyio.Path(self._folder).mkdir(parents=True, exist_ok=True)
            await path.write_bytes(body)
        except OSError as e:
            raise not_written(path, e) from e
