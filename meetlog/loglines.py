"""The lines that a `run` writes for pipes and service logs: for people, or one JSON object each."""

import json
from datetime import UTC, datetime
from typing import Literal

import msgspec

from ingest.notices import Severity
from meetlog.output import escaped
from wire.stamps import NS, format_iso

# `condition` is something that holds from now on, `over` that it does no longer; the others are
# things that happened.
Kind = Literal[
    "program", "source", "relay", "resend", "crossing", "race", "published", "condition", "over"
]
Condition = tuple[Severity, str, str, str]  # how grave, of which source, what is wrong, what to do
WORDS: dict[Severity, str] = {"info": "NOTE", "warning": "WARNING", "alarm": "ALARM"}


class LogLine(msgspec.Struct, frozen=True):
    """One line: when (ns UTC), how grave, what it is about, of which source, in words, a remedy.

    `source` is the configured name, "" when it is of none alone.
    """

    at: int
    severity: Severity
    kind: Kind
    source: str
    text: str
    hint: str = ""


def plain_form(line: LogLine) -> str:
    """`14:05:30 WARNING It is slow. Look.`, with this computer's time of day."""
    at = datetime.fromtimestamp(line.at // NS, UTC).astimezone()
    match line.kind:
        case "condition":
            text = f"{WORDS[line.severity]} {_sentences(line.text, line.hint)}"
        case "over":
            text = f"OVER {line.text}"
        case _:
            text = line.text
    # A chip that has a line end in it must not make up a line, nor steer the terminal.
    return f"{at:%H:%M:%S} {escaped(text)}"


def json_form(line: LogLine) -> str:
    """A JSON object in one line of ASCII: `time` (UTC, in ms), then as in `LogLine`."""
    return json.dumps(
        {
            "time": format_iso(line.at, 3, suffix="Z"),
            "severity": line.severity,
            "kind": line.kind,
            "source": line.source,
            "text": line.text,
            "hint": line.hint,
        },
        ensure_ascii=True,
    )


def _sentences(text: str, hint: str) -> str:
    """What is wrong and what to do, one after the other."""
    if not hint:
        return text
    return f"{text} {hint}" if text.endswith((".", "?", "!")) else f"{text}. {hint}"
