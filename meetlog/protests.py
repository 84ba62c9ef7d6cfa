"""Protests: a race's page for a protest file, gathered and written."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from exporters.documents import race_key
from meetlog import __version__
from meetlog.asof import UpTo
from meetlog.auditing import AuditedRevision, Papers
from meetlog.exits import Refused
from meetlog.explaining import explain
from meetlog.opening import OpenMeet
from meetlog.pages import GENERATOR, Imprint, protest_page
from meetlog.testimony import about_race
from projections.clock import iso_local
from projections.views import Race
from store.seal import seal_of

_HEAD = 2000  # characters in which a page of ours says so


def print_page(
    opened: OpenMeet,
    papers: Papers,
    race: Race,
    revisions: Sequence[AuditedRevision],
    path: Path,
    *,
    progress: Callable[[int, int], None],
) -> None:
    """Write the page into `path`. Raises `Refused` where there is a file that is no such page."""
    _check(path)
    page = page_of(opened, papers, race, revisions, progress=progress)
    path.write_text(page, encoding="utf-8", newline="\n")


def page_of(
    opened: OpenMeet,
    papers: Papers,
    race: Race,
    revisions: Sequence[AuditedRevision],
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> str:
    """The page, as of the position that the meet is folded to."""
    meet, log = opened.meet, opened.log
    end = meet.position
    explanations = explain(log, meet, papers, race, progress=lambda done: progress(done, end))
    head = UpTo(log, end).head()
    zone = meet.settings.meet.zone
    imprint = Imprint(
        meet=meet.settings.meet.name,
        zone=zone,
        position=end,
        recorded_at=iso_local(meet.state.recorded_at or None, zone),
        hash=head.hash.hex(),
        seal=seal_of(head),
        version=__version__,
        printed_at=iso_local(time.time_ns(), zone, digits=0),
    )
    return protest_page(race, revisions, about_race(meet, race_key(race)), explanations, imprint)


def _check(path: Path) -> None:
    """Refuse to write over anything but an earlier page of ours."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            begin = file.read(_HEAD)
    except FileNotFoundError:
        return
    if GENERATOR not in begin:
        raise Refused(f"{path} is there already, and is no audit page. Name another file.")
