"""One log is recorded into by one program, by whatever path; all others work beside it."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.kit.nursery import Nursery
from tests.kit.ports import free_port
from tests.kit.programs import programs_on
from tests.meetlog.calls import call

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="links and forks are of POSIX"),
]
TOML = """
[log]
path = "{log}"
[console]
enabled = false
[[source]]
name = "mat"
protocol = "tsv2"
role = "server"
port = {port}
"""


def make(folder: Path, log: str) -> Path:
    """A meet's folder, with a port of its own."""
    folder.mkdir()
    (folder / "meet.toml").write_text(TOML.format(log=log, port=free_port()))
    return folder


@pytest.mark.parametrize("other", ["same", "spelled", "symlink", "linked-folder"])
async def test_a_second_run_is_refused_by_whatever_path(
    tmp_path: Path, nursery: Nursery, other: str
) -> None:
    first = make(tmp_path / "first", "meet.db")
    (tmp_path / "door").symlink_to(first)
    (tmp_path / "link.db").symlink_to(first / "meet.db")
    paths = {
        "same": str(first / "meet.db"),
        "spelled": "../first/../first/meet.db",
        "symlink": "../link.db",
        "linked-folder": str(tmp_path / "door" / "meet.db"),
    }
    second = make(tmp_path / "second", paths[other])
    async with programs_on(tmp_path, nursery.start) as programs:
        run = ("-m", "meetlog", "run", "--plain", "-m")
        running = await programs.start(*run, str(first))
        await running.until_up()
        refused = await programs.start(*run, str(second))
        assert await refused.gone() == 8, refused.text
        assert "A `meetlog run` is recording into" in refused.text
        assert f"(process {running.process.pid}, since " in refused.text
        assert re.search(r"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\)", refused.text)
        assert "Stop that one first" in refused.text
        # Whoever only reads, or says something, is not kept from it.
        for command in (("status", "-m"), ("verify",), ("assign-chip", "1", "2", "-m")):
            assert call(*command, second).exit_code == 0, command


async def test_a_log_of_two_names_is_refused_while_it_has_them(
    tmp_path: Path, nursery: Nursery
) -> None:
    first = make(tmp_path / "first", "meet.db")
    async with programs_on(tmp_path, nursery.start) as programs:
        run = ("-m", "meetlog", "run", "--plain", "-m")
        running = await programs.start(*run, str(first))
        await running.until_up()
        os.link(first / "meet.db", tmp_path / "meet.db")
        second = make(tmp_path / "second", "../meet.db")
        refused = await programs.start(*run, str(second))
        assert await refused.gone() == 8, refused.text
        assert "has another name too (a hard link)" in refused.text
        assert "meetlog backup" in refused.text
        (tmp_path / "meet.db").unlink()
        # The lock goes with its holder, however that ends.
        await running.kill()
        await (await programs.start(*run, str(first))).until_up()
