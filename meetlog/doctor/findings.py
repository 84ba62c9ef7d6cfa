"""Findings: what was looked at, how it is, and what to do. Judgements return them; nothing else."""

from collections.abc import Sequence
from typing import Literal

import msgspec

Verdict = Literal["ok", "look", "wrong"]
System = Literal["linux", "windows", "macos"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    `check` is its subject in a word or two. `verdict`: `ok`; `look` is something that a person
    should judge, or that could not be measured; `wrong` would lose data or stop the meet.
    `text` says what was found and `remedy` what to do, "" when nothing.
    """

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""


def ok(check: str, text: str) -> Finding:
    """All is as it should be."""
    return Finding(check, "ok", text)


def look(check: str, text: str, remedy: str) -> Finding:
    """A person should judge this."""
    return Finding(check, "look", text, remedy)


def wrong(check: str, text: str, remedy: str) -> Finding:
    """This would lose data or stop the meet."""
    return Finding(check, "wrong", text, remedy)


def by_gravity(findings: Sequence[Finding]) -> list[Finding]:
    """The worst last: the end of the output is what people see first."""
    order: tuple[Verdict, ...] = ("ok", "look", "wrong")
    return sorted(findings, key=lambda each: order.index(each.verdict))
