"""Pace: what a log tells again, at the pace at which it was recorded, or faster."""

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")
_SPEED = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)x?")


def parse_speed(text: str) -> Fraction | None:
    """How many times faster than life `1x`, `10x` or `0.5x` is; None for `max`, without waiting.

    Raises `ValueError` for anything else.
    """
    shown = text.strip().casefold()
    if shown == "max":
        return None
    match = _SPEED.fullmatch(shown)
    speed = Fraction(match[1]) if match else Fraction(0)
    if not speed:
        raise ValueError(f"{text!r} is no speed: write 1x, 10x, 0.5x or max")
    return speed


def paced(
    items: Iterable[T],
    moment: Callable[[T], int],
    speed: Fraction | None,
    *,
    clock: Callable[[], int],
    sleep: Callable[[int], None],
) -> Iterator[T]:
    """`items`, each when its `moment` (ns) has come; without `speed` all at once.

    The first comes at once. `clock` is monotonic, in ns; `sleep(ns)` waits.
    Each wait aims at the item's own instant, so that delays do not add up.
    """
    begun: tuple[int, int] | None = None
    for item in items:
        if speed is not None:
            at = moment(item)
            first, started = begun = begun or (at, clock())
            due = started + (at - first) * speed.denominator // speed.numerator
            left = due - clock()
            if left > 0:
                sleep(left)
        yield item
