"""The names of result files: `Session67251_Event_4A_Heat2_Race7_1.json` (PROTOCOLS 3.3)."""

import re
from hashlib import sha256
from urllib.parse import quote, unquote

from wire.errors import WireError
from wire.timedrops_documents import ResultName

# PROTOCOLS 3.3's expression, with any event text but `_`, since ours are
# escaped, and with bounded numbers. It takes the documented form, SCM's
# (`Event4`, no revision), Meet Maestro's (`session_1_event_1A_…`) and `-revised`.
_NAME = re.compile(
    r"(?ai)session_?(?P<s>[^_]+)_event_?(?P<e>[^_]+)_heat_?(?P<h>\d{1,9})_race_?(?P<r>\d{1,9})"
    r"(?:[_-](?P<rev>\d{1,9}|revised))?\.json"
)
_REVISED = 1  # `-revised` carries no number; it follows the file without a revision, which is 0
MAX_PART = 60  # two parts and the rest stay well below the 255 that file systems allow


def result_name(session_id: str, event: str, heat: int, race_number: int, revision: int) -> str:
    """The documented name; numbers unpadded, revisions counted from 1.

    Session ids and event numbers of letters, digits, `.`, `-` and `~` stay as
    they are. Any other character is escaped as in a URL, so that the name is
    valid on Windows too and reads back exactly; a very long one is cut and
    told apart by a hash. Raises `WireError` when an id is missing or a number
    negative.
    """
    if not session_id or not event:
        raise WireError("a result file's name needs a session id and an event number")
    if min(heat, race_number, revision) < 0:
        raise WireError("a result file's name has no negative numbers")
    return (
        f"Session{_safe(session_id)}_Event_{_safe(event)}"
        f"_Heat{heat}_Race{race_number}_{revision}.json"
    )


def parse_result_name(name: str) -> ResultName | None:
    """What a result file's name says, folders before it ignored; None when it is no such name."""
    match = _NAME.fullmatch(re.split(r"[/\\]", name)[-1])
    if match is None:
        return None
    revision = match["rev"] or "0"
    return ResultName(
        unquote(match["s"]),
        unquote(match["e"]),
        int(match["h"]),
        int(match["r"]),
        int(revision) if revision.isdigit() else _REVISED,
    )


def is_result_name(name: str) -> bool:
    """Whether this is a result file by its name, whoever wrote it."""
    return parse_result_name(name) is not None


def same_part(named: str, body: str) -> bool:
    """Whether a name's session or event is the body's; names come back in any case on Windows."""
    return named.casefold() in (body.casefold(), unquote(_safe(body)).casefold())


def _safe(text: str) -> str:
    safe = quote(text, safe="", errors="replace").replace("_", "%5F")
    if len(safe) <= MAX_PART:
        return safe
    cut = re.sub(r"%.?$", "", safe[: MAX_PART - 9])
    return f"{cut}~{sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"
