"""A morning of six heats, recorded: late and double reads, a false start, frames cut anywhere."""

import random
from pathlib import Path

from meetlog.simulate.race import Plan, make_rehearsal
from meetlog.simulate.script import Detection, Recall
from store.event import STATEMENT
from tests.meetlog.meets import MORNING, RecordedMeet
from wire.chips import encode_csv
from wire.reads import RawRead
from wire.stamps import HOUR, NS, format_iso
from wire.statements import AnyStatement, Disqualify, RecallHeat, encode
from wire.timedrops import PROGRAM_FILE, Program, encode_program
from wire.tsv1 import encode as encode_tsv1

TOML = """\
[meet]
name = "Sommerfest"
zone = "Europe/Berlin"

[folder]
quiet = "1s"

[[source]]
name = "finish-mat"
protocol = "tsv1"
role = "client"
port = 10000

[[point]]
name = "Turn"

[[point]]
name = "Finish"
feeds = ["Finish", { name = "Finish2", backup = true, shift = "-1.5s" }]

[[course]]
legs = [{ point = "Turn", distance = 25 }, { point = "Finish", distance = 50 }]
minimum = "5s"
"""
HEATS = 6
_SETTLED = 6 * NS  # after a finish; the latest read of a heat is not so late


def say(meet: RecordedMeet, statement: AnyStatement) -> int:
    return meet.add("operator", STATEMENT, encode(statement), actor=statement.author, channel="cli")


def about(meet: RecordedMeet, race: tuple[str, str, int], reason: str = "") -> dict[str, object]:
    session, event, heat = race
    return {
        "author": "Ada", "channel": "cli", "at": 0, "seen": meet.log.head().position,
        "reason": reason, "session": session, "event": event, "heat": heat,
    }  # fmt: skip


def busy(folder: Path, *, seed: int = 5, more: str = "") -> tuple[RecordedMeet, Program]:
    """The meet, still being recorded, and its program. Two heats have a second revision.

    `more` is added to its settings.
    """
    rehearsal = make_rehearsal(Plan(seed=seed, heats=HEATS, lanes=4, false_start=2))
    meet = RecordedMeet(folder, TOML + more)
    program = rehearsal.program
    written = encode_program(program)
    meet.file(PROGRAM_FILE, written[: len(written) // 2])
    meet.file(PROGRAM_FILE, written)
    meet.file("chips.csv", encode_csv(rehearsal.chips))
    meet.connect()
    meet.publish()
    rng = random.Random(seed)
    held = b""
    quiet_from = 0
    for act in rehearsal.acts:
        if act.at > quiet_from + _SETTLED:
            meet.publish()
        quiet_from = act.at
        if isinstance(act.what, Recall):
            gun = MORNING - 2 * HOUR + act.what.gun
            say(meet, RecallHeat(**about(meet, act.what.race, "false start"), gun=gun))  # type: ignore[arg-type]  # built above
        elif isinstance(act.what, Detection):
            held += encode_tsv1([_read(act.what)])
            # What one `recv` returns ends anywhere.
            cut = rng.choice([len(held), len(held), rng.randrange(1, len(held))])
            meet.add("finish-mat", "socket.read", held[:cut], c=1)
            held = held[cut:]
    meet.add("finish-mat", "socket.read", held or b"\r", c=1)
    meet.publish()
    for heat in rehearsal.heats[1:3]:
        lane = heat.lanes[0].lane
        dq = Disqualify(**about(meet, heat.race, "turned late"), lane=lane, code="7.2")  # type: ignore[arg-type]  # built above
        say(meet, dq)
        meet.publish()
    return meet, program


def _read(what: Detection) -> RawRead:
    stamp = format_iso(MORNING + what.moment, suffix="Z")
    return RawRead(what.chip or 0, stamp, what.point, int(what.kind), antenna=2, source=what.reader)
