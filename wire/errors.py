"""What a language says when bytes do not make sense: one value, never a crash.

A piece received from a socket may hold good messages on both sides of a bad
one, so a decoder returns a `Malformed` in the place of the bad message and
goes on. Functions that read one whole document raise `WireError` instead.
"""

import msgspec

EXCERPT_BYTES = 120  # enough to recognise a message on one line of a terminal


class Malformed(msgspec.Struct, frozen=True, tag=True):
    """Bytes that could not be decoded: why, a short quotation, and what to do about it."""

    reason: str
    excerpt: str
    hint: str = ""


class WireError(ValueError):
    """One document could not be read. `problem` says why, quotes a piece, and hints at a remedy."""

    def __init__(self, reason: str, raw: bytes | str = b"", hint: str = "") -> None:
        self.problem = malformed(reason, raw, hint)
        super().__init__(f"{reason}: {self.problem.excerpt}" if raw else reason)


def malformed(reason: str, raw: bytes | str, hint: str = "") -> Malformed:
    """A `Malformed` quoting at most `EXCERPT_BYTES` of `raw`, made printable."""
    if isinstance(raw, str):  # which may hold what no UTF-8 has, such as half a surrogate pair
        data = raw[: EXCERPT_BYTES + 1].encode("utf-8", "backslashreplace")
    else:
        data = raw[: EXCERPT_BYTES + 1]
    text = data[:EXCERPT_BYTES].decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
        )
    return Malformed(reason, text + ("…" if len(data) > EXCERPT_BYTES else ""), hint)
