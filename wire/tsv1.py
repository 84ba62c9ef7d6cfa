"""TsV1: what TimingSense's TsConnector says to those who connect (PROTOCOLS 2).

A message is a JSON array of reads ended by CR; there is no acknowledgement,
no sequence and no resume. LF, CRLF, blank messages, single objects and the
spellings that `wire.jsonreads` knows are tolerated.
"""

from collections.abc import Iterable, Sequence

import msgspec

from wire.jsonreads import (
    MAX_FRAME,
    Decoded,
    chip_number,
    decode,
    oversize,
    whole_pieces,
)
from wire.reads import Plain, RawRead


class Decoder(msgspec.Struct):
    """Turns received pieces into reads; its fields are its whole state and can be saved as msgpack.

    The results depend on the bytes alone, in their order, never on how they
    were cut into pieces. Memory is bounded by `MAX_FRAME` plus one piece.
    """

    held: bytearray = msgspec.field(default_factory=bytearray)
    skipping: bool = False  # inside a message that is too long, until its end

    def feed(self, data: bytes) -> Decoded:
        """The reads that `data` completes, with a `Malformed` in the place of what is none."""
        if b"\n" in data:
            data = data.replace(b"\n", b"\r")
        whole = data.split(b"\r")
        rest = whole.pop()
        out: Decoded = []
        if whole and (self.held or self.skipping):
            self._take(whole[0], out)
            whole[0] = b"" if self.skipping else bytes(self.held)
            self.held.clear()
            self.skipping = False
        for message in whole:
            if not message:
                continue
            if len(message) > MAX_FRAME:
                out.append(oversize(message))
                continue
            out += decode(message)
        if rest:
            self._take(rest, out)
        return out

    def whole(self, pieces: Sequence[bytes]) -> Plain | None:
        """What `feed` would make of successive pieces, all at once, where that is simple.

        See `wire.jsonreads.whole_pieces`. When None, nothing has happened.
        """
        return None if self.held or self.skipping else whole_pieces(pieces)

    def close(self) -> Decoded:
        """What the end of the connection leaves: nothing, a last message without its CR, or less.

        An array that was closed by its bracket is whole, so its reads count;
        a shorter rest keeps the whole objects in it and names the loss.
        """
        rest = bytes(self.held)
        self.held.clear()
        self.skipping = False
        return decode(rest)

    def _take(self, piece: bytes, out: Decoded) -> None:
        """Hold more of the current message, or say once that it is too long."""
        if self.skipping:
            return
        self.held += piece
        if len(self.held) > MAX_FRAME:
            out.append(oversize(bytes(self.held)))
            self.held.clear()
            self.skipping = True


def encode(reads: Iterable[RawRead]) -> bytes:
    """One message: the array of `reads` with TsV1's six keys, and CR.

    A chip without leading zeros is written as a number, as TsConnector does;
    other chips as text. The moment is written with the digits it has.
    """
    return (
        msgspec.json.encode(
            [
                {
                    "Chip": read.chip if (number := chip_number(read.chip)) is None else number,
                    "Moment": read.moment or read.utc_moment,
                    "TimingPoint": read.timing_point,
                    "Type": read.type,
                    "Antenna": read.antenna,
                    "Source": read.source,
                }
                for read in reads
            ]
        )
        + b"\r"
    )
