"""Seals: a short code for a log's past, to be printed on results and read aloud.

A code is the position it stands for, 90 bits of the chain's hash there, and
two check characters: `363-7H2K-9QRS-4T6V-0ABC-XYZ1`. The letters are
Crockford's base 32, which has no I, L, O and U.

What it proves: a log whose chain holds and whose hash at that position begins
with these bits has exactly the events, up to there, that the log had from
which the code was made: every byte, every time, their order. To find another
past with the same code takes about 2^90 attempts. Who composes a log from
nothing and only then has its code printed can, with 2^45 attempts, prepare
two pasts with one code: a code binds from the moment others have it.

What it does not prove: when it was printed, that what was recorded is true,
and anything about later events.
"""

from typing import NamedTuple

from store.event import Head

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MARK_SYMBOLS = 18
MARK_BITS = 5 * MARK_SYMBOLS
CHECK_SYMBOLS = 2
GROUP = 4
# The check characters promise what they do for words of up to 31 symbols.
MAX_POSITION = 10**11 - 1

_HASH_BITS = 256
_FIXED = MARK_SYMBOLS + CHECK_SYMBOLS
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
_VALUES |= {symbol.lower(): value for symbol, value in _VALUES.items()}
# What people read and type for 0 and 1.
_VALUES |= dict.fromkeys("Oo", 0) | dict.fromkeys("IiLl", 1)
# Between the groups: whatever a keyboard, a word processor or a page put there.
_BETWEEN = frozenset("-_. \t\r\n\u00a0\u00ad\u2010\u2011\u2012\u2013\u2014\u2212")
_QUOTED = 60  # characters of what was typed that are shown again


class SealError(ValueError):
    """A text is no seal code: the message says what is wrong with it, and that it was mistyped."""


class Seal(NamedTuple):
    """What a code says: the chain's hash at `position` begins with the `MARK_BITS` bits `mark`."""

    position: int
    mark: int

    def fits(self, hash_: bytes) -> bool:
        """Whether the chain's hash at `position` may be `hash_`."""
        return self.mark == _mark(hash_)

    def __str__(self) -> str:
        """The code, in groups."""
        digits = str(self.position)
        mark = [self.mark >> 5 * place & 31 for place in reversed(range(MARK_SYMBOLS))]
        checks = _checks([*map(int, digits), *mark])
        text = "".join(ALPHABET[value] for value in (*mark, *checks))
        return "-".join([digits, *(text[at : at + GROUP] for at in range(0, _FIXED, GROUP))])


def seal_of(head: Head) -> str:
    """The code of a log's past up to `head`, as it is printed.

    Raises `ValueError` for a position past `MAX_POSITION`.
    """
    if not 0 <= head.position <= MAX_POSITION:
        raise ValueError(f"position {head.position} is too large for a seal code")
    return str(Seal(head.position, _mark(head.hash)))


def read_seal(text: str) -> Seal:
    """The seal that a person typed: in any case, with O for 0 and I or L for 1.

    After the number it may be grouped anyhow; or there are no groups at all.
    Any one or two wrong characters, any two that changed places, and in groups
    any one too few or too many are found; of other mistakes all but one in a
    thousand. Raises `SealError`.
    """
    symbols: list[int] = []
    number = 0  # how many symbols stand before the first separator; 0 without any
    for character in text.strip():
        value = _VALUES.get(character)
        if value is not None:
            symbols.append(value)
        elif character not in _BETWEEN:
            raise _mistyped(text, f"{character!r} is in no code")
        else:
            number = number or len(symbols)
    digits = symbols[:-_FIXED]
    if not digits or number not in (0, len(digits)):
        raise _mistyped(text, f"a code is a number and {_FIXED} characters after it")
    if any(digit > 9 for digit in digits):
        raise _mistyped(
            text, f"before the last {_FIXED} characters stands a number, without letters"
        )
    if len(digits) > len(str(MAX_POSITION)) or (digits[0] == 0 and len(digits) > 1):
        raise _mistyped(text, "its number is none that a code begins with")
    body, checks = symbols[:-CHECK_SYMBOLS], symbols[-CHECK_SYMBOLS:]
    if _checks(body) != tuple(checks):
        raise _mistyped(text, "at least one character is wrong")
    mark = 0
    for value in symbols[-_FIXED:-CHECK_SYMBOLS]:
        mark = mark << 5 | value
    return Seal(int("".join(map(str, digits))), mark)


def _mistyped(text: str, problem: str) -> SealError:
    shown = text.strip()
    shown = shown if len(shown) <= _QUOTED else f"{shown[:_QUOTED]}..."
    return SealError(
        f"{shown!r} is no seal code: {problem}. This says nothing about the log; "
        "compare the code with the printed one, character by character"
    )


def _mark(hash_: bytes) -> int:
    return int.from_bytes(hash_, "big") >> _HASH_BITS - MARK_BITS


# The check characters are those of a Reed-Solomon code over the field of 32
# elements: its words of up to 31 symbols differ in at least three places.


def _powers() -> tuple[list[int], list[int]]:
    exponents, logarithms = [0] * 62, [0] * 32
    value = 1
    for power in range(31):
        exponents[power] = exponents[power + 31] = value
        logarithms[value] = power
        value <<= 1
        if value & 32:
            value ^= 0b100101  # x^5 = x^2 + 1, which generates the field
    return exponents, logarithms


_EXP, _LOG = _powers()
_SUM, _PRODUCT = _EXP[1] ^ _EXP[2], _EXP[3]  # of the generator's two roots
_START = 1  # so that a zero put before the position changes the check too


def _times(a: int, b: int) -> int:
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def _checks(symbols: list[int]) -> tuple[int, int]:
    """The remainder of the word, as a polynomial, by (x - a)(x - a^2)."""
    high, low = 0, _START
    for symbol in symbols:
        out = high ^ symbol
        high, low = low ^ _times(out, _SUM), _times(out, _PRODUCT)
    return high, low
