"""Every command and option says what it does, in its help and in docs/commands.md."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import typer
from typer.main import get_command

from meetlog import comparison, reports
from meetlog.capsule.format import Manifest
from meetlog.capsule.making import CapsuleReport, OpenedCapsule
from meetlog.cli import make_app
from meetlog.doctor.findings import Finding
from meetlog.exits import MEANINGS
from meetlog.growth import Growth
from meetlog.play.telling import PlayReport
from meetlog.safekeeping import CopyReport
from projections import views
from tests.meetlog.calls import ROOT, call

PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
# A group of commands may have a page of its own.
PAGES = "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "docs").glob("*.md")))


def commands() -> Iterator[tuple[str, Any]]:
    """All commands with their names, those of groups as `simulate tsv1`."""
    group: Any = get_command(make_app())
    with typer.Context(group) as ctx:
        for name in group.list_commands(ctx):
            yield from _within(name, group.get_command(ctx, name))


def _within(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield name, command
    for inner, each in getattr(command, "commands", {}).items():
        yield from _within(f"{name} {inner}", each)


COMMANDS = dict(commands())


def section(name: str) -> str:
    """The part of the page about a command."""
    found = re.search(
        rf"^### `meetlog {name}(?: [A-Z-][^`]*)?`\n(.*?)(?=^#{{1,3}} |\Z)", PAGES, re.M | re.S
    )
    assert found, f"no page in docs/ has a section ### `meetlog {name}`"
    return found[1]


def test_the_commands_are_those_of_the_day() -> None:
    assert {
        "init", "run", "status", "sources", "relays", "events", "crossings", "results", "revisions",
        "quarantine", "rebuild", "verify", "replay", "diff", "upgrade-preview",
    } <= set(COMMANDS)  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").strip(), f"meetlog {name} has no help"
    # What the commands of a group share is told once, with the group.
    about = section(name) + (section(name.partition(" ")[0]) if " " in name else "")
    if "(#options-of-every-statement)" in about:
        about += PAGES.partition("\n## Options of every statement\n")[2].partition("\n### ")[0]
    for param in command.params:
        assert (param.help or "").strip(), f"meetlog {name} {param.name} has no help"
        for option in param.opts:
            if option.startswith("-") and not hasattr(command, "commands"):
                assert f"`{option}" in about, f"{option} is missing in ### meetlog {name}"


@pytest.mark.parametrize("name", [n for n, c in COMMANDS.items() if " " not in n])
def test_the_page_names_no_option_that_is_not_there(name: str) -> None:
    of_group = [c for n, c in COMMANDS.items() if n.startswith(f"{name} ")]
    known = {o for c in (COMMANDS[name], *of_group) for p in c.params for o in p.opts}
    for row in re.findall(r"^\| (`-[^|]*)\|", section(name), re.M):
        assert set(re.findall(r"`(--?[a-z-]+)", row)) <= known


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("status", reports.StatusReport),
        ("status", Growth),
        ("doctor", Finding),
        ("sources", views.SourceHealth),
        ("sources", views.GapSpan),
        ("relays", views.RelayHealth),
        ("relays", views.RelayReceipt),
        ("relays", views.Withdrawal),
        ("events", reports.EventReport),
        ("events", reports.ItemReport),
        ("crossings", views.Crossing),
        ("crossings", reports.PausesReport),
        ("results", views.Race),
        ("results", views.Lane),
        ("results", views.Split),
        ("revisions", views.Revision),
        ("quarantine", views.QuarantineEntry),
        ("rebuild", reports.RebuildReport),
        ("rebuild", reports.TableReport),
        ("verify", reports.VerifyReport),
        ("verify", reports.PublishedFile),
        ("verify", reports.MissingRevision),
        ("verify", reports.CodeCheck),
        ("seal", reports.SealReport),
        ("backup", CopyReport),
        ("restore", CopyReport),
        ("capsule make", CapsuleReport),
        ("capsule make", Manifest),
        ("capsule open", OpenedCapsule),
        ("replay", reports.ReplayReport),
        ("replay", reports.ReplayedFile),
        ("replay", reports.PendingFile),
        ("replay", reports.ComparedFile),
        ("replay", PlayReport),
        ("diff", reports.DiffReport),
        ("diff", reports.Side),
        ("diff", comparison.RaceChange),
        ("diff", comparison.LaneChange),
        ("diff", comparison.FieldChange),
        ("upgrade-preview", reports.PreviewReport),
    ],
)
def test_every_field_of_the_json_is_documented(name: str, kind: type[msgspec.Struct]) -> None:
    about = section(name)
    missing = [field for field in kind.__struct_fields__ if f"`{field}`" not in about]
    assert missing == []


def test_the_exit_codes_are_documented() -> None:
    told = call("--help").stdout
    for code, meaning in MEANINGS.items():
        assert f"| {code.value} | {meaning} |" in PAGE
        assert re.search(rf"^ +{code.value}  {re.escape(meaning)}$", told, re.M)
