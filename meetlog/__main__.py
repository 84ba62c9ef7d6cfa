"""The program's door, as the console script and as `python -m meetlog`."""

import signal
import sys
from types import FrameType

# Ctrl-C is Python's own affair. SIGBREAK is Ctrl-Break on Windows.
_NUMBERS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGBREAK") if hasattr(signal, name))
_INTERRUPTED = 130  # meetlog.exits has it, but loading that takes a while


def main() -> None:
    """Run the command line; being asked to stop has an answer from the first moment.

    Loading the program takes a second, and in it a signal would end the
    process without a word. `run` has recorded nothing by then, so its stop is
    a clean one, and when it begins it takes the signals over
    (`meetlog.stopping`). Any other command stops as by Ctrl-C, its temporary
    files removed.
    """
    code = 0 if sys.argv[1:2] == ["run"] else _INTERRUPTED

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in _NUMBERS:
            signal.signal(each, signal.SIG_DFL)  # who asks again does not want to wait
        sys.stderr.write(f"meetlog: stopped by {signal.Signals(number).name}\n")
        sys.stderr.flush()
        sys.exit(code)

    for each in _NUMBERS:
        signal.signal(each, stop)
    from meetlog.cli import main as begin

    begin()


if __name__ == "__main__":
    main()
