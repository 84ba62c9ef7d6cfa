"""The script of a rehearsal: what happens when, in nanoseconds since it began."""

from collections.abc import Iterable, Sequence

import msgspec

from wire.reads import RawRead, ReadKind
from wire.stamps import NS
from wire.timedrops import RaceKey


class SimulateError(Exception):
    """A rehearsal cannot go on. The message says what failed and what to do."""


class FolderTrouble(SimulateError):  # noqa: N818 - named for the condition, as callers speak of it
    """A file or folder cannot be read or written, or does not hold what is needed."""


class Detection(msgspec.Struct, frozen=True, gc=False):
    """A read without its date: `moment` is ns since the rehearsal began, on the mat's own clock."""

    point: str
    chip: str
    moment: int
    kind: ReadKind = ReadKind.BEST_SEEN
    reader: str = ""
    antenna: int = 0
    rssi: int | float | None = None
    lap: int = 0


class Cut(msgspec.Struct, frozen=True):
    """The connection breaks in the middle of the message that comes next."""


class Recall(msgspec.Struct, frozen=True):
    """The starter calls a false start back: the gun at `gun` did not start this race.

    No player can send that; it is for those who act the operator.
    """

    race: RaceKey
    gun: int


class Act(msgspec.Struct, frozen=True):
    """One thing that happens, `at` ns after the beginning.

    `copy` says that the same was sent before: a duplicate.
    """

    at: int
    what: Detection | RawRead | Cut | Recall
    copy: bool = False

    @property
    def is_read(self) -> bool:
        """Whether this is something that a mat sends."""
        return isinstance(self.what, Detection | RawRead)


def point_of(act: Act) -> str:
    """The wire's name of the point where it happens; "" for what happens nowhere."""
    match act.what:
        case Detection(point):
            return point
        case RawRead() as read:
            return read.timing_point
        case _:
            return ""


def only(acts: Iterable[Act], points: Sequence[str]) -> list[Act]:
    """The reads of these points, and everything that is no read; all when `points` is empty."""
    return [act for act in acts if not points or not act.is_read or point_of(act) in points]


def without_first_seen(acts: Iterable[Act]) -> list[Act]:
    """The script without first-seen reads.

    A ChronoTrack controller sends the strongest read of a passing, and its
    lines have no type that could tell another from it (PROTOCOLS 1.4, 4).
    """
    return [act for act in acts if not _is_first_seen(act.what)]


def _is_first_seen(what: object) -> bool:
    if isinstance(what, Detection):
        return what.kind == ReadKind.FIRST_SEEN
    return isinstance(what, RawRead) and what.type == ReadKind.FIRST_SEEN


def at_rate(acts: Iterable[Act], rate: int) -> list[Act]:
    """The same acts in the same order, `rate` of them per second."""
    return [msgspec.structs.replace(act, at=number * NS // rate) for number, act in enumerate(acts)]


def length_of(acts: Iterable[Act]) -> int:
    """How long the script takes at normal speed, ns: the last act, or the latest moment in it."""
    return max(
        (
            max(act.at, act.what.moment) if isinstance(act.what, Detection) else act.at
            for act in acts
        ),
        default=0,
    )
