"""Race times: how nanoseconds become the hundredths that a sport publishes. Integers only."""

from wire.settings import Rounding
from wire.stamps import NS

CENTI = NS // 100


def race_time(ns: int, rounding: Rounding) -> int:
    """Hundredths of a second of a span of `ns` (not negative).

    `truncate`: the third digit is not used (World Aquatics SW 11.2). `up-hundredth`:
    the next longer hundredth (photo finish). `up-second`: the next whole
    second (World Athletics TR 19.24.5): 2:09:44.3 is 2:09:45.
    """
    if rounding == "truncate":
        return ns // CENTI
    if rounding == "up-hundredth":
        return -(-ns // CENTI)
    return -(-ns // NS) * 100


def hand_time(times_cs: list[int]) -> int | None:
    """The time of one to three watches, in hundredths; None without any (World Aquatics SW 13.3).

    Three: two that agree, else the middle one. Two: their average, truncated
    (10.25 and 10.00 give 10.12). One: as it is.
    """
    ordered = sorted(times_cs)
    if not ordered:
        return None
    if len(ordered) == 2:
        return sum(ordered) // 2
    return ordered[len(ordered) // 2]


def format_cs(cs: int | None) -> str:
    """`1:02.34`, `59.07` or `2:09:45.00`; "" for None."""
    if cs is None:
        return ""
    seconds, hundredths = divmod(cs, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:02d}.{hundredths:02d}"
    return f"{minutes}:{seconds:02d}.{hundredths:02d}" if minutes else f"{seconds}.{hundredths:02d}"
