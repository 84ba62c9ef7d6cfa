"""`status`, `sources` and `quarantine`: where the meet stands, and what is wrong."""

import time
from collections import Counter

from meetlog import show
from meetlog.asof import UpTo
from meetlog.commands.options import HERE, AtOption, JsonOption, MeetOption, reading
from meetlog.growth import growth_of, lasting, size_of
from meetlog.opening import OpenMeet
from meetlog.output import print_json, put, say, visible
from meetlog.reports import StatusReport
from meetlog.resends import resend_words, source_reports
from meetlog.show_relays import relays_table
from projections.clock import iso_local
from projections.relay_health import GONE, NEVER
from projections.views import Race, RaceState
from store.event import APP_STARTED, APP_STOPPED
from store.log import Log

_STATES: tuple[RaceState, ...] = ("started", "complete", "closed", "scheduled")


def status(*, meet: MeetOption = HERE, at: AtOption = "", json: JsonOption = False) -> None:
    """Show where the meet stands.

    The log's newest event, the sources, the relays, the current heat and the next, what
    was published, and what needs attention. With --at, as it was known then.
    """
    with reading(meet, at) as opened:
        now = opened.meet.state.recorded_at if at else time.time_ns()
        report = status_of(opened, now)
    if json:
        print_json("status", report.head, [report])
        return
    recorded = f"recorded {show.to_ms(report.head_at)}, {show.age(report.age_ns)} ago"
    facts = [
        ("meet", f"{report.meet} (times in {report.zone})"),
        ("log", f"{report.log}, {show.size(report.bytes)}{_pace(report)}"),
        ("newest", f"event {report.head}, {recorded}" if report.head else "nothing recorded yet"),
        ("program", report.program),
        ("current heat", "none" if report.current is None else _race(report.current)),
        ("next start", "none" if report.next is None else show.race_name(report.next)),
        ("races", show.races_line(report.races)),
        ("published", show.count(report.published, "revision")),
        ("quarantine", _quarantined(report.quarantined)),
    ]  # fmt: skip
    for fact in show.facts_lines(facts):
        put(fact)
    if report.sources:
        say("")
        put(show.sources_table(report.sources, now))
    if report.relays:
        say("")
        put(relays_table(report.relays, now))
    lines = show.alarm_lines(report.alarms)
    lines += [each for each in show.source_remarks(report.sources) if each.plain.startswith("W")]
    for line in lines:
        put(line)
    told = [w for relay in report.relays for w in relay.warnings] + _absent(report)
    for text in told:
        put(visible(f"WARNING {text}.", "yellow"))
    troubles = len(report.alarms) + len(told) + sum(bool(s.warning) for s in report.sources)
    say(f"{show.count(troubles, 'thing')} to look at." if troubles else "Nothing needs attention.")


def sources(*, meet: MeetOption = HERE, json: JsonOption = False) -> None:
    """Show how each source does.

    Its state, when it last spoke, what it brought, whether its clock makes
    sense, the gaps in its coverage, and what came of the last time that it
    sent again what it had sent before.
    """
    with reading(meet) as opened:
        found = source_reports(opened.meet)
        position, zone = opened.meet.position, opened.meet.settings.meet.zone
    if json:
        print_json("sources", position, found)
        return
    put(show.sources_table(found, time.time_ns()))
    for line in show.source_remarks(found):
        put(line)
    for each in found:
        if each.resend is not None:
            say(f"RESENT {show.to_ms(each.resend.since)}: {resend_words(each.resend)}.")
    connected = sum(s.state == "connected" for s in found)
    gaps = sum(len(s.gaps) for s in found)
    say(
        f"{show.count(len(found), 'source')}, {connected} connected, "
        f"{show.count(gaps, 'coverage gap')}. Times in {zone}."
    )


def quarantine(*, meet: MeetOption = HERE, json: JsonOption = False) -> None:
    """Show what arrived and could not be used.

    With the reason, a quotation, and what to do about it.
    """
    with reading(meet) as opened:
        found = opened.meet.quarantine()
        position = opened.meet.position
    if json:
        print_json("quarantine", position, found)
        return
    if found:
        put(show.quarantine_table(found))
    pieces = sum(e.count for e in found)
    if not found:
        say("Nothing is in quarantine.")
        return
    first = found[0].position
    say(
        f"{show.count(len(found), 'entry', 'entries')}, {show.count(pieces, 'piece')}. "
        f"To see what event {first} brought: meetlog events --raw --after {first - 1} --limit 1"
    )


def status_of(opened: OpenMeet, now_ns: int) -> StatusReport:
    """Where the meet stands at `now_ns`, as of the position that it is folded to."""
    meet, place = opened.meet, opened.place
    zone = meet.settings.meet.zone
    races = meet.races()
    states = Counter(race.state for race in races)
    current, following = meet.current_race(), meet.next_race()
    at = meet.state.recorded_at or None
    return StatusReport(
        meet=meet.settings.meet.name,
        zone=zone,
        log=str(place.log),
        bytes=size_of(place.log),
        growth=None if isinstance(opened.log, UpTo) else growth_of(opened.log, place.log),
        head=meet.position,
        head_at=iso_local(at, zone),
        head_at_ns=at,
        age_ns=None if at is None else max(0, now_ns - at),
        program=_program(opened.log, zone),
        sources=tuple(meet.sources()),
        relays=tuple(meet.relays()),
        current=None if current is None else meet.race(current),
        next=None if following is None else meet.race(following),
        races={state: states[state] for state in _STATES if states[state]},
        published=sum(map(len, meet.state.revisions.published.values())),
        quarantined=sum(e.count for e in meet.quarantine()),
        alarms=tuple(meet.alarms(now=now_ns)),
        note=opened.note,
    )


def _absent(report: StatusReport) -> list[str]:
    """The sources and relays that a `run` which is at work has no connection with now."""
    if not report.program.startswith("running"):
        return []
    sources = [
        f"{source.source} {_is(source.state)}; the run goes on without it"
        for source in report.sources
        if source.state != "connected"
    ]
    relays = [
        f"{relay.relay} {_is(relay.state)}; what it misses is kept for it"
        for relay in report.relays
        if relay.state not in ("connected", GONE)
    ]
    return sources + relays


def _is(state: str) -> str:
    return f"has {state}" if state == NEVER else f"is {state}"


def _race(race: Race) -> str:
    return f"{show.race_name(race)}: {race.state}"


def _pace(report: StatusReport) -> str:
    """The forecast, where there is one: after the log's size, which it continues."""
    growth = report.growth
    if growth is None:
        return ""
    hourly, free = show.size(growth.bytes_per_hour), show.size(growth.free)
    return f", {hourly} in its busiest hour; {free} free last {lasting(growth.hours_left)} so"


def _quarantined(pieces: int) -> str:
    return f"{show.count(pieces, 'piece')}; see meetlog quarantine" if pieces else "empty"


def _program(log: Log, zone: str) -> str:
    """Whether a `run` is at work, as far as the log tells: one that was killed said no goodbye."""
    last = None
    after = 0
    while events := log.read(after, kinds=(APP_STARTED, APP_STOPPED)):
        last = events[-1]
        after = last.position
    if last is None:
        return "never started"
    at = show.to_ms(iso_local(last.recorded_at, zone))
    return f"running since {at}" if last.kind == APP_STARTED else f"stopped at {at}"
