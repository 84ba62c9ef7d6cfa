"""The fuzzer: `python -m tests.fuzz` runs each target in a process of its own, with atheris.

Inputs that lead to new places gather in a work folder, beside the kept corpus; `--merge` chooses
from them what is kept. Of an input that breaks a promise it tells the one command to repeat it.
"""

import argparse
import sys
from pathlib import Path

from tests.fuzz.keeping import ROOT

WORK = ROOT / ".fuzz"


def main() -> int:
    """See `--help`; the exit code is 0 when every promise held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", action="append", default=[], help="only this one; may repeat")
    parser.add_argument("--seconds", type=int, default=0, help="how long each target is tried")
    parser.add_argument("--runs", type=int, default=0, help="how many inputs each target gets")
    parser.add_argument("--seed", type=int, default=1, help="the same one makes the same inputs")
    parser.add_argument("--work", type=Path, default=WORK, help="where new inputs gather")
    parser.add_argument("--merge", action="store_true", help="keep what leads to new places")
    parser.add_argument("--repeat", type=Path, help="only this input, without the fuzzer")
    options = parser.parse_args()
    if options.merge or options.repeat:
        from tests.fuzz.targets import TARGETS

        names = options.target or list(TARGETS)
        if options.repeat:
            TARGETS[names[0]].check(options.repeat.read_bytes())
            print(f"{names[0]}: the promise holds")
            return 0
        from tests.fuzz.keeping import merge

        for name in names:
            work = options.work / name
            added, dropped = merge(name, TARGETS[name], sorted(work.glob("*")))
            print(f"{name}: {added} added, {dropped} dropped")
        return 0
    if sys.platform != "linux":
        parser.error("the fuzzer runs on Linux; --repeat and --merge run everywhere")
    from tests.fuzz.running import run

    return run(
        options.target, work=options.work, seed=options.seed, seconds=options.seconds,
        runs=options.runs,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
