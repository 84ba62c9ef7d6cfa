"""A meet with many corrections, and what it looked like after each of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from projections.views import Race
from store.event import STATEMENT
from tests.meetlog.meets import MORNING, PROGRAM, TOML, RecordedMeet, read, swum
from wire.stamps import HOUR, NS
from wire.statements import (
    AdoptSettings,
    AnyStatement,
    ClearTime,
    CloseHeat,
    DidNotFinish,
    Disqualify,
    MarkLane,
    MoveGun,
    Reinstate,
    ReopenHeat,
    SetTime,
    Withdraw,
    encode,
)
from wire.timedrops import PROGRAM_FILE, encode_program

GUN = MORNING - 2 * HOUR  # the first heat's, ns UTC
RESULT = "Session67_Event_4A_Heat1_Race1_1.json"


class Moment(msgspec.Struct, frozen=True):
    """How the meet stood when event `position` was the newest: its views, and its folder."""

    position: int
    recorded_at: int
    races: list[Race]
    folder: dict[str, bytes]


def said(meet: RecordedMeet, kind: Callable[..., AnyStatement], **fields: object) -> int:
    """Append a statement about the first heat (or whatever `fields` say); its position."""
    about: dict[str, object] = {"session": "67", "event": "4A", "heat": 1}
    about = {} if kind in (Withdraw, AdoptSettings) else about
    seen = meet.log.head().position
    statement = kind(author="Ada", channel="cli", at=0, seen=seen, **(about | fields))
    return meet.add("operator", STATEMENT, encode(statement))


def corrected(folder: Path) -> tuple[RecordedMeet, list[Moment]]:
    """A swum heat with 24 corrections, each published, and the moments after each."""
    meet = swum(folder)
    moments = [_moment(meet)]
    for _ in _corrections(meet):
        meet.publish()
        moments.append(_moment(meet))
    return meet, moments


def _moment(meet: RecordedMeet) -> Moment:
    head = meet.log.head()
    assert meet.projector.meet.position == head.position
    return Moment(
        head.position,
        head.recorded_at,
        meet.projector.meet.races(),
        {path.name: path.read_bytes() for path in meet.timedrops.iterdir()},
    )


def _corrections(meet: RecordedMeet) -> Iterator[int]:
    """Late reads, statements and their withdrawals, programs, chips, settings."""
    for ms in (31_440, 31_430):
        yield meet.receive([read(ms, "456", "Finish")])
    dq = said(meet, Disqualify, lane=1, code="4.4", text="False start")
    yield dq
    yield said(meet, SetTime, lane=2, time_cs=3140)
    yield said(meet, Withdraw, position=dq)
    yield said(meet, ClearTime, lane=2)
    yield said(meet, SetTime, lane=2, time_cs=3139)
    yield said(meet, MoveGun, gun=GUN + NS // 10)
    yield said(meet, DidNotFinish, lane=2)
    yield said(meet, Reinstate, lane=2)
    yield said(meet, MarkLane, lane=3, empty=False)
    yield said(meet, MarkLane, lane=3, empty=True)
    yield said(meet, CloseHeat)
    yield said(meet, ReopenHeat)
    heat, *others = PROGRAM.sessions[0].heats
    for number in (11, 12):
        heats = (msgspec.structs.replace(heat, race_number=number), *others)
        session = msgspec.structs.replace(PROGRAM.sessions[0], heats=heats)
        program = msgspec.structs.replace(PROGRAM, sessions=(session,))
        yield meet.file(PROGRAM_FILE, encode_program(program))
    yield meet.file("chips.csv", b"chip,swimmer\n123,102\n456,101\n")
    yield meet.file("chips.csv", b"chip,swimmer\n123,101\n456,102\n")
    for toml in (
        TOML.replace('zone = "Europe/Berlin"', 'zone = "Europe/Berlin"\nrounding = "up-second"'),
        TOML,
        TOML.replace("Europe/Berlin", "Europe/London"),
        TOML.replace('name = "Finish"\n', 'name = "Finish"\nrule = "last"\n'),
    ):
        yield meet.file("meet.toml", toml.encode(), "settings")
    yield meet.receive([read(30_200, "123", "Finish")])
    yield said(meet, SetTime, lane=1, time_cs=3000)
