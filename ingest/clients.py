"""Clients: connections that we make and keep making, as a source's or a relay's.

A meet lasts a day and a timing computer is restarted in the middle of it, so
a client never gives up. TsV1 and TsV2 cannot resume (PROTOCOLS 2): for a
source the time between a `socket.closed` and the next `socket.opened` is a gap, and the
shorter it is, the better. An attempt that fails adds nothing to that and is
not recorded; the operator sees the condition instead.
"""

import anyio

from ingest.connections import Talk, attend, listen, spell_failure
from ingest.desk import Desk, seconds
from ingest.endpoints import Endpoint, is_relay
from ingest.streams import Stream
from wire.stamps import NS

CONNECT_TIME = 10 * NS  # a machine that is off answers nothing; TCP itself would wait for minutes
FIRST_PAUSE = NS // 2  # the upper bound of the first pause; it doubles with each failure
LONGEST_PAUSE = 30 * NS  # and ends here: nobody wants to wait longer for a repaired cable
SHORTEST_PAUSE = NS // 10  # a peer that hangs up at once is not asked again without a breath
HEALTHY = 10 * NS  # a connection that lasted so long ends the doubling

CONDITION = "connection"


async def run_client(source: Endpoint, desk: Desk, talk: Talk = listen) -> None:
    """Connect, `talk`, connect again: until cancelled.

    Pauses between attempts follow exponential backoff with full jitter:
    the desk's `chance` (0 to 1) of a bound that doubles from `FIRST_PAUSE` to `LONGEST_PAUSE`.
    """
    failures = 0
    while True:
        began = anyio.current_time()
        connected, why = await _attempt(source, desk, talk)
        lasted = anyio.current_time() - began
        failures = 0 if connected and lasted >= seconds(HEALTHY) else failures + 1
        _report(source, desk, connected, why)
        await anyio.sleep(pause(failures, desk.chance()))


def pause(failures: int, chance: float) -> float:
    """Seconds to wait after this many failures in a row (0 after a healthy connection)."""
    # Beyond 2**16 the bound has long been reached, and a day of failures stays cheap to compute.
    bound = min(seconds(LONGEST_PAUSE), seconds(FIRST_PAUSE) * (1 << min(max(failures - 1, 0), 16)))
    return max(seconds(SHORTEST_PAUSE), chance * bound)


async def _attempt(source: Endpoint, desk: Desk, talk: Talk) -> tuple[bool, str]:
    """Whether there was a connection, and why there is none now."""
    stream: Stream | None = None
    try:
        with anyio.move_on_after(seconds(CONNECT_TIME)):
            stream = await desk.network.connect(source.host, source.port)
    except OSError as e:
        return False, spell_failure(e)
    if stream is None:
        return False, "no answer"
    desk.settle(source.name, CONDITION)
    return True, await attend(stream, source, desk, talk)


def _report(source: Endpoint, desk: Desk, connected: bool, why: str) -> None:
    where = f"{source.host} port {source.port}"
    if connected:
        text = f"{source.name}: the connection to {where} is lost: {why}"
        hint = "Trying again by itself. Reads sent meanwhile may be missing."
        if is_relay(source):
            hint = (
                "Trying again by itself. Nothing is lost: it gets what it misses when it is back."
            )
    else:
        text = f"{source.name}: cannot connect to {where}: {why}"
        hint = (
            "Trying again by itself. Check that the timing program runs and sends to"
            f" port {source.port}, the cable, and host and port in meet.toml."
        )
        if is_relay(source):
            hint = (
                "Trying again by itself; what it misses is kept for it. Check that the scoring"
                f" program runs and listens on port {source.port}, its firewall, the cable, and"
                " host and port in meet.toml."
            )
    desk.report(source.name, "alarm", CONDITION, text, hint)
