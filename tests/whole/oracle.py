"""What the crossings of a set of reads must be, worked out the plain way from the files.

Nothing of meetlog is used here. A row is one detection: chip, wire name of
the point, moment (ns UTC), reader, antenna and signal (None where the
protocol carries none).
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

GAP = 10_000_000_000


class Row(NamedTuple):
    chip: str
    feed: str
    moment: int
    reader: str
    antenna: int
    rssi: int | None


class Crossed(NamedTuple):
    """A crossing: what is compared of it."""

    chip: str
    point: str
    moment: int
    first: int
    last: int
    reads: int
    feed: str


def rows_of_lines(path: Path, zone: str) -> list[Row]:
    """The rows of a file of CT01 lines, whose stamps are local."""
    rows = []
    for line in path.read_bytes().decode().split("\r\n"):
        if line:
            _, _, feed, chip, stamp, _, reader, antenna = line.split("~")
            rows.append(Row(chip, feed, _utc(stamp, zone), reader, int(antenna), None))
    return rows


def rows_of_arrays(path: Path, zone: str | None) -> list[Row]:
    """The rows of a file of TsV2 arrays: with the signal and the UTC stamps, or as TsV1 has them.

    With a `zone` they are TsV1's: local stamps in that zone, no signal.
    """
    rows = []
    for array in path.read_bytes().split(b"\r"):
        for r in json.loads(array) if array else ():
            stamp = r["Moment"] if zone else r["UtcMoment"]
            moment = _utc(stamp.removesuffix("Z"), zone or "UTC")
            rssi = None if zone else r["Rssi"]
            rows.append(Row(r["Chip"], r["TimingPoint"], moment, r["Source"], r["Antenna"], rssi))
    return rows


def crossings(
    rows: Iterable[Row], feeds: dict[str, tuple[str, bool]], rules: dict[str, str]
) -> list[Crossed]:
    """The crossings in order of moment. `feeds` gives the point of a feed, and whether a backup."""
    detections: dict[tuple[str, str], dict[tuple[int, str, int], Row]] = defaultdict(dict)
    for row in rows:
        point, backup = feeds[row.feed]
        known = detections[row.chip, point]
        key = row.moment, row.reader, row.antenna
        if key not in known or _better(row, known[key], backup, feeds):
            known[key] = row
    found = []
    for (chip, point), known in detections.items():
        rows_here = sorted(known.values(), key=lambda r: r.moment)
        ends = [
            i
            for i, row in enumerate(rows_here)
            if i + 1 == len(rows_here) or rows_here[i + 1].moment - row.moment > GAP
        ]
        for start, end in zip([0, *(e + 1 for e in ends)], ends, strict=False):
            group = rows_here[start : end + 1]
            chosen = _choose(group, rules[point], feeds)
            span = group[0].moment, group[-1].moment
            found.append(Crossed(chip, point, chosen.moment, *span, len(group), chosen.feed))
    return sorted(found, key=lambda c: (c.moment, c.point, c.chip))


def _better(row: Row, other: Row, backup: bool, feeds: dict[str, tuple[str, bool]]) -> bool:
    """Of the same detection told twice: the main mat's, then the stronger."""
    if backup != feeds[other.feed][1]:
        return not backup
    return (row.rssi or -999) > (other.rssi or -999)


def _choose(group: list[Row], rule: str, feeds: dict[str, tuple[str, bool]]) -> Row:
    of_main = [row for row in group if not feeds[row.feed][1]]
    candidates = of_main or group
    if rule == "last":
        return max(candidates, key=lambda r: r.moment)
    if rule == "best":
        strongest = max(-999 if r.rssi is None else r.rssi for r in candidates)
        candidates = [r for r in candidates if (-999 if r.rssi is None else r.rssi) == strongest]
    return min(candidates, key=lambda r: r.moment)


def _utc(stamp: str, zone: str) -> int:
    whole, _, fraction = stamp.partition(".")
    local = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=ZoneInfo(zone))
    seconds = local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (seconds.days * 86_400 + seconds.seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
