"""Explaining: each lane's time, from the published file down to the bytes, and what was not chosen.

Nothing is folded here: the projections say what they chose, the reads of the
lanes' chips are traced through the log once, and the two are put together.
"""

from collections.abc import Callable, Collection, Sequence

from exporters.documents import owners, race_key
from meetlog.auditing import AuditedRevision, Papers, audit
from meetlog.citing import Citations, Traces, traced, whole_file
from meetlog.explanations import (
    ExplainedRead,
    Explanation,
    PublishedAs,
)
from meetlog.judging import judge
from meetlog.readback import parsed, status_of
from meetlog.testimony import about_lane, decisive
from meetlog.verdicts import Verdict, Window
from projections.clock import iso_local
from projections.meet import Meet
from projections.races import course_of
from projections.rounding import format_cs
from projections.startlist import canonical
from projections.views import Lane, Race
from store.log import Log
from wire.statements import AssignChip, ClearTime, SetTime
from wire.timedrops import RaceKey, ResultFile

Progress = Callable[[int], None]


def explain(
    log: Log,
    meet: Meet,
    papers: Papers,
    race: Race,
    *,
    lanes: Collection[int] | None = None,
    progress: Progress | None = None,
) -> list[Explanation]:
    """The lanes of a race explained, all of them when `lanes` is None; goes through `log` once.

    `meet` is settled and folded from `log`; `papers` are from the same.
    """
    wanted = [x for x in race.lanes if lanes is None or x.lane in lanes]
    chips = {lane.lane: _chips(meet, papers, lane) for lane in wanted}
    start = meet.starts().by_race.get(race_key(race))
    traces = traced(
        log,
        meet,
        {chip for each in chips.values() for chip in each},
        {start.position} if start else set(),
        progress,
    )
    explainer = _Explainer(log, meet, papers, race, traces)
    return [explainer.lane(lane, chips[lane.lane]) for lane in wanted]


def _chips(meet: Meet, papers: Papers, lane: Lane) -> tuple[str, ...]:
    """The lane's chips, and those that any chip table or statement ever gave to its swimmers."""
    startlist = meet.state.startlist
    given = {
        canonical(chip)
        for _, table in papers.tables
        for chip, listed in table.items()
        if startlist.swimmer_listed(listed) in lane.swimmer_ids
    }
    given |= {
        canonical(stated.statement.chip)
        for stated in meet.state.stated
        if isinstance(stated.statement, AssignChip) and stated.statement.swimmer in lane.swimmer_ids
    }
    former = {chip for chip in meet.state.reads.chips if canonical(chip) in given}
    return (*lane.chips, *sorted(former - set(lane.chips)))


class _Explainer:
    """One race, explained."""

    def __init__(self, log: Log, meet: Meet, papers: Papers, race: Race, traces: Traces) -> None:
        self.log = log
        self.meet = meet
        self.papers = papers
        self.race = race
        self.key = race_key(race)
        self.start = meet.starts().by_race.get(self.key)
        self.citations = Citations(meet, traces)
        self.revisions = audit(meet, papers)

    def lane(self, lane: Lane, chips: Sequence[str]) -> Explanation:
        """One lane."""
        course = course_of(self.meet.settings, lane.event)
        repeat = self.meet.rulings().repeats.get(self.key)
        console = self.meet.state.revisions.console(self.key, repeat)
        nothing = self._nothing(lane, console is not None)
        gun = self.start.moment if self.start else 0
        until = self.meet.next_start(lane.swimmer_ids, gun) if self.start else None
        window = Window(lane, course, gun, until, nothing)
        crossed, judged = judge(self.meet, window, chips)
        reads = [each for read in judged for each in self.citations.reads(read)]
        others = [r for r in reads if r.why != "chosen" and self._matters(r, lane, window)]
        published = self._published(lane)
        ruled = decisive(self.meet, self.key, (SetTime, ClearTime), lane.lane)
        legs = (
            ()
            if console is not None
            else tuple(
                self.citations.leg(
                    leg, crossed, reads, course.minimum, finish=leg is course.legs[-1]
                )
                for leg in course.legs
            )
        )
        time_from = "" if lane.time_cs is None else "console" if console else "crossing"
        if ruled is not None and lane.time_cs is not None:
            time_from = "statement"
        sources = {r.source for r in reads} | self.citations.sources(self.start)
        return Explanation(
            session=self.race.session,
            event=self.race.event,
            heat=self.race.heat,
            race_number=self.race.race_number,
            lane=lane.lane,
            name=lane.name or ", ".join(lane.swimmer_ids),
            team=lane.team,
            swimmer_ids=lane.swimmer_ids,
            chips=lane.chips,
            time_cs=lane.time_cs,
            time=format_cs(lane.time_cs),
            status=lane.status,
            place=lane.place,
            time_from=time_from,
            note=self._note(lane, published, nothing),
            published=published,
            time_statement=ruled,
            console=None if console is None else whole_file(self.log, console.position),
            start=self.citations.start(self.key, self.start),
            until=iso_local(until, self.meet.settings.meet.zone),
            until_ns=until,
            legs=legs,
            statements=about_lane(self.meet, self.key, lane.lane, chips, sources),
            others=tuple(sorted(others, key=lambda r: (r.moment_ns, r.position))),
        )

    # -- what frames the lane ------------------------------------------------

    def _nothing(self, lane: Lane, console: bool) -> Verdict | None:
        """Why no read at all gives this lane a time."""
        if console:
            return Verdict("console", "the console's result file counts, not the chips")
        if self.start is None:
            return Verdict("no-start", "the heat has no start")
        if lane.status == "EMPTY" and not lane.splits:
            return Verdict("empty-lane", "the lane is empty")
        return None

    def _note(self, lane: Lane, published: PublishedAs | None, nothing: Verdict | None) -> str:
        if published is not None and not published.agrees:
            now = " ".join(filter(None, (format_cs(lane.time_cs), lane.status))) or "no time"
            then = " ".join(filter(None, (published.time, published.status))) or "no time"
            return (
                f"Revision {published.revision} says {then}; the log now gives {now}, and a new "
                "revision has not been published."
            )
        if nothing is not None and nothing.why != "console":
            return f"There is nothing to time: {nothing.reason}."
        if lane.time_cs is None and not lane.status:
            return "There is no time: no crossing of the finish counts."
        return "" if published is not None else "This result is not published yet."

    def _published(self, lane: Lane) -> PublishedAs | None:
        """The newest revision of the document that has the lane."""
        own = RaceKey(self.race.session, lane.event, self.race.heat)
        owner = owners(self.meet.races())
        key = own if owner.get(own, self.key) == self.key else self.key
        of_race = [
            r for r in self.revisions if (r.session, r.event, r.heat) == key and not r.problem
        ]
        if not of_race:
            return None
        last = max(of_race, key=lambda r: (r.revision, r.position))
        file = self._document(last)
        said = next((x for x in file.lanes if x.lane == lane.lane), None) if file else None
        time_cs = said.final_cs if said else None
        if said is not None and last.origin != "meetlog":
            agrees = True  # a console's file is combined by rules of its own (PROTOCOLS 3.4)
        else:
            shown = None if lane.status in ("NS", "DNF", "EMPTY") else lane.time_cs
            marks = {"DQ": "DQ", "EMPTY": "EMPTY"}.get(lane.status, "")
            agrees = said is not None and (time_cs, status_of(said)) == (shown, marks)
        return PublishedAs(
            revision=last.revision,
            origin=last.origin,
            name=last.name,
            sha256=last.sha256,
            position=last.position,
            as_of=last.as_of,
            recorded_at=last.recorded_at,
            author=last.author,
            cause=last.cause,
            reason=last.reason,
            time_cs=time_cs,
            time=format_cs(time_cs),
            status=status_of(said) if said else "not in the file",
            agrees=agrees,
        )

    def _document(self, revision: AuditedRevision) -> ResultFile | None:
        if revision.origin == "meetlog":
            return parsed(revision.name, self.papers.documents.get(revision.position, b""))[0]
        seen = self.meet.state.revisions.seen.values()
        return next(
            s.file.result for each in seen for s in each if s.file.position == revision.position
        )

    def _matters(self, read: ExplainedRead, lane: Lane, window: Window) -> bool:
        """Of a chip that was the swimmer's only once, the reads of this race matter."""
        if read.chip in lane.chips:
            return True
        later = window.until is None or read.moment_ns < window.until
        return self.start is not None and window.start <= read.moment_ns and later
