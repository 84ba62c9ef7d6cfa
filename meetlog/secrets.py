"""Secrets of operators: only a strong hash is kept, in a text that says how it was made.

`scrypt$15$8$3$SALT$HASH`: the base-2 logarithm of N, r and p of RFC 7914,
then salt and hash in base64. The log is copied and handed on with its
hashes in it, so a guess must be dear and a short secret is refused.
"""

import base64
import binascii
import hashlib
import hmac
import unicodedata

# 32 MiB and a quarter of a second for each guess, as OWASP's password storage page has it.
LOG_N, R, P = 15, 8, 3
SALT_BYTES = 16
KEY_BYTES = 32
SHORTEST = 8
LONGEST = 256
# A text that asks for more than this was not made here, and must not hold the computer up.
_MOST_LOG_N = 20
_MOST_WORK = 8 * R * P << LOG_N
_PARTS = 6


def hash_secret(secret: str, salt: bytes) -> str:
    """The text to keep for `secret`; `salt` is `SALT_BYTES` from the system's random source."""
    key = _key(secret, salt, LOG_N, R, P)
    return f"scrypt${LOG_N}${R}${P}${_text(salt)}${_text(key)}"


def matches(secret: str, kept: str) -> bool:
    """Whether `kept` was made of `secret`; False for a text that `hash_secret` did not make."""
    parts = kept.split("$")
    if len(parts) != _PARTS or parts[0] != "scrypt":
        return False
    try:
        log_n, r, p = (int(part) for part in parts[1:4])
        salt, key = (base64.b64decode(part, validate=True) for part in parts[4:])
    except (ValueError, binascii.Error):
        return False
    if not (0 < log_n <= _MOST_LOG_N and r > 0 and p > 0 and key and r * p << log_n <= _MOST_WORK):
        return False
    try:
        tried = _key(secret, salt, log_n, r, p, len(key))
    except (ValueError, OverflowError):  # numbers that scrypt does not take together
        return False
    return hmac.compare_digest(tried, key)


def weakness(secret: str) -> str:
    """Why a secret cannot be taken, in words; "" when it can."""
    if len(secret) < SHORTEST:
        return f"it is shorter than {SHORTEST} characters"
    if len(secret) > LONGEST:
        return f"it is longer than {LONGEST} characters"
    if len(set(secret)) < 3:
        return "it has hardly any different characters"
    return ""


def _key(  # noqa: PLR0917 - scrypt's own parameters, in its order
    secret: str, salt: bytes, log_n: int, r: int, p: int, length: int = KEY_BYTES
) -> bytes:
    # Keyboards differ in how they compose an accent; the secret is the same.
    data = unicodedata.normalize("NFKC", secret).encode("utf-8", "surrogatepass")
    n = 1 << log_n
    return hashlib.scrypt(
        data, salt=salt, n=n, r=r, p=p, maxmem=128 * r * (n + p + 2) + 4096, dklen=length
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
