"""This computer's clock judged: is it set by a time server, in which zone, and was it set back."""

import re

import msgspec

from meetlog.doctor.findings import Finding, System, look, ok, wrong
from meetlog.show import age
from projections.clock import iso_local, offset_at
from wire.stamps import HOUR, MINUTE, NS

CLOCK, ZONE = "clock", "zone"
# Before the first meetlog: a laptop whose own battery is empty starts years ago.
_EARLIEST_NS = 1_735_689_600 * NS  # 2025-01-01
_SET_BACK = NS  # a run at work records while we look

_HOW_TO_SEE: dict[System, str] = {
    "linux": "See timedatectl; to switch it on: sudo timedatectl set-ntp true.",
    "windows": "See w32tm /query /status; to set it now, as administrator: net start w32time, "
    "then w32tm /resync.",
    "macos": "See System Settings, General, Date & Time: set time and date automatically.",
}
_BY_HAND = (
    "Without a network, set it by hand to the second, by the timing system's or a radio clock; "
    "meetlog sources then shows how far each source is off."
)


class ClockFact(msgspec.Struct, frozen=True):
    """The clock as it is: `now_ns` in UTC, `offset_ns` of its zone east of UTC, the zone's name.

    `synchronised` by a time server, None when that cannot be seen. `newest_ns` is when the log's
    newest event was recorded, None without one.
    """

    system: System
    now_ns: int
    offset_ns: int
    zone: str
    synchronised: bool | None
    newest_ns: int | None = None


def parse_timedatectl(text: str) -> bool | None:
    """What `timedatectl show` says of synchronisation; None when it does not."""
    found = re.search(r"^NTPSynchronized=(yes|no)$", text, re.MULTILINE)
    return None if found is None else found[1] == "yes"


def parse_w32tm(text: str) -> bool | None:
    """What `w32tm /query /status` says, in any language; None when it is something else.

    Only numbers and the sources' own names are the same everywhere: the leap indicator comes
    first, 3 when not synchronised, then the stratum, 0 when not known.
    """
    numbers = re.findall(r"^[^:\n]+:\s*(\d+)\s*\(", text, re.MULTILINE)
    if len(numbers) < 2:
        return None
    leap, stratum = int(numbers[0]), int(numbers[1])
    own = re.search(r"Local CMOS Clock|Free-running System Clock", text)
    return leap != 3 and stratum != 0 and own is None


def judge_clock(fact: ClockFact) -> list[Finding]:
    """Whether the clock is right, as far as it can be known, and whether it was set back."""
    if fact.now_ns < _EARLIEST_NS:
        return [
            wrong(
                CLOCK,
                f"This computer believes it is {_told(fact.now_ns, 'UTC')}.",
                f"Set its clock before recording. {_BY_HAND}",
            )
        ]
    found = [_judge_synchronised(fact)]
    if fact.newest_ns is not None and fact.newest_ns - fact.now_ns > _SET_BACK:
        back = age(fact.newest_ns - fact.now_ns)
        found.append(
            wrong(
                CLOCK,
                f"The clock was set back, or was ahead before: the log's newest event was recorded "
                f"{back} in the future, at {_told(fact.newest_ns, 'UTC')} UTC.",
                "Set the clock. If it is right now, what is recorded until then keeps that later "
                "time of recording; times of races come from the timing systems and do not suffer.",
            )
        )
    return found


def _judge_synchronised(fact: ClockFact) -> Finding:
    if fact.synchronised:
        return ok(CLOCK, "The clock is set by a time server.")
    if fact.synchronised is None:
        text = "Whether the clock is set by a time server cannot be seen here."
    else:
        text = "The clock is not set by a time server."
    return look(CLOCK, text, f"{_HOW_TO_SEE[fact.system]} {_BY_HAND}")


def judge_zone(fact: ClockFact, zone: str) -> Finding:
    """Whether the meet's `zone` (IANA) is the one that this computer has now."""
    meant = offset_at(zone, fact.now_ns)
    if meant == fact.offset_ns:
        return ok(ZONE, f"The meet's zone {zone} has the same time as this computer.")
    hours, minutes = divmod(abs(meant - fact.offset_ns) // MINUTE, HOUR // MINUTE)
    side = "ahead of" if meant > fact.offset_ns else "behind"
    return look(
        ZONE,
        f"The meet's zone {zone} is {hours} h {minutes:02d} min {side} this computer's "
        f"({fact.zone}).",
        "meetlog goes by the meet's zone. Is the one in meet.toml where the pool or course is?",
    )


def _told(moment_ns: int, zone: str) -> str:
    return iso_local(moment_ns, zone, 0)[:19].replace("T", " ")
