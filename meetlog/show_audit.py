"""Audits and explanations as lines and tables for people; see `show` for the manner."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from meetlog.auditing import AuditedRevision, Change
from meetlog.explanations import ExplainedLeg, ExplainedRead, Explanation, Raw, Said
from meetlog.output import Rows, visible
from meetlog.show import STATUS_WORDS, count, local, seconds, to_ms

if TYPE_CHECKING:
    from rich.text import Text

KINDS = {0: "gun", 1: "first-seen", 2: "best-seen"}
# Why a read has nothing to do with this swim, whatever it says: shown as a number of them.
_ELSEWHERE = {"before-gun": "before the gun", "after-next-start": "after the next start"}


def revision_lines(revision: AuditedRevision) -> "Iterator[Text]":
    """When, by whom or what, why, which file, and where it stands in the log."""
    yield visible(f"{revision_title(revision)}: {why_of(revision)}", "bold")
    yield visible(f"  file {revision.name}")
    yield visible(f"  sha256 {revision.sha256}")
    yield visible(f"  {where_of(revision)}")
    if revision.problem:
        yield visible(f"  {revision.problem}")
    elif not revision.changes:
        yield visible("  It says the same as the revision before.")


def revision_title(revision: AuditedRevision) -> str:
    """`Revision 2, 2026-06-14 09:02:11.5, by Ada`."""
    who = "the console" if revision.origin == "time-drops" else revision.author
    return f"Revision {revision.revision}, {to_ms(revision.recorded_at)}, by {who}"


def why_of(revision: AuditedRevision) -> str:
    """The cause, and the reason that was given."""
    return f"{revision.cause}: {revision.reason}" if revision.reason else revision.cause


def where_of(revision: AuditedRevision) -> str:
    """The events: which has it, which it was decided on, which it is compared with."""
    parts = [f"event {revision.position}"]
    if revision.as_of is not None:
        parts.append(f"decided on the log up to event {revision.as_of}")
    if revision.before is None:
        parts.append("the first one")
    else:
        parts.append(f"compared with the one in event {revision.before}")
    return ", ".join(parts)


def changes_table(changes: Iterable[Change]) -> Rows:
    """One row per change."""
    table = Rows("lane", "name", "what", "before", "now", right=("lane",))
    for c in changes:
        lane = "race" if c.lane is None else c.lane
        table.add(lane, c.name, c.field, c.old, c.new)
    return table


# -- explanations ------------------------------------------------------------------


def explanation_lines(e: Explanation) -> "Iterator[Text]":
    """The chain, a step after the other, without the reads that were not chosen."""
    yield visible(f"{title(e)}: {outcome(e)}", "bold")
    if e.note:
        yield visible(f"  NOTE {e.note}", "yellow")
    for name, lines in chain(e):
        yield visible(f"  {name}", "bold")
        for line in lines:
            yield visible(f"    {line}")


def title(e: Explanation) -> str:
    """`Session 1, event 4A, heat 2 (race 7), lane 3, Ada Lovelace`."""
    who = f", {e.name}" if e.name else ""
    return (
        f"Session {e.session}, event {e.event}, heat {e.heat} (race {e.race_number}), "
        f"lane {e.lane}{who}"
    )


def outcome(e: Explanation) -> str:
    """`27.24, place 1`; a status in words."""
    found = [e.time or "no time"] if e.time or not e.status else []
    if e.status:
        found.append(STATUS_WORDS.get(e.status, e.status))
    if e.place is not None:
        found.append(f"place {e.place}")
    return ", ".join(found)


def chain(e: Explanation) -> Iterator[tuple[str, list[str]]]:
    """The steps from the published file down to the bytes: what each is, and its lines."""
    if e.published is not None:
        p = e.published
        says = p.status or p.time or "no time"
        because = f"{p.cause}: {p.reason}" if p.reason else p.cause
        decided = "" if p.as_of is None else f", decided on the log up to event {p.as_of}"
        yield (
            "published",
            [
                f"{says} in revision {p.revision}, {to_ms(p.recorded_at)}, by {p.author}: "
                f"{because}",
                f"{p.name}, sha256 {p.sha256[:16]}, event {p.position}{decided}",
            ],
        )
    if e.time_statement is not None:
        yield "time said", list(said_lines(e.time_statement))
    if e.console is not None:
        yield "the console's file", list(raw_lines(e.console, quote=False))
    if e.start is not None:
        yield "start", list(_start_lines(e))
    for leg in e.legs:
        yield _leg_name(leg), list(_leg_lines(leg))


def _start_lines(e: Explanation) -> Iterator[str]:
    start = e.start
    if start is None:
        return
    if start.statement is not None:
        yield f"{local(start.moment)}, as said:"
        yield from said_lines(start.statement)
    if start.raw is not None:
        told = "the gun was" if start.statement is not None else f"{local(start.moment)}: a gun,"
        corrected = _corrected(start.shift_ns)
        yield f"{told} told by {start.source} at {start.feed}, stamp {start.stamp}{corrected}"
        yield from raw_lines(start.raw)


def _leg_name(leg: ExplainedLeg) -> str:
    where = f"{leg.distance} at {leg.point}" if leg.distance else leg.point
    return f"{'finish' if leg.finish else 'split'} {where}"


def _leg_lines(leg: ExplainedLeg) -> Iterator[str]:
    if leg.time_cs is None:
        least = f", at least {seconds(leg.minimum_ns)} after the gun" if leg.minimum_ns else ""
        yield f"no time: {leg.reason} (passing {leg.passing} of {leg.point}{least})"
        return
    yield f"{leg.time}: crossed at {local(leg.moment)}, passing {leg.passing}"
    if leg.statement is not None:
        yield "somebody saw it, and that outranks the readers:"
        yield from said_lines(leg.statement)
    if leg.reads:
        yield (
            f"{count(leg.reads, 'read')} from {clock(leg.first)} to {clock(leg.last)}, "
            f"no pause above the gap of {seconds(leg.gap_ns)}; rule {leg.rule}"
        )
    if leg.chosen is not None:
        yield leg.chosen.reason
        yield f"read: {read_words(leg.chosen)}"
        if leg.chosen.raw is not None:
            yield from raw_lines(leg.chosen.raw)


def read_words(read: ExplainedRead) -> str:
    """What a read says: chip, kind, where, its stamp as sent, and its signal."""
    signal = "" if read.rssi is None else f", {read.rssi} dBm"
    backup = " (backup)" if read.backup else ""
    feed = f"{read.source} at {read.feed}{backup}"
    reader = f", reader {read.reader}" if read.reader else ""
    return (
        f"chip {read.chip}, {KINDS.get(read.kind, read.kind)}, by {feed}{reader}, antenna "
        f"{read.antenna}{signal}, stamp {read.stamp}{_corrected(read.shift_ns)}"
    )


def _corrected(shift_ns: int) -> str:
    return f", corrected by {'+' if shift_ns > 0 else ''}{seconds(shift_ns)}" if shift_ns else ""


def raw_lines(raw: Raw, *, quote: bool = True) -> Iterator[str]:
    """Where the bytes are, and the bytes."""
    via = f"connection {raw.connection} of {raw.source} ({raw.protocol}"
    via += f", {raw.peer}, opened in event {raw.opened})"
    yield f"{where(raw)}, {via if raw.connection else f'a file from {raw.source}'}"
    if quote:
        yield bytes_of(raw)
    if not raw.exact:
        yield "These bytes alone do not give this read again: look at the events around them."


def where(raw: Raw) -> str:
    """`event 127, bytes 0 to 59`; each part where the bytes lie in several events."""
    parts = [
        f"event {p.position}, bytes {p.offset} to {p.offset + p.length - 1}" for p in raw.parts
    ]
    return " and ".join(parts)


def bytes_of(raw: Raw) -> str:
    """The bytes as text with their line ends written out, or as hex."""
    if raw.text is None:
        return f"hex {raw.hex}"
    return raw.text.replace("\r", "\\r").replace("\n", "\\n")


def said_lines(said: Said) -> Iterator[str]:
    """A statement: what it says, by whom, why, where it stands."""
    because = f": {said.reason}" if said.reason else ""
    gone = "" if said.withdrawn_by is None else f"; withdrawn by statement {said.withdrawn_by}"
    when = f", {to_ms(said.at)}" if said.at else ""
    yield (
        f"event {said.position}{when}, {said.author} by {said.channel} "
        f"(proven by {said.proof}){because}{gone}"
    )
    yield said.words


def statements_table(statements: Iterable[Said]) -> Rows:
    """One row per statement."""
    table = Rows("event", "said", "by", "what", "reason", "state", right=("event",))
    for s in statements:
        state = "in force" if s.withdrawn_by is None else f"withdrawn by {s.withdrawn_by}"
        table.add(s.position, to_ms(s.at), f"{s.author} ({s.channel})", s.words, s.reason, state)
    return table


def others_table(reads: Iterable[ExplainedRead]) -> Rows:
    """One row per read that was not chosen: where its bytes are, and why."""
    table = Rows(
        "moment", "point", "chip", "kind", "signal", "from", "event", "bytes", "why not",
        right=("event",),
    )  # fmt: skip
    for r in reads:
        table.add(
            clock(r.moment), r.point, r.chip, KINDS.get(r.kind, r.kind),
            "" if r.rssi is None else r.rssi, r.source,
            r.position, spans(r.raw), r.reason,
        )  # fmt: skip
    return table


def spans(raw: Raw | None) -> str:
    """`0-59`; of several events, `12: 40-101, 13: 0-17`."""
    if raw is None:
        return ""
    told = [f"{p.offset}-{p.offset + p.length - 1}" for p in raw.parts]
    if len(told) == 1:
        return told[0]
    return ", ".join(f"{p.position}: {t}" for p, t in zip(raw.parts, told, strict=True))


def sorted_out(e: Explanation) -> tuple[list[ExplainedRead], dict[str, int]]:
    """The reads of this swim, and how many are of others, by when; copies go with their read."""
    away = {_said(r): when for r in e.others if (when := _elsewhere(e, r))}
    here = [r for r in e.others if _said(r) not in away]
    return here, dict(Counter(away[_said(r)] for r in e.others if _said(r) in away))


def _elsewhere(e: Explanation, read: ExplainedRead) -> str:
    """When a read was that has nothing to do with this swim, whatever else is said of it."""
    if read.why == "void" and e.start is not None:
        if read.moment_ns <= e.start.moment_ns:
            return _ELSEWHERE["before-gun"]
        if e.until_ns is not None and read.moment_ns >= e.until_ns:
            return _ELSEWHERE["after-next-start"]
    return _ELSEWHERE.get(read.why, "")


def _said(read: ExplainedRead) -> tuple[str, str, str, int, int, str, int]:
    return (
        read.chip, read.source, read.feed, read.moment_ns, read.kind, read.reader, read.antenna,
    )  # fmt: skip


def clock(iso: str) -> str:
    """The time of day of an ISO text."""
    return local(iso)[11:]
