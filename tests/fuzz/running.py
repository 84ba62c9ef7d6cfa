"""Running targets under atheris: one process each, forked from one with our code instrumented."""

import os
import re
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import atheris

from tests.fuzz.keeping import KEPT, ROOMS

with atheris.instrument_imports(include=list(ROOMS)):
    from tests.fuzz.targets import TARGETS
from tests.fuzz.target import Target

_SECONDS = 60  # where nothing is said
_SLOWEST = 20  # seconds that one input may take
_MEGABYTES = 2048
_PROGRESS = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+)")


def run(names: Sequence[str], *, work: Path, seed: int, seconds: int, runs: int) -> int:
    """Try targets, all when none is named; 1 when a promise broke or a target was not tried."""
    unknown = set(names) - TARGETS.keys()
    if unknown:
        print(f"There is no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}.")
        return 2
    limits = [f"-runs={runs}"] if runs else []
    if seconds or not runs:
        limits.append(f"-max_total_time={seconds or _SECONDS}")
    failed = False
    for name in names or TARGETS:
        failed |= not _try(name, TARGETS[name], [*limits, f"-seed={seed}"], work)
    return int(failed)


def _try(name: str, target: Target, options: list[str], work: Path) -> bool:
    found, crashes = work / name, work / "broken"
    for folder in (found, crashes, KEPT / name):
        folder.mkdir(parents=True, exist_ok=True)
    words = work / f"{name}.dict"
    words.write_text("".join(map(_quoted, target.words or ("null",))), encoding="ascii")
    said = work / f"{name}.log"
    before = set(crashes.iterdir())
    begun = time.monotonic()
    arguments = [
        name, *options, f"-artifact_prefix={crashes}/{name}-", f"-max_len={target.longest}",
        f"-dict={words}", f"-timeout={_SLOWEST}", f"-rss_limit_mb={_MEGABYTES}",
        "-print_final_stats=1", str(found), str(KEPT / name),
    ]  # fmt: skip
    code = _fork(arguments, target, said)
    text = said.read_text(encoding="utf-8", errors="replace")
    progress = _PROGRESS.findall(text)
    executions, coverage, features = map(int, progress[-1] if progress else (0, 0, 0))
    print(
        f"{name}: {executions} executions, coverage {coverage}, features {features}, "
        f"{time.monotonic() - begun:.1f} s",
        flush=True,
    )
    if code == 0 and executions:
        return True
    print(text[-4000:])
    for path in sorted(set(crashes.iterdir()) - before):
        print(f"Repeat it: {sys.executable} -m tests.fuzz --target {name} --repeat {path}")
    return False


def _fork(arguments: list[str], target: Target, said: Path) -> int:
    """Fuzz in a child, which libFuzzer ends; its exit code."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    atheris.Setup(arguments, target.check)
    atheris.Fuzz()
    os._exit(3)  # libFuzzer has ended the process by now


def _quoted(word: str) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"\n'
