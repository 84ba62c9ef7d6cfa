"""Forms: every statement of the command line as fields, made from the commands themselves.

A command's parameters, their help and their defaults are those of its builder
in `meetlog.commands`; here is only what a form needs besides: a label, and
what one chooses from.
"""

import inspect
from collections.abc import Iterable, Mapping
from typing import Annotated, get_args, get_origin

import msgspec

from meetlog.commands import operating
from meetlog.commands.measuring import adopt_text
from meetlog.commands.saying import Builder, Speaker
from meetlog.commands.statements import STATEMENTS
from meetlog.refusals import Unsayable
from projections.operators import REFEREE_ONLY
from projections.views import Alarm
from wire.statements import Acknowledge, AnyStatement, Role, Statement

Form = Mapping[str, str]
ADOPT = "adopt"
REGISTER = "operator-add"
UNREGISTER = "operator-remove"
# What brings no reason along is said in a hurry, or changes no result.
NO_REASON = frozenset({"start", "recall", "close", "acknowledge"})
# These are said at once: nothing is computed from them, and no secret goes from page to page.
AT_ONCE = frozenset({REGISTER, UNREGISTER})
_ROLES: tuple[Role, ...] = get_args(Role)
_CHOSEN = ("race", "point", "source")
_LABELS = {
    "race": "Race", "lane": "Lane", "time": "Final time", "gun": "When",
    "when": "When, or by how much",
    "number": "New race number", "code": "Rule", "text": "What was done", "chip": "Chip",
    "swimmer": "Swimmer", "since": "From", "until": "To", "point": "Timing point",
    "at": "Crossing at",
    "instant": "When", "source": "Source", "by": "Add to its stamps", "alarm": "Alarm",
    "position": "Statement", "name": "Operator",
}  # fmt: skip
_TITLES = {
    "start": "Start a heat", "gun": "Gun time", "recall": "Recall a false start",
    "re-swim": "Swim again", "close": "Close a heat", "reopen": "Reopen a heat",
    "dq": "Disqualify", "no-show": "No show", "dnf": "Did not finish", "reinstate": "Reinstate",
    "set-time": "Set a time", "clear-time": "Clear a time", "empty": "Empty lane",
    "occupied": "Occupied lane", "assign-chip": "Assign a chip", "clear-chip": "Chip is nobody's",
    "void": "Void reads", "restore-reads": "Restore reads", "crossing": "Add a crossing",
    "shift": "Shift a clock", ADOPT: "Adopt settings", "acknowledge": "Acknowledge an alarm",
    "withdraw": "Take back", REGISTER: "Register an operator", UNREGISTER: "Remove an operator",
}  # fmt: skip


class Field(msgspec.Struct, frozen=True):
    """A field: its name, label and help, what it begins with, and what kind it is.

    `kind` is `text`, `number`, `password`, `area`, or what one chooses from: `race`, `point`,
    `source`, `swimmer`, `role`.
    """

    name: str
    label: str
    help: str
    kind: str
    required: bool
    default: str = ""


class Kind(msgspec.Struct, frozen=True):
    """A kind of statement: its name at the command line, a title, what it says, its fields.

    `of_lane` and `of_race` tell what it is about; `referee` that it takes one.
    """

    name: str
    title: str
    about: str
    panel: str
    fields: tuple[Field, ...]
    of_race: bool
    of_lane: bool
    referee: bool


def kinds() -> dict[str, Kind]:
    """Every kind of statement by its name, in the order of the commands."""
    found = {
        name: _kind(name, panel, builder)
        for panel, builders in STATEMENTS
        for name, builder in builders.items()
        if name != ADOPT
    }
    panel = STATEMENTS[-1][0].removeprefix("Statements: ").capitalize()
    toml = Field("toml", "Settings", "A whole meet.toml.", "area", required=True)
    found[ADOPT] = _special(ADOPT, "Read the log by other settings from here on.", panel, (toml,))
    name = Field("name", "Operator", "The operator's name.", "text", required=True)
    found[REGISTER] = _special(
        REGISTER, "Let somebody speak, or give them another role or secret.", panel,
        (
            name,
            Field("role", "Role", "A viewer says nothing, a timer what was measured, a referee "
                  "everything.", "role", required=True),
            Field("secret", "Secret", "At least eight characters; four random words are good. "
                  "Left empty, the one they have stays, or their login is the proof.", "password",
                  required=False),
            Field("again", "Secret again", "", "password", required=False),
        ),
    )  # fmt: skip
    found[UNREGISTER] = _special(UNREGISTER, "Take somebody's word away.", panel, (name,))
    return found


def build(kind: Kind, speaker: Speaker, form: Form, alarms: Iterable[Alarm] = ()) -> AnyStatement:
    """The statement that a form makes. Raises `Unsayable` for what is missing or no number.

    `alarms` are those shown, of which some are not in the log: a `run` knows them.
    """
    given = {field.name: _value(field, form) for field in kind.fields}
    match kind.name:
        case "acknowledge" if known := [a for a in alarms if a.key == given["alarm"]]:
            return Acknowledge(**speaker.common, alarm=known[0].key, text=known[0].text)
        case "adopt":
            return adopt_text(speaker, str(given["toml"]).replace("\r\n", "\n").encode())
        case "operator-add":
            role, secret = str(given["role"]), str(given["secret"])
            if secret != given["again"]:
                raise Unsayable("The two secrets are not the same; nothing was stated.")
            return operating.registration(speaker, str(given["name"]), _role(role), secret)
        case "operator-remove":
            return operating.remove(speaker, str(given["name"]))
        case _:
            return _builder(kind.name)(speaker, **given)


def _role(text: str) -> Role:
    for role in _ROLES:
        if role == text:
            return role
    raise Unsayable(f"There is no role {text!r}.")


def _builder(name: str) -> Builder:
    return next(builders[name] for _, builders in STATEMENTS if name in builders)


def _value(field: Field, form: Form) -> str | int | None:
    text = form.get(field.name, "")
    if field.kind not in {"password", "area"}:
        text = text.strip() or field.default
    if not text and field.required:
        raise Unsayable(f"{field.label} is missing.")
    if field.kind != "number":
        return text
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Unsayable(f"{field.label}: {text!r} is no number.")
    return int(text)


def _special(name: str, about: str, panel: str, fields: tuple[Field, ...]) -> Kind:
    return Kind(name, _TITLES[name], about, panel, fields, of_race=False, of_lane=False,
                referee=True)  # fmt: skip


def _kind(name: str, panel: str, builder: Builder) -> Kind:
    signature = inspect.signature(builder, eval_str=True)
    fields = tuple(_field(p) for p in list(signature.parameters.values())[1:])
    names = {field.name for field in fields}
    about = " ".join((builder.__doc__ or "").split("\n\n")[0].split())
    made: type[Statement] = signature.return_annotation
    return Kind(
        name=name,
        title=_TITLES[name],
        about=about,
        panel=panel.removeprefix("Statements: ").capitalize(),
        fields=fields,
        of_race="race" in names,
        of_lane="lane" in names,
        referee=issubclass(made, REFEREE_ONLY),
    )


def _field(parameter: inspect.Parameter) -> Field:
    annotation, help_ = parameter.annotation, ""
    if get_origin(annotation) is Annotated:
        annotation, info = get_args(annotation)[:2]
        help_ = info.help or ""
    required = parameter.default is inspect.Parameter.empty
    default = "" if required or parameter.default is None else str(parameter.default)
    number = annotation is int or int in get_args(annotation)
    if parameter.name in _CHOSEN or help_.rstrip(".") == _LABELS[parameter.name]:
        help_ = ""  # what one chooses from a list needs no spelling
    kind = parameter.name if parameter.name in (*_CHOSEN, "swimmer") else "text"
    return Field(
        name=parameter.name,
        label=_LABELS[parameter.name],
        help=help_.replace("`", ""),
        kind="number" if number else kind,
        required=required,
        default=default,
    )
