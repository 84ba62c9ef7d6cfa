"""`demo`: a whole simulated meet, and a look at what came of it."""

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import anyio
import typer

from meetlog.commands.outcomes import results, revisions
from meetlog.commands.replaying import replay
from meetlog.exits import Differs, Refused
from meetlog.output import say

IntoOption = Annotated[
    Path | None,
    typer.Option(
        help="Keep the meet in this new folder; else it is a temporary one.", metavar="DIR"
    ),
]
StayOption = Annotated[
    bool,
    typer.Option("--stay", help="Keep the meet and its console open at the end, until Ctrl-C."),
]


def demo(*, into: IntoOption = None, stay: StayOption = False) -> None:
    """Play a whole meet on this machine, in half a minute.

    Simulated timing systems speak TsV1, TsV2 and CTP01 over loopback TCP,
    with duplicates, late reads, a backup mat and a cut connection; a meet
    manager writes a program in halves; there is a false start and a chip
    table to be corrected. The console shows it all live in a browser. Then it
    shows results, files and revisions, and replays the log into a second
    folder.
    """
    from meetlog.demo import compare, mix_up, play, result_files
    from meetlog.opening import open_meet

    if into is not None and into.exists() and any(into.iterdir()):
        raise Refused(f"{into} is not empty. Name another folder with --into.")
    folder = into or Path(tempfile.mkdtemp(prefix="meetlog-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    rehearsal = anyio.run(partial(play, stay=stay), folder, say)
    swapped = mix_up(rehearsal)[1][0]
    _head("The results")
    results(meet=folder)
    with open_meet(folder) as opened:
        wrong = compare(rehearsal, opened.meet.races())
    if wrong:
        raise Differs("These times are not those that were swum: " + "; ".join(wrong))
    say("Every time is the one that was swum.")
    _head("The files in the meet folder")
    for name in result_files(folder / "timedrops"):
        say(f"  {name}")
    _head(f"The revisions of event {swapped.event} heat {swapped.heat}")
    revisions(meet=folder, race=f"{swapped.session}/{swapped.event}/{swapped.heat}")
    _head("A replay of the log into a second folder")
    replay(log=folder, into=folder / "replayed")
    _head("Look around")
    if into is None:
        say(f"The meet is in {folder}; delete that folder when you are done.")
    program = Path(sys.argv[0])
    typed = "meetlog" if program.is_absolute() else str(program)
    looks = "status --meet", "crossings --meet", "events --limit 20 --meet", "verify"
    for command in (*looks, "console --meet"):
        say(f"  {typed} {command} {folder}")


def _head(text: str) -> None:
    say("")
    say(text, "bold")
