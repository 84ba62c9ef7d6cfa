"""Explanations: how one lane's time came about, from the published file down to the bytes.

Moments end in `_ns` (ns UTC) beside an ISO text in the meet's zone; race
times end in `_cs`. Every `parts` names bytes in the log: `length` bytes at
`offset` of the body of event `position`.
"""

from typing import Literal

import msgspec

from meetlog.retracing import Part

# Why a read is what it is to a lane's times.
Why = Literal[
    "chosen",
    "resend",  # a copy of a read that came before, or that came with a stronger signal
    "same-detection",  # two feeds of the point told one detection
    "first-seen",  # superseded by a best-seen read
    "provisional",  # a crossing of first-seen reads only is never official
    "backup",  # the main feed has a read
    "weaker",
    "later",
    "earlier",
    "outranked",  # by a crossing that somebody saw
    "void",
    "unknown-chip",
    "not-assigned",
    "other-chip",  # another chip of the lane passed with it, and counts
    "before-gun",
    "before-minimum",
    "after-next-start",
    "other-passing",
    "not-in-course",
    "no-start",
    "empty-lane",
    "console",
]


class Raw(msgspec.Struct, frozen=True):
    """Bytes in the log: where, what brought them, and what they are.

    `connection` is the number of the source's connection, `opened` the event that opened it; 0
    for a file. `text` is the bytes where they are readable text, else `hex` is. `exact` tells
    that these bytes, decoded alone, give what is explained.
    """

    source: str
    protocol: str
    connection: int
    peer: str
    opened: int
    parts: tuple[Part, ...]
    text: str | None
    hex: str | None
    exact: bool


class Said(msgspec.Struct, frozen=True):
    """A statement. `withdrawn_by` is the position of the statement that took it back, or None."""

    position: int
    at: str
    at_ns: int
    author: str
    channel: str
    proof: str
    reason: str
    words: str
    withdrawn_by: int | None


class ExplainedRead(msgspec.Struct, frozen=True):
    """One read, what it is to the lane, and its bytes.

    `position` is the event that brought it, `copy_of` the one that brought the read it is a copy
    of. `shift_ns` is what its clock was corrected by; `moment` includes it, `stamp` is as sent.
    `why` is a fixed word and `reason` says it in full; `statement` is the position of the
    statement that makes it so, or None.
    """

    position: int
    chip: str
    point: str
    source: str
    feed: str
    kind: int
    stamp: str
    moment: str
    moment_ns: int
    shift_ns: int
    reader: str
    antenna: int
    rssi: int | float | None
    backup: bool
    why: Why
    reason: str
    copy_of: int | None
    statement: int | None
    raw: Raw | None


class ExplainedStart(msgspec.Struct, frozen=True):
    """The start: a gun with its bytes, or a statement, or a gun that a statement moved."""

    moment: str
    moment_ns: int
    position: int
    source: str
    feed: str
    stamp: str
    shift_ns: int
    statement: Said | None
    raw: Raw | None


class ExplainedLeg(msgspec.Struct, frozen=True):
    """One leg of the course, the finish being the last.

    The time is `moment` minus the start. It is that of a crossing: the `passing`th at `point`,
    of `reads` distinct reads from `first` to `last`, no two of them further apart than `gap_ns`;
    `rule` chose among them, and `reason` says why `chosen`. Of a crossing that somebody saw,
    `statement` takes its place. Without a crossing the time is None.
    """

    point: str
    distance: int
    passing: int
    finish: bool
    time_cs: int | None
    time: str
    moment: str
    moment_ns: int | None
    rule: str
    gap_ns: int
    minimum_ns: int
    reads: int
    first: str
    first_ns: int | None
    last: str
    last_ns: int | None
    reason: str
    chosen: ExplainedRead | None
    statement: Said | None


class PublishedAs(msgspec.Struct, frozen=True):
    """The newest published revision, and what it says of the lane.

    `agrees` is false when the log gives something else now: a revision is then about to follow.
    """

    revision: int
    origin: str
    name: str
    sha256: str
    position: int
    as_of: int | None
    recorded_at: str
    author: str
    cause: str
    reason: str
    time_cs: int | None
    time: str
    status: str
    agrees: bool


class Explanation(msgspec.Struct, frozen=True):
    """How one lane's time came about.

    `time_from`: `crossing`, `statement`, `console`, or "" without a time; `time_statement` and
    `console` are what it then comes from. The swim lasts from the start to `until`, the next start
    of anybody in the lane, "" and None without one. `note` tells in words what a person should know
    first. `statements` are all about the lane, its race, its chips and their sources, withdrawn
    ones included; `others` every read of its chips that was not chosen.
    """

    session: str
    event: str
    heat: int
    race_number: int
    lane: int
    name: str
    team: str
    swimmer_ids: tuple[str, ...]
    chips: tuple[str, ...]
    time_cs: int | None
    time: str
    status: str
    place: int | None
    time_from: str
    note: str
    published: PublishedAs | None
    time_statement: Said | None
    console: Raw | None
    start: ExplainedStart | None
    until: str
    until_ns: int | None
    legs: tuple[ExplainedLeg, ...]
    statements: tuple[Said, ...]
    others: tuple[ExplainedRead, ...]
