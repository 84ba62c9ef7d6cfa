"""Statements about chips, reads and clocks, about settings, and the withdrawal of any statement."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from exporters.sink import FolderSink
from meetlog.commands.saying import Speaker
from meetlog.exits import Refused
from meetlog.nearby import (
    find_alarm,
    find_chip,
    find_point,
    find_source,
    find_statement,
    find_swimmer,
)
from meetlog.opening import Place
from meetlog.refusals import Unsayable
from meetlog.settings import load
from meetlog.subjects import stamps_of
from meetlog.typed import precision, shift
from projections.clock import iso_local
from projections.wording import FOREVER
from wire.statements import (
    Acknowledge,
    AddCrossing,
    AdoptSettings,
    AnyStatement,
    AssignChip,
    ShiftClock,
    VoidReads,
    Withdraw,
)

ALL_MEET = "meet"

ChipArgument = Annotated[str, typer.Argument(help="The chip, as it is read.", metavar="CHIP")]
SwimmerArgument = Annotated[
    str,
    typer.Argument(help="Whose it is: an id or bib of the program, or a name.", metavar="SWIMMER"),
]
SinceOption = Annotated[
    str,
    typer.Option(
        "--since",
        help="From when on: an instant, `now`, or `meet` for the whole meet.",
        metavar="INSTANT|now|meet",
    ),
]
PointOption = Annotated[
    str,
    typer.Option(
        "--point", "-p", help="Only at this timing point.", metavar="POINT"
    ),
]  # fmt: skip
FromOption = Annotated[
    str, typer.Option("--from", help="Only stamps from this instant on.", metavar="INSTANT")
]
ToOption = Annotated[
    str, typer.Option("--to", help="Only stamps up to this instant.", metavar="INSTANT")
]
AtOption = Annotated[
    str,
    typer.Option(
        "--at",
        help="Only the reads of the crossing at this instant, as `meetlog crossings` shows it.",
        metavar="INSTANT",
    ),
]
PointArgument = Annotated[str, typer.Argument(help="The timing point.", metavar="POINT")]
InstantArgument = Annotated[
    str,
    typer.Argument(
        help="When: 14:05:31.25 of the meet's last day, a date and time, or now.",
        metavar="INSTANT",
    ),
]
SourceArgument = Annotated[
    str, typer.Argument(help="The source, by its name in meet.toml.", metavar="SOURCE")
]
ShiftArgument = Annotated[
    str, typer.Argument(help="What to add to its stamps: +1.5s or -300ms.", metavar="SHIFT")
]
FileArgument = Annotated[
    Path, typer.Argument(help="The settings: a meet.toml or another such file.", metavar="FILE")
]
AlarmArgument = Annotated[
    str,
    typer.Argument(help="The event it is about, as status shows it, or its key.", metavar="ALARM"),
]
PositionArgument = Annotated[
    int, typer.Argument(help="The statement's position.", metavar="POSITION", min=1)
]


def assign_chip(
    speaker: Speaker,
    chip: ChipArgument,
    swimmer: SwimmerArgument,
    *,
    since: SinceOption = ALL_MEET,
) -> AssignChip:
    """Say whose a chip is, from an instant on or for the whole meet."""
    whose = find_swimmer(speaker.meet, swimmer)
    return AssignChip(**speaker.common, chip=chip, swimmer=whose, since=_since(speaker, since))


def clear_chip(
    speaker: Speaker, chip: ChipArgument, *, since: SinceOption = ALL_MEET
) -> AssignChip:
    """Say that a chip is nobody's, from an instant on or for the whole meet."""
    return AssignChip(**speaker.common, chip=chip, swimmer="", since=_since(speaker, since))


def void(
    speaker: Speaker,
    chip: ChipArgument,
    *,
    point: PointOption = "",
    since: FromOption = "",
    until: ToOption = "",
    at: AtOption = "",
) -> VoidReads:
    """Let reads of a chip count no more.

    All of them, those at a point, those of a span, or those of one crossing.
    """
    return _reads(speaker, chip, point, (since, until, at), restore=False)


def restore_reads(
    speaker: Speaker,
    chip: ChipArgument,
    *,
    point: PointOption = "",
    since: FromOption = "",
    until: ToOption = "",
    at: AtOption = "",
) -> VoidReads:
    """Let reads of a chip count again that were voided."""
    return _reads(speaker, chip, point, (since, until, at), restore=True)


def crossing(
    speaker: Speaker, chip: ChipArgument, point: PointArgument, instant: InstantArgument
) -> AddCrossing:
    """Say that a chip crossed a point: somebody saw it.

    It outranks the reads around it.
    """
    meet = speaker.meet
    known = chip if chip not in meet.state.reads.chips and _unread(speaker, chip) else None
    return AddCrossing(
        **speaker.common,
        chip=known or find_chip(meet, chip),
        point=find_point(meet, point),
        moment=speaker.moment(instant),
    )


def shift_clock(
    speaker: Speaker,
    source: SourceArgument,
    by: ShiftArgument,
    *,
    since: FromOption = "",
    until: ToOption = "",
) -> ShiftClock:
    """Correct the clock of a source: add a span of time to its stamps.

    To those of a span, or to all. It changes what the stamps mean, never the bytes.
    """
    return ShiftClock(
        **speaker.common,
        source=find_source(speaker.meet, source),
        shift=shift(by),
        since=speaker.moment(since) if since else 0,
        until=speaker.moment(until) if until else 0,
    )


def adopt(speaker: Speaker, settings_file: FileArgument) -> AdoptSettings:
    """Read the log by other settings from here on.

    The file is checked whole first. It also becomes the meet's meet.toml, so
    that the next run uses it. Sources change when run is started again.
    """
    _, data = load(settings_file)
    place = speaker.opened.place
    if place.settings_path is not None and _same_file(settings_file, place.settings_path):
        return AdoptSettings(**speaker.common, toml=data.decode("utf-8-sig"))
    return adopt_text(speaker, data)


def adopt_text(speaker: Speaker, data: bytes) -> AdoptSettings:
    """As `adopt`, of settings that come from elsewhere than a file."""
    path = speaker.opened.place.settings_path
    if path is not None:
        known = speaker.meet.state.files.get("settings", {}).get("meet.toml")
        _refuse_to_lose(path, data, known)
    return AdoptSettings(**speaker.common, toml=data.decode("utf-8-sig"))


def write_settings(place: Place, statement: AnyStatement) -> list[str]:
    """Make adopted settings the meet's meet.toml, whole or not at all; what is to be told."""
    if place.settings_path is None or not isinstance(statement, AdoptSettings):
        return ["No meet.toml was written, since only the log was named with --meet."]
    path, data = place.settings_path, statement.toml.encode()
    before = path.read_bytes()
    if before == data:
        return []
    sink = FolderSink(path.parent)
    sink.write(path.name, data, expect=[sha256(before).hexdigest()])
    return [f"{path} was written. A `meetlog run` uses its sources when it is started again."]


def acknowledge(speaker: Speaker, alarm: AlarmArgument) -> Acknowledge:
    """Say that you have seen an alarm; it changes no result."""
    found = find_alarm(speaker.meet, alarm)
    return Acknowledge(**speaker.common, alarm=found.key, text=found.text)


def withdraw(speaker: Speaker, position: PositionArgument) -> Withdraw:
    """Take back an earlier statement; later ones stay."""
    return Withdraw(
        **speaker.common, position=find_statement(speaker.meet, position).position
    )  # fmt: skip


def _since(speaker: Speaker, text: str) -> int:
    return 0 if text.strip().casefold() == ALL_MEET else speaker.moment(text)


def _unread(speaker: Speaker, chip: str) -> bool:
    """Whether a chip that was never read is somebody's, so that it may have been seen."""
    return bool(speaker.meet.state.startlist.swimmer_of(chip))


def _reads(
    speaker: Speaker, typed: str, at_point: str, span: tuple[str, str, str], *, restore: bool
) -> VoidReads:
    meet = speaker.meet
    chip = find_chip(meet, typed)
    point = find_point(meet, at_point) if at_point else ""
    since, until, at = span
    if at and (since or until):
        raise typer.BadParameter("--at names one crossing; leave --from and --to out.")
    if at:
        find = _voided if restore else _crossing
        point, first, last = find(speaker, chip, point, at)
    else:
        first = speaker.moment(since) if since else 0
        last = speaker.moment(until) if until else FOREVER
    return VoidReads(
        **speaker.common, chip=chip, point=point, since=first, until=last, restore=restore
    )


def _crossing(speaker: Speaker, chip: str, point: str, at: str) -> tuple[str, int, int]:
    """The point and the stamps' span of the crossing that is shown at an instant."""
    meet, zone = speaker.meet, speaker.meet.settings.meet.zone
    typed, open_ns = speaker.moment(at), precision(at)
    crossings = meet.crossings([chip], point or None)
    found = [c for c in crossings if typed <= c.moment_ns < typed + open_ns]
    if len(found) == 1:
        c = found[0]
        stamps = stamps_of(meet, chip, c.point, c.first_ns, c.last_ns)
        if stamps is None:
            raise Unsayable(
                f"That crossing of chip {chip} was seen, not read: withdraw statement {c.position}."
            )
        return c.point, *stamps
    if found:
        points = ", ".join(sorted({c.point for c in found}))
        raise Unsayable(f"Chip {chip} has several crossings then; write --point ({points}).")
    near = sorted(crossings, key=lambda c: abs(c.moment_ns - typed))[:3]
    listed = "; ".join(f"{c.point} {iso_local(c.moment_ns, zone)}" for c in near) or "none at all"
    raise Unsayable(f"Chip {chip} has no crossing at {at}. The nearest: {listed}.")


def _voided(speaker: Speaker, chip: str, point: str, at: str) -> tuple[str, int, int]:
    """The point and the span of the voided reads around an instant."""
    meet, zone = speaker.meet, speaker.meet.settings.meet.zone
    typed, open_ns = speaker.moment(at), precision(at)
    void = [r for r in meet.rulings().reads.get(chip, ()) if r.void and point in ("", r.point)]
    for ruling in reversed(void):
        if ruling.since < typed + open_ns and typed <= ruling.until:
            return ruling.point, ruling.since, ruling.until
    listed = "; ".join(
        f"{r.point or 'everywhere'} from {iso_local(r.since or None, zone) or 'the beginning'}"
        for r in void[-3:]
    )
    raise Unsayable(f"No reads of chip {chip} are void at {at}. Void are: {listed or 'none'}.")


def _same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.resolve() == other.resolve()


def _refuse_to_lose(path: Path, data: bytes, known: str | None) -> None:
    """Refuse to write over changes of meet.toml that no log has."""
    there = path.read_bytes()
    if known is not None and there != data and sha256(there).hexdigest() != known:
        raise Refused(
            f"{path} was changed since it was last in force, and would be lost. "
            f"Adopt that file itself, or put its changes into the other one."
        )
