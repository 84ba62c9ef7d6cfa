"""A figure, its target, and how both are printed."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Better = Literal["more", "less"]


class Figure(msgspec.Struct, frozen=True):
    """What was measured: a value in `unit`, and the target it is held against, None without one.

    `note` says what the value is made of: how often, how many, against what.
    """

    bench: str
    name: str
    value: float
    unit: str
    target: float | None = None
    better: Better = "more"
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met` or `missed`; "" without a target."""
        if self.target is None:
            return ""
        good = self.value >= self.target if self.better == "more" else self.value <= self.target
        return "met" if good else "missed"


def table(figures: Iterable[Figure]) -> str:
    """The figures as lines of text, one each."""
    lines = []
    for f in figures:
        sign = "at least" if f.better == "more" else "at most"
        target = "" if f.target is None else f"{sign} {_spell(f.target)}"
        lines.append(
            f"{f.name:46} {_spell(f.value):>10} {f.unit:8} {target:18} {f.verdict:7} {f.note}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _spell(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == int(value) and abs(value) >= 100 else f"{value:.2f}"
