"""Finding what a person named: a race, a lane, a chip, a point...; or saying what is nearby."""

from collections.abc import Iterable
from difflib import get_close_matches

from meetlog.refusals import Unsayable
from projections.facts import Stated
from projections.meet import Meet
from projections.races import course_of
from projections.startlist import canonical
from projections.views import Alarm, Lane, Race
from wire.timedrops import RaceKey

_MOST = 8  # of what exists that a message lists
_LONGEST_NUMBER = 9


def find_race(meet: Meet, text: str) -> Race:
    """The race `SESSION/EVENT/HEAT`, `EVENT/HEAT` of the current session, or `#12` (or `12`).

    Event numbers match in any case. Raises `Unsayable` naming what there is.
    """
    races = meet.races()
    if not races:
        raise Unsayable("There are no races yet: no program has been read.")
    shown = text.strip()
    number = shown.removeprefix("#")
    if "/" not in number and _is_number(number):
        return _one(_by_number(meet, races, int(number)), f"race number {number}", meet, races)
    parts = [part.strip() for part in shown.rsplit("/", 2)]
    if len(parts) < 2 or not all(parts) or not _is_number(parts[-1]):
        raise Unsayable(
            f"{text!r} names no race: write SESSION/EVENT/HEAT, EVENT/HEAT of the current "
            f"session, or a race number such as '#12'. {_some(meet, races)}"
        )
    event, heat = parts[-2].casefold(), int(parts[-1])
    named = [r for r in races if r.event.casefold() == event and r.heat == heat]
    if len(parts) == 3:
        named = [r for r in named if r.session.casefold() == parts[0].casefold()]
    else:
        named = [r for r in named if r.session == current_session(meet)]
    return _one(named, f"race {shown}", meet, races)


def current_session(meet: Meet) -> str:
    """The id of the session that is on: of the current heat, else of the newest program."""
    current = meet.current_race()
    if current is not None:
        return current.session
    versions = meet.state.startlist.versions
    for version in reversed(versions):
        if version.order:
            return version.order[0].session
    return next((race.session for race in meet.races()), "")


def find_lane(race: Race, number: int) -> Lane:
    """The lane of a race; raises `Unsayable` naming those that it has."""
    for lane in race.lanes:
        if lane.lane == number:
            return lane
    there = ", ".join(f"{lane.lane}" for lane in race.lanes) or "none"
    raise Unsayable(f"{name(race)} has no lane {number}. Its lanes: {there}.")


def find_chip(meet: Meet, text: str) -> str:
    """A chip that was read, spelled as it was read (TsV1 loses leading zeros, PROTOCOLS 2)."""
    read = meet.state.reads.chips
    if text in read:
        return text
    same = sorted(chip for chip in read if canonical(chip) == canonical(text))
    if len(same) == 1:
        return same[0]
    if same:
        raise Unsayable(f"Chip {text} was read as {_listed(same)}; name one of them.")
    raise Unsayable(f"Chip {text} was never read.{_like(text, read)}")


def find_point(meet: Meet, text: str) -> str:
    """A timing point's own name: of the settings, of a course, or one that was read."""
    known = {point.settings.name for point in meet.points()}
    known |= {leg.point for course in meet.settings.courses for leg in course.legs}
    known |= {leg.point for leg in course_of(meet.settings, "").legs}
    return _named(text, known, "timing point")


def find_source(meet: Meet, text: str) -> str:
    """A source's own name: one that is configured or has spoken."""
    return _named(text, [source.source for source in meet.sources()], "source")


def find_swimmer(meet: Meet, text: str) -> str:
    """The id of somebody in the program, by id (or bib) or by the full name.

    Without a program any id is taken, since the chips may be handed out first.
    """
    startlist = meet.state.startlist
    if not startlist.tags:
        return text
    found = startlist.swimmer_listed(text)
    if found in startlist.tags.values():
        return found
    named = [i for i in startlist.swimmers if _same(startlist.name_of(i), text)]
    if len(named) == 1:
        return named[0]
    if named:
        raise Unsayable(f"There are several of the name {text}: {_listed(named)}. Give the id.")
    people = {i: startlist.name_of(i) for i in startlist.swimmers}
    close = get_close_matches(text.casefold(), {n.casefold() for n in people.values()}, n=3)
    near = [f"{i} ({n})" for i, n in people.items() if n.casefold() in close]
    near += get_close_matches(text, people, n=3) if not near else []
    hint = f" Did you mean {_listed(near)}?" if near else " Give an id of the program, or a name."
    raise Unsayable(f"Nobody in the program is {text}.{hint}")


def find_statement(meet: Meet, position: int) -> Stated:
    """The statement at `position`; raises `Unsayable` naming the newest ones."""
    stated = meet.state.stated
    for fact in stated:
        if fact.position == position:
            return fact
    there = f"Event {position} is no statement"
    if position > meet.position:
        there = f"There is no event {position}: the newest is {meet.position}"
    if not stated:
        raise Unsayable(f"{there}. Nothing was stated yet.")
    near = sorted(stated, key=lambda s: abs(s.position - position))[:3]
    listed = ", ".join(str(s.position) for s in sorted(near, key=lambda s: s.position))
    raise Unsayable(f"{there}. The nearest statements: {listed}. See meetlog history.")


def find_alarm(meet: Meet, text: str) -> Alarm:
    """The alarm with that key, or the one about that event; raises `Unsayable` naming those there.

    Of several about one event, the first that nobody has acknowledged.
    """
    alarms = meet.alarms()
    named = [a for a in alarms if text in (a.key, str(a.position))]
    for alarm in sorted(named, key=lambda a: bool(a.acknowledged)):
        return alarm
    listed = "; ".join(f"{a.position}: {a.text}" for a in alarms if not a.acknowledged)
    there = f"There are, by their events: {listed}" if listed else "There is none to acknowledge."
    raise Unsayable(f"There is no alarm {text!r}. {there}")


def name(race: Race) -> str:
    """`Event 4A, heat 2 of session 1 (race 7)`."""
    return f"Event {race.event}, heat {race.heat} of session {race.session} ({_numbered(race)})"


def key_of(race: Race) -> RaceKey:
    """The race's identity (DESIGN 6)."""
    return RaceKey(race.session, race.event, race.heat)


def _by_number(meet: Meet, races: list[Race], number: int) -> list[Race]:
    """The races of that number, in the current session if there are any."""
    found = [race for race in races if race.race_number == number]
    here = [race for race in found if race.session == current_session(meet)]
    return here or found


def _one(found: list[Race], what: str, meet: Meet, races: list[Race]) -> Race:
    if len(found) == 1:
        return found[0]
    if found:
        listed = _listed(_path(race) for race in found)
        raise Unsayable(f"There are several with {what}: {listed}. Write one of these.")
    raise Unsayable(f"There is no {what}. {_some(meet, races, what)}")


def _some(meet: Meet, races: list[Race], like: str = "") -> str:
    """What races there are: those spelled like `like` first, then around the current one."""
    paths = {_path(race): race for race in races}
    close = get_close_matches(like.removeprefix("race "), paths, n=3, cutoff=0.5) if like else []
    here = meet.current_race()
    at = next((i for i, race in enumerate(races) if key_of(race) == here), 0)
    around = [_path(race) for race in races[max(0, at - 2) :]]
    shown = list(dict.fromkeys([*close, *around]))[:_MOST]
    listed = ", ".join(f"{path} ({_numbered(paths[path])})" for path in shown)
    more = f" and {len(races) - len(shown)} more" if len(races) > len(shown) else ""
    return f"There are {listed}{more}."


def _path(race: Race) -> str:
    return f"{race.session}/{race.event}/{race.heat}"


def _numbered(race: Race) -> str:
    return f"race {race.race_number}"


def _named(text: str, known: Iterable[str], noun: str) -> str:
    names = sorted(known)
    if text in names:
        return text
    same = [each for each in names if _same(each, text)]
    if len(same) == 1:
        return same[0]
    there = f" There are {_listed(names[:_MOST])}." if names else " There are none."
    raise Unsayable(f"There is no {noun} {text!r}.{there}")


def _like(text: str, known: Iterable[str]) -> str:
    """` Did you mean ...?`, of what is spelled nearly so; "" when nothing is."""
    close = get_close_matches(text, list(known), n=3)
    return f" Did you mean {_listed(close)}?" if close else " See meetlog crossings."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
