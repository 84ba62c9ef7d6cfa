"""Versions judged: what meetlog runs on, and what is known to be bad."""

import msgspec

from meetlog.doctor.findings import Finding, look, ok, wrong

VERSIONS = "versions"
_OLDEST_PYTHON = (3, 11)
# https://sqlite.org/wal.html#walresetbug: a checkpoint that meets a commit which begins the
# write-ahead log anew may leave pages out. In 3.7.0 to 3.51.2, mended here and from 3.51.3 on;
# 3.52.0 was withdrawn.
_RESET_MENDED = ((3, 44, 6), (3, 50, 7))
_RESET_GONE = (3, 51, 3)

Version = tuple[int, ...]


class VersionsFact(msgspec.Struct, frozen=True):
    """What runs here; `recorded_by` is the meetlog that last recorded into the log, "" for none."""

    meetlog: str
    python: Version
    sqlite: Version
    watchfiles: str
    recorded_by: str = ""


def judge_versions(fact: VersionsFact) -> list[Finding]:
    """What is too old or known to be bad; else what there is."""
    found = []
    if fact.python[:2] < _OLDEST_PYTHON:
        found.append(
            wrong(
                VERSIONS,
                f"Python {_dotted(fact.python)} is too old.",
                f"Install Python {_dotted(_OLDEST_PYTHON)} or later.",
            )
        )
    if _forgets_on_reset(fact.sqlite):
        found.append(
            look(
                VERSIONS,
                f"SQLite {_dotted(fact.sqlite)} can, very rarely, damage a database that several "
                "programs write and tidy at the same instant.",
                "Use a Python with SQLite 3.51.3 or later where there is one. Until then make a "
                "backup in each pause: meetlog backup verifies the whole log.",
            )
        )
    if fact.recorded_by and _parsed(fact.recorded_by) > _parsed(fact.meetlog):
        found.append(
            look(
                VERSIONS,
                f"The log was recorded by meetlog {fact.recorded_by}; this is {fact.meetlog}.",
                "Use that version or a later one.",
            )
        )
    told = (
        f"meetlog {fact.meetlog}, Python {_dotted(fact.python)}, SQLite {_dotted(fact.sqlite)}, "
        f"watchfiles {fact.watchfiles}."
    )
    return [*found, ok(VERSIONS, told)]


def _forgets_on_reset(version: Version) -> bool:
    mended = any(version[:2] == m[:2] and version >= m for m in _RESET_MENDED)
    return not mended and version < _RESET_GONE


def _parsed(version: str) -> Version:
    """The leading numbers of a version; what is no number ends them."""
    numbers: list[int] = []
    for part in version.split("."):
        if not (part.isascii() and part.isdigit()):
            break
        numbers.append(int(part))
    return tuple(numbers)


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
