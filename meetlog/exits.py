"""How the program ends: its exit codes, and the one place where an error becomes a message."""

import errno
from collections.abc import Iterator
from enum import IntEnum

from exporters.errors import ExportError
from ingest.errors import IngestError
from meetlog.console.errors import CannotServe
from meetlog.instants import NoSuchInstant
from meetlog.refusals import NotAllowed, Stale, Unsayable
from meetlog.settings import MeetError
from store.log import Conflict, LogDamaged, LogMissing, StoreError
from wire.errors import WireError


class Exit(IntEnum):
    """The exit codes; `MEANINGS` says what each one tells."""

    OK = 0
    DIFFERS = 1
    USAGE = 2
    SETTINGS = 3
    DAMAGED = 4
    UNAVAILABLE = 5
    SOURCE = 6
    FILES = 7
    REFUSED = 8
    UNSAYABLE = 9
    STALE = 10
    NOT_ALLOWED = 11
    INTERRUPTED = 130


MEANINGS: dict[Exit, str] = {
    Exit.OK: "all went well",
    Exit.DIFFERS: "something compared or examined is not right; for a pipe, its reader went away",
    Exit.USAGE: "the command was not understood",
    Exit.SETTINGS: "there is no meet.toml, or it has mistakes",
    Exit.DAMAGED: "the log is damaged, is no log, or was made by a newer meetlog",
    Exit.UNAVAILABLE: "the log cannot be read or written now: missing, locked, disk full",
    Exit.SOURCE: "a source or the console cannot be started: its address, its password file; "
    "or nobody answered",
    Exit.FILES: "a file or folder cannot be read or written",
    Exit.REFUSED: "it would overwrite something, or another meetlog is at work there",
    Exit.UNSAYABLE: "a statement was refused: what it names is not there, or it makes no sense",
    Exit.STALE: "a statement was refused: what it is about has changed since it was looked at",
    Exit.NOT_ALLOWED: "a statement was refused: its author may not say it, or was not proven",
    Exit.INTERRUPTED: "stopped by Ctrl-C or SIGTERM; `run` ends with 0 then, unless asked twice",
}

_REMEDIES = {
    errno.ENOSPC: "Free some space on that disk, then run it again.",
    errno.EDQUOT: "Free some space on that disk, then run it again.",
    errno.EACCES: "Check who may read and write it.",
    errno.EPERM: "Check who may read and write it.",
    errno.EROFS: "That disk can only be read; name another folder.",
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "Part of the path is a file, not a folder; check the path.",
    errno.EISDIR: "It is a folder; name a file.",
    errno.ENAMETOOLONG: "Name a shorter path.",
}


class Refused(Exception):  # noqa: N818 - named for what happened, as the exit code is
    """A command would overwrite or disturb something. The message says what, and what to do."""


class Differs(Exception):  # noqa: N818 - the same
    """What came out is not what should have. The message says what, and where to look."""


def explain(error: BaseException) -> tuple[Exit, str] | None:
    """The exit code and the message for an error that can be expected; None for a mistake of ours.

    A group of errors is explained when each of them can be; the first one's code counts.
    """
    if isinstance(error, BaseExceptionGroup):
        told = [explain(each) for each in _leaves(error)]
        known = [each for each in told if each is not None]
        if not known or len(known) != len(told):
            return None
        return known[0][0], "\n".join(dict.fromkeys(text for _, text in known))
    if isinstance(error, WireError):
        problem = error.problem
        quoted = f": {problem.excerpt}" if problem.excerpt else ""
        hint = f" ({problem.hint})" if problem.hint else ""
        return Exit.SETTINGS, f"{problem.reason}{quoted}{hint}"
    if isinstance(error, OSError):
        return _explain_os(error)
    if isinstance(error, ExportError):
        return Exit.FILES, f"{error}. {error.hint}"
    code = _code(error)
    return None if code is None else (code, str(error))


def _code(error: BaseException) -> Exit | None:
    match error:
        case MeetError():
            return Exit.SETTINGS
        case NoSuchInstant():
            return Exit.USAGE
        case Unsayable():
            return Exit.UNSAYABLE
        case Stale():
            return Exit.STALE
        case NotAllowed():
            return Exit.NOT_ALLOWED
        case Differs():
            return Exit.DIFFERS
        case IngestError() | CannotServe():
            return Exit.SOURCE
        case LogDamaged():
            return Exit.DAMAGED
        case LogMissing():
            return Exit.UNAVAILABLE
        case Refused() | Conflict():
            return Exit.REFUSED
        case StoreError():
            return Exit.UNAVAILABLE
    return None


def _explain_os(error: OSError) -> tuple[Exit, str] | None:
    # Without a path nobody could act on the message; such an error is ours to mend.
    if error.filename is None:
        return None
    reason = error.strerror or str(error) or type(error).__name__
    remedy = _REMEDIES.get(error.errno or 0, "Check the path and its disk.")
    path = error.filename.decode() if isinstance(error.filename, bytes) else error.filename
    return Exit.FILES, f"{path}: {reason}. {remedy}"


def _leaves(group: "BaseExceptionGroup[BaseException]") -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
