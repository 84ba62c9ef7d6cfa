"""What the commands about statements report; each is the items of a `--json`."""

import msgspec

from meetlog.comparison import RaceChange
from meetlog.stating import PlannedRevision


class StatementReport(msgspec.Struct, frozen=True):
    """A statement that was made, or with `--dry-run` one that was not.

    `position` is where it stands, by which it can be withdrawn; None when it was
    not made. `words` say what it says, `races` what changes lane by lane,
    `revisions` what is to be published, `notes` what else to know.
    """

    made: bool
    position: int | None
    verb: str
    words: str
    author: str
    proof: str
    login: str
    channel: str
    reason: str
    at: str
    at_ns: int
    seen: int
    races: tuple[RaceChange, ...]
    revisions: tuple[PlannedRevision, ...]
    notes: tuple[str, ...]


class HistoryEntry(msgspec.Struct, frozen=True):
    """A statement of the past, or a try that was refused for its secret (`refused` as its verb).

    `race` is `SESSION/EVENT/HEAT`, "" for what is about no race. `at` is when it was said by the
    computer's clock, in the meet's zone. `withdrawn_by` is the withdrawal in force, None where it
    counts.
    """

    position: int
    at: str
    at_ns: int
    author: str
    proof: str
    login: str
    channel: str
    verb: str
    race: str
    words: str
    reason: str
    seen: int
    withdrawn_by: int | None


class OperatorReport(msgspec.Struct, frozen=True):
    """Somebody registered: how they prove who they are (`secret` or `login`), and since when."""

    name: str
    role: str
    proof: str
    position: int
