"""Audit: the revisions of each race's documents, and what each changed against the one before.

It is pure: the events that were published or brought, and the programs of the
meet, in; revisions with their changes out. What a revision says is read from
its own bytes in the log, never from what the log would give today.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from meetlog.readback import parsed, status_of
from projections.clock import iso_local
from projections.facts import Published
from projections.meet import Meet
from projections.rounding import format_cs
from projections.startlist import StartList
from store.event import FILE_CHANGED, RESULT_PUBLISHED, Event, meta_of
from store.forms import misfit
from store.log import Log
from wire import chips
from wire.errors import WireError
from wire.timedrops import (
    PROGRAM_FILE,
    Program,
    RaceKey,
    ResultFile,
    ResultLane,
    parse_program,
)

NO_TIME = "no time"
_PAGE = 100  # events with whole documents, read from the log at once


class Change(msgspec.Struct, frozen=True):
    """One thing that a revision says otherwise than the one before.

    `lane` is None for what is said of the whole race. `field`: `time`, `status`, `split 25`,
    `pad`, `watch 1`, `swimmer`, `lane`, `start`, `race number`. `old` and `new` are words, ""
    where nothing was said; `old_cs` and `new_cs` the hundredths where the field is a time.
    """

    lane: int | None
    name: str
    field: str
    old: str
    new: str
    old_cs: int | None = None
    new_cs: int | None = None


class AuditedRevision(msgspec.Struct, frozen=True):
    """A revision of a race's result file, and what it changed.

    `position` is the event that published it or brought it, `as_of` the one up to which the log
    was read to decide it (None for a console's: it decides elsewhere), `before` the position of
    the revision that `changes` compares with, None for the first. `problem` says why its bytes
    could not be read, "" when they could.
    """

    session: str
    event: str
    heat: int
    race_number: int
    revision: int
    origin: str
    recorded_at: str
    recorded_at_ns: int
    author: str
    cause: str
    reason: str
    name: str
    sha256: str
    position: int
    as_of: int | None
    before: int | None
    changes: tuple[Change, ...]
    problem: str = ""


class Papers(msgspec.Struct, frozen=True):
    """What an audit reads besides the folds: published documents by event, and all programs and
    chip tables with the events that brought them."""

    documents: Mapping[int, bytes]
    programs: Sequence[tuple[int, Program]]
    tables: Sequence[tuple[int, Mapping[str, str]]]


class _Told(msgspec.Struct, frozen=True):
    """A revision before it is compared: its entry, when it was decided, what it says, of whom."""

    entry: AuditedRevision
    decided: int
    file: ResultFile | None
    names: Mapping[int, str] = {}


def gather(log: Log, meet: Meet) -> Papers:
    """The documents, programs and chip tables in the log, as far as `meet` is folded."""
    documents: dict[int, bytes] = {}
    programs: list[tuple[int, Program]] = []
    tables: list[tuple[int, Mapping[str, str]]] = []
    for event in _events(log, meet.position):
        if event.kind == RESULT_PUBLISHED:
            documents[event.position] = event.body
            continue
        name = str(meta_of(event)["path"]).casefold()
        try:
            if name == PROGRAM_FILE:
                programs.append((event.position, parse_program(event.body)))
            elif name == meet.settings.folder.chips.casefold():
                tables.append((event.position, chips.parse(name, event.body).chips))
        except WireError:
            continue  # it is quarantined where it is folded, and named nobody
    return Papers(documents, programs, tables)


def _events(log: Log, until: int) -> Iterator[Event]:
    after = 0
    while events := log.read(after, _PAGE, kinds=(RESULT_PUBLISHED, FILE_CHANGED)):
        for event in events:
            after = event.position
            if after > until:
                return
            if not misfit(event.kind, event.meta):  # it is quarantined where it is folded
                yield event


def audit(meet: Meet, papers: Papers) -> list[AuditedRevision]:
    """All revisions, ours and a console's, in the order of the log, each with its changes."""
    zone = meet.settings.meet.zone
    told = [*_ours(meet, papers, zone), *_consoles(meet, zone)]
    named = _named(told, papers.programs, meet.settings.meet.session)
    before: dict[RaceKey, _Told] = {}
    found = []
    for each in sorted(named, key=lambda t: t.entry.position):
        key = RaceKey(each.entry.session, each.entry.event, each.entry.heat)
        last = before.get(key)
        found.append(
            msgspec.structs.replace(
                each.entry,
                before=last.entry.position if last else None,
                changes=() if each.file is None else tuple(_changes(last, each)),
            )
        )
        if each.file is not None:
            before[key] = each
    return found


def between(meet: Meet, papers: Papers, before: int, after: int) -> tuple[Change, ...] | None:
    """What the revision of event `after` says otherwise than the one of event `before`.

    None where one of the two is no revision, or cannot be read.
    """
    zone = meet.settings.meet.zone
    told = [*_ours(meet, papers, zone), *_consoles(meet, zone)]
    wanted = [each for each in told if each.entry.position in (before, after)]
    named = _named(wanted, papers.programs, meet.settings.meet.session)
    found = {each.entry.position: each for each in named if each.file is not None}
    if before not in found or after not in found:
        return None
    return tuple(_changes(found[before], found[after]))


def _ours(meet: Meet, papers: Papers, zone: str) -> Iterator[_Told]:
    for published in meet.state.revisions.published.values():
        for p in published:
            body = papers.documents.get(p.position, b"")
            file, problem = parsed(p.name, body)
            yield _Told(_entry(p, zone, problem), p.as_of, file)


def _entry(p: Published, zone: str, problem: str) -> AuditedRevision:
    return AuditedRevision(
        session=p.session,
        event=p.event,
        heat=p.heat,
        race_number=p.race_number,
        revision=p.revision,
        origin="meetlog",
        recorded_at=iso_local(p.recorded_at, zone),
        recorded_at_ns=p.recorded_at,
        author=p.author,
        cause=p.cause,
        reason=p.reason,
        name=p.name,
        sha256=p.sha256,
        position=p.position,
        as_of=p.as_of,
        before=None,
        changes=(),
        problem=problem,
    )


def _consoles(meet: Meet, zone: str) -> Iterator[_Told]:
    for key, seen in meet.state.revisions.seen.items():
        for s in seen:
            file = s.file.result
            entry = AuditedRevision(
                session=key.session,
                event=key.event,
                heat=key.heat,
                race_number=file.race_number,
                revision=file.revision,
                origin="time-drops",
                recorded_at=iso_local(s.recorded_at, zone),
                recorded_at_ns=s.recorded_at,
                author="time-drops",
                cause="result file",
                reason="",
                name=s.file.path,
                sha256=s.file.sha256,
                position=s.file.position,
                as_of=None,
                before=None,
                changes=(),
            )
            yield _Told(entry, s.file.position, file)


# -- who swam where, as the programs said it then --------------------------------


def _named(
    told: Iterable[_Told], programs: Sequence[tuple[int, Program]], session: str
) -> Iterator[_Told]:
    """Each revision with the names in its lanes by the program that it was decided on."""
    startlist = StartList()
    waiting = list(programs)
    for each in sorted(told, key=lambda t: (t.decided, t.entry.position)):
        while waiting and waiting[0][0] <= each.decided:
            startlist.read_program(*waiting.pop(0), session)
        yield msgspec.structs.replace(each, names=_names(startlist, each.entry))


def _names(startlist: StartList, entry: AuditedRevision) -> dict[int, str]:
    """The names by lane: of the heat itself, and of the heat that it is combined with."""
    found: dict[int, str] = {}
    own = RaceKey(entry.session, entry.event, entry.heat)
    for key, heat in startlist.entries.items():
        if (key.session, key.heat) != (own.session, own.heat):
            continue
        for lane in heat.lanes:
            if (lane.event or key.event) == own.event or key == own:
                names = [startlist.name_of(s) or s for s in lane.swimmer_ids]
                found[lane.lane] = " / ".join(names)
    return found


# -- what differs ----------------------------------------------------------------


def _changes(before: _Told | None, after: _Told) -> Iterator[Change]:
    old, new = before.file if before else None, after.file
    if new is None:
        return
    if old is not None and old.start_at != new.start_at:
        yield Change(None, "", "start", old.start_at, new.start_at)
    if old is not None and old.race_number != new.race_number:
        yield Change(None, "", "race number", str(old.race_number), str(new.race_number))
    lanes_before = {lane.lane: lane for lane in old.lanes} if old else {}
    lanes_after = {lane.lane: lane for lane in new.lanes}
    for number in sorted(lanes_before.keys() | lanes_after.keys()):
        was, now = lanes_before.get(number), lanes_after.get(number)
        who_was = before.names.get(number, "") if before else ""
        who = after.names.get(number, "") or who_was
        if now is None:
            yield Change(number, who_was, "lane", "in the result", "not in the result")
            continue
        if was is not None and who_was and who != who_was:
            yield Change(number, who, "swimmer", who_was, who)
        yield from _lane_changes(number, who, was, now)


def _lane_changes(
    number: int, who: str, was: ResultLane | None, now: ResultLane
) -> Iterator[Change]:
    """What a lane says otherwise. Of a lane that is new, its time or status is told in any case."""
    then = was or ResultLane(number)
    if was is None or then.final_cs != now.final_cs:
        old = "" if was is None else _time(then.final_cs)
        if was is not None or now.final_cs is not None or not status_of(now):
            yield Change(number, who, "time", old, _time(now.final_cs), then.final_cs, now.final_cs)
    if status_of(then) != status_of(now):
        yield Change(number, who, "status", status_of(then), status_of(now))
    timed_before, timed_now = _further(then), _further(now)
    for field in dict.fromkeys([*timed_now, *timed_before]):
        a, b = timed_before.get(field), timed_now.get(field)
        if a != b:
            yield Change(number, who, field, format_cs(a), format_cs(b), a, b)


def _further(lane: ResultLane) -> dict[str, int]:
    """The other times of a lane, in hundredths, by what they are called."""
    times = {f"split {s.distance}" if s.distance else "split": s.time_cs for s in lane.splits}
    if lane.pad_cs is not None:
        times["pad"] = lane.pad_cs
    watches = enumerate(lane.timers_cs, 1)
    return times | {f"watch {n}": time for n, time in watches if time is not None}


def _time(cs: int | None) -> str:
    return format_cs(cs) or NO_TIME
