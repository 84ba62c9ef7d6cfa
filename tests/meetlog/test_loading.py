"""What a command loads: whoever waits for it waits for that, too."""

import subprocess
import sys

import pytest

from tests.meetlog.calls import ROOT
from tests.meetlog.meets import RecordedMeet

SCRIPT = """
import sys
from contextlib import suppress
from meetlog.cli import main
sys.argv[0] = "meetlog"
with suppress(SystemExit):
    main()
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*args: object) -> set[str]:
    """The packages that a command has loaded by its end."""
    command = [sys.executable, "-c", SCRIPT, *map(str, args)]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert ended.stdout.startswith("{")
    return set(ended.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("command", ["results", "crossings", "revisions"])
def test_an_answer_in_json_takes_neither_sqlalchemy_nor_rich(
    ended: RecordedMeet, command: str
) -> None:
    found = loaded(command, "--json", "-m", ended.folder)
    assert "msgspec" in found
    assert not found & {"sqlalchemy", "alembic", "rich", "uvicorn", "starlette", "watchfiles"}


def test_a_run_loads_nothing_of_what_serves_pages() -> None:
    script = "import sys, meetlog.run; print(*sys.modules)"
    told = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True)
    assert not {"uvicorn", "starlette", "jinja2", "alembic"} & set(told.split())
