"""The options that the simulators share, and what is made of them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import typer

from meetlog.output import warn
from meetlog.simulate.faults import Faults, disturb
from meetlog.simulate.race import HeatScript, Plan, make_rehearsal, make_stream
from meetlog.simulate.recordings import acts_of, load_reads
from meetlog.simulate.script import Act, at_rate, only, without_first_seen
from meetlog.simulate.timing import Timing
from wire.errors import Malformed

DEFAULT_POINT = "Finish"
DEFAULT_RATE = 10
READS_PER_CHIP = 10


def _speed(text: str) -> str:
    try:
        wrong = text != "max" and Fraction(text) <= 0
    except (ValueError, ZeroDivisionError):
        wrong = True
    if wrong:
        raise typer.BadParameter('write how many times faster than life, such as 4, or "max"')
    return text


def _zone(text: str) -> str:
    try:
        if text:
            ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise typer.BadParameter('write a zone such as "Europe/Berlin"') from e
    return text


HostOption = Annotated[
    str, typer.Option(help="The address to listen on, or to connect to.", metavar="ADDRESS")
]
PortOption = Annotated[
    int, typer.Option(help="The TCP port; when listening, 0 takes a free one.", min=0, max=65535)
]
FileOption = Annotated[
    Path | None,
    typer.Option(help="Play this recording: CT01_33 lines, or arrays of TsV1 or TsV2."),
]
NowOption = Annotated[
    bool, typer.Option("--now", help="Give the reads of --file new stamps, as if they came now.")
]
SeedOption = Annotated[int, typer.Option(help="The same seed gives the same meet, always.")]
HeatsOption = Annotated[int, typer.Option(help="Heats of the invented meet.", min=1, max=500)]
LanesOption = Annotated[int, typer.Option(help="Lanes of the invented meet.", min=1, max=50)]
FalseStartOption = Annotated[
    int, typer.Option(help="The heat that first starts falsely; 0 is none.", min=0)
]
ChipsOption = Annotated[
    int,
    typer.Option(help="Instead of a meet, an even stream of reads of so many chips.", min=0),
]
ReadsOption = Annotated[
    int, typer.Option(help="How many reads --chips sends; 0 is 10 for each chip.", min=0)
]
RateOption = Annotated[
    int, typer.Option(help="Reads per second, whatever their stamps say; 0 keeps to them.", min=0)
]
SpeedOption = Annotated[
    str, typer.Option(help='How many times faster than life; "max" does not wait.', callback=_speed)
]
ZoneOption = Annotated[
    str,
    typer.Option(help="The zone of new stamps; this computer's when left out.", callback=_zone),
]
PointOption = Annotated[
    list[str],
    typer.Option(help="Send this point only; may be given several times. --chips invents it."),
]
DuplicatesOption = Annotated[
    float, typer.Option(help="The chance, 0 to 1, that a read is sent twice.", min=0, max=1)
]
LateOption = Annotated[
    float, typer.Option(help="The chance that a read comes up to 6 s late.", min=0, max=1)
]
CutsOption = Annotated[
    float, typer.Option(help="The chance that a read is broken off by a cut.", min=0, max=1)
]
CutAfterOption = Annotated[
    list[int],
    typer.Option(help="Cut the connection in the middle of the read after the n-th; repeatable."),
]
StayOption = Annotated[
    bool, typer.Option("--stay", help="Stay connected when all is sent, until Ctrl-C.")
]
BatchOption = Annotated[int, typer.Option(help="Reads per message, at most.", min=1, max=1000)]
ResendOption = Annotated[
    int, typer.Option(help="Send each new connection the last so many reads again.", min=0)
]
FolderOption = Annotated[Path, typer.Option(help="The Time Drops meet folder; made if missing.")]


class Wanted(msgspec.Struct, frozen=True):
    """What somebody wants played; the names are those of the options."""

    file: Path | None
    now: bool
    seed: int
    heats: int
    lanes: int
    false_start: int
    chips: int
    reads: int
    rate: int
    points: Sequence[str]
    duplicates: float
    late: float
    cuts: float
    cut_after: Sequence[int]

    def script(self, *, first_seen: bool = True) -> tuple[list[Act], tuple[HeatScript, ...]]:
        """The acts, and the heats whose times must come out when all of them are sent.

        Raises `SimulateError` when the file is of no use, `typer.BadParameter`
        for options that contradict each other.
        """
        if self.file is not None and self.chips:
            raise typer.BadParameter("--file and --chips exclude each other; leave one out")
        if self.now and self.file is None:
            raise typer.BadParameter("--now is about the reads of --file; name a file")
        heats: tuple[HeatScript, ...] = ()
        if self.file is not None:
            acts = only(self._recorded(self.file), self.points)
        elif self.chips:
            count = self.reads or READS_PER_CHIP * self.chips
            points = tuple(self.points) or (DEFAULT_POINT,)
            acts = make_stream(self.seed, points, self.chips, self.rate or DEFAULT_RATE, count)
        else:
            rehearsal = make_rehearsal(self._plan())
            acts = only(rehearsal.acts, self.points)
            heats = () if self.points else rehearsal.heats
        if not first_seen:
            acts = without_first_seen(acts)
        if not any(act.is_read for act in acts):
            known = f" of {', '.join(self.points)}" if self.points else ""
            raise typer.BadParameter(f"there are no reads{known} to send; check --point and --file")
        if self.rate and not self.chips:
            acts = at_rate(acts, self.rate)
        faults = Faults(self.duplicates, self.late, self.cuts, tuple(self.cut_after))
        return disturb(acts, faults, self.seed), heats

    def _plan(self) -> Plan:
        # The main mat sees everybody, so that the times come out without a backup feed too.
        return Plan(
            self.seed,
            self.heats,
            self.lanes,
            false_start=self.false_start,
            missed=0,
            faults=Faults(),
        )

    def _recorded(self, path: Path) -> list[Act]:
        def tell(problem: Malformed) -> None:
            warn(f"{path}: passed over: {problem.reason}: {problem.excerpt}")

        return acts_of(load_reads(path, tell), restamp=self.now)


def timing_of(speed: str, zone: str) -> Timing:
    """The clock that `--speed` and `--zone` ask for."""
    pace = None if speed == "max" else Fraction(speed)
    return Timing(pace, zone=ZoneInfo(zone) if zone else None)


def first_line(path: Path | None) -> str:
    """The password in a file, "" without one."""
    if path is None:
        return ""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise typer.BadParameter(f"the password file {path} cannot be read: {e}") from e
    return lines[0] if lines else ""
