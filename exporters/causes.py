"""Causes: why a race's document is another than the one published before it."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

from projections.facts import Stated
from projections.meet import Meet
from projections.rulings import race_of
from projections.startlist import canonical
from projections.views import Race
from wire.statements import (
    AddCrossing,
    AdoptSettings,
    AssignChip,
    RaceStatement,
    ShiftClock,
    Statement,
    VoidReads,
    Withdraw,
)
from wire.timedrops import RaceKey

AUTHOR = "meetlog"  # of what nobody said: the log and its rules did it


class Cause(NamedTuple):
    """`text` names what came since the last revision, newest first, with event positions.

    For example `statement at 90, reads at 84`. `author` and `reason` are those
    of the newest one where a person said it.
    """

    text: str
    author: str
    reason: str


def cause_of(
    meet: Meet, race: Race, published: int, changed: int, words: tuple[str, ...] = ()
) -> Cause:
    """The causes of what `race` is now.

    `published` is the position that its last document was made at (0 for
    none), `changed` the one before its last change. Reads, and statements
    about the race or a chip in it, count since `published`. Of statements about
    the whole meet (a clock, settings), of a program, whose every version lists every
    race, and of `words`, which have no position of their own, it is only
    known that they came with the last change.
    """
    key = RaceKey(race.session, race.event, race.heat)
    found: list[tuple[int, str, str, str]] = []
    elsewhere: tuple[int, str, str, str] | None = None
    every = meet.state.stated
    swimmers = {swimmer for lane in race.lanes for swimmer in lane.swimmer_ids}
    worn = _worn(meet, swimmers)
    for stated in every[bisect_right(every, published, key=_position) :]:
        said: Statement = stated.statement
        entry = (stated.position, "statement", said.author, said.reason)
        about = _about(key, worn, every, stated)
        if about == "race" or (about and stated.position > changed):
            found.append(entry)
            if about == "settings":
                words = tuple(word for word in words if word != "settings")
        elif stated.position > changed:
            elsewhere = entry
    seen = {stated.position for stated in every}  # a crossing that somebody saw
    positions = (s.position for lane in race.lanes for s in lane.splits)
    reads = max((p for p in positions if p not in seen), default=0)
    start = meet.starts().by_race.get(key)
    if start is not None and not start.by_hand:
        reads = max(reads, start.position)
    if reads > published:
        found.append((reads, "reads", AUTHOR, ""))
    if meet.state.program_position > max(published, changed):
        found.append((meet.state.program_position, "program", AUTHOR, ""))
    found += [(meet.position, word, AUTHOR, "") for word in words]
    if not found:
        # A statement about another race may end or begin this one (DESIGN 6);
        # else a read fell out of a crossing, and left no position behind.
        found = [elsewhere or (meet.position, "reads", AUTHOR, "")]
    newest: dict[str, tuple[int, str, str, str]] = {}
    for entry in sorted(found, reverse=True):
        newest.setdefault(entry[1], entry)
    text = ", ".join(f"{word} at {position}" for position, word, _, _ in newest.values())
    _, _, author, reason = next(iter(newest.values()))
    return Cause(text, author, reason)


def _about(
    race: RaceKey, worn: Callable[[str], bool], every: Sequence[Stated], stated: Stated
) -> str:
    """What a statement bears on: this `race`, a `clock` or the `settings`; "" for anything else.

    A withdrawal bears on what it withdraws. `every` statement is in the order of the log.
    """
    said = stated.statement
    while isinstance(said, Withdraw):
        at = bisect_left(every, said.position, key=_position)
        named = every[at] if at < len(every) else stated
        if named.position != said.position or named.position >= stated.position:
            return ""
        stated, said = named, named.statement
    match said:
        case RaceStatement():
            return "race" if race_of(said) == race else ""
        case AssignChip() | VoidReads() | AddCrossing():
            return "race" if worn(said.chip) else ""
        case ShiftClock():
            return "clock"
        case AdoptSettings():
            return "settings"
        case _:
            return ""


def _worn(meet: Meet, swimmers: Set[str]) -> Callable[[str], bool]:
    """Tells whether any of the swimmers has, had, or was ever said to have a chip."""
    given = {
        canonical(stated.statement.chip)
        for stated in meet.state.stated
        if isinstance(stated.statement, AssignChip) and stated.statement.swimmer in swimmers
    }

    def worn(chip: str) -> bool:
        return canonical(chip) in given or meet.state.startlist.swimmer_of(chip) in swimmers

    return worn


def _position(stated: Stated) -> int:
    return stated.position
