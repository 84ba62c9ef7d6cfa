"""How every statement is made at the command line: its shared options, and the way it takes."""

import functools
import getpass
import inspect
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer
from filelock import FileLock

from meetlog.authors import Author, identify
from meetlog.checks import check_sense
from meetlog.commands.options import HERE, JsonOption, MeetOption, reading
from meetlog.opening import OpenMeet, Place
from meetlog.output import print_json, put, say
from meetlog.refusals import NotAllowed
from meetlog.show_changes import changes_table
from meetlog.statement_reports import StatementReport
from meetlog.stating import Proposal, folding_ahead, make, propose, refuse_stale
from meetlog.typed import moment
from projections.clock import iso_local
from projections.meet import Meet
from store.log import Log
from store.sqlite import SqliteLog
from wire.statements import AnyStatement, verb_of

CHANNEL = "cli"
ONE_AT_A_TIME = ".secrets.lock"
_WINDOW = 200  # events looked at together; the newest is nearly always among the first

ReasonOption = Annotated[
    str, typer.Option("--reason", "-r", help="Why, in a few words; it is kept.", metavar="TEXT")
]
AsOption = Annotated[
    str,
    typer.Option(
        "--as",
        help="Who says it; without it, the login of this computer.",
        metavar="AUTHOR",
    ),
]
SeenOption = Annotated[
    int | None,
    typer.Option(
        "--seen",
        help="The event up to which you had looked; it is refused if what it is about has "
        "changed since. Without it, the newest.",
        min=0,
        metavar="POSITION",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would change; nothing is stated.")
]
SecretFileOption = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        help="Take the author's secret from the first line of this file instead of asking.",
        metavar="FILE",
    ),
]

Common = dict[str, Any]  # what every statement says, by field


class Speaker(NamedTuple):
    """What a command has to make a statement of: the meet, and what every statement says."""

    opened: OpenMeet
    common: Common
    now: int

    @property
    def meet(self) -> Meet:
        """The meet as it is now."""
        return self.opened.meet

    def moment(self, text: str) -> int:
        """The moment (ns UTC) that somebody typed; a time of day is of the meet's last day."""
        newest = last_heard(self.opened.log)
        return moment(text, self.meet.settings.meet.zone, newest, self.now)


class Manner(NamedTuple):
    """The options that every statement has."""

    meet: Path
    reason: str
    author: str
    seen: int | None
    dry_run: bool
    secret_file: Path | None
    json: bool


def _shared(
    *,
    reason: ReasonOption = "",
    author: AsOption = "",
    seen: SeenOption = None,
    dry_run: DryRunOption = False,
    secret_file: SecretFileOption = None,
    meet: MeetOption = HERE,
    json: JsonOption = False,
) -> Manner:
    return Manner(meet, reason, author, seen, dry_run, secret_file, json)


Builder = Callable[..., AnyStatement]
Then = Callable[[Place, AnyStatement], list[str]]


def statement(name: str, builder: Builder, then: Then | None = None) -> Callable[..., None]:
    """The command `name` out of `builder(speaker, ...)`, with the options of every statement.

    `then` is called once it is made, and returns what else is to be told.
    """
    own = list(inspect.signature(builder, eval_str=True).parameters.values())[1:]
    shared = list(inspect.signature(_shared, eval_str=True).parameters.values())
    names = {parameter.name for parameter in shared}

    @functools.wraps(builder)
    def command(**given: Any) -> None:
        manner = _shared(**{k: v for k, v in given.items() if k in names})
        rest = {k: v for k, v in given.items() if k not in names}
        speak(name, manner, lambda speaker: builder(speaker, **rest), then)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)]
    told: Any = command
    told.__signature__ = inspect.Signature(parameters)
    told.__annotations__ = {p.name: p.annotation for p in parameters}
    del told.__wrapped__  # the signature is the one above
    return command


def speak(
    command: str, manner: Manner, build: Callable[[Speaker], AnyStatement], then: Then | None = None
) -> None:
    """Make the statement that `build` gives, or with `--dry-run` show what it would do."""
    login = _login(manner.author)
    with reading(manner.meet) as opened:
        now = time.time_ns()
        seen = opened.meet.position if manner.seen is None else manner.seen
        common: Common = {
            "author": manner.author or login, "channel": CHANNEL, "at": now, "seen": seen,
            "reason": manner.reason, "login": login,
        }  # fmt: skip
        said = build(Speaker(opened, common, now))
        check_sense(opened.meet, said)  # before a secret is asked for
        zone = opened.meet.settings.meet.zone
        if manner.dry_run:
            # Whoever may say it with a secret may look what it would do without one.
            refuse_stale(opened.log, opened.meet, said)
            assumed = msgspec.structs.replace(said, proof="secret")
            proposal = propose(opened.meet, assumed, folding_ahead(opened.log))
            tell(report_of(proposal, said, zone, None), command, json=manner.json)
            return
        path = opened.place.log
        with closing(SqliteLog(path, guest=True)) as log:
            author = _author(log, opened.meet, manner, login, path)
            said = msgspec.structs.replace(said, author=author.name, proof=author.proof)
            made = make(log, opened.meet, said)
        more = then(opened.place, said) if then is not None else []
    report = report_of(made.proposal, said, zone, made.position)
    tell(msgspec.structs.replace(report, notes=(*report.notes, *more)), command, json=manner.json)


def report_of(
    proposal: Proposal, said: AnyStatement, zone: str, position: int | None
) -> StatementReport:
    """What is told of a statement; `position` is None when it was not made."""
    return StatementReport(
        made=position is not None,
        position=position,
        verb=verb_of(said),
        words=proposal.words,
        author=said.author,
        proof=said.proof,
        login=said.login,
        channel=said.channel,
        reason=said.reason,
        at=iso_local(said.at, zone),
        at_ns=said.at,
        seen=said.seen,
        races=proposal.races,
        revisions=proposal.revisions,
        notes=proposal.notes,
    )


def tell(report: StatementReport, command: str, *, json: bool) -> None:
    """The report as one JSON document, or in words."""
    if json:
        position = report.seen if report.position is None else report.position
        print_json(command, position, [report])
        return
    words = f"{report.words[0].upper()}{report.words[1:]}."
    say(words if report.made else f"Not stated, only tried: {words}", "bold")
    if report.races:
        put(changes_table(report.races))
    else:
        say("No result changes.")
    for note in report.notes:
        say(note)
    for each in report.revisions:
        say(f"To be published: revision {each.revision} as {each.name}")
    if report.position is None:
        return
    proof = "secret" if report.proof == "secret" else f"login {report.login}"
    say(f"Statement {report.position} by {report.author} ({proof}). "
        f"To take it back: meetlog withdraw {report.position}")  # fmt: skip


def last_heard(log: Log) -> int:
    """When (ns UTC) the newest event came from outside: on the meet's last day.

    Not when the newest was recorded, for corrections are also made a day later. 0 without any.
    """
    until = log.head().position
    while until > 0:
        start = max(0, until - _WINDOW)
        for event in reversed(log.read(start, until - start)):
            if event.kind.startswith(("socket.", "file.")):
                return event.recorded_at
        until = start
    return 0


def ask_secret(name: str) -> str:
    """Ask for a secret at the terminal, without showing it."""
    try:
        secret: str = typer.prompt(f"Secret of {name}", hide_input=True, err=True)
    except typer.Abort:
        raise NotAllowed(
            f"The secret of {name} was not given; nothing was stated. "
            "Where there is no terminal, name a file with --secret-file."
        ) from None
    return secret


def read_secret(path: Path) -> str:
    """The first line of a file."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return lines[0] if lines else ""


def _author(log: SqliteLog, meet: Meet, manner: Manner, login: str, path: Path) -> Author:
    file = manner.secret_file
    return identify(
        log,
        meet,
        login=login,
        name=manner.author,
        channel=CHANNEL,
        ask=ask_secret if file is None else lambda _: read_secret(file),
        now=time.time_ns,
        one_at_a_time=FileLock(path.with_name(path.name + ONE_AT_A_TIME)),
    )


def _login(author: str) -> str:
    """The login of this computer; "" where it has none and an author is named."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        if author:
            return ""
        raise NotAllowed(
            "This computer does not tell who is logged in. Say who speaks with --as NAME."
        ) from None
