"""The disk judged: room, how long it lasts, kinds that lose writes, and whether its syncs hold."""

from collections.abc import Sequence
from pathlib import PurePath
from statistics import median

import msgspec

from meetlog.doctor.findings import Finding, look, ok, wrong
from meetlog.growth import Growth, lasting
from meetlog.show import size

DISK, PLACE, WRITES = "disk", "place", "writes"
MB, GB = 1_000_000, 1_000_000_000
_LEAST_FREE = 500 * MB  # the system itself goes wrong below that
_LITTLE_FREE = 2 * GB
_LEAST_HOURS = 12  # a long day
_FEW_HOURS = 48  # a weekend

_NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smb", "smbfs", "smb3", "smb2", "afpfs", "ncpfs", "davfs", "webdav",
    "fuse.sshfs", "fuse.rclone", "fuse.davfs2", "9p", "afs", "fuse.gvfsd-fuse", "ceph", "glusterfs",
})  # fmt: skip
_MEMORY = frozenset({"tmpfs", "ramfs"})
_FAT = frozenset({"vfat", "msdos", "fat", "fat12", "fat16", "fat32", "exfat"})
# A folder of these is carried to other computers by a program that knows nothing of databases.
_SYNCED = (
    "onedrive", "dropbox", "google drive", "googledrive", "my drive", "iclouddrive",
    "icloud drive", "mobile documents", "nextcloud", "owncloud", "pcloud", "pclouddrive", "mega",
    "box sync", "box", "creative cloud files", "seafile", "synologydrive",
)  # fmt: skip

PROBES = 50  # enough for a median; half a second on a slow disk
_TOO_FAST_NS = 50_000  # the quickest drives that people buy take some 100 µs and more
_SLOW_NS = 50_000_000
_STALL_NS = 1_000_000_000


class DiskFact(msgspec.Struct, frozen=True):
    """Where the log is: its folder, bytes free there, the file system's type, whether far away."""

    path: str
    free: int
    kind: str
    remote: bool = False


class WritesFact(msgspec.Struct, frozen=True):
    """How long each of some small appends with a sync took (ns); or why none could be made."""

    times: tuple[int, ...]
    reason: str = ""


def judge_room(fact: DiskFact, growth: Growth | None, *, stated: bool = False) -> Finding:
    """Whether the disk has room for a meet; `stated`: the pace is somebody's, not the log's."""
    free = f"{size(fact.free)} free where the log is"
    remedy = "Free some space, or make the meet on another disk. The log cannot be thinned out."
    if growth is not None:
        source = "as stated" if stated else "in its busiest hour"
        pace = f"the log grows by {size(growth.bytes_per_hour)} an hour {source}"
        lasts = f"{free}; {pace}, so there is room for {lasting(growth.hours_left)}."
        if growth.hours_left < _LEAST_HOURS:
            return wrong(DISK, lasts, remedy)
        if growth.hours_left < _FEW_HOURS:
            return look(DISK, lasts, remedy)
        free = lasts.removesuffix(".")
    if fact.free < _LEAST_FREE:
        return wrong(DISK, f"{free}.", remedy)
    if fact.free < _LITTLE_FREE:
        return look(DISK, f"{free}.", remedy)
    return ok(DISK, f"{free}.")


def synced_by(path: PurePath) -> str:
    """The part of `path` by which a program carries it to a cloud, "" when none is known to.

    `OneDrive - Club` and `Dropbox (Personal)` are known by how they begin.
    """
    for part in path.parts:
        name = part.casefold()
        for known in _SYNCED:
            if name == known or name.startswith((f"{known} -", f"{known} (", f"{known}-")):
                return part
    return ""


def judge_place(fact: DiskFact, path: PurePath) -> Finding:
    """Whether the log's folder `path` is on a disk that keeps what was written."""
    kind = fact.kind.casefold()
    move = "Make the meet in a folder of this computer's own disk, such as meets in your home."
    synced = synced_by(path)
    if synced:
        return wrong(
            PLACE,
            f"The log is in {synced}, which a program copies to a cloud while it is written: that "
            "can lock it, spoil it, or put back an older one.",
            f"{move} Copies for elsewhere: meetlog backup.",
        )
    if fact.remote or kind in _NETWORK:
        return wrong(
            PLACE,
            f"The log is on a network drive ({fact.kind or 'share'}), where locks and syncs cannot "
            "be relied upon.",
            f"{move} Only the meet folder of the meet manager may be on a share.",
        )
    if kind in _MEMORY:
        return wrong(PLACE, f"The log is in memory ({fact.kind}): gone when power goes.", move)
    if kind in _FAT:
        return look(
            PLACE,
            f"The log is on a {fact.kind} disk, which keeps no journal: a power cut, or a stick "
            "pulled out, can damage it, and FAT32 ends at 4 GB.",
            move,
        )
    if not kind:
        return look(PLACE, "What kind of disk the log is on cannot be seen here.", move)
    return ok(PLACE, f"The log is on a disk of this computer ({fact.kind}).")


def judge_writes(fact: WritesFact) -> Finding:
    """Whether synced writes arrive on the disk, as far as their speed tells."""
    if not fact.times:
        return wrong(
            WRITES,
            f"Nothing can be written where the log is: {fact.reason}.",
            "Check who may write there, whether the disk is full, and whether it is read-only.",
        )
    middle, worst = int(median(fact.times)), max(fact.times)
    told = (
        f"{len(fact.times)} small synced writes took {milliseconds(middle)} each at the median, "
        f"{milliseconds(worst)} at most"
    )
    if middle < _TOO_FAST_NS:
        return look(
            WRITES,
            f"{told}: too fast to be true, unless the drive keeps power of its own. It may say "
            "'written' before it is, and the last moments before a power cut would be missing.",
            "Have a battery in the laptop or a UPS. In a virtual machine, set the disk's cache to "
            "write-through; on Windows, leave write-cache flushing on in the disk's policies.",
        )
    if middle > _SLOW_NS or worst > _STALL_NS:
        return look(
            WRITES,
            f"{told}: slow. Reads are kept back, not lost, while the disk is behind.",
            "Use an internal SSD, stop copies and virus scans of this folder, and leave the "
            "computer some memory.",
        )
    return ok(WRITES, f"{told}: some {_rate(fact.times)} a second.")


def _rate(times: Sequence[int]) -> int:
    return max(1, 1_000_000_000 // max(1, int(median(times))))


def milliseconds(ns: int) -> str:
    """`0.02 ms`, `1.3 ms`, `250 ms`."""
    if ns >= 10_000_000:
        return f"{ns // 1_000_000} ms"
    if ns >= 1_000_000:
        return f"{ns // 1_000_000}.{ns // 100_000 % 10} ms"
    return f"0.{ns // 10_000:02d} ms"
