"""What commands report beyond the views of the projections: each is the items of a `--json`."""

from typing import Any

import msgspec

from meetlog.comparison import RaceChange
from meetlog.growth import Growth
from projections.views import Alarm, Race, RelayHealth, SourceHealth


class StatusReport(msgspec.Struct, frozen=True):
    """Where the meet stands.

    `bytes` is the log's size on the disk, `growth` its pace and for how long the disk has room
    (None while the log is young, and for the past). `head` is the newest event, `head_at` when
    it was recorded, `age_ns` how long ago that was. `program` is `running since ...`, `stopped at
    ...` or `never started`, as the log says. `results` counts races by state, `published` our
    revisions, `quarantined` what could not be understood or is not known. `note` tells about the
    log's file.
    """

    meet: str
    zone: str
    log: str
    bytes: int
    head: int
    head_at: str
    head_at_ns: int | None
    age_ns: int | None
    program: str
    sources: tuple[SourceHealth, ...]
    relays: tuple[RelayHealth, ...]
    current: Race | None
    next: Race | None
    races: dict[str, int]
    published: int
    quarantined: int
    alarms: tuple[Alarm, ...]
    note: str
    growth: Growth | None = None


class ItemReport(msgspec.Struct, frozen=True):
    """One thing that a relay is to send; `number` is its place in the relay's stream.

    A crossing that no longer holds has the number 0. `location` and `tag` are
    the texts that are sent, `point` and `chip` what they stand for. `origin`
    is the event that brought it, 0 where none did alone.
    """

    number: int
    kind: str
    location: str
    tag: str
    moment: str
    moment_ns: int
    point: str
    chip: str
    origin: int


class EventReport(msgspec.Struct, frozen=True):
    """One event of the log. `size` is that of its body; `words` say what an event of a relay means.

    With `--raw`, `text` is the body where it is readable text, else `hex` is; else both are None.
    With it, `items` are those of a `relay.queued` event, None for any other.
    """

    position: int
    recorded_at: str
    recorded_at_ns: int
    source: str
    kind: str
    meta: dict[str, Any]
    size: int
    hash: str
    words: str = ""
    text: str | None = None
    hex: str | None = None
    items: tuple[ItemReport, ...] | None = None


class Bucket(msgspec.Struct, frozen=True):
    """How many pauses are at least `from_ns` and shorter than `until_ns`; None has no end."""

    from_ns: int
    until_ns: int | None
    count: int


class PausesReport(msgspec.Struct, frozen=True):
    """The pauses between neighbouring reads of a chip at a point, and the gap they suggest.

    `gap_ns` is the gap in force. `suggested_ns` lies in the widest stretch without pauses, between
    `below_ns` and `above_ns`; all three are None when no stretch stands out. `advice` is in words.
    """

    point: str
    pauses: int
    gap_ns: int
    suggested_ns: int | None
    below_ns: int | None
    above_ns: int | None
    advice: str
    buckets: tuple[Bucket, ...]


class PublishedFile(msgspec.Struct, frozen=True):
    """A result file that event `position` published: `as published`, `missing` or `changed`.

    A result file of the folder that the log knows nothing of is `not in the log`, at position 0.
    `newest` marks the newest revision of its race.
    """

    name: str
    position: int
    state: str
    newest: bool = True


class MissingRevision(msgspec.Struct, frozen=True):
    """A revision's number that was used by nothing in the log, though a later one was."""

    session: str
    event: str
    heat: int
    revision: int


class CodeCheck(msgspec.Struct, frozen=True):
    """A seal code beside the log: whether the first `position` events are those of the code.

    `state`: `holds`, `another past`, `beyond the end` (the log is shorter), or `not reached` (the
    log is damaged before).
    """

    code: str
    position: int
    state: str


class SealReport(msgspec.Struct, frozen=True):
    """The `code` of the log up to event `position`, whose hash is `head`."""

    log: str
    position: int
    recorded_at: str
    recorded_at_ns: int
    code: str
    head: str


class VerifyReport(msgspec.Struct, frozen=True):
    """What verification found: `verified` events hold, the last of them with the hash `head`.

    `first_bad` is the first position that does not hold and `problem` what is wrong there.
    `files` are the published results in the meet's folder; none when only a log was named.
    `missing` are revisions that should be in the log, `codes` the codes that were given, and
    `seal` is the code of what holds.
    """

    log: str
    ok: bool
    verified: int
    head: str
    first_bad: int | None
    problem: str
    files: tuple[PublishedFile, ...]
    seal: str = ""
    codes: tuple[CodeCheck, ...] = ()
    missing: tuple[MissingRevision, ...] = ()


class TableReport(msgspec.Struct, frozen=True):
    """A read table before and after `rebuild`."""

    table: str
    rows_before: int
    rows: int
    same: bool


class RebuildReport(msgspec.Struct, frozen=True):
    """What `rebuild` did. `shown` is the position the tables showed before, `position` the one now.

    Tables that showed the same position before and yet differ (`corrected`) were wrong.
    """

    log: str
    shown: int
    position: int
    corrected: bool
    tables: tuple[TableReport, ...]


class ReplayedFile(msgspec.Struct, frozen=True):
    """A published file, computed again from the log.

    `position` is the event that published it, `as_of` the one up to which the log was folded for
    it, `recorded` and `replayed` the SHA-256 of its bytes then and now (`""` when there is none
    now), `difference` says in words what is not the same, "" when they are identical. `races`
    says it lane by lane, from then to now, for a result file.
    """

    position: int
    as_of: int
    name: str
    recorded: str
    replayed: str
    identical: bool
    difference: str
    races: tuple[RaceChange, ...] = ()


class PendingFile(msgspec.Struct, frozen=True):
    """A result that the log gives at its end, and that was not published so.

    `state`: `unpublished` (no revision yet), `differs` (from the last revision), or `withdrawn`
    (the last revision no longer holds, and nothing replaces it yet). `name` and `position` are of
    the last revision, "" and 0 without one. `races`: from what was published to what the log gives.
    """

    session: str
    event: str
    heat: int
    state: str
    name: str
    position: int
    races: tuple[RaceChange, ...]


class ComparedFile(msgspec.Struct, frozen=True):
    """A file of a folder beside what the log gives under its name.

    `state`: `identical`, `changed`, `missing` (in the folder), `extra` (a result file that the log
    knows nothing of), `later` (published after what is compared), or `foreign` (another timing
    system's, as the log has recorded it). `position` is the event that published it, or 0.
    `difference` and `races` are as in `ReplayedFile`, from the folder's file to the log's.
    """

    name: str
    state: str
    position: int
    difference: str
    races: tuple[RaceChange, ...]


class ReplayReport(msgspec.Struct, frozen=True):
    """What `replay` found. `position` is the event up to which the log was replayed.

    `settings` is the file of other settings, "" for the recorded ones; with it, `races` are the
    races that are others at the end, from the recorded settings to those. `files` has every
    publication, `pending` what is not published so, `folder` the folder compared with ("" for
    none) and `compared` its files. `written` counts the files put into `into`. `identical` is what
    the exit code says: no file and no race differs; what is pending does not count.
    """

    log: str
    position: int
    settings: str
    into: str
    written: int
    identical: bool
    files: tuple[ReplayedFile, ...]
    races: tuple[RaceChange, ...]
    pending: tuple[PendingFile, ...]
    folder: str
    compared: tuple[ComparedFile, ...]


class PreviewReport(msgspec.Struct, frozen=True):
    """One log replayed by this version. `identical` counts the files that are as published.

    `differing` has the others, `pending` what this version would publish at the log's end.
    `problem` says why the log could not be replayed, "" when it could.
    """

    log: str
    position: int
    identical: int
    differing: tuple[ReplayedFile, ...]
    pending: tuple[PendingFile, ...]
    problem: str


class Side(msgspec.Struct, frozen=True):
    """One side of a comparison: a log as of event `position`, and when that was recorded."""

    log: str
    position: int
    recorded_at: str
    recorded_at_ns: int | None


class DiffReport(msgspec.Struct, frozen=True):
    """What differs between two sides in `races`: none when nothing does."""

    before: Side
    after: Side
    races: tuple[RaceChange, ...]
