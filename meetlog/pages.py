"""Pages: a race as one HTML page to print, for a protest file.

It is pure: views in, text out. The page needs nothing but itself: no script,
no picture, no font, no address. It says everything in words, so that it reads
the same in black and white. Names and bytes come from anybody, and are only
ever text on it.
"""

from collections.abc import Iterable, Sequence
from html import escape

import msgspec

from meetlog.auditing import AuditedRevision, Change
from meetlog.explanations import ExplainedRead, Explanation, Said
from meetlog.output import visible
from meetlog.show import STATUS_WORDS, count, local, race_name, splits, to_ms
from meetlog.show_audit import (
    KINDS,
    bytes_of,
    chain,
    clock,
    outcome,
    revision_title,
    sorted_out,
    spans,
    where_of,
    why_of,
)
from projections.rounding import format_cs
from projections.views import Lane, Race

GENERATOR = '<meta name="generator" content="meetlog">'
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
@page { size: A4; margin: 16mm 14mm 18mm; }
* { box-sizing: border-box; }
body { font: 9.5pt/1.35 "Helvetica Neue", Arial, "Liberation Sans", sans-serif; color: #000;
  background: #fff; margin: 0 auto; max-width: 190mm; padding: 6mm 2mm; }
h1 { font-size: 15pt; margin: 0 0 1mm; }
h2 { font-size: 12pt; margin: 7mm 0 2mm; border-bottom: 1.5pt solid #000; padding-bottom: 0.5mm;
  break-after: avoid; }
h3 { font-size: 10pt; margin: 4mm 0 1mm; break-after: avoid; }
p { margin: 0 0 1.5mm; }
table { border-collapse: collapse; width: 100%; margin: 1mm 0 2mm; }
th, td { border-bottom: 0.5pt solid #777; padding: 0.7mm 2mm 0.7mm 0; text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
th { border-bottom: 1pt solid #000; font-weight: bold; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
.n { text-align: right; padding-right: 3mm; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.t { white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { margin: 0 0 2mm; }
dt { font-weight: bold; margin-top: 1.2mm; break-after: avoid; }
dd { margin: 0 0 0 5mm; overflow-wrap: anywhere; }
code { font: 8pt/1.3 "DejaVu Sans Mono", Consolas, "Liberation Mono", monospace;
  word-break: break-all; }
.lane { break-before: page; }
.note { border: 1pt solid #000; padding: 1mm 2mm; }
.small, .small td, .small th { font-size: 8pt; }
.seal { border: 1.5pt solid #000; padding: 2mm 3mm; margin: 3mm 0; break-inside: avoid; }
.seal b code { font-size: 11pt; }
@media print { body { padding: 0; max-width: none; } }
"""


class Imprint(msgspec.Struct, frozen=True):
    """What the page was made from: the meet, the log up to `position`, its seal; and when.

    `hash` is the head's, in hex; `seal` the code that stands for it. The texts of moments are ISO.
    """

    meet: str
    zone: str
    position: int
    recorded_at: str
    hash: str
    seal: str
    version: str
    printed_at: str


def protest_page(
    race: Race,
    revisions: Sequence[AuditedRevision],
    statements: Sequence[Said],
    explanations: Sequence[Explanation],
    imprint: Imprint,
) -> str:
    """The whole page: results, revisions, statements, and each lane down to the bytes."""
    name = race_name(race)
    heading = f"{name[0].upper()}{name[1:]}"
    body = [
        f"<h1>{_text(heading)}</h1>",
        f"<p>{_text(imprint.meet)}. {_text(_standing(race))}. Times of day in "
        f"{_text(imprint.zone)}.</p>",
        _seal(imprint),
        "<h2>Results</h2>",
        _results(race),
        f"<h2>Revisions ({len(revisions)})</h2>",
        *(_revision(each, race) for each in revisions),
        "" if revisions else "<p>Nothing was published.</p>",
        f"<h2>Statements about the race ({len(statements)})</h2>",
        _statements(statements),
        *(_lane(each) for each in explanations),
        "<h2>How to check this page</h2>",
        _advice(imprint),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{GENERATOR}\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{_text(heading)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _text(value: object) -> str:
    """A text as text: markup is none, and what would steer a reader's eye is written out."""
    return escape(visible(str(value)).plain, quote=True)


def _who(name: object) -> str:
    """A name, which may run from right to left, without turning the line around it."""
    return f"<bdi>{_text(name)}</bdi>"


def _standing(race: Race) -> str:
    facts: list[str] = [race.state]
    if race.start:
        facts.append(f"started {local(race.start)}")
    facts.append(f"revision {race.revision}" if race.revision else "not published")
    return ", ".join(facts).capitalize()


def _seal(imprint: Imprint) -> str:
    return (
        f'<div class="seal"><p>Seal of the log: <b><code>{_text(imprint.seal)}</code></b></p>'
        f'<p class="small">Made from {count(imprint.position, "event")}, the last recorded '
        f"{_text(to_ms(imprint.recorded_at))}. Head of the log: "
        f"<code>{_text(imprint.hash)}</code>. Printed {_text(to_ms(imprint.printed_at))} by "
        f"meetlog {_text(imprint.version)}.</p></div>"
    )


def _table(
    columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], kind: str = ""
) -> str:
    """A table of cells that are HTML already; each column is its name and its class."""
    head = "".join(f'<th class="{css}">{_text(name)}</th>' for name, css in columns)
    lines = [
        "<tr>"
        + "".join(
            f'<td class="{css}">{cell}</td>' for (_, css), cell in zip(columns, cells, strict=True)
        )
        + "</tr>"
        for cells in rows
    ]
    return (
        f'<table class="{kind}"><thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table>"
    )


def _results(race: Race) -> str:
    columns = [("place", "n"), ("lane", "n"), ("name", ""), ("team", ""), ("time", "n"),
               ("status", ""), ("splits", "")]  # fmt: skip
    return _table(columns, (_result(lane) for lane in race.lanes))


def _result(lane: Lane) -> list[str]:
    status = STATUS_WORDS.get(lane.status, lane.status)
    if lane.note:
        status = f"{status}: {lane.note}" if status else lane.note
    return [
        "" if lane.place is None else str(lane.place),
        str(lane.lane),
        _who(lane.name or ", ".join(lane.swimmer_ids)),
        _who(lane.team),
        _text(format_cs(lane.time_cs)),
        _text(status),
        _text(splits(lane)),
    ]


def _revision(revision: AuditedRevision, race: Race) -> str:
    combined = revision.event != race.event
    event = f"Event {revision.event}, swum together: " if combined else ""
    parts = [
        f"<h3>{_text(revision_title(revision))}</h3>",
        f"<p>{_text(event + why_of(revision))}</p>",
        f'<p class="small">File <code>{_text(revision.name)}</code>, SHA-256 '
        f"<code>{_text(revision.sha256)}</code>, {_text(where_of(revision))}.</p>",
    ]
    if revision.problem:
        parts.append(f'<p class="note">{_text(revision.problem)}</p>')
    elif revision.changes:
        columns = [("lane", "n"), ("name", ""), ("what", ""), ("before", "t"), ("now", "t")]
        parts.append(_table(columns, map(_change, revision.changes)))
    else:
        parts.append("<p>It says the same as the revision before.</p>")
    return "\n".join(parts)


def _change(change: Change) -> list[str]:
    lane = "race" if change.lane is None else str(change.lane)
    return [lane, _who(change.name), *map(_text, (change.field, change.old, change.new))]


def _statements(statements: Sequence[Said]) -> str:
    if not statements:
        return "<p>Nobody said anything about it.</p>"
    columns = [("event", "n"), ("said", ""), ("by", ""), ("what", ""), ("reason", ""),
               ("state", "")]  # fmt: skip
    return _table(columns, map(_statement, statements), "small")


def _statement(said: Said) -> list[str]:
    state = "in force" if said.withdrawn_by is None else f"withdrawn by {said.withdrawn_by}"
    by = f"{_who(said.author)} by {_text(said.channel)}, proven by {_text(said.proof)}"
    told = map(_text, (said.words, said.reason, state))
    return [str(said.position), _text(to_ms(said.at)), by, *told]


def _lane(e: Explanation) -> str:
    steps = []
    for name, lines in chain(e):
        steps.append(f"<dt>{_text(name[0].upper() + name[1:])}</dt>")
        steps += [f"<dd>{_line(line, e)}</dd>" for line in lines]
    parts = [
        f'<h2 class="lane">Lane {e.lane}: {_who(e.name or "nobody")}: {_text(outcome(e))}</h2>',
        f'<p class="note">{_text(e.note)}</p>' if e.note else "",
        f"<p>Chips: {_text(', '.join(e.chips) or 'none that were read')}.</p>",
        f"<dl>{chr(10).join(steps)}</dl>" if steps else "",
        "<h3>Reads of the swimmer's chips that were not chosen</h3>",
        _others(e),
    ]
    return "\n".join(part for part in parts if part)


def _line(line: str, e: Explanation) -> str:
    """A line of the chain; bytes are set as such."""
    return f"<code>{_text(line)}</code>" if line in _quotations(e) else _text(line)


def _quotations(e: Explanation) -> set[str]:
    raws = [e.start.raw if e.start else None, *(x.chosen.raw for x in e.legs if x.chosen)]
    return {bytes_of(raw) for raw in raws if raw is not None}


def _others(e: Explanation) -> str:
    here, away = sorted_out(e)
    columns = [("moment", "t"), ("point", ""), ("chip", ""), ("kind", "t"), ("signal", "n"),
               ("from", "t"), ("event", "n"), ("bytes", "t"), ("why not", "")]  # fmt: skip
    table = _table(columns, map(_other, here), "small") if here else "<p>None of this swim.</p>"
    told = [f"{count(number, 'read')} {when}" for when, number in away.items()]
    rest = f'<p class="small">Besides: {_text(", ".join(told))}.</p>' if told else ""
    return table + rest


def _other(read: ExplainedRead) -> list[str]:
    signal = "" if read.rssi is None else f"{read.rssi} dBm"
    cells = (
        clock(read.moment), read.point, read.chip, KINDS.get(read.kind, read.kind), signal,
        read.source, read.position, spans(read.raw), read.reason,
    )  # fmt: skip
    return [_text(cell) for cell in cells]


def _advice(imprint: Imprint) -> str:
    return (
        f"<p>Every event named here is in the log. <code>meetlog verify LOG --code "
        f"{_text(imprint.seal)}</code> proves that a log has exactly the past that this page was "
        "made from. <code>meetlog events --raw --after N --limit 1</code> shows the bytes of event "
        "N + 1, counted from byte 0. <code>meetlog replay LOG --into DIR</code> computes every "
        "published file again from what was received.</p>"
    )
