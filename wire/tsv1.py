"""TsV1: what TimingSense's TsConnector says to those who connect (PROTOCOLS 2).

A message is a JSON array of reads ended by CR; there is no acknowledgement,
no sequence and no resume. LF, CRLF, blank messages, single objects and the
spellings that `wire.jsonreads` knows are tolerated.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

import msgspec

from wire.jsonreads import (
    MAX_FRAME,
    Decoded,
    chip_number,
    decode,
    decode_plain,
    decode_plain_series,
    oversize,
)
from wire.reads import RawRead


class Decoder(msgspec.Struct):
    """Turns received pieces into reads; its fields are its whole state and can be saved as msgpack.

    The results depend on the bytes alone, in their order, never on how they
    were cut into pieces. Memory is bounded by `MAX_FRAME` plus one piece.
    """

    held: bytearray = msgspec.field(default_factory=bytearray)
    skipping: bool = False  # inside a message that is too long, until its end

    def feed(self, data: bytes) -> Decoded:
        """The reads that `data` completes, with a `Malformed` in the place of what is none."""
        if not (self.held or self.skipping) and data[-2:] == b"]\r" and len(data) <= MAX_FRAME:
            plain = _decode_whole(data)
            if plain is not None:
                return plain
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
            try:
                out += decode_plain(message)
            except (ValueError, RecursionError):
                out += decode(message)
        if rest:
            self._take(rest, out)
        return out

    def whole_pieces(self, pieces: Sequence[bytes]) -> list[Decoded] | None:
        """The reads of each piece, where all are whole, plain messages with at least one read.

        None otherwise, and then nothing has happened: `feed` takes the pieces.
        """
        if self.held or self.skipping:
            return None
        joined = b"".join(pieces)
        ends = joined.count(b"\r")
        if (
            joined.count(b"]\r[") != ends - 1
            or b"\n" in joined
            or not all(piece[-2:] == b"]\r" and len(piece) <= MAX_FRAME for piece in pieces)
        ):
            return None
        try:
            arrays = decode_plain_series(joined)
        except (ValueError, RecursionError):
            return None
        if len(arrays) != ends or not all(arrays):
            return None
        if ends == len(pieces):
            return arrays
        series = iter(arrays)
        return [list(chain.from_iterable(islice(series, piece.count(b"\r")))) for piece in pieces]

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


def _decode_whole(data: bytes) -> Decoded | None:
    """The reads of a piece that is whole, plain messages and nothing else; None for any other.

    Nearly every piece is, and a CR is white space to a JSON decoder, which
    then reads all of them in one call. That is the same as one message after
    the other exactly where each CR stands between two top-level arrays.
    """
    ends = data.count(b"\r")
    if data.count(b"]\r[") != ends - 1 or b"\n" in data:
        return None
    try:
        if ends == 1:
            return decode_plain(data)
        arrays = decode_plain_series(data)
    except (ValueError, RecursionError):
        return None
    return list(chain.from_iterable(arrays)) if len(arrays) == ends else None


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
