"""Verdicts: what a read is to a lane's times, and what a lane's times may come from."""

import msgspec

from meetlog.explanations import Why
from projections.crossings import Feed
from projections.reads import Detail
from projections.views import Lane, Split
from wire.settings import CourseSettings


class Verdict(msgspec.Struct, frozen=True):
    """What a read is to the lane's times, why in words, and the statement that makes it so."""

    why: Why
    reason: str
    statement: int | None = None


class JudgedRead(msgspec.Struct, frozen=True):
    """A distinct read: `moment` (ns UTC) as its stamp says, `corrected` after all shifts.

    `origin` is the event that brought it.
    """

    chip: str
    point: str
    feed: Feed
    source: str
    wire_point: str
    moment: int
    corrected: int
    detail: Detail
    origin: int
    verdict: Verdict


class Crossed(msgspec.Struct, frozen=True):
    """A crossing that gives a split: its reads' span (ns UTC) and number, and what was chosen.

    `chosen` is None, and `sighting` the statement's position, when somebody saw it.
    """

    split: Split
    first: int
    last: int
    reads: int
    chosen: JudgedRead | None
    sighting: int | None


class Window(msgspec.Struct, frozen=True):
    """Which crossings may count: after `start` plus the course's minimum, before `until`.

    All in ns UTC; `nothing` is the verdict on every read where none counts at all.
    """

    lane: Lane
    course: CourseSettings
    start: int
    until: int | None
    nothing: Verdict | None = None
