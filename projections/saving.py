"""A saved state as bytes: a head, then the reads of each chip, with a sum that tells damage."""

from collections.abc import Sequence
from struct import Struct
from zlib import crc32

_SUM = Struct(">I")  # of all that follows
_LENGTH = Struct(">Q")  # of the head
_BEGIN = _SUM.size + _LENGTH.size


def pack(head: bytes, reads: Sequence[bytes | memoryview]) -> bytes:
    """The bytes to keep."""
    parts = (_LENGTH.pack(len(head)), head, *reads)
    total = 0
    for part in parts:
        total = crc32(part, total)
    return b"".join((_SUM.pack(total), *parts))


def unpack(data: bytes) -> tuple[memoryview, memoryview]:
    """The head and the reads as they were packed. Raises `ValueError` for damaged bytes."""
    told = memoryview(data)
    if len(told) < _BEGIN or crc32(told[_SUM.size :]) != _SUM.unpack_from(told)[0]:
        raise ValueError("the saved state is damaged")
    (length,) = _LENGTH.unpack_from(told, _SUM.size)
    return told[_BEGIN : _BEGIN + length], told[_BEGIN + length :]
