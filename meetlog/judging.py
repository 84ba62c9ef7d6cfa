"""Judging: what each read of a lane's chips is to its times, and why, in words.

It follows the choice that the projections made (`projections.crossings` and
`projections.races`) and puts a reason on everything that was not chosen. The
lane's splits, as the projections give them, say which crossings count.
"""

from collections.abc import Iterable, Iterator, Sequence

from meetlog.show import seconds
from meetlog.verdicts import Crossed, JudgedRead, Verdict, Window
from projections.clock import iso_local
from projections.crossings import SEEN, Feed, Point, Row, choose, rows_of, split
from projections.meet import Meet
from projections.reads import POSITION_BITS, POSITION_MASK, Detail
from projections.rulings import is_void
from projections.views import Split


def judge(
    meet: Meet, window: Window, chips: Iterable[str]
) -> tuple[list[Crossed], list[JudgedRead]]:
    """The crossings that count, and every distinct read of `chips`, the chosen ones included."""
    crossed: list[Crossed] = []
    judged: list[JudgedRead] = []
    for chip in chips:
        for point in meet.points():
            found, reads = _Judging(meet, window, chip, point).all()
            crossed += found
            judged += reads
        judged += _void(meet, chip, meet.points())
    return crossed, judged


class _Judging:
    """The reads of one chip at one point."""

    def __init__(self, meet: Meet, window: Window, chip: str, point: Point) -> None:
        self.meet = meet
        self.window = window
        self.chip = chip
        self.point = point
        self.name = point.settings.name
        self.corrections = meet.corrections(chip)
        self.zone = meet.settings.meet.zone
        self.moments: dict[tuple[int, int, int], int] = {}
        for feed, moment, origin in _columns(meet, chip, point):
            if is_void(self.corrections.reads, self.name, moment) is None:
                corrected = moment + self.corrections.shift_of(feed, moment)
                self.moments[corrected, origin, feed.id] = moment

    def all(self) -> tuple[list[Crossed], list[JudgedRead]]:
        by_feed = self.meet.state.reads.chips.get(self.chip, {})
        reads = self.meet.state.reads
        rows = rows_of(reads, by_feed, self.point, self.corrections)
        crossed: list[Crossed] = []
        judged = list(self._told_twice(rows))
        nth = 0
        for group in split(rows, self.point.settings.gap):
            chosen = choose(reads, group, self.point.settings.rule)
            counted = self._split_of(chosen)
            if counted is None:
                verdict = self._refuse(chosen, nth + 1)
                nth += verdict.why == "other-passing"
                judged += [self._read(row, verdict) for row in group if row[2] is not SEEN]
                continue
            nth += 1
            judged_chosen = (
                None if chosen[2] is SEEN else self._read(chosen, _chosen(group, self.point))
            )
            judged += [] if judged_chosen is None else [judged_chosen]
            judged += [
                self._read(row, self._lost(row, chosen))
                for row in group
                if row is not chosen and row[2] is not SEEN
            ]
            crossed.append(
                Crossed(
                    counted,
                    group[0][0],
                    group[-1][0],
                    sum(row[2] is not SEEN for row in group),
                    judged_chosen,
                    chosen[1] if chosen[2] is SEEN else None,
                )
            )
        return crossed, judged

    def _split_of(self, chosen: Row) -> Split | None:
        """The lane's split that this crossing gives, if it gives one."""
        position = chosen[1] & POSITION_MASK
        for each in self.window.lane.splits:
            if (each.point, each.moment_ns, each.position) == (self.name, chosen[0], position):
                return each
        return None

    def _refuse(self, chosen: Row, nth: int) -> Verdict:
        """Why a whole crossing gives no split."""
        window, moment = self.window, chosen[0]
        if window.nothing is not None:
            return window.nothing
        since, owner = self.meet.owner_at(self.chip, moment)
        if owner not in window.lane.swimmer_ids:
            return _stranger(self.meet, self.chip, owner, since)
        if moment <= window.start:
            before = seconds(window.start - moment)
            return Verdict("before-gun", f"before the gun, by {before}")
        if moment < window.start + window.course.minimum:
            after, least = seconds(moment - window.start), seconds(window.course.minimum)
            return Verdict(
                "before-minimum", f"{after} after the gun: before the minimum time of {least}"
            )
        if window.until is not None and moment >= window.until:
            at = iso_local(window.until, self.zone)
            return Verdict("after-next-start", f"after the swimmer's next start, at {at}")
        if chosen[2] is not SEEN and self._detail(chosen).kind < 2:
            return Verdict(
                "provisional", "only first-seen reads: such a crossing is provisional, not official"
            )
        wanted = [leg.passing for leg in window.course.legs if leg.point == self.name]
        if not wanted:
            return Verdict("not-in-course", f"the course of this event has no {self.name}")
        if self._beside(moment):
            return Verdict(
                "other-chip", "another chip of the lane passed with it, and gives the time"
            )
        counts = " and ".join(map(_ordinal, wanted))
        return Verdict(
            "other-passing",
            f"the {_ordinal(nth)} passing of {self.name} after the gun; the course takes the "
            f"{counts}",
        )

    def _beside(self, moment: int) -> bool:
        gap = self.point.settings.gap
        return any(
            each.point == self.name and abs(each.moment_ns - moment) <= gap
            for each in self.window.lane.splits
        )

    def _lost(self, row: Row, chosen: Row) -> Verdict:
        """Why a read of a crossing that counts is not the one that gives its moment."""
        if chosen[2] is SEEN:
            return Verdict(
                "outranked", f"statement {chosen[1]} says when it was seen to cross", chosen[1]
            )
        mine, best = self._detail(row), self._detail(chosen)
        if mine.kind < best.kind:
            return Verdict("first-seen", "first-seen: superseded by a best-seen read")
        if row[2].backup and not chosen[2].backup:
            return Verdict("backup", "of the backup, while the main feed has a read")
        rule = self.point.settings.rule
        if rule == "best" and mine.rssi != best.rssi:
            told = "without a signal strength" if mine.rssi is None else f"{mine.rssi} dBm"
            return Verdict("weaker", f"weaker signal: {told}, the chosen has {best.rssi} dBm")
        apart = seconds(abs(row[0] - chosen[0]))
        if row[0] < chosen[0]:
            return Verdict("earlier", f"{apart} earlier; the rule takes the last")
        if row[0] > chosen[0]:
            first = "of equal signals the first counts" if rule == "best" else "the first counts"
            return Verdict("later", f"{apart} later; {first}")
        return Verdict("later", "at the same moment; the order of readers and antennas decides")

    def _told_twice(self, rows: Sequence[Row]) -> Iterator[JudgedRead]:
        """Reads that the rows leave out because another feed of the point told them too."""
        feeds = {feed.id: feed for feed in self.point.feeds}
        there = {(row[0], row[1], row[2].id) for row in rows}
        verdict = Verdict("same-detection", "two feeds of the point told this detection: it is one")
        for corrected, origin, feed in self.moments.keys() - there:
            yield self._read((corrected, origin, feeds[feed]), verdict)

    def _detail(self, row: Row) -> Detail:
        return self.meet.state.reads.details[row[1] >> POSITION_BITS]

    def _read(self, row: Row, verdict: Verdict) -> JudgedRead:
        moment = self.moments[row[0], row[1], row[2].id]
        return _judged(self.meet, self.chip, self.name, row, moment, verdict)


def _columns(meet: Meet, chip: str, point: Point) -> Iterator[tuple[Feed, int, int]]:
    """Every distinct read of a chip at a point: its feed, unshifted moment and origin."""
    by_feed = meet.state.reads.chips.get(chip, {})
    for feed in point.feeds:
        columns = by_feed.get(feed.id)
        if columns is not None:
            for moment, origin in zip(columns.moments, columns.origins, strict=True):
                yield feed, moment, origin


def _void(meet: Meet, chip: str, points: Iterable[Point]) -> Iterator[JudgedRead]:
    corrections = meet.corrections(chip)
    if not corrections.reads:
        return
    authors = {s.position: s.statement for s in meet.state.stated}
    for point in points:
        name = point.settings.name
        for feed, moment, origin in _columns(meet, chip, point):
            ruling = is_void(corrections.reads, name, moment)
            if ruling is None:
                continue
            said = authors[ruling.position]
            because = f": {said.reason}" if said.reason else ""
            verdict = Verdict(
                "void",
                f"voided by {said.author} in statement {ruling.position}{because}",
                ruling.position,
            )
            row = (moment + corrections.shift_of(feed, moment), origin, feed)
            yield _judged(meet, chip, name, row, moment, verdict)


def _judged(  # noqa: PLR0917 - a read at a point, and the verdict on it
    meet: Meet, chip: str, point: str, row: Row, moment: int, verdict: Verdict
) -> JudgedRead:
    reads = meet.state.reads
    source, wire_point = reads.feeds[row[2].id]
    return JudgedRead(
        chip=chip,
        point=point,
        feed=row[2],
        source=source,
        wire_point=wire_point,
        moment=moment,
        corrected=row[0],
        detail=reads.details[row[1] >> POSITION_BITS],
        origin=row[1] & POSITION_MASK,
        verdict=verdict,
    )


def _stranger(meet: Meet, chip: str, owner: str, since: int) -> Verdict:
    """The chip was somebody else's at that moment, or nobody's; and who said so."""
    statement = next(
        (
            s.position
            for s in reversed(meet.rulings().in_force)
            if (getattr(s.statement, "chip", ""), getattr(s.statement, "since", -1))
            == (chip, since)
        ),
        None,
    ) if since else None  # fmt: skip
    if not owner:
        then = " at that time" if statement else ""
        return Verdict("unknown-chip", f"unknown chip: it was nobody's{then}", statement)
    name = meet.name_of(owner)
    who = f"{name} ({owner})" if name else f"swimmer {owner}"
    if statement:
        words = f"the chip was {who}'s at that time, says statement {statement}"
    else:
        words = f"not this swimmer's chip, but {who}'s by the chip table"
    return Verdict("not-assigned", words, statement)


def _chosen(group: Sequence[Row], point: Point) -> Verdict:
    others = sum(row[2] is not SEEN for row in group) - 1
    if not others:
        return Verdict("chosen", "the only read of this crossing")
    words = {
        "best": "best-seen before first-seen, main before backup, then the strongest signal, then "
        "the earliest",
        "first": "best-seen before first-seen, main before backup, then the earliest",
        "last": "best-seen before first-seen, main before backup, then the latest",
    }[point.settings.rule]
    return Verdict(
        "chosen", f"chosen of {others + 1} reads by the rule {point.settings.rule}: {words}"
    )


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
