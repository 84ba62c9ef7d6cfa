"""Views: what the folds show. Frozen, ready for tables, JSON and files; every field documented.

Moments end in `_ns` (integer ns since the epoch, UTC) and stand beside an ISO
text with the meet's offset. Race times end in `_cs`, integer hundredths.
"""

from typing import Literal

import msgspec


class Crossing(msgspec.Struct, frozen=True):
    """One passing of one chip at one point.

    `reads` counts the distinct reads in it. `position` is the event that
    brought the read whose moment was chosen. `provisional`: only first-seen reads, never official.
    """

    chip: str
    point: str
    moment: str
    moment_ns: int
    provisional: bool
    reads: int
    position: int
    first_ns: int
    last_ns: int
    feed: str
    source: str
    reader: str
    antenna: int
    rssi: int | float | None
    backup: bool
    swimmer: str


class Split(msgspec.Struct, frozen=True):
    """A cumulative time at a distance; `finish` for what we measured at the end of the course."""

    point: str
    distance: int
    time_cs: int
    moment_ns: int
    position: int
    finish: bool = False


class Lane(msgspec.Struct, frozen=True):
    """One lane of a race. `status`: "" (nothing to say), `DQ`, `NS`, `DNF`, `EMPTY`.

    `event` is the lane's own event, another than the race's in a combined
    heat; `note` says why, after a disqualification.
    """

    lane: int
    event: str
    swimmer_ids: tuple[str, ...]
    name: str
    team: str
    chips: tuple[str, ...]
    time_cs: int | None
    status: str
    place: int | None
    splits: tuple[Split, ...]
    note: str = ""


RaceState = Literal["scheduled", "started", "complete", "closed"]


class Alarm(msgspec.Struct, frozen=True):
    """Something a person should look at: a stable `key`, the words, and the remedy.

    `acknowledged` says who has seen it and when, "" while nobody has said so.
    """

    key: str
    text: str
    hint: str
    position: int
    acknowledged: str = ""


class Race(msgspec.Struct, frozen=True):
    """One race with its lanes, identity (session, event, heat) first.

    `origin` is `chips` when the times are ours, `time-drops` when a Time Drops
    system wrote them, `corrected` when somebody ruled on those, "" while there
    are none. `revision` is the last published, 0 before. `start` is the ISO
    text of `start_ns`, "" and None before the gun.
    """

    session: str
    session_number: int
    event: str
    heat: int
    race_number: int
    order: int
    state: RaceState
    start: str
    start_ns: int | None
    origin: str
    revision: int
    lanes: tuple[Lane, ...]


class Revision(msgspec.Struct, frozen=True):
    """One published or seen revision of a race's result file.

    `origin`: `meetlog` or `time-drops`. `position` is the event that published it or brought it.
    """

    session: str
    event: str
    heat: int
    race_number: int
    revision: int
    origin: str
    name: str
    sha256: str
    position: int
    recorded_at: str
    cause: str
    author: str
    reason: str


class GapSpan(msgspec.Struct, frozen=True):
    """A span in which a source that cannot resume was not heard; `until` is "" while it lasts."""

    since: str
    since_ns: int
    until: str
    until_ns: int | None


class SourceHealth(msgspec.Struct, frozen=True):
    """How a source does. Counts are since the log began.

    `received` counts reads, `known` those that were copies of earlier ones,
    `new` the rest; `quarantined` counts undecodable pieces. `skew_ms` is the median of arrival
    minus stamp. `warning` says in words what looks wrong, "" when nothing does.
    """

    source: str
    protocol: str
    state: str
    peers: tuple[str, ...]
    bytes: int
    last_byte: str
    last_byte_ns: int | None
    last_read: str
    last_read_ns: int | None
    received: int
    known: int
    new: int
    quarantined: int
    skew_ms: int | None
    gaps: tuple[GapSpan, ...]
    warning: str


class RelayReceipt(msgspec.Struct, frozen=True):
    """What a connection of a relay sent: `again` counts what that peer had been sent before.

    `cut` is when the last connection with that machine ended over which
    anything was sent, "" without one. `until` is "" while the connection
    lasts; `reason` says why it ended.
    """

    peer: str
    since: str
    since_ns: int
    until: str
    until_ns: int | None
    sent: int
    again: int
    cut: str
    cut_ns: int | None
    reason: str


class Withdrawal(msgspec.Struct, frozen=True):
    """A crossing or gun that a relay queued and that no longer holds, as event `position` decided.

    No protocol can take it back. `tag` and `location` are what was sent for
    `chip` and `point`. `instead` is the moment of what was queued in its
    place, "" and None where nothing was.
    """

    chip: str
    point: str
    kind: str
    moment: str
    moment_ns: int
    tag: str
    location: str
    instead: str
    instead_ns: int | None
    position: int


class RelayHealth(msgspec.Struct, frozen=True):
    """How a relay does. Counts are since the log began.

    `queued` counts the items that are to be sent, `sent` how many of them the
    peer that got furthest was handed, `waiting` the rest; nobody took any
    since `waiting_since`. `again` counts what was sent more than once,
    `withdrawn` the crossings and guns that were queued and do not hold now;
    the newest of them are `withdrawals`. `locations` has the items of each location,
    `shortened` the texts for which the protocol has no room, and what was
    sent for them. `receipt` is of the newest connection. `warnings` say in
    words what somebody should look at.
    """

    relay: str
    protocol: str
    send: str
    state: str
    peers: tuple[str, ...]
    queued: int
    sent: int
    waiting: int
    waiting_since: str
    waiting_since_ns: int | None
    again: int
    withdrawn: int
    last_queued: str
    last_queued_ns: int | None
    last_sent: str
    last_sent_ns: int | None
    locations: dict[str, int]
    shortened: dict[str, str]
    withdrawals: tuple[Withdrawal, ...]
    receipt: RelayReceipt | None
    warnings: tuple[str, ...]


class QuarantineEntry(msgspec.Struct, frozen=True):
    """Something that arrived and could not be used: where, why, what, what to do.

    `count` says how often the same thing happened; `position` is the first.
    """

    source: str
    position: int
    reason: str
    excerpt: str
    hint: str
    count: int = 1
