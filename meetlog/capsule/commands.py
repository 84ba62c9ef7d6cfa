"""`meetlog capsule`: a span of a log in one file, and opening it elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from meetlog import show
from meetlog.capsule.format import Manifest
from meetlog.capsule.making import CapsuleReport, OpenedCapsule, make
from meetlog.capsule.unpacking import LOG, open_into
from meetlog.commands.evidence import HOLDS, seal_named
from meetlog.commands.listed import Listed
from meetlog.commands.options import HERE, JsonOption, LogArgument
from meetlog.exits import Exit
from meetlog.instants import NoSuchInstant, first_from, position_at
from meetlog.opening import open_log
from meetlog.output import print_json, progress, say
from meetlog.reports import CodeCheck
from projections.folding import settings_at
from store.seal import Seal


class _Capsules(Listed):
    """`make` may be left out: `meetlog capsule LOG ...` makes one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command that is meant."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Capsules,
    help="Put a span of a log into one file, to be replayed on another computer.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)

FromOption = Annotated[
    str,
    typer.Option(
        "--from",
        help="The first event of the span: a position, or the first at or after an instant.",
        metavar="POSITION|INSTANT",
        show_default="the log's first",
    ),
]
ToOption = Annotated[
    str,
    typer.Option(
        "--to",
        help="The last event of the span: a position, or the last at or before an instant.",
        metavar="POSITION|INSTANT",
        show_default="the log's newest",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="The new file to write.", metavar="FILE")]
MaskOption = Annotated[
    bool,
    typer.Option(
        "--mask-names", help="Put pseudonyms in the place of swimmers' names, and leave out ages."
    ),
]
FileArgument = Annotated[Path, typer.Argument(help="A capsule.", metavar="FILE")]
IntoOption = Annotated[
    Path,
    typer.Option(
        "--into", help="The folder to write into; it must be new or empty.", metavar="DIR"
    ),
]


CodeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--code",
        help="A code of the log, printed by `meetlog seal`, a result page or an audit page: does "
        "the capsule have that past? May be given again.",
        metavar="CODE",
    ),
]


@app.command("make")
def make_capsule(
    *,
    log: LogArgument = HERE,
    out: OutOption,
    begin: FromOption = "",
    end: ToOption = "",
    mask_names: MaskOption = False,
    json: JsonOption = False,
) -> None:
    """Put a span of the log into a file, with all that it takes to replay it.

    The chain is verified, and the capsule is opened and replayed before it
    gets its name. The word `make` may be left out.
    """
    with open_log(log) as (opened, place), progress("Verifying", plain=not json) as told:
        zone = (place.settings or settings_at(opened)).meet.zone
        last = position_at(opened, end, zone) if end else opened.head().position
        first = first_from(opened, begin, zone) if begin else 1
        if not 1 <= first <= last:
            raise NoSuchInstant(
                f"From event {first} to event {last} there is none: nothing to put in a capsule."
            )
        report = make(opened, first, last, out, mask=mask_names, name=place.log, progress=told)
    if json:
        print_json("capsule", last, [report])
        return
    _print(report)


@app.command("open")
def open_one(
    *, file: FileArgument, into: IntoOption, code: CodeOption = None, json: JsonOption = False
) -> None:
    """Make a log of a capsule, in a folder of its own.

    It is checked first; a file that was altered, cut off, or is of a newer
    meetlog leaves nothing behind. With --code: its events up to there are
    those of the log that the code was made of.

    Exit code 1 tells that a code stands for another past.
    """
    seals = [seal_named(text) for text in code or ()]
    hashes = {seal.position: b"" for seal in seals}
    with progress("Opening", plain=not json) as told:
        manifest = open_into(file, into, told, hashes)
    codes = tuple(_check(seal, hashes[seal.position]) for seal in seals)
    if json:
        print_json("capsule", manifest.end, [OpenedCapsule(str(into / LOG), manifest, codes)])
    else:
        _print_opened(manifest, codes, into)
    if any(each.state != HOLDS for each in codes):
        raise typer.Exit(Exit.DIFFERS)


def _check(seal: Seal, hash_: bytes) -> CodeCheck:
    state = "not in the capsule"
    if hash_:
        state = HOLDS if seal.fits(hash_) else "another past"
    return CodeCheck(str(seal), seal.position, state)


def _print_opened(manifest: Manifest, codes: Sequence[CodeCheck], into: Path) -> None:
    say(_contents(manifest))
    _print_codes(manifest)
    for check in codes:
        say(f"{check.code}: {_told(check, manifest)}")
    path = into / LOG
    say("Look around:")
    say(f"  meetlog events --meet {path} --after {manifest.begin - 1}")
    say(f"  meetlog results --meet {path}")
    say(f"  meetlog replay {path} --into {into / 'replayed'}")


def _told(check: CodeCheck, manifest: Manifest) -> str:
    first, last = manifest.complete_from, manifest.end
    match check.state:
        case "holds":
            return (
                f"HOLDS. The events {first} to {check.position} are those of the log that it "
                "was made of."
            )
        case "another past":
            return (
                f"DIFFERS. The events up to {check.position} are others than those that it was "
                "made of."
            )
    if manifest.masked:
        return "NOT KNOWN. Names are masked, so no event is what it was; it takes the log."
    return f"NOT KNOWN. The capsule can tell of codes of the events {first} to {last}."


def _print(report: CapsuleReport) -> None:
    manifest = report.manifest
    say(_contents(manifest))
    say(f"It is in {report.file}, {show.size(report.size)}.")
    if report.publications:
        said = "all of them identical"
        if report.identical < report.publications:
            said = f"{report.publications - report.identical} otherwise, as the log itself does"
        say(
            f"Opened and replayed: it gives {show.count(report.publications, 'publication')} of "
            f"the span, {said}."
        )
    _print_codes(manifest)


def _contents(manifest: Manifest) -> str:
    begin, end = show.to_ms(manifest.begin_at), show.to_ms(manifest.end_at)
    masked = "Names are masked. " if manifest.masked else ""
    lead = ""
    if manifest.complete_from < manifest.begin:
        lead = f", complete from event {manifest.complete_from} on"
    return (
        f"{manifest.meet}: events {manifest.begin} to {manifest.end}, {begin} to {end} "
        f"({manifest.zone}){lead}. {masked}"
        f"{show.count(manifest.carried, 'event')} in it, "
        f"{manifest.end - manifest.carried} left out."
    )


def _print_codes(manifest: Manifest) -> None:
    say(f"The log's seals there: {manifest.begin_code} and {manifest.end_code}")
