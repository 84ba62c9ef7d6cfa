"""`operator`: who may speak, with which role, and how they prove who they are."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ingest.recorder import SETTINGS_PATH, SETTINGS_SOURCE, file_draft
from meetlog import show
from meetlog.commands.listed import Listed
from meetlog.commands.options import HERE, JsonOption, MeetOption, reading
from meetlog.commands.saying import Speaker, read_secret, statement
from meetlog.opening import find
from meetlog.output import Rows, print_json, put, say
from meetlog.refusals import NotAllowed, Unsayable
from meetlog.secrets import SALT_BYTES, hash_secret, weakness
from meetlog.settings import load
from meetlog.statement_reports import OperatorReport
from projections.operators import Operator, operators
from store.sqlite import SqliteLog
from wire.statements import RegisterOperator, Role

NameArgument = Annotated[str, typer.Argument(help="The operator's name.", metavar="NAME")]
RoleOption = Annotated[
    Role,
    typer.Option(
        "--role",
        help="viewer says nothing, timer says what was measured, referee everything.",
    ),
]
SecretOption = Annotated[
    bool,
    typer.Option("--secret", help="Ask for a secret of theirs; else their login is the proof."),
]
NewSecretFileOption = Annotated[
    Path | None,
    typer.Option(
        "--new-secret-file",
        help="Take their secret from the first line of this file.",
        metavar="FILE",
    ),
]


def register(
    speaker: Speaker,
    name: NameArgument,
    *,
    role: RoleOption,
    secret: SecretOption = False,
    new_secret_file: NewSecretFileOption = None,
) -> RegisterOperator:
    """Register an operator, or give one another role or secret.

    While none is registered, anybody at the computer may speak. The first one
    must be a referee; from then on only the registered may speak, and only
    referees register others.
    """
    told = ""
    if secret or new_secret_file is not None:
        told = _new_secret(name, new_secret_file)
    return registration(speaker, name, role, told)


def registration(speaker: Speaker, name: str, role: Role, secret: str) -> RegisterOperator:
    """The registration of an operator; without a secret, the one that they have stays.

    Raises `Unsayable` for a secret that is too weak.
    """
    known = _registered(speaker).get(name)
    kept = known.secret if known is not None else ""  # another role alone leaves the secret
    if secret:
        _refuse_weak(secret)
        kept = hash_secret(secret, os.urandom(SALT_BYTES))
    return RegisterOperator(**speaker.common, name=name, role=role, secret=kept)


def remove(speaker: Speaker, name: NameArgument) -> RegisterOperator:
    """Take an operator's word away; what they said stays."""
    registered = _registered(speaker)
    known = registered.get(name)
    if known is None:
        there = ", ".join(registered) or "nobody"
        raise Unsayable(f"{name} is not registered. Registered: {there}.")
    if known.role == "viewer" and not known.secret:
        raise Unsayable(f"{name} may say nothing already.")
    return RegisterOperator(**speaker.common, name=name, role="viewer")


def listed(*, meet: MeetOption = HERE, json: JsonOption = False) -> None:
    """Show who is registered."""
    with reading(meet) as opened:
        position = opened.meet.position
        found = operators(opened.meet.rulings().in_force).values()
    reports = [
        OperatorReport(o.name, o.role, "secret" if o.secret else "login", o.position)
        for o in found
    ]  # fmt: skip
    if json:
        print_json("operator list", position, reports)
        return
    table = Rows("name", "role", "proven by", "statement", right=("statement",))
    for each in reports:
        table.add(each.name, each.role, each.proof, each.position)
    if not reports:
        say("Nobody is registered, so anybody at this computer may speak.")
        return
    put(table)
    say(f"{show.count(len(reports), 'operator')}.")


def make_app() -> typer.Typer:
    """The group `operator`."""
    app = typer.Typer(
        cls=Listed, name="operator", help="Who may speak: add, list, remove.",
        rich_markup_mode=None, add_completion=False, no_args_is_help=True,
    )  # fmt: skip
    add = statement("operator add", register)

    def begin_and_add(**given: object) -> None:
        _begin(given["meet"])
        add(**given)

    begin_and_add.__signature__ = add.__signature__  # type: ignore[attr-defined]  # functions may have one; see saying.statement
    begin_and_add.__annotations__ = add.__annotations__
    app.command("add", help=register.__doc__)(begin_and_add)
    app.command("list")(listed)
    app.command("remove")(statement("operator remove", remove))
    return app


def _registered(speaker: Speaker) -> dict[str, Operator]:
    return operators(speaker.meet.rulings().in_force)


def _new_secret(name: str, file: Path | None) -> str:
    if file is not None:
        found = read_secret(file)
    else:
        try:
            found = typer.prompt(
                f"New secret of {name}", hide_input=True, err=True, confirmation_prompt=True
            )
        except typer.Abort:
            raise NotAllowed(
                "No secret was given; nothing was stated. "
                "Where there is no terminal, name a file with --new-secret-file."
            ) from None
    _refuse_weak(found)
    return found


def _refuse_weak(secret: str) -> None:
    weak = weakness(secret)
    if weak:
        raise Unsayable(
            f"That secret cannot be taken: {weak}. Its hash goes wherever the log goes, "
            "so take one that nobody guesses: four random words, for example."
        )


def _begin(where: object) -> None:
    """Make the log of a meet that was never run, as `run` would: operators may come first."""
    if not isinstance(where, Path):
        return
    place = find(where)
    if place.settings is None or place.settings_path is None or place.log.exists():
        return
    _, body = load(place.settings_path)
    place.log.parent.mkdir(parents=True, exist_ok=True)
    log = SqliteLog(place.log)
    try:
        if not log.head().position:
            mtime = place.settings_path.stat().st_mtime_ns
            log.append([file_draft(SETTINGS_SOURCE, SETTINGS_PATH, body, mtime)])
    finally:
        log.close()
