"""A target: one thing that outsiders' bytes reach, and what must hold whatever the bytes are."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple
from zlib import crc32


class Target(NamedTuple):
    """What a fuzzer is given.

    `check` takes any bytes and raises when the promise, which its first line
    tells, does not hold: an `AssertionError`, or an error that the function
    under test does not document. `words` are pieces of the language, so that the fuzzer need not
    guess them; `longest` is how many bytes an input may have.
    """

    check: Callable[[bytes], None]
    words: tuple[str, ...] = ()
    longest: int = 2048


def cuttings(data: bytes) -> Iterator[list[bytes]]:
    """`data` in pieces: one by one where it is short, and cut at places that it chooses itself."""
    if len(data) <= 128:
        yield [data[at : at + 1] for at in range(len(data))]
    random = Random(crc32(data))
    for most in (9, 90):
        pieces, at = [], 0
        while at < len(data):
            size = random.randint(1, most)
            pieces.append(data[at : at + size])
            at += size
        yield pieces


def text_in(data: bytes) -> str:
    """The text that stands for an input: UTF-8 where it is that, and no character is left out."""
    return data.decode("utf-8", "surrogateescape")


def choices(data: bytes, count: int) -> tuple[list[int], bytes]:
    """The first `count` bytes as numbers that choose something, 0 for none; and the rest."""
    head = data[:count]
    return [*head, *[0] * (count - len(head))], data[count:]
