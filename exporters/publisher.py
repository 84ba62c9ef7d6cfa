"""The publisher: decides on revisions, appends each decision, and only then writes its file.

Appending needs no `after`: only one publisher works on a log, since `run`
holds a lock, so no revision number can be taken twice. A decision on a view
that has since grown old is not wrong, for it says which position it was made
at, and what came meanwhile makes the next revision. An append that had to
follow the head would never succeed while ten thousand reads arrive a second.
"""

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256

import msgspec

from exporters.actions import RETRY_EVERY, Action, Actions, Own
from exporters.causes import cause_of
from exporters.decisions import (
    Document,
    decide,
    documents_of,
    draft,
    foreign_name,
    is_due,
    status_draft,
    unpublished,
)
from exporters.documents import (
    has_foreign_status,
    owners,
    race_key,
    same_but_revision,
    status_document,
)
from exporters.recovery import restore
from exporters.sink import Sink
from projections.facts import Published
from projections.meet import Meet
from projections.views import Alarm, Race
from store.event import Draft, Head
from store.log import Log, StoreUnavailable
from wire.errors import WireError
from wire.settings import Settings
from wire.timedrops import STATUS_FILE, RaceKey, ResultFile


class Waiting(msgspec.Struct, frozen=True):
    """A race that changed: when (`now`), after which position, and by what that has no position."""

    since: int
    after: int
    words: tuple[str, ...] = ()


class Publisher:
    """Publishes the meet's results and status through `sink`.

    All methods are for one thread, after `Meet.settle`, but `is_own`, which
    is for any. `clock` and every `now` are monotonic, in ns.
    """

    def __init__(self, log: Log, sink: Sink, *, clock: Callable[[], int]) -> None:
        self._log = log
        self._sink = sink
        self._clock = clock
        self._own = Own()
        self._actions = Actions(sink, self._own)
        self._position = 0
        self._settings: Settings | None = None
        self._chips: dict[str, str] = {}
        self._owners: dict[RaceKey, RaceKey] = {}
        self._owned_at = (-1, 0)
        self._looked: dict[RaceKey, Race] = {}
        self._waiting: dict[RaceKey, Waiting] = {}
        self._decided: dict[RaceKey, Published] = {}  # decisions that the meet has not folded yet
        self._told: tuple[int, RaceKey | None] | None = None
        self._append_at = 0
        self._alarms: dict[str, Alarm] = {}

    def is_own(self, path: str, sha256: str) -> bool:
        """Whether a file in the folder is one that we published: true before it appears."""
        return self._own.has(path, sha256)

    def alarms(self) -> list[Alarm]:
        """What somebody should look at."""
        return list(self._alarms.values()) + self._actions.alarms()

    def recover(self, meet: Meet, log: Log) -> None:
        """Write again, from `log`, each published file that is missing from the folder.

        It is called at the start, before the folder is watched. Of the status
        only the newest counts. A file with another content than the published
        one is left alone, with an alarm. Doing this again changes nothing.
        Where `publish` is off, nothing is written.
        """
        writing = meet.settings.folder.publish != "off"
        for fact in restore(log, self._sink if writing else None, self._own, self._actions):
            if fact.position > meet.position:
                self._decided[RaceKey(fact.session, fact.event, fact.heat)] = fact
        if writing:
            self._actions.act(self._clock())

    # -- deciding --------------------------------------------------------

    def consider(self, meet: Meet, now: int) -> int | None:
        """Decide and write what is due; returns when to call again at the latest, None for never.

        `meet` is settled. A failure to append or to write is an alarm and is
        tried again; `LogDamaged` is raised.
        """
        self._decided = {k: p for k, p in self._decided.items() if p.position > meet.position}
        quiet = meet.settings.folder.quiet
        if meet.settings.folder.publish == "off":
            self._forget()
            return None
        self._notice(meet, now)
        if now >= self._append_at:
            self._publish_status(meet, now)
            self._publish_races(meet, now)
        due = [max(w.since + quiet, self._append_at) for w in self._waiting.values()]
        due += [self._append_at] if now < self._append_at else []
        write = self._actions.act(now)
        return min(due if write is None else [*due, write], default=None)

    def _forget(self) -> None:
        """Publishing was switched off: the folder is left alone, whatever was under way."""
        self._looked.clear()
        self._waiting.clear()
        self._actions.clear()
        self._alarms.clear()
        self._told = None

    def _notice(self, meet: Meet, now: int) -> None:
        """Take note of the races that changed since the last call."""
        words: tuple[str, ...] = ()
        if meet.settings is not self._settings:
            if meet.settings != self._settings:
                # The zone or what to publish may be another: every race is looked at anew.
                self._looked.clear()
                words = ("settings",) if self._settings is not None else ()
            self._settings = meet.settings
        chips = meet.state.startlist.chips
        if chips is not self._chips:
            words += ("chip table",) if chips != self._chips and self._position else ()
            self._chips = chips
        races = meet.races()
        owned_at = (meet.state.program_position, len(races))
        if owned_at != self._owned_at:
            self._owned_at = owned_at
            found = owners(races)
            if found != self._owners:
                self._owners = found
                self._looked.clear()
        for race in races:
            key = race_key(race)
            before = self._looked.get(key)
            if before is race:
                continue
            self._looked[key] = race
            if before is None or not same_but_revision(before, race):
                self._waiting[key] = Waiting(now, self._position, words)
        self._position = meet.position

    def _publish_races(self, meet: Meet, now: int) -> None:
        quiet = meet.settings.folder.quiet
        for key, waiting in list(self._waiting.items()):
            if now - waiting.since < quiet:
                continue
            race = meet.race(key)
            if race is not None and not self._publish_race(meet, race, waiting, now):
                return
            del self._waiting[key]

    def _publish_race(self, meet: Meet, race: Race, waiting: Waiting, now: int) -> bool:
        """Publish what differs from the last revision; False when the log could not be written."""
        key = race_key(race)
        last = self._last(meet, key)
        files: Sequence[ResultFile] = ()
        if is_due(meet, race, last):
            files = documents_of(meet, race, self._owners, last)
        self._note_withdrawn(race, last if not files and race.origin != "time-drops" else None)
        fresh = unpublished(files, partial(self._last, meet))
        if not fresh:
            return True
        as_of = max((p.as_of for d in fresh if (p := self._last(meet, d.key))), default=0)
        cause = cause_of(meet, race, as_of, waiting.after, waiting.words)
        try:
            revision = self._free_revision(meet, key, fresh)
            facts = [decide(each, revision, meet.position, cause) for each in fresh]
        except WireError as e:
            self._alarm(f"name {key}", f"{_who(race)}: {e}", "Correct the program.", meet.position)
            return True
        self._alarms.pop(f"name {key}", None)
        head = self._append([draft(f, d) for f, d in zip(facts, fresh, strict=True)], now)
        if head is None:
            return False
        for at, (fact, each) in enumerate(zip(facts, fresh, strict=True), 1 - len(fresh)):
            position = head.position + at
            self._decided[each.key] = msgspec.structs.replace(
                fact, position=position, recorded_at=head.recorded_at
            )
            # In this order: the folder may be looked at as soon as the file is there.
            self._own.add(fact.name, fact.sha256)
            self._actions.put(Action(fact.name, each.data, position))
        return True

    def _last(self, meet: Meet, key: RaceKey) -> Published | None:
        """The newest decision on a document, folded already or not."""
        if key in self._decided:
            return self._decided[key]
        folded = meet.state.revisions.published.get(key)
        return folded[-1] if folded else None

    def _free_revision(self, meet: Meet, race: RaceKey, fresh: Sequence[Document]) -> int:
        """A number that no revision of any of the race's documents has had, nor a foreign file.

        Somebody else's file under the next name is left alone, and its number is skipped.
        """
        keys = {race, *self._documents_of(race), *(d.key for d in fresh)}
        revision = max(
            max(meet.state.revisions.next_revision(key), self._decided_revision(key) + 1)
            for key in keys
        )
        while name := foreign_name(self._sink, fresh, revision):
            self._alarm(
                f"taken {name}",
                f"{name} is in the meet folder, and we did not write it: its number was skipped.",
                "If another timing system writes here, give one of the two another folder.",
                meet.position,
            )
            revision += 1
        return revision

    def _documents_of(self, race: RaceKey) -> list[RaceKey]:
        return [document for document, owner in self._owners.items() if owner == race]

    def _decided_revision(self, key: RaceKey) -> int:
        decided = self._decided.get(key)
        return decided.revision if decided else 0

    # -- the status ------------------------------------------------------

    def _publish_status(self, meet: Meet, now: int) -> None:
        """Tell the heat: at the start, on every program, on every new heat (PROTOCOLS 3.2).

        A status file that another timing system wrote stays its own.
        """
        if has_foreign_status(meet):
            self._actions.drop(STATUS_FILE)
            self._told = None
            return
        told = (meet.state.program_position, meet.current_race())
        if told == self._told or not meet.position:
            return
        if self._told is None:
            cause = "start"
        elif told[0] != self._told[0]:
            cause = f"program at {told[0]}"
        else:
            cause = f"heat at {meet.position}"
        data = status_document(meet)
        digest = sha256(data).hexdigest()
        head = self._append([status_draft(data, digest, meet.position, cause)], now)
        if head is not None:
            self._told = told
            self._own.add(STATUS_FILE, digest)
            self._actions.put(Action(STATUS_FILE, data, head.position))

    # -- keeping ---------------------------------------------------------

    def _append(self, drafts: list[Draft], now: int) -> Head | None:
        """Append decisions; None, and an alarm, when the log cannot be written now."""
        try:
            head = self._log.append(drafts)
        except StoreUnavailable as e:
            self._append_at = now + RETRY_EVERY
            self._alarm("undecided", f"Nothing is published: {e}", "Trying again by itself.", 0)
            return None
        self._alarms.pop("undecided", None)
        return head

    def _note_withdrawn(self, race: Race, last: Published | None) -> None:
        """Say that what is published no longer holds, as long as there is nothing to replace it."""
        key = f"withdrawn {race_key(race)}"
        if last is None:
            self._alarms.pop(key, None)
            return
        self._alarm(
            key,
            f"{_who(race)}: revision {last.revision} is published, and no longer holds.",
            "Tell the meet manager. A new revision follows when the heat is complete again.",
            last.position,
        )

    def _alarm(self, key: str, text: str, hint: str, position: int) -> None:
        self._alarms[key] = Alarm(key, text, hint, position)


def _who(race: Race) -> str:
    return f"Session {race.session}, event {race.event}, heat {race.heat}"
