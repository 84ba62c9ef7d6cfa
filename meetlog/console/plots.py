"""Plots: small inline SVG, made on the server. Pure: numbers in, markup out.

They are drawn with classes, never with colours of their own, so that the
style sheet has light and dark in one place; marks differ by shape as well.
Whatever a plot shows is also said beside it in words.
"""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 240, 44


class Mark(NamedTuple):
    """A read on a plot: when (ns UTC), how strong (dBm, None unknown), whether it was chosen."""

    moment: int
    rssi: float | None
    chosen: bool


def _svg(body: str, label: str, width: int = WIDTH, height: int = HEIGHT, kind: str = "") -> Markup:
    return Markup(  # noqa: S704 - made of numbers and of the label, which is escaped
        f'<svg class="plot {kind}" role="img" viewBox="0 0 {width} {height}" '
        f'preserveAspectRatio="{"xMidYMid meet" if kind == "signals" else "none"}">'
        f"<title>{escape(label)}</title>{body}</svg>"
    )


def line(values: Sequence[int], label: str) -> Markup:
    """A line through values in their order; nothing of fewer than two."""
    if len(values) < 2:
        return Markup("")
    thinned = _thinned(values, WIDTH // 2)
    low, high = min(thinned), max(thinned)
    span = max(1, high - low)
    step = WIDTH / (len(thinned) - 1)
    points = " ".join(
        f"{i * step:.1f},{HEIGHT - 3 - (value - low) * (HEIGHT - 6) / span:.1f}"
        for i, value in enumerate(thinned)
    )
    return _svg(f'<polyline class="ink" points="{points}"/>', label)


def bars(counts: Sequence[int], label: str) -> Markup:
    """A bar for each count, the oldest on the left."""
    if not counts:
        return Markup("")
    most = max(1, *counts)
    step = WIDTH / len(counts)
    body = "".join(
        f'<rect class="bar" x="{i * step:.1f}" y="{HEIGHT - height:.1f}" '
        f'width="{max(0.8, step - 1):.1f}" height="{height:.1f}"/>'
        for i, count in enumerate(counts)
        if (height := count * (HEIGHT - 2) / most)
    )
    return _svg(f'<path class="axis" d="M0 {HEIGHT - 0.5}H{WIDTH}"/>{body}', label)


def coverage(
    begin: int, end: int, heard: tuple[int, int] | None, gaps: Sequence[tuple[int, int]], label: str
) -> Markup:
    """A bar over the meet's time: solid while the source was listened to, open where it was not.

    `heard` is its first and last moment, `gaps` lie in between; all ns UTC.
    """
    height = 12
    span = max(1, end - begin)

    def place(moment: int) -> float:
        return max(0.0, min(1.0, (moment - begin) / span)) * WIDTH

    body = f'<rect class="never" x="0" y="0" width="{WIDTH}" height="{height}"/>'
    if heard is not None:
        x = place(heard[0])
        body += (
            f'<rect class="heard" x="{x:.1f}" y="0" width="{max(1.0, place(heard[1]) - x):.1f}" '
            f'height="{height}"/>'
        )
    for since, until in gaps:
        x = place(since)
        body += (
            f'<rect class="gap" x="{x:.1f}" y="0" width="{max(2.0, place(until) - x):.1f}" '
            f'height="{height}"/>'
        )
    return _svg(body, label, height=height, kind="coverage")


def signals(marks: Sequence[Mark], label: str) -> Markup:
    """Reads by signal over time: a dot each, a ring for the chosen one; unknown signals lie low."""
    if not marks:
        return Markup("")
    width, height = 480, 120
    first, last = min(m.moment for m in marks), max(m.moment for m in marks)
    span = max(1, last - first)
    known = [m.rssi for m in marks if m.rssi is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    reach = max(1.0, high - low)
    body = [f'<path class="axis" d="M0 {height - 0.5}H{width}"/>']
    for mark in sorted(marks, key=lambda m: m.chosen):
        x = 10 + (mark.moment - first) * (width - 20) / span if span > 1 else width / 2
        level = 0.0 if mark.rssi is None else (mark.rssi - low) / reach
        y = height - 14 - level * (height - 28)
        body.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        if mark.chosen:
            body.append(f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="8"/>')
    return _svg("".join(body), label, width, height, "signals")


def _thinned(values: Sequence[int], most: int) -> list[int]:
    """At most so many of the values, evenly."""
    if len(values) <= most:
        return list(values)
    return [values[i * (len(values) - 1) // (most - 1)] for i in range(most)]
