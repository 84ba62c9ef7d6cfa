"""Being asked to stop: Ctrl-C and SIGTERM, on Windows Ctrl-C, Ctrl-Break and a closing console."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import anyio

# SIGBREAK is Ctrl-Break on Windows, and what a service manager there sends.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)


@contextmanager
def asked_to_stop() -> Iterator[anyio.Event]:
    """An event that is set when the program is asked to stop; a second time ends it at once.

    `signal.signal` and not the loop's own handlers, which Windows does not have.
    """
    asked = anyio.Event()
    loop = asyncio.get_running_loop()

    def ask(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        loop.call_soon_threadsafe(asked.set)

    before = {each: signal.signal(each, ask) for each in _SIGNALS}
    try:
        yield asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
