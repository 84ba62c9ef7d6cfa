"""Seal codes: what is printed comes back, and a typing mistake is told from another past."""

import random
from itertools import combinations
from string import printable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.event import EMPTY_HEAD, Draft, Head
from store.memory import MemoryLog
from store.seal import (
    ALPHABET,
    MARK_BITS,
    MAX_POSITION,
    Seal,
    SealError,
    read_seal,
    seal_of,
)
from tests.kit.around import around

heads = st.builds(
    Head,
    st.integers(0, MAX_POSITION),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**62),
)
CODE = seal_of(Head(363, bytes(range(7, 39)), 5))


@given(heads)
def test_a_code_names_its_position_and_fits_its_hash(head: Head) -> None:
    seal = read_seal(seal_of(head))
    assert seal.position == head.position
    assert seal.fits(head.hash)
    assert str(seal) == seal_of(head)


@given(heads, st.integers(0, MARK_BITS - 1))
def test_a_hash_with_any_other_of_its_bits_does_not_fit(head: Head, bit: int) -> None:
    other = int.from_bytes(head.hash, "big") ^ 1 << 255 - bit
    assert not read_seal(seal_of(head)).fits(other.to_bytes(32, "big"))


def test_a_code_is_short_and_has_no_letter_that_is_read_as_another() -> None:
    number, *groups = CODE.split("-")
    assert number == "363"
    assert [len(group) for group in groups] == [4] * 5
    assert not set("ILOUilou") & set(CODE)
    assert CODE.isascii()


@given(heads, st.randoms(use_true_random=False))
def test_it_may_be_typed_anyhow(head: Head, rng: random.Random) -> None:
    spoken = {"0": "0Oo", "1": "1IiLl"}
    between = ["-", " ", " - ", "\u2011", "\u2013", ".", "\n"]
    ungrouped = rng.random() < 0.2
    typed: list[str] = []
    for c in seal_of(head):
        if c == "-" and not ungrouped:
            inside = any(each in between for each in typed)
            typed.append(rng.choice(["", *between] if inside else between))
        elif c == "-":
            continue
        else:
            typed.append(rng.choice(spoken.get(c, c + c.lower())))
    assert read_seal(f" {''.join(typed)}\n") == read_seal(seal_of(head))


def symbols() -> list[int]:
    return [at for at, c in enumerate(CODE) if c != "-"]


def put(*changes: tuple[int, str]) -> str:
    text = list(CODE)
    for at, c in changes:
        text[at] = c
    return "".join(text)


def test_every_wrong_character_is_refused() -> None:
    for at in symbols():
        for c in ALPHABET:
            if c != CODE[at]:
                with pytest.raises(SealError):
                    read_seal(put((at, c)))


def test_any_two_wrong_characters_are_refused() -> None:
    rng = random.Random(41)
    for one, two in combinations(symbols(), 2):
        for _ in range(20):
            a = rng.choice(ALPHABET.replace(CODE[one], ""))
            b = rng.choice(ALPHABET.replace(CODE[two], ""))
            with pytest.raises(SealError):
                read_seal(put((one, a), (two, b)))


def test_two_characters_that_changed_places_are_refused() -> None:
    for one, two in combinations(symbols(), 2):
        if CODE[one] != CODE[two]:
            with pytest.raises(SealError):
                read_seal(put((one, CODE[two]), (two, CODE[one])))


@settings(max_examples=25)
@given(heads)
def test_every_flipped_bit_is_refused_or_is_another_spelling(head: Head) -> None:
    code = seal_of(head)
    said = read_seal(code)
    for at in range(len(code)):
        for bit in range(7):
            text = code[:at] + chr(ord(code[at]) ^ 1 << bit) + code[at + 1 :]
            try:
                assert read_seal(text) == said
            except SealError:
                continue


@pytest.mark.parametrize("at", range(len(CODE)))
def test_a_character_left_out_or_typed_twice_is_refused(at: int) -> None:
    if CODE[at] == "-":
        return
    for text in (CODE[:at] + CODE[at + 1 :], CODE[:at] + CODE[at] + CODE[at:]):
        with pytest.raises(SealError):
            read_seal(text)


@given(st.text(st.sampled_from(printable + "\u2011\u00dfı\u0000"), max_size=60))
def test_any_text_is_a_code_or_an_error(text: str) -> None:
    try:
        seal = read_seal(text)
    except SealError:
        return
    assert read_seal(str(seal)) == seal


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a number and 20 characters"),
        ("7H2K-9QRS-4T6V-0ABC-XYZ1", "a number and 20"),
        ("U" + CODE, "'U' is in no code"),
        ("0" + CODE, "none that a code begins with"),
        ("9" * 9 + CODE, "none that a code begins with"),
        ("A" + CODE, "without letters"),
        ("x" * 300, "..."),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    with pytest.raises(SealError, match="says nothing about the log") as told:
        read_seal(text)
    assert words in str(told.value)


def test_codes_of_a_log_tell_its_pasts_apart() -> None:
    log, other = (MemoryLog(clock=lambda: 7) for _ in range(2))
    codes = [seal_of(EMPTY_HEAD)]
    for n in range(50):
        codes.append(seal_of(log.append([Draft("mat", "socket.read", body=b"%d" % n)])))
        other.append([Draft("mat", "socket.read", body=b"%d" % (n + (n == 20)))])
    assert len(set(codes)) == 51
    for n, code in enumerate(codes[1:], 1):
        (event,) = other.read(n - 1, 1)
        assert read_seal(code).fits(event.hash) == (n <= 20)


@around
def test_a_position_that_no_code_can_have(more: int) -> None:
    head = Head(MAX_POSITION + more, bytes(32), 0)
    if more > 0:
        with pytest.raises(ValueError, match="too large"):
            seal_of(head)
    else:
        assert read_seal(seal_of(head)) == Seal(head.position, 0)
