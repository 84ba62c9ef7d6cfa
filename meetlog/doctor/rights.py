"""Who may read and write what: the log and the files beside it, and files with passwords."""

import stat

import msgspec

from meetlog.doctor.findings import Finding, look, ok, wrong

RIGHTS = "rights"


class FileFact(msgspec.Struct, frozen=True):
    """A file as this user finds it.

    `what` it is in words. `mode` is its permission bits, None on Windows. `secret`: it has a
    password. `recorded`: it is in the meet folder, whose files are recorded in the log.
    `empty` and `problem` are about the password in it: there is none, it cannot be made out.
    `bare`: there is nothing in it that others should not read.
    """

    what: str
    path: str
    there: bool = True
    readable: bool = True
    writable: bool = True
    mode: int | None = None
    secret: bool = False
    recorded: bool = False
    empty: bool = False
    problem: str = ""
    bare: bool = False


def judge_rights(facts: list[FileFact]) -> list[Finding]:
    """What is wrong with any of the files, or that nothing is."""
    found = [finding for fact in facts for finding in _judge(fact)]
    if found:
        return found
    there = sum(fact.there for fact in facts)
    if not there:
        return [ok(RIGHTS, "There is no log and no password file yet that others could read.")]
    return [ok(RIGHTS, f"The log and its files may be read and written as they must ({there}).")]


def _judge(fact: FileFact) -> list[Finding]:
    if fact.secret:
        return _judge_secret(fact)
    if not fact.there:
        return []
    if not (fact.readable and fact.writable):
        missing = "written" if fact.readable else "read"
        return [
            wrong(
                RIGHTS,
                f"{fact.path} ({fact.what}) may not be {missing} by this user.",
                "Was meetlog started as another user before, such as with sudo? Give the file back "
                "to this user (Linux: sudo chown $USER FILE), or take away its write protection.",
            )
        ]
    if fact.mode is None:
        return []
    if fact.mode & stat.S_IROTH and not (fact.bare or fact.mode & stat.S_IWOTH):
        return [
            look(
                RIGHTS,
                f"Every user of this computer may read {fact.path} ({fact.what}), with all names "
                "and whatever else was sent.",
                f"chmod o-r {_quoted(fact.path)}, unless that is meant so.",
            )
        ]
    if fact.mode & stat.S_IWOTH:
        return [
            look(
                RIGHTS,
                f"Every user of this computer may change {fact.path} ({fact.what}).",
                f"chmod o-w {_quoted(fact.path)}. That a log was changed is found by "
                "meetlog verify, but not mended.",
            )
        ]
    return []


def _judge_secret(fact: FileFact) -> list[Finding]:
    if not fact.there or not fact.readable:
        how = "cannot be read by this user" if fact.there else "is not there"
        return [
            wrong(
                RIGHTS,
                f"{fact.path} ({fact.what}) {how}. Without it a run does not start with that "
                "source, and a relay has to wait.",
                "Write the password into its first line, and let this user read it.",
            )
        ]
    found = []
    if fact.problem:
        found.append(wrong(RIGHTS, fact.problem, "A run reads it when it starts."))
    if fact.recorded:
        found.append(
            wrong(
                RIGHTS,
                f"{fact.path} ({fact.what}) is in the meet folder, so a run records the password "
                "in the log.",
                "Move it beside meet.toml, and change the password if it was recorded.",
            )
        )
    if fact.empty:
        found.append(
            look(
                RIGHTS,
                f"{fact.path} ({fact.what}) has nothing in its first line.",
                "Write the password into its first line.",
            )
        )
    if fact.mode is not None and fact.mode & (stat.S_IRGRP | stat.S_IROTH):
        found.append(
            look(
                RIGHTS,
                f"Other users of this computer may read {fact.path} ({fact.what}).",
                f"chmod 600 {_quoted(fact.path)}",
            )
        )
    return found


def _quoted(path: str) -> str:
    return f'"{path}"' if " " in path else path
