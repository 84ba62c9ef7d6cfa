"""A saved state as bytes: a head, then the reads of each chip. Damage of either is noticed."""

from collections.abc import Callable, Sequence
from struct import Struct
from zlib import crc32

# The sum of what follows it up to the reads; the version; the length of the head; the reads' sum.
_HEADER = Struct(">IIII")
_SUM = 4  # bytes of a sum


class SavedStateDamaged(ValueError):  # noqa: N818 - named for the condition
    """A saved state that is not as it was saved, or not by this version."""


Read = Callable[[int], bytes]  # of a file or a blob: so many bytes, or with -1 all the rest


def pack(version: int, head: bytes, reads: Sequence[bytes | memoryview]) -> bytes:
    """The bytes to keep."""
    total = 0
    for part in reads:
        total = crc32(part, total)
    header = _HEADER.pack(0, version, len(head), total)[_SUM:]
    return b"".join((crc32(head, crc32(header)).to_bytes(_SUM), header, head, *reads))


def unpack(read: Read) -> tuple[int, bytes, Callable[[], bytes]]:
    """The version and the head of what was packed, and what reads the rest when it is called.

    Both raise `SavedStateDamaged`.
    """
    header = read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise SavedStateDamaged("the saved state is damaged")
    told, version, length, reads_told = _HEADER.unpack(header)
    head = read(length)
    if crc32(head, crc32(header[_SUM:])) != told:
        raise SavedStateDamaged("the saved state is damaged")

    def rest() -> bytes:
        reads = read(-1)
        if crc32(reads) != reads_told:
            raise SavedStateDamaged("the saved state is damaged")
        return reads

    return version, head, rest
