"""The pauses between reads, and the gap between crossings that they suggest.

A chip that lingers is read again and again; a chip that comes back is read
after a much longer pause. Where the two kinds are apart, the widest stretch
without any pause tells where to cut.
"""

from collections.abc import Sequence
from math import isqrt

from meetlog.reports import Bucket, PausesReport
from meetlog.show import count, seconds
from wire.settings import format_duration
from wire.stamps import NS

BOUNDS = tuple(
    each * NS // 10
    for each in (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 100, 150, 200, 300, 600, 1200, 3000, 6000)
)
# A chip that lingers is read again every 5 to 6 s (PROTOCOLS 1.4): no gap may be shorter.
_SHORTEST = 6 * NS
_FEWEST = 10
_HALF = NS // 2


def report(point: str, pauses: Sequence[int], gap: int) -> PausesReport:
    """The distribution of `pauses` (ns, sorted) at `point`, whose gap in force is `gap` ns.

    A stretch is wide when its upper end is at least one and a half times its
    lower end. The suggestion is their geometric mean, on half a second where
    one lies between.
    """
    below, above = _widest(pauses)
    suggested = None
    if below is not None and above is not None:
        middle = isqrt(below * above)
        rounded = (middle + _HALF // 2) // _HALF * _HALF
        suggested = rounded if below < rounded < above else middle
    return PausesReport(
        point=point,
        pauses=len(pauses),
        gap_ns=gap,
        suggested_ns=suggested,
        below_ns=below,
        above_ns=above,
        advice=_advice(pauses, gap, suggested, below, above),
        buckets=_buckets(pauses),
    )


def _widest(pauses: Sequence[int]) -> tuple[int | None, int | None]:
    """The ends of the stretch that stands out most, by the ratio of its ends."""
    if len(pauses) < _FEWEST:
        return None, None
    best: tuple[int, int] | None = None
    lower = _SHORTEST
    for pause in pauses:
        if pause <= _SHORTEST:
            continue
        if 2 * pause >= 3 * lower and (best is None or pause * best[0] > best[1] * lower):
            best = (lower, pause)
        lower = pause
    return best or (None, None)


def _buckets(pauses: Sequence[int]) -> tuple[Bucket, ...]:
    counts = [0] * (len(BOUNDS) + 1)
    at = 0
    for pause in pauses:
        while at < len(BOUNDS) and pause >= BOUNDS[at]:
            at += 1
        counts[at] += 1
    starts = (0, *BOUNDS)
    ends = (*BOUNDS, None)
    return tuple(
        Bucket(start, end, number)
        for start, end, number in zip(starts, ends, counts, strict=True)
        if number
    )


def _advice(
    pauses: Sequence[int], gap: int, suggested: int | None, below: int | None, above: int | None
) -> str:
    in_force = format_duration(gap)
    if len(pauses) < _FEWEST:
        return (
            f"{count(len(pauses), 'pause')}: too few to suggest a gap. "
            f'gap = "{in_force}" is in force.'
        )
    if suggested is None or below is None or above is None:
        longest = seconds(pauses[-1])
        return (
            f"No stretch without pauses stands out; the longest pause is {longest}. "
            f'gap = "{in_force}" is in force.'
        )
    told = f"No pause lies between {seconds(below)} and {seconds(above)}. "
    if below <= gap < above:
        return f'{told}gap = "{in_force}", which is in force, cuts there.'
    return (
        f"{told}Shorter ones look like a chip that lingers, longer ones like one that comes back: "
        f'gap = "{format_duration(suggested)}" would cut there; "{in_force}" is in force.'
    )
