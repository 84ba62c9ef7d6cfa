"""What `meetlog doctor --json` answers."""

from pathlib import Path

import msgspec

from meetlog.doctor.findings import Finding
from meetlog.output import Envelope
from tests.meetlog.calls import call


def ask_doctor(*args: str | Path) -> tuple[int, int, list[Finding]]:
    """The exit code, the position and the findings."""
    result = call("doctor", *args, "--json")
    envelope = msgspec.json.decode(result.stdout, type=Envelope[Finding])
    assert envelope.command == "doctor"
    return result.exit_code, envelope.position, list(envelope.items)
