"""Replay: every published document computed again from the log, going through it once.

Each document was decided on a view of the meet as of some position, which
its event names. The meet is folded forward from one such position to the
next; nothing that was published is looked at, except to compare. With other
settings than the recorded ones, the same documents are made by those.
"""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import zip_longest

import msgspec

from exporters.decisions import documents_of, is_due
from exporters.documents import document_key, owners, race_key, status_document
from meetlog.readback import document_changes
from meetlog.reports import PendingFile, ReplayedFile
from projections.decode import published
from projections.facts import Published
from projections.folding import advance, fold
from projections.meet import Meet
from projections.views import Race
from store.event import LEFT_OUT, RESULT_PUBLISHED, STATUS_PUBLISHED, Event, meta_of
from store.log import Log
from wire.settings import Settings
from wire.timedrops import RaceKey, encode_result

Progress = Callable[[int, int], None]  # done, total
_CHUNK = 100  # documents read from the log at once
_QUOTED = 60  # characters of a differing line


class Publication(msgspec.Struct, frozen=True):
    """A decision to publish `body` under `name`, made from the log up to `as_of`.

    `key` is the identity of a result file's race, and `decided` the decision
    itself, None for the status file. `recorded_at` is ns UTC.
    """

    position: int
    recorded_at: int
    as_of: int
    name: str
    sha256: str
    key: RaceKey | None
    body: bytes
    decided: Published | None = None


class Replayed(msgspec.Struct, frozen=True):
    """A publication, and the bytes that the log gives for it now; None when it gives none.

    `race` is the race that the document is of, as it is known at that position.
    """

    publication: Publication
    data: bytes | None
    race: Race | None = None

    @property
    def report(self) -> ReplayedFile:
        """The comparison, for people and programs."""
        then, now = self.publication, self.data
        digest = "" if now is None else sha256(now).hexdigest()
        same = digest == then.sha256
        return ReplayedFile(
            position=then.position,
            as_of=then.as_of,
            name=then.name,
            recorded=then.sha256,
            replayed=digest,
            identical=same,
            difference="" if same else difference(then.body, now),
            races=() if same else document_changes(then.name, then.body, now, self.race),
        )


class Replay(msgspec.Struct, frozen=True):
    """A whole log replayed: `files` in the order of their publication, and the meet at its end."""

    files: tuple[Replayed, ...]
    meet: Meet

    def newest(self) -> dict[str, Replayed]:
        """What is under each name at the end, in the order of the first publication of each."""
        return {each.publication.name: each for each in self.files}


def publications(log: Log) -> list[Publication]:
    """All decisions to publish in the log, in the order of what they were made from.

    Of a log that came out of a capsule, those of the capsule's span: what the
    earlier ones were made from is not all there.
    """
    found: list[Publication] = []
    left_out = log.read(0, 1, kinds=(LEFT_OUT,))
    after = int(meta_of(left_out[0])["begin"]) - 1 if left_out else 0
    while events := log.read(after, _CHUNK, kinds=(RESULT_PUBLISHED, STATUS_PUBLISHED)):
        after = events[-1].position
        found += map(_publication, events)
    return sorted(found, key=lambda p: (p.as_of, p.position))


def replay(
    log: Log, progress: Progress | None = None, *, settings: Settings | None = None
) -> Iterator[Replayed]:
    """Every publication with its bytes computed again, in the order of `publications`.

    The settings in force at each position interpret the log there, as they
    did then; where they change how earlier stamps are read, the log is folded
    again from its start up to there. With `settings`, those interpret all of it.
    """
    wanted = publications(log)
    yield from _replay(wanted, _Folding(log, wanted[-1].as_of if wanted else 0, progress, settings))


def replay_all(
    log: Log, progress: Progress | None = None, *, settings: Settings | None = None
) -> Replay:
    """`replay` in the order of publication, with the meet folded on to the log's head."""
    end = log.head().position
    folding = _Folding(log, end, progress, settings)
    files = sorted(_replay(publications(log), folding), key=lambda r: r.publication.position)
    return Replay(tuple(files), folding.to(end))


def pending(replayed: Replay) -> list[PendingFile]:
    """What the log gives at its end, and what was last published does not say.

    That is the next thing a `run` would publish, or, where the last revision
    no longer holds and nothing replaces it, what it raises an alarm for.
    """
    meet = replayed.meet
    last = {p.key: p for each in replayed.files if (p := each.publication).key is not None}
    owner = owners(meet.races())
    now: dict[RaceKey, bytes] = {}
    for race in meet.races():
        decided = meet.state.revisions.published.get(race_key(race))
        if is_due(meet, race, decided[-1] if decided else None):
            now |= _documents(meet, race_key(race), owner)
    found = []
    for key in dict.fromkeys([*now, *last]):
        writer = meet.race(owner.get(key, key))
        # A race of a console is published by the console.
        if writer is None or writer.origin != "time-drops":
            found.append(_pending(key, writer, last.get(key), now.get(key)))
    return [each for each in found if each is not None]


def _pending(
    key: RaceKey, race: Race | None, last: Publication | None, now: bytes | None
) -> PendingFile | None:
    """The document of `key`, unless it is what was last published."""
    then = last.body if last else None
    if then == now:
        return None
    return PendingFile(
        session=key.session,
        event=key.event,
        heat=key.heat,
        state="unpublished" if last is None else "withdrawn" if now is None else "differs",
        name=last.name if last else "",
        position=last.position if last else 0,
        races=document_changes(last.name if last else "", then, now, race),
    )


class _Folding:
    """A meet that is folded on to one position after the other, none before the last."""

    def __init__(
        self, log: Log, total: int, progress: Progress | None, settings: Settings | None
    ) -> None:
        self._log = log
        self._told = None if progress is None else lambda done: progress(done, total)
        self._pinned = settings is not None
        end = log.head().position
        self._meet = Meet() if settings is None else Meet(settings, pinned_until=end)
        self._settled = -1

    def to(self, position: int) -> Meet:
        """The meet as of `position`, settled; before it where the log ends sooner."""
        while self._meet.position < position:
            before = self._meet.position
            advance(self._meet, self._log, position, progress=self._told)
            if self._meet.stale:
                self._meet = fold(self._log, self._meet.position, progress=self._told)
            elif self._meet.position == before:
                break  # a decision made from events that are not there: it is compared as it is
        if self._settled != self._meet.position:
            self._settled = self._meet.position
            self._meet.settle()
        return self._meet


def _replay(wanted: list[Publication], folding: _Folding) -> Iterator[Replayed]:
    documents: dict[RaceKey, bytes] = {}
    owner: Mapping[RaceKey, RaceKey] = {}
    newest: dict[RaceKey, Published] = {}
    at = -1
    for publication in wanted:
        meet = folding.to(publication.as_of)
        if at != meet.position:
            at = meet.position
            documents, owner = {}, owners(meet.races())
        key = publication.key
        if key is None:
            yield Replayed(publication, status_document(meet))
            continue
        writer = owner.get(key, key)
        if key not in documents:
            # A decision that was made and not yet folded counted when the next one was made.
            documents |= _documents(meet, writer, owner, newest.get(writer))
        yield Replayed(publication, documents.get(key), meet.race(writer))
        if publication.decided is not None:
            newest[writer] = publication.decided


def difference(then: bytes, now: bytes | None, *, where: str = "recorded") -> str:
    """The first line in which two documents differ, in words; `where` is where `then` is."""
    if now is None:
        return "the log gives no such document"
    lines = zip_longest(_lines(then), _lines(now))
    for number, (was, is_) in enumerate(lines, 1):
        if was != is_:
            return f"line {number}: {where} {_quote(was)}, replayed {_quote(is_)}"
    return "the recorded bytes do not have the recorded hash; verify the log"


def _publication(event: Event) -> Publication:
    meta = meta_of(event)
    key = decided = None
    if event.kind == RESULT_PUBLISHED:
        decided = published(event)
        key = RaceKey(decided.session, decided.event, decided.heat)
    return Publication(
        event.position, event.recorded_at, int(meta["as_of"]), str(meta["name"]),
        str(meta["sha256"]), key, event.body, decided,
    )  # fmt: skip


def _documents(
    meet: Meet,
    key: RaceKey,
    owner: Mapping[RaceKey, RaceKey],
    last: Published | None = None,
) -> dict[RaceKey, bytes]:
    """The documents that the race of `key` writes, by their own identities."""
    race = meet.race(key)
    if race is None:
        return {}
    files = documents_of(meet, race, owner, last)
    return {document_key(file): encode_result(file) for file in files}


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "backslashreplace").splitlines()


def _quote(line: str | None) -> str:
    if line is None:
        return "nothing"
    text = line.strip()
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "...")
