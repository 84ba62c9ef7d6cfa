"""Tables for people, from views. Everything is said in words; they fit 100 columns."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from meetlog.output import Rows, visible
from projections.rounding import format_cs
from projections.views import (
    Alarm,
    Crossing,
    Lane,
    QuarantineEntry,
    Race,
    Revision,
    SourceHealth,
)
from wire.stamps import NS

if TYPE_CHECKING:
    from rich.text import Text

# What a lane's status means, for those who do not know the letters.
STATUS_WORDS = {
    "DQ": "disqualified (DQ)",
    "NS": "no show (NS)",
    "DNF": "did not finish (DNF)",
    "EMPTY": "empty lane",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def age(ns: int | None) -> str:
    """`3 s`, `2 min`, `5 h`, `4 days`; `never` for None."""
    if ns is None:
        return "never"
    seconds = max(0, ns) // NS
    if seconds < 2 * _MINUTE:
        return f"{seconds} s"
    if seconds < 2 * _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h" if seconds < 2 * _DAY else f"{seconds // _DAY} days"


def seconds(ns: int) -> str:
    """`1.5 s`, exactly, without zeros at the end."""
    sign, (whole, rest) = "-" if ns < 0 else "", divmod(abs(ns), NS)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{sign}{whole}{fraction} s"


def size(count: int) -> str:
    """`812 bytes`, `3.4 kB`, `12.1 MB`."""
    if count < 1000:
        return f"{count} bytes"
    for unit in ("kB", "MB", "GB"):
        tenths = count // 100
        if tenths < 10_000 or unit == "GB":
            return f"{tenths // 10}.{tenths % 10} {unit}"
        count //= 1000
    return ""


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 race`, `2 races`."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def local(iso: str) -> str:
    """A view's ISO text as date and time of day, without the offset, which is told once below."""
    clock = iso[11:]
    for sign in "+-":
        clock = clock.partition(sign)[0]
    return f"{iso[:10]} {clock}".strip()


def to_ms(iso: str) -> str:
    """As `local`, to the millisecond: what is only told when it was recorded or said."""
    whole, dot, fraction = local(iso).partition(".")
    return f"{whole}{dot}{fraction[:3]}"


def race_name(race: Race) -> str:
    """`session 1, event 4A, heat 2 (race 7)`."""
    return f"session {race.session}, event {race.event}, heat {race.heat} (race {race.race_number})"


def crossings_table(crossings: Iterable[Crossing]) -> Rows:
    """One row per crossing, in order of moment."""
    table = Rows(
        "moment", "point", "chip", "swimmer", "reads", "state", "from", "event",
        right=("reads", "event"),
    )  # fmt: skip
    for c in crossings:
        state = "provisional" if c.provisional else "official"
        origin = f"{c.source} (backup)" if c.backup else c.source
        table.add(local(c.moment), c.point, c.chip, c.swimmer or "unknown", c.reads, state,
            origin, c.position,
        )  # fmt: skip
    return table


def race_heading(race: Race) -> "Text":
    """One race in a line: its identity, its state, its start, its revision."""
    facts: list[str] = [race.state]
    if race.start:
        facts.append(f"started {local(race.start)}")
    if race.origin:
        facts.append("times from chips" if race.origin == "chips" else "times from the console")
    facts.append(f"revision {race.revision}" if race.revision else "not published")
    heading = race_name(race)
    return visible(f"{heading[0].upper()}{heading[1:]}: {', '.join(facts)}", "bold")


def race_table(race: Race) -> Rows:
    """The lanes of one race with places, times and splits."""
    combined = any(lane.event != race.event for lane in race.lanes)
    columns = ["place", "lane", "name", "team", "time", "status", "splits"]
    if combined:
        columns.insert(2, "event")
    table = Rows(*columns, right=("place", "lane", "time"))
    for lane in race.lanes:
        cells: list[object] = [
            "" if lane.place is None else lane.place, lane.lane, lane.name or _unnamed(lane),
            lane.team, format_cs(lane.time_cs), STATUS_WORDS.get(lane.status, lane.status),
            splits(lane),
        ]  # fmt: skip
        if combined:
            cells.insert(2, lane.event)
        table.add(*cells)
    return table


def _unnamed(lane: Lane) -> str:
    return ", ".join(lane.swimmer_ids)


def splits(lane: Lane) -> str:
    """`25: 14.20, 50: 30.11`; a distance of 0 shows its point."""
    return ", ".join(
        f"{split.distance or split.point}: {format_cs(split.time_cs)}" for split in lane.splits
    )


def revisions_table(revisions: Iterable[Revision]) -> Rows:
    """One row per revision, in the order given."""
    table = Rows(
        "race", "rev", "recorded", "by", "why", "file", "sha256", "event", right=("rev", "event")
    )
    for r in revisions:
        why = f"{r.cause}: {r.reason}" if r.reason else r.cause
        table.add(f"{r.session}/{r.event}/{r.heat}", r.revision, to_ms(r.recorded_at),
            r.author or r.origin, why, r.name, r.sha256[:8], r.position,
        )  # fmt: skip
    return table


def sources_table(sources: Iterable[SourceHealth], now_ns: int) -> Rows:
    """One row per source: its state, how long it has been silent, and what it brought."""
    table = Rows(
        "source", "state", "last byte", "last read", "reads", "new", "known", "bad", "skew",
        right=("last byte", "last read", "reads", "new", "known", "bad", "skew"),
    )  # fmt: skip
    for s in sources:
        who = f"{s.source} ({s.protocol})" if s.protocol else s.source
        state = f"{s.state}: {', '.join(s.peers)}" if s.peers else s.state
        table.add(who, state, ago(s.last_byte_ns, now_ns), ago(s.last_read_ns, now_ns),
            s.received, s.new, s.known, s.quarantined,
            "" if s.skew_ms is None else f"{s.skew_ms} ms",
        )  # fmt: skip
    return table


def ago(moment_ns: int | None, now_ns: int) -> str:
    """`3 s ago`; `never` for None."""
    return "never" if moment_ns is None else f"{age(now_ns - moment_ns)} ago"


def source_remarks(sources: Iterable[SourceHealth]) -> "list[Text]":
    """The warnings and the coverage gaps, a line each."""
    lines = []
    for s in sources:
        if s.warning:
            lines.append(visible(f"WARNING {s.warning}.", "yellow"))
        for gap in s.gaps:
            until = f"until {to_ms(gap.until)}" if gap.until else "and it still lasts"
            lines.append(
                visible(f"GAP {s.source} was not listened to from {to_ms(gap.since)} {until}.")
            )
    return lines


def quarantine_table(entries: Iterable[QuarantineEntry]) -> Rows:
    """One row per entry: what arrived, why it was not used, what to do."""
    table = Rows(
        "event", "source", "times", "what is wrong", "quoted", "what to do",
        right=("event", "times"),
    )  # fmt: skip
    for e in entries:
        table.add(e.position, e.source, e.count, e.reason, e.excerpt, e.hint)
    return table


def alarm_lines(alarms: Iterable[Alarm]) -> "list[Text]":
    """Two lines per alarm: what it is, and what to do."""
    lines = []
    for alarm in alarms:
        seen = f", seen by {alarm.acknowledged}" if alarm.acknowledged else ""
        lines.append(visible(f"ALARM {alarm.text} (event {alarm.position}{seen})", "bold red"))
        if alarm.hint:
            lines.append(visible(f"      {alarm.hint}"))
    return lines


def facts_lines(facts: Sequence[tuple[str, str]]) -> "list[Text]":
    """Pairs of a name and what is to be said about it, a line each."""
    width = max(len(name) for name, _ in facts)
    lines = []
    for name, text in facts:
        line = visible(f"{name:<{width}}  {text}")
        line.stylize("bold", 0, len(name))
        lines.append(line)
    return lines


def races_line(races: dict[str, int]) -> str:
    """`3 races: 1 complete, 2 scheduled`; `no races` without any."""
    if not races:
        return "no races"
    states = ", ".join(f"{number} {state}" for state, number in races.items())
    return f"{count(sum(races.values()), 'race')}: {states}"
