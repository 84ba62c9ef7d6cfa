"""Starting again on the log of a large meet, as somebody who waits for it sees it.

    python -m bench --only restart

A log of five million reads of 20,000 people with its read tables and saved
state, as a run leaves it. *Restart* is from the start of `meetlog run`, a
process of its own, until it says that it listens. *Results* is the whole of
`meetlog results --json`, the interpreter's own start included.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.race import arrivals, ctp01_lines, settings_text, write_log
from meetlog.rebuild import rebuild
from store.sqlite import SqliteLog

READS = 5_000_000
PARTICIPANTS = 20_000
PER_EVENT = 100
REPETITIONS = 5
RESTART_SECONDS = 2.0
RESULTS_SECONDS = 1.0
MEETLOG = (sys.executable, "-m", "meetlog")
# As it is installed: its modules are compiled once, not at each start.
AS_INSTALLED = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def measure(
    reads: int = READS, repetitions: int = REPETITIONS, *, participants: int = PARTICIPANTS
) -> list[Figure]:
    """Make the log, start on it again and again, and tell the medians."""
    with tempfile.TemporaryDirectory(prefix="meetlog-bench-") as name:
        folder, port = Path(name), free_port()
        (folder / "meet.toml").write_bytes(settings_text(port, protocol="ctp01"))
        race = arrivals(reads, participants=participants, write=ctp01_lines())
        path = folder / "meet.db"
        held = write_log(
            path, race, PER_EVENT, participants=participants, protocol="ctp01", port=port
        )
        log = SqliteLog(path)
        rebuild(log)
        log.close()
        time_restart(folder)  # publishes what the race left to be published
        restarts = [time_restart(folder) for _ in range(repetitions)]
        results = [time_results(folder) for _ in range(repetitions)]
    note = f"{held:,} reads, {repetitions} times"
    return [
        Figure("restart", "run, until it listens", median(restarts), "s", RESTART_SECONDS, "less",
               note),
        Figure("restart", "results --json", median(results), "s", RESULTS_SECONDS, "less", note),
    ]  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as trying:
        port: int = trying.getsockname()[1]
        return port


def time_restart(folder: Path) -> float:
    """Seconds until `meetlog run` listens; it is then stopped in good order."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [*MEETLOG, "run", "--plain"],
        cwd=folder, env=AS_INSTALLED, stdout=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        for line in program.stdout:
            if "listens on" in line:
                break
        lasted = time.perf_counter() - begun
        program.send_signal(signal.SIGINT if os.name != "nt" else signal.SIGTERM)
        program.stdout.read()
    assert program.returncode == 0, program.returncode
    return lasted


def time_results(folder: Path) -> float:
    """Seconds that `meetlog results --json` takes."""
    begun = time.perf_counter()
    subprocess.run(
        [*MEETLOG, "results", "--meet", folder, "--json"],
        env=AS_INSTALLED, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - begun
