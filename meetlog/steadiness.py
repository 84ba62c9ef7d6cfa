"""Keeping the interpreter from making reads wait: its turns between threads, and its collector.

Measured with `python -m bench --only latency`: by default, a collection of
everything stops all threads for 40 to 100 ms several times in a busy second.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

# The writer thread must not wait five milliseconds for the interpreter while
# the projector folds: that is Python's default turn, and most of an append.
SWITCH_SECONDS = 0.0005
# Nearly all garbage goes by counting references. What is left, the collector
# finds among the young; among all that a meet consists of it looks rarely.
THRESHOLDS = (5_000, 5, 2_000)
AT_ONCE = ("projections.stretches", "projections.bulkcrossings")


@contextmanager
def steady() -> Iterator[None]:
    """Short turns and rare collections, for the whole process, until the block ends.

    What exists at the beginning is not looked through again: modules, tables,
    and the meet as loaded stay to the end anyway. What takes reads in when many
    come at once is loaded now, and not when they come.
    """
    for name in AT_ONCE:
        import_module(name)
    turn, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(turn)
