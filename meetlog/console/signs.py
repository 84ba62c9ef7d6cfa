"""Signs of life: what a `run` tells the console beside it, a JSON line at a time.

The console reads everything else from the log. What is only in the memory of
the `run` (that it is at work, which conditions hold, how far it has folded)
comes as these lines on the console's standard input.
"""

import threading

import msgspec

from ingest.notices import Notice
from projections.views import Alarm
from wire.stamps import NS

# A `run` gives a sign twice a second; so much longer means that it hangs or is gone.
STALE = 5 * NS
MOST_LINE = 1 << 20


class Sign(msgspec.Struct, frozen=True):
    """One sign: when it was given (ns UTC), how far the `run` has folded, and what it knows.

    `alarms` are those of its publisher, `notices` the conditions that hold now.
    """

    at: int
    projected: int
    notices: tuple[Notice, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class Signs:
    """The newest sign. Read and written from different threads."""

    def __init__(self) -> None:
        self._newest: Sign | None = None
        self._lock = threading.Lock()

    def give(self, line: bytes) -> None:
        """Take a line over. Raises `msgspec.DecodeError` for what is none."""
        sign = msgspec.json.decode(line, type=Sign)
        with self._lock:
            self._newest = sign

    def newest(self) -> Sign | None:
        """The newest sign; None before the first, and for a console that stands alone."""
        with self._lock:
            return self._newest


def encode(sign: Sign) -> bytes:
    """The sign as a line of at most `MOST_LINE` bytes; of too much, only the newest."""
    line = msgspec.json.encode(sign) + b"\n"
    while len(line) > MOST_LINE:
        sign = msgspec.structs.replace(
            sign,
            notices=sign.notices[(len(sign.notices) + 1) // 2 :],
            alarms=sign.alarms[(len(sign.alarms) + 1) // 2 :],
        )
        line = msgspec.json.encode(sign) + b"\n"
    return line
