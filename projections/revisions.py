"""Revisions: what was published of each race, by us and by a Time Drops console in the same folder.

The rule where files disagree: of a console's files the highest revision
number counts, and of one number the newest content. A lower number that
comes late does not replace a higher one. A file of ours that somebody
changed is no result of a console: ours stays in force. Each of these is an
alarm, and nothing is overwritten.
"""

import msgspec

from projections.clock import iso_local
from projections.facts import Published, ResultRead
from projections.rulings import Repeat
from projections.views import Alarm, Revision
from wire.timedrops import RaceKey


class Seen(msgspec.Struct, frozen=True):
    """A console's file, when it was recorded (ns UTC), and whether it was removed since."""

    recorded_at: int
    file: ResultRead
    gone: bool = False


class Revisions(msgspec.Struct):
    """All revisions by race, in the order of the log."""

    published: dict[RaceKey, list[Published]] = {}
    seen: dict[RaceKey, list[Seen]] = {}
    names: dict[str, str] = {}
    alarms: list[Alarm] = []

    def publish(self, fact: Published) -> RaceKey:
        """Take a decision of ours over."""
        key = RaceKey(fact.session, fact.event, fact.heat)
        self.published.setdefault(key, []).append(fact)
        self.names[fact.name] = fact.sha256
        return key

    def is_own(self, name: str, sha256: str) -> bool:
        """Whether a file of this name and content was published by us."""
        return self.names.get(name) == sha256

    def see(self, fact: ResultRead, recorded_at: int) -> RaceKey:
        """Take a console's result file over, with the alarms it deserves."""
        result = fact.result
        key = RaceKey(result.session_id, result.event, result.heat)
        who = f"session {key.session} event {key.event} heat {key.heat}"
        if fact.path in self.names:
            self._alarm(
                f"collision {fact.path} {fact.position}",
                f"{fact.path} was published by us and now has a content that is not ours.",
                "What we published stays in force. Was it edited by hand? Does another system "
                "write results into this folder?",
                fact.position,
            )
            return key
        before = self.seen.setdefault(key, [])
        same = [s for s in before if s.file.result.revision == result.revision]
        if same and (same[-1].file.path, same[-1].file.sha256) == (fact.path, fact.sha256):
            return key  # the file was taken away and put back
        if same and result.revision > 0 and same[-1].file.sha256 != fact.sha256:
            self._alarm(
                f"rewritten {fact.path} {fact.position}",
                f"Revision {result.revision} of {who} came with two different contents.",
                "The newest is shown; both are in the log. Ask at the console which one is meant.",
                fact.position,
            )
        highest = max((s.file.result.revision for s in before), default=0)
        if result.revision < highest:
            self._alarm(
                f"late {fact.path} {fact.position}",
                f"Revision {result.revision} of {who} came after revision {highest}.",
                f"Revision {highest} stays in force.",
                fact.position,
            )
        before.append(Seen(recorded_at, fact))
        return key

    def lose(self, path: str) -> list[RaceKey]:
        """A file was removed from the folder: a console's results in it no longer count.

        What it said stays in the list of revisions, and its number stays used.
        """
        lost = []
        for key, seen in self.seen.items():
            if any(s.file.path == path and not s.gone for s in seen):
                self.seen[key] = [
                    msgspec.structs.replace(s, gone=True) if s.file.path == path else s
                    for s in seen
                ]
                lost.append(key)
        return lost

    def _alarm(self, key: str, text: str, hint: str, position: int) -> None:
        self.alarms.append(Alarm(key, text, hint, position))

    def console(self, key: RaceKey, repeat: Repeat | None = None) -> ResultRead | None:
        """The console's result in force for a race; see `files`."""
        there = self.files(key, repeat)
        # Of equal numbers `max` takes the first, so the newest has to come first.
        return max(reversed(there), key=lambda file: file.result.revision, default=None)

    def files(self, key: RaceKey, repeat: Repeat | None = None) -> list[ResultRead]:
        """The console's files of a race, without those removed; only of the swim after `repeat`.

        Those are the files that came after it was said, or have its race number.
        """
        there = [s.file for s in self.seen.get(key, ()) if not s.gone]
        if repeat is None:
            return there
        return [
            file
            for file in there
            if file.position > repeat.position or file.result.race_number == repeat.race_number
        ]

    def next_revision(self, key: RaceKey) -> int:
        """A revision number that nobody has used for the race, counted from 1."""
        ours = [p.revision for p in self.published.get(key, ())]
        theirs = [s.file.result.revision for s in self.seen.get(key, ())]
        return max([0, *ours, *theirs]) + 1

    def last(self, key: RaceKey) -> int:
        """The highest revision of a race so far, 0 before the first."""
        return self.next_revision(key) - 1

    def views(self, zone: str, *, after: int = 0, newest: int | None = None) -> list[Revision]:
        """Those of events later than `after`, or the `newest` so many, in the order of the log."""
        found: list[tuple[RaceKey, Published | Seen]] = []
        for known in (self.published, self.seen):
            for key, each in known.items():
                found += [(key, told) for told in each if _position((key, told)) > after]
        found.sort(key=_position)
        begin = 0 if newest is None else max(0, len(found) - newest)
        return [_view(key, told, zone) for key, told in found[begin:]]


def _position(revision: tuple[RaceKey, Published | Seen]) -> int:
    told = revision[1]
    return told.file.position if isinstance(told, Seen) else told.position


def _view(key: RaceKey, told: Published | Seen, zone: str) -> Revision:
    if isinstance(told, Published):
        return Revision(
            told.session,
            told.event,
            told.heat,
            told.race_number,
            told.revision,
            "meetlog",
            told.name,
            told.sha256,
            told.position,
            iso_local(told.recorded_at, zone),
            told.cause,
            told.author,
            told.reason,
        )
    return Revision(
        key.session,
        key.event,
        key.heat,
        told.file.result.race_number,
        told.file.result.revision,
        "time-drops",
        told.file.path,
        told.file.sha256,
        told.file.position,
        iso_local(told.recorded_at, zone),
        "result file",
        "time-drops",
        "",
    )
