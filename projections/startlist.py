"""The start list: all versions of the program, who is in which lane, whose chip is whose."""

from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter

import msgspec

from wire.timedrops import Heat, LaneEntry, Program, RaceKey, Session, Swimmer, Team


class Version(msgspec.Struct, frozen=True):
    """The current session's heats in program order, from event `position` on."""

    position: int
    order: tuple[RaceKey, ...]


class Entry(msgspec.Struct, frozen=True):
    """A heat as last announced. `order` is its place in its session; a heat dropped by a later
    program stays, since it may have been swum."""

    key: RaceKey
    session_number: int
    race_number: int
    order: int
    lanes: tuple[LaneEntry, ...]


class Difference(msgspec.Struct, frozen=True):
    """In what a version of the program differs from what was known.

    `races` are other than before, or new; `swimmers` are in them or were, or
    have another name. `order`: the heats come in another one. `everybody`:
    teams are others, whose swimmers are not told apart.
    """

    races: frozenset[RaceKey] = frozenset()
    swimmers: frozenset[str] = frozenset()
    order: bool = False
    everybody: bool = False


class StartList(msgspec.Struct):
    """What the programs and chip tables said so far.

    Swimmers and teams that a later program leaves out stay: they may have
    swum. `tags` has every swimmer's id, as it is and without leading zeros.
    """

    versions: list[Version] = []
    entries: dict[RaceKey, Entry] = {}
    swimmers: dict[str, Swimmer] = {}
    teams: dict[str, Team] = {}
    chips: dict[str, str] = {}
    tags: dict[str, str] = {}
    warnings: list[str] = []
    program_at: str = ""

    def read_program(self, position: int, program: Program, session: str) -> Difference:
        """Take over a version of the program; `session` is the one to run when none is current.

        `tags` are another object after any difference but one of order alone.
        """
        number = 0
        current = _current(program, session)
        races: set[RaceKey] = set()
        swimmers: set[str] = set()
        for each in program.sessions:
            for heat in each.heats:
                number += 1
                entry = _entry(each, heat, number)
                before = self.entries.get(entry.key)
                if entry != before:
                    self.entries[entry.key] = entry
                    races.add(entry.key)
                    swimmers.update(_swimmers(entry), _swimmers(before) if before else ())
        order = tuple(_key(current, heat) for heat in current.heats) if current else ()
        reordered = not self.versions or self.versions[-1].order != order
        if reordered:
            self.versions.append(Version(position, order))
        swimmers |= {s.id for s in program.swimmers if s != self.swimmers.get(s.id)}
        self.swimmers |= {s.id: s for s in program.swimmers}
        everybody = any(t != self.teams.get(t.id) for t in program.teams)
        self.teams |= {t.id: t for t in program.teams}
        if races or swimmers or everybody:
            ids = [*self.swimmers, *(s for e in self.entries.values() for s in _swimmers(e))]
            self.tags = {canonical(i): i for i in ids} | {i: i for i in ids}
        self.warnings = list(program.warnings)
        self.program_at = program.program_at
        return Difference(frozenset(races), frozenset(swimmers), reordered, everybody)

    def entry(self, key: RaceKey) -> Entry:
        """The heat; one without lanes for a race that no program named (a console's own)."""
        return self.entries.get(key) or Entry(key, 0, 0, len(self.entries) + 1, ())

    def in_force(self, position: int) -> Version:
        """The version that an event at `position` was read under; the first for earlier ones."""
        if not self.versions:
            return Version(0, ())
        after = bisect_right(self.versions, position, key=attrgetter("position"))
        return self.versions[max(0, after - 1)]

    def swimmer_of(self, chip: str) -> str:
        """The swimmer's id of a chip, "" if unknown: by the chip table, or a tag that is an id.

        Numeric chips match whatever their leading zeros, which TsV1 loses
        (PROTOCOLS 2), and so do ids in a chip table, which spreadsheets touch.
        """
        short = canonical(chip)
        found = self.chips.get(chip) or self.chips.get(short)
        if found:
            return self.swimmer_listed(found)
        return self.tags.get(chip) or self.tags.get(short, "")

    def swimmer_listed(self, text: str) -> str:
        """The id of the swimmer that a chip table calls `text`; `text` itself if nobody has it."""
        return self.tags.get(text) or self.tags.get(canonical(text), text)

    def name_of(self, swimmer: str) -> str:
        """First and last name, "" for somebody the program does not know."""
        s = self.swimmers.get(swimmer)
        return f"{s.first_name} {s.last_name}".strip() if s else ""


def _swimmers(entry: Entry) -> Iterator[str]:
    return (swimmer for lane in entry.lanes for swimmer in lane.swimmer_ids)


def canonical(chip: str) -> str:
    """A chip without leading zeros when it is a number; anything else as it is."""
    return chip.lstrip("0") or "0" if chip.isascii() and chip.isdigit() else chip


def chip_index(table: dict[str, str]) -> dict[str, str]:
    """The chip table with a second key for each numeric chip, without its leading zeros."""
    return {canonical(chip): swimmer for chip, swimmer in table.items()} | table


def _current(program: Program, wanted: str) -> Session | None:
    marked = [s for s in program.sessions if s.current]
    by_name = [s for s in program.sessions if wanted and s.id == wanted]
    for choice in (marked, by_name, list(program.sessions)):
        if choice:
            return choice[0]
    return None


def _key(session: Session, heat: Heat) -> RaceKey:
    return RaceKey(session.id, heat.event, heat.heat)


def _entry(session: Session, heat: Heat, order: int) -> Entry:
    return Entry(_key(session, heat), session.number, heat.race_number, order, heat.lanes)
