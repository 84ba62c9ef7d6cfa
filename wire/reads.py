"""A read as the wire says it, before any clock or zone is applied."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from operator import attrgetter
from typing import Annotated

import msgspec
from msgspec import Meta

MAX_NAME = 128  # chips, points, readers and EPCs are names, not documents


class ReadKind(IntEnum):
    """TimingSense's read types (PROTOCOLS 2): the gun, first-seen, best-seen."""

    GUN = 0
    FIRST_SEEN = 1
    BEST_SEEN = 2


# The ceilings are checked by msgspec while it decodes, at no measurable cost.
# They bound what an unknown peer can make a fold remember.
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
Text = Annotated[str, Meta(max_length=MAX_NAME)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Small = Annotated[int, Meta(ge=-65535, le=65535)]


class RawRead(
    msgspec.Struct, frozen=True, gc=False, rename="pascal", tag=False, forbid_unknown_fields=True
):
    """One detection with its stamps as they arrived.

    The field names in pascal case are TsV1's keys, so that its arrays decode
    straight into this struct. A key that is not exactly one of them is an
    error here: `type` beside an absent `Type` must not pass as best-seen, so
    `wire.jsonreads` reads such objects key by key.

    `chip` may be a JSON number (leading zeros are then already lost;
    PROTOCOLS 2) and is "" only for a gun. `moment` is the stamp's text with
    all its digits, "" only when `utc_moment`, filled by TsV2 alone, is there.
    `type` is a `ReadKind`. `rssi` is in dBm. `seq` and `lap` come from CTP01,
    0 where there is none.
    """

    chip: Name | Count
    moment: Name
    timing_point: Name
    type: Annotated[int, Meta(ge=0, le=2)] = 2
    antenna: Small = 0
    source: Text = ""
    utc_moment: Text = ""
    rssi: Small | Annotated[float, Meta(ge=-65535, le=65535)] | None = None
    epc: Text = ""
    seq: Count = 0
    lap: Count = 0


# What many reads share: point, type, reader, antenna, and signal in dBm.
Told = tuple[str, int, str, int, int | float | None]


class Plain(msgspec.Struct, frozen=True):
    """Plain reads of successive pieces, no gun among them, column by column.

    `chips`, `stamps` and `told` run in parallel; `counts` has how many each
    piece brought. The stamps are all `utc` or none is.
    """

    chips: Sequence[str | int]
    stamps: Sequence[str]
    utc: bool
    told: Sequence[Told]
    counts: Sequence[int]

    def reads(self) -> list[RawRead]:
        """The same one by one."""
        raise NotImplementedError

    def lines(self) -> Mapping[str, Sequence[int]]:
        """The sequence numbers of each location, where the language has them."""
        return {}


class PlainReads(Plain, frozen=True):
    """Those that came one by one."""

    raws: list[RawRead]

    def reads(self) -> list[RawRead]:
        """The same one by one."""
        return self.raws


def in_columns(raws: list[RawRead], counts: Sequence[int]) -> PlainReads | None:
    """These reads in columns; None where they are not as `Plain` has them."""
    told = [*map(_told, raws)]
    stamps = [raw.utc_moment for raw in raws]
    utc = all(stamps)
    if (not utc and any(stamps)) or ReadKind.GUN in [each[1] for each in told]:
        return None
    if not utc:
        stamps = [raw.moment for raw in raws]
    return PlainReads([raw.chip for raw in raws], stamps, utc, told, counts, raws)


_told = attrgetter("timing_point", "type", "source", "antenna", "rssi")
