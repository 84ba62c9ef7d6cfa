"""Stating: the one way in for statements, whatever the channel.

`propose` says what a statement would do; `make` makes it, and refuses one
about something that has changed since the position its author had seen.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import msgspec

from exporters.decisions import Document, documents_of, is_due, unpublished
from exporters.documents import Owners, owners, race_key
from ingest.statements import state, statement_draft
from meetlog.asof import UpTo
from meetlog.checks import check, check_author, read_settings
from meetlog.comparison import RaceChange, compare
from meetlog.nearby import find_statement
from meetlog.refusals import Stale, Unsayable
from meetlog.subjects import Subject, changes, flat, subject_of
from projections.facts import Published
from projections.folding import advance, fold
from projections.meet import Meet
from projections.views import Race
from projections.wording import describe
from store.event import Draft, Event, Head
from store.log import Conflict, Log, StoreError
from wire.errors import WireError
from wire.statements import (
    Acknowledge,
    AdoptSettings,
    AnyStatement,
    RegisterOperator,
    Withdraw,
)
from wire.timedrops import RaceKey

# While reads stream in, an append that must follow the head may lose its race
# each time. After so many tries it is made without, and looked at afterwards.
TRIES = 8

Refold = Callable[[Event], Meet]  # the whole log and one event more, folded anew


class PlannedRevision(msgspec.Struct, frozen=True):
    """A result file that would be published: the race's identity, the revision, the name."""

    session: str
    event: str
    heat: int
    race_number: int
    revision: int
    name: str


class Proposal(msgspec.Struct, frozen=True):
    """What `statement` would do to the meet as of `position`.

    `words` say it in a sentence, `races` what changes lane by lane,
    `revisions` what would be published if nothing else comes; `notes` what
    else somebody should know.
    """

    statement: AnyStatement
    position: int
    words: str
    races: tuple[RaceChange, ...]
    revisions: tuple[PlannedRevision, ...]
    notes: tuple[str, ...]


class Made(msgspec.Struct, frozen=True):
    """A statement that was made, at `position`, and what it was going to do when it was checked."""

    position: int
    proposal: Proposal


def propose(meet: Meet, statement: AnyStatement, refold: Refold | None = None) -> Proposal:
    """What the statement would do, tried on a copy of the settled `meet`, which is left as it is.

    `refold` is asked where other settings read the whole log anew; see
    `folding_ahead`. Raises `Unsayable` and `NotAllowed`.
    """
    check(meet, statement)
    words = describe(statement, meet.settings.meet.zone)
    notes: list[str] = []
    if isinstance(statement, AdoptSettings):
        told = changes(flat(meet.settings), flat(read_settings(meet, statement.toml)))
        notes = [f"{what}: {then or 'nothing'} -> {now or 'nothing'}" for what, then, now in told]
    if isinstance(statement, Withdraw):
        said = find_statement(meet, statement.position).statement
        before = describe(said, meet.settings.meet.zone)
        notes = [f"Statement {statement.position}, by {said.author}, was: {before}."]
    if isinstance(statement, RegisterOperator | Acknowledge):
        # Nothing is computed from who may speak, or from who has seen what.
        return Proposal(statement, meet.position, words, (), (), tuple(notes))
    event = _synthetic(meet, statement)
    after = Meet.load(meet.save())
    after.feed([event])
    if after.stale:
        if refold is None:
            notes.append("The whole log is read anew; what changes is not worked out here.")
            return Proposal(statement, meet.position, words, (), (), tuple(notes))
        after = refold(event)
    after.settle()
    races = compare(meet.races(), after.races())
    revisions, more = _revisions(after, races)
    return Proposal(statement, meet.position, words, races, revisions, (*notes, *more))


def folding_ahead(log: Log) -> Refold:
    """The `refold` of `propose` for a meet that was folded from `log`."""

    def refold(event: Event) -> Meet:
        return fold(_Ahead(log, event))

    return refold


def make(
    log: Log, meet: Meet, statement: AnyStatement, *, tries: int = TRIES, effects: bool = True
) -> Made:
    """Append the statement, durable on return, if what it is about is as its author had seen it.

    `meet` was folded from `log`; it is folded on to the head. The state at
    `statement.seen` is the one to compare with. Nothing slips in between
    looking and appending: the append insists on the position looked at.
    Where it loses to streaming reads `tries` times, it is made wherever it
    comes to stand, and withdrawn at once should its subject have changed in
    just that moment. Without `effects` nothing is worked out for telling.
    Raises `Unsayable`, `NotAllowed`, `Stale` and `StoreError`.
    """
    # Where the meet is as its author saw it, no log is folded to there, which may take seconds.
    expected = subject_of(meet, statement) if meet.position == statement.seen else None
    meet = _catch_up(meet, log)
    check_author(meet, statement)
    if expected is None:
        expected = refuse_stale(log, meet, statement)
    else:
        _refuse_stale(meet, statement, expected)
    proposal = (
        propose(meet, statement, folding_ahead(log))
        if effects
        else Proposal(statement, meet.position, describe(statement), (), (), ())
    )
    for _ in range(tries):
        check(meet, statement)
        try:
            return Made(state(log, statement, after=meet.position).position, proposal)
        except Conflict:
            meet = _catch_up(meet, log)
            _refuse_stale(meet, statement, expected)
    check(meet, statement)
    position = state(log, statement).position
    meet = _catch_up(meet, log, position - 1)
    try:
        _refuse_stale(meet, statement, expected)
        check(meet, statement)
    except (Stale, Unsayable):
        _take_back(log, statement, position)
        raise
    return Made(position, proposal)


def refuse_stale(log: Log, meet: Meet, statement: AnyStatement) -> Subject:
    """What the statement is about, as its author had seen it, where it is still so in `meet`.

    Raises `Stale` where it is not, and `Unsayable` for a `seen` that is still to come.
    """
    seen = statement.seen
    if not 0 <= seen <= meet.position:
        raise Unsayable(f"There is no event {seen}: the newest is {meet.position}.")
    if seen == meet.position:
        return subject_of(meet, statement)
    earlier = fold(log, seen)
    earlier.settle()
    expected = subject_of(earlier, statement)
    _refuse_stale(meet, statement, expected)
    return expected


def _take_back(log: Log, statement: AnyStatement, position: int) -> None:
    state(
        log,
        Withdraw(
            author=statement.author,
            channel=statement.channel,
            at=statement.at,
            seen=position,
            reason="what it is about changed at the same moment",
            proof=statement.proof,
            login=statement.login,
            position=position,
        ),
    )


def _refuse_stale(meet: Meet, statement: AnyStatement, expected: Subject) -> None:
    changed = changes(expected, subject_of(meet, statement))
    if changed:
        listed = "\n".join(
            f"  {what}: was {then or 'nothing'}, is now {now or 'nothing'}"
            for what, then, now in changed
        )
        raise Stale(
            f"Refused, for it has changed since event {statement.seen}: "
            f"{describe(statement, meet.settings.meet.zone)}.\n{listed}\n"
            f"Nothing was stated. If you still mean it, say it again with --seen {meet.position}.",
            changed,
        )


def _catch_up(meet: Meet, log: Log, until: int | None = None) -> Meet:
    """The meet folded on to `until`, or the log's head, and settled."""
    end = log.head().position if until is None else until
    if meet.position < end:
        advance(meet, log, end)
        if meet.stale:
            meet = fold(log, end)
        meet.settle()
    return meet


def _synthetic(meet: Meet, statement: AnyStatement) -> Event:
    """The event that the statement would be if it were made now."""
    draft = statement_draft(statement)
    at = max(statement.at, meet.state.recorded_at)
    return Event(meet.position + 1, at, draft.source, draft.kind, draft.meta, draft.body, b"")


def _revisions(
    meet: Meet, races: Sequence[RaceChange]
) -> tuple[tuple[PlannedRevision, ...], list[str]]:
    """What a publisher would make of the changed races, and what it could not replace."""
    if meet.settings.folder.publish == "off":
        return (), []
    owner = owners(meet.races())
    found: list[PlannedRevision] = []
    notes = []
    for change in races:
        race = meet.race(RaceKey(change.session, change.event, change.heat))
        if race is None:
            continue
        last = _last(meet, race_key(race))
        files = documents_of(meet, race, owner) if is_due(meet, race, last) else ()
        found += _planned(meet, race, owner, unpublished(files, partial(_last, meet)))
        if last and not files and race.origin != "time-drops":
            notes.append(
                f"Revision {last.revision} of event {race.event}, heat {race.heat} is "
                "published and would no longer hold: tell the meet manager."
            )
    return tuple(found), notes


def _last(meet: Meet, key: RaceKey) -> Published | None:
    published = meet.state.revisions.published.get(key)
    return published[-1] if published else None


def _planned(
    meet: Meet, race: Race, owner: Owners, fresh: Sequence[Document]
) -> Iterator[PlannedRevision]:
    keys = {race_key(race), *(document.key for document in fresh)}
    keys |= {document for document, its in owner.items() if its == race_key(race)}
    revision = max(meet.state.revisions.next_revision(key) for key in keys)
    for document in fresh:
        with suppress(WireError):  # a race that cannot be named is an alarm of the publisher's
            name = document.name(revision)
            yield PlannedRevision(*document.key, document.file.race_number, revision, name)


class _Ahead:
    """A `Log` with one event more, as if it had been appended. It can only be read."""

    def __init__(self, log: Log, event: Event) -> None:
        self._log = UpTo(log, event.position - 1)
        self._event = event

    def append(self, drafts: Sequence[Draft], *, after: int | None = None) -> Head:  # noqa: ARG002 - the contract's
        """Raises `StoreError`: what may come is not written to."""
        raise StoreError("a log as it may come to be can only be read")

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        kinds: Sequence[str] = (),
        most_bytes: int | None = None,  # noqa: ARG002 - all, so that nothing is left out before the last
    ) -> list[Event]:
        """As `Log.read`, and then the event ahead."""
        found = self._log.read(after, limit, kinds=kinds)
        wanted = not kinds or self._event.kind in kinds
        if wanted and after < self._event.position and len(found) < limit:
            found.append(self._event)
        return found

    def head(self) -> Head:
        """The event ahead; it has no hash."""
        return Head(self._event.position, self._event.hash, self._event.recorded_at)

    def close(self) -> None:
        """Does nothing: the log belongs to whoever opened it."""
