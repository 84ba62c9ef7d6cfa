"""Sessions: who has signed in, by a random token of which only a hash is kept; and who tries.

They live in memory: whoever starts `run` anew signs in anew. A session ends
by itself after a while without use, after a day at a meet, when its operator
gets another role or secret, and when its token comes from another address.
"""

import secrets
import threading
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

import msgspec

from meetlog.authors import Author
from projections.operators import Operator
from wire.stamps import HOUR, MINUTE, NS
from wire.statements import Proof, Role

UNUSED = 4 * HOUR  # a session that nobody used for so long is over
LONGEST = 14 * HOUR  # a day at a meet
MOST = 200  # sessions at once; the longest unused gives way
TRIES = 8  # to sign in, from one address...
TRIES_SPAN = MINUTE  # ...within this time
TRIES_AT_ONCE = 3  # each costs 32 MiB and a quarter of a second
MOST_ADDRESSES = 1000  # whose tries are remembered; the first of them gives way


class Session(msgspec.Struct, frozen=True):
    """Somebody who has signed in: name, how they were proven, and from where.

    `login` is that of the computer, "" for who came over the network. `position` is the statement
    that registered them, 0 while nobody was registered. `csrf` is what their forms must bring
    back. Moments are ns of a clock that only runs forward.
    """

    name: str
    proof: Proof
    login: str
    role: Role
    address: str
    position: int
    csrf: str
    begun: int
    used: int


class Sessions:
    """All sessions. Safe to use from several threads."""

    def __init__(self) -> None:
        self._by_token: dict[bytes, Session] = {}
        self._lock = threading.Lock()

    def begin(self, author: Author, address: str, operator: Operator | None, now: int) -> str:
        """Begin a session; its token, for a cookie. Without an operator nobody is registered."""
        token = secrets.token_urlsafe(32)
        session = Session(
            name=author.name,
            proof=author.proof,
            login=author.login,
            role=operator.role if operator else "referee",
            address=address,
            position=operator.position if operator else 0,
            csrf=secrets.token_urlsafe(32),
            begun=now,
            used=now,
        )
        with self._lock:
            if len(self._by_token) >= MOST:
                oldest = min(self._by_token, key=lambda kept: self._by_token[kept].used)
                del self._by_token[oldest]
            self._by_token[_kept(token)] = session
        return token

    def find(
        self, token: str, address: str, operators: Mapping[str, Operator], now: int
    ) -> Session | None:
        """The session of a token from an address, as long as it holds; None for all others."""
        key = _kept(token)
        with self._lock:
            session = self._by_token.get(key)
            if session is None:
                return None
            over = now - session.used > UNUSED or now - session.begun > LONGEST
            if over or not _still(session, operators):
                del self._by_token[key]
                return None
            if session.address != address:
                return None  # a token that was carried elsewhere; its owner keeps the session
            session = msgspec.structs.replace(session, used=now)
            self._by_token[key] = session
            return session

    def end(self, token: str) -> None:
        """End the session of a token, if there is one."""
        with self._lock:
            self._by_token.pop(_kept(token), None)


def is_own(session: Session, brought: str) -> bool:
    """Whether a form brought back what the session's forms have."""
    return compare_digest(session.csrf.encode(), brought.encode("utf-8", "replace"))


class Tries:
    """How often each address tried to sign in lately. Used by one thread."""

    def __init__(self) -> None:
        self._moments: dict[str, list[int]] = {}

    def wait(self, address: str, now: int) -> int:
        """Note a try; how long (ns) to wait before the next, 0 when this one may go on."""
        recent = [at for at in self._moments.pop(address, ()) if now - at < TRIES_SPAN]
        if len(recent) >= TRIES:
            self._moments[address] = recent
            return recent[0] + TRIES_SPAN - now
        self._moments[address] = [*recent, now]
        if len(self._moments) > MOST_ADDRESSES:
            del self._moments[next(iter(self._moments))]
        return 0


def seconds(wait: int) -> int:
    """Whole seconds of a wait, rounded up."""
    return -(-wait // NS)


def _kept(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()


def _still(session: Session, operators: Mapping[str, Operator]) -> bool:
    """Whether the operator is registered as when the session began; or still nobody is."""
    known = operators.get(session.name)
    if known is None:
        return not operators and not session.position
    return known.position == session.position
