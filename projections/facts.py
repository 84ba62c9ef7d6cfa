"""Facts: what events mean once decoded. The only things that projections fold.

Moments are integer nanoseconds since the epoch, UTC. `position` is that of
the event which completed the fact.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

import msgspec

from projections.relayed import Queued, Sent
from wire.reads import RawRead
from wire.settings import Settings
from wire.statements import AnyStatement
from wire.timedrops import Program, ResultFile, Status


class Span(NamedTuple):
    """The reads `begin` to `end` of many: those that one event completed."""

    position: int
    arrival: int
    begin: int
    end: int


class Arrived(Protocol):
    """Many reads of one source, however they are held."""

    @property
    def source(self) -> str:
        """Who brought them."""

    @property
    def size(self) -> int:
        """How many there are."""

    @property
    def moments(self) -> Sequence[int]:
        """Of each, ns UTC."""

    def spans(self, newest: int | None = None) -> Iterable[Span]:
        """Of each event in order, or of so many newest ones: which of them it completed."""

    def chips(self, begin: int = 0, end: int | None = None) -> list[str]:
        """The chips of these reads, in order."""


class Reads(msgspec.Struct, frozen=True, tag=True):
    """Detections that successive events of `source` completed, in the order of their bytes.

    In parallel: `raws` have chip, the wire's name of the point, type 1 or 2,
    reader, antenna and signal; `moments` are ns UTC; `positions` and
    `arrivals` (ns UTC) those of the events. A gun is a `Gun`. One fact for
    all of them, because this is what a replay does most.
    """

    source: str
    raws: list[RawRead]
    moments: list[int]
    positions: list[int]
    arrivals: list[int]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.raws)

    def spans(self, newest: int | None = None) -> Sequence[Span]:
        """Of each event in order, or of so many newest ones: which reads it completed."""
        found, begin = [], 0
        for position, each in groupby(self.positions):
            end = begin + len(list(each))
            found.append(Span(position, self.arrivals[begin], begin, end))
            begin = end
        return found if newest is None else found[-newest:]

    def chips(self, begin: int = 0, end: int | None = None) -> list[str]:
        """The chips of these reads, in order."""
        return [str(raw.chip) for raw in self.raws[begin:end]]


class Gun(msgspec.Struct, frozen=True, tag=True):
    """A start signal: a TsV1/TsV2 read of type 0 or a CTP01 `guntime` line."""

    position: int
    source: str
    feed: str
    moment: int
    raw: str


class LocationAnnounced(msgspec.Struct, frozen=True, tag=True):
    """A CTP01 client named a location it has."""

    position: int
    source: str
    location: str


class Delivered(msgspec.Struct, frozen=True, tag=True):
    """The last CTP01 sequence received of a location under a connection id: where to resume."""

    position: int
    source: str
    connection_id: str
    location: str
    seq: int


class Quarantined(msgspec.Struct, frozen=True, tag=True):
    """Bytes or a file that could not be understood: who sent it, why, a quotation, a remedy.

    `count` says how often the event has the same.
    """

    position: int
    source: str
    reason: str
    excerpt: str
    hint: str = ""
    count: int = 1


class SettingsRead(msgspec.Struct, frozen=True, tag=True):
    """The settings in force from here on."""

    position: int
    settings: Settings


class ProgramRead(msgspec.Struct, frozen=True, tag=True):
    """A version of `meet_program.json`."""

    position: int
    program: Program


class StatusRead(msgspec.Struct, frozen=True, tag=True):
    """A status file written by a timing system that is not us."""

    position: int
    status: Status


class ResultRead(msgspec.Struct, frozen=True, tag=True):
    """A result file written by a timing system that is not us."""

    position: int
    path: str
    sha256: str
    result: ResultFile


class ChipsRead(msgspec.Struct, frozen=True, tag=True):
    """The chip table: chip to swimmer id or bib."""

    position: int
    chips: dict[str, str]


class FileGone(msgspec.Struct, frozen=True, tag=True):
    """A file was removed from the meet folder."""

    position: int
    path: str


class Stated(msgspec.Struct, frozen=True, tag=True):
    """A statement was appended."""

    position: int
    statement: AnyStatement


class Published(msgspec.Struct, frozen=True, tag=True):
    """We decided to publish a revision; the document is the event's body."""

    position: int
    recorded_at: int
    session: str
    event: str
    heat: int
    race_number: int
    revision: int
    name: str
    sha256: str
    as_of: int
    cause: str
    author: str
    reason: str


Fact = (
    Reads
    | Gun
    | LocationAnnounced
    | Delivered
    | Quarantined
    | SettingsRead
    | ProgramRead
    | StatusRead
    | ResultRead
    | ChipsRead
    | FileGone
    | Stated
    | Published
    | Queued
    | Sent
)
