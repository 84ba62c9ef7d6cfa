"""Decisions: a document to be published, as the event that says so, with the document in it."""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from exporters.causes import AUTHOR, Cause
from exporters.documents import Owners, document_key, race_key, result_documents
from exporters.errors import ExportError
from exporters.sink import Sink
from projections.facts import Published
from projections.meet import Meet
from projections.views import Race
from store.event import RESULT_PUBLISHED, STATUS_PUBLISHED, Draft, pack_meta
from wire.timedrops import STATUS_FILE, RaceKey, ResultFile, encode_result, result_name


class Document(msgspec.Struct, frozen=True):
    """A result file that differs from the one last published: its identity, bytes and SHA-256."""

    file: ResultFile
    key: RaceKey
    data: bytes
    sha256: str

    def name(self, revision: int) -> str:
        """The file's name; raises `WireError` for a race that cannot be named."""
        file = self.file
        return result_name(file.session_id, file.event, file.heat, file.race_number, revision)


def is_due(meet: Meet, race: Race, last: Published | None) -> bool:
    """Whether the race may be published now, by the settings.

    In `complete` mode an incomplete race is published again once it was
    published, but not if it has been started anew since.
    """
    if meet.settings.folder.publish == "live" or race.state in ("complete", "closed"):
        return True
    start = meet.starts().by_race.get(race_key(race))
    return last is not None and start is not None and last.as_of >= start.position


def documents_of(
    meet: Meet, race: Race, owner: Owners | None = None, last: Published | None = None
) -> Sequence[ResultFile]:
    """What we are to publish of the race, due or not; nothing where a console's file stands.

    A console's race is ours to publish where somebody ruled on it. Once we did
    publish such a correction, it outranks the console by its number, so what
    the console says stays ours to publish until it has a higher number itself.
    `last` is our newest decision, should the meet not have folded it yet.
    """
    key, revisions, zone = race_key(race), meet.state.revisions, meet.settings.meet.zone
    repeat = meet.rulings().repeats.get(key)
    console = revisions.console(key, repeat)
    if console is None:
        return result_documents(race, zone, owner)
    if race.origin != "corrected":
        since = min(file.position for file in revisions.files(key, repeat))
        ours = [*revisions.published.get(key, ()), *([last] if last else [])]
        highest = max((p.revision for p in ours if p.as_of >= since), default=0)
        if highest == 0 or highest < console.result.revision:
            return ()
    return result_documents(race, zone, owner, console.result)


def unpublished(
    files: Sequence[ResultFile], last: Callable[[RaceKey], Published | None]
) -> list[Document]:
    """Those that differ from the newest decision on their identity, which `last` knows."""
    found = []
    for file in files:
        key, data = document_key(file), encode_result(file)
        digest, before = sha256(data).hexdigest(), last(key)
        if before is None or before.sha256 != digest:
            found.append(Document(file, key, data, digest))
    return found


def decide(document: Document, revision: int, as_of: int, cause: Cause) -> Published:
    """The decision to publish `document`, made from the log up to `as_of`; not yet in the log."""
    return Published(
        position=0,
        recorded_at=0,
        session=document.key.session,
        event=document.key.event,
        heat=document.key.heat,
        race_number=document.file.race_number,
        revision=revision,
        name=document.name(revision),
        sha256=document.sha256,
        as_of=as_of,
        cause=cause.text,
        author=cause.author,
        reason=cause.reason,
    )


def draft(fact: Published, document: Document) -> Draft:
    """The decision as an event."""
    fields = msgspec.structs.asdict(fact)
    del fields["position"], fields["recorded_at"]  # the log itself gives these
    return Draft(AUTHOR, RESULT_PUBLISHED, pack_meta(**fields), document.data)


def status_draft(data: bytes, sha256: str, as_of: int, cause: str) -> Draft:
    """The decision to publish a status file, as an event."""
    meta = pack_meta(name=STATUS_FILE, sha256=sha256, as_of=as_of, cause=cause)
    return Draft(AUTHOR, STATUS_PUBLISHED, meta, data)


def foreign_name(sink: Sink, documents: Sequence[Document], revision: int) -> str:
    """The name of a document at this revision that another file has already; "" for none.

    A folder that cannot be read counts as empty: it is looked at again when writing.
    """
    for each in documents:
        name = each.name(revision)
        try:
            there = sink.read(name)
        except ExportError:
            return ""
        if there is not None and there != each.data:
            return name
    return ""
