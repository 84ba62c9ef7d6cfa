"""A read as the wire says it, before any clock or zone is applied."""

from enum import IntEnum

import msgspec


class ReadKind(IntEnum):
    """TimingSense's read types (PROTOCOLS 2): the gun, first-seen, best-seen."""

    GUN = 0
    FIRST_SEEN = 1
    BEST_SEEN = 2


class RawRead(msgspec.Struct, frozen=True, gc=False, rename="pascal", tag=False):
    """One detection with its stamps as they arrived.

    The field names in pascal case are TsV1's keys, so that its arrays decode
    straight into this struct. `chip` may be a JSON number (leading zeros are
    then already lost; PROTOCOLS 2). `moment` is the stamp's text with all its
    digits; `utc_moment` is filled by TsV2 only. `type` is a `ReadKind`.
    `rssi` is in dBm. `seq` and `lap` come from CTP01, 0 where there is none.
    """

    chip: str | int
    moment: str
    timing_point: str
    type: int = 2
    antenna: int = 0
    source: str = ""
    utc_moment: str = ""
    rssi: int | float | None = None
    epc: str = ""
    seq: int = 0
    lap: int = 0
