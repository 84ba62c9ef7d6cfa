"""The fuzzer itself, for a bounded number of inputs: the same ones on every machine."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.keeping import ROOT
from tests.fuzz.targets import TARGETS

RUNS = 250  # of each target, the kept inputs included: half a minute of one core altogether
_TOLD = re.compile(r"(?m)^([a-z0-9-]+): (\d+) executions")


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or sys.version_info >= (3, 14),
    reason="atheris has wheels for Linux on x86-64 and Python up to 3.13",
)
@pytest.mark.timeout(300)
def test_no_promise_breaks_for_the_first_inputs_of_a_seed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", f"--runs={RUNS}", "--seed=1"]
    done = subprocess.run(
        [*command, f"--work={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    executions = {name: int(count) for name, count in _TOLD.findall(done.stdout)}
    assert executions.keys() == TARGETS.keys()
    assert min(executions.values()) >= RUNS, executions
