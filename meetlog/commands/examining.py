"""`doctor`: is this computer ready for the meet."""

from collections import Counter
from typing import Annotated

import typer

from meetlog.commands.options import HERE, JsonOption, MeetOption
from meetlog.doctor.findings import Finding, Verdict, by_gravity
from meetlog.exits import Exit
from meetlog.output import Rows, print_json, put, say

_WORDS: dict[Verdict, str] = {"ok": "ok", "look": "LOOK", "wrong": "WRONG"}

ReadsOption = Annotated[
    int | None,
    typer.Option(
        "--reads",
        help="How many reads an hour are expected, for the forecast of the log's size.",
        metavar="PER-HOUR",
        min=1,
        show_default="the pace of the log so far",
    ),
]


def doctor(*, meet: MeetOption = HERE, reads: ReadsOption = None, json: JsonOption = False) -> None:
    """Say whether this computer is ready for the meet.

    Looks at the settings, ports, peers and firewall, the clock, the disk and
    the meet folder, files with passwords, power and versions, and says what
    to do. Nothing is changed. Exit code 1 tells that something is wrong.
    """
    from meetlog.doctor.examine import examine

    position, findings = examine(meet, reads)
    if json:
        print_json("doctor", position, findings)
    else:
        put(findings_table(by_gravity(findings)))
        say(summary(findings))
    if any(each.verdict == "wrong" for each in findings):
        raise typer.Exit(Exit.DIFFERS)


def findings_table(findings: list[Finding]) -> Rows:
    """Two rows for what needs doing: what was found, and the remedy."""
    table = Rows("", "what", "how it is")
    for each in findings:
        table.add(_WORDS[each.verdict], each.check, each.text)
        if each.remedy:
            table.add("", "", f"-> {each.remedy}")
    return table


def summary(findings: list[Finding]) -> str:
    """`Not ready: 1 wrong, 3 to look at, 12 ok.`"""
    counts = Counter(each.verdict for each in findings)
    words: list[tuple[Verdict, str]] = [("wrong", "wrong"), ("look", "to look at"), ("ok", "ok")]
    told = ", ".join(f"{counts[verdict]} {word}" for verdict, word in words if counts[verdict])
    return f"{'Not ready' if counts['wrong'] else 'Ready'}: {told}."
