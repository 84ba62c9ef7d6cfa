"""Replay: every published document computed again from the log, going through it once.

Each document was decided on a view of the meet as of some position, which
its event names. The meet is folded forward from one such position to the
next; nothing that was published is looked at, except to compare.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import zip_longest

import msgspec

from exporters.documents import document_key, owners, result_documents, status_document
from meetlog.reports import ReplayedFile
from projections.folding import advance, fold
from projections.meet import Meet
from store.event import RESULT_PUBLISHED, STATUS_PUBLISHED, Event, meta_of
from store.log import Log
from wire.timedrops import RaceKey, encode_result

Progress = Callable[[int, int], None]  # done, total
_CHUNK = 100  # documents read from the log at once
_QUOTED = 60  # characters of a differing line


class Publication(msgspec.Struct, frozen=True):
    """A decision to publish `body` under `name`, made from the log up to `as_of`.

    `key` is the identity of a result file's race, None for the status file.
    """

    position: int
    as_of: int
    name: str
    sha256: str
    key: RaceKey | None
    body: bytes


class Replayed(msgspec.Struct, frozen=True):
    """A publication, and the bytes that the log gives for it now; None when it gives none."""

    publication: Publication
    data: bytes | None

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
        )


def publications(log: Log) -> list[Publication]:
    """All decisions to publish in the log, in the order of what they were made from."""
    found: list[Publication] = []
    after = 0
    while events := log.read(after, _CHUNK, kinds=(RESULT_PUBLISHED, STATUS_PUBLISHED)):
        after = events[-1].position
        found += map(_publication, events)
    return sorted(found, key=lambda p: (p.as_of, p.position))


def replay(log: Log, progress: Progress | None = None) -> Iterator[Replayed]:
    """Every publication with its bytes computed again, in the order of `publications`.

    The settings in force at each position interpret the log there, as they
    did then; where they change how earlier stamps are read, the log is folded
    again from its start up to there.
    """
    wanted = publications(log)
    total = wanted[-1].as_of if wanted else 0
    told = None if progress is None else lambda done: progress(done, total)
    meet = Meet()
    documents: dict[RaceKey, bytes] = {}
    at = -1
    for publication in wanted:
        while meet.position < publication.as_of:
            before = meet.position
            advance(meet, log, publication.as_of, progress=told)
            if meet.stale:
                meet = fold(log, meet.position, progress=told)
            elif meet.position == before:
                break  # a decision made from events that are not there: it is compared as it is
        if at != meet.position:
            at = meet.position
            meet.settle()
            documents = {}
        if publication.key is None:
            yield Replayed(publication, status_document(meet))
            continue
        if publication.key not in documents:
            documents |= _documents(meet, publication.key)
        yield Replayed(publication, documents.get(publication.key))


def difference(then: bytes, now: bytes | None) -> str:
    """The first line in which two documents differ, in words."""
    if now is None:
        return "the log gives no such document"
    lines = zip_longest(_lines(then), _lines(now))
    for number, (was, is_) in enumerate(lines, 1):
        if was != is_:
            return f"line {number}: recorded {_quote(was)}, replayed {_quote(is_)}"
    return "the recorded bytes do not have the recorded hash; verify the log"


def _publication(event: Event) -> Publication:
    meta = meta_of(event)
    key = None
    if event.kind == RESULT_PUBLISHED:
        key = RaceKey(str(meta["session"]), str(meta["event"]), int(meta["heat"]))
    return Publication(
        event.position, int(meta["as_of"]), str(meta["name"]), str(meta["sha256"]), key, event.body
    )


def _documents(meet: Meet, key: RaceKey) -> dict[RaceKey, bytes]:
    """The documents of the race that writes the one of `key`."""
    owner = owners(meet.races())
    race = meet.race(owner.get(key, key))
    if race is None:
        return {}
    files = result_documents(race, meet.settings.meet.zone, owner)
    return {document_key(file): encode_result(file) for file in files}


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "backslashreplace").splitlines()


def _quote(line: str | None) -> str:
    if line is None:
        return "nothing"
    text = line.strip()
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "...")
