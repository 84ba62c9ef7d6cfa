"""Secrets: only their hash is kept, and only the right one matches it."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetlog import secrets
from meetlog.secrets import hash_secret, matches, weakness

SALT = bytes(range(16))
DEAR = secrets.LOG_N


@pytest.fixture(autouse=True, scope="module")
def cheap() -> Iterator[None]:
    """A hash that takes no time; how dear it is has a test of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "LOG_N", 4)
        yield


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_only_the_secret_itself_matches(secret: str, other: str) -> None:
    kept = hash_secret(secret, SALT)
    assert matches(secret, kept)
    assert matches(other, kept) == (hash_secret(other, SALT) == kept)


def test_the_same_secret_typed_on_another_keyboard_matches() -> None:
    assert matches("Zoe\u0308 schwimmt", hash_secret("Zo\u00eb schwimmt", SALT))


def test_the_salt_makes_two_hashes_of_one_secret() -> None:
    assert hash_secret("four random words", SALT) != hash_secret("four random words", SALT[::-1])


@pytest.mark.parametrize(
    "kept",
    ["", "plain", "scrypt$4$8$1$AAAA", "scrypt$99$8$1$AAAA$AAAA", "scrypt$x$8$1$AAAA$AAAA",
     "scrypt$4$8$1$!$AAAA", "scrypt$4$8$1$AAAA$", "bcrypt$4$8$1$AAAA$AAAA",
     "scrypt$16$1$1$AAAA$AAAA", "scrypt$20$1$1$AAAA$AAAA", "scrypt$1$1073741824$1$AAAA$AAAA"],
)  # fmt: skip
def test_what_is_no_hash_matches_nothing(kept: str) -> None:
    assert not matches("four random words", kept)


@pytest.mark.parametrize(
    "cost", ["20$8$1", "20$16$16", "15$8$49", f"1${10**400}$1", f"{10**400}$8$1"]
)
def test_a_hash_that_would_hold_the_computer_up_is_not_tried(
    cost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_key", None)
    assert not matches("four random words", f"scrypt${cost}$AAAA$AAAA")


def test_a_hash_is_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "LOG_N", DEAR)
    kept = hash_secret("four random words", SALT)
    assert kept.startswith("scrypt$15$8$3$")
    assert matches("four random words", kept)


@pytest.mark.parametrize(
    ("secret", "weak"),
    [("1234", True), ("aaaaaaaaaaaa", True), ("x" * 300, True), ("four random words", False)],
)
def test_a_weak_secret_is_refused(secret: str, *, weak: bool) -> None:
    assert bool(weakness(secret)) == weak
